"""Which answers are drawn as trees: those in whose order `Tree` had the last word."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

import memq
from memq.errors import Reason
from memq.eval.conversation import Conversation
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.image import Answer
from memq.lang.parser import Parser
from memq.printing import write
from memq.run import Run
from memq.schema.batch import Context
from tests.eval.world import SYSTEM, World

if TYPE_CHECKING:
    from pathlib import Path

PARENTS = (None, 0, 3, 1, 0, Reason.PAGED_OUT, 5)
FAMILY = World(
    [{"pid": n, "name": chr(97 + n), "parent": parent} for n, parent in enumerate(PARENTS)]
)


def written(query: str, form: str = "table") -> str:
    stream = io.StringIO()
    result = Result(bind_query(query, SYSTEM), Context(FAMILY, Run()))
    write(Answer(result), form, stream)
    return stream.getvalue()


NAMES = ["a", "├─ b", "│  └─ d", "│     └─ c", "└─ e", "?─ f", "   └─ g"]


def test_whole_objects_have_lines_instead_of_their_depth() -> None:
    lines = written("process.Tree()").splitlines()
    assert lines[0].split() == ["process_id", "name"]
    assert [line[12:] for line in lines[2:]] == NAMES


def test_what_is_selected_has_lines_without_its_depth() -> None:
    lines = written("process.Tree().Select([pid, name])").splitlines()
    assert [line[5:] for line in lines[2:]] == NAMES


def test_a_depth_that_was_asked_for_is_a_column() -> None:
    lines = written("process.Tree().Select([depth, name])").splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["0", "1", "2", "3", "1", "?", "?"]
    assert [line[7:] for line in lines[2:]] == NAMES


DRAWN = (
    "process.Tree().Select(name)",
    "process.Tree().Select(pid)",
    "process.Tree().Let({k: 1})",
    "process.Tree().Let({depth: 1})",
    "process.Tree().Select({n: name}).Let({k: 2}).Select({n: n})",
    "process.Tree().Select(parent)",
    "process.Tree().Select([name, vad])",
    "process.Tree().Take(4)",
    "process.Tree().Select([pid, name]).Take(4)",
    "process.Where(pid < 9).Tree().ToList()",
    "process.OrderBy(name).Tree()",
    "let family = process.Tree(); family.Select(name)",
)
PLAIN = (
    "process",
    "process.Tree().Where(pid > 0)",
    "process.Tree().OrderBy(name)",
    "process.Tree().Skip(1)",
    "process.Tree().Reverse().Select(name)",
    "process.Tree().SelectMany(children)",
    "process.Tree().GroupBy(depth)",
    "process.Tree().Concat(process.Tree())",
    "process.Select([name, children.Tree().Select(name)])",
    "process.Tree().First()",
    "process.Tree().Max(depth)",
)


@pytest.mark.parametrize("query", DRAWN)
def test_these_are_drawn(query: str) -> None:
    text = written(query)
    assert "└─ " in text
    assert "\0" not in text
    if "{depth:" in query:
        assert text.split()[:3] == ["process_id", "name", "depth"]


@pytest.mark.parametrize("query", PLAIN)
def test_these_are_not(query: str) -> None:
    assert "─ " not in written(query)


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "tsv"])
def test_other_forms_have_the_depth_and_no_lines(form: str) -> None:
    text = written("process.Tree()", form)
    assert "─" not in text
    assert "depth" in text


def test_json_has_the_depth_behind_the_default_columns() -> None:
    rows: list[dict[str, Any]] = json.loads(written("process.Tree()", "json"))
    assert [row["depth"] for row in rows] == [0, 1, 2, 3, 1, None, None]
    assert list(rows[0]) == ["process_id", "name", "depth"]


def test_the_sample_is_drawn(sample: Path) -> None:
    """Where the name begins is how deep a process is."""
    query = "process.Tree().Select([pid, name, depth])"
    stream = io.StringIO()
    with memq.open(sample) as image:
        write(image.query(query), "table", stream)
        rows = list(image.query(query).rows())
    lines = stream.getvalue().splitlines()
    start = lines[0].index("name")
    for line, row in zip(lines[2:], rows, strict=True):
        assert line[start:].index(row["name"]) == 3 * row["depth"]


def test_a_result_that_has_a_name_is_drawn_too() -> None:
    talk = Conversation(SYSTEM, FAMILY, Parser())
    for text in ("process.Tree()", "_", "_.Select(name)", "_1.Take(2)"):
        bound = talk.bind(text)
        assert bound.plan is not None
        stream = io.StringIO()
        write(Answer(talk.run(bound.plan, Run())), "table", stream)
        assert "└─ " in stream.getvalue()
        talk.name_result(bound)
