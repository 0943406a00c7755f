"""What may follow a dot: fields and sub-objects, columns, structures' members, methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import Span
from memq.eval import functions
from memq.eval.callables import callables
from memq.eval.chain_methods import SERIES_METHODS
from memq.eval.places import RawShape, RecordShape
from memq.eval.raw_types import structure_of, written
from memq.eval.scope import Function, Partial
from memq.eval.series import Series
from memq.eval.terms import Term
from memq.lang import ast
from memq.schema.kinds import Kind
from memq.ui.matching import Entry, Group
from memq.ui.phrases import of_found, of_part, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.places import Place
    from memq.eval.scene import Probe
    from memq.eval.scope import Found
    from memq.schema.batch import ObjectType
    from memq.schema.declare import Field, SubObject
    from memq.symbols.types import Member, Type

_NOWHERE = Span(0, 0)
_NODE = ast.Null()


def members(probe: Probe, target: Found) -> Iterator[Group]:
    """Yield what may follow something and a dot, what is most likely meant first."""
    series = probe.attempt(probe.series, target, _NODE)
    if isinstance(target, Series):
        yield from _of_series(probe, target)
        return
    yield from _of_one(probe, target)
    if series is not None:
        yield of_series()


def _of_series(probe: Probe, series: Series) -> Iterator[Group]:
    """Yield the methods, and what each element has; of lists, what each of their elements has."""
    element = probe.attempt(_element, probe, series)
    if isinstance(element, Series):
        element = probe.attempt(_element, probe, element)
    if element is not None and functions.is_raw(element):
        # Of the kernel's own, what one looks for is a member.
        yield from _of_one(probe, element)
    yield of_series()
    if element is not None and not functions.is_raw(element):
        yield from _of_one(probe, element)


def _element(probe: Probe, series: Series) -> Found:
    return probe.names.whole(probe.element(series), _NOWHERE)


def _of_one(probe: Probe, found: Found) -> Iterator[Group]:
    match found:
        case Term():
            yield of_values(found.type.kind)
        case Partial():
            yield columns(probe, found)
        case Series() | Function():
            return
        case _ if isinstance(found.shape, RawShape):
            yield of_structure(found.shape.type)
            raw = functions.raw_value(found, _NOWHERE)
            if raw is not None:
                yield of_values(raw.type.kind)
        case _ if isinstance(found.shape, RecordShape):
            yield columns(probe, Partial(found))
        case _:
            yield of_object(probe, found)


# Methods


def of_series() -> Group:
    """Return the methods of series."""

    def make(name: str) -> Entry:
        method = SERIES_METHODS[name.lower()]
        text = _call(method.name, is_empty=not method.counts[1])
        return Entry(text, f"{method.name}({method.arguments})", sentence(method.doc), "method")

    return Group([method.name for method in SERIES_METHODS.values()], make)


def of_values(kind: Kind) -> Group:
    """Return the methods of values of a kind."""
    methods = {one.name: one for one in callables().value_methods if kind in one.receivers}

    def make(name: str) -> Entry:
        method = methods[name]
        text = _call(name, is_empty=method.most == 0)
        return Entry(text, method.signature, sentence(method.doc), "method")

    return Group(list(methods), make)


def _call(name: str, *, is_empty: bool) -> str:
    return f"{name}()" if is_empty else f"{name}("


# Objects


def of_object(probe: Probe, place: Place) -> Group:
    """Return what an object has: fields, default columns first, sub-objects, its structure."""
    type_ = place.type
    if type_ is None:
        return Group([], lambda _name: None)
    parts = parts_of(type_)
    extras = list(probe.names.extras.get(place, {}))
    names = [*extras, *parts]
    if "raw" not in parts and has_structure(probe, place):
        names.append("raw")
    names += [name for name in (type_.owner_type, *own_names(type_)) if name and name not in parts]

    def make(name: str) -> Entry | None:
        if name in parts and name not in extras:
            return of_part(name, parts[name])
        node = ast.Member(_NODE, name)
        found = probe.attempt(probe.member, place, node)
        return None if found is None else of_found(name, found, probe.system)

    return Group(names, make)


def parts_of(type_: type[ObjectType]) -> dict[str, Field | SubObject]:
    """Return the fields and sub-objects of a type by every name that they have.

    Those come first that are shown; the long names of sub-objects come last.
    """
    fields = [one for one in type_.fields.values() if not one.declared_only]
    fields.sort(key=lambda one: not one.shown)
    parts = [one for one in type_.subobjects.values() if not one.declared_only]
    found: dict[str, Field | SubObject] = {}
    both: list[Field | SubObject] = [*fields, *parts]
    for one in both:
        found |= dict.fromkeys((one.name, *one.aliases), one)
    return dict(sorted(found.items(), key=lambda one: one[0].endswith("_object")))


def own_names(type_: type[ObjectType]) -> tuple[str, ...]:
    """Return what an object of a type may be called as a member of itself."""
    return tuple(dict.fromkeys((type_.principal.removesuffix("_object"), type_.principal)))


def has_structure(probe: Probe, place: Place) -> bool:
    """Whether the kernel's own structure of an object is known."""
    return probe.attempt(functions.raw_of, probe, place, _NOWHERE) is not None


# Records


def columns(probe: Probe, record: Partial) -> Group:
    """Return the names of a record's columns behind those keys that are named already."""
    shape = record.place.shape
    depth = len(record.prefix)
    fields = shape.fields if isinstance(shape, RecordShape) else ()
    names = [
        one.path[depth]
        for one in fields
        if len(one.path) > depth and one.path[:depth] == record.prefix
    ]

    def make(name: str) -> Entry | None:
        found = probe.attempt(probe.names.column, record, name, _NOWHERE)
        return None if found is None else of_found(name, found, probe.system)

    return Group([name for name in dict.fromkeys(names) if name.isidentifier()], make)


# Structures


def of_structure(type_: Type) -> Group:
    """Return the members of a structure, or of the one that a pointer leads to, as C has them."""
    structure = structure_of(type_)
    struct = None if structure is None else structure.layout()
    members_: dict[str, Member] = {} if struct is None else dict(struct.members)

    def make(name: str) -> Entry:
        return Entry(name, name, written(members_[name].type), "member")

    return Group(list(members_), make)
