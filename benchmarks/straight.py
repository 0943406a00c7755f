"""Whether what something costs grows as a straight line with how much there is of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

NOISE = 0.05
"""Seconds of the processor by which the least of some runs of a query may be off."""
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
    if points[-1].seconds - points[0].seconds <= NOISE:
        return f"flat: the same, however many {unit}"
    stretches = [
        (b.amount - a.amount, b.seconds - a.seconds) for a, b in itertools.pairwise(points)
    ]
    first, last = stretches[0], stretches[-1]
    whole = points[-1].amount - points[0].amount, points[-1].seconds - points[0].seconds
    few, many, each = (seconds / amount * 1e6 for amount, seconds in (first, last, whole))
    noise = NOISE / first[0] * 1e6
    bent = f"{few:.1f} us for each of the {unit} at first, {many:.1f} at last"
    if last[1] > NOISE and many > BEND * (few + noise):
        return f"not a straight line, it gets steeper: {bent}"
    if many < (few - noise) / BEND:
        return f"flatter than a straight line: {bent}"
    return f"a straight line: {each:.1f} us for each of the {unit}"
