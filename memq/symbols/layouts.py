"""The types of one build as a profile pack keeps them: a text, of which a line is one type.

    memq layout 1 8                                 the version of the format, bytes of a pointer
    b unsigned_long int 4 0                         number type: kind, size, whether it is signed
    e _POOL_TYPE 4 1 NonPagedPool 0 PagedPool 1     enum: size, whether it is signed, constants
    s _LIST_ENTRY 16 Flink 0 *s_LIST_ENTRY ...      struct (u: union): size, then its members

A member is its name, offset and type. A type is a letter and a name (`.unsigned_long`, `e`, `s`,
`u`), or `f` for a function, behind any number of `*` (pointer to), `[3]` (array of) and `:4:1:`
(the first: bitfield from bit 4 on, 1 bit wide). A struct without a name stands in its place,
between `s{16` and `}`. A struct that is only pointed to may be missing: nothing is known of it.

The members' order is that of their places; those of anonymous members stand among them. A line is
parsed when its type is first asked for.

Builds share nearly all lines. So a second text may stand on a first, its base:

    memq overlay 1
    own 7fff03                              in bits, which of the base's structs it has, too
    - _VI_POOL_ENTRY                        a type of the base that this one has not
    s _EPROCESS 2624 ...                    a line in place of the base's, or beside them

A table may lack structs that another of its build has (`own` tells): then the other's are taken,
but for those that hold something of which the two differ.
"""

from __future__ import annotations

import re
from functools import cached_property, partial
from typing import TYPE_CHECKING, NoReturn

from memq.errors import SymbolError
from memq.symbols.types import MAX_DEPTH, EnumType, Member, StructType, Type, Types, bitfield

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = 1
KINDS = {"s": "struct", "u": "union"}
_MAX_SIZE = 1 << 32
_MAX_LINES = 1 << 16
_NUMBERS = frozenset({"int", "char", "bool", "float", "void"})
_HEAD = re.compile(rf"memq layout {VERSION} ([48])")
OVERLAY = f"memq overlay {VERSION}"
_KINDS = frozenset({"b", "e", "s", "u"})
_OWN = re.compile("own ([0-9a-f]{1,8192})")
_TYPE = re.compile(
    r"(?::(?P<bit>\d{1,10}):(?P<width>\d{1,3}):)?(?P<around>(?:\*|\[\d{1,9}\])*)(?P<letter>[.esuf])"
    r"(?P<rest>\S*)"
)
_AROUND = re.compile(r"\*|\d+")


def spaced(name: str) -> str:
    """Return the name of a number type as C has it; in the text, `_` stands for its spaces."""
    return name.replace("_", " ")


class Layouts(Types):
    """The types that one text of a pack holds."""

    def __init__(self, text: str, overlay: str = "") -> None:
        """Find the lines; SymbolError if it is no such text."""
        first, _, rest = text.partition("\n")
        head = _HEAD.fullmatch(first)
        if head is None:
            raise SymbolError("the profile is malformed: it does not begin as a layout does")
        self.head = first
        self._pointer_size = int(head[1])
        self._lines: dict[str, dict[str, str]] = {"b": {}, "e": {}, "s": {}}
        for line in rest.splitlines():
            self._keep(line)
        self._borrowed: frozenset[str] = frozenset()
        if overlay:
            self._lay_over(overlay)
        self._layouts: dict[str, StructType] = {}
        self._bases: dict[str, Type] = {}

    def _keep(self, line: str) -> None:
        kind, _, behind = line.partition(" ")
        name, _, _ = behind.partition(" ")
        if kind not in _KINDS or not name:
            _malformed(line)
        self._lines["s" if kind == "u" else kind][name] = line

    def _lay_over(self, overlay: str) -> None:
        head, own, *lines = [*overlay.splitlines(), "", ""][:_MAX_LINES]
        match = _OWN.fullmatch(own)
        if head != OVERLAY or match is None:
            _malformed(own)
        bits = int(match[1], 16)
        names = enumerate(sorted(self._lines["s"]))
        self._borrowed = frozenset(name for number, name in names if not bits >> number & 1)
        for line in filter(None, lines):
            if line.startswith("- "):
                self._lines["s"].pop(line[2:], None)
            else:
                self._keep(line)

    def lines(self) -> dict[str, str]:
        """Return the lines of the types that this table has of its own, by kind and name."""
        return {
            f"{kind} {name}": line
            for kind, lines in self._lines.items()
            for name, line in lines.items()
            if kind != "s" or name not in self.borrowed
        }

    @cached_property
    def borrowed(self) -> frozenset[str]:
        """Names of the structs that the table lacks, and that are another's of the same build."""
        return self._borrowed & self._lines["s"].keys()

    @property
    def pointer_size(self) -> int:
        """Bytes of a pointer."""
        return self._pointer_size

    def names(self) -> list[str]:
        """Return the names of all structs and unions, sorted."""
        return sorted(self._lines["s"])

    def enum_names(self) -> list[str]:
        """Return the names of all enums, sorted."""
        return sorted(self._lines["e"])

    def struct(self, name: str) -> StructType | None:
        """Return the struct or union with this name."""
        if name not in self._layouts:
            line = self._lines["s"].get(name)
            if line is None:
                return None
            letter, _, size, *rest = [*line.split(" "), ""]
            self._layouts[name] = self._body(name, letter, _size(size), iter(rest[:-1]), 0)
        return self._layouts[name]

    def enum(self, name: str) -> EnumType | None:
        """Return the enum with this name."""
        line = self._lines["e"].get(name)
        if line is None:
            return None
        words = line.split(" ")
        if len(words) < 4 or len(words) % 2:
            _malformed(line)
        size, values = words[2], [_number(word) for word in words[5::2]]
        return EnumType(name, _size(size, 17), dict(zip(words[4::2], values, strict=True)))

    def enumerator(self, name: str) -> int | None:
        """Return the value of a constant of any enum."""
        return self._enumerators.get(name)

    @cached_property
    def _enumerators(self) -> dict[str, int]:
        enums = [self.enum(name) for name in self.enum_names()]
        return {name: n for enum in enums if enum is not None for name, n in enum.values.items()}

    def named(self, name: str) -> Type | None:
        """Return the number type with this name."""
        written = name.replace(" ", "_")
        return self._base(written) if written in self._lines["b"] else None

    def _base(self, name: str) -> Type:
        if name not in self._bases:
            words = self._lines["b"].get(name, "").split(" ")
            if len(words) != 5 or words[2] not in _NUMBERS:
                _malformed(name)
            size, is_signed = _size(words[3], 17), words[4] == "1"
            self._bases[name] = Type(words[2], spaced(name), size, is_signed)
        return self._bases[name]

    def _body(
        self, name: str, letter: str, size: int, words: Iterator[str], depth: int
    ) -> StructType:
        """Read members until the words end, or the brace that closes an inner struct."""
        members: dict[str, Member] = {}
        for word in words:
            if word == "}" and depth:
                break
            offset = _size(next(words, ""))
            members[word] = self._member(word, offset, next(words, ""), words, depth)
        else:
            if depth:
                _malformed(name)
        return StructType(name, KINDS[letter], size, members)

    def _member(
        self, name: str, offset: int, written: str, words: Iterator[str], depth: int
    ) -> Member:
        match = _TYPE.fullmatch(written)
        if match is None:
            _malformed(f"{name} {written}")
        type_ = self._innermost(match["letter"], match["rest"], words, depth)
        for sign in reversed(_AROUND.findall(match["around"])):
            link = partial(_same, type_)
            if sign == "*":
                type_ = Type("pointer", "", self._pointer_size, target_link=link)
            else:
                size = _size(str(type_.size * int(sign)))
                type_ = Type("array", "", size, count=int(sign), target_link=link)
        if match["bit"] is None:
            return Member(name, offset, type_)
        return bitfield(name, offset * 8 + int(match["bit"]), int(match["width"]), type_)

    def _innermost(self, letter: str, rest: str, words: Iterator[str], depth: int) -> Type:
        """Return the type behind pointers and arrays; of an inner struct, the words are used up."""
        if letter == ".":
            return self._base(rest)
        if letter == "e":
            return self._enum_type(rest)
        if letter == "f":
            return Type("function")
        if rest.startswith("{"):
            if depth >= MAX_DEPTH:
                _malformed(rest)
            layout = self._body("", letter, _size(rest[1:]), words, depth + 1)
            return Type(layout.kind, "", layout.size, layout_link=partial(_same_layout, layout))
        line = self._lines["s"].get(rest, "").split(" ", 3)
        size = _size(line[2]) if len(line) > 2 else 0
        return Type(KINDS[letter], rest, size, layout_link=partial(self.struct, rest))

    def _enum_type(self, name: str) -> Type:
        words = self._lines["e"].get(name, "").split(" ", 4)
        if len(words) < 4:
            _malformed(name)
        link = partial(self._constants, name)
        return Type("enum", name, _size(words[2], 17), words[3] == "1", constants_link=link)

    def _constants(self, name: str) -> dict[str, int]:
        enum = self.enum(name)
        return {} if enum is None else dict(enum.values)


def _same(type_: Type) -> Type:
    return type_


def _same_layout(layout: StructType) -> StructType:
    return layout


def _size(word: str, limit: int = _MAX_SIZE) -> int:
    """Return a number from 0 to below the limit."""
    value = _number(word)
    if not 0 <= value < limit:
        _malformed(word)
    return value


def _number(word: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,20}", word):
        _malformed(word)
    return int(word)


def _malformed(what: str) -> NoReturn:
    shown = "".join(letter if letter.isprintable() else "?" for letter in what[:60])
    raise SymbolError(f"the profile is malformed: {shown or 'a line ends too early'}")
