"""What methods of series make of elements that may be there or not: never less than may be true."""

from __future__ import annotations

from typing import Any

import pytest

from memq.errors import Reason
from tests.eval.world import World, ask, value

PAGED = Reason.PAGED_OUT


def rows(*bits: object, n: tuple[object, ...] = (1, 1, 1, 1)) -> World:
    """One process whose VADs have a bit each, and numbers."""
    vads = [{"b": bit, "n": number} for bit, number in zip(bits, n, strict=False)]
    return World([{"pid": 7, "vad": vads}])


def of_one(world: World, text: str) -> Any:
    """What an expression gives for the only process, its reasons left out."""
    query = f"process.Select(p => {{r: {text}}})"
    (record,) = value(world, query)
    if "_cut_short" in record:
        return [*record["r"], "..."]
    return "?" if "_unknown" in record else record["r"]


PERHAPS = "p.vad.Where(v => v.b)"

ROWS = [
    # The first of equal keys is not sure where one before it may be there.
    ((PAGED, True), "DistinctBy(v => v.n).Select(v => v.i)", []),
    ((PAGED, True), "DistinctBy(v => v.n).First().i", "?"),
    ((True, PAGED), "DistinctBy(v => v.n).Select(v => v.i)", [0]),
    # Lists of so many end where the places end to be known.
    (
        (True, True, PAGED, True),
        "Select(v => v.i).Chunk(2)",
        [[0, 1, {"_cut_short": "paged out"}], "..."],
    ),
    ((True, True, True), "Select(v => v.i).Chunk(2)", [[0, 1], [2]]),
    ((PAGED,), "Select(v => v.i).Chunk(2).Any()", "?"),
    # Pairs at equal places, too.
    ((True, PAGED, True), "Zip(p.vad, (a, b) => a.i + b.i)", [0, "..."]),
    ((True, True), "Zip(p.vad, (a, b) => a.i + b.i)", [0, 2]),
    # What may be missing behind a place moves nothing.
    ((True, PAGED), "ElementAt(0).i", 0),
    ((PAGED, True), "ElementAt(0).i", "?"),
    ((PAGED, True), "ElementAt(-1).i", 1),
    ((True, PAGED), "ElementAt(-1).i", "?"),
    ((True, PAGED), "ElementAt(5).i", None),
]


@pytest.mark.parametrize(("bits", "method", "expected"), ROWS)
def test_an_element_that_may_be_missing(
    bits: tuple[object, ...], method: str, expected: object
) -> None:
    assert of_one(rows(*bits), f"{PERHAPS}.{method}") == expected


KEYS = rows(True, True, n=(1, PAGED))
"""Two VADs; the key of the second is unknown."""

JOINS = [
    # In an expression, pairs that may be missing are said of the list, and decide nothing.
    (KEYS, "p.vad.Join(p.vad, a => a.i, b => b.n, (a, b) => a.i)", [1, "..."]),
    (KEYS, "p.vad.Join([5], a => a.n, b => b, (a, b) => a.i).Any()", "?"),
    (KEYS, "p.vad.Join([5], a => a.n, b => b, (a, b) => a.i).Count() == 0", "?"),
    (KEYS, "p.vad.Join([5], a => a.i, b => b, (a, b) => a.i).Any()", False),
    # An element that has a partner keeps its place, which may be unknown.
    (
        rows(PAGED),
        f"{PERHAPS}.LeftJoin(p.vad, a => a.i, b => b.i, (a, b) => b.i).Any()",
        "?",
    ),
    # A sure partner does not hide one that may be there.
    (
        rows(True, PAGED),
        f"p.vad.LeftJoin({PERHAPS}, a => a.n, b => b.n, (a, b) => b.i).Count() == 2",
        "?",
    ),
]


@pytest.mark.parametrize(("world", "text", "expected"), JOINS)
def test_a_join_in_an_expression(world: World, text: str, expected: object) -> None:
    assert of_one(world, text) == expected


def test_a_join_as_a_query_counts_what_is_undecided() -> None:
    world = World([{"pid": 1, "x": 1}, {"pid": 2, "x": PAGED}])
    outcome = ask(world, "process.Join(process, a => a.x, b => b.pid, (a, b) => b.pid)")
    assert outcome.value == [1]
    assert dict(outcome.run.undecided) == {PAGED: 1}


def test_a_zip_as_a_query_counts_what_is_undecided() -> None:
    world = World([{"pid": 1, "x": 1}, {"pid": 2, "x": PAGED}, {"pid": 3, "x": 1}])
    outcome = ask(world, "process.Zip(process.Where(q => q.x == 1), (a, b) => [a.pid, b.pid])")
    assert [record["a"]["pid"] for record in outcome.value] == [1, 2]
    assert [record["b"]["pid"] for record in outcome.value] == [1, 3]
    assert dict(outcome.run.undecided) == {PAGED: 1}


LISTS = [
    ("process.Select(p => {l: p.vad.Where(v => v.b)}).Select(r => r.l.Count())", "?"),
    ("process.Select(p => {l: p.vad.Where(v => v.b)}).Select(r => r.l.Count() > 0)", True),
    ("process.Where(p => p.vad.b).Select(p => {l: p.vad.i}).Select(r => r.l.Sum())", "?"),
    ("process.Select(p => {l: p.vad.Where(v => v.b).Select(v => v.i)}).Select(r => r.l)", [0]),
]


@pytest.mark.parametrize(("query", "expected"), LISTS)
def test_what_goes_on_from_a_list(query: str, expected: object) -> None:
    """A list shows what is there for sure; what is asked of it knows of the others."""
    (found,) = value(rows(True, PAGED), query)
    assert ("?" if isinstance(found, dict) else found) == expected


def test_a_list_shows_what_is_there_for_sure() -> None:
    outcome = ask(rows(True, PAGED), "process.Select(p => {l: p.vad.Where(v => v.b).Select(i)})")
    assert outcome.value == [{"l": [0]}]
    assert dict(outcome.run.lost) == {PAGED: 1}
