"""Shapes of results: what each form of a query gives, as JSON, in shapes.txt.

A block of the file is a title, or a query and what it gives, a record a line. After a change,
`MEMQ_ACCEPT=1 pytest tests/eval/test_shapes.py` writes what is given now: read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from memq.errors import MemqError, Reason
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.output import json, separated
from memq.run import Run
from memq.schema.batch import Context
from tests.eval.world import SYSTEM, World

GOLDEN = Path(__file__).with_name("shapes.txt")
PROCESSES: list[dict[str, Any]] = [
    {
        "pid": 1, "name": "init", "x": 5, "base": 4096, "born": 1_500_000_000, "children": [1, 2],
        "vad": [{"n": 1, "f": "a", "a": True, "size": 10}, {"n": 2, "f": "b", "size": 20}],
        "handle": [{"n": 1, "f": "a"}],
    },
    {
        "pid": 2, "name": "sh", "x": None, "parent": 0,
        "vad": [{"n": 3, "f": "a/b,c", "size": 5}],
        "handle": [{"n": 7, "f": "b"}],
    },
    {"pid": 3, "name": "sh", "x": Reason.PAGED_OUT, "parent": 0, "children": [3]},
    {
        "pid": 4, "name": "x", "x": 7, "parent": 2,
        "vad": [{"n": 9, "f": None, "size": 1}], "cut": {"vad": Reason.LOOP},
    },
]  # fmt: skip
"""init has two children, sh and sh; x is a child of the second, its mappings were cut short."""


class Case(NamedTuple):
    """A query and what it gives; without a query, a title."""

    title: str
    query: str
    expected: str


def read_cases() -> list[Case]:
    cases = []
    for block in re.split(r"\n\n+", GOLDEN.read_text("utf-8").strip()):
        if block.startswith("#"):
            cases.append(Case(block, "", ""))
            continue
        lines = block.split("\n")
        query = [line[2:] for line in lines if line.startswith("> ")]
        cases.append(Case("", "\n".join(query), "\n".join(lines[len(query) :])))
    return cases


def given(query: str) -> str:
    """What a query gives, a record a line; `csv:` before it asks for CSV."""
    text, form = query.removeprefix("csv: "), query.startswith("csv: ")
    run = Run()
    result = Result(bind_query(text, SYSTEM), Context(World(PROCESSES), run))
    try:
        if form:
            lines = "".join(separated.csv(result.batches(), result.shape.fields))
        else:
            lines = "".join(json.lines(result.batches(), bare=result.shape.bare))
    except MemqError as error:
        lines = f"! {error}\n"
    notes = [f"note: {note}\n" for note in run.notes if "cut short" not in note]
    undecided = sum(run.undecided.values())
    said = f"undecided: {undecided}\n" if undecided else ""
    return (lines + "".join(notes) + said).rstrip("\n") or "nothing"


CASES = read_cases()


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.query], ids=lambda case: case.query[:60]
)
def test_shape(case: Case) -> None:
    if "MEMQ_ACCEPT" in os.environ:
        pytest.skip("results are written anew")
    assert given(case.query) == case.expected


def test_the_file_is_laid_out_as_it_is_written() -> None:
    blocks = [
        case.title
        or "\n".join([*(f"> {line}" for line in case.query.split("\n")), given(case.query)])
        for case in CASES
    ]
    text = "\n\n".join(blocks) + "\n"
    if "MEMQ_ACCEPT" in os.environ:
        GOLDEN.write_text(text, "utf-8", newline="\n")
    assert GOLDEN.read_text("utf-8") == text
