"""The methods of series give what a plain interpreter of them gives, however rows are chunked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, note
from hypothesis import strategies as st

from memq.run import Limits
from tests.eval.held import examples
from tests.eval.naive_chains import chains
from tests.eval.naive_ends import (
    condition_on,
    condition_on_count,
    listed,
    settled,
    shown,
    value_ends,
)
from tests.eval.naive_terms import conditions, literals, things, worlds
from tests.eval.world import World, ask

if TYPE_CHECKING:
    from tests.eval.naive_ends import End
    from tests.eval.naive_steps import Chain
    from tests.eval.naive_terms import Expression

portions = st.integers(1, 4)
bounds = st.sampled_from([Limits(), Limits(rows_at_once=3, join_above=0)])
inner = chains(outer=True)


@examples(60)
@given(worlds, inner, portions, bounds)
def test_a_list_of_each_element(
    processes: list[dict[str, Any]], chain: Chain, portion: int, limits: Limits
) -> None:
    query = f"process.Select(p => {{r: {chain.text}{shown(chain.kind)}}})"
    note(query)
    every = things(processes)
    outcome = ask(numbered(processes, portion), query, limits=limits)
    found = [chain.run({"process": every, "p": one}) for one in every.elements]
    assert settled(outcome.value) == [{"r": listed(one, chain.kind)} for one in found]
    assert not outcome.run.undecided


def numbered(processes: list[dict[str, Any]], portion: int) -> World:
    """The world, each process with its number."""
    return World([{**one, "pid": number} for number, one in enumerate(processes)], portion)


ends = inner.flatmap(lambda chain: st.tuples(st.just(chain), value_ends(chain.kind, outer=True)))


@examples(60)
@given(worlds, ends, portions, bounds)
def test_a_value_of_each_element(
    processes: list[dict[str, Any]], chained: tuple[Chain, End], portion: int, limits: Limits
) -> None:
    chain, end = chained
    query = f"process.Select(p => {{r: {chain.text}{end.text}}})"
    note(query)
    every = things(processes)
    outcome = ask(numbered(processes, portion), query, limits=limits)
    envs = [{"process": every, "p": one} for one in every.elements]
    assert settled(outcome.value) == [{"r": end.run(chain.run(env), env)} for env in envs]
    assert not outcome.run.undecided


def conditions_on(chain: Chain) -> st.SearchStrategy[Expression]:
    """Conditions on a chain."""
    sign = st.sampled_from(["==", "!=", "<", ">"])
    condition = st.one_of(st.none(), conditions(chain.kind, outer=True))
    if chain.kind.name == "list":
        condition = st.none()
    # A count is compared by its bounds, which `condition_on_count` does.
    ends = value_ends(chain.kind, outer=True).filter(lambda end: end.name != "Count")
    return st.one_of(
        st.builds(condition_on, st.just(chain), ends, sign, literals),
        st.builds(condition_on_count, st.just(chain), condition, sign, st.integers(0, 3)),
    )


@examples(60)
@given(worlds, inner.flatmap(conditions_on), portions, bounds)
def test_a_condition(
    processes: list[dict[str, Any]], condition: Expression, portion: int, limits: Limits
) -> None:
    query = f"process.Where(p => {condition.text}).Select(e => e.pid)"
    note(query)
    every = things(processes)
    outcome = ask(numbered(processes, portion), query, limits=limits)
    truths = [condition.run({"process": every, "p": one}) for one in every.elements]
    assert outcome.value == [number for number, one in enumerate(truths) if one is True]
    assert sum(outcome.run.undecided.values()) == sum(not isinstance(t, bool) for t in truths)
