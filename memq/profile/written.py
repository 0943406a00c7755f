"""Types written as the text of a profile pack (memq/symbols/layouts.py says how it reads)."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from memq.errors import SymbolError
from memq.profile.wanted import ENUMS, STRUCTS
from memq.symbols.layouts import VERSION
from memq.symbols.types import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.symbols.types import Member, StructType, Type, Types

_LETTERS = {"struct": "s", "union": "u"}
_WORD = re.compile(r"[^\s{}]+")


def layout_lines(types: Types) -> tuple[str, dict[str, str]]:
    """Write what the pack keeps of these types: the first line, and the others by kind and name."""
    wanted = [name for name in types.names() if is_wanted(name)]
    return f"memq layout {VERSION} {types.pointer_size}", _Writer(types).lines(wanted, ENUMS)


def is_wanted(name: str) -> bool:
    """Whether the pack keeps the struct for its own sake, not only where others hold it."""
    return any(fnmatchcase(name, pattern) for pattern in STRUCTS)


class _Writer:
    """Writes structs, and then whatever these need in order to be read."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._bases: dict[str, str] = {}
        self._enums: dict[str, str] = {}
        self._structs: dict[str, str] = {}
        self._needed: list[str] = []

    def lines(self, structs: Iterable[str], enums: Iterable[str]) -> dict[str, str]:
        """Return the lines of the structs, of the enums that there are, and of what they need."""
        self._needed = list(structs)
        while self._needed:
            name = self._needed.pop()
            if name not in self._structs:
                self._structs[name] = ""
                layout = self._types.struct(name)
                if layout is None:
                    raise SymbolError(f"the types do not tell the members of {name}")
                self._structs[name] = self._struct(name, layout)
        for name in enums:
            enum = self._types.enum(name)
            if enum is not None and name not in self._enums:
                self._enum(name, enum.size, is_signed=True, values=dict(enum.values))
        tables = {"b": self._bases, "e": self._enums, "s": self._structs}
        return {f"{kind} {n}": line for kind, table in tables.items() for n, line in table.items()}

    def _struct(self, name: str, layout: StructType) -> str:
        letter = _LETTERS[layout.kind]
        return " ".join([f"{letter} {_word(name)} {layout.size}", *self._members(layout, 0)])

    def _members(self, layout: StructType, depth: int) -> Iterator[str]:
        for member in sorted(layout.members.values(), key=_place):
            yield f"{_word(member.name)} {member.offset} {self._bits(member)}" + self._type(
                member.type, depth, is_held=True
            )

    def _bits(self, member: Member) -> str:
        return "" if member.bit_size is None else f":{member.bit_offset}:{member.bit_size}:"

    def _type(self, type_: Type, depth: int, *, is_held: bool) -> str:
        """`is_held`: it is part of the struct, which cannot be read without it."""
        if depth > MAX_DEPTH:
            raise SymbolError("the types hold each other without an end")
        target = type_.target()
        if type_.kind == "pointer" and target is not None:
            return "*" + self._type(target, depth + 1, is_held=False)
        if type_.kind == "array" and target is not None:
            return f"[{type_.count}]" + self._type(target, depth + 1, is_held=is_held)
        if type_.kind in _LETTERS:
            return self._struct_type(type_, depth, is_held=is_held)
        if type_.kind == "enum":
            self._enum(type_.name, type_.size, is_signed=type_.signed, values=type_.constants())
            return f"e{_word(type_.name)}"
        return "f" if type_.kind == "function" else f".{self._base(type_)}"

    def _struct_type(self, type_: Type, depth: int, *, is_held: bool) -> str:
        letter = _LETTERS[type_.kind]
        if type_.name:
            if is_held:
                self._needed.append(type_.name)
            return letter + _word(type_.name)
        layout = type_.layout()
        members = [] if layout is None else self._members(layout, depth + 1)
        return " ".join([f"{letter}{{{type_.size}", *members, "}"])

    def _enum(self, name: str, size: int, *, is_signed: bool, values: object) -> None:
        if isinstance(values, dict):
            constants = (f"{_word(key)} {value}" for key, value in values.items())
            self._enums[name] = " ".join([f"e {_word(name)} {size} {int(is_signed)}", *constants])

    def _base(self, type_: Type) -> str:
        name = type_.name or type_.kind
        written = _word(name.replace(" ", "_"))
        line = f"b {written} {type_.kind} {type_.size} {int(type_.signed)}"
        self._bases[written] = line
        return written


def _place(member: Member) -> tuple[int, str]:
    return member.offset * 8 + (member.bit_offset or 0), member.name


def _word(name: str) -> str:
    """Return the name; SymbolError if it could not be told from the rest of a line."""
    if not _WORD.fullmatch(name):
        raise SymbolError(f"the types have a name that no profile can hold: {name[:60]!r}")
    return name
