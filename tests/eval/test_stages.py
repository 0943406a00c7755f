"""Stages on sequences of which some elements are missing."""

from __future__ import annotations

import pytest

from memq.errors import Reason
from tests.eval.world import World, ask

WORLD = World(
    [
        {"pid": 1, "vad": [{"n": 2}, {"n": 3}], "cut": {"vad": Reason.NOT_IN_DUMP}},
        {"pid": 2, "vad": [{"n": 1}, {"n": 2}]},
    ]
)
"""What was not found of the first process's mappings may be one with n 1, before the others."""


@pytest.mark.parametrize(
    "condition",
    [
        "vad.Take(1).All(n == 1)",
        "vad.TakeWhile(n > 1).Any()",
        "vad.Skip(1).All(n == 3)",
        "vad.SkipWhile(n < 3).All(n == 3)",
        "vad.Zip([1, 2], (v, i) => v.n + i).All(v => v == 2)",
    ],
)
def test_what_is_missing_may_have_stood_before_what_was_found(condition: str) -> None:
    outcome = ask(WORLD, f"process.Where({condition}).Select(pid)")
    assert outcome.run.undecided == {Reason.NOT_IN_DUMP: 1}


@pytest.mark.parametrize(
    "condition",
    [
        "vad.Any(v => is_known(v.process.pid))",
        "vad.Any(v => is_known(v.process.vad.First().n))",
        "vad.Any(v => is_known(v.process.vad.Count()))",
        "vad.Any(v => is_known([v.n].First()))",
    ],
)
def test_what_is_not_there_is_not_said_to_be_unknown(condition: str) -> None:
    world = World([{"pid": 1, "vad": [], "cut": {"vad": Reason.NOT_IN_DUMP}}])
    outcome = ask(world, f"process.Where({condition}).Select(pid)")
    assert (outcome.value, outcome.run.undecided) == ([], {Reason.NOT_IN_DUMP: 1})
