"""The model of a kernel's types that every source (BTF, symbol tables) fills.

A source answers by name and parses only what is asked for. Types refer to each other through
methods that resolve on call, so that a pointer to a structure does not parse the structure.

Typedefs and qualifiers (const, volatile) are gone: a Type is what stands behind them. Members of
anonymous structures and unions stand among the members of the structure that holds them, as in C.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import field
from typing import TYPE_CHECKING

from memq.errors import SymbolError
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_DEPTH = 32
"""Anonymous structures in each other, arrays in arrays: kernels have about 5, hostile data more."""

MAX_MEMBERS = 1 << 14
"""Members of one structure, or values of one enum, that are listed at most."""

_STEP = re.compile(r"(\w+)((?:\[\d{1,7}\])*)")


@dataclass(frozen=True, slots=True)
class Type:
    """What a member, a pointer's target or an array's element is."""

    kind: str
    """int bool char float enum pointer array struct union function or void."""
    name: str = ""
    """The name of the int or the tag of the structure; for one without a tag its typedef's name."""
    size: int = 0
    """Bytes; 0 for void, functions, flexible arrays and structures that are only declared."""
    signed: bool = False
    count: int = 0
    """Elements of an array; 0 for a flexible one."""
    target_link: Callable[[], Type] | None = field(default=None, repr=False, compare=False)
    layout_link: Callable[[], StructType | None] | None = field(
        default=None, repr=False, compare=False
    )
    constants_link: Callable[[], Mapping[str, int]] | None = field(
        default=None, repr=False, compare=False
    )

    def target(self) -> Type | None:
        """Return what a pointer points to or what an array consists of, None for other kinds."""
        return None if self.target_link is None else self.target_link()

    def layout(self) -> StructType | None:
        """Return the members of a struct or union; None for other kinds and for unknown ones."""
        return None if self.layout_link is None else self.layout_link()

    def constants(self) -> Mapping[str, int]:
        """Return the constants of an enum by name; none for other kinds."""
        return {} if self.constants_link is None else self.constants_link()

    def __str__(self) -> str:
        stars, lengths, type_ = "", "", self
        for _ in range(MAX_DEPTH):
            target = type_.target()
            if target is None:
                break
            stars += "*" if type_.kind == "pointer" else ""
            lengths += f"[{type_.count}]" if type_.kind == "array" else ""
            type_ = target
        has_tag = type_.kind in {"struct", "union", "enum"}
        name = f"{type_.kind} {type_.name}".rstrip() if has_tag else type_.name or type_.kind
        return f"{name} {stars}".rstrip() + lengths


def innermost(type_: Type) -> Type:
    """Return what an array, or arrays in arrays, consist of in the end."""
    for _ in range(MAX_DEPTH):
        inner = type_.target() if type_.kind == "array" else None
        if inner is None:
            break
        type_ = inner
    return type_


@dataclass(frozen=True, slots=True)
class Member:
    """A named place in a structure."""

    name: str
    offset: int
    """Bytes from the start of the structure; of a bitfield, the byte that holds its lowest bit."""
    type: Type
    bit_offset: int | None = None
    """Of a bitfield, its lowest bit within the byte at `offset` (0 to 7); None otherwise."""
    bit_size: int | None = None

    @property
    def size(self) -> int:
        """Bytes that have to be read to know the member."""
        if self.bit_size is None or self.bit_offset is None:
            return self.type.size
        return (self.bit_offset + self.bit_size + 7) // 8

    @property
    def end(self) -> int:
        """Offset of the first byte behind the member."""
        return self.offset + self.size

    def moved(self, distance: int) -> Member:
        """Return the same member in a structure that holds this one's `distance` bytes on."""
        return Member(self.name, self.offset + distance, self.type, self.bit_offset, self.bit_size)


def bitfield(name: str, bits: int, width: int, type_: Type) -> Member:
    """Make the member for a bitfield of `width` bits that starts `bits` bits into the structure."""
    if not 0 < width <= 64:
        raise SymbolError(f"types are malformed: bitfield {name} of {width} bits")
    return Member(name, bits >> 3, type_, bits & 7, width)


def flattened(owner: str, members: Iterable[tuple[Member, StructType | None]]) -> dict[str, Member]:
    """Return members by name.

    An anonymous member comes with its layout; its members then stand in its place.
    """
    found: dict[str, Member] = {}
    left = MAX_MEMBERS
    for member, inner in members:
        if inner is None:
            found.setdefault(member.name, member)
            left -= 1
        else:
            for name, below in inner.members.items():
                found.setdefault(name, below.moved(member.offset))
            left -= len(inner.members) + 1
        if left < 0:
            raise SymbolError(f"types are malformed: {owner or 'a structure'} has too many members")
    return found


class StructType:
    """The layout of a struct or union."""

    __slots__ = ("_found", "kind", "members", "name", "size")

    def __init__(self, name: str, kind: str, size: int, members: Mapping[str, Member]) -> None:
        """`members` in the order of the declaration, those of anonymous members among them."""
        self.name = name
        self.kind = kind
        self.size = size
        self.members = members
        self._found: dict[str, Member | None] = {}

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}, {self.size} bytes, {len(self.members)} members>"

    def find(self, path: str) -> Member | None:
        """Return the member at a path, its offset counted from the start of this structure.

        A path goes through embedded structures and array elements: `d_name.hash`, `rlim[7]`,
        `numbers[0].nr`; of an array the kernel gives no length of, any element. Never through
        pointers. None if there is no such place.
        """
        if path not in self._found:
            self._found[path] = self._walk(path)
        return self._found[path]

    def has(self, path: str) -> bool:
        """Whether there is a member at the path."""
        return self.find(path) is not None

    def member(self, path: str) -> Member:
        """Return the member at the path; SymbolError that names it if there is none."""
        member = self.find(path)
        if member is None:
            raise SymbolError(f"{self.kind} {self.name} of this kernel has no member {path}")
        return member

    def offset(self, path: str) -> int:
        """Return the offset in bytes of the member at the path; SymbolError if there is none."""
        return self.member(path).offset

    def _walk(self, path: str) -> Member | None:
        """Follow the path one step after the other."""
        layout: StructType | None = self
        member = Member(path, 0, Type(self.kind, self.name, self.size))
        for step in path.split("."):
            match = _STEP.fullmatch(step)
            found = layout.members.get(match[1]) if layout is not None and match else None
            if found is None or match is None:
                return None
            element = _element(found, [int(index) for index in re.findall(r"\d+", match[2])])
            if element is None:
                return None
            member = element.moved(member.offset)
            is_embedded = member.type.kind in {"struct", "union"}
            layout = member.type.layout() if is_embedded else None
        return member


def _element(member: Member, indexes: list[int]) -> Member | None:
    """Return the element of an array member, or the member itself if no index is given."""
    type_, offset = member.type, member.offset
    for index in indexes:
        element = type_.target() if type_.kind == "array" else None
        if element is None or (type_.count and index >= type_.count):
            return None
        offset += index * element.size
        type_ = element
    if not indexes:
        return member
    return Member(member.name, offset, type_)


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enumeration: its constants by name, in the order of the declaration."""

    name: str
    size: int
    values: Mapping[str, int]


class Types(ABC):
    """All types of one kernel, by name."""

    @property
    def pointer_size(self) -> int:
        """Bytes of a pointer."""
        return 8

    def named(self, name: str) -> Type | None:
        """Return the number type with this name, or what a typedef of this name stands for."""
        return None

    @abstractmethod
    def struct(self, name: str) -> StructType | None:
        """Return the struct or union with this tag, or that a typedef of this name stands for."""

    @abstractmethod
    def enum(self, name: str) -> EnumType | None:
        """Return the enum with this tag, or that a typedef of this name stands for."""

    @abstractmethod
    def enumerator(self, name: str) -> int | None:
        """Return the value of a constant of any enum, anonymous ones included."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """Return the names of all structs and unions, sorted, each once."""

    def required(self, name: str) -> StructType:
        """Return the struct or union; SymbolError that names it if this kernel has none."""
        struct = self.struct(name)
        if struct is None:
            raise SymbolError(f"the types of this kernel have no struct {name}")
        return struct
