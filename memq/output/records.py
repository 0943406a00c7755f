"""Records: what queries give. Columns with a path of keys each; a column may be of lists."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Indexes, Statuses, ragged
from memq.schema.kinds import ValueType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Lists:
    """One list for each record: `items` from starts[i] to starts[i + 1]."""

    starts: Indexes
    items: Records
    bare: bool = False
    """Whether an item is the value of the only column of `items`, not a record."""
    cut: Statuses | None = None
    """For each record, why its list is not whole."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def weights(self) -> Indexes:
        """For each list, how many values there are in it, those of lists within it included."""
        weights = self.items.weights
        return np.diff(np.concatenate([[0], np.cumsum(weights)])[self.starts])

    def take(self, index: Indexes) -> Lists:
        """Return the lists of the records at the index."""
        rows, _ = ragged(self.starts, index)
        lengths = self.starts[index + 1] - self.starts[index]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        cut = None if self.cut is None else self.cut[index]
        return Lists(starts, self.items.take(rows), self.bare, cut)


@dataclass(frozen=True, slots=True)
class RecordField:
    """A column of records: the keys under which it stands, and its type (None: lists)."""

    path: tuple[str, ...]
    type: ValueType | None


@dataclass(frozen=True, slots=True)
class Records:
    """`length` records, column by column."""

    length: int
    fields: tuple[RecordField, ...]
    columns: tuple[Column | Lists, ...]

    def __len__(self) -> int:
        return self.length

    @property
    def weights(self) -> Indexes:
        """For each record, how many records it is made of: itself, and the items of its lists."""
        weights = np.ones(self.length, np.int64)
        for column in self.columns:
            if isinstance(column, Lists):
                weights += column.weights
        return weights

    def take(self, index: Indexes) -> Records:
        """Return the records at the index, in its order."""
        return Records(len(index), self.fields, tuple(c.take(index) for c in self.columns))


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
