"""Sums are exact where 64 bits do not hold what is added up on the way."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memq.column import Array, Column
from memq.errors import Reason
from memq.eval.aggregates import _sum

SIGNED = st.integers(-(1 << 63), (1 << 63) - 1)
UNSIGNED = st.integers(0, (1 << 64) - 1)


@given(
    st.one_of(
        st.tuples(st.just(np.int64), st.lists(st.lists(SIGNED, max_size=4), max_size=5)),
        st.tuples(st.just(np.uint64), st.lists(st.lists(UNSIGNED, max_size=4), max_size=5)),
    )
)
def test_sums_are_those_of_python(numbers: tuple[type, list[list[int]]]) -> None:
    dtype, lists = numbers
    values: Array = np.array([one for each in lists for one in each], dtype)
    owner = np.repeat(np.arange(len(lists)), [len(each) for each in lists]).astype(np.int64)
    found = _sum(Column(values), owner, len(lists))
    for each, value, status in zip(lists, found.values.tolist(), found.statuses, strict=True):
        total = sum(each)
        if -(1 << 63) <= total < 1 << 64:
            assert (value, status) == (total, 0)
        else:
            assert status == Reason.OVERFLOW
