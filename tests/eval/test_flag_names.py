"""Names of flags that mean something only where another field says so."""

from __future__ import annotations

import pytest

from memq.errors import Reason
from tests.eval.world import World, value

ANIMALS = World([
    {"pid": 1, "name": "cat", "can": 1},
    {"pid": 2, "name": "dog", "can": 9},
    {"pid": 3, "name": "LION", "can": 8},
    {"pid": 4, "name": "lion", "can": 1},
    {"pid": 5, "name": Reason.PAGED_OUT, "can": 1},
    {"pid": 6, "name": Reason.PAGED_OUT, "can": 0},
    {"pid": 7, "name": "cat", "can": Reason.PAGED_OUT},
    {"pid": 8, "name": "cow", "can": Reason.PAGED_OUT},
])  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('can.Has("CAT_PURR")', [1, 4]),
        ('can.Has("cat_purr")', [1, 4]),
        ('can.Has("DOG_BARK")', [2]),
        ('can.Has("DOG_BARK", "SLEEP")', [2]),
        ('can.Has("SLEEP|DOG_BARK")', [2]),
        ('can.Has("CAT_PURR", "DOG_BARK")', []),
        ('can.Has("SLEEP")', [2, 3]),
        ("can.Has(1)", [1, 2, 4, 5]),
        ("can & 1 != 0", [1, 2, 4, 5]),
        ('can == "SLEEP"', [3]),
        ('!can.Has("CAT_PURR")', [2, 3, 6, 8]),
        ('is_unknown(can.Has("CAT_PURR"))', [5, 7]),
    ],
)
def test_a_name_is_true_only_where_it_means_something(condition: str, numbers: list[int]) -> None:
    assert value(ANIMALS, f"process.Where({condition}).Select(pid)") == numbers


def test_the_value_is_the_plain_number() -> None:
    assert value(ANIMALS, "process.Where(pid == 2).Select(can)") == [9]


def test_it_is_asked_of_objects_in_collections_and_of_what_is_picked() -> None:
    assert value(ANIMALS, 'process.Count(p => p.can.Has("CAT_PURR"))') == 2
    assert value(ANIMALS, 'process.First().can.Has("CAT_PURR")') is True
