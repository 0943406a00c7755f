"""Names: what a bare name and a member mean at a place in a query."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from memq.errors import QueryError, Span
from memq.eval.chain_methods import SERIES_METHODS
from memq.eval.places import (
    ColumnPlace,
    Place,
    RawShape,
    RecordShape,
    Root,
    Shape,
    Step,
    step,
)
from memq.eval.series import ColumnSeries, Series, SharedSeries, SourceSeries, Through
from memq.eval.suggestions import handful
from memq.eval.terms import ColumnTerm, Constant, ExtraTerm, FieldTerm, Term
from memq.lang import ast, hints
from memq.node import dataclass
from memq.schema.declare import Cost, Field, SubObject, System

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from memq.output.records import RecordField
    from memq.schema.batch import ObjectType
    from memq.schema.kinds import ValueType

P = TypeVar("P", Field, SubObject)
F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Partial:
    """A record, or the part of one whose columns begin with these keys."""

    place: Place
    prefix: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A lambda that a `let` gave a name."""

    node: ast.Lambda
    lets: Mapping[str, Found]
    """What names meant where it was written."""
    text: str = ""


Found: TypeAlias = "Place | Term | Series | Partial | Function"


@dataclass(frozen=True, slots=True)
class Frame:
    """An element that names may speak of: of a method's arguments, or a lambda's parameter."""

    place: Place | None
    parameter: str | None = None
    outer: Frame | None = None
    has_bare_names: bool = True
    """Whether the element's fields need no prefix: not in lambdas of two parameters."""
    values: Mapping[str, Found] = field(default_factory=dict)
    """What the parameters of a function of one's own stand for."""

    def chain(self) -> Iterator[Frame]:
        """This frame and those around it, outward."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.outer

    @property
    def type(self) -> type[ObjectType] | None:
        """The type of the element, if it is an object."""
        return None if self.place is None else self.place.type

    @property
    def name(self) -> str:
        """What the element is called: the parameter, or its type's name."""
        if self.parameter is not None or self.place is None:
            return self.parameter or ""
        return name_of(self.place.shape)


def name_of(shape: Shape) -> str:
    """Return what an element of a shape is called: its type, or that of what was selected from."""
    if isinstance(shape, RecordShape):
        return shape.of
    return "" if isinstance(shape, RawShape) else shape.type_name


@dataclass(slots=True)
class Variables:
    """Gives each variable of a query its own number."""

    count: int = field(default=0)

    def number(self) -> int:
        """Return a number that no other variable has."""
        self.count += 1
        return self.count

    def new(self, shape: Shape) -> Root:
        """Return a variable that no other is equal to."""
        return Root(self.number(), shape)


class Names:
    """Looks names up in a system's declarations, and in what a script has named."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.lets: dict[str, Found] = {}
        self.extras: dict[Place, dict[str, ValueType]] = {}
        """What `Let` added to elements, by the variable that stands for them."""
        self.item_extras: dict[tuple[Place, int], dict[str, ValueType]] = {}
        """The same of the objects in a list of each record: by the record, and the column."""

    # Members

    def member(self, place: Place, name: str, span: Span) -> Found:
        """Return what `place.name` is: a sub-object, or a field of the object there."""
        type_ = place.type
        if type_ is None:
            return self.column(Partial(place), name, span)
        if name in (type_.principal, type_.principal.removesuffix("_object")):
            return place
        if name in self.extras.get(place, {}):
            return ExtraTerm(span, self.extras[place][name], place, name)
        found = field_of(type_, name)
        if found is not None:
            return self.field_term(place, self.settled(type_, found, span), span)
        part = subobject_of(type_, name)
        if part is not None:
            return step(place, part, self.system.objects[part.item])
        if type_.owner_type == name:
            return Step(place, name, False, self.system.objects[name], Cost.MEMBER)
        raise self.unknown_member(type_, name, span)

    def field_term(self, place: Place, found: Field, span: Span) -> FieldTerm:
        """Return the term of a field, typed as this system compares it."""
        type_ = found.value_type
        if type_.ignores_case and not self.system.ignores_case:
            type_ = exact(type_)
        return FieldTerm(span, type_, place, found)

    def settled(self, type_: type[ObjectType], found: Field, span: Span) -> Field:
        """Refuse a field that the open system does not have."""
        if found.declared_only:
            others = [name for name in self.members(type_) if name not in type_.subobjects]
            near = hints.did_you_mean(hints.nearest(found.name, others))
            raise QueryError(
                f"`{type_.type_name}` has no `{found.name}` on {self.system.title}, "
                "only on another system.",
                span=span,
                hint=near or handful(f"The fields of `{type_.type_name}`", self.likely(type_)),
            )
        return found

    def unknown_member(self, type_: type[ObjectType], name: str, span: Span) -> QueryError:
        """Return the error for a name that a type does not have."""
        hint = hints.did_you_mean(hints.nearest(name, self.members(type_)))
        method = SERIES_METHODS.get(name.lower())
        if method is not None:
            hint = f"It is a method of collections: `{method.name}({method.arguments})`."
        hint = hint or handful(f"The fields of `{type_.type_name}`", self.likely(type_))
        return QueryError(f"`{type_.type_name}` has no `{name}`.", span=span, hint=hint)

    def likely(self, type_: type[ObjectType]) -> list[str]:
        """Return the fields and sub-objects of a type, those first that are shown."""
        fields = [one for one in type_.fields.values() if not one.declared_only]
        parts = [one for one in type_.subobjects.values() if not one.declared_only]
        names = [one.name for one in sorted(fields, key=lambda one: not one.shown)]
        return names + [part.name.removesuffix("_object") for part in parts]

    def members(self, type_: type[ObjectType]) -> list[str]:
        """Return every name that may follow an object of this type and a dot."""
        names = [type_.principal] if type_.principal else []
        for part in (*type_.fields.values(), *type_.subobjects.values()):
            if not part.declared_only:
                names += [part.name, *part.aliases]
        return names + ([type_.owner_type] if type_.owner_type else [])

    # Records

    def column(self, record: Partial, name: str, span: Span) -> Found:
        """Return what stands in a record under a name, behind the keys that were named before."""
        shape = record.place.shape
        fields = shape.fields if isinstance(shape, RecordShape) else ()
        path = (*record.prefix, name)
        for number, one in enumerate(fields):
            if one.path == path:
                return column_at(record.place, number, one, span)
        if any(one.path[: len(path)] == path for one in fields):
            return Partial(record.place, path)
        raise self._no_column(fields, path, span)

    def _no_column(
        self, fields: Sequence[RecordField], path: tuple[str, ...], span: Span
    ) -> QueryError:
        columns = [".".join(one.path) for one in fields]
        near = hints.did_you_mean(hints.nearest(".".join(path), columns))
        message = f"The record has no `{'.'.join(path)}`."
        return QueryError(message, span=span, hint=near or handful("Its columns", columns))

    def whole(self, place: Place, span: Span) -> Found:
        """Return what an element is by itself: an object, a record, or the value that it is."""
        shape = place.shape
        if not isinstance(shape, RecordShape):
            return place
        if shape.bare and shape.fields:
            return column_at(place, 0, shape.fields[0], span)
        return Partial(place)

    # Bare names

    def bare(self, frame: Frame | None, name: str, span: Span) -> Found | None:
        """Return what a bare name means in a frame; None if nothing is called so.

        The order is the language's: parameters and what a script named, innermost first; the
        current element's type name; its fields and sub-objects; the names and sub-objects of the
        elements around it, outward; the top-level objects. An owner's name comes after those of
        the elements, so that within `process.vad.Any(v => ...)` the process is the one whose
        collections the condition speaks of, not what is reached anew from v.
        """
        given = self.named(frame, name, span)
        if given is not None:
            return given
        frames = list(frame.chain()) if frame else []
        for depth, one in enumerate(frames):
            member = self._of_element(one, name, span, is_current=depth == 0)
            if member is not None:
                return member
        owner = self._owner(frames, name, span)
        if owner is None:
            self._refuse_what_was_left(frames, name, span)
        return owner if owner is not None else self.source(name, span)

    def named(self, frame: Frame | None, name: str, span: Span) -> Found | None:
        """Return what a parameter, innermost first, or a `let` of that name stands for."""
        for one in frame.chain() if frame else ():
            if name in one.values:
                return one.values[name]
            if one.parameter == name and one.place is not None:
                return self.whole(one.place, span)
        found = self.lets.get(name)
        if isinstance(found, Constant):
            # What is wrong with a literal is told where it is used: it may be from elsewhere.
            return replace(found, span=span)
        return _shared(found, span)

    def given(self) -> list[str]:
        """Return what a user has named; the interpreter's results are many, and seldom meant."""
        return [name for name in self.lets if not name.startswith("_")]

    def captured(self, lets: Mapping[str, Found]) -> dict[str, Found]:
        """Return what names stood for at some time, as a frame's values."""
        return {name: _shared(found, Span(0, 0)) for name, found in lets.items()}

    def _refuse_what_was_left(self, frames: Sequence[Frame], name: str, span: Span) -> None:
        """Refuse a collection of the element that a record was selected from.

        It is gone, and all of the dump under the same name is something else; whoever means that
        gives the record a name of its own, with a lambda.
        """
        for one in frames:
            shape = None if one.place is None or one.parameter is not None else one.place.shape
            if not isinstance(shape, RecordShape):
                continue
            type_ = self.system.objects.get(shape.of)
            if type_ is not None and subobject_of(type_, name) is not None:
                raise self._no_column(shape.fields, (name,), span)

    def _of_element(self, frame: Frame, name: str, span: Span, *, is_current: bool) -> Found | None:
        place, type_ = frame.place, frame.type
        if place is None:
            return None
        if frame.parameter is None and name and name == name_of(place.shape):
            return self.whole(place, span)
        if not frame.has_bare_names:
            return None
        if type_ is None:
            return self._of_record(place, name, span) if is_current else None
        if is_current and name in self.extras.get(place, {}):
            return self.member(place, name, span)
        if is_current and field_of(type_, name) is not None:
            return self.member(place, name, span)
        if name == type_.principal or subobject_of(type_, name) is not None:
            return self.member(place, name, span)
        return None

    def _of_record(self, place: Place, name: str, span: Span) -> Found | None:
        shape = place.shape
        if isinstance(shape, RecordShape) and any(one.path[:1] == (name,) for one in shape.fields):
            return self.column(Partial(place), name, span)
        return None

    def _owner(self, frames: Sequence[Frame], name: str, span: Span) -> Found | None:
        """Return the innermost element's owner of that name, unless it is an element around."""
        types = [one.type for one in frames]
        if any(type_ is not None and type_.type_name == name for type_ in types):
            return None
        for one, type_ in zip(frames, types, strict=True):
            if type_ is not None and type_.owner_type == name and one.place is not None:
                return self.member(one.place, name, span)
        return None

    def source(self, name: str, span: Span) -> SourceSeries | None:
        """Return all objects of the type of that name."""
        type_ = self.system.objects.get(name)
        if type_ is None:
            return None
        through = None
        if type_.owner_type:
            owner = self.system.objects[type_.owner_type]
            part = next(p for p in owner.subobjects.values() if p.many and p.item == name)
            through = Through(owner, part.name, part.cost)
        return SourceSeries(span, type_, type_, through)


def _shared(found: F, span: Span) -> F | SharedSeries:
    """Return what has a name as it is used: a series is made once for all its uses."""
    return SharedSeries(span, found.shape, found) if isinstance(found, Series) else found


def exact(type_: ValueType) -> ValueType:
    """Return a type whose texts compare exactly."""
    return replace(type_, ignores_case=False)


def column_at(place: Place, number: int, found: RecordField, span: Span) -> Found:
    """Return what stands in a column: a value, an object or a list."""
    if found.type is not None:
        return ColumnTerm(span, found.type, place, number)
    if found.many:
        return ColumnSeries(span, found.item, place, number)
    return ColumnPlace(place, number, found.item)


def field_of(type_: type[ObjectType], name: str) -> Field | None:
    """Return the field of that name or alias."""
    return _called(type_.fields, name)


def subobject_of(type_: type[ObjectType], name: str) -> SubObject | None:
    """Return the sub-object of that name or alias."""
    return _called(type_.subobjects, name)


def _called(parts: Mapping[str, P], name: str) -> P | None:
    found = parts.get(name)
    if found is None:
        found = next((part for part in parts.values() if name in part.aliases), None)
    return found
