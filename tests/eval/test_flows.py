"""Streams: what is handed on at once is bounded, and the bound changes no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.eval import stages
from memq.run import Limits
from tests.eval.world import World, ask, value

if TYPE_CHECKING:
    import pytest

    from memq.eval.segments import Segments

WORLD = World(
    [
        {
            "pid": pid,
            "vad": [{"n": 10 * pid + n} for n in range(pid)],
            "handle": [{"n": n} for n in range(3)],
        }
        for pid in range(5)
    ],
    portion=5,
)
PAIRS = "process.SelectMany(vad).SelectMany(v => v.process.handle).Select([process.pid, n])"


def test_elements_of_elements_are_made_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    applied = stages.applied

    def counted(stage: Any, segments: Segments) -> Segments:
        found = applied(stage, segments)
        made.append(len(found.view.owner))
        return found

    monkeypatch.setattr(stages, "applied", counted)
    cut = ask(WORLD, PAIRS, limits=Limits(rows_at_once=7))
    assert cut.value == [
        {"process": {"pid": pid}, "n": n} for pid in range(5) for _ in range(pid) for n in range(3)
    ]
    assert max(made) <= 7


def test_the_bound_changes_no_answer() -> None:
    assert ask(WORLD, PAIRS, limits=Limits(rows_at_once=1)).value == value(WORLD, PAIRS)
