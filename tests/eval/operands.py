"""Values of random predicates: their text, the places that they need, and how they are had.

A value is None where it is null, and a set of reasons where it is unknown: those that it may have.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from memq.errors import Reason
from tests.eval import reference_semantics as oracle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.eval.reference_semantics import Env, Truth

Unknown: TypeAlias = "frozenset[Reason]"

UNDECIDED: Unknown = frozenset(Reason)
"""Unknown for whatever reason."""
FIELDS = {
    "process": ("x", ("odd",), "name"),
    "vad": ("n", ("a", "b"), "f"),
    "handle": ("n", ("b",), "f"),
}
"""Of each type the names of its number, its truth values and its text."""


class Operand(NamedTuple):
    """A value: its text, the places that it needs an element of, and how it is had."""

    text: str
    names: frozenset[str]
    get: Callable[[Env], Any]

    def __repr__(self) -> str:
        return self.text


def is_unknown(value: object) -> bool:
    return isinstance(value, frozenset)


def read(value: object) -> Any:
    """A value of the world's data."""
    return frozenset([value]) if isinstance(value, Reason) else value


def truth(value: object) -> Truth:
    """A truth value as a condition: null is false."""
    return None if is_unknown(value) else bool(value)


def spelled(place: str) -> str:
    """A place as queries may write it."""
    return place.replace(".handle", ".handle_object")


def needed(place: str) -> frozenset[str]:
    """What must be settled for a place: the collections on the way, and a lambda's parameter."""
    root = place.partition(".")[0]
    return frozenset(oracle.collections_on(place) | ({root} - {"process"}))


def field_of(place: str, field: str) -> Operand:
    """A field of the object at a place; of nothing it is null."""

    def get(env: Env) -> Any:
        found = oracle.at(place, env)
        return read(found[field] if isinstance(found, dict) else found)

    return Operand(f"{spelled(place)}.{field}", needed(place), get)


def literal(value: object) -> Operand:
    text = f'"{value}"' if isinstance(value, str) else "null" if value is None else str(value)
    text = {"True": "true", "False": "false"}.get(text, text)
    return Operand(f"({text})" if text.startswith("-") else text, frozenset(), lambda _env: value)


# Arithmetic: exact in 64 bits, signed or unsigned

LEAST, MOST = -(1 << 63), (1 << 64) - 1
INTEGERS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
}


def fitting(number: int) -> int | Unknown:
    return number if LEAST <= number <= MOST else frozenset([Reason.OVERFLOW])


def calculated(sign: str, left: Any, right: Any) -> Any:
    """Unknown with anything is unknown, else null with anything is null."""
    unknown = [value for value in (left, right) if is_unknown(value)]
    if unknown:
        return frozenset().union(*unknown)
    if left is None or right is None:
        return None
    if sign in ("/", "%"):
        return divided(sign, left, right)
    if sign in ("<<", ">>") and not 0 <= right < 64:
        return frozenset([Reason.OVERFLOW])
    return fitting(INTEGERS[sign](left, right))


def divided(sign: str, left: int, right: int) -> int | Unknown:
    """`/` truncates and `%` follows, as in C#."""
    if right == 0:
        return frozenset([Reason.DIVISION_BY_ZERO])
    quotient = abs(left) // abs(right)
    quotient = quotient if (left < 0) == (right < 0) else -quotient
    return fitting(quotient) if sign == "/" else left - quotient * right


def arithmetic(left: Operand, sign: str, right: Operand) -> Operand:
    return Operand(
        f"({left.text} {sign} {right.text})",
        left.names | right.names,
        lambda env: calculated(sign, left.get(env), right.get(env)),
    )


def unary(sign: str, operand: Operand) -> Operand:
    """`-x` and `~x`."""

    def get(env: Env) -> Any:
        value = operand.get(env)
        if value is None or is_unknown(value):
            return value
        return fitting(-value if sign == "-" else ~value)

    if operand.text.isdigit():
        # The minus of a literal is its own, and what does not fit then is an error.
        number = int(operand.text)
        return literal(-number) if sign == "-" and number <= -LEAST else operand
    return Operand(f"({sign}{operand.text})", operand.names, get)


# Choices


def coalesced(first: Operand, second: Operand) -> Operand:
    """`a ?? b`: b where a is null or unknown."""

    def get(env: Env) -> Any:
        value = first.get(env)
        return second.get(env) if value is None or is_unknown(value) else value

    return Operand(f"({first.text} ?? {second.text})", first.names | second.names, get)


def chosen(condition: Operand, yes: Operand, no: Operand) -> Operand:
    """`c ? a : b`; unknown where c is."""

    def get(env: Env) -> Any:
        decided = truth(condition.get(env))
        return UNDECIDED if decided is None else (yes if decided else no).get(env)

    names = condition.names | yes.names | no.names
    return Operand(f"({condition.text} ? {yes.text} : {no.text})", names, get)


# Methods of texts: of null they are null

METHODS: dict[str, Callable[[str], Any]] = {
    "ToLower": str.lower,
    "ToUpper": str.upper,
    "Length": len,
}
TESTS: dict[str, Callable[[str, str], bool]] = {
    "Contains": lambda text, part: part in text,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
    "EqualsIgnoreCase": lambda text, other: text.lower() == other.lower(),
}


def method(name: str, text: Operand) -> Operand:
    def get(env: Env) -> Any:
        value = text.get(env)
        return METHODS[name](value) if isinstance(value, str) else value

    return Operand(f"{text.text}.{name}()", text.names, get)


def tested(name: str, text: Operand, other: Operand) -> Operand:
    """A question about two texts; `in` is Contains the other way round."""

    def get(env: Env) -> Any:
        values = (text.get(env), other.get(env))
        unknown = [value for value in values if is_unknown(value)]
        if unknown:
            return frozenset().union(*unknown)
        return None if None in values else TESTS["Contains" if name == "in" else name](*values)

    called = f"{text.text}.{name}({other.text})"
    written = f"{other.text} in {text.text}" if name == "in" else called
    return Operand(written, text.names | other.names, get)
