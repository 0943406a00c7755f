"""Nothing is found, walked or computed that the query does not ask for."""

from __future__ import annotations

import pytest

from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.run import Run
from memq.schema.batch import Context
from tests.eval.world import SYSTEM, World, value


def world() -> World:
    return World(
        [
            {"pid": n, "vad": [{"n": n, "a": n % 2 == 1}], "handle": [{"n": n}], "dear": n}
            for n in range(12)
        ],
        portion=3,
    )


# (query, portions found)
PULLED = [
    ("process.Take(3)", 1),
    ("process.Take(4)", 2),
    ("process.Take(0)", 0),
    ("process.First()", 1),
    ("process.First(pid == 4)", 2),
    ("process.Any(pid == 5)", 2),
    ("process.All(pid < 2)", 1),
    ("process.Where(vad.n == 4).Take(1)", 2),
    ("process.Select(pid).Take(2)", 1),
    ("process.SelectMany(vad).Take(2)", 1),
    ("vad.Take(3)", 1),
    ("process.Skip(3).Take(1)", 2),
    ("process.Select([pid]).Distinct().Take(3)", 1),
    ("process.OrderBy(pid).Take(1)", 4),
    ("process.Join(process, p => p.pid, q => q.pid).Take(1)", 4 + 1),
    ("process.Count()", 4),
]


@pytest.mark.parametrize(("query", "portions"), PULLED)
def test_portions(query: str, portions: int) -> None:
    made = world()
    value(made, query)
    assert made.counts["portions"] == portions


# (query, of how many processes the VADs are walked, of how many the handles)
WALKED = [
    ("process", 0, 0),
    ("process.Where(pid == 1)", 0, 0),
    ("process.Where(vad.a)", 12, 0),
    ("process.Where(vad.a).Select([pid])", 12, 0),
    ("process.Where(vad.n == 1 && pid == 1)", 1, 0),
    ("process.Where(handle.n == 1 && vad.n == 1 && pid < 2)", 1, 2),
    ("process.Where(pid < 2 && (vad.n == 1 || handle.n == 1))", 2, 1),
    ("process.Where(pid < 2 && (vad.n == 1 || handle.n == 1)).Select([handle.n])", 2, 2),
    ("process.Where(pid < 9 || vad.a).Select([pid])", 3, 0),
    ("process.Where(pid < 9 || vad.a).Select([vad.n])", 12, 0),
    ("process.Where(pid < 10 || vad.Any(v => v.a))", 2, 0),
    ("process.Where(pid < 2 && handle.Count() == 1)", 0, 2),
    ("process.Where(pid == 1).Where(vad.a)", 1, 0),
    ("process.Where(pid == 1).Select([handle.n])", 0, 1),
    ("process.Take(1).Select([vad.n, vad.Count()])", 1, 0),
    ("process.Take(2).SelectMany(handle)", 0, 2),
    ("process.Count()", 0, 0),
]


@pytest.mark.parametrize(("query", "vads", "handles"), WALKED)
def test_walks(query: str, vads: int, handles: int) -> None:
    made = world()
    value(made, query)
    assert made.counts["walk vad"] == vads
    assert made.counts["walk handle"] == handles


def test_cheap_conditions_come_first() -> None:
    for query in ("dear > 1 && pid < 3", "pid < 3 && dear > 1", "!(dear > 1) && pid < 3"):
        made = world()
        value(made, f"process.Where({query})")
        assert made.counts["process.dear"] == 3


def test_a_dear_field_is_computed_once() -> None:
    made = world()
    value(made, "process.Where(dear > 1).Where(dear > 2).OrderBy(dear).Select([dear])")
    assert made.counts["process.dear"] <= 12 + 9


def test_only_what_is_named_is_computed() -> None:
    made = world()
    value(made, "process.Where(vad.a).Select([pid, vad.n])")
    assert made.counts["vad.f"] == made.counts["process.name"] == made.counts["vad.b"] == 0


def test_nothing_is_read_before_a_batch_is_pulled() -> None:
    made = world()
    batches = Result(bind_query("process.Where(vad.a)", SYSTEM), Context(made, Run())).batches()
    assert not made.counts
    next(batches)
    assert made.counts["portions"] == 1
