"""Rules as plans: what filters leave out and keep, and what parameters are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import memq
from memq.errors import QueryError
from memq.eval.result import Result
from memq.hunt.binding import RuleBinder
from memq.hunt.loading import load_playbook
from memq.hunt.rule import Filter, Rule
from memq.image import Answer
from memq.lang import ast
from memq.run import Run
from memq.schema.batch import Context
from tests.hunt.attack import little_attack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.eval.plan import Plan
    from memq.image import Image


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    """The sample, open."""
    with memq.open(sample) as opened:
        yield opened


def rows(image: Image, plan: Plan) -> list[object]:
    answer = Answer(Result(plan, Context(image.kernel, Run(image.progress))))
    return list(answer.rows())


def rule_of(query: str, *conditions: str) -> Rule:
    filters = tuple(Filter("A filter", where) for where in conditions)
    return Rule("A", "", "low", {"linux": query}, "a.yml:1:1", filters=filters)


def filtered(image: Image, query: str, *conditions: str) -> list[object]:
    rule = rule_of(query, *conditions)
    return rows(image, RuleBinder().rule(rule, image.system, image.kernel))


SSHD = '"/usr/sbin/sshd"'


@pytest.mark.parametrize(
    ("conditions", "left"),
    [
        ([], [1, 2, 3, 202]),
        (["pid == 1"], [2, 3, 202]),
        (["pid == 1", "p => p.pid == 3"], [2, 202]),
        ([f"vad.file_name == {SSHD}"], [1, 2, 3]),  # one of its mappings is enough
        ([f"vad.Any(v => v.file_name == {SSHD}) || pid == 2"], [1, 3]),
        (["1 / (pid - 1) >= 0"], [1]),  # unknown of 1: it stays
        (["!(1 / (pid - 1) >= 0)"], [1, 2, 3, 202]),
        (["pid == 1 // a comment"], [2, 3, 202]),
    ],
)
def test_filters_leave_out_what_they_are_sure_of(
    image: Image, conditions: list[str], left: list[int]
) -> None:
    query = "let few = process.Where(pid < 4 || pid == 202); few // these"
    found = filtered(image, query, *conditions)
    assert [row["process_id"] for row in found if isinstance(row, dict)] == left


def test_filters_speak_of_what_is_selected(image: Image) -> None:
    query = "process.Where(pid < 4).Select({number: pid})"
    assert filtered(image, query, "number == 2") == [{"number": 1}, {"number": 3}]
    with pytest.raises(QueryError, match="The record has no `pid`"):
        filtered(image, query, "pid == 2")


def test_a_place_in_a_filter_is_behind_the_query(image: Image) -> None:
    with pytest.raises(QueryError) as caught:
        filtered(image, "process", "pid == 1", "nmae == 2")
    error = caught.value
    assert error.span is not None
    assert error.text[error.span.start : error.span.end] == "nmae"


def loaded(folder: Path) -> Rule:
    file = folder / "a.yml"
    file.write_text(
        "title: A\nid: 00000000-0000-4000-8000-000000000001\nlevel: low\nos: linux\n"
        "query: process.Where(pid < limit && !(name in names)).Select(pid)\n"
        "parameters:\n"
        "  limit: {default: 5}\n"
        '  names: {default: [systemd, "5"], description: Not looked at.}\n'
        "filters:\n  - {title: Threads, where: 'p => p == 2'}\n",
        "utf-8",
    )
    playbook = load_playbook([file], little_attack())
    assert playbook.errors == ()
    (rule,) = playbook.rules
    return rule


def test_a_rule_is_bound_with_its_parameters_and_filters(image: Image, tmp_path: Path) -> None:
    rule = loaded(tmp_path)
    assert rule.defaults["names"] == ast.ListLiteral((ast.Text("systemd"), ast.Text("5")))
    assert rows(image, RuleBinder().rule(rule, image.system, image.kernel)) == [3, 4]
    given = {"limit": ast.Number(4)}
    assert rows(image, RuleBinder().rule(rule, image.system, image.kernel, given)) == [3]
