"""Plans for people: plans.txt has queries with their plans, and what is never in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from memq.eval.explain import explain, explained
from memq.eval.explain_words import LONGEST
from memq.eval.pipeline import bind_query, node_of
from memq.eval.rules import RULES
from tests.eval.world import WITH_KEYS
from tests.lab import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Case(NamedTuple):
    """A query and its plan."""

    query: str
    plan: str


def cases() -> Iterator[Case]:
    text = (ROOT / "tests/eval/plans.txt").read_text("utf-8")
    for part in text.strip("\n").split("\n\n")[1:]:
        query, _, plan = part.partition("\n--\n")
        yield Case(query, plan)


ALL = list(cases())


def plan_of(query: str) -> str:
    return explain(bind_query(query, WITH_KEYS), query)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.query.replace("\n", " "))
def test_plan(case: Case) -> None:
    assert plan_of(case.query) == case.plan


def test_every_rule_is_told_of() -> None:
    text = "\n".join(case.plan for case in ALL)
    for rule in RULES:
        assert f"rule {rule.__name__}: {(rule.__doc__ or '').splitlines()[0]}" in text


def test_for_programs_it_is_the_same() -> None:
    query = "process.Where(p => process.Count(q => q.x == p.pid) > 2).Select(dear).Take(3)"
    found = explained(bind_query(query, WITH_KEYS), query)
    assert [step["step"] for step in found["steps"]] == ["process", "Where", "Take", "Select"]
    _, where, take, select = found["steps"]
    assert where["text"] == "process.Count(q => q.x == p.pid) > 2"
    assert where["cost"] == "walk"
    (count,) = where["within"]
    assert [inner["step"] for inner in count["within"]] == ["process", "ask"]
    assert take == {"step": "Take", "text": "3", "cost": "", "facts": (), "within": ()}
    assert select["facts"] == ("reads process.dear (user memory)",)
    assert [rule["name"] for rule in found["rules"]] == ["take_pushed"]


def test_a_condition_is_written_in_one_line_without_comments() -> None:
    lines = plan_of("process.Where( # here\n  pid==1 and\n  // there\n  not odd )").splitlines()
    assert lines[1] == "Where pid == 1 && !odd  [member]"


def test_what_a_text_hides_from_a_terminal_is_escaped() -> None:
    assert r'name == "\x1b[31m"' in plan_of(r"process.Where(name == '\x1b[31m')")


def test_a_long_condition_is_cut() -> None:
    (_, line, _) = plan_of(f"process.Where(name == '{'x' * 5000}')").splitlines()
    assert len(line) < LONGEST + 40
    assert " ..." in line


def test_names_from_outside_stand_as_they_are_written() -> None:
    query = "process.Where(pid == n && n == 3)"
    plan = bind_query(query, WITH_KEYS, None, {"n": node_of(3)})
    assert explain(plan, query).splitlines()[1] == "Where pid == n && n == 3  [member]"
