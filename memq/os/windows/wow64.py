"""What 32-bit code keeps in the memory of a process on 64-bit Windows (WOW64).

The kernel's types have none of it. The layouts are those of the same structures of 32-bit Windows;
where they changed with a release, the kernel's own 64-bit structure tells which one it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.node import dataclass
from memq.os.common import joined_text
from memq.symbols.types import Member, StructType, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from memq.column import Indexes, Text
    from memq.os.windows.kernel import WindowsKernel
    from memq.symbols.structs import Structs
    from memq.symbols.types import Types

_LAYOUTS = "layouts of 32-bit code"


@dataclass(frozen=True, slots=True)
class Either:
    """Structures of a program's memory, some of them in the layout of 32-bit code."""

    native: Structs
    wow64: Structs
    is_wow64: NDArray[np.bool_]
    """Which rows are of 32-bit code; `native` and `wow64` are each the rows that are theirs."""

    def take(self, index: Indexes) -> Either:
        """Return some of the rows."""
        which = self.is_wow64[index]
        places = np.where(self.is_wow64, np.cumsum(self.is_wow64), np.cumsum(~self.is_wow64)) - 1
        own = places[index]
        return Either(self.native.take(own[~which]), self.wow64.take(own[which]), which)

    def column(self, read: Callable[[Structs], Column]) -> Column:
        """Return numbers that are read of the structures of either sort."""
        native, wow64 = read(self.native), read(self.wow64)
        if not len(wow64):
            return native
        values = np.zeros(len(self.is_wow64), native.values.dtype)
        status = np.zeros(len(self.is_wow64), np.uint8)
        for rows, part in ((~self.is_wow64, native), (self.is_wow64, wow64)):
            values[rows], status[rows] = part.values.astype(values.dtype), part.statuses
        return Column(values, status if status.any() else None)

    def text(self, read: Callable[[Structs], Text]) -> Text:
        """Return texts that are read of the structures of either sort."""
        if not len(self.wow64):
            return read(self.native)
        rows = np.flatnonzero(~self.is_wow64), np.flatnonzero(self.is_wow64)
        parts = [(rows[0], read(self.native)), (rows[1], read(self.wow64))]
        return joined_text(len(self.is_wow64), parts)


@dataclass(frozen=True, slots=True)
class Layouts:
    """Structures of 32-bit code."""

    block: StructType
    """_PEB"""
    parameters: StructType
    """_RTL_USER_PROCESS_PARAMETERS"""
    loader: StructType
    """_PEB_LDR_DATA"""
    entry: StructType
    """_LDR_DATA_TABLE_ENTRY"""
    node: StructType
    """_LDR_DDAG_NODE"""


def layouts(kernel: WindowsKernel) -> Layouts:
    """Return the layouts that belong to a kernel, made once for each."""
    found = kernel.facts.get(_LAYOUTS)
    if not isinstance(found, Layouts):
        found = kernel.facts[_LAYOUTS] = _made(kernel.types)
    return found


def _made(types: Types) -> Layouts:
    pointer = Type("int", "unsigned long", 4)
    short = Type("int", "unsigned short", 2)
    links = _struct("_LIST_ENTRY", 8, {"Flink": (0, pointer), "Blink": (4, pointer)})
    text = _struct(
        "_UNICODE_STRING",
        8,
        {"Length": (0, short), "MaximumLength": (2, short), "Buffer": (4, pointer)},
    )
    return Layouts(
        _struct(
            "_PEB",
            0x14,
            {
                "ImageBaseAddress": (0x08, pointer),
                "Ldr": (0x0C, pointer),
                "ProcessParameters": (0x10, pointer),
            },
        ),
        _parameters(types, pointer, _embedded(text)),
        _struct(
            "_PEB_LDR_DATA",
            0x24,
            {
                "InLoadOrderModuleList": (0x0C, _embedded(links)),
                "InMemoryOrderModuleList": (0x14, _embedded(links)),
                "InInitializationOrderModuleList": (0x1C, _embedded(links)),
            },
        ),
        _entry(types, pointer, _embedded(text), _embedded(links)),
        _struct("_LDR_DDAG_NODE", 0x10, {"LoadCount": (0x0C, pointer)}),
    )


def _parameters(types: Types, pointer: Type, text: Type) -> StructType:
    directory = _struct("_CURDIR", 12, {"DosPath": (0, text)})
    members = {
        "MaximumLength": (0x00, pointer),
        "Flags": (0x08, pointer),
        "CurrentDirectory": (0x24, _embedded(directory)),
        "ImagePathName": (0x38, text),
        "CommandLine": (0x40, text),
        "Environment": (0x48, pointer),
        "WindowTitle": (0x70, text),
        "DesktopInfo": (0x78, text),
    }
    own = types.struct("_RTL_USER_PROCESS_PARAMETERS")
    if own is not None and own.has("EnvironmentSize"):  # since 6000
        members["EnvironmentSize"] = (0x290, pointer)
    return _struct("_RTL_USER_PROCESS_PARAMETERS", 0x298, members)


def _entry(types: Types, pointer: Type, text: Type, links: Type) -> StructType:
    members = {
        "InLoadOrderLinks": (0x00, links),
        "InMemoryOrderLinks": (0x08, links),
        "InInitializationOrderLinks": (0x10, links),
        "DllBase": (0x18, pointer),
        "EntryPoint": (0x1C, pointer),
        "SizeOfImage": (0x20, pointer),
        "FullDllName": (0x24, text),
        "BaseDllName": (0x2C, text),
        "LoadCount": (0x38, Type("int", "unsigned short", 2)),
        "TimeDateStamp": (0x44, pointer),
    }
    own = types.struct("_LDR_DATA_TABLE_ENTRY")
    time = Type("int", "long long", 8, signed=True)
    size = 0x50
    if own is not None and own.has("LoadReason"):  # since 9200
        del members["LoadCount"]  # as the kernel's own, obsolete: DdagNode has it
        members["DdagNode"] = (0x50, pointer)
        members["LoadTime"] = (0x88, time)
        members["LoadReason"] = (0x94, Type("int", "long", 4, signed=True))
        size = 0x98
    elif own is not None and own.has("LoadTime"):  # since 7600
        members["LoadTime"] = (0x70, time)
        size = 0x78
    return _struct("_LDR_DATA_TABLE_ENTRY", size, members)


def _struct(name: str, size: int, members: Mapping[str, tuple[int, Type]]) -> StructType:
    found = {key: Member(key, offset, type_) for key, (offset, type_) in members.items()}
    return StructType(name, "struct", size, found)


def _embedded(layout: StructType) -> Type:
    return Type("struct", layout.name, layout.size, layout_link=lambda: layout)
