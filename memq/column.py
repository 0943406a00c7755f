"""Columns: one value per object, with the reason where there is none.

A Column is a numpy array of values and, beside it, an array of Reason codes (uint8; None where all
are known). Text is a Column whose values are indexes into a list of distinct words, so that a
comparison, a regular expression or an encoding runs once per distinct word.

A truth column is one uint8 array in which Kleene's three values carry their reason: 0 is false, 255
is true, what lies between is unknown, and is the Reason. `and` is the minimum, `or` the maximum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from memq.errors import Reason
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Array: TypeAlias = NDArray[Any]
Addresses: TypeAlias = NDArray[np.uint64]
Indexes: TypeAlias = NDArray[np.int64]
Statuses: TypeAlias = NDArray[np.uint8]
Truth: TypeAlias = NDArray[np.uint8]

FALSE = 0
TRUE = 255


@dataclass(frozen=True, slots=True)
class Column:
    """Values, and a Reason for each (None: all known)."""

    values: Array
    status: Statuses | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def statuses(self) -> Statuses:
        """The Reason of every row, as an array also where all are known."""
        return np.zeros(len(self.values), np.uint8) if self.status is None else self.status

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there is a value."""
        return np.ones(len(self.values), bool) if self.status is None else self.status == 0

    def take(self, index: Indexes) -> Self:
        """Return the rows at the index, in its order."""
        status = None if self.status is None else self.status[index]
        return self._with(self.values[index], status)

    def but(self, where: NDArray[np.bool_], reason: Reason) -> Self:
        """Return the column with the reason instead of a value at the rows marked."""
        if not where.any():
            return self
        return self._with(self.values, np.where(where, np.uint8(reason), self.statuses))

    def also(self, status: Statuses | None) -> Self:
        """Return the column with these reasons too: what was unknown or null before stays so."""
        if status is None or not status.any():
            return self
        if self.status is None:
            return self._with(self.values, status)
        return self._with(self.values, np.where(self.status == 0, status, self.status))

    def under(self, status: Statuses | None) -> Self:
        """Return the column in which rows that have a reason in `status` have that one instead."""
        if status is None or not status.any():
            return self
        return self._with(self.values, np.where(status == 0, self.statuses, status))

    def spread(self, index: Indexes, status: Statuses | None) -> Self:
        """Return the rows at the index; where that is -1 there is no row, but a reason."""
        if status is None:
            return self.take(index)
        if len(self.values):
            return self.take(np.maximum(index, 0)).under(status)
        return self._with(np.zeros(len(index), self.values.dtype), status)

    def _with(self, values: Array, status: Statuses | None) -> Self:
        return type(self)(values, status)


@dataclass(frozen=True, slots=True)
class Text(Column):
    """Strings: `values` are indexes into `words`, which are distinct; a row without one holds 0."""

    words: Sequence[str] = ()

    def _with(self, values: Array, status: Statuses | None) -> Text:
        return Text(values, status, self.words)

    def map(self, function: Callable[[str], str]) -> Text:
        """Return the column with the function applied, once per word."""
        codes, words = distinct(function(word) for word in self.words)
        values = codes[self.values] if len(self.words) else self.values
        return Text(values, self.status, words)

    def test(self, function: Callable[[str], bool]) -> Column:
        """Return whether the function is true of each row, asked once per word."""
        answers = np.fromiter((function(word) for word in self.words), bool, len(self.words))
        values = answers[self.values] if len(answers) else np.zeros(len(self.values), bool)
        return Column(values, self.status)

    def to_list(self) -> list[str | None]:
        """Return the strings, None where there is none or it is unknown."""
        known = self.known.tolist()
        words = self.words
        return [
            words[code] if good else None
            for code, good in zip(self.values.tolist(), known, strict=True)
        ]


def distinct(strings: Iterable[str]) -> tuple[Indexes, list[str]]:
    """Give each string a code: (codes, distinct words in order of first appearance)."""
    seen: dict[str, int] = {}
    codes = [seen.setdefault(string, len(seen)) for string in strings]
    return np.array(codes, np.int64), list(seen)


def text_column(strings: Sequence[str | None], status: Statuses | None = None) -> Text:
    """Make a Text of strings; None becomes null where `status` does not say more."""
    codes, words = distinct("" if string is None else string for string in strings)
    null = np.fromiter((string is None for string in strings), bool, len(strings))
    column = Text(codes, status, words)
    return column.also(np.where(null, np.uint8(Reason.NULL), np.uint8(0))) if null.any() else column


def constant(value: object, length: int) -> Column:
    """Return a column that holds one Python value (None: null) in every row."""
    if value is None:
        return unknown(Reason.NULL, length)
    if isinstance(value, str):
        return Text(np.zeros(length, np.int64), None, (value,))
    if isinstance(value, bool | float):
        return Column(np.broadcast_to(value, length))
    if isinstance(value, int):
        kind = np.int64 if value < 1 << 63 else np.uint64
        return Column(np.broadcast_to(kind(value), length))
    raise TypeError(f"no column of {type(value).__name__}")


def unknown(reason: Reason, length: int) -> Column:
    """Return a column without a value in any row, for one reason."""
    return Column(np.zeros(length, np.int64), np.full(length, reason, np.uint8))


def worst(*statuses: Statuses | None) -> Statuses | None:
    """Merge reasons row by row: unknown before null before known."""
    merged: Statuses | None = None
    for status in statuses:
        if status is not None:
            merged = status if merged is None else np.maximum(merged, status)
    return merged


# numpy's unique, isin and their like import numpy.ma when first called, which costs 5 to 14 ms.


def distinct_numbers(values: Array) -> Array:
    """Return the distinct values, sorted."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return np.asarray(ordered[first])


def distinct_rows(values: Array) -> tuple[Indexes, Indexes]:
    """Return where each distinct value, in their order, is first, and for each row which it is."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.ones(len(ordered), bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    inverse = np.empty(len(values), np.int64)
    inverse[order] = np.cumsum(starts) - 1
    return order[starts], inverse


def is_among(values: Array, others: Array) -> NDArray[np.bool_]:
    """Tell of each value whether it is one of the others."""
    if not len(others):
        return np.zeros(len(values), bool)
    ordered = np.sort(others)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[place] == values)


def places_in(part: Indexes, wanted: Indexes, length: int) -> Indexes | None:
    """Return where numbers below `length` stand in a part of those; None if not all do."""
    if len(part) and part[-1] - part[0] == len(part) - 1 and (part[1:] > part[:-1]).all():
        rows = wanted - part[0]  # it is a run, as pieces of a batch are: no table is needed
        return rows if ((rows >= 0) & (rows < len(part))).all() else None
    places = np.full(length, -1, np.int64)
    places[part] = np.arange(len(part))
    rows = places[wanted]
    return rows if (rows >= 0).all() else None


def ragged(starts: Indexes, index: Indexes) -> tuple[Indexes, Indexes]:
    """Rows of the runs at the index, one after the other, and the position in index of each."""
    counts = starts[index + 1] - starts[index]
    owner = np.repeat(np.arange(len(index), dtype=np.int64), counts)
    ends = np.cumsum(counts)
    rows = np.arange(len(owner), dtype=np.int64) + np.repeat(starts[index] - ends + counts, counts)
    return rows, owner


# Three-valued logic

_NOT = np.arange(256, dtype=np.uint8)
_NOT[FALSE], _NOT[TRUE] = TRUE, FALSE


def surely(answers: NDArray[np.bool_]) -> Truth:
    """Return answers, none of which is unknown, as truth; np.where takes a hundred times as long.

    TRUE has all bits set, so that it is minus one.
    """
    return np.negative(answers.view(np.uint8))


def possible(truth: Truth) -> Indexes:
    """Return the rows of which it is not false; np.flatnonzero(truth) takes six times as long."""
    return np.flatnonzero(truth != FALSE)


def truth_of(column: Column) -> Truth:
    """Read a column of booleans as truth: null is false."""
    truth = surely(column.values.astype(bool, copy=False))
    if column.status is None:
        return truth
    status = np.where(column.status == Reason.NULL, np.uint8(FALSE), column.status)
    return np.where(column.status == 0, truth, status)


def column_of(truth: Truth) -> Column:
    """Write a truth column as a column of booleans with reasons."""
    unsure = is_unsure(truth)
    return Column(truth == TRUE, np.where(unsure, truth, np.uint8(0)) if unsure.any() else None)


def is_unsure(truth: Truth) -> NDArray[np.bool_]:
    """Where a truth column is unknown."""
    # One added, TRUE is 0 and FALSE is 1.
    return np.asarray(truth + np.uint8(1) > 1)


def negation(truth: Truth) -> Truth:
    """Kleene's not; an unknown keeps its reason."""
    return _NOT[truth]


def disjunction(truths: Iterable[Truth], length: int) -> Truth:
    """Kleene's or of any number of truth columns."""
    result = np.zeros(length, np.uint8)
    for truth in truths:
        result = np.maximum(result, truth)
    return result


def some_of(truth: Truth, parent: Indexes, parents: int) -> Truth:
    """Kleene's or over each parent's rows; `parent` is non-decreasing; of no rows it is false."""
    result = np.zeros(parents, np.uint8)
    if len(truth):
        starts = np.flatnonzero(np.diff(parent, prepend=-1))
        result[parent[starts]] = np.maximum.reduceat(truth, starts)
    return result
