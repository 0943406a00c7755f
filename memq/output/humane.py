"""Values as people like to read them: sizes in their units, times to the second, durations in two.

What is written so is rounded, and meant for a terminal. Everything else stays exact.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from memq.column import distinct_rows
from memq.lang.ast import DURATION_UNITS, SIZE_UNITS
from memq.output.cells import plain_cells
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.column import Column
    from memq.schema.kinds import ValueType


def humane_cells(column: Column, type_: ValueType) -> list[str]:
    """Return every value for people; rows without a value hold something meaningless."""
    if type_.kind is Kind.TIME:
        return _times(column)
    write = _FORMATS.get(type_.kind)
    return plain_cells(column, type_) if write is None else _each(column, write)


def is_rounded(kind: Kind) -> bool:
    """Whether values of the kind are numbers that people are shown a rounded form of."""
    return kind in _FORMATS


def is_shortened(kind: Kind) -> bool:
    """Whether people are shown values of the kind otherwise than programs."""
    return is_rounded(kind) or kind is Kind.TIME


def _each(column: Column, write: Callable[[int], str]) -> list[str]:
    """Write every value; that is done once for each distinct one."""
    values = column.values.tolist()
    texts = {value: write(value) for value in set(values)}
    return [texts[value] for value in values]


def _times(column: Column) -> list[str]:
    """Date and time in UTC, to the second."""
    times = column.values.astype("datetime64[ns]")
    first, index = distinct_rows(times)
    texts = [
        f"{text[:10]} {text[11:]}Z" for text in np.datetime_as_string(times[first], "s").tolist()
    ]
    cells: list[str] = np.array(texts, object)[index].tolist()
    return cells


def json_text(text: str, kind: Kind) -> str:
    """Return for people what JSON has of a size in bytes, a time, or a duration in seconds.

    What is none of these stays as it is.
    """
    try:
        if kind is Kind.TIME:
            moment = datetime.fromisoformat(text)
            return f"{moment:%Y-%m-%d %H:%M:%S}Z" if moment.tzinfo else text
        if kind is Kind.DURATION:
            return duration_text(int(Decimal(text) * DURATION_UNITS["s"]))
        return size_text(int(text)) if kind is Kind.SIZE else text
    except (ValueError, ArithmeticError):
        return text


def counted(count: int, what: str) -> str:
    """Return a number of things: `1 row`, `1,869 rows`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def size_text(size: int) -> str:
    """Return a size in the unit that makes it short; only what has no fraction is exact.

    Sizes below the smallest unit are bytes, as in a query.
    """
    sign, amount = "-" if size < 0 else "", abs(size)
    if amount < min(SIZE_UNITS.values()):
        return str(size)
    text = ""
    for name, unit in SIZE_UNITS.items():
        whole, rest = divmod(amount, unit)
        tenths = (10 * amount + unit // 2) // unit
        text = f"{tenths // 10}.{tenths % 10}{name}" if rest else f"{whole}{name}"
        if tenths < 10_000 or (rest == 0 and whole < 1024):
            break
    return sign + text


_SPLIT = (("d", "h"), ("h", "m"), ("m", "s"))
"""Units of a longer duration, and the next smaller ones, which are shown with them."""


def duration_text(nanoseconds: int) -> str:
    """Return a duration in its two largest units, or, below a minute, in one; the rest is cut."""
    sign, amount = "-" if nanoseconds < 0 else "", abs(nanoseconds)
    for large, small in _SPLIT:
        whole, rest = divmod(amount, DURATION_UNITS[large])
        if whole:
            part = rest // DURATION_UNITS[small]
            return f"{sign}{whole}{large} {part:0{1 if large == 'd' else 2}}{small}"
    for name in ("s", "ms", "us"):
        tenths = 10 * amount // DURATION_UNITS[name]
        if tenths >= 10:
            fraction = f".{tenths % 10}" if amount % DURATION_UNITS[name] else ""
            return f"{sign}{tenths // 10}{fraction}{name}"
    return f"{nanoseconds}ns" if amount else "0s"


_FORMATS: dict[Kind, Callable[[int], str]] = {
    Kind.SIZE: size_text,
    Kind.DURATION: duration_text,
}
