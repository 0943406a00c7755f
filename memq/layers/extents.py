"""Extents by the million: what `PhysicalMemory` does with them, over whole columns.

A bitmap dump of a large machine has some hundred thousand of them. Rows are int64[n, 3]: first
address, end, offset in the file.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows: TypeAlias = NDArray[np.int64]

_START, _END, _OFFSET = 0, 1, 2


def in_order(rows: Rows) -> Rows:
    """Return the rows that are not empty, sorted by address."""
    rows = rows[rows[:, _START] != rows[:, _END]]
    if bool((rows[1:, _START] > rows[:-1, _START]).all()):
        return rows
    return rows[np.lexsort((rows[:, _END], rows[:, _START]))]


def first_overlap(rows: Rows) -> int | None:
    """Return an address that two of the sorted rows have; None where they are disjoint."""
    twice = np.flatnonzero(rows[1:, _START] < rows[:-1, _END])
    return int(rows[twice[0] + 1, _START]) if len(twice) else None


def inside(rows: Rows, size: int) -> tuple[Rows, int]:
    """Cut rows to a file of so many bytes; returns what is in it, and how many bytes are not."""
    room = np.clip(size - rows[:, _OFFSET], 0, None)
    lengths = rows[:, _END] - rows[:, _START]
    kept = np.minimum(lengths, room)
    missing = sum((lengths - kept).tolist())  # of a damaged dump, it may pass 64 bits
    cut = rows.copy()
    cut[:, _END] = rows[:, _START] + kept
    return cut[kept > 0], missing


def joined(rows: Rows) -> Rows:
    """Make one of rows that follow each other both in memory and in the file."""
    if not len(rows):
        return rows
    begins = np.ones(len(rows), bool)
    shifts = rows[:, _OFFSET] - rows[:, _START]
    begins[1:] = (rows[1:, _START] != rows[:-1, _END]) | (shifts[1:] != shifts[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:] - 1, len(rows) - 1)
    return np.stack([rows[first, _START], rows[last, _END], rows[first, _OFFSET]], axis=1)


def reaches(rows: Rows) -> NDArray[np.int64]:
    """Return for each of the sorted rows where the memory that goes on from it without a hole ends.

    For a single row as for all others; rows that touch have one end in common.
    """
    ends = rows[:, _END]
    is_last = np.append(rows[1:, _START] != ends[:-1], [True] * min(len(rows), 1))
    last = np.flatnonzero(is_last)
    return np.asarray(np.repeat(ends[last], np.diff(last, prepend=-1)), np.int64)


def layered(rows: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return disjoint rows of the same memory; where rows overlap, the later one holds.

    One pass over the edges, from low to high; a heap has the rows that are open, the latest first.
    """
    edges = sorted({edge for start, end, _ in rows for edge in (start, end)})
    opening = sorted(range(len(rows)), key=lambda number: rows[number][_START], reverse=True)
    kept: list[tuple[int, int, int]] = []
    heap: list[int] = []
    for low, high in itertools.pairwise(edges):
        while opening and rows[opening[-1]][_START] <= low:
            heapq.heappush(heap, -opening.pop())
        while heap and rows[-heap[0]][_END] <= low:
            heapq.heappop(heap)
        if heap:
            start, _, offset = rows[-heap[0]]
            kept.append((low, high, offset + low - start))
    return kept
