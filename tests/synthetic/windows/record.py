"""Structures in memory, written by the names of their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from memq.errors import SymbolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memq.symbols.types import Member, StructType


class Space(Protocol):
    """What structures are written to."""

    @property
    def word(self) -> int:
        """Bytes of a pointer."""

    def write(self, va: int, data: bytes) -> None:
        """Write bytes."""

    def read(self, va: int, size: int) -> bytes:
        """Return bytes that were written."""


class Record:
    """A structure at an address: `record["Pcb.Header.Type"] = 3`, `record["a|b"]`.

    Of alternatives "newest|older" the first that the type has is meant.
    """

    def __init__(self, space: Space, address: int, type_: StructType) -> None:
        self.space = space
        self.address = address
        self.type = type_

    def find(self, paths: str) -> Member | None:
        """Return the member, None where the type has none of the alternatives."""
        found = (self.type.find(path) for path in paths.split("|"))
        return next((member for member in found if member is not None), None)

    def has(self, paths: str) -> bool:
        """Whether the type has the member."""
        return self.find(paths) is not None

    def at(self, paths: str) -> int:
        """Return the address of a member."""
        return self.address + self._member(paths).offset

    def __setitem__(self, paths: str, value: int | bytes) -> None:
        member = self._member(paths)
        if isinstance(value, bytes):
            data = value[: member.size]
        elif member.bit_size is None or member.bit_offset is None:
            data = (value % (1 << 8 * member.size)).to_bytes(member.size, "little")
        else:
            mask = (1 << member.bit_size) - 1
            before = self._number(member.offset, member.size)
            number = before & ~(mask << member.bit_offset) | (value & mask) << member.bit_offset
            data = number.to_bytes(member.size, "little")
        self.space.write(self.address + member.offset, data)

    def __getitem__(self, paths: str) -> int:
        member = self._member(paths)
        number = self._number(member.offset, member.size)
        if member.bit_size is None or member.bit_offset is None:
            return number
        return number >> member.bit_offset & (1 << member.bit_size) - 1

    def fill(self, members: Mapping[str, int | bytes]) -> Record:
        """Write members that must be there."""
        for paths, value in members.items():
            self[paths] = value
        return self

    def offer(self, members: Mapping[str, int | bytes]) -> Record:
        """Write those members that this build has."""
        return self.fill({paths: value for paths, value in members.items() if self.has(paths)})

    def text(self, paths: str, text: str, buffer: int) -> None:
        """Write an _UNICODE_STRING and, at `buffer`, its characters."""
        data = text.encode("utf-16-le")
        member, word = self._member(paths), self.space.word
        place = self.address + member.offset
        lengths = len(data).to_bytes(2, "little") + (len(data) + 2).to_bytes(2, "little")
        self.space.write(place, lengths)
        self.space.write(place + word, buffer.to_bytes(word, "little"))
        self.space.write(buffer, data + bytes(2))

    def _member(self, paths: str) -> Member:
        member = self.find(paths)
        if member is None:
            raise SymbolError(f"{self.type.name} of this build has no member {paths}")
        return member

    def _number(self, offset: int, size: int) -> int:
        return int.from_bytes(self.space.read(self.address + offset, size), "little")


def ring(space: Space, head: int, links: Sequence[int]) -> None:
    """Write a _LIST_ENTRY and the links in the structures as one ring: next, then previous."""
    nodes = [head, *links]
    for at, following in zip(nodes, [*nodes[1:], head], strict=True):
        space.write(at, following.to_bytes(space.word, "little"))
        space.write(following + space.word, at.to_bytes(space.word, "little"))
