"""Checks of types: what may be compared, added and asked, and what to say where it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval.terms import NULL, NUMBER, Constant, Term
from memq.lang import ast, hints
from memq.lang.place import capital
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPARISONS = ("==", "!=", "===", "!==", "<", "<=", ">", ">=")
_EQUALITIES = ("==", "!=", "===", "!==")


def article(type_: ValueType) -> str:
    """Name a type with its article."""
    word = type_.kind.value
    return (
        word if type_.kind in (Kind.NULL, Kind.STRING) else f"a{'n' * (word[0] in 'aeiou')} {word}"
    )


def listed(names: Iterable[str]) -> str:
    """Name some names one after the other."""
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def _are_alike(left: Kind, right: Kind) -> bool:
    return left is right or Kind.NULL in (left, right) or (left.is_numeric and right.is_numeric)


def need_condition(term: Term) -> None:
    """Refuse what is neither true nor false."""
    if term.type.kind not in (Kind.BOOLEAN, Kind.NULL):
        raise QueryError(
            f"A condition is expected, and this is {article(term.type)}.",
            span=term.span,
            hint="Compare it with something: `==`, `<`, `in`, ...",
        )


def need_number(term: Term) -> None:
    """Refuse what one cannot calculate with."""
    if not (term.type.kind.is_numeric or term.type.kind in (Kind.NULL, Kind.DURATION)):
        raise QueryError(f"A number is expected, and this is {article(term.type)}.", span=term.span)


def need_kind(term: Term, kind: Kind) -> None:
    """Refuse an argument of another kind."""
    if term.type.kind not in (kind, Kind.NULL):
        raise QueryError(
            f"{capital(article(ValueType(kind)))} is expected, and this is {article(term.type)}.",
            span=term.span,
        )


def need_texts(left: Term, right: Term) -> None:
    """Refuse `in` between things that are not texts."""
    if right.type.kind not in (Kind.STRING, Kind.NULL):
        raise QueryError(
            f"`in` looks into a list, a range, a collection's field or text, "
            f"and this is {article(right.type)}.",
            span=right.span,
        )
    if left.type.kind not in (Kind.STRING, Kind.NULL):
        raise QueryError(
            f"In a text `in` looks for text, and this is {article(left.type)}.",
            span=left.span,
            hint="Into a list, it looks for any value: `in [1, 2]`.",
        )


def need_count(node: ast.Call, count: int) -> None:
    """Refuse a call with more or fewer arguments."""
    if len(node.arguments) != count:
        words = {0: "no argument", 1: "one argument"}.get(count, f"{count} arguments")
        name = node.target.name if isinstance(node.target, ast.Member | ast.Name) else "This"
        given = len(node.arguments) or "none"
        verb = "is" if given in ("none", 1) else "are"
        raise QueryError(f"`{name}` takes {words}, and {given} {verb} given.", span=node.span)


def comparable(node: ast.Binary, left: Term, right: Term) -> None:
    """Refuse a comparison that can never be meant."""
    one, other = left.type.kind, right.type.kind
    if not _are_alike(one, other):
        raise QueryError(
            f"{capital(article(left.type))} cannot be compared with {article(right.type)}.",
            span=node.span,
            hint=_comparison_hint(left, right),
        )
    if node.op in COMPARISONS and node.op not in _EQUALITIES and Kind.BOOLEAN in (one, other):
        raise QueryError("Truth values have no order.", span=node.span)
    for field, value in ((left, right), (right, left)):
        _check_choice(field, value)


def _comparison_hint(left: Term, right: Term) -> str | None:
    for this, other in ((left, right), (right, left)):
        if not isinstance(other, Constant):
            continue
        if this.type.kind is Kind.STRING and type(other.value) is int:
            return f'Text stands in quotes: "{other.value}".'
        if this.type.kind.is_numeric and isinstance(other.value, str):
            return "A number stands without quotes."
        if this.type.kind is Kind.TIME:
            return 'A time is written t"2026-11-21T10:00:00Z".'
    return None


def _check_choice(field: Term, value: Term) -> None:
    """Refuse a value that a field with few known values never has."""
    if isinstance(value, Constant) and isinstance(value.value, str) and field.type.choices:
        folded = [choice.casefold() for choice in field.type.choices]
        known = value.value in field.type.choices
        if not known and not (field.type.ignores_case and value.value.casefold() in folded):
            near = hints.did_you_mean(hints.nearest(value.value, field.type.choices))
            raise QueryError(
                f'The field is never "{value.value}".',
                span=value.span,
                hint=near or f"It is one of {', '.join(field.type.choices)}.",
            )


def common(left: Term, right: Term) -> ValueType:
    """Return the type of a value that is one of two."""
    if not _are_alike(left.type.kind, right.type.kind):
        raise QueryError(
            f"The one is {article(left.type)}, the other {article(right.type)}: "
            "both must be of one type.",
            span=right.span,
        )
    return right.type if left.type.kind is Kind.NULL else left.type


def result_of(node: ast.Binary, left: Term, right: Term) -> ValueType:
    """Return the type of a calculation, or refuse it."""
    one, other = left.type.kind, right.type.kind
    if node.op == "-" and one is Kind.TIME and other is Kind.TIME:
        return ValueType(Kind.DURATION)
    if node.op in "+-" and one is Kind.TIME and other is Kind.DURATION:
        return left.type
    need_number(left)
    need_number(right)
    if Kind.NULL in (one, other):
        return NULL if one is other else NUMBER
    if Kind.FLOAT in (one, other):
        if node.op not in "+-*/%":
            raise QueryError(f"`{node.op}` is for whole numbers.", span=node.span)
        return ValueType(Kind.FLOAT)
    if Kind.ADDRESS in (one, other):
        return NUMBER if one is other and node.op == "-" else _address(node, left, right)
    if Kind.SIZE in (one, other) or Kind.DURATION in (one, other):
        return left.type if one in (Kind.SIZE, Kind.DURATION) else right.type
    return NUMBER


def _address(node: ast.Binary, left: Term, right: Term) -> ValueType:
    """A number written in hex is a mask or an amount; only a field makes the result an address."""
    fields = [
        t for t in (left, right) if t.type.kind is Kind.ADDRESS and not isinstance(t, Constant)
    ]
    return fields[0].type if fields and node.op in "+-&|" else NUMBER
