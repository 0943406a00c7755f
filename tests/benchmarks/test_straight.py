"""Lines that are straight are called so, and no others."""

from __future__ import annotations

import math

import pytest

from benchmarks.straight import NOISE, Point, shape

AMOUNTS = (100, 1_000, 10_000)


def line(*seconds: float) -> str:
    return shape([Point(*pair) for pair in zip(AMOUNTS, seconds, strict=True)], "processes")


def test_the_same_for_any_amount_is_flat() -> None:
    assert line(0.2, 0.2 + NOISE / 2, 0.2) == "flat: the same, however many processes"


@pytest.mark.parametrize("noise", [0.0, NOISE / 2, -NOISE / 2])
def test_a_straight_line(noise: float) -> None:
    each = 1e-4
    said = line(*(0.2 + each * n + (noise if n == 1_000 else 0.0) for n in AMOUNTS))
    assert said.startswith("a straight line: ")


def test_figures_of_a_line() -> None:
    assert line(0.21, 0.3, 1.2) == "a straight line: 100.0 us for each of the processes"
    assert line(0.2, 0.29, 9.2) == (
        "not a straight line, it gets steeper: "
        "100.0 us for each of the processes at first, 990.0 at last"
    )


def test_what_grows_with_the_square_is_no_straight_line() -> None:
    said = line(*(0.2 + 1e-6 * n * n for n in AMOUNTS))
    assert said.startswith("not a straight line, it gets steeper: ")


def test_what_grows_less_and_less_is_no_straight_line() -> None:
    said = line(*(0.2 + 0.05 * math.sqrt(n) for n in AMOUNTS))
    assert said.startswith("flatter than a straight line: ")


def test_a_first_run_that_was_disturbed_makes_no_bend() -> None:
    assert line(0.4, 0.25, 0.26).startswith("flat: ")


def test_two_points_are_no_line() -> None:
    assert shape([Point(1, 1), Point(2, 3)], "gigabytes") == "too few images to tell a line"
