"""Orders of columns: the first so many are found without sorting all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memq.column import Column, text_column
from memq.errors import Reason
from memq.eval import order

if TYPE_CHECKING:
    from memq.column import Indexes

reasons = st.sampled_from([0, 0, 0, Reason.NULL, Reason.PAGED_OUT, Reason.LOOP])


def columns(values: st.SearchStrategy[Any], dtype: Any) -> st.SearchStrategy[Column]:
    """Columns of values, some of them null or unknown."""

    def made(pairs: list[tuple[Any, int]]) -> Column:
        status = np.array([reason for _, reason in pairs], np.uint8)
        plain = [value for value, _ in pairs]
        if dtype is str:
            return text_column(plain, status)
        return Column(np.array(plain, dtype), status)

    return st.lists(st.tuples(values, reasons), max_size=12).map(made)


some_columns = st.one_of(
    columns(st.integers(-3, 3), np.int64),
    columns(st.sampled_from([0, 1, (1 << 64) - 1]), np.uint64),
    columns(st.booleans(), bool),
    columns(st.sampled_from([0.5, -1.5, float("nan")]), np.float64),
    columns(st.sampled_from([1 << 70, -(1 << 70), 0]), object),
    columns(st.sampled_from(["a", "B", "b", ""]), str),
)


def sorted_rows(key: Column, rows: Indexes, *, descending: bool, fold: bool) -> list[int]:
    part = key.take(rows)
    return [
        int(row)
        for row in rows[np.lexsort(order.sort_keys(part, descending=descending, fold=fold))]
    ]


@given(some_columns, st.integers(0, 13), st.booleans(), st.booleans())
def test_the_first_ones_are_among_the_leading(
    key: Column, count: int, descending: bool, fold: bool
) -> None:
    leading = order.leading(key, count, descending=descending, fold=fold)
    every = np.arange(len(key), dtype=np.int64)
    expected = sorted_rows(key, every, descending=descending, fold=fold)[:count]
    assert sorted_rows(key, leading, descending=descending, fold=fold)[:count] == expected


def test_of_many_only_few_are_leading() -> None:
    key = Column(np.arange(1000) % 500)
    assert order.leading(key, 3, descending=True).tolist() == [498, 499, 998, 999]
    assert order.leading(key, 2, descending=False).tolist() == [0, 500]
