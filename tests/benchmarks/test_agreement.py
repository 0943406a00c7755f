"""Rows of two programs held to each other: what is the same, missing, there besides."""

from __future__ import annotations

import pytest

from benchmarks.agreement import Agreement, agreement

OURS = [(1, "init"), (2, None), (3, "sh"), (3, "sh")]


def test_the_same_rows_in_another_order_agree() -> None:
    found = agreement(reversed(OURS), OURS)
    assert found == Agreement(0, 0)
    assert str(found) == "agree"


def test_as_many_rows_with_another_name_do_not_agree() -> None:
    found = agreement([(1, "init"), (2, "x"), (3, "sh"), (3, "sh")], OURS)
    assert found == Agreement(1, 1, (2, None), (2, "x"))
    assert str(found) == "WRONG: 1 missing, 1 extra"


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (OURS[1:], "WRONG: 1 missing"),
        (OURS[:3], "WRONG: 1 missing"),  # twice is two rows
        ([*OURS, (4, "ls")], "WRONG: 1 extra"),
        ([], "WRONG: 4 missing"),
        ([(1, "init"), (2, None), ("3", "sh"), (3, "sh")], "WRONG: 1 missing, 1 extra"),
    ],
)
def test_what_differs_is_counted(theirs: list[tuple[object, ...]], said: str) -> None:
    assert str(agreement(theirs, OURS)) == said
