"""Functions of texts and numbers, called once for each combination of values that occurs.

A row in which a value is unknown or null is never asked: what it lacks is its result's reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from memq.column import Column, Text, distinct, worst
from memq.errors import Reason
from memq.eval.regexes import RegexColumn
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from memq.column import Array, Indexes, Statuses

Check: TypeAlias = "Callable[[], None] | None"
"""Asked every now and then; it raises where nobody wants the results any more."""

MAX_MADE = 1 << 26
"""Characters that all new words of one column may have together."""
_AT_ONCE = 16
"""Calls without a question in between; the dearest, of large expressions, take milliseconds."""


@dataclass(frozen=True, slots=True)
class _Calls:
    """What to call a function with."""

    rows: Indexes
    """The rows in which every value is known."""
    which: Indexes
    """The call that gives the result of each of them."""
    arguments: list[tuple[Any, ...]]


def truths(
    columns: Sequence[Column], question: Callable[..., bool | Reason], check: Check = None
) -> Column:
    """Ask a question of each row. The first column is what is asked: of a null the answer is null.

    Another null is no text and no number, and makes it false.
    """
    column = _numbers(columns, question, bool, check)
    status = column.status
    if status is None or not len(columns):
        return column
    no_argument = (status == Reason.NULL) & (columns[0].statuses != Reason.NULL)
    return Column(column.values, np.where(no_argument, np.uint8(0), status))


def numbers(
    columns: Sequence[Column], function: Callable[..., int | Reason], check: Check = None
) -> Column:
    """Compute a whole number for each row."""
    return _numbers(columns, function, np.int64, check)


def texts(
    columns: Sequence[Column], function: Callable[..., str | Reason], check: Check = None
) -> Text:
    """Compute a text for each row; what would fill the memory is unknown, LIMIT."""
    calls = _calls(columns)
    answers = list(_bounded(_answers(calls, function, check)))
    codes, words = distinct("" if isinstance(one, Reason) else one for one in answers)
    status = _status(columns, calls, answers)
    return Text(_spread(codes, calls, len(columns[0])), status, words)


def fold_letters(text: str) -> str:
    """Return the text without regard to case, each letter in its place: what would be two stays."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(one if len(one.casefold()) != 1 else one.casefold() for one in text)


def split(
    words: Sequence[str], separator: str, limit: int = 1_000
) -> tuple[Indexes, list[str], Statuses | None]:
    """Split words: (where the pieces of each begin and the last one's end, all pieces, cuts).

    No word gives more than `limit` pieces (at least 1): of longer ones the rest is missing, and its
    cut is LIMIT. Nothing is split at an empty separator.
    """
    of_each = [word.split(separator, limit) if separator else [word] for word in words]
    sizes = np.array([len(pieces) for pieces in of_each], np.int64)
    starts = np.append(0, np.cumsum(np.minimum(sizes, limit))).astype(np.int64)
    cut = np.where(sizes > limit, np.uint8(Reason.LIMIT), np.uint8(0))
    pieces = [piece for each in of_each for piece in each[:limit]]
    return starts, pieces, cut if cut.any() else None


def _numbers(
    columns: Sequence[Column], function: Callable[..., int], type_: type, check: Check
) -> Column:
    calls = _calls(columns)
    answers = list(_answers(calls, function, check))
    plain: Array = np.array([0 if isinstance(one, Reason) else one for one in answers], type_)
    status = _status(columns, calls, answers)
    return Column(_spread(plain, calls, len(columns[0])), status)


def _answers(calls: _Calls, function: Callable[..., Any], check: Check) -> Iterator[Any]:
    """Call the function with one combination after the other."""
    arguments = calls.arguments
    for start in range(0, len(arguments), _AT_ONCE):
        if check is not None:
            check()
        yield from [function(*each) for each in arguments[start : start + _AT_ONCE]]


def _bounded(answers: Iterable[str | Reason]) -> Iterator[str | Reason]:
    """Give up where the words together are longer than anything that is looked at."""
    length = 0
    for answer in answers:
        length += 0 if isinstance(answer, Reason) else len(answer)
        yield answer if length <= MAX_MADE else Reason.LIMIT


def _spread(values: Array, calls: _Calls, length: int) -> Array:
    """Put the results of the calls into their rows."""
    if len(calls.rows) == length and length:
        return np.asarray(values[calls.which])
    spread = np.zeros(length, values.dtype)
    spread[calls.rows] = values[calls.which]
    return spread


def _status(columns: Sequence[Column], calls: _Calls, answers: Sequence[object]) -> Statuses | None:
    """Return the reasons that the columns bring, and those that the function gave."""
    status = worst(*(column.status for column in columns))
    reasons = np.array([one if isinstance(one, Reason) else 0 for one in answers], np.uint8)
    if not reasons.any():
        return status
    own = np.zeros(len(columns[0]), np.uint8)
    own[calls.rows] = reasons[calls.which]
    return worst(status, own)


def _calls(columns: Sequence[Column]) -> _Calls:
    """Find the combinations of known values."""
    status = worst(*(column.status for column in columns))
    known = np.arange(len(columns[0])) if status is None else np.flatnonzero(status == 0)
    which, first = np.zeros(len(known), np.int64), np.arange(min(1, len(known)))
    for column in columns:
        values = column.values[known]
        # A constant tells no rows apart, and most arguments are constants.
        if len(values) and not (values == values[0]).all():
            number = len(column.words) if isinstance(column, Text) else None
            before, (codes, own) = len(first), _numbered(values, number)
            which, first = _numbered(which * len(own) + codes, before * len(own))
    rows = known[first]
    return _Calls(known, which, list(zip(*(_plain(one, rows) for one in columns), strict=True)))


def _numbered(values: Array, below: int | None) -> tuple[Indexes, Indexes]:
    """Number the distinct values: (the number of each value, a place where each number stands).

    `below` is the least number that no value reaches; where it is small, nothing is sorted.
    """
    if below is not None and below <= 2 * len(values):
        place = np.full(below, -1, np.int64)
        place[values] = np.arange(len(values))
        is_used = place >= 0
        return (np.cumsum(is_used) - 1)[values], place[is_used]
    order = np.argsort(values)
    ordered = values[order]
    is_first = np.ones(len(ordered), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    codes = np.empty(len(values), np.int64)
    codes[order] = np.cumsum(is_first) - 1
    return codes, order[is_first]


def _plain(column: Column, rows: Indexes) -> list[Any]:
    """Return the values of some rows as Python has them."""
    if isinstance(column, RegexColumn):
        return [column.expression] * len(rows)
    values: list[Any] = column.values[rows].tolist()
    return [column.words[code] for code in values] if isinstance(column, Text) else values
