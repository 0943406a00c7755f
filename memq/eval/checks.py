"""Checks of types: what may be compared, added and asked, and what to say where it may not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.errors import QueryError, Span
from memq.eval import suggestions
from memq.eval.places import ordered
from memq.eval.reading import named
from memq.eval.suggestions import handful
from memq.eval.terms import NULL, NUMBER, Constant, FieldTerm, Term
from memq.lang import hints
from memq.lang.place import capital
from memq.schema.flags import bits_of
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from memq.eval.places import Step
    from memq.lang import ast

COMPARISONS = ("==", "!=", "===", "!==", "<", "<=", ">", ">=")
_EQUALITIES = ("==", "!=", "===", "!==")
_NUMBER = r"(?i)0x[0-9a-f]+|[0-9]+ ?([kmgt]b)?"


def article(type_: ValueType) -> str:
    """Name a type with its article."""
    word = type_.kind.value
    return (
        word if type_.kind in (Kind.NULL, Kind.STRING) else f"a{'n' * (word[0] in 'aeiou')} {word}"
    )


def are_alike(left: Kind, right: Kind) -> bool:
    """Whether values of two kinds can be equal."""
    return left is right or Kind.NULL in (left, right) or (left.is_numeric and right.is_numeric)


# One value


def need_condition(term: Term) -> None:
    """Refuse what is neither true nor false."""
    if term.type.kind not in (Kind.BOOLEAN, Kind.NULL):
        raise QueryError(
            f"A condition is expected, and this is {article(term.type)}.",
            span=term.span,
            hint=suggestions.condition_of(term.type),
        )


def need_number(term: Term) -> None:
    """Refuse what one cannot calculate with."""
    if not (term.type.kind.is_numeric or term.type.kind in (Kind.NULL, Kind.DURATION)):
        raise QueryError(
            f"A number is expected, and this is {article(term.type)}.",
            span=term.span,
            hint=_number_hint(term),
        )


def _number_hint(term: Term) -> str | None:
    match term.type.kind:
        case Kind.STRING if isinstance(term, Constant) and re.fullmatch(_NUMBER, str(term.value)):
            return f"A number stands without quotes: {term.value}."
        case Kind.STRING:
            return "Texts cannot be joined; `Select([a, b])` shows them side by side."
        case Kind.TIME:
            return "To a time a duration can be added, `+ 5m`; two times can be subtracted."
        case _:
            return "A number is made of a condition by `condition ? 1 : 0`."


def need_address(term: Term) -> None:
    """Refuse what is no place in memory."""
    if not (term.type.kind.is_numeric or term.type.kind is Kind.NULL):
        raise QueryError(
            f"An address is expected, and this is {article(term.type)}.",
            span=term.span,
            hint='Such as 0xffff888000000000, or `symbol("init_task")`.',
        )


def need_texts(left: Term, right: Term) -> None:
    """Refuse `in` between things that are not texts."""
    if right.type.kind not in (Kind.STRING, Kind.NULL):
        raise QueryError(
            f"`in` looks into a list, a range, a collection's field or a text, "
            f"and this is {article(right.type)}.",
            span=right.span,
            hint="For one value, write `==`.",
        )
    if left.type.kind not in (Kind.STRING, Kind.NULL):
        raise QueryError(
            f"In a text `in` looks for text, and this is {article(left.type)}.",
            span=left.span,
            hint="In a list it looks for any value: `in [1, 2]`; a range is `in 1..9`.",
        )


def need_orderly(term: Term) -> None:
    """Refuse an end of a range that is neither number, text nor time."""
    orderly = (Kind.NULL, Kind.STRING, Kind.TIME, Kind.DURATION)
    if not term.type.kind.is_numeric and term.type.kind not in orderly:
        raise QueryError(
            f"A range goes from one number, text or time to another, and this is "
            f"{article(term.type)}.",
            span=term.span,
            hint="Such as `1..1023`; both ends are in it.",
        )


def need_whole(term: Term) -> None:
    """Refuse an index that is no whole number."""
    if not term.type.kind.is_numeric or term.type.kind is Kind.FLOAT:
        raise QueryError(
            f"An index is a whole number, and this is {article(term.type)}.",
            span=term.span,
            hint="The first element is `[0]`; a field is named behind a dot.",
        )


def need_single(term: Term) -> None:
    """Refuse a value of a collection's field where each element has one value."""
    if named(term):
        raise QueryError(
            f"One value is expected, and {_collection_of(term)} has many.",
            span=term.span,
            hint=f"Take one value of it, such as {_one_of(term)}.",
        )


def need_order(term: Term) -> None:
    """Refuse to order by a collection's field."""
    if named(term):
        raise QueryError(
            f"An order needs one value of each element, and {_collection_of(term)} has many.",
            span=term.span,
            hint=f"Order by one value of it, such as {_one_of(term)}.",
        )


def _collection_of(term: Term) -> str:
    """Name the innermost collection that a value is of."""
    return f"the collection `{_spoken(ordered(named(term))[-1])}`"


def _one_of(term: Term) -> str:
    """Say how one value is made of many."""
    collection = _spoken(ordered(named(term))[-1])
    if not isinstance(term, FieldTerm):
        return f"`{collection}.Count()` or `{collection}.Any(x => ...)`"
    field = term.field.name
    if term.type.kind is Kind.BOOLEAN:
        return f"`{collection}.Any(x => x.{field})`"
    return f"`{collection}.{field}.{'Sum' if term.type.kind is Kind.SIZE else 'Min'}()`"


def _spoken(step: Step) -> str:
    return step.name.removesuffix("_object")


# Two values


def comparable(node: ast.Binary, left: Term, right: Term) -> tuple[Term, Term]:
    """Return both sides of a comparison, names as the numbers they stand for; refuse nonsense."""
    left, right = _numbered(left, right), _numbered(right, left)
    one, other = left.type.kind, right.type.kind
    if not are_alike(one, other):
        raise QueryError(
            f"{capital(article(left.type))} cannot be compared with {article(right.type)}.",
            span=_literal_span(left, right) or node.span,
            hint=_comparison_hint(left, right),
        )
    if node.op in COMPARISONS and node.op not in _EQUALITIES and Kind.BOOLEAN in (one, other):
        raise QueryError(
            "Truth values have no order.", span=node.span, hint="Compare them with `==` or `!=`."
        )
    for field, value in ((left, right), (right, left)):
        _check_choice(field, value)
    return left, right


def _literal_span(left: Term, right: Term) -> Span | None:
    """Return the place of the side that was written out, which is the one to change."""
    found = [one for one in (right, left) if isinstance(one, Constant) and one.value is not None]
    return found[0].span if len(found) == 1 else None


def _numbered(value: Term, field: Term) -> Term:
    """Return the number that a name stands for, where it is compared with named numbers."""
    if not isinstance(value, Constant) or not isinstance(value.value, str) or not field.type.names:
        return value
    bits = bits_of(field.type, value.value)
    by = field.type.names_by
    if bits is not None and by is not None and any(map(by.values, value.value.split("|"))):
        raise QueryError(
            "What this name stands for is not the same everywhere.",
            span=value.span,
            hint=f'Ask for it with `Has("{value.value}")`, or compare with a number.',
        )
    if bits is None:
        names = [name for name, _ in field.type.names]
        raise QueryError(
            f'No value is called "{value.value}" here.',
            span=value.span,
            hint=hints.did_you_mean(hints.nearest(value.value, names))
            or handful("The names", names),
        )
    return Constant(value.span, NUMBER, bits)


def need_equal_keys(left: Term, right: Term, node: ast.Expression) -> None:
    """Refuse to join by keys that can never be equal."""
    if not are_alike(left.type.kind, right.type.kind):
        raise QueryError(
            f"The keys can never be equal: the one is {article(left.type)}, "
            f"the other {article(right.type)}.",
            span=node.span,
        )


def need_element(value: Term, type_: ValueType, node: ast.Expression) -> None:
    """Refuse to look for what can never be among some values."""
    if not are_alike(value.type.kind, type_.kind):
        raise QueryError(
            f"{capital(article(value.type))} is never among these values: each is "
            f"{article(type_)}.",
            span=node.span,
            hint=_comparison_hint(value, Constant(node.span, type_, None)),
        )


def need_steady(seed: Term, body: Term) -> None:
    """Refuse to begin with one type, and go on with another."""
    if not are_alike(seed.type.kind, body.type.kind):
        raise QueryError(
            f"It begins with {article(seed.type)}, and this step makes {article(body.type)} of it.",
            span=body.span,
            hint="`Aggregate` begins with a value, and each step gives the next of its type.",
        )


def _comparison_hint(left: Term, right: Term) -> str | None:
    for this, other in ((left, right), (right, left)):
        if isinstance(other, Constant) and other.value is not None:
            return _literal_hint(this.type.kind, other)
    return None


def _literal_hint(kind: Kind, literal: Constant) -> str | None:
    """Say how a value of a kind is written, for somebody who wrote something else."""
    written = literal.value
    if kind is Kind.STRING and type(written) is int and literal.type.kind.is_numeric:
        return f'Text stands in quotes: "{written}".'
    if kind.is_numeric and isinstance(written, str) and re.fullmatch(_NUMBER, written):
        return f"A number stands without quotes: {written}."
    if kind is Kind.TIME:
        return 'A time is written t"2026-11-21T10:00:00Z".'
    if kind is Kind.DURATION:
        return "A duration is written with its unit: 500ms, 5m, 2h, 7d."
    if kind is Kind.BOOLEAN:
        return "A truth value is `true` or `false`, without quotes; alone it is a condition."
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
                hint=near or handful("Its values", field.type.choices),
            )


def common(left: Term, right: Term) -> ValueType:
    """Return the type of a value that is one of two."""
    if not are_alike(left.type.kind, right.type.kind):
        raise QueryError(
            f"The one is {article(left.type)}, the other {article(right.type)}: "
            "both must be of one type.",
            span=right.span,
        )
    if Kind.FLOAT in (left.type.kind, right.type.kind):
        return ValueType(Kind.FLOAT)
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
            need_bits(node.op, left)
            need_bits(node.op, right)
        return ValueType(Kind.FLOAT)
    if Kind.ADDRESS in (one, other):
        return NUMBER if one is other and node.op == "-" else _address(node, left, right)
    if Kind.SIZE in (one, other) or Kind.DURATION in (one, other):
        return left.type if one in (Kind.SIZE, Kind.DURATION) else right.type
    return NUMBER


def need_bits(operator: str, term: Term) -> None:
    """Refuse a number with a fraction where bits are meant."""
    if term.type.kind is Kind.FLOAT:
        raise QueryError(
            f"`{operator}` is for whole numbers, and this is {article(term.type)}.", span=term.span
        )


def _address(node: ast.Binary, left: Term, right: Term) -> ValueType:
    """A number written in hex is a mask or an amount; only a field makes the result an address."""
    fields = [
        t for t in (left, right) if t.type.kind is Kind.ADDRESS and not isinstance(t, Constant)
    ]
    return fields[0].type if fields and node.op in "+-&|" else NUMBER
