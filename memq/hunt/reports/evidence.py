"""Rows of evidence as a table: columns with dotted names, and in each cell a text.

Texts are as the dump has them, but for their length: who writes them cleans and escapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from memq.node import dataclass
from memq.output.humane import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from memq.schema.kinds import Kind

LONGEST = 1000
"""Characters of a cell; a name may be as long as memory is."""
LONGEST_PROSE = 4000
"""Characters of what a rule says of itself."""
_IN_LIST = 8
"""Items of a list that are written out before the others are counted."""
_UNKNOWN, _CUT = "_unknown", "_cut_short"
"""What the JSON form of records has beside values (memq.output.forms)."""
_ALONE = "value"
"""What the column of rows is called that are no records."""


class Cell(NamedTuple):
    """A value as text, and why it is not known, or not whole; empty if it is."""

    text: str = ""
    why: str = ""

    @property
    def worded(self) -> str:
        """The value, and where there is more to say of it, that."""
        return " ".join(filter(None, (self.text, f"? ({self.why})" if self.why else "")))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The first rows of what a rule found."""

    titles: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    count: int
    """Of all rows that there are."""

    @property
    def left_out(self) -> int:
        """How many rows are not among these."""
        return self.count - len(self.rows)


def evidence_of(
    rows: Sequence[Any], count: int, most: int, kinds: Mapping[str, Kind] | None = None
) -> Evidence:
    """Return the first rows, at most so many, of `count` that there are.

    `kinds` are the columns whose values are rounded for people, and what these are.
    """
    found = [dict(_cells(row)) for row in rows[:most]]
    for title, kind in (kinds or {}).items():
        for row in found:
            if title in row:
                row[title] = row[title]._replace(text=json_text(row[title].text, kind))
    titles = _titles(found)
    cells = tuple(tuple(row.get(title, Cell()) for title in titles) for row in found)
    return Evidence(tuple(map(shortened, titles)), cells, count)


def named_cells(row: Any) -> Iterator[tuple[str, Cell]]:
    """Yield the values of one row, each with its dotted name."""
    return _cells(row)


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text of which at most the beginning is there; then it says so."""
    return text if len(text) <= most else f"{text[:most]}… (of {len(text):,} characters)"


def flowing(text: str) -> str:
    """Return what a rule says of itself in one line, whatever lines it was written in."""
    return shortened(" ".join(text.split()), LONGEST_PROSE)


def _titles(rows: Iterable[dict[str, Cell]]) -> tuple[str, ...]:
    """Return the names of all columns, but for objects that are null where others have fields."""
    titles: dict[str, bool] = {}
    for row in rows:
        for title, cell in row.items():
            titles[title] = titles.get(title, False) or cell != Cell()
    return tuple(
        title
        for title, is_told in titles.items()
        if is_told or not any(other.startswith(f"{title}.") for other in titles)
    )


def _cells(row: Any, above: str = "") -> Iterator[tuple[str, Cell]]:
    if not isinstance(row, dict) or not _names(row):
        yield above or _ALONE, _cell(row)
        return
    unknown, cut = _reasons(row, _UNKNOWN), _reasons(row, _CUT)
    for name in _names(row):
        path, value = f"{above}.{name}" if above else name, row[name]
        why = unknown.get(name) or cut.get(name, "")
        if isinstance(value, dict):
            yield from _cells(value, path)
        else:
            cell = _cell(value)
            yield path, Cell(cell.text, shortened(str(why)) or cell.why)


def _names(row: dict[str, Any]) -> list[str]:
    return [name for name in row if name not in (_UNKNOWN, _CUT)]


def _reasons(row: dict[str, Any], name: str) -> dict[str, str]:
    reasons = row.get(name)
    return reasons if isinstance(reasons, dict) else {}


def _cell(value: Any) -> Cell:
    """Return a value that is no record with fields: a list, a single one, or a reason alone."""
    if isinstance(value, list):
        return Cell(shortened(_list(value)))
    if isinstance(value, dict):  # it stands for a value, and says why there is none
        return Cell("", shortened(str(value.get(_UNKNOWN) or value.get(_CUT) or "")))
    return Cell(shortened(_text(value)))


def _list(items: list[Any]) -> str:
    parts = [_item(item) for item in items[:_IN_LIST]]
    if len(items) > _IN_LIST:
        parts.append(f"+{len(items) - _IN_LIST:,}")
    return ", ".join(parts)


def _item(item: Any) -> str:
    """Return the values of a record side by side."""
    return " ".join(filter(None, (cell.worded for _, cell in _cells(item))))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
