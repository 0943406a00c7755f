"""Checks of collections: of which elements something may be asked, and what to say where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval import suggestions
from memq.eval.checks import are_alike, article
from memq.eval.places import RawShape, RecordShape, Step, collections_on, ordered
from memq.eval.suggestions import listed, method_name, method_span
from memq.lang import ast
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from memq.errors import Span
    from memq.eval.places import Shape
    from memq.eval.series import Series
    from memq.output.records import RecordField
    from memq.schema.batch import ObjectType
    from memq.schema.declare import SubObject, System
    from memq.schema.kinds import ValueType


def need_equality(shape: Shape, node: ast.Call) -> None:
    """Refuse elements of which nobody can say whether they are equal: those with lists."""
    if isinstance(shape, RecordShape) and any(
        one.type is None and one.many for one in shape.fields
    ):
        raise QueryError(
            f"`{method_name(node)}` compares records of values, and lists have no equality.",
            span=method_span(node),
            hint="`Flatten()` makes one record of each item of a list.",
        )


def need_parent(shape: Shape, system: System, span: Span) -> tuple[type[ObjectType], SubObject]:
    """Return the type of elements, and the sub-object of that very type that is their parent."""
    if isinstance(shape, type) and (part := parent_part(shape)) is not None:
        return shape, part
    have = [name for name, type_ in system.objects.items() if parent_part(type_) is not None]
    before = "; `Tree` stands before a `Select`" if isinstance(shape, RecordShape) else ""
    told = (
        f"Objects that have a parent of their own type: {listed(have)}{before}." if have else None
    )
    raise QueryError(
        f"`Tree` puts objects below their parents, and the elements are {elements(shape)}.",
        span=span,
        hint=told,
    )


def parent_part(type_: type[ObjectType]) -> SubObject | None:
    """Return the single sub-object that is of a type's own type; of several the one so called."""
    parts = [
        part for part in type_.subobjects.values() if part.item == type_.type_name and not part.many
    ]
    if len(parts) > 1:
        parts = [part for part in parts if part.name == "parent"]
    return parts[0] if parts else None


def need_same_shape(operator: str, one: Shape, other: Shape, node: ast.Expression) -> None:
    """Refuse two collections whose elements differ in kind."""
    if isinstance(one, RecordShape) and isinstance(other, RecordShape):
        alike = len(one.fields) == len(other.fields) and all(
            _same_field(first, second)
            for first, second in zip(one.fields, other.fields, strict=True)
        )
    else:
        alike = one == other
    if not alike:
        raise QueryError(
            f"`{operator}` takes elements of one kind: those before it are {elements(one)}, "
            f"these are {elements(other)}.",
            span=suggestions.place_of(node),
            hint="Select the same columns of both, such as `.Select([pid, name])`.",
        )


def need_added(operator: str, missing: set[str], node: ast.Expression) -> None:
    """Refuse to put elements without a value that was added behind some that have it."""
    if missing:
        raise QueryError(
            f"`{operator}` takes elements of one kind: those before it have "
            f"{listed(sorted(missing))} added to them, these do not.",
            span=suggestions.place_of(node),
            hint=f"What adds it can follow the `{operator}`, or stand in both.",
        )


def _same_field(one: RecordField, other: RecordField) -> bool:
    if one.type is None or other.type is None:
        return one.path == other.path and one.many == other.many and one.item == other.item
    return one.path == other.path and are_alike(one.type.kind, other.type.kind)


def elements(shape: Shape) -> str:
    """Name the elements of a shape."""
    if isinstance(shape, RecordShape):
        if shape.bare:
            if shape.fields[0].is_object:
                return "records of one object each"
            type_ = shape.fields[0].type
            return f"plain values ({type_.kind.value})" if type_ else "lists"
        if not shape.fields:
            return "records without columns"
        return f"records of {listed('.'.join(one.path) for one in shape.fields)}"
    return "structures" if isinstance(shape, RawShape) else f"objects (`{shape.type_name}`)"


def value_type(series: Series, node: ast.Expression) -> ValueType:
    """Return the type of a collection of plain values; refuse any other collection."""
    shape = series.shape
    type_ = shape.fields[0].type if isinstance(shape, RecordShape) and shape.bare else None
    if type_ is None:
        name = method_name(node) if isinstance(node, ast.Call) else "in"
        raise QueryError(
            f"`{name}` takes plain values, and the elements are {elements(shape)}.",
            span=suggestions.place_of(node.right if isinstance(node, ast.Binary) else node),
            hint=_value_hint(name, shape),
        )
    return type_


def _value_hint(name: str, shape: Shape) -> str:
    """Say how one value of each element is named."""
    if isinstance(shape, RecordShape):
        named_ = [one.path[-1] for one in shape.fields if one.type is not None and one.path]
    else:
        named_ = [] if isinstance(shape, RawShape) else _first_fields(shape, name)
    field = f"x => x.{named_[0]}" if named_ else "x => ..."
    if name in ("in", "Contains"):
        return f"Name one value of each, `.Select({field})`, or ask `.Any(x => ...)`."
    return f"Name one value of each: `.{name}({field})`."


def _first_fields(type_: type[ObjectType], name: str) -> list[str]:
    """Return the fields that one would most likely look at; for a sum, numbers."""
    fields = [one for one in type_.fields.values() if not one.declared_only]
    if name in ("Sum", "Average"):
        fields = [one for one in fields if one.value_type.kind.is_numeric]
    return [one.name for one in sorted(fields, key=lambda one: not one.shown)]


def need_fold(operator: str, type_: ValueType, node: ast.Call) -> None:
    """Refuse a sum of what cannot be added up, and the least of what has no order."""
    kind = type_.kind
    span = node.arguments[0].span if node.arguments else method_span(node)
    if operator in ("Min", "Max"):
        if kind is Kind.BOOLEAN:
            raise QueryError(
                f"Truth values have no order, so that there is no `{operator}` of them.",
                span=span,
                hint="`Any` and `All` ask whether one is true, or each.",
            )
        return
    if not kind.is_numeric and kind not in (Kind.DURATION, Kind.NULL):
        raise QueryError(
            f"`{operator}` takes numbers, and each of these is {article(type_)}.",
            span=span,
            hint="`Count()` counts them." if kind is Kind.STRING else _FOLD_HINTS.get(kind),
        )


_FOLD_HINTS = {
    Kind.BOOLEAN: "`Count(...)` counts the elements of which a condition is true.",
    Kind.TIME: "Times have a `Min` and a `Max`.",
}


def deepest(places: frozenset[Step], node: ast.Expression) -> Step:
    """Return the collection whose elements a field is of; all others lie on the way to it."""
    *others, last = ordered(places)
    stray = [one for one in others if one not in collections_on(last)]
    if stray:
        raise two_collections(stray[0], last, node)
    return last


def two_collections(one: Step, other: Step, node: ast.Expression) -> QueryError:
    """A value made of the elements of two collections."""
    names = [each.name.removesuffix("_object") for each in (one, other)]
    return QueryError(
        f"This names two collections, {listed(names)}, and there are no pairs of their elements "
        "here.",
        span=node.span,
        hint=f"After `SelectMany({names[0]})`, one `{names[0]}` at a time is spoken of.",
    )
