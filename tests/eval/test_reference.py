"""The oracle on the cases that the language's page gives: what the other tests are held to."""

from __future__ import annotations

from typing import Any

from tests.eval.reference_semantics import (
    Predicate,
    Truth,
    chain,
    holds,
    kleene_or,
    narrowed,
)


def field(collection: str, name: str) -> Predicate:
    def ask(env: dict[str, Any]) -> Truth:
        found: Truth = env[collection][name]
        return found

    return ("cmp", {collection}, ask)


def pid_is(number: int) -> Predicate:
    return ("cmp", set(), lambda env: env["self"]["pid"] == number)


def vad(n: int, **values: object) -> dict[str, Any]:
    return {"n": n, "a": False, "b": False, "c": False, "f": None, **values}


A, B, C = (field("vad", name) for name in "abc")
HANDLE_B = field("handle", "b")
PID4 = pid_is(4)
SAME: Predicate = (
    "cmp",
    {"vad", "handle"},
    lambda env: env["vad"]["f"] is not None and env["vad"]["f"] == env["handle"]["f"],
)
FOUR = {"pid": 4, "vad": [vad(1, a=True), vad(2, b=True), vad(3, f="x")], "handle": []}
WITH_HANDLES = FOUR | {"handle": [{"n": 9, "b": True, "f": "x"}, {"n": 8, "b": False, "f": None}]}


def left(p: Predicate, element: dict[str, Any] = FOUR, collection: str = "vad") -> list[int]:
    return [one["n"] for one in narrowed(collection, p, element)[0]]


def test_conditions_of_a_group_are_about_one_element() -> None:
    assert holds(("and", A, B), FOUR) is False
    assert holds(("and", A, ("not", B)), FOUR) is True
    assert left(("and", A, ("not", B))) == [1]
    assert holds(("and", ("or", A, B), C), FOUR) is False


def test_what_no_group_binds_is_quantified_where_it_stands() -> None:
    assert holds(("and", ("not", A), ("not", B)), FOUR) is False
    assert holds(("or", A, PID4), FOUR) is True
    assert left(("or", A, PID4)) == [1, 2, 3]
    assert holds(("and", ("or", A, PID4), HANDLE_B), FOUR) is False
    assert left(("or", A, HANDLE_B)) == [1]
    assert left(("or", B, ("not", A))) == [2]


def test_two_collections() -> None:
    assert holds(SAME, WITH_HANDLES) is True
    assert left(SAME, WITH_HANDLES) == [3]
    assert left(SAME, WITH_HANDLES, "handle") == [9]


def test_no_element() -> None:
    empty: dict[str, Any] = {"pid": 5, "vad": [], "handle": []}
    assert holds(A, empty) is False
    assert holds(("not", A), empty) is True


def test_inside_an_aggregate_the_bound_element_is_that_one() -> None:
    def ask(element: dict[str, Any], bound: dict[str, Any]) -> Truth:
        name = bound["vad"]["f"]
        return kleene_or(h["f"] is not None and h["f"] == name for h in element["handle"])

    assert holds(("and", A, ("agg", ask)), WITH_HANDLES) is False


def test_a_chain_is_a_group_where_one_binds() -> None:
    six = {"pid": 6, "vad": [vad(1, a=True), vad(2, b=True)], "handle": []}
    x, y = ("or", A, PID4), ("or", B, pid_is(5))
    assert holds(("and", x, y), six) is True
    assert chain([x, y], six)[0] is False
    maybe = {"pid": 6, "vad": [vad(1, a=None, b=True)], "handle": []}
    assert holds(("and", A, B), maybe) is None
    assert chain([A, B], maybe)[0] is None
    assert chain([B, A], maybe)[0] is None


def test_a_cut_collection_has_a_rest() -> None:
    cut: dict[str, Any] = {"pid": 5, "vad": [vad(1)], "handle": [], "cut": {"vad"}}
    assert holds(A, cut) is None
    assert holds(("not", A), cut) is None
    assert holds(A, cut | {"vad": [vad(1, a=True)]}) is True
    assert holds(("not", A), cut | {"vad": [vad(1, a=True)]}) is False
    assert holds(("and", A, PID4), cut) is False
    assert holds(("and", A, HANDLE_B), cut) is False


def test_unknown_elements() -> None:
    unknown = {"pid": 5, "vad": [vad(1, a=None), vad(2, a=True)], "handle": []}
    assert holds(A, unknown) is True
    assert [one["n"] for one in narrowed("vad", A, unknown)[1]] == [1]
    assert holds(("and", A, B), unknown) is False
    assert holds(("not", A), {"pid": 5, "vad": [vad(1, a=None)], "handle": []}) is None
