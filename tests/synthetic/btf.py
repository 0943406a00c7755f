"""Writes BTF from declarations in Python, for tests that need a kernel's types without a kernel.

    c = BtfBuilder()
    c.typedef("pid_t", "int")
    c.enum("pid_type", PIDTYPE_PID=0, PIDTYPE_TGID=1)
    c.struct("task_struct", {
        "comm": "char[16] @ 64",                    # at this offset, else where C would put it
        "pid": "pid_t",
        "mm": "mm_struct *",                        # declared or not
        "jobctl": "unsigned int : 3",               # a bitfield
        "#": c.union({"rcu": "u64", "usage": "int"}),   # "#...": anonymous, its members are task's
        "se": c.inner({"weight": "u64"}),           # named, of a struct without a tag
        "numbers": "upid[]",                        # flexible
    }, size=256)
    types = Btf(c.build())

A type is a base type of C, a name declared before or after, `function`, or a number from `add`;
behind it any `*` and `[n]`, before it `const` and `volatile`. `struct`, `union` and `enum` before a
name are optional. Structures get the size that C would give them unless `size` says otherwise.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST = range(1, 11)
FUNC_PROTO, FLOAT, TYPE_TAG, ENUM64 = 13, 16, 18, 19

SIGNED, BOOL = 1, 4
_INTS = {
    "char": (1, SIGNED), "signed char": (1, SIGNED), "unsigned char": (1, 0), "short": (2, SIGNED),
    "unsigned short": (2, 0), "int": (4, SIGNED), "unsigned int": (4, 0), "long": (8, SIGNED),
    "unsigned long": (8, 0), "__int128": (16, SIGNED), "_Bool": (1, BOOL), "bool": (1, BOOL),
    "u8": (1, 0), "u16": (2, 0), "u32": (4, 0), "u64": (8, 0),
    "s8": (1, SIGNED), "s16": (2, SIGNED), "s32": (4, SIGNED), "s64": (8, SIGNED),
}  # fmt: skip
_FLOATS = {"float": 4, "double": 8}
_DECLARATION = re.compile(r"(.*?)\s*(?::\s*(\d+))?\s*(?:@\s*(0x[0-9a-fA-F]+|\d+))?")
_POINTER = re.compile(r"(.*?)\s*\*")
_ARRAY = re.compile(r"(.*?)\s*\[(\d*)\]((?:\[\d*\])*)")


@dataclass(frozen=True)
class Body:
    """A struct or union; as a member it is one without a tag."""

    kind: int
    members: Mapping[str, Declared]
    size: int | None = None


Declared: TypeAlias = str | int | Body


@dataclass
class _Field:
    name: str
    type: Declared
    bits: int
    """Offset in bits."""
    width: int


@dataclass
class BtfBuilder:
    """Declarations, in any order; `build` writes them."""

    old_bitfields: bool = False
    """Write bitfields as kernels before 5.0 did: by an int type of their width."""
    header_size: int = 24
    layout: bytes = b""
    """The section that says how long records of each kind are; needs a header of 32 bytes."""
    _bodies: dict[str, Body] = field(default_factory=dict)
    _typedefs: dict[str, Declared] = field(default_factory=dict)
    _enums: dict[str, tuple[int, bool, Mapping[str, int]]] = field(default_factory=dict)
    _records: list[bytes | None] = field(default_factory=list)
    _numbers: dict[object, int] = field(default_factory=dict)
    _names: bytearray = field(default_factory=lambda: bytearray(1))

    # Declaring

    def struct(self, name: str, members: Mapping[str, Declared], size: int | None = None) -> None:
        """Declare a struct."""
        self._bodies[name] = Body(STRUCT, members, size)

    def union_of(self, name: str, members: Mapping[str, Declared], size: int | None = None) -> None:
        """Declare a union with a tag."""
        self._bodies[name] = Body(UNION, members, size)

    def inner(self, members: Mapping[str, Declared], size: int | None = None) -> Body:
        """Return a struct without a tag, as a member's or a typedef's type."""
        return Body(STRUCT, members, size)

    def union(self, members: Mapping[str, Declared], size: int | None = None) -> Body:
        """Return a union without a tag, as a member's or a typedef's type."""
        return Body(UNION, members, size)

    def typedef(self, name: str, type_: Declared) -> None:
        """Declare a typedef."""
        self._typedefs[name] = type_

    def enum(self, name: str, size: int = 4, *, signed: bool = False, **values: int) -> None:
        """Declare an enum; one with 8 bytes is an ENUM64. A name that starts with # is none."""
        self._enums[name] = size, signed, values

    def add(
        self, kind: int, size: int = 0, body: Sequence[int] = (), *, name: str = "",
        vlen: int = 0, flag: bool = False,
    ) -> int:  # fmt: skip
        """Write a record as given, for what has no declaration; return its number."""
        info = kind << 24 | vlen | flag << 31
        self._records.append(struct.pack(f"<{3 + len(body)}I", self.name(name), info, size, *body))
        return len(self._records)

    def name(self, name: str) -> int:
        """Return where a name is in the names."""
        text = name.encode() + b"\0"
        if not name:
            return 0
        found = self._names.find(b"\0" + text)
        if found >= 0:
            return found + 1
        self._names += text
        return len(self._names) - len(text)

    # Writing

    def build(self) -> bytes:
        """Return the BTF of all that was declared."""
        for name in (*self._bodies, *self._typedefs, *self._enums):
            self._number(name)
        records = b"".join(record or b"" for record in self._records)
        names = bytes(self._names)
        header = struct.pack("<HBBI4I", 0xEB9F, 1, 0, self.header_size, 0, len(records),
                             len(records), len(names))  # fmt: skip
        if self.layout:
            header += struct.pack("<2I", len(records) + len(names), len(self.layout))
        return header.ljust(self.header_size, b"\0") + records + names + self.layout

    def _reserve(self, key: object) -> int:
        """Give a number to a type whose record is written later: its members may refer to it."""
        self._records.append(None)
        self._numbers[key] = len(self._records)
        return len(self._records)

    def _fill(self, number: int, *record: object, **more: object) -> None:
        self.add(*record, **more)  # type: ignore[arg-type]
        self._records[number - 1] = self._records.pop()

    def _number(self, type_: Declared) -> int:
        """Return a type's number, writing it on the first use."""
        if isinstance(type_, int):
            return type_
        if isinstance(type_, Body):
            return self._numbers.get(id(type_)) or self._write_body(id(type_), "", type_)
        text = re.sub(r"\b(struct|union|enum)\s+", "", type_).strip()
        if text == "void":
            return 0
        return self._numbers.get(text) or self._write(text)

    def _write(self, text: str) -> int:
        if text in self._bodies:
            return self._write_body(text, text, self._bodies[text])
        if text in self._typedefs:
            number = self._reserve(text)
            self._fill(number, TYPEDEF, self._number(self._typedefs[text]), name=text)
        elif text in self._enums:
            number = self._write_enum(text)
        else:
            number = self._write_built_up(text)
        self._numbers[text] = number
        return number

    def _write_built_up(self, text: str) -> int:
        if text in _INTS:
            size, encoding = _INTS[text]
            return self.add(INT, size, [encoding << 24 | size * 8], name=text)
        if text in _FLOATS:
            return self.add(FLOAT, _FLOATS[text], name=text)
        if match := _ARRAY.fullmatch(text):
            element = self._number(match[1] + match[3])
            return self.add(ARRAY, 0, [element, self._number("int"), int(match[2] or 0)])
        if match := _POINTER.fullmatch(text):
            return self.add(PTR, self._number(match[1]))
        for word, kind in (("const ", CONST), ("volatile ", VOLATILE)):
            if text.startswith(word):
                return self.add(kind, self._number(text.removeprefix(word)))
        if text == "function":
            return self.add(FUNC_PROTO)
        return self.add(FWD, name=text)

    def _write_enum(self, name: str) -> int:
        size, signed, values = self._enums[name]
        words: list[int] = []
        for key, value in values.items():
            words += [self.name(key), value & 0xFFFFFFFF]
            words += [value >> 32 & 0xFFFFFFFF] if size == 8 else []
        shown = "" if name.startswith("#") else name
        kind = ENUM64 if size == 8 else ENUM
        return self.add(kind, size, words, name=shown, vlen=len(values), flag=signed)

    def _write_body(self, key: object, name: str, body: Body) -> int:
        number = self._reserve(key)
        fields, size, _alignment = self._laid_out(body)
        flag = not self.old_bitfields and any(field.width for field in fields)
        words: list[int] = []
        for item in fields:
            type_ = self._bit_type(item) if item.width and not flag else self._number(item.type)
            words += [self.name(item.name), type_, item.bits | (item.width << 24 if flag else 0)]
        self._fill(number, body.kind, size, words, name=name, vlen=len(fields), flag=flag)
        return number

    def _bit_type(self, item: _Field) -> int:
        """Write an int of few bits, as old BTF has for each width of a bitfield."""
        behind = self._typedefs.get(str(item.type), item.type)
        size, encoding = _INTS[str(behind)]
        return self.add(INT, size, [encoding << 24 | item.width], name=str(behind))

    # Layout, as C has it on a 64-bit machine

    def _laid_out(self, body: Body) -> tuple[list[_Field], int, int]:
        """Return the members with their places, the size and the alignment."""
        fields, end, alignment = [], 0, 1
        for name, declared in body.members.items():
            type_, width, place = _split(declared)
            size, align = self._measure(type_)
            if place is not None:
                bits = place * 8
            elif body.kind == UNION:
                bits = 0
            elif width and end // (size * 8) == (end + width - 1) // (size * 8):
                bits = end  # the bits still fit into the same int
            else:
                bits = -(-end // (align * 8)) * align * 8
            fields.append(_Field("" if name.startswith("#") else name, type_, bits, width))
            end = max(end, bits + (width or size * 8))
            alignment = max(alignment, align)
        size = -(-end // (alignment * 8)) * alignment
        return fields, size if body.size is None else body.size, alignment

    def _measure(self, type_: Declared) -> tuple[int, int]:
        """Return size and alignment of a type."""
        if isinstance(type_, int):
            return 8, 8  # of a record written with `add` nothing is known
        if isinstance(type_, Body):
            return self._laid_out(type_)[1:]
        text = re.sub(r"\b(struct|union|enum|const|volatile)\s+", "", type_).strip()
        if text in self._bodies:
            return self._laid_out(self._bodies[text])[1:]
        if text in self._typedefs:
            return self._measure(self._typedefs[text])
        if match := _ARRAY.fullmatch(text):
            size, align = self._measure(match[1] + match[3])
            return size * int(match[2] or 0), align
        if text.endswith("*"):
            return 8, 8
        size = self._enums[text][0] if text in self._enums else _FLOATS.get(text, 0)
        size = size or _INTS.get(text, (0, 0))[0]
        return size, size or 1


def _split(declared: Declared) -> tuple[Declared, int, int | None]:
    """Return type, width of the bitfield (0: none) and wanted offset of a member."""
    if not isinstance(declared, str):
        return declared, 0, None
    match = _DECLARATION.fullmatch(declared.strip())
    if match is None:
        raise ValueError(declared)
    return match[1], int(match[2] or 0), None if match[3] is None else int(match[3], 0)
