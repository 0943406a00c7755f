"""Types and symbols from a symbol table in volatility3's format (ISF), a JSON document.

Format: volatility3's schemas 4 to 6 (`base_types`, `user_types`, `enums`, `symbols`), as dwarf2json
writes it for Linux and pdbconv for Windows. Addresses are as the table has them: of Linux, those of
a kernel that was not moved; of Windows, relative to the kernel's image.

A table is a file from anywhere: what does not hold in it is a SymbolError, when it is met.
"""

from __future__ import annotations

import binascii
from functools import cached_property, partial
from typing import TYPE_CHECKING

import orjson

from memq.errors import SymbolError
from memq.symbols.tables import Identity
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
    from collections.abc import Iterator, Mapping

MAX_SIZE = 1 << 32
_NAMELESS = ("unnamed_", "__unnamed_", "__anonymous_")
"""What names of types without one start with: dwarf2json's, and pdbconv's two."""


class Isf(Types):
    """The types and symbols of one symbol table."""

    def __init__(self, document: bytes) -> None:
        """Parse the JSON document; SymbolError if it is none of a symbol table."""
        try:
            table = orjson.loads(document)
        except orjson.JSONDecodeError as error:
            raise SymbolError(f"no symbol table: {error}") from error
        parts = ("base_types", "user_types", "enums", "symbols")
        if not isinstance(table, dict) or not all(isinstance(table.get(p), dict) for p in parts):
            raise SymbolError(f"no symbol table: it must be an object with {', '.join(parts)}")
        self._base_types, self._structs, self._enums, self._symbols = (table[p] for p in parts)
        self._metadata = table.get("metadata")
        self._layouts: dict[str, StructType] = {}
        self._bases: dict[str, Type] = {}

    @cached_property
    def identity(self) -> Identity | None:
        """Which image of Windows the table is of; None where it does not say."""
        described: object = self._metadata
        for key in ("windows", "pdb"):
            described = described.get(key) if isinstance(described, dict) else None
        if not isinstance(described, dict):
            return None
        guid = _text(described, "GUID").replace("-", "").upper()
        return Identity(guid, _number(described, "age", MAX_SIZE))

    # Symbols

    @cached_property
    def symbols(self) -> dict[str, int]:
        """The address of every symbol by its name."""
        return {name: _number(entry, "address", 1 << 64) for name, entry in self._symbols.items()}

    @cached_property
    def constants(self) -> dict[str, bytes]:
        """The content of the symbols of which the table has it; of Linux the kernel's banner."""
        entries = [(n, e) for n, e in self._symbols.items() if e and e.get("constant_data")]
        try:
            return {n: binascii.a2b_base64(_text(e, "constant_data")) for n, e in entries}
        except ValueError as error:
            raise SymbolError(f"symbol table is malformed: constant data: {error}") from error

    def symbol_type(self, name: str) -> Type | None:
        """Return the type of the variable that a symbol stands for, if the table tells it."""
        entry = self._symbols.get(name)
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), dict):
            return None
        return self._type(entry["type"])

    # Types

    def struct(self, name: str) -> StructType | None:
        """Return the struct, union or class with this name; typedefs have been resolved before."""
        return self._layout(name)

    def enum(self, name: str) -> EnumType | None:
        """Return the enum with this name."""
        entry = self._enums.get(name)
        if entry is None:
            return None
        return EnumType(name, _number(entry, "size", 17), _constants(entry))

    def enum_names(self) -> list[str]:
        """Return the names of all enums that have one, sorted."""
        return sorted(name for name in self._enums if not name.startswith(_NAMELESS))

    def enumerator(self, name: str) -> int | None:
        """Return the value of a constant of any enum."""
        return self._enumerators.get(name)

    @cached_property
    def _enumerators(self) -> dict[str, int]:
        return {
            name: value
            for entry in self._enums.values()
            for name, value in _constants(entry).items()
        }

    def names(self) -> list[str]:
        """Return the names of all structs and unions that have one, sorted."""
        return sorted(name for name in self._structs if not name.startswith(_NAMELESS))

    def named(self, name: str) -> Type | None:
        """Return the base type with this name; a symbol table has no typedefs."""
        return self._base(name) if name in self._base_types and name != "pointer" else None

    @cached_property
    def pointer_size(self) -> int:
        """Bytes of a pointer."""
        return 4 if self._base("pointer").size == 4 else 8

    def _layout(self, name: str, depth: int = 0) -> StructType | None:
        """Return a layout by its name, `depth` anonymous structures within another."""
        if name not in self._layouts:
            entry = self._structs.get(name)
            if entry is None:
                return None
            if depth > MAX_DEPTH:
                raise SymbolError(f"symbol table is malformed: {name} has no end of members")
            members = flattened(name, self._members(entry, depth))
            tag, size = _tag(entry), _number(entry, "size", MAX_SIZE)
            self._layouts[name] = StructType(_shown(name), tag, size, members)
        return self._layouts[name]

    def _members(
        self, entry: Mapping[str, object], depth: int
    ) -> Iterator[tuple[Member, StructType | None]]:
        """Yield each member, in the order of the offsets; with its layout where it is anonymous."""
        fields = _object(entry, "fields")
        places = {name: _number(fields[name], "offset", MAX_SIZE) for name in fields}
        if self._is_of_headers and _tag(entry) == "struct":
            self._settle(fields, places, _number(entry, "size", MAX_SIZE))
        for name in sorted(fields, key=lambda name: places[name]):
            field = _object(fields, name)
            described = _object(field, "type")
            if field.get("anonymous"):
                type_ = self._type(described)
                inner = self._layout(_text(described, "name"), depth + 1)
                yield Member("", places[name], type_), inner
            elif described.get("kind") == "bitfield":
                bits = places[name] * 8 + _number(described, "bit_position", 1 << 16)
                width = _number(described, "bit_length", 65)
                yield bitfield(name, bits, width, self._type(_object(described, "type"))), None
            else:
                yield Member(name, places[name], self._type(described)), None

    @cached_property
    def _is_of_headers(self) -> bool:
        """Whether it is of no image, but of published headers: such tables' GUID is zero."""
        return self.identity is not None and not self.identity.guid.strip("0")

    def _settle(self, fields: Mapping[str, object], places: dict[str, int], size: int) -> None:
        """Put nameless parts of a struct behind the member before them, where they overlap it.

        Headers tell where members are that have names, and nothing of parts that have none: what
        stands of these is where a compiler would put them, which does not know of gaps before.
        """
        named = [places[name] for name in fields if not _object(fields, name).get("anonymous")]
        if named != sorted(named):
            return  # they are in no order that would say what stands before what
        end, limits, word = 0, [*named, size], self.pointer_size
        for name in fields:
            field = _object(fields, name)
            length = self._length(_object(field, "type"))
            if not field.get("anonymous"):
                limits = limits[1:]
            elif places[name] < end:
                moved = places[name] + -(-(end - places[name]) // word) * word
                places[name] = moved if moved + length <= limits[0] else places[name]
            end = max(end, places[name] + length)

    def _length(self, described: Mapping[str, object]) -> int:
        """Return the bytes of a member, of a bit field those up to its last bit."""
        if described.get("kind") != "bitfield":
            return self._type(described).size
        bits = _number(described, "bit_position", 1 << 16) + _number(described, "bit_length", 65)
        return (bits + 7) // 8

    def _type(self, described: Mapping[str, object], depth: int = 0) -> Type:
        """Return the type that a description stands for."""
        kind = _text(described, "kind")
        if kind == "base":
            return self._base(_text(described, "name"))
        if kind == "pointer":
            link = partial(self._type, _object(described, "subtype"))
            return Type("pointer", "", self.pointer_size, target_link=link)
        if kind == "array":
            return self._array_type(described, depth)
        if kind in {"struct", "union", "class"}:
            return self._struct_type(_text(described, "name"))
        if kind == "enum":
            return self._enum_type(_text(described, "name"))
        if kind == "function":
            return Type("function")
        raise SymbolError(f"symbol table is malformed: a type of kind {kind[:80]}")

    def _base(self, name: str) -> Type:
        if name not in self._bases:
            entry = _object(self._base_types, name)
            kind, size = _text(entry, "kind"), _number(entry, "size", 17)
            if kind == "char" and name != "char":
                kind = "int"  # of C's three types of one byte only this one is for characters
            if kind not in {"int", "char", "bool", "float", "void"}:
                raise SymbolError(f"symbol table is malformed: base type of kind {kind[:80]}")
            is_signed = bool(entry.get("signed")) and kind not in {"bool", "void"}
            self._bases[name] = Type(kind, name, size, is_signed)
        return self._bases[name]

    def _struct_type(self, name: str) -> Type:
        entry = self._structs.get(name)
        link = partial(self._layout, name)
        if entry is None:
            return Type("struct", _shown(name), 0, layout_link=link)
        return Type(_tag(entry), _shown(name), _number(entry, "size", MAX_SIZE), layout_link=link)

    def _enum_type(self, name: str) -> Type:
        entry = _object(self._enums, name)
        is_signed = self._base(_text(entry, "base")).signed
        size, link = _number(entry, "size", 17), partial(_constants, entry)
        return Type("enum", _shown(name), size, is_signed, constants_link=link)

    def _array_type(self, described: Mapping[str, object], depth: int) -> Type:
        if depth > MAX_DEPTH:
            raise SymbolError("symbol table is malformed: arrays in arrays without an end")
        element = _object(described, "subtype")
        count = _number(described, "count", MAX_SIZE)
        size = self._type(element, depth + 1).size * count
        if size >= MAX_SIZE:
            raise SymbolError(f"symbol table is malformed: an array of {size} bytes")
        link = partial(self._type, element)
        return Type("array", "", size, count=count, target_link=link)


def _shown(name: str) -> str:
    return "" if name.startswith(_NAMELESS) else name


def _tag(entry: Mapping[str, object]) -> str:
    return "union" if isinstance(entry, dict) and entry.get("kind") == "union" else "struct"


def _constants(entry: object) -> dict[str, int]:
    constants = _object(entry, "constants")
    values = {name: value for name, value in constants.items() if type(value) is int}
    if len(values) != len(constants):
        raise SymbolError("symbol table is malformed: a constant is no number")
    return values


def _object(entry: object, key: str) -> dict[str, object]:
    """Return an object's member that must be an object."""
    found = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(found, dict):
        raise SymbolError(f"symbol table is malformed: no object {key[:80]}")
    return found


def _text(entry: object, key: str) -> str:
    found = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(found, str):
        raise SymbolError(f"symbol table is malformed: no text {key[:80]}")
    return found


def _number(entry: object, key: str, limit: int) -> int:
    """Return an object's member that must be a number from 0 to below the limit."""
    found = entry.get(key) if isinstance(entry, dict) else None
    if type(found) is not int or not 0 <= found < limit:
        raise SymbolError(f"symbol table is malformed: no number {key[:80]} that can be")
    return found
