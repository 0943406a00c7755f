"""Records as CSV or tab-separated lines: dotted columns, a list as one cell of compact JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.output.cells import clean, marked, plain_cells
from memq.output.json import ask_if_many, list_values, plain
from memq.output.records import Lists, slices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from memq.output.json import Check
    from memq.output.records import RecordField, Records


# The wide forms of the signs count too (in Excel, with an eastern keyboard).
_FORMULA = ("=", "+", "@", "\uff1d", "\uff0b", "\uff20")
_CALL = re.compile(r"[(|!]")
"""A dash begins many a name (`-bash`); a formula only where something is called."""


def csv_cell(text: str) -> str:
    """Return a cell in quotes where it needs them (RFC 4180); a spreadsheet takes none as formula.

    Names come from hostile memory: what a spreadsheet would run is led by an apostrophe.
    """
    text = clean(text)
    if text.startswith(_FORMULA) or (text.startswith(("-", "\uff0d")) and _CALL.search(text)):
        text = f"'{text}"
    return _quoted(text)


def _quoted(text: str) -> str:
    if any(character in text for character in '",'):
        return '"' + text.replace('"', '""') + '"'
    return text


def csv(
    batches: Iterable[Records], fields: Sequence[RecordField], check: Check = None
) -> Iterable[str]:
    """Yield CSV with a line of titles, a batch at a time."""
    return _separated(batches, fields, ",", csv_cell, check)


def tsv(
    batches: Iterable[Records], fields: Sequence[RecordField], check: Check = None
) -> Iterable[str]:
    """Yield tab-separated lines with a line of titles; tabs within texts are escaped."""
    return _separated(batches, fields, "\t", clean, check)


def _separated(
    batches: Iterable[Records],
    fields: Sequence[RecordField],
    separator: str,
    cell: Callable[[str], str],
    check: Check,
) -> Iterable[str]:
    yield separator.join(cell(title(field)) for field in fields) + "\n"
    for records in slices(batches):
        columns = [_cells(records, number, cell, check) for number in range(len(records.columns))]
        if len(columns) == 1 and separator == ",":
            # An empty line is no row to most readers of CSV; this is one, with an empty cell.
            columns = [[text or '""' for text in columns[0]]]
        yield "".join(separator.join(row) + "\n" for row in zip(*columns, strict=True))


def title(field: RecordField) -> str:
    """Return the title of a column: its keys, with dots between."""
    return ".".join(field.path) or "value"


def _cells(
    records: Records, number: int, cell: Callable[[str], str], check: Check
) -> Sequence[str]:
    column, type_ = plain(records.columns[number]), records.fields[number].type
    if isinstance(column, Lists):
        # JSON is safe to be shown, and no formula; it may be too long to be looked through again.
        texts = list_values(column, marked=True, check=check)
        if cell is csv_cell:
            texts = list(map(_quoted, texts))
            ask_if_many(check, len(column.items))
        return texts
    if type_ is None:
        raise TypeError("a column of values has a type")
    return marked(plain_cells(column, type_, text=cell), column, "", "?")
