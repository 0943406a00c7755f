"""Whole queries that end in one value: what they must not leave out, and where they fail."""

from __future__ import annotations

from typing import Any

import pytest

from memq.errors import MemqError, Reason
from memq.run import Limits
from tests.eval.test_null_and_unknown import UNKNOWN, settled
from tests.eval.world import World, ask, value

PAGED = Reason.PAGED_OUT
WORLD = World(
    [
        {"pid": 1, "x": 5, "vad": [{"n": None}, {"n": 4}]},
        {"pid": 2, "x": PAGED},
        {"pid": 3, "x": None},
    ],
    portion=3,
)

ASKED = [
    # The one that is taken is known, whatever else was looked at.
    ("process.Where(x == 5).Take(1).Any(pid > 9)", False),
    # The one that is taken may be another.
    ("process.Where(x == 5 || pid == 3).Skip(1).Any(pid == 3)", True),
    ("process.Where(x != 5).Take(1).Any(pid == 3)", UNKNOWN),
    ("process.Where(x != 5).Take(1).All(pid == 3)", UNKNOWN),
    # Of what is left out the condition is false.
    ("process.Where(x == 5).Select(pid).Any(n => n > 1)", UNKNOWN),
    ("process.Where(x == 5).Select(pid).Any(n => n > 2)", False),
    ("process.Where(x == 5).Select(pid).None(n => n > 2)", True),
    # What leaves out may itself be left out.
    ("process.Except(process.Where(x == 7)).Where(pid == 2).Any()", UNKNOWN),
    ("vad.Where(v => v.process.x == 5).Select(n).Any(n => n == 4)", True),
]


@pytest.mark.parametrize("portion", [1, 2, 3])
@pytest.mark.parametrize(("query", "expected"), ASKED)
def test_what_is_asked_of_a_whole_query(query: str, expected: object, portion: int) -> None:
    outcome = ask(World(WORLD.processes, portion), query)
    assert settled(outcome.value) == expected
    assert bool(outcome.run.undecided) == (expected == UNKNOWN)


PICKED = [
    ("process.Select(pid).First(n => n > 1)", 2),
    ("process.Select(x).First()", 5),
    ("process.Where(x == 5).Select(pid).Single()", 1),
    ("process.Where(x == 5).Select(pid).Last()", 1),
    ("process.Select(pid).ElementAt(-1)", 3),
    ("process.Select(x).ElementAt(1)", UNKNOWN),
    ("process.Select(x).ElementAt(2)", None),
    ("process.Select(pid).FirstOrNull(n => n > 9)", None),
]


@pytest.mark.parametrize(("query", "expected"), PICKED)
def test_a_plain_value_is_picked(query: str, expected: object) -> None:
    """As an object is: what could not be decided before it is counted, and left out."""
    assert settled(value(WORLD, query)) == expected


@pytest.mark.parametrize("method", ["First()", "Last()", "Single()", "ElementAt(0)"])
@pytest.mark.parametrize("made", ["Select(pid)", "Select({k: pid})", "Skip(0)"])
def test_a_pick_of_nothing_fails(made: str, method: str) -> None:
    with pytest.raises(MemqError, match="there is no"):
        value(WORLD, f"process.Where(pid > 9).{made}.{method}")


def test_the_single_one_of_several_values_fails() -> None:
    with pytest.raises(MemqError, match="more than one"):
        value(WORLD, "process.Select(pid).Single()")


def of(number: int) -> dict[str, Any]:
    """A process whose x is a number, or unknown."""
    return {"pid": number, "x": PAGED if number == 2 else number}


@pytest.mark.parametrize("portion", [1, 2, 9])
def test_what_is_skipped_ends_with_what_is_surely_false(portion: int) -> None:
    outcome = ask(World([of(n) for n in range(6)], portion), "process.SkipWhile(x < 4).Select(pid)")
    assert outcome.value == [4, 5]
    assert dict(outcome.run.undecided) == {PAGED: 2}


@pytest.mark.parametrize("portion", [1, 2, 9])
def test_what_is_taken_ends_with_what_is_unknown(portion: int) -> None:
    outcome = ask(World([of(n) for n in range(6)], portion), "process.TakeWhile(x < 4).Select(pid)")
    assert outcome.value == [0, 1]
    assert dict(outcome.run.undecided) == {PAGED: 1}


NULLS = [
    ("process.Where(null in vad.n).Select(pid)", [1]),
    ("process.Where(vad.n.Contains(null)).Select(pid)", [1]),
    ("process.Select(x).Contains(null)", True),
    ("process.Where(pid < 3).Select(x).Contains(null)", UNKNOWN),
    ("process.Where(pid == 1).Select(x).Contains(null)", False),
    # A field without a value is not the literal.
    ("process.Where(x in vad.n).Select(pid)", []),
]


@pytest.mark.parametrize("limits", [Limits(), Limits(rows_at_once=1, join_above=0)])
@pytest.mark.parametrize(("query", "expected"), NULLS)
def test_the_literal_null_is_among_values(query: str, expected: object, limits: Limits) -> None:
    assert settled(ask(WORLD, query, limits=limits).value) == expected


NOTHING = [
    "process.Skip(9).GroupBy(x).Select({key: key, n: items.Sum(i => i.pid)})",
    "process.Let({more: x}).Skip(9).GroupBy(x).Select(g => g.items.Select(i => i.more))",
    "vad.Take(0).OrderBy(v => v.process.x).Select(v => v.process.pid)",
    "vad.Skip(9).Join(process, v => v.process.pid, p => p.pid).Where(left.n == 1)",
    "process.Take(0).Chunk(2).Flatten()",
    "process.Skip(9).GroupBy(x).DistinctBy(g => g.key).Reverse()",
]


def test_nothing_is_joined_to_something() -> None:
    assert value(WORLD, "process.Take(0).Concat(process).Select(p => p.x ?? p.pid)") == [5, 2, 3]
    assert value(WORLD, "process.Concat(process.Take(0)).MaxBy(p => p.pid).pid") == 3


@pytest.mark.parametrize("query", NOTHING)
def test_a_series_of_nothing_gives_nothing(query: str) -> None:
    assert value(WORLD, query) == []
