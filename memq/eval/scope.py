"""Names: what a bare name and a member mean at a place in a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from memq.errors import QueryError, Span
from memq.eval.terms import Place, Root, Step, step
from memq.lang import hints
from memq.schema.batch import ObjectType
from memq.schema.declare import Cost, Field, SubObject, System

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from memq.output.records import RecordField


@dataclass(frozen=True, slots=True)
class RecordShape:
    """What a Select gives: records of these fields; `bare`: plain values, the first field's.

    `of` is the name of the element that was selected from, which may stand before a field's name.
    """

    fields: tuple[RecordField, ...]
    bare: bool = False
    of: str = ""


Shape = type[ObjectType] | RecordShape
P = TypeVar("P", Field, SubObject)


@dataclass(frozen=True, slots=True)
class Frame:
    """An element that names may speak of: of a method's arguments, or a lambda's parameter."""

    root: Root
    shape: Shape
    parameter: str | None = None
    outer: Frame | None = None

    def chain(self) -> Iterator[Frame]:
        """This frame and those around it, outward."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.outer


@dataclass(slots=True)
class Variables:
    """Gives each variable of a query its own number."""

    count: int = field(default=0)

    def new(self, shape: Shape) -> Root:
        """Return a variable that no other is equal to."""
        self.count += 1
        return Root(self.count, None if isinstance(shape, RecordShape) else shape)


Found = Place | tuple[Place, Field]


class Names:
    """Looks names up in a system's declarations."""

    def __init__(self, system: System) -> None:
        self.system = system

    def member(self, place: Place, name: str, span: Span) -> Found:
        """Return what `place.name` is: the place of a sub-object, or a field of the place."""
        type_ = place.type
        if type_ is None:
            raise QueryError(
                "A record has only the columns that were selected.",
                span=span,
                hint="Select this, too, or ask it before the `Select`.",
            )
        if name in (type_.principal, type_.principal.removesuffix("_object")):
            return place
        found = field_of(type_, name)
        if found is not None:
            return place, self.settled(type_, found, span)
        part = subobject_of(type_, name)
        if part is not None:
            return step(place, part, self.system.objects[part.item])
        if type_.owner_type == name:
            return Step(place, name, False, self.system.objects[name], Cost.MEMBER)
        raise self.unknown_member(type_, name, span)

    def settled(self, type_: type[ObjectType], found: Field, span: Span) -> Field:
        """Refuse a field that the open system does not have."""
        if found.declared_only:
            raise QueryError(
                f"`{found.name}` of {type_.type_name} does not exist on {self.system.title}.",
                span=span,
            )
        return found

    def unknown_member(self, type_: type[ObjectType], name: str, span: Span) -> QueryError:
        """Return the error for a name that a type does not have."""
        hint = hints.did_you_mean(hints.nearest(name, self.members(type_)))
        return QueryError(f"`{type_.type_name}` has no `{name}`.", span=span, hint=hint)

    def members(self, type_: type[ObjectType]) -> list[str]:
        """Return every name that may follow an object of this type and a dot."""
        names = [type_.principal] if type_.principal else []
        for part in (*type_.fields.values(), *type_.subobjects.values()):
            if not part.declared_only:
                names += [part.name, *part.aliases]
        return names + ([type_.owner_type] if type_.owner_type else [])

    def bare(self, frame: Frame | None, name: str, span: Span) -> Found | None:
        """Return what a bare name means in a frame; None if only a top-level object can be meant.

        The order is the language's: parameters, innermost first; the current element's type name;
        its fields and sub-objects; the names and sub-objects of the elements around it, outward. An
        owner's name comes last, so that within `process.vad.Any(v => ...)` the process is the one
        whose collections the condition speaks of, not what is reached anew from v.
        """
        frames = list(frame.chain()) if frame else []
        for one in frames:
            if one.parameter == name:
                return one.root
        for depth, one in enumerate(frames):
            type_ = one.root.type
            if type_ is None:
                continue
            if one.parameter is None and name == type_.type_name:
                return one.root
            if depth == 0 and (found := field_of(type_, name)) is not None:
                return one.root, self.settled(type_, found, span)
            if name == type_.principal or subobject_of(type_, name) is not None:
                return self.member(one.root, name, span)
        return self._owner(frames, name, span)

    def _owner(self, frames: Sequence[Frame], name: str, span: Span) -> Found | None:
        """Return the innermost element's owner of that name, unless it is an element around."""
        types = [one.root.type for one in frames]
        if any(type_ is not None and type_.type_name == name for type_ in types):
            return None
        for one, type_ in zip(frames, types, strict=True):
            if type_ is not None and type_.owner_type == name:
                return self.member(one.root, name, span)
        return None


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
