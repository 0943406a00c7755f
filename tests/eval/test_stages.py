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


@pytest.mark.xfail(
    strict=True, reason="a cut collection is taken to be whole up to its last element"
)
@pytest.mark.parametrize("condition", ["vad.Take(1).All(n == 1)", "vad.TakeWhile(n > 1).Any()"])
def test_what_is_missing_may_have_stood_before_what_was_found(condition: str) -> None:
    outcome = ask(WORLD, f"process.Where({condition}).Select(pid)")
    assert outcome.run.undecided == {Reason.NOT_IN_DUMP: 1}
