"""What many elements ask alike of one sequence is asked once."""

from __future__ import annotations

from typing import Any

import pytest

from memq.errors import Reason
from memq.eval import aggregates
from tests.eval.world import World, ask

PROCESSES: list[dict[str, Any]] = [
    {"pid": 1, "vad": [{"n": n, "a": n == 7, "f": "x"} for n in range(40)]},
    {"pid": 2, "vad": [{"n": n, "a": False, "f": None} for n in range(30)]},
    {"pid": 3, "vad": [{"n": 1, "a": Reason.PAGED_OUT}] * 5, "cut": {"vad": Reason.LOOP}},
    {"pid": 4, "vad": [{"n": 1}]},
]
ASKED = (
    "process.vad.Count()", "process.vad.Count() > 30", "process.vad.Any(v => v.a)",
    "process.vad.All(v => v.n < 30)", "process.vad.None(v => v.a)",
    "process.vad.Count(v => v.n < 20)", "process.vad.Count(v => v.f == 'x') == 40",
    "process.vad.Any(v => v.n == vad.n + 1)", "process.vad.Count(v => v.a) < 2",
    "process.vad.Any(v => v.n > 30) && a", "process.vad.Any()",
)  # fmt: skip


@pytest.mark.parametrize("asked", ASKED)
def test_it_is_what_each_element_would_find(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = [f"vad.Select([n, {asked}])", f"vad.Select([n, {asked}]).Take(3)"]
    if " > " in asked or "Any" in asked:
        queries.append(f"vad.Where({asked}).Select(n)")
        queries.append(f"vad.Where(!({asked})).Count()")
    found = [ask(World(PROCESSES), query) for query in queries]
    monkeypatch.setattr(aggregates, "_alike", lambda *_: None)
    for query, one in zip(queries, found, strict=True):
        each = ask(World(PROCESSES), query)
        assert (one.value, one.run.undecided, one.run.lost) == (
            each.value,
            each.run.undecided,
            each.run.lost,
        )


def test_the_work_grows_with_sequences_and_not_with_those_who_ask() -> None:
    world = World(PROCESSES)
    ask(world, "vad.Where(process.vad.Any(v => v.a)).Count()")
    assert world.counts["vad.a"] <= 76


def test_of_nothing_nothing_is_asked() -> None:
    assert ask(World([{"pid": 1}]), "vad.Where(process.vad.Count() > 1).Count()").value == 0
