"""Field lists of a PDB's types: members and constants, with all that C++ puts between them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import SymbolError
from memq.symbols.codeview import (
    BASE_CLASS,
    BASE_INTERFACE,
    ENUMERATE,
    FIELD_LIST,
    FUNCTION_OFFSET,
    FUNCTION_TABLE,
    INDEX,
    INDIRECT_BASE,
    MEMBER,
    METHOD,
    NESTED,
    NESTED_2,
    OLD_KINDS,
    ONE_METHOD,
    STATIC_MEMBER,
    VIRTUAL_BASE,
    Records,
)
from memq.symbols.types import MAX_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator

_KIND = struct.Struct("<H")
_TYPED = struct.Struct("<HI")
_TWO_TYPES = struct.Struct("<HII")
_INTRODUCING = {4, 6}
"""Properties of a method that stands in the table of virtual ones for the first time."""
_PADDING = 0xF0


class Field(NamedTuple):
    """A member (MEMBER, or BASE_CLASS for what a class inherits), or a constant (ENUMERATE)."""

    kind: int
    name: str
    type: int
    """Number of the member's type; 0 for a constant."""
    value: int
    """The member's offset, or the constant's value."""


def fields(records: Records, first: int, number: int) -> Iterator[Field]:
    """Yield the fields of the list that is type `number`, where `first` is that of record 0.

    A list goes on in another one where it grew beyond 64 KB; all together are bounded.
    """
    left = MAX_MEMBERS
    following: int | None = number
    while following is not None:
        index = following - first
        if not 0 <= index < len(records) or left <= 0:
            raise SymbolError(f"PDB is malformed: no list of members {following:#x}, or no end")
        kind, at, end, _is_old = records.body(index)
        if kind != FIELD_LIST:
            raise SymbolError(f"PDB is malformed: type {following:#x} is no list of members")
        following, left = None, left - 1
        while at < end:
            left -= 1
            if left < 0:
                raise SymbolError(f"PDB is malformed: type {number:#x} has too many members")
            field, at = _field(records, at, end)
            if field is not None and field.kind == INDEX:
                following = field.type
            elif field is not None:
                yield field
            while at < end and records.data[at] > _PADDING:
                at += records.data[at] & 0xF


def _field(records: Records, at: int, end: int) -> tuple[Field | None, int]:
    """Return the field at the place, None where it holds no data, and the place behind it."""
    (raw,) = records.unpack(_KIND, at, end)
    kind, is_old, at = OLD_KINDS.get(raw, raw), raw in OLD_KINDS, at + 2
    if kind in {MEMBER, BASE_CLASS, BASE_INTERFACE}:
        _attributes, type_ = records.unpack(_TYPED, at, end)
        offset, at = records.number(at + 6, end)
        if kind != MEMBER:
            return Field(BASE_CLASS, "", type_, offset), at
        name, at = records.name(at, end, is_old)
        return Field(kind, name, type_, offset), at
    if kind == ENUMERATE:
        value, at = records.number(at + 2, end)
        name, at = records.name(at, end, is_old)
        return Field(kind, name, 0, value), at
    if kind == INDEX:
        _padding, type_ = records.unpack(_TYPED, at, end)
        return Field(kind, "", type_, 0), at + 6
    return None, _behind(records, kind, at, end, is_old)


def _behind(records: Records, kind: int, at: int, end: int, is_old: bool) -> int:
    """Return the place behind a field that says nothing of the layout."""
    if kind in {STATIC_MEMBER, METHOD, NESTED, NESTED_2}:
        return records.name(at + 6, end, is_old)[1]
    if kind == ONE_METHOD:
        attributes, _type = records.unpack(_TYPED, at, end)
        is_introducing = attributes >> 2 & 7 in _INTRODUCING
        return records.name(at + (10 if is_introducing else 6), end, is_old)[1]
    if kind in {VIRTUAL_BASE, INDIRECT_BASE}:
        records.unpack(_TWO_TYPES, at, end)
        return records.number(records.number(at + 10, end)[1], end)[1]
    if kind in {FUNCTION_TABLE, FUNCTION_OFFSET}:
        return at + (6 if kind == FUNCTION_TABLE else 10)
    raise SymbolError(f"PDB is malformed: a field of kind {kind:#x} among members")
