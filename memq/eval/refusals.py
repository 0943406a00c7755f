"""Errors of names: what is said where a name means nothing, and what may have been meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval.checks import article, listed
from memq.eval.methods import METHODS
from memq.eval.scope import Frame, Names, RecordShape, field_of, subobject_of
from memq.eval.terms import Place, Step
from memq.lang import ast, hints, printer
from memq.lang.place import capital
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from memq.schema.batch import ObjectType

FUNCTIONS = ("is_known", "is_unknown")
AGGREGATES = {"any": "Any", "all": "All", "none": "None", "count": "Count"}


def unknown_source(node: ast.Expression, objects: Mapping[str, type[ObjectType]]) -> QueryError:
    """A query that begins with something else than an object type's name."""
    sources = f"The sources are {listed(objects)}."
    if not isinstance(node, ast.Name):
        return QueryError("A query begins with a source.", span=node.span, hint=sources)
    near = hints.did_you_mean(hints.nearest(node.name, objects))
    return QueryError(f"No source is called `{node.name}`.", span=node.span, hint=near or sources)


def unknown_name(node: ast.Name, frame: Frame | None, names: Names) -> QueryError:
    """A bare name that nothing around it has."""
    frames = list(frame.chain()) if frame else []
    if frames and isinstance(frames[0].shape, RecordShape):
        return _unknown_column(node, frames[0].shape)
    path = next(_longer_paths(node.name, frames, names), None)
    hint = None if path is None else f"Did you mean `{path}`?"
    if node.name in names.system.objects:
        message = f"`{node.name}` is every {node.name} there is, which no condition can ask yet."
        return QueryError(message, span=node.span, hint=hint)
    candidates = [*names.system.objects, *FUNCTIONS]
    for one in frames:
        candidates += [one.parameter] if one.parameter else []
        candidates += names.members(one.root.type) if one.root.type and one is frames[0] else []
        candidates += [one.root.type.type_name] if one.root.type else []
    hint = hint or hints.did_you_mean(hints.nearest(node.name, candidates))
    return QueryError(f"Nothing is called `{node.name}` here.", span=node.span, hint=hint)


def _longer_paths(name: str, frames: Iterable[Frame], names: Names) -> Iterator[str]:
    """Yield paths by which something of that name can be reached: from elements, from owners."""
    types = [
        (one.parameter or one.root.type.type_name, one.root.type) for one in frames if one.root.type
    ]
    for spoken, type_ in types:
        if field_of(type_, name):
            yield f"{spoken}.{name}"
    for spoken, type_ in types:
        owner = names.system.objects.get(type_.owner_type)
        if owner and (field_of(owner, name) or subobject_of(owner, name)):
            yield f"{spoken}.{owner.type_name}.{name}"


def _unknown_column(node: ast.Name, shape: RecordShape) -> QueryError:
    if shape.bare:
        hint = "It can be named: `Where(x => x == ...)`."
        message = f"Nothing is called `{node.name}` here: the elements are plain values."
        return QueryError(message, span=node.span, hint=hint)
    columns = [".".join(field.path) for field in shape.fields]
    near = hints.did_you_mean(hints.nearest(node.name, columns))
    hint = near or f"After `Select` there are only {listed(columns)}."
    return QueryError(f"The record has no `{node.name}`.", span=node.span, hint=hint)


def no_value(place: Place, node: ast.Expression) -> QueryError:
    """A whole object, or a whole collection, where a value must stand."""
    written = printer.write(node)
    shown = next((f for f in place.type.fields.values() if f.shown), None) if place.type else None
    field = f"such as `{written}.{shown.name}`" if shown else "with a dot"
    if isinstance(place, Step) and place.many:
        return QueryError(
            f"`{written}` is a collection, and a value is expected.",
            span=node.span,
            hint=f"Name one of its fields, {field}, or ask `{written}.Any()`.",
        )
    return QueryError(
        f"`{written}` is a whole object, and a value is expected.",
        span=node.span,
        hint=f"Name one of its fields, {field}.",
    )


def no_member(type_: ValueType, node: ast.Member) -> QueryError:
    """A name behind the dot of a value."""
    near = hints.nearest(node.name, METHODS) if type_.kind is Kind.STRING else []
    same = [name for name in near if name.lower() == node.name.lower()]
    hint = f"It is a method: `{same[0]}()`." if same else hints.did_you_mean(near)
    message = f"{capital(article(type_))} has no `{node.name}`."
    return QueryError(message, span=node.name_span, hint=hint)


def no_method(type_: ValueType, target: ast.Member) -> QueryError:
    """A method that values of this type do not have."""
    hint = "Only text has methods."
    if type_.kind is Kind.STRING:
        near = hints.did_you_mean(hints.nearest(target.name, METHODS))
        hint = near or f"The methods of text are {listed(METHODS)}."
    message = f"{capital(article(type_))} has no method `{target.name}`."
    return QueryError(message, span=target.name_span, hint=hint)


def no_method_of_collections(target: ast.Member) -> QueryError:
    """A method that is asked of a collection and is none of those that take all of it."""
    near = hints.did_you_mean(hints.nearest(target.name, AGGREGATES.values()))
    hint = near or f"In an expression, a collection has {listed(AGGREGATES.values())}."
    message = f"A collection has no method `{target.name}` here."
    return QueryError(message, span=target.name_span, hint=hint)


def no_collection(method: str, found: object, node: ast.Expression) -> QueryError:
    """A method of collections, asked of something else."""
    hint = None
    if isinstance(found, tuple) and isinstance(node, ast.Member):
        place = found[0]
        if isinstance(place, Step) and place.many:
            hint = f"Ask it of the collection: `{printer.write(node.target)}`."
    written = printer.write(node)
    message = f"`{method}` is asked of a collection, and `{written}` is none."
    return QueryError(message, span=node.span, hint=hint)


def no_function(target: ast.Expression) -> QueryError:
    """A call of something that cannot be called."""
    written = printer.write(target)
    near = hints.nearest(target.name, FUNCTIONS) if isinstance(target, ast.Name) else []
    hint = hints.did_you_mean(near) or f"The functions are {listed(FUNCTIONS)}."
    return QueryError(f"`{written}` is no function.", span=target.span, hint=hint)
