"""Rules: each by cases before and after, and all of them by plans that give the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import MemqError, Reason
from memq.eval.explain import explain
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.eval.rules import RULES, optimized
from memq.eval.usage import with_usage
from memq.output import json
from memq.run import Run
from memq.schema.batch import Context
from tests.eval.held import examples, numbered
from tests.eval.held import wheres as wheres_of
from tests.eval.little import every_process, little_predicates
from tests.eval.paths import NEAR, families
from tests.eval.paths import chained as paths_chained
from tests.eval.predicates import predicates, worlds
from tests.eval.world import WITH_KEYS, World, ask, value
from tests.lab import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.plan import Plan
    from tests.eval.conditions import Pair

# Before and after


class Case(NamedTuple):
    """A query, and its plan before and after one rule."""

    rule: str
    query: str
    before: str
    after: str


def cases() -> Iterator[Case]:
    """The cases of rules.txt."""
    text = (ROOT / "tests/eval/rules.txt").read_text("utf-8")
    for section in text.split("\n# ")[1:]:
        rule, *parts = section.split("\n\n")
        for part in parts:
            query, _, rest = part.strip("\n").partition("\n--\n")
            before, _, after = rest.partition("\n--\n")
            yield Case(rule.split(":")[0], query, before, after)


ALL = list(cases())


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.rule}: {case.query}")
def test_case(case: Case) -> None:
    rule = {one.__name__: one for one in RULES}[case.rule]
    plan = bind_query(case.query, WITH_KEYS, optimize=False)
    assert explain(plan, case.query) == case.before
    changed = with_usage(rule(plan))
    assert explain(changed, case.query) == (case.after or case.before)


def test_every_rule_has_a_case_that_it_changes_and_one_that_it_leaves() -> None:
    changed = {case.rule for case in ALL if case.after}
    assert changed == {rule.__name__ for rule in RULES}
    assert {case.rule for case in ALL if not case.after} == changed


def test_a_plan_names_the_rules_that_changed_it() -> None:
    assert bind_query("process", WITH_KEYS).rules == ()
    plan = bind_query("process.Select(pid).Take(1)", WITH_KEYS)
    assert plan.rules == ("take_pushed",)
    assert optimized(plan) is plan


# Optimised and unoptimised plans give the same


class Given(NamedTuple):
    """All that a plan gives: values, or an error, and what it counted."""

    value: Any
    undecided: dict[str, int]
    lost: dict[str, int]
    doubted: int


def given_by(plan: Plan, world: World) -> Given:
    run = Run(keeps_undecided=True)
    result = Result(plan, Context(world, run))
    write = json.lines if result.is_single else json.array
    try:
        value = orjson.loads("".join(write(result.batches(), bare=result.shape.bare)))
    except MemqError as error:
        value = str(error)
    undecided = {reason.text: count for reason, count in run.undecided.items()}
    lost = {reason.text: count for reason, count in run.lost.items()}
    return Given(value, undecided, lost, sum(len(batch) for batch, _ in run.doubts))


def assert_same(query: str, world: World) -> None:
    plain, better = (bind_query(query, WITH_KEYS, optimize=chosen) for chosen in (False, True))
    assert given_by(better, world) == given_by(plain, world), better.rules


UNSURE: list[dict[str, Any]] = [
    {"pid": 1, "odd": Reason.PAGED_OUT, "vad": [{"a": True, "n": 1}]},
    {"pid": 2, "odd": True, "vad": [{"n": 1, "f": "x"}, {"n": 2, "f": "x"}, {"n": 2}]},
    {"pid": 3, "odd": False, "vad": [{"n": 3, "f": "x"}], "cut": {"vad": Reason.LOOP}},
]
DELICATE = [
    # What an undecided element has left would differ.
    "process.Where(odd && vad.a).Any(!vad.a)",
    "process.Where(odd && vad.a).Where(!vad.a)",
    "process.Where(odd && vad.a).SelectMany(vad).Count()",
    "process.Where(p => p.children.Where(odd && vad.a).Any(!vad.a))",
    # What is cut short would not be known of.
    "vad.Where(process.pid == 2).GroupBy(f)",
    "vad.Where(process.pid == 2).Any(n == 4)",
    "vad.Where(process.pid == 2).OrderBy(n).CountBy(f)",
    # What is cut short would be known of.
    "vad.OrderBy(n).Take(2).CountBy(f)",
    "vad.OrderBy(n).Take(5).CountBy(f)",
    "vad.OrderBy(n).Take(6).CountBy(f)",
    "vad.OrderBy(n).Skip(1).Take(4).CountBy(f)",
    "vad.OrderBy(n).Skip(1).Take(3).CountBy(f)",
    "process.OrderByDescending(pid).First()",
    "process.OrderBy(odd).Take(1).GroupBy(name)",
    # What is not shown would be counted.
    "process.Select({p: pid, l: vad.Where(process.odd && a)}).Take(0)",
    "process.Select({p: pid, l: vad.Where(v => process.odd)}).Skip(1)",
]


@pytest.mark.parametrize("query", DELICATE)
@pytest.mark.parametrize("cut", [None, Reason.LOOP])
def test_what_is_not_known_stays_so(query: str, cut: Reason | None) -> None:
    assert_same(query, World(UNSURE, 3, cut))


Texts = st.SearchStrategy[str]
OF_PROCESSES = ["odd", "x == 1", "name == 'x'", "x > 0", "dear == 0", "pid in 1..2"]
OF_OWNERS = [f"process.{one}" for one in OF_PROCESSES]
OF_VADS = ["a", "b", "n == 2", "f == 'x'", "a != b"]
OF_BOTH = [*OF_VADS, "n == process.x", "process.handle.Any(n == 2)"]
NOTHING = st.just("")


def written(leaves: list[str]) -> Texts:
    """Conditions as they are written, of some leaves."""

    def grown(inner: Texts) -> Texts:
        several = st.lists(inner, min_size=2, max_size=3)
        return st.one_of(
            several.map(lambda parts: "(" + " && ".join(parts) + ")"),
            several.map(lambda parts: "(" + " || ".join(parts) + ")"),
            inner.map(lambda part: f"!({part})"),
        )

    return st.recursive(st.sampled_from(leaves), grown, max_leaves=4)


def where(condition: Texts) -> Texts:
    return condition.map(lambda text: f".Where({text})")


def chained(*parts: Texts) -> Texts:
    return st.tuples(*parts).map("".join)


counts = st.integers(0, 4)
taken = st.one_of(
    NOTHING,
    counts.map(lambda count: f".Take({count})"),
    counts.map(lambda count: f".Skip({count})"),
    st.tuples(counts, counts).map(lambda pair: f".Skip({pair[0]}).Take({pair[1]})"),
)
ends = st.sampled_from(
    ["", "", "", ".First()", ".FirstOrNull()", ".Last()", ".Count()", ".Any()", ".None()"]
)


def ordered(keys: list[str]) -> Texts:
    """OrderBy and what may follow it."""
    directions = st.sampled_from(["OrderBy", "OrderByDescending"])
    key = st.sampled_from(keys)
    one = st.tuples(directions, key).map(lambda pair: f".{pair[0]}({pair[1]})")
    more = st.one_of(NOTHING, key.map(lambda key: f".ThenByDescending({key})"))
    return st.one_of(NOTHING, NOTHING, chained(one, more))


wheres = st.lists(where(predicates().map(lambda pair: pair.text)), max_size=2).map("".join)
plain = st.lists(where(written(OF_PROCESSES)), max_size=2).map("".join)
process_records = st.sampled_from(
    [
        ".Select([pid, vad.i, handle.i])",
        ".Select({p: pid, c: vad.Count(), d: dear})",
        ".Select([pid, vad.Where(a).Count()])",
        ".Select({p: pid, l: vad.Where(a)})",
        ".Let({total: vad.Count()})",
        ".Select(pid)",
    ]
)
of_processes = chained(
    st.just("process"), wheres, plain, ordered(["pid", "x", "name", "dear", "vad.Count()"]),
    st.one_of(NOTHING, process_records), taken, ends,
)  # fmt: skip
of_vads = chained(
    st.one_of(
        st.just("vad"),
        chained(st.just("process"), plain, ordered(["x"]), taken, st.just(".SelectMany(vad)")),
    ),
    where(written([*OF_OWNERS, *OF_OWNERS, *OF_BOTH])),
    st.one_of(NOTHING, where(written(OF_OWNERS))),
    ordered(["n", "f", "process.x", "i"]),
    st.one_of(
        chained(st.sampled_from(["", ".Select([process.pid, i])", ".Distinct()"]), taken, ends),
        chained(
            taken, st.sampled_from([".CountBy(f)", ".GroupBy(n)", ".Any(a)", ".All(a)", ".Sum(n)"])
        ),
    ),
)
portions = st.integers(1, 4)


def test_what_any_leaves_open_is_lost_in_no_plan() -> None:
    # Found at random: one plan told of a mapping as lost that no answer of Any leaves out.
    usual: dict[str, Any] = {"odd": True, "x": 0, "name": "x", "vad": [], "handle": [], "cut": {}}
    last = usual | {
        "vad": [{"a": True, "b": True, "n": 0, "f": "x"}], "cut": {"handle": Reason.PAGED_OUT},
    }  # fmt: skip
    query = "process.Where(vad.a && handle.n not in []).Select({p: pid, l: vad.Where(a)}).Any()"
    world = World(numbered([usual, usual, usual, last]), 1)
    assert_same(query, world)
    assert not ask(world, query).run.lost


@examples(200)
@given(worlds, of_processes, portions)
def test_of_processes(processes: list[dict[str, Any]], query: str, portion: int) -> None:
    assert_same(query, World(numbered(processes), portion))


@examples(300)
@given(worlds, of_vads, portions)
def test_of_vads(processes: list[dict[str, Any]], query: str, portion: int) -> None:
    assert_same(query, World(numbered(processes), portion))


@examples(100)
@given(
    st.lists(little_predicates().map(lambda pair: pair.text), min_size=1, max_size=3),
    st.sampled_from(
        ["", ".Select([vad.i])", ".SelectMany(vad)", ".Count(vad.a)", ".Any(!vad.a)", ".All(vad.b)"]
    ),
)
def test_of_what_is_not_known(conditions: list[str], end: str) -> None:
    query = "process" + "".join(f".Where({one})" for one in conditions) + end
    assert_same(query, World(numbered(every_process()), 50))


@examples(50)
@given(
    families(),
    paths_chained(NEAR),
    st.sampled_from(["", ".Select([children.pid, vad.i])"]),
    portions,
)
def test_of_longer_paths(
    processes: list[dict[str, Any]], pairs: list[Pair], end: str, portion: int
) -> None:
    assert_same(wheres_of(pairs) + end, World(numbered(processes), portion))


@examples(50)
@given(worlds, where(written(["number == 1", "number == 9", "odd", "2 == number"])), ends)
def test_of_what_is_looked_up(processes: list[dict[str, Any]], condition: str, end: str) -> None:
    assert_same(f"keyed{condition}{end}", World(numbered(processes)))


# What they are good for


def test_what_is_looked_up_is_not_looked_for() -> None:
    world = World([{"odd": True}, {"odd": True}, {}])
    assert value(world, "keyed.Where(odd && number == 1)", WITH_KEYS) == [{"number": 1}]
    assert world.counts["all keyed"] == 0
    assert value(world, "keyed.Where(number == -1)", WITH_KEYS) == []
    assert value(world, "keyed.Where(number == 18446744073709551615)", WITH_KEYS) == []


@pytest.mark.parametrize("source", ["vad", "process.SelectMany(vad)"])
def test_collections_of_owners_that_are_not_meant_are_not_walked(source: str) -> None:
    world = World([{"pid": number, "vad": [{"n": number}]} for number in range(8)])
    assert value(world, f"{source}.Where(n < 9 && process.pid == 5).Select(n)") == [5]
    assert world.counts["walk vad"] == 1


def test_owners_that_are_not_known_leave_their_elements_undecided() -> None:
    world = World([{"pid": Reason.PAGED_OUT, "vad": [{}, {}]}, {"pid": 1, "vad": [{}]}])
    assert ask(world, "vad.Where(process.pid == 2)").run.undecided == {Reason.PAGED_OUT: 2}


def test_no_more_is_made_than_is_taken() -> None:
    world = World([{"pid": number, "dear": number} for number in range(8)], portion=8)
    assert value(world, "process.OrderByDescending(pid).Select(dear).Skip(1).Take(2)") == [6, 5]
    assert world.counts["process.dear"] == 2


def test_a_collection_is_narrowed_without_the_others() -> None:
    one = {"vad": [{"a": True}] * 30, "handle": [{"b": number == 0} for number in range(30)]}
    world = World([one])
    value(world, "process.Where(vad.a && handle.b).Select(vad.n)")
    assert world.counts["handle.b"] == 30


def test_long_scripts_are_bound() -> None:
    parts = [f"let s{n + 1} = s{n}" + ".Where(pid >= 0).Take(9)" * 20 for n in range(2)]
    script = ";".join(["let s0 = process", *parts, "s2.Count()"])
    assert bind_query(script, WITH_KEYS).rules == ()
