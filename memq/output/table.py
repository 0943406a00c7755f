"""Records as a table of fixed width: plain text, written as rows are found.

Columns are as wide as what was met so far needs: they may grow while rows come. On a terminal the
table is fitted to its width (memq.output.fitting), and what is longer than its cell is cut: a path
keeps its end, other texts their beginning.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.errors import Cancelled, Reason
from memq.output.cells import clean, marked, plain_cells
from memq.output.fitting import Need, fitted, kept
from memq.output.humane import humane_cells, is_rounded
from memq.output.json import plain
from memq.output.look import Look
from memq.output.records import Lists, slices
from memq.output.separated import title
from memq.output.widths import columns_of, filled
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memq.output.lines import Lines
    from memq.output.records import RecordField, Records

_GAP = "  "
_IN_LIST = 2
"""Items of a list that are written out before the others are counted."""
_RIGHT = (Kind.NUMBER, Kind.SIZE, Kind.ADDRESS, Kind.FLOAT)

_NULL = "null"
"""What a null by itself is; in a cell it is nothing."""
# Stands for an unknown value until the line is whole: one column wide, and no text can hold it.
_UNKNOWN = "\x00"
_SCREENFUL = 50
_PATIENCE = 0.3
"""Rows, and seconds, that are waited for before the widths of the columns are chosen."""


def table(
    batches: Iterable[Records],
    fields: Sequence[RecordField],
    look: Look | None = None,
    *,
    lines: Lines | None = None,
) -> Iterator[str]:
    """Yield the lines of a table.

    The first screenful of rows, or what is found in 0.3 s, is laid out together, and comes with the
    titles. With `lines`, a tree is drawn of the rows, all of which are waited for.
    """
    look = look or Look()
    if lines is not None:
        batches, fields = lines.drawn(batches, fields)
    mark = look.marked("?")
    layout = _Layout(fields, look)
    held: list[list[list[str]]] = []
    is_begun = False
    patience = time.monotonic() + _PATIENCE
    try:
        for records in slices(batches):
            numbers = range(len(records.columns))
            columns = [_cells(records, number, humane=look.humane) for number in numbers]
            if lines is not None:
                columns = lines.joined(columns, records.fields)
            layout.widen(columns)
            held.append(columns)
            rows = sum(len(each[0]) for each in held)
            if is_begun or rows >= _SCREENFUL or time.monotonic() >= patience:
                yield layout.piece(held, with_head=not is_begun).replace(_UNKNOWN, mark)
                is_begun, held = True, []
    except Cancelled:
        if held and not is_begun:
            yield layout.piece(held, with_head=True).replace(_UNKNOWN, mark)
        raise
    if not is_begun:
        yield layout.piece(held, with_head=True).replace(_UNKNOWN, mark)


def single(batches: Iterable[Records], look: Look | None = None) -> Iterator[str]:
    """Yield the one value that a query ends in, without a title; of an unknown one, why.

    What is rounded for people has the exact value behind it.
    """
    look = look or Look()
    for records in batches:
        column = records.columns[0]
        status = column.status if isinstance(column, Column) else None
        for row, cell in enumerate(_single_cells(records, humane=look.humane)):
            reason = Reason.KNOWN if status is None else Reason(int(status[row]))
            mark = f"? {reason.text}" if reason else "?"
            shown = _NULL if reason is Reason.NULL else cell
            yield shown.replace(_UNKNOWN, look.marked(mark)) + "\n"


def _single_cells(records: Records, *, humane: bool) -> list[str]:
    exact, type_ = _cells(records, 0), records.fields[0].type
    if not humane or type_ is None or not is_rounded(type_.kind):
        return exact
    rounded = _cells(records, 0, humane=True)
    return [
        cell if cell == other else f"{cell} ({other})"
        for cell, other in zip(rounded, exact, strict=True)
    ]


def _cells(records: Records, number: int, *, humane: bool = False) -> list[str]:
    column, type_ = plain(records.columns[number]), records.fields[number].type
    if isinstance(column, Lists):
        return _list_cells(column, humane=humane)
    if type_ is None:
        raise TypeError("a column of values has a type")
    written = humane_cells(column, type_) if humane else plain_cells(column, type_)
    return marked(written, column, "", _UNKNOWN)


def _list_cells(lists: Lists, *, humane: bool) -> list[str]:
    """Return `first, second, +12` for each list; of records the values stand side by side."""
    counts = np.minimum(np.diff(lists.starts), _IN_LIST)
    places = np.append(0, np.cumsum(counts))
    # Lists may be long: what is not shown is not written either.
    shown = np.arange(places[-1]) + np.repeat(lists.starts[:-1] - places[:-1], counts)
    records = lists.records.take(shown)
    columns = [_cells(records, number, humane=humane) for number in range(len(records.columns))]
    items = [" ".join(part for part in row if part) for row in zip(*columns, strict=True)]
    result = []
    sizes = np.diff(lists.starts).tolist()
    for row, (start, end) in enumerate(pairwise(places.tolist())):
        parts = items[start:end]
        if sizes[row] > _IN_LIST:
            parts.append(f"+{sizes[row] - _IN_LIST}")
        if lists.cut is not None and lists.cut[row]:
            parts.append(_UNKNOWN)
        result.append(", ".join(parts))
    return result


class _Layout:
    """The columns of one table: titles, sides, and widths that grow."""

    def __init__(self, fields: Sequence[RecordField], look: Look) -> None:
        self._titles = [clean(title(field)) for field in fields]
        self._shorts = [clean(_short_title(field)) for field in fields]
        right = (*_RIGHT, Kind.DURATION) if look.humane else _RIGHT
        kinds = [None if field.type is None else field.type.kind for field in fields]
        self._to_right = [kind in right for kind in kinds]
        self._needs = [
            Need(columns_of(long), columns_of(short), kind in (None, Kind.STRING), field.is_default)
            for long, short, kind, field in zip(
                self._titles, self._shorts, kinds, fields, strict=True
            )
        ]
        self._look = look
        self._kept = list(range(len(fields)))

    def widen(self, columns: Sequence[Sequence[str]]) -> None:
        """Make room for more cells."""
        for need, cells in zip(self._needs, columns, strict=True):
            measure = len if "".join(cells).isascii() else columns_of
            distinct = cells if measure is len else set(cells)
            need.content = max(need.content, max(map(measure, distinct), default=0))

    def piece(self, held: Sequence[Sequence[Sequence[str]]], *, with_head: bool) -> str:
        """Return the lines of some rows, the titles before them where they are the first."""
        head = self._head() if with_head else ""
        widths = self._widths()
        return head + "".join(self._lines(columns, widths) for columns in held)

    def _head(self) -> str:
        """Settle which columns there are and what they are called; return the titles, underlined.

        What they are called stays, and so a column is never narrower than its title again.
        """
        if self._look.width is not None:
            self._kept = kept(self._needs, self._look.width, len(_GAP))
        chosen = set(self._kept)
        self._look.left_out += [t for n, t in enumerate(self._titles) if n not in chosen]
        widths = self._widths()
        for number, width in zip(self._kept, widths, strict=True):
            need = self._needs[number]
            if need.title > width:
                self._titles[number], need.title = self._shorts[number], need.short
            need.short = need.title
        rule = _GAP.join("-" * width for width in widths)
        return f"{self._lines([[name] for name in self._titles], widths)}{rule}\n"

    def _widths(self) -> list[int]:
        needs = [self._needs[number] for number in self._kept]
        if self._look.width is None:
            return [need.wish for need in needs]
        return fitted(needs, self._look.width, len(_GAP))

    def _lines(self, columns: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
        """Return the lines of the cells of each column, those that are left out included."""
        cells = [
            _fitted_all(columns[number], width, to_right=self._to_right[number])
            for number, width in zip(self._kept, widths, strict=True)
        ]
        rows = zip(*cells, strict=True)
        return "".join([_GAP.join(row).rstrip(" ") + "\n" for row in rows])


def _short_title(field: RecordField) -> str:
    """Return the shortest title of a default column, that of any other as it was asked for."""
    others = [title(replace(field, path=(*field.path[:-1], name))) for name in field.aliases or ()]
    return min((title(field), *others), key=len)


def _fitted_all(cells: Sequence[str], width: int, *, to_right: bool) -> Sequence[str]:
    """Return the cells, exactly `width` columns wide; each distinct one is cut once."""
    if max(map(len, cells), default=0) <= width and "".join(cells).isascii():
        return [cell.rjust(width) if to_right else cell.ljust(width) for cell in cells]
    made = {cell: filled(cell, width, to_right=to_right) for cell in set(cells)}
    return [made[cell] for cell in cells]
