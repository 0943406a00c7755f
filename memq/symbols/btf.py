"""Types from BTF, the type data that a kernel carries about itself.

What is read here comes out of a dump: all offsets are checked, chains and nesting are bounded, and
whatever does not hold is a SymbolError.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from memq.column import distinct_numbers
from memq.errors import SymbolError
from memq.symbols.btf_records import (
    ARRAY,
    CONST,
    ENUM,
    ENUM64,
    FLOAT,
    FUNC,
    FUNC_PROTO,
    FWD,
    INT,
    PTR,
    RESTRICT,
    STRUCT,
    TYPE_TAG,
    TYPEDEF,
    UNION,
    VOLATILE,
    Record,
    Records,
)
from memq.symbols.types import (
    MAX_DEPTH,
    MAX_MEMBERS,
    EnumType,
    Member,
    StructType,
    Type,
    Types,
    bitfield,
    flattened,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_CHAIN = 64
"""Typedefs and qualifiers in a row."""
_TRANSPARENT = frozenset({TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG})
_SIGNED, _BOOL = 1, 4


class Btf(Types):
    """The types of one kernel, from the bytes of its BTF; what follows the BTF is not looked at.

    Structs and unions are parsed when they are asked for. Of several with one name the first that
    is defined counts; declarations are passed over.
    """

    def __init__(self, data: bytes) -> None:
        """Check the header and both sections' ends; SymbolError if that is no whole BTF."""
        self._records = Records(data)
        self._types: dict[int, Type] = {}
        self._layouts: dict[int, StructType] = {}
        self._by_name: dict[str, StructType | None] = {}
        self._numbers: dict[str, int | None] = {}

    @property
    def size(self) -> int:
        """Bytes of the BTF."""
        return self._records.header.size

    @property
    def count(self) -> int:
        """How many types there are; SymbolError if their records do not fill their section."""
        return len(self._records.starts)

    def struct(self, name: str) -> StructType | None:
        """Return the first full definition of this tag, else what a typedef of it stands for."""
        if name not in self._by_name:
            number = self._definition(name, STRUCT, UNION)
            self._by_name[name] = None if number is None else self._layout(number)
        return self._by_name[name]

    def enum(self, name: str) -> EnumType | None:
        """Return the enum with this tag, else what a typedef of it stands for."""
        number = self._definition(name, ENUM, ENUM64)
        if number is None:
            return None
        record = self._records.record(number)
        return EnumType(name, record.size, self._named_constants(record))

    def enumerator(self, name: str) -> int | None:
        """Return the constant's value: its name is looked for in all enums' bodies at once."""
        if name not in self._numbers:  # a search takes a millisecond, and walks ask again
            self._numbers[name] = self._searched(name)
        return self._numbers[name]

    def _searched(self, name: str) -> int | None:
        for place in self._records.places(name):
            found = self._records.constant(place)
            if found is not None:
                return self._constant(*found)
        return None

    def names(self) -> list[str]:
        """Return the tags of all structs and unions, sorted, each once."""
        kinds = self._records.kinds
        places = distinct_numbers(self._records.name_places[(kinds == STRUCT) | (kinds == UNION)])
        return sorted({self._records.name(place) for place in places.tolist() if place})

    def named(self, name: str) -> Type | None:
        """Return the int or float with this name, else what a typedef of it stands for."""
        for kinds in ((INT, FLOAT), (TYPEDEF,)):
            for place in self._records.places(name):
                for number in self._records.named(place, *kinds):
                    return self._type(number)
        return None

    def _definition(self, name: str, *kinds: int) -> int | None:
        """Return the first type of one of the kinds with this name, or that it is a typedef of."""
        typedefs: list[int] = []
        for place in self._records.places(name):
            found = self._records.named(place, *kinds)
            if found:  # an enum without constants is one that is only declared
                return max(found, key=lambda n: (STRUCT in kinds or self._has_constants(n), -n))
            typedefs += self._records.named(place, TYPEDEF)
        for number in typedefs:
            behind, _name = self._strip(number)
            if behind and self._records.record(behind).kind in kinds:
                return behind
        return None

    def _has_constants(self, number: int) -> bool:
        return self._records.record(number).length > 0

    # Types

    def _strip(self, number: int) -> tuple[int, str]:
        """Return what stands behind typedefs and qualifiers, and the name of the last typedef."""
        name = 0
        for _ in range(MAX_CHAIN):
            if not number:
                break
            record = self._records.record(number)
            if record.kind not in _TRANSPARENT:
                break
            name = record.name if record.kind == TYPEDEF else name
            number = record.size
        else:
            raise SymbolError("BTF is malformed: typedefs without an end")
        return number, self._records.name(name) if name else ""

    def _type(self, number: int, depth: int = 0) -> Type:
        """Return the type with this number, typedefs and qualifiers taken off."""
        known = self._types.get(number)
        if known is None:
            behind, typedef = self._strip(number)
            known = self._make_type(behind, typedef, depth)
            self._types[number] = known
        return known

    def _make_type(self, number: int, typedef: str, depth: int) -> Type:
        """Return a type that is no typedef; one without a name goes by its typedef's."""
        if not number:
            return Type("void", "void")
        record = self._records.record(number)
        if record.kind == ARRAY:
            return self._array_type(record, depth)
        if record.kind in {STRUCT, UNION}:
            name = self._records.name(record.name) or typedef
            link = partial(self._layout, number)
            return Type(_tag(record.kind == UNION), name, record.size, layout_link=link)
        make = self._makers.get(record.kind)
        if make is None:
            raise SymbolError(f"BTF is malformed: type {number} of kind {record.kind} as a type")
        return make(record, self._records.name(record.name) or typedef)

    @cached_property
    def _makers(self) -> dict[int, Callable[[Record, str], Type]]:
        return {
            INT: self._int_type,
            PTR: self._pointer_type,
            FWD: self._declared_type,
            ENUM: self._enum_type,
            ENUM64: self._enum_type,
            FLOAT: lambda record, name: Type("float", name, record.size, signed=True),
            FUNC: lambda _record, name: Type("function", name),
            FUNC_PROTO: lambda _record, name: Type("function", name),
        }

    def _int_type(self, record: Record, name: str) -> Type:
        encoding = self._records.words[record.body] >> 24 & 0xF
        if encoding & _BOOL:
            return Type("bool", name, record.size)
        # The encoding that says "character" is not used by pahole.
        kind = "char" if name == "char" else "int"
        return Type(kind, name, record.size, signed=bool(encoding & _SIGNED))

    def _pointer_type(self, record: Record, _name: str) -> Type:
        link = partial(self._type, record.size)
        return Type("pointer", "", self.pointer_size, target_link=link)

    def _declared_type(self, record: Record, name: str) -> Type:
        """Return a struct or union that is only declared; its members are sought by its name."""
        return Type(_tag(record.flag), name, 0, layout_link=partial(self.struct, name))

    def _enum_type(self, record: Record, name: str) -> Type:
        link = partial(self._named_constants, record)
        return Type("enum", name, record.size, self._is_signed(record), constants_link=link)

    def _array_type(self, record: Record, depth: int) -> Type:
        element, _index, count = self._records.words[record.body : record.body + 3]
        if depth > MAX_DEPTH:
            raise SymbolError("BTF is malformed: arrays in arrays without an end")
        size = self._type(element, depth + 1).size * count
        if size >= 1 << 32:
            raise SymbolError(f"BTF is malformed: an array of {size} bytes")
        return Type("array", "", size, count=count, target_link=partial(self._type, element))

    @cached_property
    def pointer_size(self) -> int:
        """Bytes of a pointer, which on Linux is a long; BTF itself does not say."""
        for name in ("long unsigned int", "unsigned long", "long int", "long"):
            for place in self._records.places(name):
                for number in self._records.named(place, INT):
                    return 4 if self._records.record(number).size == 4 else 8
        return 8

    # Structures

    def _layout(self, number: int, depth: int = 0) -> StructType:
        """Return the layout of the struct or union with this number."""
        known = self._layouts.get(number)
        if known is not None:
            return known
        record = self._records.record(number)
        if depth > MAX_DEPTH or record.length > MAX_MEMBERS:
            raise SymbolError(f"BTF is malformed: type {number} has no end of members")
        name = self._records.name(record.name)
        members = flattened(name, self._members(record, depth))
        layout = StructType(name, _tag(record.kind == UNION), record.size, members)
        self._layouts[number] = layout
        return layout

    def _members(self, record: Record, depth: int) -> Iterator[tuple[Member, StructType | None]]:
        """Yield each member; with those of an anonymous struct or union, where it is one."""
        words = self._records.words[record.body : record.body + 3 * record.length].tolist()
        for place, number, where in zip(words[::3], words[1::3], words[2::3], strict=True):
            width, bits = (where >> 24, where & 0xFFFFFF) if record.flag else (0, where)
            type_ = self._type(number)
            name = self._records.name(place) if place else ""
            if not name:
                if type_.kind in {"struct", "union"} and not width:
                    inner = self._layout(self._strip(number)[0], depth + 1)
                    yield Member("", bits >> 3, type_), inner
                continue
            if not width and type_.kind in {"int", "char", "bool"}:
                bits, width = self._old_bitfield(number, bits)
            yield self._member(name, bits, width, type_), None

    def _member(self, name: str, bits: int, width: int, type_: Type) -> Member:
        if width:
            return bitfield(name, bits, width, type_)
        if bits & 7:
            raise SymbolError(f"BTF is malformed: member {name} starts at bit {bits}")
        return Member(name, bits >> 3, type_)

    def _old_bitfield(self, number: int, bits: int) -> tuple[int, int]:
        """Return first bit and width of a bitfield that its type tells, as before kernel 5.0.

        The width is 0 if it is none.
        """
        record = self._records.record(self._strip(number)[0])
        data = self._records.words[record.body]
        start, width = data >> 16 & 0xFF, data & 0xFF
        if width == record.size * 8 and not start and not bits & 7:
            return bits, 0
        return bits + start, width

    # Enums

    def _constants(self, record: Record) -> Iterator[tuple[int, int]]:
        """Yield place of the name and value of each constant of an enum."""
        if record.length > MAX_MEMBERS:
            raise SymbolError(f"BTF is malformed: an enum of {record.length} values")
        step = 2 if record.kind == ENUM else 3
        for word in range(record.body, record.body + step * record.length, step):
            yield self._records.words[word], self._constant(record, word)

    def _named_constants(self, record: Record) -> dict[str, int]:
        return {self._records.name(place): value for place, value in self._constants(record)}

    def _constant(self, record: Record, word: int) -> int:
        """Return the value of the constant whose entry starts at the word."""
        low = self._records.words[word + 1]
        if record.kind == ENUM:
            is_negative = low >> 31 and (record.flag or not self._knows_signs)
            return low - (1 << 32) if is_negative else low
        value: int = low | self._records.words[word + 2] << 32
        return value - (1 << 64) if record.flag and value >> 63 else value

    def _is_signed(self, record: Record) -> bool:
        if record.flag or self._knows_signs:
            return record.flag
        return any(value < 0 for _place, value in self._constants(record))

    @cached_property
    def _knows_signs(self) -> bool:
        """Whether enums say if they are signed, as since kernel commit 6089fb325cf7 (6.0).

        Before, all values are; an enum then counts as signed if one of its values is negative.
        """
        kinds = self._records.kinds
        return bool(((kinds == ENUM) & self._records.flags).any() or (kinds == ENUM64).any())


def _tag(is_union: bool) -> str:
    return "union" if is_union else "struct"
