"""Small random worlds with few truth values, and predicates over them.

What is rare in tests/eval/predicates.py is frequent here: elements whose place is unknown, and what
several conditions say of the same ones.
"""

from __future__ import annotations

from hypothesis import strategies as st

from tests.eval.predicates import (
    OUTER,
    UNKNOWN,
    Pair,
    Scope,
    bare,
    bit_fields,
    combined,
    counted,
    quantified,
)

little_bits = st.sampled_from([True, False, UNKNOWN])
little_vads = st.fixed_dictionaries(
    {"a": little_bits, "b": little_bits, "n": st.just(1), "f": st.just("x")}
)
little_processes = st.fixed_dictionaries(
    {
        "odd": little_bits,
        "x": st.just(1),
        "vad": st.lists(little_vads, min_size=1, max_size=3),
        "handle": st.just([]),
        "cut": st.sampled_from([{}, {}, {"vad": UNKNOWN}]),
    }
)
little_worlds = st.lists(little_processes, min_size=1, max_size=3)


def little_bodies(name: str) -> st.SearchStrategy[Pair]:
    scope: Scope = ((name, name, "vad"), *(one for one in OUTER if one[0] != "handle"))
    return combined(st.builds(bare, bit_fields(scope)), 2)


little_conditions = st.one_of(
    st.builds(bare, bit_fields((OUTER[0], OUTER[0], OUTER[2]))),
    st.builds(bare, bit_fields((OUTER[0],))),
    st.builds(
        quantified,
        st.sampled_from(["Any", "All", "None"]),
        st.just("e"),
        st.just("vad"),
        little_bodies("e"),
    ),
    st.builds(
        counted,
        st.just("e"),
        st.just("vad"),
        little_bodies("e"),
        st.sampled_from(["==", "!=", "<", ">="]),
        st.integers(0, 3),
    ),
)
little_predicates = combined(little_conditions, 4)
