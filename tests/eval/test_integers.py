"""Integers by the column are those that Python calculates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.eval import arithmetic, integers

if TYPE_CHECKING:
    from memq.column import Array

SIGNS = ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"]
SIZES = [3, 31, 47, 62, 63]


def signed(bits: int) -> st.SearchStrategy[Array]:
    number = st.integers(-(1 << bits), (1 << bits) - 1)
    return st.lists(number, min_size=4, max_size=4).map(lambda one: np.array(one, np.int64))


def unsigned(bits: int) -> st.SearchStrategy[Array]:
    near = st.integers((1 << 64) - (1 << bits), (1 << 64) - 1)
    number = st.lists(st.integers(0, (1 << bits) - 1), min_size=4, max_size=4)
    return st.one_of(number, st.lists(near, min_size=4, max_size=4)).map(
        lambda one: np.array(one, np.uint64)
    )


columns = st.sampled_from(SIZES).flatmap(lambda bits: st.one_of(signed(bits), unsigned(bits)))
small = st.lists(st.integers(-1, 65), min_size=4, max_size=4).map(np.array)


@pytest.mark.parametrize("sign", SIGNS)
@given(columns, st.one_of(columns, small))
def test_what_is_calculated_at_once_is_exact(sign: str, first: Array, second: Array) -> None:
    found = integers.calculated(sign, first, second)
    expected = arithmetic._exact(sign, first, second)
    if found is None:
        return
    assert found.statuses.tolist() == expected.statuses.tolist()
    assert found.values[found.known].tolist() == expected.values[expected.known].tolist()


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "%", "&", "|", "^", ">>"])
def test_addresses_are_calculated_at_once(sign: str) -> None:
    users = np.array([0x7FFF_0000_0000, 0x5555_0000_0000, 0], np.uint64)
    assert integers.calculated(sign, users, np.array([1, 2, 4096])) is not None
    kernels = users + np.uint64(0xFFFF_8000_0000_0000)
    found = integers.calculated(sign, kernels, np.array([1, 2, 4096]))
    assert (found is None) == (sign == "*")


def test_differences_of_addresses_have_a_sign() -> None:
    ends = np.array([(1 << 64) - 1, 1 << 63], np.uint64)
    found = integers.calculated("-", ends, ends[::-1])
    assert found is not None
    assert found.values.tolist() == [(1 << 63) - 1, 1 - (1 << 63)]
