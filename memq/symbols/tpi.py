"""The types of a PDB (its TPI stream), numbered from 0x1000; below are the numbers themselves.

What is read comes from a file of anyone: numbers of types may lead anywhere, in circles too.
"""

from __future__ import annotations

import struct
from functools import cached_property
from typing import NamedTuple

import numpy as np

from memq.column import is_among
from memq.errors import SymbolError
from memq.symbols.codeview import (
    CLASS,
    CLASS_2,
    ENUM,
    INTERFACE,
    OLD_KINDS,
    STRUCTURE,
    STRUCTURE_2,
    UNION,
    Records,
)
from memq.symbols.tpi_fields import Field, fields

_HEADER = struct.Struct("<5I")
_MAX_HEADER = 1024
_STRUCT = struct.Struct("<HHIII")
_STRUCT_2 = struct.Struct("<IIII")
_UNION = struct.Struct("<HHI")
_ENUM = struct.Struct("<HHII")
_ARRAY = struct.Struct("<II")
_IS_DECLARED = 0x80
_HAS_SECOND_NAME = 0x200
_STRUCTS = frozenset({CLASS, STRUCTURE, INTERFACE})
_TAGGED = (*_STRUCTS, CLASS_2, STRUCTURE_2, UNION, ENUM)


class Tag(NamedTuple):
    """A struct, union or enum."""

    kind: str
    """struct union enum."""
    name: str
    """Empty for one without a name, whatever compilers write for that."""
    size: int
    """Bytes; of an enum 0, since that is for its underlying type to say."""
    fields: int
    """Number of the list of its members."""
    underlying: int
    """Number of the type of an enum's values."""
    is_declared: bool
    """Whether it is declared only, and stands for the definition with its name."""
    key: str
    """What declaration and definition have in common: the name, decorated where that is told."""


class Tpi:
    """The records of the types, and what of them is found by name."""

    def __init__(self, stream: bytes) -> None:
        """Check the header; SymbolError if that is no stream of types."""
        if len(stream) < _HEADER.size:
            raise SymbolError("PDB is malformed: it has no types")
        _version, size, first, end, length = _HEADER.unpack_from(stream)
        if not _HEADER.size <= size <= _MAX_HEADER or first < 0x1000:
            raise SymbolError(f"PDB is malformed: a header of types of {size} bytes")
        if size + length > len(stream):
            raise SymbolError("PDB is malformed or cut short: its types end too early")
        self.first: int = first
        """Number of the first record's type."""
        self._length = end - first
        self._data = stream[size : size + length]
        self._tags: dict[int, Tag] = {}

    @property
    def size(self) -> int:
        """Bytes of all records."""
        return len(self._data)

    @cached_property
    def records(self) -> Records:
        """All records, found when the first is asked for."""
        records = Records(self._data)
        if len(records) != self._length:
            raise SymbolError(f"PDB is malformed: {len(records)} types, not {self._length}")
        return records

    def index(self, number: int) -> int:
        """Return the record's place among all; SymbolError if there is no type of this number."""
        index: int = number - self.first
        if not 0 <= index < len(self.records):
            raise SymbolError(f"PDB is malformed: there is no type {number:#x}")
        return index

    def kind(self, number: int) -> int:
        """Return the kind of a type's record; that of today, where the record is an old one."""
        kind = int(self.records.kinds[self.index(number)])
        return OLD_KINDS.get(kind, kind)

    def unpack(self, number: int, form: struct.Struct) -> tuple[int, ...]:
        """Return the numbers that a type's record begins with."""
        body = self.records.body(self.index(number))
        return self.records.unpack(form, body.start, body.end)

    def array(self, number: int) -> tuple[int, int]:
        """Return the number of an array's element type, and how many bytes the array has."""
        body = self.records.body(self.index(number))
        element, _index = self.records.unpack(_ARRAY, body.start, body.end)
        return element, self.records.number(body.start + _ARRAY.size, body.end)[0]

    def fields(self, number: int) -> list[Field]:
        """Return members or constants of a list; none where a definition names no list (0)."""
        return list(fields(self.records, self.first, number)) if number else []

    def tag(self, number: int) -> Tag | None:
        """Return the struct, union or enum with this number, None for other types."""
        index = self.index(number)
        if number not in self._tags:
            kind = self.records.body(index).kind
            if kind not in _TAGGED:
                return None
            self._tags[number] = self._tag(index)
        return self._tags[number]

    @cached_property
    def numbers(self) -> list[int]:
        """The numbers of all structs, unions and enums."""
        kinds = [*_TAGGED, *(old for old, kind in OLD_KINDS.items() if kind in _TAGGED)]
        found = np.flatnonzero(is_among(self.records.kinds, np.array(kinds))) + self.first
        numbers: list[int] = found.tolist()
        return numbers

    @cached_property
    def definitions(self) -> dict[str, int]:
        """Numbers of the definitions by name; of several with one name the last counts.

        The last, as debuggers have it: they find types by a table into which each is put in front.
        """
        tags = ((number, self.tag(number)) for number in self.numbers)
        return {t.name: n for n, t in tags if t is not None and t.name and not t.is_declared}

    @cached_property
    def keys(self) -> dict[str, int]:
        """Numbers of the definitions by their keys, which tell declarations what they stand for."""
        tags = ((number, self.tag(number)) for number in self.numbers)
        return {t.key: n for n, t in tags if t is not None and t.key and not t.is_declared}

    def defined(self, number: int) -> int | None:
        """Return the number of the definition that a declaration stands for, if there is one."""
        tag = self.tag(number)
        if tag is None or not tag.is_declared:
            return number
        return self.keys.get(tag.key, self.definitions.get(tag.name))

    def _tag(self, index: int) -> Tag:
        records = self.records
        kind, at, end, is_old = records.body(index)
        size = underlying = 0
        if kind == ENUM:
            _count, properties, underlying, members = records.unpack(_ENUM, at, end)
            at += _ENUM.size
        elif kind == UNION:
            _count, properties, members = records.unpack(_UNION, at, end)
            size, at = records.number(at + _UNION.size, end)
        elif kind in _STRUCTS:
            _count, properties, members, _derived, _shape = records.unpack(_STRUCT, at, end)
            size, at = records.number(at + _STRUCT.size, end)
        else:  # of 2019: the count of members stands behind, of a length that it tells itself
            properties, members, _derived, _shape = records.unpack(_STRUCT_2, at, end)
            size, at = records.number(records.number(at + _STRUCT_2.size, end)[1], end)
        name, at = records.name(at, end, is_old)
        is_nameless = _is_nameless(name)
        key = "" if is_nameless else name
        if properties & _HAS_SECOND_NAME:
            decorated = records.name(at, end, is_old)[0]
            key = "" if _is_shared(decorated) else decorated
        shown = {ENUM: "enum", UNION: "union"}.get(kind, "struct")
        is_declared = bool(properties & _IS_DECLARED)
        name = "" if is_nameless else name
        return Tag(shown, name, max(size, 0), members, underlying, is_declared, key)


def _is_nameless(name: str) -> bool:
    """Whether a name says that there is none: `<unnamed-tag>`, `_OUTER::<unnamed-type-u>`."""
    last = name.rpartition("::")[2]
    return last in {"", "__unnamed"} or last.startswith(("<unnamed-", "<anonymous-"))


def _is_shared(decorated: str) -> bool:
    """Whether many types without a name have this decorated one: `.?AU<unnamed-tag>@@`."""
    return decorated[4:] in {"<unnamed-tag>@@", "<anonymous-tag>@@", "__unnamed@@"}
