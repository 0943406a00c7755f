"""Errors of names: what is said where a name means nothing, and what may have been meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import QueryError, Span
from memq.eval import suggestions
from memq.eval.chain_methods import SERIES_METHODS
from memq.eval.checks import article
from memq.eval.collection_checks import elements
from memq.eval.functions import FUNCTIONS
from memq.eval.methods import METHODS
from memq.eval.places import RawShape, RecordShape, Step
from memq.eval.scope import Frame, Names, Partial, field_of, subobject_of
from memq.eval.series import Series, SourceSeries, StageSeries
from memq.eval.suggestions import handful, listed, place_of, quoted, stem
from memq.eval.terms import Term
from memq.lang import ast, hints
from memq.lang.place import capital

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.eval.places import Shape
    from memq.eval.scope import Found
    from memq.schema.batch import ObjectType
    from memq.schema.kinds import ValueType

_MOST_USED = ("Where", "Select", "SelectMany", "OrderBy", "GroupBy", "Take", "Count", "Any")


# Bare names


def unknown_name(node: ast.Name, frame: Frame | None, names: Names) -> QueryError:
    """A bare name that nothing around it has."""
    if frame is None or all(one.place is None for one in frame.chain()):
        return _unknown_source(node, names)
    frames = list(frame.chain())
    shape = frame.place.shape if frame.place is not None else None
    hint = suggestions.word(node.name, frame.name) or _reachable(node.name, frames, names)
    if hint is None and isinstance(shape, RecordShape):
        return _unknown_column(node, shape)
    message = f"Nothing is called `{node.name}` here."
    return QueryError(message, span=node.span, hint=hint or _of_element(frame, names))


def _reachable(name: str, frames: list[Frame], names: Names) -> str | None:
    """Say by what path, or by what name, something that may have been meant is reached."""
    path = next(_longer_paths(name, frames, names), None)
    if path is not None:
        return f"Did you mean `{path}`?"
    first = frames[0]
    if first.place is not None and isinstance(first.place.shape, RecordShape):
        return None
    candidates = [*names.lets, *names.system.objects, *FUNCTIONS]
    for one in frames:
        candidates += [one.name, *one.values]
    if first.type is not None and first.place is not None and first.has_bare_names:
        candidates += [*names.members(first.type), *names.extras.get(first.place, {})]
    return hints.did_you_mean(hints.nearest(name, filter(None, candidates)))


def _of_element(frame: Frame, names: Names) -> str | None:
    """Name some of what the current element has, or the parameters by which it is spoken of."""
    if frame.place is not None and isinstance(frame.place.shape, RawShape):
        return "Members of structures are named behind a parameter: `x => x.pid`."
    if not frame.has_bare_names:
        parameters = [one.parameter for one in frame.chain() if one.parameter]
        return f"Fields are named behind {listed(reversed(parameters[:2]))} and a dot."
    if frame.type is None:
        return None
    return handful(f"The fields of `{frame.name}`", names.likely(frame.type))


def _unknown_source(node: ast.Name, names: Names) -> QueryError:
    """A query that begins with a name that is no object type's, and no `let`'s."""
    sources = [*names.given(), *names.system.objects]
    known = suggestions.source(node.name, names.system) or suggestions.word(node.name, "")
    near = known or hints.did_you_mean(hints.nearest(node.name, sources))
    owner = next(_owners(node.name, names), None)
    if near is None and owner is not None:
        near = f"`{owner}` has a field of that name: `{owner}.{node.name}`."
    hint = near or handful("The sources", sources)
    return QueryError(f"No source is called `{node.name}`.", span=node.span, hint=hint)


def _owners(name: str, names: Names) -> Iterator[str]:
    """Yield the types that have a field of that name."""
    for type_ in names.system.objects.values():
        if field_of(type_, name) is not None:
            yield type_.type_name


def _longer_paths(name: str, frames: Iterable[Frame], names: Names) -> Iterator[str]:
    """Yield paths by which something of that name can be reached: from elements, from owners."""
    types = [(one.name, one.type) for one in frames if one.type is not None]
    for spoken, type_ in types:
        if field_of(type_, name):
            yield f"{spoken}.{name}"
    for spoken, type_ in types:
        owner = names.system.objects.get(type_.owner_type)
        if owner and (field_of(owner, name) or subobject_of(owner, name)):
            yield f"{spoken}.{owner.type_name}.{name}"


def _unknown_column(node: ast.Name, shape: RecordShape) -> QueryError:
    if shape.bare:
        what = "lists" if shape.fields and shape.fields[0].type is None else "plain values"
        message = f"Nothing is called `{node.name}` here: the elements are {what}."
        return QueryError(message, span=node.span, hint="Give it a name: `x => x == ...`.")
    columns = [".".join(field.path) for field in shape.fields]
    near = hints.did_you_mean(hints.nearest(node.name, columns))
    hint = near or handful("Its columns", columns)
    return QueryError(f"The record has no `{node.name}`.", span=node.span, hint=hint)


# Where a value must stand


def no_value(found: Found, node: ast.Expression) -> QueryError:
    """A whole object, a record or a whole collection where a value must stand."""
    if isinstance(found, Series):
        return _no_value_of_many(found, node)
    if isinstance(found, Partial):
        return _no_value_of_record(found, node)
    type_ = getattr(found, "type", None)
    field = _field_behind(type_, node)
    if isinstance(found, Step) and found.many:
        return QueryError(
            f"{quoted(node)} is a collection, and a value is expected.",
            span=place_of(node),
            hint=f"Name one of its fields, {field}, or ask `{stem(node)}.Any()`.",
        )
    return QueryError(
        f"{quoted(node)} is a whole {'object' if type_ else 'structure'}, and a value is expected.",
        span=place_of(node),
        hint=f"Name one of its {'fields' if type_ else 'members'}, {field}.",
    )


def _field_behind(type_: type[ObjectType] | None, node: ast.Expression) -> str:
    shown = next((f for f in type_.fields.values() if f.shown), None) if type_ else None
    return f"such as `{stem(node)}.{shown.name}`" if shown else "with a dot"


def _no_value_of_record(found: Partial, node: ast.Expression) -> QueryError:
    shape = found.place.shape
    names = [
        one.path[len(found.prefix)]
        for one in (shape.fields if isinstance(shape, RecordShape) else ())
        if one.path[: len(found.prefix)] == found.prefix and len(one.path) > len(found.prefix)
    ]
    return QueryError(
        f"{quoted(node)} is a record, and a value is expected.",
        span=place_of(node),
        hint=f"Name one of its columns, such as `{stem(node)}.{names[0]}`." if names else None,
    )


def _no_value_of_many(series: Series, node: ast.Expression) -> QueryError:
    """All objects there are, or a list, where a value must stand."""
    at_all = ""
    if isinstance(series, SourceSeries):
        at_all = f" is every `{series.type.type_name}` there is"
    elif isinstance(node, ast.Member) and isinstance(_source_of(series), SourceSeries):
        at_all = f" is of every {quoted(node.target)} there is"
    return QueryError(
        f"{quoted(node)}{at_all or ' is a collection'}, and a value is expected.",
        span=place_of(node),
        hint=_asked_of_all(node),
    )


def _source_of(series: Series) -> Series:
    return series.inner if isinstance(series, StageSeries) else series


def _asked_of_all(node: ast.Expression) -> str:
    """Say how one value is made of many: of `process.pid`, that of any process."""
    if isinstance(node, ast.Member):
        whole = stem(node.target, "...")
        return f"Ask whether any is meant, `{whole}.Any(x => x.{node.name} == ...)`, or `Count()`."
    return f"Ask something of all, such as `{stem(node, '...')}.Any(x => ...)` or `Count()`."


def not_called(node: ast.Expression) -> QueryError:
    """A function's name where a value must stand."""
    written = stem(node)
    return QueryError(
        f"{quoted(node)} is a function, and a value is expected.",
        span=node.span,
        hint=f"Call it, `{written}(...)`; in `Where({written})` the name is enough.",
    )


def no_member(type_: ValueType, node: ast.Member) -> QueryError:
    """A name behind the dot of a value."""
    names = [*suggestions.value_methods(type_), *(one.name for one in SERIES_METHODS.values())]
    same = [name for name in names if name.lower() == node.name.lower()]
    hint = f"It is a method: `{same[0]}()`." if same else suggestions.value_method(type_, node.name)
    message = f"{capital(article(type_))} has no `{node.name}`."
    return QueryError(message, span=node.name_span, hint=hint)


# Methods


def no_method_here(found: Found, series: Series | None, target: ast.Member) -> QueryError:
    """A method that what stands before the dot does not have."""
    if isinstance(found, Term) and (series is None or suggestions.value_methods(found.type)):
        return _no_value_method(found, series, target)
    if series is None:
        return _no_method_of_one(found, target)
    hint = _field_instead(series, target) or _of_values(series, target)
    hint = hint or suggestions.collection_method(target.name)
    return QueryError(
        f"A collection has no method `{target.name}`.",
        span=target.name_span,
        hint=hint or _elementwise(target) or f"Most used are {listed(_MOST_USED)}.",
    )


def _field_instead(series: Series, target: ast.Member) -> str | None:
    """Say that a field is written without brackets."""
    shape = series.shape
    if isinstance(shape, type) and (
        field_of(shape, target.name) is not None or subobject_of(shape, target.name) is not None
    ):
        return f"It is a field, without brackets: `{stem(target.target, '')}.{target.name}`."
    return None


def _of_values(series: Series, target: ast.Member) -> str | None:
    """Say which method of the elements may be meant, where they are plain values."""
    shape = series.shape
    type_ = shape.fields[0].type if isinstance(shape, RecordShape) and shape.bare else None
    return suggestions.value_method(type_, target.name) if type_ is not None else None


def _elementwise(target: ast.Member) -> str | None:
    """Say that a method of texts is asked of each element's text."""
    method = next((m for m in METHODS.values() if m.name.lower() == target.name.lower()), None)
    return f"A text has it: `.Select(x => x.name.{method.signature})`." if method else None


def _no_value_method(found: Term, series: Series | None, target: ast.Member) -> QueryError:
    type_ = found.type
    names = suggestions.value_methods(type_)
    hint = suggestions.value_method(type_, target.name)
    is_ours = target.name.lower() in SERIES_METHODS
    if is_ours and not names:
        hint = "A collection has it, and this is one value."
    elif hint is None and series is not None:
        hint = suggestions.collection_method(target.name)
    if hint is None:
        hint = handful("Its methods", names) or "Only text, flags and collections have methods."
    message = f"{capital(article(type_))} has no method `{target.name}`."
    return QueryError(message, span=target.name_span, hint=hint)


def _no_method_of_one(found: Found, target: ast.Member) -> QueryError:
    """A method of collections, asked of one object."""
    type_ = getattr(found, "type", None)
    if target.name.lower() not in SERIES_METHODS:
        is_field = type_ is not None and field_of(type_, target.name) is not None
        path = f"{stem(target.target)}.{target.name}"
        hint = f"It is a field, without brackets: `{path}`." if is_field else None
        return QueryError(
            f"{quoted(target.target)} has no method `{target.name}`.",
            span=target.name_span,
            hint=hint or _many_of(type_, target),
        )
    hint = _many_of(type_, target)
    if type_ is not None and isinstance(target.target, ast.Name):
        name = type_.type_name
        if target.target.name == name:
            hint = (
                f"In a lambda, all are meant: in `{name}.Where(x => {name}...)`, "
                f"`{name}` is every `{name}`."
            )
    written = quoted(target.target)
    message = f"`{target.name}` is asked of a collection, and {written} is one object."
    return QueryError(message, span=target.name_span, hint=hint)


def _many_of(type_: type[ObjectType] | None, target: ast.Member) -> str | None:
    """Name the collections that one object has."""
    if type_ is None:
        return None
    parts = type_.subobjects.values()
    many = [one.name.removesuffix("_object") for one in parts if one.many and not one.declared_only]
    return handful(f"The collections of {quoted(target.target)}", many)


def no_collection(method: str, found: Found, node: ast.Expression) -> QueryError:
    """A method of collections, given something else."""
    what = "value" if isinstance(found, Term) else "object"
    return QueryError(
        f"`{method}` takes a collection, and {quoted(node)} is one {what}.",
        span=place_of(node),
        hint="For one value of each element there is `Select`." if method == "SelectMany" else None,
    )


def no_single_list(shape: Shape, count: int, span: Span) -> QueryError:
    """Flatten of elements that are, or have, no list, or more than one."""
    if count:
        return QueryError(
            f"The records have {count} lists, and there are no pairs of their elements.",
            span=span,
            hint="Select one of them before `Flatten`.",
        )
    return QueryError(
        f"There is no list to flatten: the elements are {elements(shape)}.",
        span=span,
        hint="`SelectMany` makes elements of a collection that each element has.",
    )


def no_index(found: Found, node: ast.Index) -> QueryError:
    """An index of something that is no list."""
    hint = None
    if isinstance(node.index, ast.Text) and not isinstance(found, Term):
        hint = f"A field is named behind a dot: `{stem(node.target)}.{node.index.value}`."
    elif isinstance(found, Term) and suggestions.value_methods(found.type):
        hint = "A part of a text is `Substring(start, length)`."
    span = Span(node.index.span.start, node.index.span.end)
    return QueryError(f"{quoted(node.target)} is no list, and has no index.", span=span, hint=hint)


def lambda_expected(node: ast.Expression, count: int) -> QueryError:
    """A lambda of another number of parameters, or none."""
    span, given = node.span, "this is none"
    if isinstance(node, ast.Lambda):
        # The parameters alone: what stands before ` => ` and the body.
        span = Span(span.start, max(span.start + 1, node.body.span.start - len(" => ")))
        given = f"this has {_NUMBERS.get(len(node.parameters), len(node.parameters))}"
    parameters = f"{_NUMBERS.get(count, count)} parameter{'s' * (count != 1)}"
    written = {1: "x => ...", 2: "(a, b) => ..."}.get(count, "(a, ...) => ...")
    return QueryError(
        f"A lambda of {parameters} is expected, and {given}.",
        span=span,
        hint=f"It is written `{written}`.",
    )


_NUMBERS = {0: "none", 1: "one", 2: "two", 3: "three"}


def out_of_place(node: ast.Expression) -> QueryError:
    """A part of the language where it means nothing."""
    what, hint = _OUT_OF_PLACE.get(type(node), ("This", None))
    return QueryError(f"{what} has no place here.", span=place_of(node), hint=hint)


_OUT_OF_PLACE: dict[type, tuple[str, str | None]] = {
    ast.Lambda: (
        "A lambda",
        "It stands in a method's brackets, or behind `let name =`.",
    ),
    ast.Record: ("A record", "`Select` and `Let` take one: `Select({name: value})`."),
    ast.Range: ("A range", "It stands behind `in`: `pid in 1..1023`."),
    ast.Regex: ("A regular expression", "`Matches` takes one: `name.Matches(/.../)`."),
}


def too_large(node: ast.Expression) -> QueryError:
    """A number that no value can be."""
    return QueryError(
        "The number does not fit 64 bits.",
        span=node.span,
        hint="The largest is 18446744073709551615, the least -9223372036854775808.",
    )


def too_deep(span: Span) -> QueryError:
    """Methods in each other's arguments, more of them than the stack of those who walk it holds."""
    return QueryError(
        "This is nested too deep.",
        span=span,
        hint="It can be said in steps, one method behind another instead of within it.",
    )


def no_function(target: ast.Expression, frame: Frame | None, names: Names) -> QueryError:
    """A call of something that cannot be called."""
    hint = None
    if isinstance(target, ast.Lambda):
        hint = "Give it a name, `let name = ...`, and call that."
    elif isinstance(target, ast.Name):
        is_something = names.bare(frame, target.name, target.span) is not None
        hint = f"It is written without brackets: `{target.name}`." if is_something else None
        hint = hint or suggestions.function(target.name)
        near = hints.nearest(target.name, [*names.lets, *FUNCTIONS])
        hint = hint or hints.did_you_mean(near)
    hint = hint or handful("The functions", list(FUNCTIONS))
    return QueryError(f"{quoted(target)} is no function.", span=place_of(target), hint=hint)
