"""Laws of queries: what must hold whatever the query and the data, and where each law ends."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

from memq.errors import Reason
from memq.lang import printer
from memq.lang.parser import parse
from memq.run import Limits
from tests.eval import naive
from tests.eval.held import FLAT, answered, examples, numbered, wheres
from tests.eval.laws import may_be_split, said
from tests.eval.naive_chains import chains
from tests.eval.naive_ends import settled, shown, value_ends
from tests.eval.naive_terms import worlds as series_worlds
from tests.eval.predicates import UNKNOWN, predicates, worlds
from tests.eval.test_rules import assert_same
from tests.eval.world import World, ask, value

if TYPE_CHECKING:
    from tests.eval.conditions import Pair
    from tests.eval.laws import Said
    from tests.eval.naive_ends import End
    from tests.eval.naive_steps import Chain

portions = st.integers(1, 4)
whole = chains(outer=False, most=4)
inner = chains(outer=True, most=3)

# The text


@examples(40)
@given(st.one_of(whole, inner).map(lambda chain: f"process.Select(p => {chain.text})"))
def test_what_is_printed_is_what_was_read(text: str) -> None:
    query = parse(text)
    printed = printer.write(query)
    assert parse(printed) == query
    assert printer.write(parse(printed)) == printed


@examples(20)
@given(predicates())
def test_conditions_are_printed_as_they_were_read(pair: Pair) -> None:
    query = parse(wheres([pair]))
    assert parse(printer.write(query)) == query


# Where

singles = predicates((("process", "process"),), leaves=3)
"""Conditions that name no collection, with `!` and all else."""


def pids(world: World, query: str) -> list[int]:
    found: list[int] = value(world, f"{query}.Select(process.pid)")
    return found


@examples(25)
@given(worlds, st.one_of(said, singles), st.one_of(said, singles))
def test_a_conjunction_keeps_no_more(
    processes: list[dict[str, Any]], one: Said | Pair, other: Said | Pair
) -> None:
    world = World(numbered(processes))
    both = pids(world, f"process.Where(({one.text}) && ({other.text}))")
    assert set(both) <= set(pids(world, f"process.Where({one.text})"))
    assert set(both) <= set(pids(world, f"process.Where({other.text})"))


def test_where_a_conjunction_keeps_more() -> None:
    """A `!` by itself is about all VADs; in a group that binds one, it is about that one."""
    world = World([{"pid": 1, "vad": [{"a": True}, {"b": True}]}])
    assert pids(world, "process.Where(vad.a && !vad.b)") == [1]
    assert pids(world, "process.Where(!vad.b)") == []


@examples(60)
@given(worlds, said, said, portions)
def test_wheres_may_be_joined_and_swapped(
    processes: list[dict[str, Any]], one: Said, other: Said, portion: int
) -> None:
    """Elements, what is left of their collections, and what is undecided are the same."""
    assume(may_be_split(one, other))
    world = World(numbered(processes), portion)
    joined = answered(world, f"process.Where({one.text} && {other.text})", FLAT)
    assert answered(world, f"process.Where({one.text}).Where({other.text})", FLAT) == joined
    assert answered(world, f"process.Where({other.text}).Where({one.text})", FLAT) == joined


TWO = [{"pid": 1, "vad": [{"a": True, "n": 1}, {"b": True, "n": 2}], "handle": [{"n": 1}]}]
BEYOND = [
    # Neither binds: each `||` is about all VADs; after the first Where only those with a are left.
    ("vad.a || pid == 7", "vad.b || pid == 7", [1], []),
    # A `!` by itself is about all VADs, and within the group about the one that is bound.
    ("vad.a", "!vad.b", [1], [1]),
    ("!vad.b", "vad.a", [1], []),
    # A count is of all VADs, or of those that are left.
    ("vad.a", "vad.Count() == 2", [1], []),
    ("vad.Count() == 2", "vad.a", [1], [1]),
    ("vad.a", "vad.Any(v => v.b)", [1], []),
    ("vad.a", "vad.None(v => v.b)", [], [1]),
    ("vad.a", "vad.All(v => v.a)", [], [1]),
    # Conditions of two collections: which VAD it was is known to one Where only.
    ("vad.n == handle.n", "vad.b", [], []),
    ("vad.n == handle.n || pid == 7", "vad.b || pid == 7", [1], []),
]
"""Two conditions, what one Where of both keeps, and what the two in a row keep."""


@pytest.mark.parametrize(("one", "other", "joined", "split"), BEYOND)
def test_where_the_law_ends(one: str, other: str, joined: list[int], split: list[int]) -> None:
    world = World(TWO)
    assert pids(world, f"process.Where(({one}) && ({other}))") == joined
    assert pids(world, f"process.Where({one}).Where({other})") == split


# Any plan gives the same


@examples(60)
@given(series_worlds, st.one_of(whole.map(lambda chain: chain.text + shown(chain.kind))), portions)
def test_optimised_plans_give_the_same(
    processes: list[dict[str, Any]], query: str, portion: int
) -> None:
    note(query)
    assert_same(query, World(numbered(processes), portion))


ends = whole.flatmap(lambda chain: st.tuples(st.just(chain), value_ends(chain.kind, outer=False)))


@examples(50)
@given(series_worlds, ends, portions)
def test_optimised_plans_end_in_the_same(
    processes: list[dict[str, Any]], ended: tuple[Chain, End], portion: int
) -> None:
    query = ended[0].text + ended[1].text
    note(query)
    assert_same(query, World(numbered(processes), portion))


LAZY = ("Take", "TakeWhile")
SMALL = Limits(rows_at_once=2, join_above=0)


@examples(50)
@given(series_worlds, whole, portions)
def test_how_elements_are_found_makes_no_difference(
    processes: list[dict[str, Any]], chain: Chain, portion: int
) -> None:
    """Neither how many are found at once, nor whether pairs are sought by sorting."""
    query = f"{chain.text}{shown(chain.kind)}"
    note(query)
    assume(not (chain.has(*LAZY) and any(one["cut"] for one in processes)))
    data = numbered(processes)
    one, other = ask(World(data, 9), query), ask(World(data, portion), query, limits=SMALL)
    assert one.value == other.value
    if not chain.has(*LAZY):
        assert one.run.undecided == other.run.undecided


def test_where_that_ends() -> None:
    """What is undecided is counted as far as was looked: with more found at once, further."""
    data = [{"pid": 1, "x": 5}, {"pid": 2, "x": Reason.PAGED_OUT}]
    query = "process.Where(x == 5).Take(1)"
    found = [ask(World(data, portion), query) for portion in (1, 2)]
    assert [one.run.undecided.total() for one in found] == [0, 1]
    assert found[0].value == found[1].value


# Counts


@examples(40)
@given(series_worlds, whole, portions)
def test_a_count_is_a_length(processes: list[dict[str, Any]], chain: Chain, portion: int) -> None:
    world = World(numbered(processes), portion)
    note(chain.text)
    listed, counted = ask(world, chain.text), ask(world, f"{chain.text}.Count()")
    assert counted.value == len(listed.value) == listed.run.matched
    assert counted.run.undecided == listed.run.undecided


@examples(25)
@given(series_worlds, predicates(leaves=3), portions)
def test_counts_add_up(processes: list[dict[str, Any]], pair: Pair, portion: int) -> None:
    """Those with a condition, those without it, and the undecided are all."""
    world = World(numbered(processes), portion)
    kept = ask(world, f"process.Where({pair.text})")
    others = ask(world, f"process.Where(!({pair.text}))")
    assert kept.run.undecided == others.run.undecided
    undecided = kept.run.undecided.total()
    assert len(kept.value) + len(others.value) + undecided == len(processes)


@examples(30)
@given(series_worlds, inner, portions)
def test_what_is_made_of_each_adds_up(
    processes: list[dict[str, Any]], chain: Chain, portion: int
) -> None:
    """SelectMany gives as many as the lists of all elements have, and as many are not known."""
    world = World(numbered(processes), portion)
    note(chain.text)
    many = ask(world, f"process.SelectMany(p => {chain.text}).Count()")
    lists = ask(world, f"process.Select(p => {{r: {chain.text}}})")
    rests = [len(one.get("_cut_short", {})) for one in lists.value]
    assert many.value == sum(len(one["r"]) for one in lists.value)
    counts = settled(value(world, f"process.Select(p => {chain.text}.Count())"))
    for one, rest, count in zip(lists.value, rests, counts, strict=True):
        if isinstance(count, int):
            assert not rest
            assert count == len(one["r"])
    if all(isinstance(count, int) for count in counts):
        assert value(world, f"process.Sum(p => {chain.text}.Count())") == many.value


# What is said for sure


def completed(processes: list[dict[str, Any]], bits: list[bool]) -> list[dict[str, Any]]:
    """The world with each unknown truth value being one of some bits."""
    left = cycle(bits)

    def known(thing: dict[str, Any]) -> dict[str, Any]:
        return {name: next(left) if one is UNKNOWN else one for name, one in thing.items()}

    return [known(one) | {"vad": [known(vad) for vad in one["vad"]]} for one in processes]


def with_known_numbers(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The world with whole collections, in which truth values alone are unknown."""

    def known(thing: dict[str, Any]) -> dict[str, Any]:
        return {
            name: 1 if one is UNKNOWN and name in ("n", "x") else one
            for name, one in thing.items()
            if not (one is UNKNOWN and name in ("f", "name"))
        }

    return [
        known(one) | {"vad": [known(vad) for vad in one["vad"]], "cut": {}} for one in processes
    ]


BY_FIRST = ("Distinct", "Union", "Intersect", "Except", "GroupBy")
"""Methods whose elements stand where the first of their like does, be it undecided."""
values = inner.flatmap(lambda chain: st.tuples(st.just(chain), value_ends(chain.kind, outer=True)))


@examples(100)
@given(series_worlds, values, st.lists(st.booleans(), min_size=1, max_size=4))
def test_what_is_known_is_so_whatever_the_unknown_is(
    processes: list[dict[str, Any]], ended: tuple[Chain, End], bits: list[bool]
) -> None:
    """A value in an expression is unknown, or it is that of every world that is possible."""
    chain, end = ended
    assume(not chain.has(*BY_FIRST))
    query = f"process.Select(p => {{r: {chain.text}{end.text}}})"
    note(query)
    data = numbered(with_known_numbers(processes))
    one, other = (settled(value(World(world), query)) for world in (data, completed(data, bits)))
    for said_, found in zip(one, other, strict=True):
        assert said_["r"] in (naive.UNKNOWN, found["r"])
