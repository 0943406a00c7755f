"""Bound expressions: what a query's text means once every name is found and every type is checked.

A Place is a way to an object: a variable, or a sub-object of another place. Terms read columns of
places. Which collections a term *names* and which it *binds* is language.md's rule (Datalog's).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memq.schema.declare import Cost, Field, SubObject
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.errors import Span
    from memq.eval.regexes import Compiled
    from memq.schema.batch import ObjectType

BOOLEAN = ValueType(Kind.BOOLEAN)
NUMBER = ValueType(Kind.NUMBER)
NULL = ValueType(Kind.NULL)


@dataclass(frozen=True, slots=True)
class Root:
    """The element that a variable stands for; `number` tells variables apart."""

    number: int
    type: type[ObjectType] | None
    """None: the element is a record or a plain value."""

    @property
    def cost(self) -> Cost:
        """What it takes to get there."""
        return Cost.MEMBER


@dataclass(frozen=True, slots=True)
class Step:
    """A sub-object of the object at another place."""

    parent: Place
    name: str
    many: bool
    type: type[ObjectType]
    own_cost: Cost

    @property
    def cost(self) -> Cost:
        """What it takes to get there."""
        return max(self.parent.cost, self.own_cost)


Place = Root | Step


def step(parent: Place, part: SubObject, type_: type[ObjectType]) -> Step:
    """Return the place of a sub-object."""
    return Step(parent, part.name, part.many, type_, part.cost)


def collections_on(place: Place) -> frozenset[Step]:
    """The collections that lie on the way to a place, itself included."""
    found = set()
    while isinstance(place, Step):
        if place.many:
            found.add(place)
        place = place.parent
    return frozenset(found)


def root_of(place: Place) -> Root:
    """The variable at which a place begins."""
    while isinstance(place, Step):
        place = place.parent
    return place


def depth_of(place: Place) -> int:
    """How many sub-objects a place is away from its variable."""
    depth = 0
    while isinstance(place, Step):
        place, depth = place.parent, depth + 1
    return depth


@dataclass(frozen=True, slots=True)
class Term:
    """A bound expression; `span` is where it stands in the text."""

    span: Span
    type: ValueType

    def parts(self) -> Iterator[Term]:
        """The terms inside, those of aggregates' bodies left out."""
        return iter(())

    def places(self) -> Iterator[Place]:
        """The places that this very term reads."""
        return iter(())

    @property
    def cost(self) -> Cost:
        """The most expensive thing that it reads."""
        costs = [place.cost for place in self.places()] + [part.cost for part in self.parts()]
        return max(costs, default=Cost.MEMBER)


@dataclass(frozen=True, slots=True)
class Constant(Term):
    """A literal; None is null."""

    value: str | int | bool | float | Compiled | None


@dataclass(frozen=True, slots=True)
class FieldTerm(Term):
    """A field of the object at a place."""

    place: Place
    field: Field

    def places(self) -> Iterator[Place]:
        """The object's place."""
        yield self.place

    @property
    def cost(self) -> Cost:
        """What the way to the object and the field take."""
        return max(self.place.cost, self.field.cost)


@dataclass(frozen=True, slots=True)
class ColumnTerm(Term):
    """A column of the record that a variable stands for."""

    place: Root
    column: int

    def places(self) -> Iterator[Place]:
        """The record's place."""
        yield self.place


@dataclass(frozen=True, slots=True)
class Unary(Term):
    """A term of one operand."""

    operand: Term

    def parts(self) -> Iterator[Term]:
        """The operand."""
        yield self.operand


@dataclass(frozen=True, slots=True)
class Not(Unary):
    """Kleene's not."""


@dataclass(frozen=True, slots=True)
class Negative(Unary):
    """Arithmetic negation."""


@dataclass(frozen=True, slots=True)
class IsKnown(Unary):
    """Whether the operand could be read (`negated`: could not)."""

    negated: bool


@dataclass(frozen=True, slots=True)
class Nary(Term):
    """A term of any number of operands."""

    operands: tuple[Term, ...]

    def parts(self) -> Iterator[Term]:
        """The operands."""
        return iter(self.operands)


@dataclass(frozen=True, slots=True)
class And(Nary):
    """Kleene's and: the group that binds collections."""


@dataclass(frozen=True, slots=True)
class Or(Nary):
    """Kleene's or."""


@dataclass(frozen=True, slots=True)
class Comparison(Nary):
    """Two operands and one of == != < <= > >=; `fold`: texts without regard to case."""

    operator: str
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Arithmetic(Nary):
    """Two numbers and one of + - * / % & | ^ << >>."""

    operator: str


@dataclass(frozen=True, slots=True)
class InList(Nary):
    """Whether the first operand equals one of the others."""

    fold: bool = False


@dataclass(frozen=True, slots=True)
class Choice(Nary):
    """condition ? yes : no."""


@dataclass(frozen=True, slots=True)
class Coalesce(Nary):
    """The first operand, or the second where the first is null or unknown."""


@dataclass(frozen=True, slots=True)
class MethodCall(Nary):
    """A method of a value: the first operand is the value, the others the arguments."""

    method: str
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate(Term):
    """Any, All, None or Count of a collection: takes all of it, and binds nothing.

    `body` speaks of `variable`, an element of the collection at `place`; None holds for each.
    """

    operator: str
    place: Step
    variable: Root
    body: Term | None

    @property
    def cost(self) -> Cost:
        """What walking the collection and asking each element take."""
        return max(self.place.cost, Cost.MEMBER if self.body is None else self.body.cost)


@dataclass(frozen=True, slots=True)
class Membership(Term):
    """Whether a value equals a field of some element of a collection: an aggregate too."""

    operand: Term
    place: Step
    field: Field
    fold: bool = False

    def parts(self) -> Iterator[Term]:
        """The value that is looked for."""
        yield self.operand

    @property
    def cost(self) -> Cost:
        """What walking the collection takes."""
        return max(self.place.cost, self.field.cost, self.operand.cost)


def named(term: Term) -> frozenset[Step]:
    """The collections that a term names outside of aggregates, with those on the way to them."""
    found = frozenset[Step]()
    stack = [term]
    while stack:
        current = stack.pop()
        for place in current.places():
            found |= collections_on(place)
        stack.extend(current.parts())
    return found


def mentioned(term: Term) -> frozenset[Step]:
    """The collections that a term speaks of at all: what an `&&` group around it may have bound.

    That takes in the bodies of aggregates, and the way to the collection that one is called on.
    """
    found = frozenset[Step]()
    stack = [term]
    while stack:
        current = stack.pop()
        for place in current.places():
            found |= collections_on(place)
        stack.extend(current.parts())
        if isinstance(current, Aggregate | Membership):
            found |= collections_on(current.place.parent)
        if isinstance(current, Aggregate) and current.body is not None:
            own = current.variable
            found |= {c for c in mentioned(current.body) if root_of(c) != own}
    return found


def bound(term: Term) -> frozenset[Step]:
    """The collections without an element of which a term cannot be true."""
    match term:
        case And():
            return frozenset[Step]().union(*(bound(part) for part in term.operands))
        case Or():
            first, *others = (bound(part) for part in term.operands)
            return first.intersection(*others)
        case Not():
            return frozenset()
        case _:
            return named(term)


def positive(term: Term) -> frozenset[Step]:
    """The collections that a term names outside of `!` and of aggregates: those that it narrows."""
    match term:
        case And() | Or():
            return frozenset[Step]().union(*(positive(part) for part in term.operands))
        case Not():
            return frozenset()
        case _:
            return named(term)
