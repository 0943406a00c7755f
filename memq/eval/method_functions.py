"""How methods of values are computed, on whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from memq.column import Column, Text, worst
from memq.errors import Reason
from memq.eval import globs, words
from memq.eval.regexes import MAX_WORD, Compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memq.column import Addresses
    from memq.eval.words import Check

Columns: TypeAlias = "Sequence[Column]"

_KEPT_PATTERNS = 64
"""A pattern that comes from a dump may be another one in each row, and takes some memory."""


def contains(columns: Columns, fold: bool, check: Check = None) -> Column:
    """Tell whether texts hold others."""
    return words.truths(_comparable(columns, fold), lambda text, part: part in text, check)


def starts_with(columns: Columns, fold: bool, check: Check = None) -> Column:
    """Tell whether texts begin with others."""
    return words.truths(_comparable(columns, fold), str.startswith, check)


def ends_with(columns: Columns, fold: bool, check: Check = None) -> Column:
    """Tell whether texts end with others."""
    return words.truths(_comparable(columns, fold), str.endswith, check)


def equals_ignore_case(columns: Columns, _fold: bool, check: Check = None) -> Column:
    """Tell whether texts are equal without regard to case."""
    return words.truths(_comparable(columns, True), str.__eq__, check)


def matches(columns: Columns, _fold: bool, check: Check = None) -> Column:
    """Tell whether expressions are found; whether case counts, they were compiled with."""
    return words.truths(columns, lambda text, regex: regex.matches(text), check)


def like(columns: Columns, fold: bool, check: Check = None) -> Column:
    """Tell whether texts fit patterns; of one that is too long nothing is said (LIMIT)."""
    tests: dict[str, Callable[[str], bool] | None] = {}

    def fits(text: str, pattern: str) -> bool | Reason:
        if pattern not in tests:
            if len(tests) >= _KEPT_PATTERNS:
                tests.clear()
            tests[pattern] = globs.fitting(pattern)
        test = tests[pattern]
        return Reason.LIMIT if test is None else test(text)

    return words.truths([_folded(one) for one in columns] if fold else columns, fits, check)


def to_lower(columns: Columns, _fold: bool, _check: Check = None) -> Column:
    """Write texts in small letters."""
    return _changed(columns[0], str.lower)


def to_upper(columns: Columns, _fold: bool, _check: Check = None) -> Column:
    """Write texts in capital letters."""
    return _changed(columns[0], str.upper)


def trim(columns: Columns, _fold: bool, _check: Check = None) -> Column:
    """Leave the white space at the ends of texts out."""
    return _changed(columns[0], str.strip)


def length(columns: Columns, _fold: bool, check: Check = None) -> Column:
    """Count the characters of texts."""
    return words.numbers(columns, len, check)


def replace(columns: Columns, fold: bool, check: Check = None) -> Column:
    """Put other texts in the place of what is found."""

    def change(text: str, old: str | Compiled, new: str) -> str | Reason:
        return old.replaced(text, new) if isinstance(old, Compiled) else made(text, old, new)

    made = _replaced_folded if fold else _replaced
    return words.texts(columns, change, check)


def _replaced(text: str, old: str, new: str) -> str | Reason:
    if not old:
        return text
    if len(text) + text.count(old) * len(new) > MAX_WORD:
        return Reason.LIMIT
    return text.replace(old, new)


def _replaced_folded(text: str, old: str, new: str) -> str | Reason:
    if not old:
        return text
    pieces = words.fold_letters(text).split(words.fold_letters(old))
    if len(text) + (len(pieces) - 1) * len(new) > MAX_WORD:
        return Reason.LIMIT
    kept, start = [], 0
    for piece in pieces:
        kept.append(text[start : start + len(piece)])
        start += len(piece) + len(old)
    return new.join(kept)


def substring(columns: Columns, _fold: bool, check: Check = None) -> Column:
    """Cut texts, as far as they go."""

    def cut(text: str, start: int, length: int | None = None) -> str | Reason:
        if start < 0 or (length is not None and length < 0):
            return Reason.NULL
        return text[start:] if length is None else text[start : start + length]

    return words.texts(columns, cut, check)


def index_of(columns: Columns, fold: bool, check: Check = None) -> Column:
    """Find texts in others."""
    return words.numbers([_folded(one) for one in columns] if fold else columns, str.find, check)


def has(columns: Columns, _fold: bool, _check: Check = None) -> Column:
    """Tell whether all bits of some numbers are set in others; of null there are none."""
    flags, *wanted = columns
    bits, held = _bits(flags), np.ones(len(flags), bool)
    for one in wanted:
        held &= (bits & _bits(one)) == _bits(one)
    status = worst(*(one.status for one in columns))
    if status is None:
        return Column(held)
    no_argument = (status == Reason.NULL) & (flags.statuses != Reason.NULL)
    return Column(held & ~no_argument, np.where(no_argument, np.uint8(0), status))


def _bits(column: Column) -> Addresses:
    """Return the bits of whole numbers; those of negative ones as the processor has them."""
    return column.values.astype(np.uint64)


def _comparable(columns: Columns, fold: bool) -> list[Column]:
    """Return texts as they are compared: as `==` does it, where case does not count."""
    return [_changed(one, str.casefold) for one in columns] if fold else list(columns)


def _folded(column: Column) -> Column:
    return _changed(column, words.fold_letters)


def _changed(column: Column, change: Callable[[str], str]) -> Column:
    # A value that is always null is no Text.
    return column.map(change) if isinstance(column, Text) else column
