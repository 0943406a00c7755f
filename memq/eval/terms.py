"""Bound expressions: what a query's text means once every name is found and every type is checked.

Terms read columns of places. Which collections a term *names* and which it *binds* is language.md's
rule (Datalog's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.node import dataclass
from memq.schema.declare import Cost, Field
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.errors import Span
    from memq.eval.places import Place, Root
    from memq.eval.series import Series

BOOLEAN = ValueType(Kind.BOOLEAN)
NUMBER = ValueType(Kind.NUMBER)
FLOAT = ValueType(Kind.FLOAT)
STRING = ValueType(Kind.STRING)
NULL = ValueType(Kind.NULL)


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

    def sequence_of(self) -> Series | None:
        """The sequence that an aggregate takes the whole of."""
        return None

    def body_of(self) -> tuple[Place, Term] | None:
        """What an aggregate asks of each element, and the variable that this speaks of."""
        return None

    @property
    def cost(self) -> Cost:
        """The most expensive thing that it reads."""
        costs = [place.cost for place in self.places()] + [part.cost for part in self.parts()]
        sequence, body = self.sequence_of(), self.body_of()
        costs += [sequence.cost] if sequence else []
        costs += [body[1].cost] if body else []
        return max(costs, default=Cost.MEMBER)


@dataclass(frozen=True, slots=True)
class Constant(Term):
    """A literal; None is null. A compiled regular expression is one too."""

    value: Any


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
    """A column of the record at a place."""

    place: Place
    column: int

    def places(self) -> Iterator[Place]:
        """The record's place."""
        yield self.place


@dataclass(frozen=True, slots=True)
class ExtraTerm(Term):
    """A value that `Let` added to the object at a place."""

    place: Place
    name: str

    def places(self) -> Iterator[Place]:
        """The object's place."""
        yield self.place


@dataclass(frozen=True, slots=True)
class ObjectTerm(Term):
    """Whether there is an object at a place: it has a value, is null, or is not known."""

    place: Place

    def places(self) -> Iterator[Place]:
        """The object's place."""
        yield self.place


@dataclass(frozen=True, slots=True)
class RawTerm(Term):
    """The value of something of the kernel's own; `is_address`: its address instead."""

    place: Place
    is_address: bool = False

    def places(self) -> Iterator[Place]:
        """Its place."""
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
    """Any, All, None or Count of a sequence: takes all of it, and binds nothing.

    `body` speaks of `variable`, an element; None holds for each.
    """

    operator: str
    sequence: Series
    variable: Place
    body: Term | None

    def places(self) -> Iterator[Place]:
        """The places of which the series takes one element."""
        return self.sequence.spoken()

    def sequence_of(self) -> Series:
        """What is counted."""
        return self.sequence

    def body_of(self) -> tuple[Place, Term] | None:
        """What is asked of each element."""
        return None if self.body is None else (self.variable, self.body)


@dataclass(frozen=True, slots=True)
class Fold(Term):
    """Sum, Min, Max or Average of a sequence of values."""

    operator: str
    sequence: Series

    def places(self) -> Iterator[Place]:
        """The places of which the series takes one element."""
        return self.sequence.spoken()

    def sequence_of(self) -> Series:
        """The values."""
        return self.sequence


@dataclass(frozen=True, slots=True)
class Reduction(Term):
    """`Aggregate(seed, (so_far, element) => body)`: one value, made element by element."""

    sequence: Series
    seed: Term
    so_far: Root
    variable: Place
    body: Term

    def parts(self) -> Iterator[Term]:
        """What it begins with."""
        yield self.seed

    def places(self) -> Iterator[Place]:
        """The places of which the series takes one element."""
        return self.sequence.spoken()

    def sequence_of(self) -> Series:
        """The elements."""
        return self.sequence

    def body_of(self) -> tuple[Place, Term]:
        """What is made of each element."""
        return self.variable, self.body


@dataclass(frozen=True, slots=True)
class Membership(Term):
    """Whether a value is in a sequence of values: an aggregate too."""

    operand: Term
    sequence: Series
    fold: bool = False

    def parts(self) -> Iterator[Term]:
        """The value that is looked for."""
        yield self.operand

    def places(self) -> Iterator[Place]:
        """The places of which the series takes one element."""
        return self.sequence.spoken()

    def sequence_of(self) -> Series:
        """Where it is looked for."""
        return self.sequence
