"""Records: what queries give. Columns with a path of keys each.

A column holds values, or an object for each record, or a list for each. Objects and lists of
objects are what a query goes on with; before records are written, `memq.eval` replaces them by
their default columns.
"""

from __future__ import annotations

import itertools
from dataclasses import field
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import Column, Indexes, Statuses, Truth, ragged
from memq.node import dataclass
from memq.schema.kinds import ValueType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_NARROW = 16
"""Columns of a record that weighs one."""


@dataclass(frozen=True, slots=True)
class Objects:
    """One object for each record: a row of `batch`, or -1 with the reason in `status`."""

    batch: Any
    index: Indexes
    status: Statuses | None = None

    def __len__(self) -> int:
        return len(self.index)

    def take(self, index: Indexes) -> Objects:
        """Return the objects of the records at the index."""
        status = None if self.status is None else self.status[index]
        return Objects(self.batch, self.index[index], status)


@dataclass(frozen=True, slots=True)
class Lists:
    """One list for each record: `items` from starts[i] to starts[i + 1]."""

    starts: Indexes
    items: Any
    """Records, or a batch of objects."""
    bare: bool = False
    """Whether an item is the value of the only column of `items`, not a record."""
    cut: Statuses | None = None
    """For each record, why its list is not whole."""
    membership: Truth | None = None
    """For each item TRUE, or the reason why it is not known whether it belongs there."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def records(self) -> Records:
        """The items, which are records, as they are by the time that they are written."""
        if not isinstance(self.items, Records):
            raise TypeError("a list of objects cannot be written")
        return self.items

    @property
    def weights(self) -> Indexes:
        """For each list, how many values there are in it, those of lists within it included."""
        weights = (
            self.items.weights if isinstance(self.items, Records) else np.ones(len(self.items))
        )
        return np.diff(np.concatenate([[0], np.cumsum(weights)])[self.starts]).astype(np.int64)

    def take(self, index: Indexes) -> Lists:
        """Return the lists of the records at the index."""
        rows, _ = ragged(self.starts, index)
        lengths = self.starts[index + 1] - self.starts[index]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        cut = None if self.cut is None else self.cut[index]
        membership = None if self.membership is None else self.membership[rows]
        return Lists(starts, self.items.take(rows), self.bare, cut, membership)


@dataclass(frozen=True, slots=True)
class RecordField:
    """A column of records: the keys under which it stands, and what is there.

    That is a value of a type; or (type None) an object, or a list of items (`many`), of which
    `item` is the shape.
    """

    path: tuple[str, ...]
    type: ValueType | None
    item: Any = None
    many: bool = True
    aliases: tuple[str, ...] | None = field(default=None, compare=False)
    """Of a default column: other names of its last key. None: it was asked for by name."""

    @property
    def is_default(self) -> bool:
        """Whether nobody asked for it by name: where there is no room, it may be left out."""
        return self.aliases is not None

    @property
    def is_object(self) -> bool:
        """Whether each record has one object here."""
        return self.type is None and not self.many


@dataclass(frozen=True, slots=True)
class Records:
    """`length` records, column by column."""

    length: int
    fields: tuple[RecordField, ...]
    columns: tuple[Column | Lists | Objects, ...]
    levels: Column | None = None
    """How deep each stands in the tree in whose order they are, for a table that draws it.

    Where that is not known, the value is how deep it stands below the first of which it is not.
    """

    def __len__(self) -> int:
        return self.length

    @property
    def weights(self) -> Indexes:
        """For each record, how many records it is made of: itself, and the items of its lists.

        One of very many columns counts as several.
        """
        weights = np.full(self.length, max(1, len(self.columns) // _NARROW), np.int64)
        for column in self.columns:
            if isinstance(column, Lists):
                weights += column.weights
        return weights

    def take(self, index: Indexes) -> Records:
        """Return the records at the index, in its order."""
        levels = None if self.levels is None else self.levels.take(index)
        return Records(len(index), self.fields, tuple(c.take(index) for c in self.columns), levels)

    def with_column(self, field: RecordField, column: Column | Lists | Objects) -> Records:
        """Return the records with one column more."""
        fields, columns = (*self.fields, field), (*self.columns, column)
        return Records(self.length, fields, columns, self.levels)


_AT_ONCE = 1 << 13


def slices(batches: Iterable[Records]) -> Iterator[Records]:
    """Yield the same records in pieces of which the texts are small: a bounded number of items.

    A record is never divided, however long its lists.
    """
    for records in batches:
        weights = records.weights
        blocks = (np.cumsum(weights) - weights) // _AT_ONCE
        edges = [0, *(np.flatnonzero(np.diff(blocks)) + 1).tolist(), len(records)]
        if len(edges) == 2:
            yield records
            continue
        for start, end in itertools.pairwise(edges):
            yield records.take(np.arange(start, end, dtype=np.int64))
