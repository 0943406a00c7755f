"""Conditions on random worlds: what holds, what is undecided and what is left, as the oracle says.

Queries are given as text, so parser, binder and evaluator are held to it together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from memq.run import Limits
from tests.eval.held import FLAT, answered, examples, expected, numbered, wheres
from tests.eval.little import every_process, little_predicates
from tests.eval.predicates import predicates, worlds
from tests.eval.world import World

if TYPE_CHECKING:
    from tests.eval.conditions import Pair

pairs = predicates()
portions = st.integers(1, 4)
bounds = st.sampled_from([Limits(), Limits(rows_at_once=1), Limits(rows_at_once=3)])


@examples(40)
@given(worlds, pairs, portions, bounds)
def test_a_where_is_what_the_oracle_says(
    processes: list[dict[str, Any]], pair: Pair, portion: int, limits: Limits
) -> None:
    data = numbered(processes)
    found = answered(World(data, portion), wheres([pair]), FLAT, limits)
    assert found == expected(data, [pair], FLAT)


@examples(40)
@given(worlds, st.lists(pairs, min_size=2, max_size=3), portions)
def test_wheres_in_a_row_are_what_the_oracle_says(
    processes: list[dict[str, Any]], conditions: list[Pair], portion: int
) -> None:
    data = numbered(processes)
    found = answered(World(data, portion), wheres(conditions), FLAT)
    assert found == expected(data, conditions, FLAT)


@examples(40)
@given(st.lists(little_predicates(), min_size=1, max_size=3), st.integers(30, 120))
def test_every_little_process(conditions: list[Pair], portion: int) -> None:
    data = numbered(every_process())
    found = answered(World(data, portion), wheres(conditions), FLAT)
    said = expected(data, conditions, FLAT)
    assert found.differing(said) == []
    assert found[1:] == said[1:]
