"""Longer paths on random families: what holds, what is undecided, what is left at both levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import Phase, example, given
from hypothesis import strategies as st

from tests.eval.conditions import bare
from tests.eval.held import FAMILY, NUMBERS, Answer, answered, examples, expected, numbered, wheres
from tests.eval.operands import field_of
from tests.eval.paths import (
    FAR,
    NEAR,
    chained,
    every_family,
    families,
    little_chained,
    tree,
)
from tests.eval.world import World

if TYPE_CHECKING:
    from tests.eval.conditions import Pair
    from tests.eval.reference_semantics import Object

portions = st.integers(1, 3)
seeds = st.integers(0, 99)
VADS = [{"a": True, "b": True, "n": 1, "f": "x"}, {"a": False, "b": True, "n": 1, "f": "x"}]
OWN_PARENT: list[dict[str, Any]] = [
    {"odd": True, "x": 1, "name": "x", "vad": VADS, "handle": [], "children": []}
    | {"parent": 0, "cut": {}}
]
PARENT_A = bare(field_of("process.parent.vad", "a"))


def both(
    processes: list[dict[str, Any]], conditions: list[Pair], portion: int, form: Object = FAMILY
) -> tuple[Answer, Answer]:
    """What memq and what the oracle say."""
    data = numbered(processes)
    trees = [tree(data, number) for number in range(len(data))]
    found = answered(World(data, portion), wheres(conditions), form)
    return found, expected(trees, conditions, form)


@examples(40)
@given(families(), chained(NEAR), portions)
def test_a_collection_within_a_collection(
    processes: list[dict[str, Any]], conditions: list[Pair], portion: int
) -> None:
    found, said = both(processes, conditions, portion)
    assert found == said


@examples(40)
@given(seeds, little_chained(NEAR))
def test_every_family(seed: int, conditions: list[Pair]) -> None:
    found, said = both(every_family(seed), conditions, 40)
    assert found.differing(said) == []
    assert found[1:] == said[1:]


@examples(40)
@given(families(), chained(FAR, 1), portions)
def test_what_holds_behind_a_single_object(
    processes: list[dict[str, Any]], conditions: list[Pair], portion: int
) -> None:
    found, said = both(processes, conditions, portion, NUMBERS)
    assert (found.records, found.undecided) == (said.records, said.undecided)


@examples(50, Phase.explicit, Phase.reuse, Phase.generate)
@example(0, [PARENT_A])
@given(seeds, little_chained(FAR))
def test_every_family_behind_a_single_object(seed: int, conditions: list[Pair]) -> None:
    found, said = both(every_family(seed), conditions, 40)
    assert found.differing(said) == []
    assert found[1:] == said[1:]


@examples(100, Phase.explicit, Phase.reuse, Phase.generate)
@example(OWN_PARENT, [PARENT_A], 1)
@given(families(), chained(FAR), portions)
def test_a_collection_behind_a_single_object(
    processes: list[dict[str, Any]], conditions: list[Pair], portion: int
) -> None:
    found, said = both(processes, conditions, portion)
    assert found == said
