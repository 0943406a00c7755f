"""What lies at addresses of the kernel: which loaded module, and which symbol.

The kernel's image has symbols of its table; of other modules those are known that they export.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text, distinct_numbers, text_column
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_addresses
from memq.os.listwalk import ListWalk
from memq.os.module_ranges import ModuleRanges
from memq.os.windows.pe import exports, read_image
from memq.os.windows.strings import unicode_text
from memq.schema.batch import Cut
from memq.symbols.tables import ImageSymbols

if TYPE_CHECKING:
    from memq.column import Addresses, Column, Indexes
    from memq.layers.triage import TriageParts
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

NEAR = 1 << 16
"""Bytes behind a symbol that may still be its function."""
_ADDRESS_LIMIT = (1 << 64) - 1
_RANGES = "module ranges"


@dataclass(frozen=True, slots=True)
class Ranges(ModuleRanges):
    """Which module is where, and which symbols it has."""

    kernel: WindowsKernel

    def symbols(self, addresses: Addresses) -> list[tuple[str, int] | None]:
        """Return the last symbol of its module at or before each address, and the distance."""
        found: list[tuple[str, int] | None] = [None] * len(addresses)
        rows = self.index(addresses)
        for row in distinct_numbers(rows[rows >= 0]).tolist():
            table = self._exported(row)
            places = np.flatnonzero(rows == row)
            for place, symbol in zip(
                places.tolist(), table.symbols_at(addresses[places]), strict=True
            ):
                found[place] = symbol
        return found

    def named(self, name: str) -> list[tuple[str, int]]:
        """Return module and address of each symbol of that name, in the order of the modules."""
        found = []
        for row, module in enumerate(self.labels.to_list()):
            address = self._exported(row).address(name)
            if address is not None:
                found.append((module or "", address))
        return found

    def _exported(self, row: int) -> ImageSymbols:
        base = int(self.modules["DllBase"].values[row])
        image = read_image(self.kernel.space, base)
        rvas = {} if image is None else exports(self.kernel.space, image)
        return ImageSymbols(base, rvas)


def loaded_type(kernel: WindowsKernel) -> str:
    """Return the name of the structure that the kernel keeps of a module that it has loaded."""
    # 14393 and later have a type of its own; the public tables of both begin the same way.
    kernels = "_KLDR_DATA_TABLE_ENTRY"
    return kernels if kernel.types.struct(kernels) is not None else "_LDR_DATA_TABLE_ENTRY"


def module_list(kernel: WindowsKernel, run: Run) -> ListWalk:
    """Return the walk over the kernel's list of loaded modules."""
    offset = kernel.types.required(loaded_type(kernel)).offset("InLoadOrderLinks")
    head = kernel.symbol("PsLoadedModuleList")
    return ListWalk(kernel, run, "list of loaded modules", head, offset)


def module_ranges(kernel: WindowsKernel, run: Run) -> Ranges:
    """Return where the modules on the kernel's list are; they are read once."""
    known = kernel.facts.get(_RANGES)
    if isinstance(known, Ranges):
        return known
    if kernel.triage is None:
        walk = module_list(kernel, run)
        modules = kernel.structs(loaded_type(kernel), np.fromiter(walk, np.uint64))
        found = ranges_of(kernel, modules, walk.cut)
    else:
        found = _told(kernel, kernel.triage)
    kernel.facts[_RANGES] = found
    return found


def _told(kernel: WindowsKernel, parts: TriageParts) -> Ranges:
    """Return where the modules are that a triage minidump names itself."""
    drivers = sorted(parts.drivers, key=lambda one: one.base)
    starts = np.array([one.base for one in drivers], np.uint64)
    ends = np.array([min(one.base + one.size, _ADDRESS_LIMIT) for one in drivers], np.uint64)
    nowhere = np.zeros(len(drivers), np.uint64)
    lost = np.full(len(drivers), Reason.NOT_IN_DUMP, np.uint8)
    modules = kernel.structs(loaded_type(kernel), nowhere, lost)
    labels = text_column([one.name and one.name.rpartition("\\")[2] for one in drivers])
    rows = np.arange(len(drivers))
    is_cut = len(drivers) < parts.driver_count
    cut = Cut(Reason.NOT_IN_DUMP, "not all drivers are in the dump") if is_cut else None
    return Ranges(starts, ends, rows, modules, labels, cut, kernel)


def ranges_of(kernel: WindowsKernel, modules: Structs, cut: Cut | None) -> Ranges:
    """Return where the modules are; one whose place cannot be read is as one that is missing."""
    base, size = modules["DllBase"], modules["SizeOfImage"]
    starts = base.values.astype(np.uint64)
    sizes = np.minimum(size.values.astype(np.uint64), np.uint64(_ADDRESS_LIMIT) - starts)
    good = base.known & size.known & (sizes > 0)
    lost = np.flatnonzero(~(base.known & size.known))
    if len(lost) and cut is None:
        reason = Reason(int(max(base.statuses[lost[0]], size.statuses[lost[0]])))
        cut = Cut(reason, f"places of {len(lost)} loaded modules: {reason.text}")
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(starts[rows], kind="stable")]
    ends = starts[rows] + sizes[rows]
    labels = unicode_text(kernel.space, modules, "BaseDllName")
    return Ranges(starts[rows], ends, rows, modules, labels, cut, kernel)


@dataclass(frozen=True, slots=True)
class Code:
    """Functions of the kernel: in which module each lies, and which symbol is at or before it."""

    modules: Text
    symbols: Text

    def take(self, index: Indexes) -> Code:
        """Return what is known of the functions at the index."""
        return Code(self.modules.take(index), self.symbols.take(index))


def code_at(kernel: WindowsKernel, run: Run, functions: Column) -> Code:
    """Return module and symbol of each address; what is asked of is unknown where it is."""
    found, index = distinct_addresses(functions.values.astype(np.uint64))
    ranges = module_ranges(kernel, run)
    near = kernel.symbols.symbols_at(found)
    outside = np.flatnonzero(~kernel.is_kernel_image(found))
    for row, symbol in zip(outside.tolist(), ranges.symbols(found[outside]), strict=True):
        near[row] = symbol
    symbols = text_column([label(symbol) for symbol in near])
    # What lies in no module that is known may lie in one that is not, and have a symbol there.
    nowhere = np.zeros(len(found), bool)
    nowhere[outside] = ranges.index(found[outside]) < 0
    symbols = symbols.but(nowhere, ranges.elsewhere)
    if not kernel.symbols.is_whole:  # null would say that there is none
        nameless = kernel.is_kernel_image(found) & (symbols.statuses == Reason.NULL)
        symbols = symbols.but(nameless, Reason.NOT_IN_KERNEL)
    return Code(
        ranges.names(found).take(index).under(functions.status),
        symbols.take(index).under(functions.status),
    )


def label(symbol: tuple[str, int] | None) -> str | None:
    """Write a symbol and the distance to it; nothing where it is too far off."""
    if symbol is None or symbol[1] >= NEAR:
        return None
    name, distance = symbol
    return f"{name}+{distance:#x}" if distance else name
