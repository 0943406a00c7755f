"""Bound sequences: where elements come from, and the stages that they pass.

A Series is what a query, or a part of one, goes through: all objects of a type, a collection, a
list, or another series behind a stage (Where, Select, ...). It holds nothing of a dump. A series
is equal only to itself, so that what was made of it can be found again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.places import Place, Shape, Step
from memq.eval.reading import read_at, read_by, spoken_of, without
from memq.node import dataclass
from memq.schema.declare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.errors import Span
    from memq.eval.terms import Term
    from memq.schema.batch import ObjectType
    from memq.schema.seek import Prefix
    from memq.symbols.types import Type


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A sequence of elements of one shape; `span` is where it stands in the text."""

    span: Span
    shape: Shape

    @property
    def cost(self) -> Cost:
        """The most expensive thing that making it takes."""
        return Cost.WALK

    def read(self) -> frozenset[Place]:
        """The places that it depends on."""
        return frozenset()

    def spoken(self) -> Iterator[Place]:
        """The places of which it takes one element, not all: those of a text that is split."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Through:
    """The collection by which one type's objects are found."""

    type: type[ObjectType]
    name: str
    cost: Cost


@dataclass(frozen=True, slots=True, eq=False)
class SourceSeries(Series):
    """All objects of a type; those that others own are found `through` their owners.

    `key`: only those whose field of that name has that value, or begins so, where the type can look
    it up.
    `is_scan`: those too that only a search through memory finds, behind the others.
    """

    type: type[ObjectType]
    through: Through | None = None
    key: tuple[str, int | Prefix] | None = None
    is_scan: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PlaceSeries(Series):
    """A collection of the object that a place belongs to."""

    place: Step

    @property
    def cost(self) -> Cost:
        """What walking the collection takes."""
        return self.place.cost

    def read(self) -> frozenset[Place]:
        """The owner; the collection itself is taken whole, whatever is bound of it."""
        return read_at([self.place.parent])


@dataclass(frozen=True, slots=True, eq=False)
class ColumnSeries(Series):
    """The list in a column of the record at a place."""

    place: Place
    column: int

    @property
    def cost(self) -> Cost:
        """The record is there already."""
        return self.place.cost

    def read(self) -> frozenset[Place]:
        """The record."""
        return read_at([self.place])


@dataclass(frozen=True, slots=True, eq=False)
class ListSeries(Series):
    """`[a, b]`: the values of some terms."""

    items: tuple[Term, ...]

    @property
    def cost(self) -> Cost:
        """The dearest item."""
        return max((item.cost for item in self.items), default=Cost.MEMBER)

    def read(self) -> frozenset[Place]:
        """What the items read."""
        return frozenset[Place]().union(*(read_by(item) for item in self.items))

    def spoken(self) -> Iterator[Place]:
        """What the items speak of."""
        for item in self.items:
            yield from spoken_of(item)


@dataclass(frozen=True, slots=True, eq=False)
class PiecesSeries(Series):
    """`text.Split(separator)`: the pieces of a text."""

    text: Term
    separator: str

    @property
    def cost(self) -> Cost:
        """What reading the text takes."""
        return self.text.cost

    def read(self) -> frozenset[Place]:
        """What the text reads."""
        return read_by(self.text)

    def spoken(self) -> Iterator[Place]:
        """What the text speaks of."""
        return spoken_of(self.text)


@dataclass(frozen=True, slots=True, eq=False)
class RawListSeries(Series):
    """`list_of(head, type, member)`: the structures on one of the kernel's own lists."""

    head: Place
    struct: Type
    member: str

    def read(self) -> frozenset[Place]:
        """The list's head."""
        return read_at([self.head])

    def spoken(self) -> Iterator[Place]:
        """The list's head."""
        yield self.head


@dataclass(frozen=True, slots=True, eq=False)
class SharedSeries(Series):
    """A series that a `let` gave a name, where the name is used: made once for all uses."""

    inner: Series

    def read(self) -> frozenset[Place]:
        """What it depends on: nothing, as a `let` stands outside of every element."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class Stage:
    """What is done with the elements of a series."""

    def variables(self) -> frozenset[Place]:
        """The variables by which its terms speak of elements."""
        return frozenset()

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield its terms, each with the variables of its own."""
        return iter(())

    def series(self) -> Iterator[Series]:
        """Yield the other series that it takes."""
        return iter(())


@dataclass(frozen=True, slots=True, eq=False)
class StageSeries(Series):
    """Another series behind a stage."""

    inner: Series
    stage: Stage

    @property
    def cost(self) -> Cost:
        """The dearer of both."""
        own = [term.cost for _, term in self.stage.terms()]
        own += [series.cost for series in self.stage.series()]
        return max([self.inner.cost, *own])

    def read(self) -> frozenset[Place]:
        """What the series before it, and the stage beside its own elements, depend on."""
        found = self.inner.read()
        for own, term in self.stage.terms():
            found |= without(read_by(term), own)
        for series in self.stage.series():
            found |= without(series.read(), self.stage.variables())
        return found

    def spoken(self) -> Iterator[Place]:
        """What the series before it speaks of."""
        return self.inner.spoken()
