"""Pairs of rows with equal keys, found by sorting instead of trying every pair.

Where a condition says that something of one sequence equals something of another, only such pairs
can satisfy it, and those of which one key is unknown: the others are never made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, Indexes, Text, distinct_numbers, ragged
from memq.errors import Reason
from memq.eval.compare import common_codes
from memq.node import dataclass

if TYPE_CHECKING:
    from memq.eval.domain import View


@dataclass(frozen=True, slots=True)
class Matches:
    """For each row of a domain, the elements of its sequence that may have the same key.

    `order` are elements; those of row i stand in it from low[i] to high[i]. Elements whose key is
    unknown (by their sequence) may equal any, and rows whose key is unknown may equal all.
    """

    view: View
    order: Indexes
    low: Indexes
    high: Indexes
    loose: Indexes
    """Elements whose key is unknown, by sequence."""
    loose_starts: Indexes
    is_open: Array
    """Rows whose key is unknown."""

    def sizes(self) -> Indexes:
        """How many elements each row is paired with, and a rest."""
        index = np.where(self.view.index < 0, len(self.loose_starts) - 2, self.view.index)
        loose = self.loose_starts[index + 1] - self.loose_starts[index]
        closed = self.high - self.low + loose + self.view.has_rest()
        return np.where(self.is_open, self.view.sizes(), closed).astype(np.int64)

    def pairs(self, rows: Indexes) -> tuple[Indexes, Indexes]:
        """Return for some rows (elements, which of the rows each belongs to), in order."""
        view = self.view.take(rows)
        index = np.where(view.index < 0, len(self.loose_starts) - 2, view.index)
        is_open = self.is_open[rows]
        low, high = self.low[rows], self.high[rows]
        found = [runs(self.order, low, np.where(is_open, low, high))]
        start, end = self.loose_starts[index], self.loose_starts[index + 1]
        found.append(runs(self.loose, start, np.where(is_open, start, end)))
        starts = np.append(view.collection.starts(), len(view.collection.owner))
        all_of = np.where(view.index < 0, view.collection.parents, view.index)
        start, end = starts[all_of], starts[all_of + 1]
        every = np.arange(len(view.collection.owner), dtype=np.int64)
        found.append(runs(every, start, np.where(is_open, end, start)))
        elements = np.concatenate([one for one, _ in found])
        origin = np.concatenate([one for _, one in found])
        order = np.lexsort((elements, origin))
        return elements[order], origin[order]


def runs(items: Indexes, start: Indexes, end: Indexes) -> tuple[Indexes, Indexes]:
    """Return the items of the runs from start to end, and which run each belongs to."""
    ends = np.cumsum(np.append(0, end - start))
    rows, owner = ragged(ends.astype(np.int64), np.arange(len(start), dtype=np.int64))
    return items[rows + (start - ends[:-1])[owner]], owner


def matches(view: View, left: Column, right: Column, *, fold: bool) -> Matches | None:
    """Pair each row, whose key is in `left`, with elements, whose keys are in `right`.

    None where the keys are numbers that no array of 64 bits holds.
    """
    coded = _codes(left, right, fold=fold)
    if coded is None:
        return None
    first, second, count = coded
    owner, parents = view.collection.owner, view.collection.parents
    known = np.flatnonzero(right.known)
    sorts = owner[known] * count + second[known]
    by_key = np.argsort(sorts, kind="stable")
    order, sorts = known[by_key], sorts[by_key]
    wanted = view.index * count + first
    low = np.searchsorted(sorts, wanted, "left")
    high = np.searchsorted(sorts, wanted, "right")
    absent = ~left.known | (view.index < 0) | (first < 0)
    loose = np.flatnonzero(right.statuses > Reason.NULL)
    starts = np.searchsorted(owner[loose], np.arange(parents + 1))
    return Matches(
        view,
        order,
        low,
        np.where(absent, low, high),
        loose,
        np.append(starts, [len(loose), len(loose)]).astype(np.int64),
        left.statuses > Reason.NULL,
    )


def _codes(left: Column, right: Column, *, fold: bool) -> tuple[Indexes, Indexes, int] | None:
    """Give equal keys equal codes; -1 where a left key equals nothing of the right."""
    if isinstance(left, Text) and isinstance(right, Text):
        first, second = common_codes(left, right, fold=fold, ranked=False)
        return first, second, int(max(first.max(initial=0), second.max(initial=0))) + 1
    if isinstance(left, Text) or isinstance(right, Text):
        return None
    one, other = left.values, right.values
    if "O" in (one.dtype.kind, other.dtype.kind):
        return None
    if {one.dtype.kind, other.dtype.kind} == {"i", "u"}:
        return _mixed_codes(left, right)
    keys = distinct_numbers(other[right.known])
    return _ranks(one, keys), np.maximum(_ranks(other, keys), 0), max(1, len(keys))


def _mixed_codes(left: Column, right: Column) -> tuple[Indexes, Indexes, int]:
    """Give codes to signed and unsigned keys: what is negative equals nothing unsigned."""
    one, other = left.values.astype(np.uint64), right.values.astype(np.uint64)
    signed = left.values if left.values.dtype.kind == "i" else right.values
    keys = distinct_numbers(other[right.known])
    first, second = _ranks(one, keys), np.maximum(_ranks(other, keys), 0)
    if signed is left.values:
        first[signed < 0] = -1
        return first, second, max(1, len(keys))
    # A code of its own for each side's impossible ones.
    second[signed < 0] = len(keys)
    return first, second, len(keys) + 1


def _ranks(values: Array, keys: Array) -> Indexes:
    """Return where each value stands among sorted keys; -1 where it is none of them."""
    if not len(keys):
        return np.full(len(values), -1, np.int64)
    place = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return np.where(keys[place] == values, place, -1).astype(np.int64)
