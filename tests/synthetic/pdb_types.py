"""Writes whole tables of types and symbols as PDB files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.pdb import STRUCTURE, UNION, PdbBuilder

if TYPE_CHECKING:
    from memq.symbols.tables import ImageTable
    from memq.symbols.types import Member, StructType, Type

INTEGERS = {
    (1, True): 0x10, (1, False): 0x20, (2, True): 0x11, (2, False): 0x21,
    (4, True): 0x12, (4, False): 0x22, (8, True): 0x76, (8, False): 0x77,
}  # fmt: skip
REALS = {4: 0x40, 8: 0x41}
NOTHING = 0x03
POINTERS = {4: 0x0A, 8: 0x0C}


def pdb_of(table: ImageTable) -> bytes:
    """Return a PDB that has the types and symbols of a table."""
    builder = PdbBuilder(sections=(0,), block_size=4096)
    writer = _Writer(builder, table)
    for name in table.types.names():
        writer.define(name)
    for name, rva in table.rvas.items():
        builder.public(name, 1, rva)
    return builder.build()


class _Writer:
    def __init__(self, builder: PdbBuilder, table: ImageTable) -> None:
        self.builder = builder
        self.types = table.types
        self.declared: dict[str, int] = {}

    def define(self, name: str) -> None:
        """Write a structure; anonymous parts are dissolved in it."""
        layout = self.types.required(name)
        kind = UNION if layout.kind == "union" else STRUCTURE
        self.builder.structure(name, layout.size, self.members(layout), kind=kind)

    def members(self, layout: StructType) -> list[tuple[str, int, int]]:
        return [
            (name, self.of_member(member), member.offset) for name, member in layout.members.items()
        ]

    def of_member(self, member: Member) -> int:
        if member.bit_size is None or member.bit_offset is None:
            return self.of(member.type)
        return self.builder.bit_field(INTEGERS[8, False], member.bit_size, member.bit_offset)

    def of(self, type_: Type) -> int:
        """Return the number of a type, written where it is needed."""
        target = type_.target()
        if type_.kind == "pointer":
            size = type_.size
            inner = NOTHING if target is None or target.kind == "pointer" else self.of(target)
            return self.builder.pointer(inner, size << 13 | POINTERS[size])
        if type_.kind == "array" and target is not None:
            return self.builder.array(self.of(target), type_.size)
        if type_.kind in {"struct", "union"}:
            return self.structure(type_)
        if type_.kind == "float":
            return REALS[type_.size]
        return INTEGERS.get((type_.size, type_.signed), NOTHING)

    def structure(self, type_: Type) -> int:
        if type_.name:
            if type_.name not in self.declared:
                self.declared[type_.name] = self.builder.declare(type_.name)
            return self.declared[type_.name]
        layout = type_.layout()
        if layout is None:
            return NOTHING
        name = f"<unnamed-{len(self.builder.records)}>"
        return self.builder.structure(name, layout.size, self.members(layout))
