"""A dump that was asked, and stopped before it had answered, answers later as it would have."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from memq.eval.conversation import Conversation
from memq.image import Image
from memq.lang.parser import Parser
from tests.eval.stopping import Answer, Stops, answer, interrupted
from tests.lab import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUERIES = (
    "process.Where(vad.is_executable && vad.file_name == handle.name).Select([pid, vad.start])",
    "vad.GroupBy(name).Select([key, items.Count(), items.process.pid]).Take(20)",
    "process.Where(!in_pid_table || image_is_deleted).Select([pid, command_line, children])",
    "process.Take(9).Select([raw.mm.pgd, list_of(raw.children, 'task_struct', 'sibling').Count()])",
)
PARSER = Parser()


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    with Image(sample) as found:
        yield found


def talk(image: Image) -> Conversation:
    return Conversation(image.system, image.kernel, PARSER)


@pytest.mark.parametrize("query", QUERIES)
def test_wherever_it_is_cancelled(image: Image, query: str) -> None:
    run = Stops()
    expected = answer(talk(image), query, run)
    kept = talk(image)
    for number in random.Random(query).sample(range(1, run.asked + 1), 8):
        for one in (talk(image), kept):
            answer(one, query, Stops(number))
            assert answer(one, query, Stops()) == expected


@pytest.mark.parametrize("query", QUERIES)
def test_wherever_it_is_interrupted(image: Image, query: str) -> None:
    expected = answer(talk(image), query, Stops())
    with interrupted(0) as lines:
        answer(talk(image), query, Stops())
    kept = talk(image)
    for line in random.Random(query).sample(range(1, lines[0]), 4):
        for one in (talk(image), kept):
            stopped(one, query, line)
            assert answer(one, query, Stops()) == expected


def stopped(talk: Conversation, query: str, line: int) -> Answer | None:
    """Ask, and interrupt at a line; where much is known already, it may have ended before."""
    try:
        with interrupted(line):
            return answer(talk, query, Stops())
    except KeyboardInterrupt:
        return None


def test_types_and_symbols_that_were_being_read(sample: Path) -> None:
    (query, *_), chosen = QUERIES, random.Random(1)
    with Image(sample) as fresh, interrupted(0) as lines:
        expected = answer(talk(fresh), query, Stops())
    for _ in range(4):
        with Image(sample) as fresh:
            assert stopped(talk(fresh), query, chosen.randrange(1, lines[0])) is None
            assert answer(talk(fresh), query, Stops()) == expected


def test_what_one_run_has_read_does_not_stop_the_next(image: Image) -> None:
    one, run = talk(image), Stops()
    answer(one, "vad.Select(inode)", run)
    run.cancelled = True
    query = "vad.Select([file_name, is_deleted])"
    assert answer(one, query, Stops()) == answer(talk(image), query, Stops())


def test_stopping_in_the_middle_of_imports_needs_none() -> None:
    """A module whose import was interrupted may not be imported again, numpy for one."""
    script = """
import sys
from memq import cli

def interrupted(*_):
    raise KeyboardInterrupt

cli._interpret = interrupted
status = cli.main(["x"])
sys.exit(status if "numpy" not in sys.modules else 99)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "memq: stopped\n")
