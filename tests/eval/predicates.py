"""Random worlds, and random predicates over them: as text, and as the oracle's tuples.

Within a lambda, `process` is still the process whose collections are spoken of; so the text names
everything by its whole path. The oracle's names are "vad", "handle", "self", and the parameters'.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from hypothesis import strategies as st

from memq.errors import Reason
from tests.eval import reference_semantics as oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.eval.reference_semantics import Element, Predicate, Truth

UNKNOWN = Reason.PAGED_OUT
COLLECTIONS = ("vad", "handle")
ENDLESS = 12
"""More elements than any collection here has, or any number that a count is compared with."""

Env: TypeAlias = "Mapping[str, Any]"


class Operand(NamedTuple):
    """A value: its text, the name that it speaks of, and how it is had."""

    text: str
    names: frozenset[str]
    get: Callable[[Env], Any]


class Pair(NamedTuple):
    """A predicate in both forms."""

    text: str
    predicate: Predicate


# Worlds

bits = st.sampled_from([True, False, False, None, UNKNOWN])
numbers = st.sampled_from([0, 1, 2, 2, None, UNKNOWN])
texts = st.sampled_from(["x", "y", "xy", None, UNKNOWN])
vads = st.fixed_dictionaries({"a": bits, "b": bits, "n": numbers, "f": texts})
handles = st.fixed_dictionaries({"b": bits, "n": numbers, "f": texts})
cuts = st.dictionaries(st.sampled_from(COLLECTIONS), st.just(UNKNOWN), max_size=1)
processes = st.fixed_dictionaries(
    {
        "odd": bits,
        "x": numbers,
        "vad": st.lists(vads, max_size=3),
        "handle": st.lists(handles, max_size=2),
        "cut": st.one_of(st.just({}), cuts),
    }
)
worlds = st.lists(processes, min_size=1, max_size=4)

# Values

FIELDS = {"vad": ("n", ("a", "b"), "f"), "handle": ("n", ("b",), "f"), "self": ("x", ("odd",), "")}
"""Of each type the names of its number, its truth values and its text."""


def getter(name: str, field: str) -> Callable[[Env], Any]:
    return lambda env: env[name][field]


def field_of(name: str, path: str, field: str) -> Operand:
    spoken = frozenset() if name == "self" else frozenset([name])
    return Operand(f"{path}.{field}", spoken, getter(name, field))


Scope: TypeAlias = "tuple[tuple[str, str, str], ...]"
"""What a predicate may speak of: (name, its path in the text, its type)."""

OUTER: Scope = (
    ("vad", "process.vad", "vad"),
    ("handle", "process.handle_object", "handle"),
    ("self", "process", "self"),
)


def number_fields(scope: Scope) -> st.SearchStrategy[Operand]:
    return st.sampled_from([field_of(name, path, FIELDS[kind][0]) for name, path, kind in scope])


def bit_fields(scope: Scope) -> st.SearchStrategy[Operand]:
    found = [(name, path, field) for name, path, kind in scope for field in FIELDS[kind][1]]
    return st.sampled_from([field_of(*one) for one in found])


def text_fields(scope: Scope) -> st.SearchStrategy[Operand]:
    found = [(name, path, FIELDS[kind][2]) for name, path, kind in scope if FIELDS[kind][2]]
    return st.sampled_from([field_of(*one) for one in found])


def literal(value: object) -> Operand:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return Operand(text, frozenset(), lambda _env: value)


# Conditions in three values

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


def compared(sign: str, left: object, right: object) -> Truth:
    if sign == "!=":
        return oracle.kleene_not(compared("==", left, right))
    if isinstance(left, Reason) or isinstance(right, Reason):
        return None
    if left is None or right is None:
        return False
    return ORDERS[sign](left, right)


def truth(value: object) -> Truth:
    """A truth value as a condition: null is false."""
    return None if isinstance(value, Reason) else bool(value)


def comparison(sign: str, left: Operand, right: Operand) -> Pair:
    def ask(env: Env) -> Truth:
        return compared(sign, left.get(env), right.get(env))

    text = f"{left.text} {sign} {right.text}"
    return Pair(text, ("cmp", left.names | right.names, ask))


def null_test(operand: Operand, sign: str) -> Pair:
    def ask(env: Env) -> Truth:
        value = operand.get(env)
        if isinstance(value, Reason):
            return None
        return (value is None) == (sign == "==")

    return Pair(f"{operand.text} {sign} null", ("cmp", operand.names, ask))


def known_test(operand: Operand, negated: bool) -> Pair:
    def ask(env: Env) -> Truth:
        return isinstance(operand.get(env), Reason) == negated

    function = "is_unknown" if negated else "is_known"
    return Pair(f"{function}({operand.text})", ("cmp", operand.names, ask))


def bare(operand: Operand) -> Pair:
    return Pair(operand.text, ("cmp", operand.names, lambda env: truth(operand.get(env))))


def instead(operand: Operand, other: int, sign: str, right: int) -> Pair:
    def ask(env: Env) -> Truth:
        value = operand.get(env)
        missing = value is None or isinstance(value, Reason)
        return compared(sign, other if missing else value, right)

    return Pair(f"({operand.text} ?? {other}) {sign} {right}", ("cmp", operand.names, ask))


def in_range(operand: Operand, low: int, high: int) -> Pair:
    ends = (comparison(">=", operand, literal(low)), comparison("<=", operand, literal(high)))
    return Pair(f"{operand.text} in {low}..{high}", ("and", *(end.predicate for end in ends)))


def in_list(operand: Operand, items: list[int]) -> Pair:
    def ask(env: Env) -> Truth:
        return oracle.kleene_or(compared("==", operand.get(env), item) for item in items)

    return Pair(f"{operand.text} in {items}", ("cmp", operand.names, ask))


def member_of(operand: Operand, collection: str) -> Pair:
    """`x in collection.f`: all of the collection, whatever is bound of it."""

    def ask(env: Env) -> Truth:
        value = operand.get(env)
        return oracle.kleene_or(
            oracle.kleene_and([None if e is oracle.REST else compared("==", value, e["f"]), there])
            for e, there in oracle.present(env["self"], collection)
        )

    text = f"{operand.text} in process.{collection}.f"
    return Pair(text, ("cmp", operand.names, ask))


def conditional(parts: list[Pair]) -> Pair:
    """`c ? a : b` is one condition, of all that its parts name."""
    names = frozenset[str]().union(*(part.predicate[1] for part in parts))

    def ask(env: Env) -> Truth:
        chosen, yes, no = (part.predicate[2] for part in parts)
        decided = chosen(env)
        found: Truth = None if decided is None else (yes if decided else no)(env)
        return found

    text = "({} ? {} : {})".format(*(part.text for part in parts))
    return Pair(text, ("cmp", names, ask))


def as_value(part: Pair) -> Operand:
    """A condition as a value; two of them can be compared."""
    _, names, ask = part.predicate
    return Operand(f"({part.text})", names, lambda env: UNKNOWN if ask(env) is None else ask(env))


def simple(scope: Scope) -> st.SearchStrategy[Pair]:
    """Conditions of one comparison."""
    return st.one_of(st.builds(bare, bit_fields(scope)), comparisons(scope))


def comparisons(scope: Scope) -> st.SearchStrategy[Pair]:
    """Conditions that are true or false where what they name is known, and never null."""
    number, text, bit = number_fields(scope), text_fields(scope), bit_fields(scope)
    signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    equality = st.sampled_from(["==", "!="])
    small = st.integers(0, 2)
    return st.one_of(
        st.builds(comparison, signs, number, small.map(literal)),
        st.builds(comparison, signs, number, number),
        st.builds(comparison, signs, text, text),
        st.builds(comparison, equality, text, st.sampled_from(["x", "y"]).map(literal)),
        st.builds(null_test, st.one_of(number, text, bit), equality),
        st.builds(known_test, st.one_of(number, text), st.booleans()),
        st.builds(instead, number, small, signs, small),
        st.builds(in_list, number, st.lists(small, min_size=1, max_size=2)),
    )


def conditions(scope: Scope, depth: int) -> st.SearchStrategy[Pair]:
    """Conditions that stand alone."""
    one = simple(scope)
    text = st.one_of(text_fields(scope), st.just(literal("x")))
    equality = st.sampled_from(["==", "!="])
    bit = st.one_of(bit_fields(scope), comparisons(scope).map(as_value))
    composed = [
        st.builds(in_range, number_fields(scope), st.integers(0, 1), st.integers(1, 2)),
        st.builds(member_of, text, st.sampled_from(COLLECTIONS)),
        st.builds(conditional, st.lists(one, min_size=3, max_size=3)),
        st.builds(comparison, equality, bit, bit),
    ]
    if depth < 2:
        composed.append(aggregates(scope, depth))
    return st.one_of(one, one, *composed)


# Aggregates


def truths(body: Predicate, name: str, collection: str, element: Element, bound: Env) -> Any:
    """The value of the body for each element, with whether that is there; of a rest it may be."""
    for one, there in oracle.present(element, collection):
        value = oracle.holds(body, element, {**bound, name: one})
        yield value, None if one is oracle.REST else there


def quantified(kind: str, name: str, collection: str, body: Pair) -> Pair:
    def ask(element: Element, bound: Env) -> Truth:
        found = truths(body.predicate, name, collection, element, bound)
        if kind == "All":
            return oracle.kleene_not(
                oracle.kleene_or(
                    oracle.kleene_and([oracle.kleene_not(v), there]) for v, there in found
                )
            )
        some = oracle.kleene_or(oracle.kleene_and(pair) for pair in found)
        return oracle.kleene_not(some) if kind == "None" else some

    text = f"process.{collection}.{kind}({name} => {body.text})"
    return Pair(text, ("agg", ask))


def counted(name: str, collection: str, body: Pair | None, sign: str, number: int) -> Pair:
    """A comparison of a count: decided where all that the count may be agree."""

    def ask(element: Element, bound: Env) -> Truth:
        always: Predicate = ("cmp", frozenset(), lambda _env: True)
        predicate = always if body is None else body.predicate
        found = [
            oracle.kleene_and(pair) for pair in truths(predicate, name, collection, element, bound)
        ]
        low, most = found.count(True), found.count(True) + found.count(None)
        # The rest comes last; what is false of it is false of all that may be missing.
        endless = collection in element.get("cut", ()) and found[-1] is not False
        high = ENDLESS if endless else most
        answers = {compared(sign, count, number) for count in range(low, high + 1)}
        return answers.pop() if len(answers) == 1 else None

    inner = "" if body is None else f"{name} => {body.text}"
    return Pair(f"process.{collection}.Count({inner}) {sign} {number}", ("agg", ask))


def aggregates(scope: Scope, depth: int) -> st.SearchStrategy[Pair]:
    """Any, All, None and Count, whose bodies may speak of what is around them."""
    name = f"e{depth}"

    def of(collection: str) -> st.SearchStrategy[Pair]:
        inner: Scope = ((name, name, collection), (name, name, collection), *scope)
        body = predicates(inner, depth + 1, 2)
        kinds = st.sampled_from(["Any", "All", "None"])
        signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
        return st.one_of(
            st.builds(quantified, kinds, st.just(name), st.just(collection), body),
            st.builds(
                counted,
                st.just(name),
                st.just(collection),
                st.one_of(st.none(), body),
                signs,
                st.integers(0, 3),
            ),
        )

    return st.sampled_from(COLLECTIONS).flatmap(of)


# Predicates


def conjunction(parts: list[Pair]) -> Pair:
    text = " && ".join(f"({part.text})" for part in parts)
    return Pair(text, ("and", *(part.predicate for part in parts)))


def disjunction(parts: list[Pair]) -> Pair:
    text = " || ".join(f"({part.text})" for part in parts)
    return Pair(text, ("or", *(part.predicate for part in parts)))


def negation(part: Pair) -> Pair:
    return Pair(f"!({part.text})", ("not", part.predicate))


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
