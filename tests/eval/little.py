"""Each small process with few truth values, and random predicates over them.

What is rare in tests/eval/predicates.py is all here: elements whose place is unknown, and what
several conditions say of the same ones.
"""

from __future__ import annotations

from itertools import combinations_with_replacement, cycle, product
from typing import Any

from hypothesis import strategies as st

from tests.eval.conditions import Pair, bare, counted, quantified
from tests.eval.operands import literal
from tests.eval.predicates import UNKNOWN, Scope, bit_fields, collections, combined, within

BITS = (True, False, UNKNOWN)


def every_process() -> list[dict[str, Any]]:
    """A process with each choice of at most two VADs of two truth values, whole and cut short."""
    kinds = [{"a": a, "b": b, "n": 1, "f": "x"} for a, b in product(BITS, BITS)]
    choices = [one for size in range(3) for one in combinations_with_replacement(kinds, size)]
    cuts: tuple[dict[str, Any], ...] = ({}, {"vad": UNKNOWN})
    fields = {"x": 1, "name": "x", "handle": []}
    return [
        {**fields, "odd": odd, "vad": list(vads), "cut": dict(cut)}
        for (cut, vads), odd in zip(product(cuts, choices), cycle(BITS), strict=False)
    ]


LITTLE: Scope = (("process.vad", "vad"), ("process.vad", "vad"), ("process", "process"))


def little_aggregates(scope: Scope) -> st.SearchStrategy[Pair]:
    """Of each collection in the scope: all four, on conditions of its elements and the rest."""

    def of(collection: tuple[str, str]) -> st.SearchStrategy[Pair]:
        place, kind = collection
        body = combined(st.builds(bare, bit_fields(within("e", place, kind, scope))), 2)
        kinds = st.sampled_from(["Any", "All", "None"])
        signs = st.sampled_from(["==", "!=", "<", ">="])
        number = st.integers(0, 3).map(literal)
        return st.one_of(
            st.builds(quantified, kinds, st.just("e"), st.just(place), body),
            st.builds(counted, st.just("e"), st.just(place), body, signs, number),
        )

    return st.sampled_from(collections(scope)).flatmap(of)


def little_predicates(scope: Scope = LITTLE) -> st.SearchStrategy[Pair]:
    """Predicates of truth values and aggregates."""
    bit = st.builds(bare, bit_fields(scope))
    leaf = st.one_of(bit, bit, little_aggregates(scope)) if collections(scope) else bit
    return combined(leaf, 4)
