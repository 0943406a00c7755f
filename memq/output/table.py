"""Records as a table of fixed width: plain text, written as rows are found.

Columns are as wide as what was met so far needs: they may grow while rows come. On a terminal the
table is fitted to its width, and what is longer than its cell ends in an ellipsis.
"""

from __future__ import annotations

import time
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING

from memq.column import Column
from memq.errors import Reason
from memq.output.cells import clean, marked, plain_cells
from memq.output.json import plain
from memq.output.records import Lists, slices
from memq.output.separated import title
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memq.output.lines import Lines
    from memq.output.records import RecordField, Records

_GAP = "  "
_IN_LIST = 2
"""Items of a list that are written out before the others are counted."""
_NARROWEST = 8
"""No column is made narrower than this; a table of many may be wider than the terminal."""
_RIGHT = (Kind.NUMBER, Kind.SIZE, Kind.ADDRESS, Kind.FLOAT)

# Stands for an unknown value until the line is whole: one column wide, and no text can hold it.
_UNKNOWN = "\x00"
_SCREENFUL = 50
_PATIENCE = 0.3
"""Rows, and seconds, that are waited for before the widths of the columns are chosen."""


def table(
    batches: Iterable[Records],
    fields: Sequence[RecordField],
    width: int | None = None,
    *,
    dim: bool = False,
    lines: Lines | None = None,
) -> Iterator[str]:
    """Yield the lines of a table; `width` in columns (None: as wide as it needs).

    The first screenful of rows, or what is found in 0.3 s, is laid out together. With `lines`, a
    tree is drawn of the rows, all of which are waited for.
    """
    if lines is not None:
        batches, fields = lines.drawn(batches, fields)
    mark = "\x1b[2m?\x1b[0m" if dim else "?"
    layout = _Layout(fields, width)
    held: list[list[list[str]]] = []
    is_begun = False
    patience = time.monotonic() + _PATIENCE
    for records in slices(batches):
        columns = [_cells(records, number) for number in range(len(records.columns))]
        if lines is not None:
            columns = lines.joined(columns, records.fields)
        layout.widen(columns)
        held.append(columns)
        rows = sum(len(each[0]) for each in held)
        if not is_begun and rows < _SCREENFUL and time.monotonic() < patience:
            continue
        if not is_begun:
            yield layout.head()
            is_begun = True
        yield from (layout.lines(each).replace(_UNKNOWN, mark) for each in held)
        held = []
    if not is_begun:
        yield layout.head()
        yield from (layout.lines(each).replace(_UNKNOWN, mark) for each in held)


def single(batches: Iterable[Records], *, dim: bool = False) -> Iterator[str]:
    """Yield the one value that a query ends in, without a title; of an unknown one, why."""
    for records in batches:
        column = records.columns[0]
        status = column.status if isinstance(column, Column) else None
        for row, cell in enumerate(_cells(records, 0)):
            mark = "?" if status is None else f"? {Reason(int(status[row])).text}"
            yield cell.replace(_UNKNOWN, f"\x1b[2m{mark}\x1b[0m" if dim else mark) + "\n"


def _cells(records: Records, number: int) -> list[str]:
    column, type_ = plain(records.columns[number]), records.fields[number].type
    if isinstance(column, Lists):
        return _list_cells(column)
    if type_ is None:
        raise TypeError("a column of values has a type")
    return marked(plain_cells(column, type_), column, "", _UNKNOWN)


def _list_cells(lists: Lists) -> list[str]:
    """Return `first, second, +12` for each list; of records the values stand side by side."""
    records = lists.records
    columns = [_cells(records, number) for number in range(len(records.columns))]
    items = [" ".join(part for part in row if part) for row in zip(*columns, strict=True)]
    result = []
    for row, (start, end) in enumerate(pairwise(lists.starts.tolist())):
        shown = items[start : min(end, start + _IN_LIST)]
        if end - start > _IN_LIST:
            shown.append(f"+{end - start - _IN_LIST}")
        if lists.cut is not None and lists.cut[row]:
            shown.append(_UNKNOWN)
        result.append(", ".join(shown))
    return result


class _Layout:
    """The columns of one table: titles, sides, and widths that grow."""

    def __init__(self, fields: Sequence[RecordField], limit: int | None) -> None:
        self._titles = [clean(title(field)) for field in fields]
        kinds = [None if field.type is None else field.type.kind for field in fields]
        self._to_right = [kind in _RIGHT for kind in kinds]
        self._is_text = [kind in (None, Kind.STRING) for kind in kinds]
        self._contents = [0] * len(fields)
        """How wide the widest cell of each column is."""
        self._limit = limit
        self._widths = list(map(columns_of, self._titles))

    def widen(self, columns: Sequence[Sequence[str]]) -> None:
        """Make room for more cells."""
        for number, cells in enumerate(columns):
            measure = len if "".join(cells).isascii() else columns_of
            widest = max(map(measure, cells), default=0)
            self._contents[number] = max(self._contents[number], widest)
        titles = map(columns_of, self._titles)
        self._widths = list(map(max, titles, self._contents))
        if self._limit is not None:
            self._fit(self._limit - len(_GAP) * (len(self._widths) - 1))

    def _fit(self, room: int) -> None:
        """Make columns narrower: first long titles give way, then long texts, then the others."""
        texts = zip(self._is_text, self._contents, strict=True)
        for floors in (
            self._contents,
            [0 if is_text else content for is_text, content in texts],
            [0] * len(self._widths),
        ):
            _shrink(self._widths, [max(_NARROWEST, floor) for floor in floors], room)

    def head(self) -> str:
        """Return the line of titles, and one below it."""
        rule = _GAP.join("-" * width for width in self._widths)
        return f"{self.lines([[name] for name in self._titles])}{rule}\n"

    def lines(self, columns: Sequence[Sequence[str]]) -> str:
        """Return the lines of the cells of each column."""
        fitted = [
            [_fitted(cell, width, to_right=side) for cell in cells]
            for cells, width, side in zip(columns, self._widths, self._to_right, strict=True)
        ]
        rows = zip(*fitted, strict=True)
        return "".join([_GAP.join(row).rstrip(" ") + "\n" for row in rows])


def _shrink(widths: list[int], floors: Sequence[int], room: int) -> None:
    """Make the widest column narrower, down to the next widest, until all fit or none can."""
    while sum(widths) > room:
        able = [number for number, width in enumerate(widths) if width > floors[number]]
        if not able:
            return
        widest = max(able, key=lambda number: widths[number])
        others = [widths[number] for number in able if number != widest]
        enough = widths[widest] - (sum(widths) - room)
        least = max(enough, floors[widest], min(max(others, default=0), widths[widest] - 1))
        widths[widest] = least


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of_character, text))


def _columns_of_character(character: str) -> int:
    # Most are told apart without Unicode's tables: Latin letters, and the lines of trees.
    if character < "\u0300" or "\u2500" <= character <= "\u257f":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitted(cell: str, width: int, *, to_right: bool) -> str:
    """Return the cell, exactly `width` columns wide."""
    if cell.isascii() and len(cell) <= width:
        return cell.rjust(width) if to_right else cell.ljust(width)
    length = columns_of(cell)
    if length > width:
        cell = _cut(cell, width - 1) + "…"
        length = columns_of(cell)
    space = " " * (width - length)
    return space + cell if to_right else cell + space


def _cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits into so many columns."""
    if text.isascii():
        return text[:width]
    taken = 0
    for place, character in enumerate(text):
        taken += _columns_of_character(character)
        if taken > width:
            return text[:place]
    return text
