"""Extents as columns, held to what is done with one after the other."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.layers.extents import first_overlap, in_order, inside, joined, layered, reaches

ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12), st.integers(0, 60)), max_size=9
).map(lambda rows: [(start, start + size, offset) for start, size, offset in rows])


def columns(rows: list[tuple[int, int, int]]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array(rows, np.int64).reshape(-1, 3)


def bytes_of(rows: list[tuple[int, int, int]]) -> dict[int, int]:
    """Where in the file each address lies; of those that have two places, the later row's."""
    return {at: offset + at - start for start, end, offset in rows for at in range(start, end)}


def tuples(rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[tuple[int, int, int]]:
    return [(start, end, offset) for start, end, offset in rows.tolist()]


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_layers(rows: list[tuple[int, int, int]]) -> None:
    found = layered([row for row in rows if row[0] < row[1]])
    assert bytes_of(found) == bytes_of(rows)
    assert first_overlap(columns(found)) is None
    assert found == sorted(found)


@settings(max_examples=200, deadline=None)
@given(ROWS, st.integers(0, 70))
def test_each_step(rows: list[tuple[int, int, int]], size: int) -> None:
    ordered = in_order(columns(rows))
    assert tuples(ordered) == sorted(
        (row for row in rows if row[0] < row[1]), key=lambda row: (row[0], row[1])
    )
    seen: set[int] = set()
    twice = False
    for start, end, _ in tuples(ordered):
        twice = twice or not seen.isdisjoint(range(start, end))
        seen |= set(range(start, end))
    assert (first_overlap(ordered) is not None) == twice
    disjoint = columns(layered(tuples(ordered)))
    cut, missing = inside(disjoint, size)
    places = bytes_of(tuples(disjoint))
    assert bytes_of(tuples(cut)) == {at: place for at, place in places.items() if place < size}
    assert missing == sum(place >= size for place in places.values())
    whole = joined(disjoint)
    assert bytes_of(tuples(whole)) == places
    shifts = [(start, end, offset - start) for start, end, offset in tuples(whole)]
    for (_, end, shift), (start, _, following) in itertools.pairwise(shifts):
        assert (end, shift) != (start, following)
    for (start, _, _), reach in zip(tuples(whole), reaches(whole).tolist(), strict=True):
        assert all(at in places for at in range(start, reach))
        assert reach not in places
