"""Records as trees of text, a line for each value: how the kernel's own structures are read.

What is nested stands indented below its name; a list of plain values stands on one line, one of
records as dashes. An unknown value is `?` with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.output import json
from memq.output.cells import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.output.records import Records

_INDENT = "  "
_IN_LINE = 32
"""Plain values of a list that are written out; the others are counted."""


def trees(batches: Iterable[Records], check: json.Check = None) -> Iterator[str]:
    """Yield the lines of one tree after the other, an empty line between them."""
    between = ""
    for record in json.parsed(batches, bare=False, check=check):
        yield between + "".join(f"{line}\n" for line in _lines(record))
        between = "\n"


def _lines(record: Any) -> Iterator[str]:
    """Yield the lines of what a record holds."""
    if not isinstance(record, dict):
        yield _plain(record)
        return
    unknown, cut = record.get("_unknown", {}), record.get("_cut_short", {})
    for key, value in record.items():
        if key in ("_unknown", "_cut_short"):
            continue
        if key in unknown:
            yield f"{clean(key)}: ? {unknown[key]}"
            continue
        yield from _entry(key, value)
        if key in cut:
            yield f"{_INDENT}... {cut[key]}"


def _entry(key: str, value: Any) -> Iterator[str]:
    """Yield the lines of a name and what it stands for."""
    if isinstance(value, dict):
        yield f"{clean(key)}:"
        yield from (f"{_INDENT}{line}" for line in _lines(value))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        yield f"{clean(key)}:"
        yield from (f"{_INDENT}{line}" for item in value for line in _item(item))
    elif isinstance(value, list):
        yield f"{clean(key)}: {_row(value)}"
    else:
        yield f"{clean(key)}: {_plain(value)}".rstrip()


def _item(item: Any) -> Iterator[str]:
    """Yield the lines of one item of a list: the first behind a dash."""
    lines = (
        _lines(item)
        if isinstance(item, dict)
        else iter([_row(item) if isinstance(item, list) else _plain(item)])
    )
    for number, line in enumerate(lines):
        yield f"{'- ' if number == 0 else _INDENT}{line}"


def _row(values: list[Any]) -> str:
    shown = ", ".join(map(_plain, values[:_IN_LINE]))
    more = len(values) - _IN_LINE
    return f"[{shown}, +{more}]" if more > 0 else f"[{shown}]"


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return clean(str(value))
