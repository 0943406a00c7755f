"""Whole queries give what a plain interpreter gives, and count as undecided what it counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import assume, given, note
from hypothesis import strategies as st

from memq.errors import MemqError
from memq.run import Limits
from tests.eval import naive, naive_values
from tests.eval.held import examples
from tests.eval.naive_chains import chains
from tests.eval.naive_ends import CUT, listed, settled, shown, value_ends
from tests.eval.naive_terms import things, worlds
from tests.eval.predicates import UNKNOWN as REASON
from tests.eval.world import World, ask

if TYPE_CHECKING:
    from tests.eval.naive_ends import End
    from tests.eval.naive_steps import Chain
    from tests.eval.naive_terms import Env

portions = st.integers(1, 4)
bounds = st.sampled_from([Limits(), Limits(rows_at_once=3, join_above=0)])
cuts = st.sampled_from([None, None, REASON])
whole = chains(outer=False, most=4)
LAZY = ("Take", "TakeWhile")
"""Methods behind which no more is looked for than they need."""
FAILS = "fails"


@examples(100)
@given(worlds, cuts, whole, portions, bounds)
def test_a_list(
    processes: list[dict[str, Any]], cut: Any, chain: Chain, portion: int, limits: Limits
) -> None:
    query = f"{chain.text}{shown(chain.kind)}"
    note(query)
    assume(not is_portioned(processes, cut, chain))
    world = numbered(processes, portion, cut)
    outcome = ask(world, query, limits=limits)
    found, undecided = chain.run_whole({"process": things(processes, cut=cut is not None)})
    # A query's own rest is said in a note.
    expected = [one for one in listed(found, chain.kind) if one != CUT]
    assert settled(outcome.value) == expected
    if not chain.has(*LAZY):
        assert sum(outcome.run.undecided.values()) == undecided


def is_portioned(processes: list[dict[str, Any]], cut: Any, chain: Chain) -> bool:
    """Whether what is found at once decides how much is known to be missing.

    A Take stops as soon as it has enough: then nobody has seen what is missing behind.
    """
    return chain.has(*LAZY) and (cut is not None or any(one["cut"] for one in processes))


def numbered(processes: list[dict[str, Any]], portion: int, cut: Any = None) -> World:
    """The world, each process with its number."""
    made = [{**one, "pid": number} for number, one in enumerate(processes)]
    return World(made, portion, cut)


ends = whole.flatmap(lambda chain: st.tuples(st.just(chain), value_ends(chain.kind, outer=False)))


@examples(100)
@given(worlds, cuts, ends, portions, bounds)
def test_a_value(
    processes: list[dict[str, Any]],
    cut: Any,
    chained: tuple[Chain, End],
    portion: int,
    limits: Limits,
) -> None:
    chain, end = chained
    query = f"{chain.text}{end.text}"
    note(query)
    assume(not is_portioned(processes, cut, chain))
    world = numbered(processes, portion, cut)
    env = {"process": things(processes, cut=cut is not None)}
    expected, undecided = ended(chain, end, env)
    try:
        outcome = ask(world, query, limits=limits)
    except MemqError:
        assert expected == FAILS
        return
    assert settled(outcome.value) == expected
    if undecided is not None:
        assert sum(outcome.run.undecided.values()) == undecided


ASKING = ("Any", "All", "None", "Contains", "Aggregate")
"""Methods for which it matters what may be there, too."""
FAILING = ("First", "Last", "Single", "ElementAt")
"""Methods that fail as a query's last step where they find nothing."""
PICKS = (*FAILING, "FirstOrNull", "MinBy", "MaxBy")


def ended(chain: Chain, end: End, env: Env) -> tuple[Any, int | None]:
    """What a whole query's value is, and how many elements are undecided, if that is fixed.

    Count, Sum, ... and picks are of what is there for sure, the rest is said in a note. What asks
    something of each element, and what goes on from a pick, must not leave out any.
    """
    if end.name in ASKING or (end.name in PICKS and chain.kind.shown):
        return end.run(chain.run(env), env), None
    found, undecided = chain.run_whole(env)
    found = replace(found, cut=False)
    asked = end.left(found, env)
    if not chain.has(*LAZY):
        undecided += asked.unsure
    left = naive.sure(asked)
    none = None if chain.has(*LAZY) or end.name in FAILING else undecided
    if end.name == "Count":
        return len(left.items), none
    if end.name in FAILING and (not left.items or (end.name == "Single" and len(left.items) > 1)):
        return FAILS, None
    if end.name in ("First", "FirstOrNull", "Single", "ElementAt"):
        return naive_values.first(left), None
    return (naive_values.last(left) if end.name == "Last" else end.run(found, env)), none
