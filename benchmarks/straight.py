"""Whether what something costs grows as a straight line with how much there is of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

NOISE = 0.03
"""Seconds of the processor by which runs of the same query differ on a quiet machine."""
BEND = 1.5
"""How much more another object may take among many than among few."""


class Point(NamedTuple):
    """How much there was, in objects or gigabytes, and the seconds that it took."""

    amount: float
    seconds: float


def shape(points: Sequence[Point], unit: str) -> str:
    """Say in words how points, sorted by amount, lie; fewer than three say nothing of a line.

    The first and the last stretch are compared: one of them, where it is short, is known within
    the noise only, so a line is believed to be straight until it cannot be.
    """
    if len(points) < 3:
        return "too few images to tell a line"
    if max(point.seconds for point in points) - min(point.seconds for point in points) <= NOISE:
        return f"flat: the same, however many {unit}"
    stretches = [
        (b.amount - a.amount, b.seconds - a.seconds) for a, b in itertools.pairwise(points)
    ]
    first, last = stretches[0], stretches[-1]
    slope = last[1] / last[0]
    few, many = (f"{seconds / amount * 1e6:.1f}" for amount, seconds in (first, last))
    each = f"{few} us for each of the {unit} at first, {many} at last"
    if slope > BEND * (first[1] + NOISE) / first[0]:
        return f"not a straight line, it gets steeper: {each}"
    if slope < (first[1] - NOISE) / first[0] / BEND:
        return f"flatter than a straight line: {each}"
    return f"a straight line: {each}"
