"""Places: ways to an element, once every name of a query is found.

A Place is a variable (the element that a method's argument speaks of), a sub-object of another
place, or what a query picks out of a sequence. Each has a shape: an object type, the columns of a
record, or a type of the kernel's own.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias

from memq.node import dataclass
from memq.schema.declare import Cost, SubObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.series import Series
    from memq.eval.terms import Term
    from memq.output.records import RecordField
    from memq.schema.batch import ObjectType
    from memq.symbols.types import Type


@dataclass(frozen=True, slots=True)
class RecordShape:
    """What a Select gives: records of these fields; `bare`: what the first field is, without keys.

    `of` is the name of the element that was selected from, which may stand before a field's name.
    """

    fields: tuple[RecordField, ...]
    bare: bool = False
    of: str = ""


@dataclass(frozen=True, slots=True)
class RawShape:
    """A type of the kernel's own, such as struct task_struct."""

    type: Type


Shape: TypeAlias = "type[ObjectType] | RecordShape | RawShape"


@dataclass(frozen=True, slots=True)
class Root:
    """The element that a variable stands for; `number` tells variables apart."""

    number: int
    shape: Shape = field(compare=False)

    @property
    def type(self) -> type[ObjectType] | None:
        """The type of the object; None: the element is a record, or raw."""
        return object_type(self.shape)

    @property
    def cost(self) -> Cost:
        """What it takes to get there."""
        return Cost.MEMBER


@dataclass(frozen=True, slots=True)
class Step:
    """A sub-object of the object at another place; `many`: some element of a collection."""

    parent: Place
    name: str
    many: bool
    type: type[ObjectType]
    own_cost: Cost

    @property
    def shape(self) -> Shape:
        """The type of the object."""
        return self.type

    @property
    def cost(self) -> Cost:
        """What it takes to get there."""
        return max(self.parent.cost, self.own_cost)


@dataclass(frozen=True, slots=True)
class ColumnPlace:
    """The object in a column of the record at a place."""

    parent: Place
    column: int
    shape: Shape = field(compare=False)

    @property
    def type(self) -> type[ObjectType] | None:
        """The type of the object."""
        return object_type(self.shape)

    @property
    def cost(self) -> Cost:
        """What it takes to get there."""
        return self.parent.cost


@dataclass(frozen=True, slots=True)
class Pick:
    """One element of a sequence: First, Last, Single, ElementAt, MinBy or MaxBy of it.

    `argument` is the index of ElementAt; the key of MinBy and MaxBy, over `variable`.
    """

    number: int
    operator: str = field(compare=False)
    sequence: Series = field(compare=False)
    shape: Shape = field(compare=False)
    argument: Term | None = field(default=None, compare=False)
    variable: Root | None = field(default=None, compare=False)

    @property
    def type(self) -> type[ObjectType] | None:
        """The type of the object; None: it is a record, or raw."""
        return object_type(self.shape)

    @property
    def cost(self) -> Cost:
        """What making the sequence takes."""
        return self.sequence.cost


@dataclass(frozen=True, slots=True)
class RawStep:
    """Something of the kernel's own: the structure of an object, a member, what is pointed to.

    `operation` is one of those that memq.eval.rawvalues knows; `parent` None: at an address that
    is the first of the arguments.
    """

    parent: Place | None
    operation: str
    shape: Shape = field(compare=False)
    name: str = ""
    argument: Term | None = None

    @property
    def type(self) -> None:
        """It is no object of the schema."""
        return

    @property
    def cost(self) -> Cost:
        """What it takes to get there: a read for each step."""
        return max(Cost.FOLLOW, self.parent.cost if self.parent else Cost.MEMBER)


Place: TypeAlias = "Root | Step | ColumnPlace | Pick | RawStep"


def object_type(shape: Shape) -> type[ObjectType] | None:
    """Return the object type that a shape is, None for records and raw structures."""
    return None if isinstance(shape, RecordShape | RawShape) else shape


def step(parent: Place, part: SubObject, type_: type[ObjectType]) -> Step:
    """Return the place of a sub-object."""
    return Step(parent, part.name, part.many, type_, part.cost)


def parent_of(place: Place) -> Place | None:
    """Return the place that a place is reached from; None at a variable and at a Pick."""
    return place.parent if isinstance(place, Step | ColumnPlace | RawStep) else None


def way_to(place: Place) -> Iterator[Place]:
    """Yield a place and those on the way to it, from the last to the first."""
    current: Place | None = place
    while current is not None:
        yield current
        current = parent_of(current)


def collections_on(place: Place) -> frozenset[Step]:
    """The collections that lie on the way to a place, itself included.

    What is picked of the pieces of an element's text lies behind that element's collection.
    """
    found: set[Step] = set()
    for one in way_to(place):
        if isinstance(one, Step) and one.many:
            found.add(one)
        elif isinstance(one, Pick):
            for inner in one.sequence.spoken():
                found |= collections_on(inner)
    return frozenset(found)


def depth_of(place: Place) -> int:
    """How many steps a place is away from its variable."""
    return sum(1 for _ in way_to(place)) - 1


def ordered(places: frozenset[Step]) -> tuple[Step, ...]:
    """Sort collections so that each comes after those on the way to it."""
    return tuple(sorted(places, key=lambda place: (depth_of(place), place.name)))
