"""Records as a table of fixed width: plain text, written as rows are found.

Widths come from the first batch and then stay; on a terminal the table is fitted to its width, and
what is longer than its cell ends in an ellipsis.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from memq.output.cells import marked, plain_cells
from memq.output.records import Lists
from memq.output.separated import title
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memq.output.records import RecordField, Records

_GAP = "  "
_IN_LIST = 2
"""Items of a list that are written out before the others are counted."""
_RIGHT = (Kind.NUMBER, Kind.SIZE, Kind.ADDRESS, Kind.FLOAT)


def table(
    batches: Iterable[Records],
    fields: Sequence[RecordField],
    width: int | None = None,
    *,
    dim: bool = False,
) -> Iterable[str]:
    """Yield the lines of a table; `width` in columns (None: as wide as it needs)."""
    titles = [title(field) for field in fields]
    right = [field.type is not None and field.type.kind in _RIGHT for field in fields]
    widths: list[int] | None = None
    for records in batches:
        columns = [_cells(records, number) for number in range(len(records.columns))]
        if widths is None:
            widths = _widths(titles, columns, width)
            yield _line(titles, widths, right)
            yield _GAP.join("-" * each for each in widths) + "\n"
        text = "".join(_line(row, widths, right) for row in zip(*columns, strict=True))
        yield text.replace(_UNKNOWN, "\x1b[2m?\x1b[0m" if dim else "?")
    if widths is None:
        yield _line(titles, [len(each) for each in titles], right)


# Stands for an unknown value until the line is whole: one column wide, and no text can hold it.
_UNKNOWN = "\x00"


def _cells(records: Records, number: int) -> list[str]:
    column, type_ = records.columns[number], records.fields[number].type
    if isinstance(column, Lists):
        return _list_cells(column)
    if type_ is None:
        raise TypeError("a column of values has a type")
    return marked(plain_cells(column, type_), column, "", _UNKNOWN)


def _list_cells(lists: Lists) -> list[str]:
    """Return `first, second, +12` for each list; of records the values stand side by side."""
    columns = [_cells(lists.items, number) for number in range(len(lists.items.columns))]
    items = [" ".join(part for part in row if part) for row in zip(*columns, strict=True)]
    result = []
    starts = lists.starts.tolist()
    for row, (start, end) in enumerate(zip(starts, starts[1:], strict=False)):
        shown = items[start : min(end, start + _IN_LIST)]
        if end - start > _IN_LIST:
            shown.append(f"+{end - start - _IN_LIST}")
        if lists.cut is not None and lists.cut[row]:
            shown.append(_UNKNOWN)
        result.append(", ".join(shown))
    return result


def _widths(titles: list[str], columns: list[list[str]], limit: int | None) -> list[int]:
    widths = [
        max(len(name), max(map(columns_of, cells), default=0))
        for name, cells in zip(titles, columns, strict=True)
    ]
    if limit is None:
        return widths
    room = limit - len(_GAP) * (len(widths) - 1)
    # The widest gives way first, down to the length of its title or 8.
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda number: widths[number])
        if widths[widest] <= 8:
            break
        others = sorted(widths)[-2] if len(widths) > 1 else 8
        widths[widest] = max(
            8, min(widths[widest] - 1, max(others, room - sum(widths) + widths[widest]))
        )
    return widths


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _line(cells: Sequence[str], widths: list[int], right: list[bool]) -> str:
    fitted = [
        _fit(cell, width, to_right=flush)
        for cell, width, flush in zip(cells, widths, right, strict=True)
    ]
    return _GAP.join(fitted).rstrip(" ") + "\n"


def _fit(cell: str, width: int, *, to_right: bool) -> str:
    length = columns_of(cell)
    if length > width:
        while columns_of(cell) >= width and cell:
            cell = cell[: -max(1, columns_of(cell) - width)]
        cell, length = f"{cell}…", columns_of(cell) + 1
    space = " " * (width - length)
    return space + cell if to_right else cell + space
