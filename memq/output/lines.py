"""Lines that make a tree of the rows of a table, before the texts of one of its columns.

A row whose depth is not known is the root of a tree of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text, distinct
from memq.errors import Cancelled
from memq.merge import concatenate
from memq.output.records import RecordField, Records
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memq.column import Array, Column, Indexes

DEEPEST = 40
"""Levels that lines are drawn for; a row below those has its depth in brackets instead."""

_MORE, _LAST = "├─ ", "└─ "
_PAST, _BLANK = "│  ", "   "
_UNKNOWN = "?─ "

_FIELD = RecordField(("tree",), ValueType(Kind.STRING))
"""The column of the lines, where there is none with texts."""


class Lines:
    """How the rows of one table are drawn as a tree."""

    def __init__(self, hidden: str | None = None) -> None:
        """`hidden` is the name of a column that is left out, as the lines say it."""
        self._hidden = hidden

    def drawn(
        self, batches: Iterable[Records], fields: Sequence[RecordField]
    ) -> tuple[Iterator[Records], list[RecordField]]:
        """Return the records with their lines as one column more, and the columns of the table.

        Nothing is read before the first record is asked for.
        """
        kept = [number for number, field in enumerate(fields) if field.path != (self._hidden,)]
        shown = [fields[number] for number in kept]
        titles = shown if _text(shown) is not None else [_FIELD, *shown]
        return self._with_lines(batches, kept), titles

    def _with_lines(self, batches: Iterable[Records], kept: list[int]) -> Iterator[Records]:
        found: list[Records] = []
        stopped: Cancelled | None = None
        try:
            found.extend(batches)
        except Cancelled as error:
            stopped = error
        if found:
            yield from self._drawn(found, kept)
        if stopped is not None:
            raise stopped

    def _drawn(self, found: list[Records], kept: list[int]) -> Iterator[Records]:
        """Yield the records with their lines."""
        levels = concatenate([_levels(records) for records in found])
        lines, start = _column(levels), 0
        for records in found:
            rows = np.arange(start, start + len(records), dtype=np.int64)
            start += len(records)
            fields = [records.fields[number] for number in kept]
            columns = [records.columns[number] for number in kept]
            place = _text(fields) or 0
            fields.insert(place, _FIELD)
            columns.insert(place, lines.take(rows))
            yield replace(records, fields=tuple(fields), columns=tuple(columns))

    def joined(self, cells: Sequence[list[str]], fields: Sequence[RecordField]) -> list[list[str]]:
        """Put the cells of the lines before those of the texts that they belong to."""
        place = next(number for number, field in enumerate(fields) if field is _FIELD)
        if _text(fields[place + 1 :]) != 0:
            return list(cells)
        both = [line + text for line, text in zip(cells[place], cells[place + 1], strict=True)]
        return [*cells[:place], both, *cells[place + 2 :]]


def _text(fields: Sequence[RecordField]) -> int | None:
    """Return the number of the first column of texts."""
    texts = (n for n, one in enumerate(fields) if one.type and one.type.kind is Kind.STRING)
    return next(texts, None)


def _levels(records: Records) -> Column:
    if records.levels is None:
        raise TypeError("the records are not in a tree's order")
    return records.levels


def _column(levels: Column) -> Text:
    """Return what stands before the text of each row."""
    codes, words = distinct(prefixes(levels.values, levels.known).tolist())
    return Text(codes, None, words)


def prefixes(levels: Indexes, known: Array) -> Array:
    """Return the lines before each row, as texts; `known`: whether its depth is."""
    parents, has_next = _kin(levels)
    result = np.where(known, "", _UNKNOWN).astype(object)
    # What the lines of the rows below begin with.
    inner = np.where(known, "", _BLANK).astype(object)
    own = np.where(has_next, _MORE, _LAST).astype(object)
    past = np.where(has_next, _PAST, _BLANK).astype(object)
    for level in range(1, min(int(levels.max(initial=0)), DEEPEST) + 1):
        rows = np.flatnonzero(levels == level)
        above = inner[parents[rows]]
        result[rows] = above + own[rows]
        inner[rows] = above + past[rows]
    for row in np.flatnonzero(levels > DEEPEST).tolist():
        depth = f"{'' if known[row] else '?+'}{levels[row]}"
        result[row] = f"[{depth}] {own[row]}"
    return result


def _kin(levels: Indexes) -> tuple[Indexes, Array]:
    """Return the parent of each row (of roots anything), and whether it has a sibling below it."""
    count = len(levels)
    rows = np.arange(count)
    # Rows by their level, and those of one level as they stand.
    by_level = np.lexsort((rows, levels))
    keys = (levels * (count + 1) + rows)[by_level]
    place = np.searchsorted(keys, (levels - 1) * (count + 1) + rows) - 1
    parents = by_level[np.maximum(place, 0)]
    following = np.roll(by_level, -1)
    is_next = np.diff(levels[by_level], append=-1) == 0
    is_next &= parents[by_level] == parents[following]
    has_next = np.zeros(count, bool)
    has_next[by_level] = is_next
    return parents, has_next
