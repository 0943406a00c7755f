"""Values as text: whole columns at a time, each distinct text once, nothing raw of what a dump holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memq.column import Column
    from memq.schema.kinds import ValueType

# C0 and C1 controls, DEL, line separators, and what turns the direction of text: in a terminal they
# move the cursor, ring, or make a name look like another.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def clean(text: str) -> str:
    r"""Return a text without anything that acts on a terminal: such characters become \xNN."""
    return _UNSAFE.sub(lambda match: _escape(ord(match[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def clean_json(text: str) -> str:
    """Return JSON in which characters that act on a terminal are written as JSON's own escapes."""
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def plain_cells(
    column: Column, type_: ValueType, *, text: Callable[[str], str] = clean
) -> list[str]:
    """Return every value as people read it; rows without a value hold something meaningless."""
    if isinstance(column, Text):
        words = [text(word) for word in column.words] or [""]
        return [words[code] for code in column.values.tolist()]
    return _FORMATS.get(type_.kind, _numbers)(column)


def _numbers(column: Column) -> list[str]:
    return [str(value) for value in column.values.tolist()]


def _addresses(column: Column) -> list[str]:
    return [f"{value:#x}" for value in column.values.tolist()]


def _booleans(column: Column) -> list[str]:
    return ["true" if value else "false" for value in column.values.tolist()]


def _times(column: Column) -> list[str]:
    """ISO 8601 in UTC, to the microsecond."""
    moments = column.values.astype("datetime64[ns]")
    return [f"{text}Z" for text in np.datetime_as_string(moments, unit="us").tolist()]


def _durations(column: Column) -> list[str]:
    """Return seconds, to the nanosecond."""
    return [f"{value / 1e9:.9f}".rstrip("0").rstrip(".") for value in column.values.tolist()]


_FORMATS: dict[Kind, Callable[[Column], list[str]]] = {
    Kind.ADDRESS: _addresses,
    Kind.BOOLEAN: _booleans,
    Kind.TIME: _times,
    Kind.DURATION: _durations,
}


def marked(cells: Sequence[str], column: Column, null: str, unknown: str) -> list[str]:
    """Return the cells with a mark where a value is null or unknown."""
    result = list(cells)
    if column.status is not None:
        for row in np.flatnonzero(column.status).tolist():
            result[row] = null if column.status[row] == 1 else unknown
    return result
