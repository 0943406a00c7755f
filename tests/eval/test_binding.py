"""The binding rule, case by case: what holds, what is undecided, what narrowing leaves."""

from __future__ import annotations

from typing import Any

import pytest

from memq.lang.parser import Parser
from tests.eval import reference_semantics as oracle
from tests.eval.binding import Case, cases, world, written
from tests.eval.held import FAMILY, FLAT, answered, expected, with_places
from tests.eval.paths import tree
from tests.eval.translate import translated
from tests.eval.world import World, ask

ALL = list(cases())


def name(case: Case) -> str:
    return f"{case.section}: {' then '.join(case.conditions)}"


def marked(case: Case) -> Any:
    marks = [pytest.mark.xfail(reason=case.missing)] if case.missing else []
    return pytest.param(case, marks=marks, id=name(case))


@pytest.mark.parametrize("case", [marked(case) for case in ALL])
def test_case(case: Case) -> None:
    processes = world(case.processes)
    query = "process" + "".join(f".Where({condition})" for condition in case.conditions)
    flat = not any(one["children"] or one["parent"] is not None for one in processes)
    answer = answered(World(processes, portion=9), query, FLAT if flat else FAMILY)
    asked = processes if answer.undecided else ()
    undecided = [one["pid"] for one in asked if is_undecided(processes, query, one["pid"])]
    assert written(processes, answer, undecided) == case.expected
    assert answer.undecided == len(undecided)


def is_undecided(processes: list[dict[str, Any]], query: str, pid: int) -> bool:
    """Whether the query is undecided for one process."""
    run = ask(World(processes), query.replace("process", f"process.Where(pid == {pid})", 1)).run
    return bool(run.undecided)


@pytest.fixture(scope="module")
def parser() -> Parser:
    """One for all: its tables take long to load."""
    return Parser()


@pytest.mark.parametrize("case", ALL, ids=name)
def test_the_oracle_says_the_same(case: Case, parser: Parser) -> None:
    processes = with_places(world(case.processes))
    trees = [tree(processes, number) for number in range(len(processes))]
    pairs = translated(case.conditions, parser)
    values = [oracle.chain([pair.predicate for pair in pairs], one)[0] for one in trees]
    undecided = [one["pid"] for one, value in zip(processes, values, strict=True) if value is None]
    assert written(processes, expected(trees, pairs, FAMILY), undecided) == case.expected
