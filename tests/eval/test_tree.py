"""Tree: the order and the depth that a plain recursion gives, of whatever is each one's parent."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import memq
from memq.errors import Reason
from memq.eval.pipeline import bind_query
from memq.eval.result import Result
from memq.eval.tree import walked
from memq.output import json
from memq.run import Run
from memq.schema.batch import Context
from tests.eval import naive, naive_tree
from tests.eval.held import examples
from tests.eval.naive_ends import CUT, listed, settled, shown
from tests.eval.naive_steps import (
    SETS,
    Chain,
    Step,
    counted_step,
    distinct_by_step,
    ordered_step,
    plain_step,
    set_step,
    tree_step,
    where_step,
)
from tests.eval.naive_terms import PROCESS, Expression, Kind, at, conditions, things
from tests.eval.predicates import UNKNOWN as REASON
from tests.eval.predicates import bits, numbers, texts
from tests.eval.world import SYSTEM, World, ask, value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Any relation of parents: loops, none, unknown, what is not there, and elements that stand twice


def _families(count: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    parents = st.integers(0, count - 1)
    parts = {
        "odd": bits,
        "x": numbers,
        "name": texts,
        "vad": st.just([]),
        "cut": st.sampled_from([{}, {}, {"children": REASON}]),
        "children": st.lists(parents, max_size=6),
        "parent": st.one_of(parents, parents, parents, st.sampled_from([None, REASON])),
    }
    return st.lists(st.fixed_dictionaries(parts), min_size=count, max_size=count)


families = st.integers(1, 8).flatmap(_families)
cuts = st.sampled_from([None, None, REASON])
portions = st.integers(1, 4)
ALL = Chain(Expression("process", lambda env: env["process"]), PROCESS)
OWN = Chain(at("p", "children"), PROCESS)


def _before() -> st.SearchStrategy[list[Step]]:
    """What may happen to processes before they are put in order: some twice, some in doubt."""
    condition = conditions(PROCESS)
    steps = st.one_of(
        st.builds(where_step, st.just(PROCESS), condition),
        st.builds(where_step, st.just(PROCESS), condition),
        st.just(plain_step(PROCESS, "Reverse", naive.reverse)),
        st.just(distinct_by_step(PROCESS, at("e", "x"))),
        st.builds(set_step, st.just(PROCESS), st.sampled_from([*SETS]), st.just(ALL)),
    )
    return st.lists(steps, max_size=3)


def _after(kind: Kind) -> st.SearchStrategy[list[Step]]:
    """What may happen to them after, within which nothing may be moved before."""
    steps = st.one_of(
        st.builds(where_step, st.just(kind), conditions(kind)),
        st.builds(ordered_step, st.just(kind), st.just([(at("e", "depth"), True)])),
        st.builds(counted_step, st.just(kind), st.just("Skip"), st.integers(0, 3)),
        st.just(tree_step(kind)),
    )
    return st.lists(steps, max_size=2)


TREE = tree_step(PROCESS)
EVERYTHING = st.tuples(_before(), _after(TREE.kind))


def chained(source: Chain, steps: tuple[Sequence[Step], Sequence[Step]]) -> Chain:
    return replace(source, steps=(*steps[0], TREE, *steps[1]))


def numbered(processes: list[dict[str, Any]], portion: int, cut: Any = None) -> World:
    made = [{**one, "pid": number} for number, one in enumerate(processes)]
    return World(made, portion, cut)


@examples(150)
@given(families, cuts, EVERYTHING, portions)
def test_of_a_whole_query(
    processes: list[dict[str, Any]], cut: Any, steps: tuple[list[Step], list[Step]], portion: int
) -> None:
    chain = chained(ALL, steps)
    query = f"{chain.text}{shown(chain.kind)}"
    note(query)
    outcome = ask(numbered(processes, portion, cut), query)
    found, undecided = chain.run_whole({"process": things(processes, cut=cut is not None)})
    assert settled(outcome.value) == [one for one in listed(found, chain.kind) if one != CUT]
    assert sum(outcome.run.undecided.values()) == undecided


@examples(150)
@given(families, EVERYTHING, st.sampled_from([OWN, ALL]), portions)
def test_of_each_element(
    processes: list[dict[str, Any]],
    steps: tuple[list[Step], list[Step]],
    source: Chain,
    portion: int,
) -> None:
    chain = chained(source, steps)
    query = f"process.Select(p => {{r: {chain.text}{shown(chain.kind)}}})"
    note(query)
    every = things(processes)
    outcome = ask(numbered(processes, portion), query)
    found = [chain.run({"process": every, "p": one}) for one in every.elements]
    assert settled(outcome.value) == [{"r": listed(one, chain.kind)} for one in found]
    assert not outcome.run.undecided


@examples(60)
@given(families, st.integers(0, 3), portions)
def test_a_condition_on_the_depth(processes: list[dict[str, Any]], deep: int, portion: int) -> None:
    """What is in doubt of a parent is in doubt of the depth: it may be a root."""
    query = f"process.Select(p => p.children.Where(e => e.odd).Tree().Any(e => e.depth > {deep}))"
    every = things(processes)
    expected = []
    for one in every.elements:
        tree = naive_tree.tree(naive.where(one.fields["children"], lambda e: e.fields["odd"]))
        truths = [
            naive.both(there, naive.less(deep, element.fields["depth"]))
            for element, there in tree.items
        ]
        expected.append(naive.some([*truths, *[naive.UNKNOWN] * tree.cut]))
    assert settled(ask(numbered(processes, portion), query).value) == expected


# What stays, and what is said


def family(*parents: Any, **more: Any) -> World:
    """Processes of which the parents are given, named by letters."""
    made = [
        {"pid": n, "name": chr(97 + n), "parent": parent, **{k: v[n] for k, v in more.items()}}
        for n, parent in enumerate(parents)
    ]
    return World(made)


def test_children_stand_behind_their_parent_in_their_order() -> None:
    world = family(2, 0, None, 0, 2, 1)
    rows = value(world, "process.Tree().Select([name, depth])")
    found = [(row["name"], row["depth"]) for row in rows]
    assert found == [("c", 0), ("a", 1), ("b", 2), ("f", 3), ("d", 2), ("e", 1)]


def test_default_columns_have_the_depth_behind_them() -> None:
    assert value(family(None, 0), "process.Tree()") == [
        {"process_id": 0, "name": "a", "depth": 0},
        {"process_id": 1, "name": "b", "depth": 1},
    ]


def test_a_parent_that_is_left_out_makes_its_children_roots() -> None:
    rows = value(family(None, 0, 1), "process.Where(pid != 1).Tree().Select([pid, depth])")
    assert rows == [{"pid": 0, "depth": 0}, {"pid": 2, "depth": 0}]


def test_what_is_not_known_has_its_reason() -> None:
    rows = value(family(Reason.PAGED_OUT, 0, 3, 2, None), "process.Tree().Select([pid, depth])")
    paged, loops = ({"depth": one.text} for one in (Reason.PAGED_OUT, Reason.LOOP))
    assert rows == [
        {"pid": 0, "depth": None, "_unknown": paged},
        {"pid": 1, "depth": None, "_unknown": paged},
        {"pid": 2, "depth": None, "_unknown": loops},
        {"pid": 3, "depth": None, "_unknown": loops},
        {"pid": 4, "depth": 0},
    ]


def test_what_let_added_and_where_narrowed_stays() -> None:
    vads = [[{"n": 1}, {"n": 2}], [{"n": 2}, {"n": 3}]]
    query = "process.Where(vad.n == 2).Let({k: pid + 5}).Tree().Select([k, depth, vad.n])"
    assert value(family(1, None, vad=vads), query) == [
        {"k": 6, "depth": 0, "vad": [{"n": 2}]},
        {"k": 5, "depth": 1, "vad": [{"n": 2}]},
    ]


def test_lists_of_objects_are_in_order_too() -> None:
    world = family(None, 2, 0, children=[[1, 2], [], []])
    rows = value(world, "process.Take(1).Select({below: children.Tree()})")
    assert [one["process_id"] for one in rows[0]["below"]] == [2, 1]
    query = "process.Tree().GroupBy(depth).Select([key, items.Select(depth).Sum()])"
    assert [row["key"] for row in value(world, query)] == [0, 1, 2]


def test_a_list_that_is_cut_short_stays_so() -> None:
    world = family(0, children=[[0]], cut=[{"children": Reason.PAGED_OUT}])
    (row,) = value(world, "process.Select([children.Tree().Select(depth)])")
    assert row["_cut_short"]


def test_the_parent_may_be_among_those_that_are_missing() -> None:
    world = family(None, 5, 1, Reason.NULL)
    world.processes.append({"pid": 4, "name": "e", "parent": 0})
    world.processes[1]["parent"] = 9
    world.processes += [{"pid": n} for n in range(5, 10)]
    query = "process.Where(pid < 5).Tree().Select(depth)"
    assert value(world, query) == [0, 1, 0, 1, 0]
    world.cut = Reason.NOT_IN_DUMP
    lost = {"_unknown": Reason.NOT_IN_DUMP.text}
    assert value(world, query) == [0, 1, lost, lost, 0]


def test_a_parent_that_is_there_twice_is_sure_if_one_of_them_is() -> None:
    world = family(None, 0, x=[Reason.PAGED_OUT, 0])
    twice = "process.Where(q => q.x == 1).Concat(process).Tree().Select([pid, depth])"
    rows = value(world, f"process.Take(1).Select(p => {{r: {twice}}})")
    assert rows == [{"r": [{"pid": 0, "depth": 0}, {"pid": 1, "depth": 1}]}]


def test_rules_move_nothing_past_it() -> None:
    world = family(3, 0, None, 2, 3)
    for query in (
        "process.Tree().Select([pid, depth]).Take(3)",
        "process.Tree().Where(pid != 2).Select([pid, depth])",
        "process.Tree().Skip(1).Let({k: depth}).Select([pid, k]).Take(2)",
        "process.OrderByDescending(pid).Tree().Take(2).Select([pid, depth])",
        "process.Tree().First().pid",
    ):
        found = []
        for optimize in (False, True):
            plan = bind_query(query, SYSTEM, optimize=optimize)
            result = Result(plan, Context(world, Run()))
            found.append(list(json.parsed(result.batches(), bare=result.shape.bare)))
        assert found[0] == found[1] != []


# However deep


@pytest.mark.parametrize("count", [0, 1, 2, 1000, 100_000])
def test_a_chain_of_any_length(count: int) -> None:
    """From the end up, so that it is turned around; a walk by levels would take minutes."""
    parents = np.append(np.arange(1, max(count, 1)), -1)[: count or 0].astype(np.int64)
    begun = time.monotonic()
    rows, depth = walked(parents)
    assert rows.tolist() == list(range(count))[::-1]
    assert depth.tolist() == list(range(count))
    assert time.monotonic() - begun < 5


def test_nobody_is_no_tree() -> None:
    assert value(World([]), "process.Tree().Select([pid, depth])") == []
    assert value(World([]), "process.Tree().Count()") == 0


# Real processes


def test_the_sample_is_in_the_order_of_its_parents(sample: Path) -> None:
    with memq.open(sample) as image:
        rows = list(image.query("process.Tree().Select([pid, ppid, depth])").rows())
        plain = list(image.query("process.Select([pid, ppid])").rows())
    above: list[int] = []
    for row in rows:
        del above[row["depth"] :]
        assert row["ppid"] == (above[-1] if above else 0)
        above.append(row["pid"])
    assert max(row["depth"] for row in rows) > 1
    assert sorted(row["pid"] for row in rows) == sorted(row["pid"] for row in plain)
    # Those of one parent stand as they did before.
    for parent in {row["ppid"] for row in plain}:
        own = [[row["pid"] for row in of if row["ppid"] == parent] for of in (rows, plain)]
        assert own[0] == own[1]
