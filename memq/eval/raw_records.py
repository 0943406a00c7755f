"""Raw structures as records: a tree of what is in them, nothing followed that leads out of them.

Structures within structures are opened, arrays become lists, arrays of char texts; a pointer is an
address. All is bounded, and what lies beyond a bound is there as unknown, with the reason: a
structure that is too deep as one value, the rest of a list in its cut, the rest of the members of a
structure under the name `...`. A structure of no members is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, text_column, unknown
from memq.errors import Reason
from memq.eval.raw import RawBatch
from memq.eval.raw_types import STRUCTURES, value_type
from memq.node import dataclass
from memq.output.records import Lists, RecordField, Records
from memq.schema.kinds import Kind, ValueType
from memq.symbols.decode import is_number
from memq.symbols.types import Member, Type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Indexes, Statuses
    from memq.symbols.types import StructType

MAX_LEVELS = 12
"""Structures and arrays in each other; of 7,466 types of a 6.1 kernel one has more."""
MAX_FIELDS = 2048
"""Values of one structure, those of its lists' elements counted once; task_struct has 600."""
MAX_ITEMS = 256
"""Elements of one list."""
MAX_CELLS = 4096
"""Values of all elements of one list: of such that hold many, fewer are shown, at least one."""
REST = "..."
"""Under this name stands that a structure has more members; no name in C is like it."""

_CELLS_AT_ONCE = 1 << 20
_LONGEST_HEX = 64


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column of a tree."""

    path: tuple[str, ...]
    member: Member
    """Where it is, from the start of the whole."""
    type: ValueType | None = None
    """None: a list."""
    reason: Reason | None = None
    """Why there is no value; of a list, why it is not whole."""
    items: tuple[Leaf, ...] = ()
    count: int = 0
    """Of a list: what its elements hold, and how many there are."""

    @property
    def cells(self) -> int:
        """How many values there are in each row."""
        return 1 + self.count * cells_of(self.items)

    @property
    def field(self) -> RecordField:
        """The column as records describe it."""
        return RecordField(self.path, self.type)


def cells_of(leaves: tuple[Leaf, ...]) -> int:
    """Return how many values a row of a tree has."""
    return sum(leaf.cells for leaf in leaves)


def leaves_of(type_: Type) -> tuple[Leaf, ...]:
    """Return the tree of a type; of what is no structure, one leaf without a name."""
    return _Tree(MAX_FIELDS).leaves(type_, 0)


def records(batch: RawBatch) -> Records:
    """Return what is in each structure, in the columns that `leaves_of` tells."""
    return _records(batch, leaves_of(batch.type))


def pieces(batch: RawBatch) -> Iterator[Records]:
    """Yield the same records, as many at a time as are a bounded number of values."""
    step = max(1, _CELLS_AT_ONCE // cells_of(leaves_of(batch.type)))
    for start in range(0, len(batch), step):
        yield records(batch.take(np.arange(start, min(start + step, len(batch)))))


class _Tree:
    """The leaves of one type, made until there are too many."""

    def __init__(self, left: int) -> None:
        self._left = left
        self._found: list[Leaf] = []

    def leaves(self, type_: Type, level: int) -> tuple[Leaf, ...]:
        """Return the leaves of a type by itself, with paths of its own."""
        before, self._found = self._found, []
        self._open((), Member("", 0, type_), level)
        found, self._found = tuple(self._found), before
        return found

    def _add(self, leaf: Leaf) -> None:
        self._found.append(leaf)
        self._left -= 1

    def _open(self, path: tuple[str, ...], member: Member, level: int) -> None:
        type_ = member.type
        value = value_type(type_)
        if value is not None:
            self._add(Leaf(path, member, value))
        elif type_.kind in STRUCTURES:
            self._open_structure(path, member, level)
        elif type_.kind == "array" and level < MAX_LEVELS:
            self._open_array(path, member, level)
        else:
            is_shown = type_.kind != "array" and 0 < type_.size <= _LONGEST_HEX
            self._add(_hex(path, member) if is_shown else _nothing(path, member, Reason.LIMIT))

    def _open_structure(self, path: tuple[str, ...], member: Member, level: int) -> None:
        layout = member.type.layout()
        reason = _why_closed(layout, level)
        if layout is None or reason is not None:
            self._add(_nothing(path, member, reason or Reason.NOT_IN_KERNEL))
            return
        for name, inner in layout.members.items():
            if self._left <= 0:
                if REST not in layout.members:
                    self._add(_nothing((*path, REST), member, Reason.LIMIT))
                return
            self._open((*path, name), inner.moved(member.offset), level + 1)

    def _open_array(self, path: tuple[str, ...], member: Member, level: int) -> None:
        element = member.type.target()
        if element is None or not element.size or not member.type.count:
            # How many there are, the types do not say.
            items = () if element is None else self.leaves(element, level + 1)
            self._add(Leaf(path, member, reason=Reason.CUT_SHORT, items=items))
            return
        items = self.leaves(element, level + 1)
        count = min(member.type.count, MAX_ITEMS, max(1, MAX_CELLS // max(1, cells_of(items))))
        reason = Reason.LIMIT if count < member.type.count else None
        self._add(Leaf(path, member, reason=reason, items=items, count=count))


def _why_closed(layout: StructType | None, level: int) -> Reason | None:
    """Return why a structure is shown as one value."""
    if layout is None:
        return Reason.NOT_IN_KERNEL
    if not layout.members:
        return Reason.NULL
    return Reason.LIMIT if level >= MAX_LEVELS else None


def _nothing(path: tuple[str, ...], member: Member, reason: Reason) -> Leaf:
    return Leaf(path, member, ValueType(Kind.NUMBER), reason)


def _hex(path: tuple[str, ...], member: Member) -> Leaf:
    return Leaf(path, member, ValueType(Kind.STRING))


def _records(batch: RawBatch, leaves: tuple[Leaf, ...]) -> Records:
    columns = tuple(column_of_leaf(batch, leaf) for leaf in leaves)
    return Records(len(batch), tuple(leaf.field for leaf in leaves), columns)


def column_of_leaf(batch: RawBatch, leaf: Leaf) -> Column | Lists:
    """Return one column of the tree of some things."""
    if leaf.type is None:
        return _lists(batch.part(leaf.member), leaf)
    if leaf.reason is not None:
        return unknown(leaf.reason, len(batch)).under(batch.status)
    part = batch.part(leaf.member)
    return _hex_digits(part) if value_type(part.type) is None else part.value()


def _hex_digits(part: RawBatch) -> Text:
    """Return numbers that no column has room for as the digits of their bytes, lowest first."""
    byte = Type("int", "unsigned char", 1)
    size = part.type.size
    array = Type("array", "", size, count=size, target_link=lambda: byte)
    values, status = part.home.array_of(Member("", part.place.offset, array))
    return text_column([bytes(row).hex() for row in values.astype(np.uint8)], status)


def _lists(part: RawBatch, leaf: Leaf) -> Lists:
    """Return the elements of an array in each row, none where the row is not known."""
    element = leaf.items[0].member.type if leaf.count and _is_bare(leaf.items) else None
    if element is not None and is_number(Member("", 0, element)):
        size = element.size * leaf.count
        array = Type("array", "", size, count=leaf.count, target_link=lambda: element)
        values, status = part.home.array_of(Member("", part.place.offset, array))
        known = _known_rows(status, len(part))
        items = Records(
            len(known) * leaf.count,
            tuple(item.field for item in leaf.items),
            (Column(values[known].reshape(-1)),),
        )
    else:
        status = part.status
        known = _known_rows(status, len(part))
        items = _records(_elements(part, known, leaf), leaf.items)
    return _gathered(items, known, status, leaf, len(part))


def _is_bare(items: tuple[Leaf, ...]) -> bool:
    return len(items) == 1 and not items[0].path


def _known_rows(status: Statuses | None, length: int) -> Indexes:
    return np.arange(length) if status is None else np.flatnonzero(status == 0)


def _elements(part: RawBatch, rows: Indexes, leaf: Leaf) -> RawBatch:
    """Return the elements of the arrays in these rows, one array after the other."""
    element = part.type.target() or Type("void")
    distance = np.arange(leaf.count, dtype=np.uint64) * np.uint64(element.size)
    addresses = part.addresses[rows][:, None] + distance
    return RawBatch.at(part.home, element, Column(addresses.reshape(-1)))


def _gathered(
    items: Records, known: Indexes, status: Statuses | None, leaf: Leaf, length: int
) -> Lists:
    """Return the lists of all rows, of which those that are not known have no elements."""
    counts = np.zeros(length, np.int64)
    counts[known] = leaf.count
    cut = np.zeros(length, np.uint8)
    cut[known] = leaf.reason or Reason.KNOWN
    if status is not None:
        cut = np.where(status > Reason.NULL, status, cut)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Lists(starts, items, _is_bare(leaf.items), cut if cut.any() else None)
