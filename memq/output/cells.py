"""Values as text: whole columns at a time, each distinct text once, and nothing raw of a dump."""

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

# DEL and C1 controls, line separators, what turns the direction of text, and what is not seen at
# all: in a terminal they move the cursor, ring, or make a name look like another.
_UNSEEN = (
    "\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSAFE = f"[\x00-\x1f{_UNSEEN}]"
_UNSAFE_IN_JSON = f"[{_UNSEEN}]"


_RUN = 4
"""Equal numbers in a row, on the average, from which on each run is written once."""


def clean(text: str) -> str:
    r"""Return a text without anything that acts on a terminal: such characters become \xNN."""
    if text.isascii() and text.isprintable():  # a tenth of the time, and nearly all texts
        return text
    return re.sub(_UNSAFE, lambda match: _escape(ord(match[0])), text)


def _escape(code: int) -> str:
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def clean_json(text: str) -> str:
    """Return JSON in which characters that act on a terminal are written as JSON's own escapes."""
    if text.isascii() and "\x7f" not in text:  # as above; the others are no ASCII
        return text
    return re.sub(_UNSAFE_IN_JSON, lambda match: _escape_in_json(ord(match[0])), text)


def _escape_in_json(code: int) -> str:
    if code > 0xFFFF:  # two surrogates (RFC 8259, section 7)
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"


def plain_cells(
    column: Column, type_: ValueType, *, text: Callable[[str], str] = clean
) -> list[str]:
    """Return every value as people read it; rows without a value hold something meaningless."""
    if isinstance(column, Text):
        return worded(column, lambda words: [text(word) for word in words])
    return _FORMATS.get(type_.kind, _numbers)(column)


def worded(
    column: Text, write: Callable[[Sequence[str]], list[str]], instead: str | None = None
) -> list[str]:
    """Return every text as `write` writes it; that is asked once, of the distinct words.

    `instead` stands for each row that has no value, if it is given.
    """
    written = write(column.words) or [""]
    places = column.values
    if instead is not None and column.status is not None:
        places = np.where(column.status == 0, places, len(written))
        written = [*written, instead]
    cells: list[str] = np.array(written, object)[places].tolist()
    return cells


def _numbers(column: Column) -> list[str]:
    values = column.values
    heads = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])[: len(values)])
    if len(heads) > len(values) // _RUN:
        return list(map(str, values.tolist()))
    # An owner's number stands beside each of what it has: it is written once.
    words = np.array(list(map(str, values[heads].tolist())), object)
    cells: list[str] = words.repeat(np.diff(heads, append=len(values))).tolist()
    return cells


def _addresses(column: Column) -> list[str]:
    return list(map(hex, column.values.tolist()))


def _booleans(column: Column) -> list[str]:
    return ["true" if value else "false" for value in column.values.tolist()]


def _times(column: Column) -> list[str]:
    """ISO 8601 in UTC, to the microsecond."""
    moments = column.values.astype("datetime64[ns]")
    return [f"{text}Z" for text in np.datetime_as_string(moments, unit="us").tolist()]


def _durations(column: Column) -> list[str]:
    return list(map(_duration, column.values.tolist()))


def _duration(nanoseconds: int) -> str:
    """Return seconds, exactly, to the nanosecond."""
    seconds, rest = divmod(abs(nanoseconds), 1_000_000_000)
    text = f"{seconds}.{rest:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if nanoseconds < 0 else text


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
