"""The members of a type in the order of memory: unions, holes, and what is nested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.raw_records import MAX_LEVELS
from memq.eval.raw_types import STRUCTURES
from memq.node import dataclass
from memq.symbols.types import Member

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memq.eval.raw import RawBatch
    from memq.symbols.types import Type

MAX_DEPTH = MAX_LEVELS
MAX_ELEMENTS = 8
"""Elements of an array of structures whose members are shown."""

_FIRST, _MIDDLE, _LAST, _NONE = "┌ ", "│ ", "└ ", "  "


@dataclass(frozen=True, slots=True)
class Row:
    """A member, or a hole between two."""

    level: int
    offset: int
    """From the start of the whole."""
    size: int
    mark: str = ""
    """A bracket along members that share their place, as those of a union do."""
    member: Member | None = None
    """None for a hole."""
    batch: RawBatch | None = None
    """The member in memory, where values are asked for."""
    is_open: bool = False
    """Whether its own members follow."""


def rows_of(type_: Type, offset: int, depth: int, batch: RawBatch | None) -> Iterator[Row]:
    """Yield the members of a structure that is `offset` bytes into the whole, by place.

    `depth` 1 are its own members; deeper, those of nested structures follow each, and those of the
    first elements of arrays of structures (without a batch, of the first one only).
    """
    yield from _structure(type_, offset, 0, min(depth, MAX_DEPTH), batch)


def _structure(
    type_: Type, offset: int, level: int, depth: int, batch: RawBatch | None
) -> Iterator[Row]:
    struct = type_.layout() if type_.kind in STRUCTURES else None
    if struct is None:
        return
    groups = _groups(sorted(struct.members.values(), key=_first_bit))
    has_unions = struct.kind == "struct" and any(len(group) > 1 for group in groups)
    end = 0
    for group in groups:
        start = group[0].offset
        if start > end:
            yield Row(level, offset + end, start - end, _NONE if has_unions else "")
        for number, member in enumerate(group):
            mark = _mark(number, len(group)) if has_unions else ""
            yield from _member(member, offset, level, depth, mark, batch)
        end = max(end, *(member.end for member in group))
    if struct.size > end:
        yield Row(level, offset + end, struct.size - end, _NONE if has_unions else "")


def _member(
    member: Member, offset: int, level: int, depth: int, mark: str, batch: RawBatch | None
) -> Iterator[Row]:
    inner = _inner(member.type, batch is not None) if depth > 1 else ()
    part = None if batch is None else batch.part(member)
    place = offset + member.offset
    yield Row(level, place, member.size, mark, member, part, is_open=bool(inner))
    for below in inner:
        nearer = None if part is None else part.part(below)
        if below.name:
            yield Row(level + 1, place + below.offset, below.size, "", below, nearer, is_open=True)
        step = level + 1 + bool(below.name)
        yield from _structure(below.type, place + below.offset, step, depth - 1, nearer)


def _inner(type_: Type, has_values: bool) -> Sequence[Member]:
    """Return the structures that are in a member: itself without a name, or its elements."""
    if type_.kind in STRUCTURES:
        layout = type_.layout()
        return (Member("", 0, type_),) if layout is not None and layout.members else ()
    element = type_.target() if type_.kind == "array" else None
    if element is None or element.kind not in STRUCTURES or not element.size:
        return ()
    count = min(type_.count, MAX_ELEMENTS if has_values else 1)
    return [Member(f"[{n}]", n * element.size, element) for n in range(count)]


def _groups(members: Sequence[Member]) -> list[list[Member]]:
    """Put members together that share bits; those of bitfields beside each other do not."""
    groups: list[list[Member]] = []
    end = 0
    for member in members:
        if groups and _first_bit(member) < end:
            groups[-1].append(member)
        else:
            groups.append([member])
        end = max(end, _last_bit(member))
    return groups


def _first_bit(member: Member) -> int:
    return member.offset * 8 + (member.bit_offset or 0)


def _last_bit(member: Member) -> int:
    width = member.size * 8 if member.bit_size is None else member.bit_size
    return _first_bit(member) + width


def _mark(number: int, count: int) -> str:
    if count == 1:
        return _NONE
    return _FIRST if number == 0 else _LAST if number == count - 1 else _MIDDLE
