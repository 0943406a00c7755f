"""Records: what queries give. Columns with a path of keys each; a list of records may be a column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memq.column import Column, Indexes, Statuses, ragged
from memq.schema.kinds import ValueType


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

    def take(self, index: Indexes) -> Records:
        """Return the records at the index, in its order."""
        return Records(len(index), self.fields, tuple(c.take(index) for c in self.columns))
