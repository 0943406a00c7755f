"""The oracle on the cases that the language's page gives: what the other tests are held to."""

from __future__ import annotations

from typing import Any

from memq.errors import Reason
from tests.eval.reference_semantics import (
    Env,
    Object,
    Predicate,
    Truth,
    at,
    chain,
    collections_on,
    elements,
    holds,
    kleene_or,
    lost,
    where,
)
from tests.eval.reference_semantics import left as left_in


def field(place: str, name: str) -> Predicate:
    """A truth value of the object at a place; of nothing it is false."""

    def ask(env: Env) -> Truth:
        found = at(place, env)
        truth = found[name] if isinstance(found, dict) else found
        return None if isinstance(truth, Reason) else bool(truth)

    return ("cmp", collections_on(place), ask)


def aggregate(question: Any) -> Predicate:
    return ("cmp", set(), question)


def pid_is(number: int) -> Predicate:
    return ("cmp", set(), lambda env: env["process"]["pid"] == number)


def vad(n: int, **values: object) -> Object:
    return {"n": n, "a": False, "b": False, "c": False, "f": None, **values}


VAD, HANDLE = "process.vad", "process.handle"
A, B, C = (field(VAD, name) for name in "abc")
HANDLE_B = field(HANDLE, "b")
PID4 = pid_is(4)
SAME: Predicate = (
    "cmp",
    {VAD, HANDLE},
    lambda env: env[VAD]["f"] is not None and env[VAD]["f"] == env[HANDLE]["f"],
)
FOUR = {"pid": 4, "vad": [vad(1, a=True), vad(2, b=True), vad(3, f="x")], "handle": []}
WITH_HANDLES = FOUR | {"handle": [{"n": 9, "b": True, "f": "x"}, {"n": 8, "b": False, "f": None}]}


def true(p: Predicate, element: Object) -> Truth:
    return holds(p, {"process": element})


def left(p: Predicate, element: Object = FOUR, collection: str = "vad") -> list[int]:
    return [one["n"] for one in left_in(where(p, element)[1], collection)]


def test_conditions_of_a_group_are_about_one_element() -> None:
    assert true(("and", A, B), FOUR) is False
    assert true(("and", A, ("not", B)), FOUR) is True
    assert left(("and", A, ("not", B))) == [1]
    assert true(("and", ("or", A, B), C), FOUR) is False


def test_what_no_group_binds_is_quantified_where_it_stands() -> None:
    assert true(("and", ("not", A), ("not", B)), FOUR) is False
    assert true(("or", A, PID4), FOUR) is True
    assert left(("or", A, PID4)) == [1, 2, 3]
    assert true(("and", ("or", A, PID4), HANDLE_B), FOUR) is False
    assert left(("or", A, HANDLE_B)) == [1]
    assert left(("or", B, ("not", A))) == [2]


def test_two_collections() -> None:
    assert true(SAME, WITH_HANDLES) is True
    assert left(SAME, WITH_HANDLES) == [3]
    assert left(SAME, WITH_HANDLES, "handle") == [9]


def test_no_element() -> None:
    empty: Object = {"pid": 5, "vad": [], "handle": []}
    assert true(A, empty) is False
    assert true(("not", A), empty) is True


def test_inside_an_aggregate_the_bound_element_is_that_one() -> None:
    def ask(env: Env) -> Truth:
        name = env[VAD]["f"]
        return kleene_or(
            h["f"] is not None and h["f"] == name for h, _ in elements("process.handle", env)
        )

    assert true(("and", A, aggregate(ask)), WITH_HANDLES) is False


def test_a_chain_is_a_group_where_one_binds() -> None:
    six = {"pid": 6, "vad": [vad(1, a=True), vad(2, b=True)], "handle": []}
    x, y = ("or", A, PID4), ("or", B, pid_is(5))
    assert true(("and", x, y), six) is True
    assert chain([x, y], six)[0] is False
    maybe = {"pid": 6, "vad": [vad(1, a=Reason.LOOP, b=True)], "handle": []}
    assert true(("and", A, B), maybe) is None
    assert chain([A, B], maybe)[0] is None
    assert chain([B, A], maybe)[0] is None


def test_a_cut_collection_has_a_rest() -> None:
    cut: Object = {"pid": 5, "vad": [vad(1)], "handle": [], "cut": {"vad"}}
    assert true(A, cut) is None
    assert true(("not", A), cut) is None
    assert true(A, cut | {"vad": [vad(1, a=True)]}) is True
    assert true(("not", A), cut | {"vad": [vad(1, a=True)]}) is False
    assert true(("and", A, PID4), cut) is False
    assert true(("and", A, HANDLE_B), cut) is False


def test_unknown_elements() -> None:
    unknown = {"pid": 5, "vad": [vad(1, a=Reason.LOOP), vad(2, a=True)], "handle": []}
    assert true(A, unknown) is True
    assert left(A, unknown) == [2]
    assert lost(where(A, unknown)[1]) == 1
    assert true(("and", A, B), unknown) is False
    assert true(("not", A), {"pid": 5, "vad": [vad(1, a=Reason.LOOP)], "handle": []}) is None


# Longer paths

CHILD = "process.children"
SH: Object = {"x": True, "vad": [vad(1, a=True), vad(2)]}
CAT: Object = {"x": False, "vad": [vad(3, a=True)]}
ONE: Object = {"children": [SH, CAT], "parent": None}
CHILD_A, CHILD_B, CHILD_X = (
    field(f"{CHILD}.vad", "a"),
    field(f"{CHILD}.vad", "b"),
    field(CHILD, "x"),
)


def tree(p: Predicate, element: Object) -> list[list[int]]:
    """What is left at both levels: of each child that is left, the numbers of its VADs."""
    children = left_in(where(p, element)[1], "children")
    return [[one["n"] for one in left_in(child, "vad")] for child in children]


def test_a_longer_path_binds_inside_its_prefix() -> None:
    assert collections_on(f"{CHILD}.vad") == {CHILD, f"{CHILD}.vad"}
    assert true(("and", CHILD_A, CHILD_X), ONE) is True
    assert tree(("and", CHILD_A, CHILD_X), ONE) == [[1]]
    assert tree(("and", CHILD_A, ("not", CHILD_X)), ONE) == [[3]]
    assert true(("and", CHILD_A, CHILD_X), {"children": [{**SH, "vad": []}, CAT]}) is False


def test_both_levels_narrow_and_the_prefix_of_what_is_fixed_is_fixed() -> None:
    assert tree(CHILD_A, ONE) == [[1], [3]]
    assert tree(CHILD_X, ONE) == [[1, 2]]
    assert tree(("or", CHILD_A, CHILD_X), ONE) == [[1, 2], [3]]
    cat: Object = {**CAT, "vad": [vad(3, a=True), vad(4)]}
    assert tree(("or", CHILD_A, CHILD_X), {"children": [SH, cat]}) == [[1, 2], [3]]
    # The same as a chain and as one group: the second condition binds both levels.
    two = {"children": [SH, {**CAT, "vad": [vad(4, b=True)]}]}
    both = [("or", CHILD_A, CHILD_X), CHILD_B]
    assert true(("and", *both), two) is False
    assert chain(both, two)[0] is False


def test_both_levels_may_be_cut_short_and_lost() -> None:
    cut = {"children": [SH], "cut": {"children"}}
    assert true(CHILD_A, cut) is True
    assert true(CHILD_B, cut) is None
    assert true(CHILD_B, {"children": [{**SH, "cut": {"vad"}}]}) is None
    unsure = {**CAT, "x": Reason.LOOP}
    value, found = where(("and", CHILD_A, CHILD_X), {"children": [SH, unsure]})
    assert (value, lost(found)) == (True, 1), "what is in a child that is lost is not lost again"


def test_behind_a_single_object() -> None:
    up = field("process.parent.vad", "a")
    assert collections_on("process.parent.vad") == {"process.parent.vad"}
    found = where(up, {"parent": SH})[1]
    assert [one["n"] for one in left_in(found["parent"], "vad")] == [1]
    assert true(up, {"parent": None}) is False
    assert true(("not", up), {"parent": None}) is True
    assert true(up, {"parent": Reason.LOOP}) is None
    assert true(field("process.parent", "x"), {"parent": Reason.LOOP}) is None


def test_an_aggregate_takes_all_of_what_the_group_has_not_bound() -> None:
    def ask(env: Env) -> Truth:
        return kleene_or(one["n"] == 3 for one, _ in elements(f"{CHILD}.vad", env))

    assert true(aggregate(ask), ONE) is True
    assert true(("and", CHILD_X, aggregate(ask)), ONE) is False
    assert true(("and", ("not", CHILD_X), aggregate(ask)), ONE) is False, "no child has x"
