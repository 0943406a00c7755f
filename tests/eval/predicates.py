"""Random predicates, and random worlds of processes that have mappings and handles.

Within a lambda, `process` is still the process whose collections are spoken of; so the text names
everything by its whole path.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from hypothesis import strategies as st

from memq.errors import Reason
from tests.eval import reference_semantics as oracle
from tests.eval.conditions import (
    ALWAYS,
    Pair,
    absent,
    as_value,
    bare,
    comparison,
    conditional,
    conjunction,
    counted,
    disjunction,
    in_list,
    in_range,
    known_test,
    member_of,
    negation,
    null_test,
    quantified,
    text_test,
)
from tests.eval.operands import (
    FIELDS,
    INTEGERS,
    TESTS,
    Operand,
    arithmetic,
    chosen,
    coalesced,
    field_of,
    literal,
    method,
    unary,
)

UNKNOWN = Reason.PAGED_OUT

# Worlds

bits = st.sampled_from([True, False, False, None, UNKNOWN])
numbers = st.sampled_from([0, 1, 2, 2, None, UNKNOWN])
texts = st.sampled_from(["x", "y", "xy", None, UNKNOWN])
vads = st.fixed_dictionaries({"a": bits, "b": bits, "n": numbers, "f": texts})
handles = st.fixed_dictionaries({"b": bits, "n": numbers, "f": texts})
cuts = st.dictionaries(st.sampled_from(["vad", "handle"]), st.just(UNKNOWN), max_size=1)
processes = st.fixed_dictionaries(
    {
        "odd": bits,
        "x": numbers,
        "name": texts,
        "vad": st.lists(vads, max_size=3),
        "handle": st.lists(handles, max_size=2),
        "cut": st.one_of(st.just({}), cuts),
    }
)
worlds = st.lists(processes, min_size=1, max_size=4)

# What a predicate may speak of

Scope: TypeAlias = "tuple[tuple[str, str], ...]"
"""Places and their types."""

OUTER: Scope = (("process.vad", "vad"), ("process.handle", "handle"), ("process", "process"))


def collections(scope: Scope) -> list[tuple[str, str]]:
    """The places that are collections."""
    return [(place, kind) for place, kind in scope if place in oracle.collections_on(place)]


T = TypeVar("T")


def unspelled(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """The same strategy; hypothesis need not spell it out, and complains of what is too long."""
    return st.none().flatmap(lambda _: strategy)


# Values

EXTREMES = [-(1 << 63), (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
SIGNS = ["==", "!=", "<", "<=", ">", ">="]
EQUALITIES = ["==", "!="]
signs = st.sampled_from(SIGNS)
equalities = st.sampled_from(EQUALITIES)
small = st.integers(0, 2).map(literal)
words = st.sampled_from(["x", "y", "Y", ""]).map(literal)


def number_fields(scope: Scope) -> st.SearchStrategy[Operand]:
    return st.sampled_from([field_of(place, FIELDS[kind][0]) for place, kind in scope])


def bit_fields(scope: Scope) -> st.SearchStrategy[Operand]:
    found = [(place, field) for place, kind in scope for field in FIELDS[kind][1]]
    return st.sampled_from([field_of(*one) for one in found])


def text_fields(scope: Scope) -> st.SearchStrategy[Operand]:
    return st.sampled_from([field_of(place, FIELDS[kind][2]) for place, kind in scope])


def number_values(scope: Scope) -> st.SearchStrategy[Operand]:
    """Fields, and what can be computed of them."""
    field, text = number_fields(scope), text_fields(scope)
    extreme = st.sampled_from([-1, -2, 3, 63, *EXTREMES]).map(literal)
    leaf = st.one_of(field, field, small, extreme, st.builds(method, st.just("Length"), text))
    condition = bit_fields(scope)

    def grown(inner: st.SearchStrategy[Operand]) -> st.SearchStrategy[Operand]:
        operators = st.sampled_from([*INTEGERS, "/", "%", "/", "%"])
        return st.one_of(
            st.builds(arithmetic, inner, operators, inner),
            st.builds(arithmetic, inner, operators, inner),
            st.builds(unary, st.sampled_from("-~"), inner),
            st.builds(coalesced, inner, inner),
            st.builds(chosen, condition, inner, inner),
        )

    return st.recursive(leaf, grown, max_leaves=4)


def text_values(scope: Scope) -> st.SearchStrategy[Operand]:
    """Fields, and what can be made of them."""
    field = text_fields(scope)
    return st.one_of(
        field,
        st.builds(method, st.sampled_from(["ToLower", "ToUpper"]), field),
        st.builds(coalesced, field, st.one_of(field, words)),
        st.builds(chosen, bit_fields(scope), field, st.one_of(field, words)),
    )


# Conditions


def comparisons(scope: Scope) -> st.SearchStrategy[Pair]:
    """Conditions that are true or false where what they name is known, and never null."""
    number, text, bit = number_fields(scope), text_fields(scope), bit_fields(scope)
    item = st.one_of(small, number, st.just(literal(None)))
    return st.one_of(
        st.builds(comparison, signs, number, st.one_of(small, number)),
        st.builds(comparison, st.sampled_from([*SIGNS, "===", "!=="]), text, text),
        st.builds(comparison, equalities, text, words),
        st.builds(null_test, st.one_of(number, text, bit), equalities),
        st.builds(known_test, st.one_of(number, text), st.booleans()),
        st.builds(in_list, number, st.lists(item, max_size=3)),
        st.builds(in_list, text, st.lists(st.one_of(words, text), max_size=2)),
    )


def operations(scope: Scope) -> st.SearchStrategy[Pair]:
    """Conditions on what is computed."""
    number, text, bit = number_values(scope), text_values(scope), bit_fields(scope)
    ends = st.one_of(small, number_fields(scope))
    lower = st.builds(method, st.just("ToLower"), text_fields(scope))
    others = st.one_of(words, text_fields(scope))
    return st.one_of(
        st.builds(comparison, signs, number, st.one_of(small, number)),
        st.builds(comparison, signs, number, st.one_of(small, number)),
        st.builds(known_test, number, st.booleans()),
        st.builds(null_test, st.one_of(number, text), equalities),
        st.builds(text_test, st.sampled_from([*TESTS]), text, others),
        # In a collection's field `in` is an aggregate; in what is made of it, it is not.
        st.builds(text_test, st.just("in"), lower, others),
        st.builds(in_range, number, ends, ends),
        st.builds(in_list, number, st.lists(number, max_size=2)),
        st.builds(coalesced, bit, bit).map(bare),
    )


def simple(scope: Scope) -> st.SearchStrategy[Pair]:
    """Conditions of one comparison."""
    one = st.one_of(st.builds(bare, bit_fields(scope)), comparisons(scope))
    return unspelled(st.one_of(one, one, one, operations(scope)))


def truth_values(scope: Scope, one: st.SearchStrategy[Pair]) -> st.SearchStrategy[Operand]:
    """Fields, which may be null, and conditions, which are not."""
    several = st.lists(one, min_size=2, max_size=2)
    composed = [several.map(conjunction), several.map(disjunction), one.map(negation)]
    conditions = st.one_of(comparisons(scope), *composed)
    return st.one_of(bit_fields(scope), conditions.map(as_value))


def conditions(scope: Scope, depth: int) -> st.SearchStrategy[Pair]:
    """Conditions that stand alone."""
    one, reaching = simple(scope), collections(scope)
    texts = st.one_of(text_fields(scope), words)
    short = combined(one, 2)
    of_texts = [place for place, kind in reaching if FIELDS[kind][2] == "f"]
    composed = [
        st.builds(conditional, st.lists(short, min_size=3, max_size=3)),
        st.builds(comparison, equalities, truth_values(scope, one), truth_values(scope, one)),
        st.builds(in_list, number_fields(scope), st.lists(small, max_size=2)).map(absent),
    ]
    if of_texts:
        composed.append(st.builds(member_of, texts, st.sampled_from(of_texts)))
    if depth < 2 and reaching:
        composed.append(aggregates(scope, depth))
    return unspelled(st.one_of(one, one, *composed))


def aggregates(scope: Scope, depth: int) -> st.SearchStrategy[Pair]:
    """Any, All, None and Count, whose bodies may speak of what is around them."""
    name = st.just(f"e{depth}")
    kinds = st.sampled_from(["Any", "All", "None"])
    numbers = st.one_of(st.integers(0, 3).map(literal), number_fields(scope))

    def of(collection: tuple[str, str]) -> st.SearchStrategy[Pair]:
        place, kind = collection
        body = predicates(within(f"e{depth}", place, kind, scope), depth + 1, 2)
        bodies = st.one_of(st.just(ALWAYS), body)
        return st.one_of(
            st.builds(quantified, kinds, name, st.just(place), body),
            st.builds(counted, name, st.just(place), bodies, signs, numbers),
        )

    return st.sampled_from(collections(scope)).flatmap(of)


def within(name: str, place: str, kind: str, scope: Scope) -> Scope:
    """What a lambda's body may speak of: above all its parameter, and what that has.

    Not of the collections on the way to the aggregate's own: test_binding.py has why.
    """
    own: Scope = ((name, kind), (name, kind))
    if kind == "process":
        own = (*own, (f"{name}.vad", "vad"))
    way = oracle.collections_on(oracle.above(place))
    return (*own, *(one for one in scope if not oracle.collections_on(one[0]) & way))


# Predicates


def combined(leaf: st.SearchStrategy[Pair], leaves: int) -> st.SearchStrategy[Pair]:
    """Conditions with `&&`, `||` and `!` between them."""

    def grown(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
        several = st.lists(inner, min_size=2, max_size=3)
        return st.one_of(
            st.builds(conjunction, several),
            st.builds(conjunction, several),
            st.builds(disjunction, several),
            st.builds(negation, inner),
        )

    return st.recursive(leaf, grown, max_leaves=leaves)


def predicates(scope: Scope = OUTER, depth: int = 0, leaves: int = 6) -> st.SearchStrategy[Pair]:
    """All that the language has."""
    return combined(conditions(scope, depth), leaves)
