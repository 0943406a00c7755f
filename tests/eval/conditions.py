"""Conditions of random predicates in two forms: as text, and as the oracle's tuples."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.eval import reference_semantics as oracle
from tests.eval.operands import (
    UNDECIDED,
    Operand,
    field_of,
    is_unknown,
    spelled,
    tested,
    truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.eval.reference_semantics import Env, Predicate, Truth

ENDLESS = 40
"""More elements than any collection here has, or any number that a count is compared with."""


class Pair(NamedTuple):
    """A predicate in both forms."""

    text: str
    predicate: Predicate

    def __repr__(self) -> str:
        return self.text


# Comparisons in three values

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "===": operator.eq,
}


def compared(sign: str, left: object, right: object) -> Truth:
    if sign.startswith("!"):
        return oracle.kleene_not(compared("==", left, right))
    if is_unknown(left) or is_unknown(right):
        return None
    if left is None or right is None:
        return False
    return ORDERS[sign](left, right)


def comparison(sign: str, left: Operand, right: Operand) -> Pair:
    def ask(env: Env) -> Truth:
        return compared(sign, left.get(env), right.get(env))

    return Pair(f"{left.text} {sign} {right.text}", ("cmp", left.names | right.names, ask))


def null_test(operand: Operand, sign: str) -> Pair:
    """Null equals the literal."""

    def ask(env: Env) -> Truth:
        value = operand.get(env)
        return None if is_unknown(value) else (value is None) == (sign == "==")

    return Pair(f"{operand.text} {sign} null", ("cmp", operand.names, ask))


def known_test(operand: Operand, negated: bool) -> Pair:
    function = "is_unknown" if negated else "is_known"
    return Pair(
        f"{function}({operand.text})",
        ("cmp", operand.names, lambda env: is_unknown(operand.get(env)) == negated),
    )


def bare(operand: Operand) -> Pair:
    """A truth value as a condition."""
    return Pair(operand.text, ("cmp", operand.names, lambda env: truth(operand.get(env))))


def text_test(name: str, text: Operand, other: Operand) -> Pair:
    return bare(tested(name, text, other))


def in_range(operand: Operand, low: Operand, high: Operand) -> Pair:
    """`x in a..b`: both ends included, and either may decide."""
    ends = (comparison(">=", operand, low), comparison("<=", operand, high))
    text = f"{operand.text} in {low.text}..{high.text}"
    return Pair(text, ("and", *(end.predicate for end in ends)))


def in_list(operand: Operand, items: list[Operand]) -> Pair:
    """`x in [a, b]`: the literal null is among them, and a null that was read is equal to none."""

    def ask(env: Env) -> Truth:
        value = operand.get(env)
        found = [compared("==", value, item.get(env)) for item in items]
        if any(item.text == "null" for item in items):
            found.append(None if is_unknown(value) else value is None)
        return oracle.kleene_or(found)

    names = operand.names.union(*(item.names for item in items))
    return Pair(f"{operand.text} in [{', '.join(i.text for i in items)}]", ("cmp", names, ask))


def absent(pair: Pair) -> Pair:
    """`x not in ...` is `!(x in ...)`."""
    return Pair(pair.text.replace(" in ", " not in ", 1), ("not", pair.predicate))


# Conditions of conditions: one each, which need all that their parts name


def needed_by(*parts: Pair) -> frozenset[str]:
    return frozenset[str]().union(*(oracle.named(part.predicate) for part in parts))


def conditional(parts: list[Pair]) -> Pair:
    """`c ? a : b`."""
    chosen, yes, no = (part.predicate for part in parts)

    def ask(env: Env) -> Truth:
        decided = oracle.holds(chosen, env)
        return None if decided is None else oracle.holds(yes if decided else no, env)

    text = "(({}) ? ({}) : ({}))".format(*(part.text for part in parts))
    return Pair(text, ("cmp", needed_by(*parts), ask))


def as_value(part: Pair) -> Operand:
    """A condition as a value; two of them can be compared."""

    def get(env: Env) -> Any:
        found = oracle.holds(part.predicate, env)
        return UNDECIDED if found is None else found

    return Operand(f"({part.text})", needed_by(part), get)


# Aggregates: conditions that need no element


def member_of(operand: Operand, place: str) -> Pair:
    """`x in collection.f`: all of the collection, whatever is bound of it."""

    def ask(env: Env) -> Truth:
        value = operand.get(env)
        return oracle.kleene_or(
            oracle.kleene_and(
                [None if e is oracle.REST else compared("==", value, of_item({place: e})), there]
            )
            for e, there in oracle.elements(place, env)
        )

    of_item = field_of(place, "f").get
    return Pair(f"{operand.text} in {spelled(place)}.f", ("cmp", operand.names, ask))


ALWAYS = Pair("", ("cmp", frozenset(), lambda _env: True))


def truths(body: Predicate, name: str, place: str, env: Env) -> list[tuple[Any, Truth, Truth]]:
    """Each element, whether the body is true of it, and whether it is there."""
    return [
        (one, oracle.holds(body, {**env, name: one}), there)
        for one, there in oracle.elements(place, env)
    ]


def quantified(kind: str, name: str, place: str, body: Pair) -> Pair:
    """Any, All and None."""

    def ask(env: Env) -> Truth:
        found = truths(body.predicate, name, place, env)
        if kind == "All":
            found = [(one, oracle.kleene_not(value), there) for one, value, there in found]
        some = oracle.kleene_or(oracle.kleene_and([value, there]) for _, value, there in found)
        return some if kind == "Any" else oracle.kleene_not(some)

    return Pair(f"{spelled(place)}.{kind}({name} => {body.text})", ("cmp", frozenset(), ask))


def counted(name: str, place: str, body: Pair, sign: str, number: Operand) -> Pair:
    """A comparison of a count: decided where all that the count may be agree."""

    def ask(env: Env) -> Truth:
        found = truths(body.predicate, name, place, env)
        counts = [oracle.kleene_and([value, there]) for _, value, there in found]
        low, most = counts.count(True), counts.count(True) + counts.count(None)
        # What is false of the rest is false of all that may be missing.
        endless = any(
            one is oracle.REST and count is None
            for (one, *_), count in zip(found, counts, strict=True)
        )
        right = number.get(env)
        high = ENDLESS if endless else most
        answers = {compared(sign, count, right) for count in range(low, high + 1)}
        return answers.pop() if len(answers) == 1 else None

    inner = f"{name} => {body.text}" if body.text else ""
    text = f"{spelled(place)}.Count({inner}) {sign} {number.text}"
    return Pair(text, ("cmp", number.names, ask))


# Between conditions


def conjunction(parts: list[Pair]) -> Pair:
    text = " && ".join(f"({part.text})" for part in parts)
    return Pair(text, ("and", *(part.predicate for part in parts)))


def disjunction(parts: list[Pair]) -> Pair:
    text = " || ".join(f"({part.text})" for part in parts)
    return Pair(text, ("or", *(part.predicate for part in parts)))


def negation(part: Pair) -> Pair:
    return Pair(f"!({part.text})", ("not", part.predicate))
