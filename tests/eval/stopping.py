"""Runs that are stopped: when asked whether they are cancelled, or at any line of the program."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

import memq
from memq.errors import Cancelled
from memq.output import json
from memq.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from memq.eval.conversation import Conversation

PACKAGE = str(Path(memq.__file__).parent)


class Stops(Run):
    """A run that is cancelled when it is asked for the n-th time; it counts how often it is."""

    def __init__(self, at: int = 0) -> None:
        super().__init__()
        self.at = at
        self.asked = 0

    def check(self) -> None:
        self.asked += 1
        self.cancelled = self.cancelled or self.asked == self.at
        super().check()


class Answer(NamedTuple):
    """What a query gave, and what its run has to say."""

    value: Any
    matched: int
    undecided: dict[Any, int]
    lost: dict[Any, int]
    notes: list[str]


def answer(talk: Conversation, query: str, run: Run) -> Answer:
    """Ask a query to its end, or to where it is stopped: then the value holds what was written."""
    bound = talk.bind(query)
    assert bound.plan is not None
    result = talk.run(bound.plan, run)
    texts = json.lines if result.is_single else json.array
    pieces: list[str] = []
    try:
        pieces.extend(texts(result.batches(), bare=result.shape.bare, check=run.check))
    except Cancelled:
        assert run.cancelled
    value = orjson.loads("".join(pieces) or "[]")
    return Answer(value, run.matched, dict(run.undecided), dict(run.lost), list(run.notes))


@contextmanager
def interrupted(at: int) -> Iterator[list[int]]:
    """Raise KeyboardInterrupt at the n-th line of memq that runs; give how many have run."""
    lines = [0]

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            lines[0] += 1
            if lines[0] == at:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)
