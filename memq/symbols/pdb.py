"""Types and symbols of a Windows image from its PDB file.

The format is described in LLVM's documents (https://llvm.org/docs/PDB/) and microsoft-pdb. Types
are made when they are asked for; the file is read once, and only the streams that are needed of it.
"""

from __future__ import annotations

import struct
from functools import cached_property, partial
from typing import TYPE_CHECKING

from memq.errors import SymbolError
from memq.symbols import codeview
from memq.symbols.msf import Msf, Source
from memq.symbols.pdb_image import PdbImage
from memq.symbols.tables import Identity, ImageTable
from memq.symbols.tpi import Tag, Tpi
from memq.symbols.types import (
    MAX_DEPTH,
    EnumType,
    Member,
    StructType,
    Type,
    Types,
    bitfield,
    flattened,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.symbols.tpi_fields import Field

MAX_SIZE = 1 << 32
_TPI_STREAM = 2
_MODIFIER = struct.Struct("<I")
_POINTER = struct.Struct("<II")
_BIT_FIELD = struct.Struct("<IBB")
_NEAR_32, _NEAR_64 = 0x0A, 0x0C
"""Kinds of pointers; those of before 2002 do not tell their size."""
_POINTERS = {1: 2, 2: 4, 3: 4, 4: 4, 5: 6, 6: 8, 7: 16}
"""Bytes of the pointers to a number, by the bits 8 to 11 of its number."""
_FIELD = 8
"""Bytes of a constant of an enum, at least."""
_SIGNED, _UNSIGNED = True, False
_NUMBERS = {
    0x00: ("void", "void", 0, _UNSIGNED),
    0x03: ("void", "void", 0, _UNSIGNED),
    0x08: ("int", "HRESULT", 4, _SIGNED),
    0x10: ("int", "signed char", 1, _SIGNED),
    0x11: ("int", "short", 2, _SIGNED),
    0x12: ("int", "long", 4, _SIGNED),
    0x13: ("int", "long long", 8, _SIGNED),
    0x14: ("int", "int128", 16, _SIGNED),
    0x20: ("int", "unsigned char", 1, _UNSIGNED),
    0x21: ("int", "unsigned short", 2, _UNSIGNED),
    0x22: ("int", "unsigned long", 4, _UNSIGNED),
    0x23: ("int", "unsigned long long", 8, _UNSIGNED),
    0x24: ("int", "uint128", 16, _UNSIGNED),
    0x30: ("bool", "bool", 1, _UNSIGNED),
    0x31: ("bool", "bool16", 2, _UNSIGNED),
    0x32: ("bool", "bool32", 4, _UNSIGNED),
    0x33: ("bool", "bool64", 8, _UNSIGNED),
    0x40: ("float", "float", 4, _SIGNED),
    0x41: ("float", "double", 8, _SIGNED),
    0x42: ("float", "long double", 10, _SIGNED),
    0x43: ("float", "float128", 16, _SIGNED),
    0x46: ("float", "float16", 2, _SIGNED),
    0x68: ("int", "int8", 1, _SIGNED),
    0x69: ("int", "uint8", 1, _UNSIGNED),
    0x70: ("char", "char", 1, _SIGNED),
    0x71: ("int", "wchar", 2, _SIGNED),
    0x72: ("int", "short", 2, _SIGNED),
    0x73: ("int", "unsigned short", 2, _UNSIGNED),
    0x74: ("int", "int", 4, _SIGNED),
    0x75: ("int", "unsigned int", 4, _UNSIGNED),
    0x76: ("int", "long long", 8, _SIGNED),
    0x77: ("int", "unsigned long long", 8, _UNSIGNED),
    0x78: ("int", "int128", 16, _SIGNED),
    0x79: ("int", "uint128", 16, _UNSIGNED),
    0x7A: ("int", "char16_t", 2, _UNSIGNED),
    0x7B: ("int", "char32_t", 4, _UNSIGNED),
    0x7C: ("int", "char8_t", 1, _UNSIGNED),
}
"""Kind, name, bytes and sign of the numbers; names as symbol tables of volatility3 have them."""


def read_pdb(source: Source, name: str) -> ImageTable:
    """Read a PDB from an open file or from memory; `name` says for people where it comes from."""
    container = Msf(source)
    image = PdbImage(container)
    types = Pdb(container.stream(_TPI_STREAM), image.pointer_size)
    return ImageTable(types, image.rvas(), name, image.identity, None, True)


def pdb_identity(source: Source) -> Identity:
    """Return which image a PDB is of; SymbolError if it is no PDB."""
    return PdbImage(Msf(source)).identity


class Pdb(Types):
    """The types of one PDB, from the bytes of its TPI stream."""

    def __init__(self, stream: bytes, pointer_size: int = 8) -> None:
        """Check the stream's header; SymbolError if that is no stream of types."""
        self._tpi = Tpi(stream)
        self._pointer_size = pointer_size
        self._types: dict[int, Type] = {}
        self._layouts: dict[int, StructType] = {}

    @property
    def pointer_size(self) -> int:
        """Bytes of a pointer."""
        return self._pointer_size

    def struct(self, name: str) -> StructType | None:
        """Return the struct, union or class with this name."""
        number = self._tpi.definitions.get(name)
        return None if number is None else self._layout(number)

    def enum(self, name: str) -> EnumType | None:
        """Return the enum with this name."""
        number = self._tpi.definitions.get(name)
        tag = None if number is None else self._tpi.tag(number)
        if tag is None or tag.kind != "enum":
            return None
        return EnumType(name, self._type(tag.underlying).size, self._constants(tag))

    def enumerator(self, name: str) -> int | None:
        """Return the value of a constant of any enum."""
        return self._enumerators.get(name)

    def names(self) -> list[str]:
        """Return the names of all structs and unions that are defined, sorted."""
        tags = ((name, self._tpi.tag(number)) for name, number in self._tpi.definitions.items())
        return sorted(name for name, tag in tags if tag is not None and tag.kind != "enum")

    def named(self, name: str) -> Type | None:
        """Return the number type with this name; a PDB's records do not tell typedefs."""
        numbers = (n for n, (_k, known, _s, _g) in _NUMBERS.items() if known == name)
        number = next(numbers, None)
        return None if number is None else self._type(number)

    # Types

    def _type(self, number: int, depth: int = 0) -> Type:
        """Return the type with this number, const and volatile taken off."""
        if number not in self._types:
            if depth > MAX_DEPTH:
                raise SymbolError(f"PDB is malformed: type {number:#x} has no end")
            make = self._simple if number < self._tpi.first else self._recorded
            self._types[number] = make(number, depth)
        return self._types[number]

    def _simple(self, number: int, _depth: int) -> Type:
        """Return a number type, or the pointer to one."""
        mode = number >> 8 & 0xF
        if mode:
            size = _POINTERS.get(mode, self._pointer_size)
            return Type("pointer", "", size, target_link=partial(self._type, number & 0xFF))
        found = _NUMBERS.get(number)
        if found is None:
            raise SymbolError(f"PDB is malformed: there is no type {number:#x}")
        kind, name, size, is_signed = found
        return Type(kind, name, size, is_signed)

    def _recorded(self, number: int, depth: int) -> Type:
        kind = self._tpi.kind(number)
        if kind == codeview.MODIFIER:
            return self._type(self._tpi.unpack(number, _MODIFIER)[0], depth + 1)
        if kind == codeview.POINTER:
            return self._pointer(number)
        if kind == codeview.ARRAY:
            return self._array(number, depth)
        if kind in {codeview.PROCEDURE, codeview.MEMBER_FUNCTION}:
            return Type("function")
        if kind == codeview.BIT_FIELD:  # as a member's it is taken apart before
            return self._type(self._tpi.unpack(number, _BIT_FIELD)[0], depth + 1)
        tag = self._tpi.tag(number)
        if tag is None:
            raise SymbolError(f"PDB is malformed: type {number:#x} of kind {kind:#x} as a type")
        return self._tagged(number, tag, depth)

    def _tagged(self, number: int, tag: Tag, depth: int) -> Type:
        """Return a struct, union or enum; one that is declared only as it is defined elsewhere."""
        defined = self._tpi.defined(number)
        tag = tag if defined is None else self._tpi.tag(defined) or tag
        if tag.kind == "enum":
            underlying = self._type(tag.underlying, depth + 1)
            link = partial(self._constants, tag)
            return Type("enum", tag.name, underlying.size, underlying.signed, constants_link=link)
        if tag.size >= MAX_SIZE:
            raise SymbolError(f"PDB is malformed: a structure of {tag.size} bytes")
        if defined is None:
            return Type(tag.kind, tag.name, 0, layout_link=partial(self.struct, tag.name))
        return Type(tag.kind, tag.name, tag.size, layout_link=partial(self._layout, defined))

    def _pointer(self, number: int) -> Type:
        target, attributes = self._tpi.unpack(number, _POINTER)
        told = {_NEAR_32: 4, _NEAR_64: 8}.get(attributes & 0x1F, self._pointer_size)
        size = attributes >> 13 & 0x3F or told
        return Type("pointer", "", size, target_link=partial(self._type, target))

    def _array(self, number: int, depth: int) -> Type:
        element, size = self._tpi.array(number)
        if not 0 <= size < MAX_SIZE:
            raise SymbolError(f"PDB is malformed: an array of {size} bytes")
        each = self._type(element, depth + 1).size
        link = partial(self._type, element)
        return Type("array", "", size, count=size // each if each else 0, target_link=link)

    # Structures and enums

    def _layout(self, number: int, depth: int = 0) -> StructType | None:
        """Return the layout of the definition with this number; None for an enum."""
        tag = self._tpi.tag(number)
        if tag is None or tag.kind == "enum":
            return None
        if number not in self._layouts:
            if depth > MAX_DEPTH:
                raise SymbolError(f"PDB is malformed: type {number:#x} has no end of members")
            members = flattened(tag.name, self._members(tag, depth))
            self._layouts[number] = StructType(tag.name, tag.kind, tag.size, members)
        return self._layouts[number]

    def _members(self, tag: Tag, depth: int) -> Iterator[tuple[Member, StructType | None]]:
        """Yield each member; what a class inherits with the layout of that class.

        Members of anonymous structs and unions stand among the others already.
        """
        for field in self._tpi.fields(tag.fields):
            if field.kind == codeview.ENUMERATE or not 0 <= field.value < MAX_SIZE:
                raise SymbolError(f"PDB is malformed: {tag.name} has a member at {field.value}")
            if field.name:
                yield self._member(field), None
                continue
            type_, defined = self._type(field.type), self._tpi.defined(field.type)
            inner = None if defined is None else self._layout(defined, depth + 1)
            if inner is not None:
                yield Member("", field.value, type_), inner

    def _member(self, field: Field) -> Member:
        is_recorded = field.type >= self._tpi.first
        if is_recorded and self._tpi.kind(field.type) == codeview.BIT_FIELD:
            type_, width, position = self._tpi.unpack(field.type, _BIT_FIELD)
            return bitfield(field.name, field.value * 8 + position, width, self._type(type_))
        return Member(field.name, field.value, self._type(field.type))

    def _constants(self, tag: Tag) -> dict[str, int]:
        return {field.name: field.value for field in self._tpi.fields(tag.fields)}

    @cached_property
    def _enumerators(self) -> dict[str, int]:
        tags = (self._tpi.tag(number) for number in self._tpi.numbers)
        lists = {tag.fields for tag in tags if tag is not None and tag.kind == "enum"}
        found: dict[str, int] = {}
        left = self._tpi.size
        for number in sorted(lists):
            for field in self._tpi.fields(number):
                found[field.name] = field.value
                left -= _FIELD
            if left < 0:  # lists that go on in the same ones, again and again
                raise SymbolError("PDB is malformed: enums without an end")
        return found
