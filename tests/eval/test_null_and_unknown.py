"""What methods make of null and of unknown: the table of the language's page, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from memq.errors import Reason
from tests.eval.world import World, ask, value

LOOP, PAGED = Reason.LOOP, Reason.PAGED_OUT
WORLD = World(
    [
        {"pid": 1, "x": 5},
        {"pid": 2, "x": None},
        {"pid": 3, "x": LOOP},
        {"pid": 4, "x": -1},
        {"pid": 5, "x": None},
        {"pid": 6, "x": PAGED},
        {"pid": 7, "x": 5},
    ],
    portion=3,
)
UNKNOWN = "unknown"
"""Unknown, for whatever reason."""


def vads(*values: object) -> list[dict[str, Any]]:
    """VADs of which a is so, numbered from 1."""
    return [{"a": a, "n": place} for place, a in enumerate(values, 1)]


FIRSTS = World(
    [
        {"vad": vads(False, True, PAGED)},
        {"vad": vads(False, PAGED, True)},
        {"vad": vads(False)},
        {"vad": []},
        {"vad": vads(False), "cut": {"vad": LOOP}},
        {"vad": vads(True), "cut": {"vad": LOOP}},
    ],
    portion=4,
)


def settled(found: object) -> object:
    """What a query gave, each bare unknown without its reason."""
    if isinstance(found, list):
        return [settled(one) for one in found]
    return UNKNOWN if isinstance(found, dict) and set(found) == {"_unknown"} else found


ROWS = [
    # OrderBy: null is the smallest, unknown the last in both directions; and it is stable.
    ("process.OrderBy(x).Select(pid)", [2, 5, 4, 1, 7, 3, 6]),
    ("process.OrderByDescending(x).Select(pid)", [1, 7, 4, 2, 5, 3, 6]),
    ("process.OrderBy(x < 2).Select(pid)", [1, 2, 5, 7, 4, 3, 6]),
    ("process.OrderBy(x + 1).Select(pid)", [2, 5, 4, 1, 7, 3, 6]),
    # Distinct: nulls are all one, and each unknown is only equal to itself.
    ("process.Select(x).Distinct()", [5, None, UNKNOWN, -1, UNKNOWN]),
    ("process.Select(x ?? 5).Distinct()", [5, -1]),
    ("process.Select(x == null).Distinct()", [False, True, UNKNOWN, UNKNOWN]),
    # Where keeps what is true; Count and Any of a query count what is kept.
    ("process.Where(x == 5).Select(pid)", [1, 7]),
    ("process.Where(!(x == 5)).Select(pid)", [2, 4, 5]),
    ("process.Where(x != 5).Select(pid)", [2, 4, 5]),
    ("process.Where(x == null).Select(pid)", [2, 5]),
    ("process.Where(x != null).Select(pid)", [1, 4, 7]),
    ("process.Where(x < 9).Select(pid)", [1, 4, 7]),
    ("process.Where(!(x < 9)).Select(pid)", [2, 5]),
    ("process.Where(x == x).Select(pid)", [1, 4, 7]),
    ("process.Where(is_unknown(x)).Select(pid)", [3, 6]),
    ("process.Count(x == 5)", 2),
    # Over a whole source, as over a collection
    ("process.Any(x == 5)", True),
    ("process.Any(x == 9)", UNKNOWN),
    ("process.All(x == 5)", False),
    ("process.Where(x != null).All(pid < 9)", True),
    ("process.Where(x == 9).Any(pid > 9)", False),
    # GroupBy: null is a group of its own; all unknown keys are one, the last.
    ("process.GroupBy(x).Select(key)", [5, None, -1, UNKNOWN]),
    ("process.GroupBy(x).Select(items.Count())", [2, 2, 1, 2]),
    # Sum, Min, Max, Average: null is left out, and unknown makes the result unknown.
    ("process.Sum(x)", UNKNOWN),
    ("process.Max(x)", UNKNOWN),
    ("process.Where(is_known(x)).Sum(x)", 9),
    ("process.Where(is_known(x)).Min(x)", -1),
    ("process.Where(is_known(x)).Max(x)", 5),
    ("process.Where(is_known(x)).Average(x)", 3.0),
]


@pytest.mark.parametrize(("query", "expected"), ROWS)
def test_row(query: str, expected: object) -> None:
    assert settled(value(WORLD, query)) == expected


def test_the_first_in_an_expression() -> None:
    """Null if there is none; unknown if an earlier one is, or the collection was cut short."""
    found = value(FIRSTS, "process.Select(vad.First(v => v.a).n)")
    assert settled(found) == [2, UNKNOWN, None, None, UNKNOWN, UNKNOWN]


UNDECIDED = [
    # An element is undecided if the Kleene && of the adjacent Wheres is unknown for it.
    ("process.Where(x == 5)", 2),
    ("process.Where(x == 5).Where(pid == 3)", 1),
    ("process.Where(pid == 3).Where(x == 5)", 1),
    ("process.Where(x == 5).Where(pid == 4)", 0),
    ("process.Where(x == 5).Where(x < 2)", 2),
    ("process.Where(x == 5 && pid < 5)", 1),
    ("process.Where(x == 5 || pid < 5)", 1),
    # What decides leaves nothing to count.
    ("process.Where((x ?? 0) == 5)", 0),
    ("process.Where(is_known(x))", 0),
    ("process.Where(is_known(x) && x == 5)", 0),
    ("process.Where(x == 5 ?? false)", 0),
    # Nor does what is never asked.
    ("process.Take(2).Where(x == 5)", 0),
]


@pytest.mark.parametrize(("query", "count"), UNDECIDED)
def test_undecided(query: str, count: int) -> None:
    run = ask(WORLD, query).run
    assert sum(run.undecided.values()) == count
    assert set(run.undecided) <= {LOOP, PAGED}
