"""Pairs of equal keys: the same that trying every pair finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memq.column import Column, text_column
from memq.errors import Reason
from memq.eval.domain import View
from memq.eval.joins import matches
from memq.output.records import Records
from memq.schema.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Sequence

UNKNOWN, NULL = Reason.PAGED_OUT, Reason.NULL
small = st.sampled_from([0, 1, 2, 5, NULL, UNKNOWN])
words = st.sampled_from(["a", "A", "b", "", NULL, UNKNOWN])
wide = st.sampled_from([0, 1, (1 << 63) - 1, NULL, UNKNOWN])
wider = st.sampled_from([0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, NULL, UNKNOWN])


def column(values: Sequence[Any], dtype: type) -> Column:
    known = [0 if isinstance(value, Reason) else value for value in values]
    status = np.array([value if isinstance(value, Reason) else 0 for value in values], np.uint8)
    return Column(np.array(known, dtype), status)


def texts(values: Sequence[Any]) -> Column:
    status = np.array([value if isinstance(value, Reason) else 0 for value in values], np.uint8)
    return text_column(["" if isinstance(v, Reason) else v for v in values], status)


def view(index: Sequence[int], sizes: Sequence[int], cut: Sequence[bool]) -> View:
    """Sequences of these sizes, as rows see them: each one of the sequences, or -1."""
    owner = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    status = np.array([UNKNOWN if each else 0 for each in cut], np.uint8)
    collection = Collection(Records(len(owner), (), ()), owner, len(sizes), status)
    reasons = np.array([NULL if number < 0 else 0 for number in index], np.uint8)
    return View(np.array(index, np.int64), reasons, collection)


def tried(view_: View, left: Sequence[Any], right: Sequence[Any], *, fold: bool) -> Any:
    """The elements that may have each row's key, by trying all."""
    found = []
    for row, number in enumerate(view_.index.tolist()):
        for place, owner in enumerate(view_.collection.owner.tolist()):
            one, other = left[row], right[place]
            if owner != number:
                continue
            if fold and isinstance(one, str) and isinstance(other, str):
                one, other = one.casefold(), other.casefold()
            # What is unknown may equal anything, null included; null itself equals nothing.
            is_known = not isinstance(one, Reason) and not isinstance(other, Reason)
            if one is UNKNOWN or other is UNKNOWN or (is_known and one == other):
                found.append((row, place))
    return found


@st.composite
def sequences(draw: st.DrawFn) -> tuple[View, int]:
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    cut = draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    index = draw(st.lists(st.integers(-1, len(sizes) - 1), max_size=5))
    return view(index, sizes, cut), sum(sizes)


def held(
    view_: View, left: Column, right: Column, keys: tuple[list[Any], list[Any]], *, fold: bool
) -> None:
    found = matches(view_, left, right, fold=fold)
    assert found is not None
    rows = np.arange(len(view_.index), dtype=np.int64)
    elements, origin = found.pairs(rows)
    pairs = list(zip(origin.tolist(), elements.tolist(), strict=True))
    assert pairs == tried(view_, *keys, fold=fold)
    counts = np.bincount(origin, minlength=len(rows)) + view_.has_rest()
    assert found.sizes().tolist() == counts.tolist()
    for row in rows:
        some, _ = found.pairs(rows[row : row + 1])
        assert some.tolist() == [place for one, place in pairs if one == row]


@given(st.data(), sequences())
def test_numbers(data: st.DataObject, made: tuple[View, int]) -> None:
    view_, count = made
    left = data.draw(st.lists(small, min_size=len(view_.index), max_size=len(view_.index)))
    right = data.draw(st.lists(small, min_size=count, max_size=count))
    held(view_, column(left, np.int64), column(right, np.int64), (left, right), fold=False)


@given(st.data(), sequences(), st.booleans())
def test_signed_and_unsigned_numbers(
    data: st.DataObject, made: tuple[View, int], is_left: bool
) -> None:
    view_, count = made
    size = len(view_.index)
    signed = st.one_of(wide, st.just(-1))
    first, second = (signed, wider) if is_left else (wider, signed)
    left = data.draw(st.lists(first, min_size=size, max_size=size))
    right = data.draw(st.lists(second, min_size=count, max_size=count))
    types = (np.int64, np.uint64) if is_left else (np.uint64, np.int64)
    held(view_, column(left, types[0]), column(right, types[1]), (left, right), fold=False)


@given(st.data(), sequences(), st.booleans())
def test_texts(data: st.DataObject, made: tuple[View, int], fold: bool) -> None:
    view_, count = made
    left = data.draw(st.lists(words, min_size=len(view_.index), max_size=len(view_.index)))
    right = data.draw(st.lists(words, min_size=count, max_size=count))
    held(view_, texts(left), texts(right), (left, right), fold=fold)


def test_numbers_of_more_than_64_bits_are_left_to_others() -> None:
    big = Column(np.array([1 << 70], object))
    assert matches(view([0], [1], [False]), big, big, fold=False) is None
