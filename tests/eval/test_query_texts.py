"""No query does anything but give a result, or say in one sentence why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memq.errors import MemqError, QueryError, Reason
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.output import json
from memq.run import Run
from memq.schema.batch import Context
from tests.eval.query_texts import queries
from tests.eval.raw_world import RAW_SYSTEM, RawWorld
from tests.eval.world import SYSTEM

if TYPE_CHECKING:
    from memq.eval.plan import Plan

UNKNOWN = Reason.PAGED_OUT
PROCESSES: list[dict[str, Any]] = [
    {
        "pid": 1, "name": "a", "x": 5, "base": 4096, "born": 1_500_000_000, "children": [1, 2],
        "odd": True, "flags": 3, "state": "running", "handle": [{"n": 1, "f": "a", "b": True}],
        "vad": [{"n": 1, "f": "a", "a": True, "size": 10}, {"n": 2, "f": "b", "b": UNKNOWN}],
    },
    {
        "pid": 2, "name": "b", "x": None, "parent": 0, "vad": [{"n": 3, "f": "a/b", "size": 5}],
        "handle": [{"n": 7, "f": "b"}],
    },
    {"pid": 3, "name": "b", "x": UNKNOWN, "parent": 0, "children": [3], "odd": UNKNOWN},
    {
        "pid": 4, "name": None, "x": 7, "parent": 2, "cut": {"vad": Reason.LOOP},
        "vad": [{"n": 9, "f": None, "size": 1, "a": True}],
    },
]  # fmt: skip


def bound(query: str, *, raw: bool) -> Plan | None:
    """The plan of a query; None where it is refused, at a place within its text."""
    try:
        return bind_query(query, *((RAW_SYSTEM, RawWorld([])) if raw else (SYSTEM,)))
    except QueryError as error:
        check(error, query)
        return None


def check(error: QueryError, query: str) -> None:
    assert error.span is not None, str(error)
    assert 0 <= error.span.start <= error.span.end <= len(query), str(error)
    assert error.message.endswith(".")
    assert "\0" not in str(error)


def run(plan: Plan) -> str:
    """What a query gives, written; or why it fails."""
    result = Result(plan, Context(RawWorld(PROCESSES), Run()))
    try:
        return "".join(json.array(result.batches(), bare=result.shape.bare))
    except MemqError as error:
        return str(error)


@given(st.booleans().flatmap(lambda raw: st.tuples(st.just(raw), queries(raw=raw))))
@example((False, "handle.Select({k: 1, l: [1].Select(p => process)})"))
@example((False, "process.Select((x ?? 1.5) + ~1.5)"))
@example((False, "process.Select((x ?? 1.5) >> 1)"))
@example((False, "handle.Take(0).OrderBy(process.x)"))
@example((False, "handle.Select({k: process, l: process.vad}).Where(false).OrderBy(k.x)"))
@example((False, "process.Let({k: pid}).Union(process).Select(k)"))
@example((False, 'handle.Select({l: ["a"].LeftJoin(["a", null], q => q, v => handle.f)})'))
@example((True, 'list_of(symbol("tasks"), "task", "tasks").Let(p => {m: p.pid})'))
@example((True, 'list_of(symbol("tasks"), "task", "tasks").Select(p => [p]).Flatten()'))
@example((True, 'list_of(symbol("tasks"), "task", "tasks").Take(0).OrderBy(p => p.pid)'))
@example((True, 'list_of(symbol("tasks"), "task", "tasks").Take(0).Select(p => [p, p.own])'))
def test_every_query_gives_a_result_or_says_why_not(asked: tuple[bool, str]) -> None:
    raw, query = asked
    plan = bound(query, raw=raw)
    if plan is not None:
        assert run(plan)


def test_the_elements_of_a_list_may_be_objects_from_around_it() -> None:
    """A list that names nothing but an object from around it depends on it, too."""
    plan = bind_query("handle.Select({l: [1].Select(p => process)}).Take(1)", SYSTEM)
    assert run(plan) == '[\n{"l":[{"process_id":1,"name":"a"}]}\n]\n'


def test_a_key_of_a_second_collection_may_speak_of_the_element_around() -> None:
    query = 'handle.Select({l: ["a"].Join(["c"], x => x, y => handle.f, (x, y) => [x, y])})'
    plan = bind_query(query, SYSTEM)
    assert run(plan) == '[\n{"l":[{"x":"a","y":"c"}]},\n{"l":[]}\n]\n'


def test_a_structure_in_a_record_stands_under_its_name() -> None:
    query = 'list_of(symbol("tasks"), "task", "tasks").Take(1).Select(t => [t])'
    plan = bind_query(query, RAW_SYSTEM, RawWorld([]))
    assert plan.records.fields[0].path[:2] == ("t", "state")


@pytest.mark.parametrize("query", ["process.Select(x ?? 1.5)", "process.Select(odd ? 1 : 1.5)"])
def test_a_whole_number_or_a_real_one_is_real(query: str) -> None:
    (column,) = bind_query(query, SYSTEM).records.fields
    assert column.type is not None
    assert column.type.kind.value == "real number"
