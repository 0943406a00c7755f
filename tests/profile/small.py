"""Small tables of Windows kernels, as ImageTables, and what can be made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from memq.profile.packing import Packed, packed
from memq.symbols.isf import Isf
from memq.symbols.tables import Identity, ImageTable

if TYPE_CHECKING:
    from collections.abc import Mapping

BASES: dict[str, Any] = {
    "unsigned long": {"kind": "int", "size": 4, "signed": False, "endian": "little"},
    "unsigned char": {"kind": "char", "size": 1, "signed": False, "endian": "little"},
    "char": {"kind": "char", "size": 1, "signed": True, "endian": "little"},
    "void": {"kind": "void", "size": 0, "signed": False, "endian": "little"},
    "pointer": {"kind": "int", "size": 8, "signed": False, "endian": "little"},
}
LONG = {"kind": "base", "name": "unsigned long"}


def held(name: str, kind: str = "struct") -> dict[str, Any]:
    return {"kind": kind, "name": name}


def pointer(to: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "pointer", "subtype": to}


def array(of: dict[str, Any], count: int) -> dict[str, Any]:
    return {"kind": "array", "subtype": of, "count": count}


def bits(first: int, width: int) -> dict[str, Any]:
    return {"kind": "bitfield", "bit_position": first, "bit_length": width, "type": LONG}


def struct(size: int, kind: str = "struct", /, **members: tuple[int, dict[str, Any]]) -> Any:
    fields = {name: {"offset": offset, "type": type_} for name, (offset, type_) in members.items()}
    return {"kind": kind, "size": size, "fields": fields}


STRUCTS: dict[str, Any] = {
    "_LIST_ENTRY": struct(
        16, Flink=(0, pointer(held("_LIST_ENTRY"))), Blink=(8, pointer(held("_LIST_ENTRY")))
    ),
    "_EPROCESS": struct(
        96,
        Links=(0, held("_LIST_ENTRY")),
        Tree=(16, array(array(held("_HELD"), 2), 2)),
        u=(48, held("__anonymous_1", "union")),
        Callback=(56, pointer({"kind": "function"})),
        Unknown=(64, pointer(pointer(held("_SOMETHING_ELSE")))),
        Kind=(72, {"kind": "enum", "name": "_KIND"}),
        ImageFileName=(76, array({"kind": "base", "name": "unsigned char"}, 15)),
    ),
    "__anonymous_1": struct(
        4, "union", Long=(0, LONG), Flags=(0, held("__anonymous_2")), Many=(0, array(LONG, 1))
    ),
    "__anonymous_2": struct(4, Low=(0, bits(0, 3)), High=(0, bits(13, 19))),
    "_HELD": struct(8, One=(0, LONG), Two=(4, LONG)),
    "_NEVER_ASKED_FOR": struct(8, One=(0, LONG)),
    "_ETHREAD": struct(8, Inner=(0, held("_HELD"))),
}
ENUMS: dict[str, Any] = {
    "_KIND": {"size": 4, "base": "unsigned long", "constants": {"First": 0, "Last": 7}},
    "_POOL_TYPE": {"size": 4, "base": "unsigned long", "constants": {"Paged": 1, "None": -1}},
}
SYMBOLS = {"PsActiveProcessHead": 0x3000, "NtClose": 0x1000, "NtOpen": 0x2000, "??_C@_0": 0x10}


def table(
    guid: int = 1, structs: Mapping[str, Any] = STRUCTS, symbols: Mapping[str, int] = SYMBOLS
) -> ImageTable:
    """Make a table; `guid` 0: of no image."""
    document = {
        "metadata": {"windows": {"pdb": {"GUID": f"{guid:032X}", "age": 1}}},
        "base_types": BASES,
        "user_types": dict(structs),
        "enums": ENUMS,
        "symbols": {name: {"address": rva} for name, rva in symbols.items()},
    }
    isf = Isf(orjson.dumps(document))
    return ImageTable(isf, isf.symbols, "test", Identity(f"{guid:032X}", 1) if guid else None)


def small(build: int = 19041, known: str = "named", **changes: Any) -> Packed:
    """Make what a pack keeps of a table."""
    return packed(table(**changes), build, known)
