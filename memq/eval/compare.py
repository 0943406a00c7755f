"""Comparisons of whole columns: null equals nothing but the literal, unknown decides nothing."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from memq.column import (
    FALSE,
    TRUE,
    Array,
    Column,
    Indexes,
    Text,
    Truth,
    distinct_rows,
    negation,
    surely,
    worst,
)
from memq.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPERATORS: dict[str, Callable[[Array, Array], Array]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compare(sign: str, left: Column, right: Column, *, fold: bool = False) -> Truth:
    """Compare row by row; `fold`: texts without regard to case. `!=` is the negation of `==`."""
    if sign == "!=":
        return negation(compare("==", left, right, fold=fold))
    if isinstance(left, Text) and isinstance(right, Text):
        first, second = common_codes(left, right, fold=fold, ranked=sign != "==")
    else:
        first, second = left.values, right.values
    return _settled(OPERATORS[sign](first, second), left, right)


def is_null(column: Column) -> Truth:
    """Compare with the literal null."""
    status = column.statuses
    truth = np.where(status == Reason.NULL, np.uint8(TRUE), status)
    return np.asarray(truth, np.uint8)


def among(column: Column, literals: Sequence[int | str], *, fold: bool = False) -> Truth:
    """Compare with many literals of the column's kind at once: each distinct value is looked up."""
    change = str.casefold if fold else str
    if isinstance(column, Text):
        wanted = {change(str(one)) for one in literals}
        found = np.array([change(word) in wanted for word in column.words] or [False])
        return _settled(found[column.values], column, column)
    first, rows = distinct_rows(column.values)
    numbers = set(literals)
    found = np.array([value in numbers for value in column.values[first].tolist()], bool)
    return _settled(found[rows], column, column)


def _settled(answers: Array, left: Column, right: Column) -> Truth:
    """Turn answers into truth: false where a side is null, unknown where a side is unknown."""
    truth = surely(answers)
    status = worst(left.status, right.status)
    if status is None:
        return truth
    truth = np.where(status == 0, truth, status)
    return np.where(status == Reason.NULL, np.uint8(FALSE), truth).astype(np.uint8)


def common_codes(left: Text, right: Text, *, fold: bool, ranked: bool) -> tuple[Indexes, Indexes]:
    """Give the words of both texts common codes; `ranked`: in the order of the words."""
    change = str.casefold if fold else str
    seen: dict[str, int] = {}
    first = [seen.setdefault(change(word), len(seen)) for word in left.words]
    second = [seen.setdefault(change(word), len(seen)) for word in right.words]
    rank = np.arange(max(1, len(seen)))
    if ranked:
        rank[[seen[word] for word in sorted(seen)]] = np.arange(len(seen))
    return _through(left.values, first, rank), _through(right.values, second, rank)


def _through(codes: Array, table: list[int], rank: Indexes) -> Indexes:
    if not table:
        return np.zeros(len(codes), np.int64)
    return np.asarray(rank[np.array(table, np.int64)][codes])
