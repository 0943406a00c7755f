"""Bound stages: what is done with the elements of a series (memq.eval.stages does it)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from memq.errors import Span
from memq.eval.places import Place, RecordShape, Root, Step
from memq.eval.series import Series, Stage
from memq.eval.terms import NUMBER, ObjectTerm
from memq.node import dataclass
from memq.output.records import RecordField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.raw_records import Leaf
    from memq.eval.terms import Term

_NOWHERE = Span(0, 0)

DEPTH = "depth"
"""What `Tree` calls the value that it adds to elements."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One Where: a predicate over an element."""

    root: Place
    predicate: Term
    narrows: frozenset[str] = frozenset()
    """Names of the collections that something reads after it."""


@dataclass(frozen=True, slots=True)
class WhereStage(Stage):
    """Adjacent Wheres: an element is kept if all hold, undecided if their Kleene && is unknown."""

    conditions: tuple[Condition, ...]

    def variables(self) -> frozenset[Place]:
        """The elements of each condition."""
        return frozenset(one.root for one in self.conditions)

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the predicates."""
        for one in self.conditions:
            yield frozenset((one.root,)), one.predicate


@dataclass(frozen=True, slots=True)
class SiftStage(Stage):
    """The elements of which no term is false; a Where behind it decides and counts."""

    root: Place
    conditions: tuple[Term, ...]

    def variables(self) -> frozenset[Place]:
        """The element."""
        return frozenset((self.root,))

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the conditions."""
        for one in self.conditions:
            yield self.variables(), one


@dataclass(frozen=True, slots=True)
class ValueItem:
    """One value for each element."""

    term: Term


@dataclass(frozen=True, slots=True)
class ObjectItem:
    """One object, or one record, for each element."""

    place: Place


@dataclass(frozen=True, slots=True)
class RawItem:
    """One column of the tree by which something of the kernel's own is written."""

    place: Place
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class ListItem:
    """One list for each element: of another series, something of each of its elements.

    No items: the elements themselves.
    """

    series: Series
    variable: Place
    items: tuple[SelectItem, ...]
    bare: bool


@dataclass(frozen=True, slots=True)
class SelectItem:
    """A column of the records: its keys, and what stands there."""

    path: tuple[str, ...]
    what: ValueItem | ObjectItem | RawItem | ListItem
    aliases: tuple[str, ...] | None = None
    """Of a default column: other names of its last key. None: it was asked for by name."""

    @property
    def field(self) -> RecordField:
        """How the records describe it."""
        match self.what:
            case ValueItem(term):
                return RecordField(self.path, term.type, aliases=self.aliases)
            case ObjectItem(place):
                return RecordField(self.path, None, place.shape, many=False)
            case RawItem(_, leaf):
                return RecordField(self.path, leaf.type)
            case ListItem(series, _, items, bare):
                shape = RecordShape(tuple(i.field for i in items), bare) if items else series.shape
                return RecordField(self.path, None, shape)


def terms_of(
    items: tuple[SelectItem, ...], own: frozenset[Place]
) -> Iterator[tuple[frozenset[Place], Term]]:
    """Yield the terms of columns, each with the variables that hold around it.

    Of a column of objects, that there is one: it is read as a value is.
    """
    for item in items:
        if isinstance(item.what, ValueItem):
            yield own, item.what.term
        elif isinstance(item.what, ObjectItem | RawItem):
            yield own, ObjectTerm(_NOWHERE, NUMBER, item.what.place)
        elif isinstance(item.what, ListItem):
            yield from terms_of(item.what.items, own | {item.what.variable})


def series_of(items: tuple[SelectItem, ...]) -> Iterator[Series]:
    """Yield the series that lists in columns are made of."""
    for item in items:
        if isinstance(item.what, ListItem):
            yield item.what.series
            yield from series_of(item.what.items)


@dataclass(frozen=True, slots=True)
class SelectStage(Stage):
    """One record for each element."""

    root: Place
    items: tuple[SelectItem, ...]

    def variables(self) -> frozenset[Place]:
        """The element."""
        return frozenset((self.root,))

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the terms of the columns."""
        return terms_of(self.items, self.variables())

    def series(self) -> Iterator[Series]:
        """Yield the series of the columns that are lists."""
        return series_of(self.items)


@dataclass(frozen=True, slots=True)
class LetStage(Stage):
    """The same elements, with one value more each."""

    root: Place
    name: str
    term: Term

    def variables(self) -> frozenset[Place]:
        """The element."""
        return frozenset((self.root,))

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the value."""
        yield self.variables(), self.term


@dataclass(frozen=True, slots=True)
class SelectManyStage(Stage):
    """One element for each element of another series."""

    root: Place
    inner: Series

    def variables(self) -> frozenset[Place]:
        """The element."""
        return frozenset((self.root,))

    def series(self) -> Iterator[Series]:
        """Yield the other series."""
        yield self.inner


@dataclass(frozen=True, slots=True)
class FlattenStage(Stage):
    """One record for each item of a list in a column, the other columns beside it."""

    column: int


@dataclass(frozen=True, slots=True)
class TakeStage(Stage):
    """The first `count` elements."""

    count: int


@dataclass(frozen=True, slots=True)
class SkipStage(Stage):
    """All but the first `count` elements."""

    count: int


@dataclass(frozen=True, slots=True)
class WhileStage(Stage):
    """The elements before the first that a condition is not true of (`skips`: the others)."""

    condition: Condition
    skips: bool

    def variables(self) -> frozenset[Place]:
        """The element."""
        return frozenset((self.condition.root,))

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the predicate."""
        yield self.variables(), self.condition.predicate


@dataclass(frozen=True, slots=True)
class Key:
    """What elements are ordered by."""

    root: Place
    term: Term
    descending: bool = False


@dataclass(frozen=True, slots=True)
class OrderStage(Stage):
    """Elements sorted by keys, the first before the next; equal ones keep their order.

    `most`: only so many of the first are kept.
    """

    keys: tuple[Key, ...]
    most: int | None = None

    def variables(self) -> frozenset[Place]:
        """The elements."""
        return frozenset(key.root for key in self.keys)

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the keys."""
        for key in self.keys:
            yield frozenset((key.root,)), key.term


@dataclass(frozen=True, slots=True)
class ReverseStage(Stage):
    """The elements from the last to the first."""


@dataclass(frozen=True, slots=True)
class TreeStage(Stage):
    """The elements depth-first, each behind its parent, with one value more: how deep it is."""

    root: Place
    parent: Step

    def variables(self) -> frozenset[Place]:
        """The element."""
        return frozenset((self.root,))

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield whether there is a parent."""
        yield self.variables(), ObjectTerm(_NOWHERE, NUMBER, self.parent)


@dataclass(frozen=True, slots=True)
class DistinctStage(Stage):
    """Each element once: objects by identity, records by their values, or by a key."""

    key: Key | None = None

    def variables(self) -> frozenset[Place]:
        """The element."""
        return frozenset((self.key.root,)) if self.key else frozenset()

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the key."""
        if self.key is not None:
            yield self.variables(), self.key.term


@dataclass(frozen=True, slots=True)
class GroupStage(Stage):
    """One record for each key: {key, items}; a key of several values has keys of its own."""

    root: Place
    keys: tuple[SelectItem, ...]

    def variables(self) -> frozenset[Place]:
        """The element."""
        return frozenset((self.root,))

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the keys."""
        return terms_of(self.keys, self.variables())


@dataclass(frozen=True, slots=True)
class ChunkStage(Stage):
    """Lists of so many elements each."""

    size: int


@dataclass(frozen=True, slots=True)
class SetStage(Stage):
    """Union, Except, Intersect or Concat with another series of the same shape."""

    operator: str
    other: Series

    def series(self) -> Iterator[Series]:
        """Yield the other series."""
        yield self.other


@dataclass(frozen=True, slots=True)
class PairStage(Stage):
    """Join, LeftJoin, AntiJoin or Zip with another series.

    `left` and `right` are the keys (Zip has none); `items` are over both roots.
    """

    operator: str
    other: Series
    roots: tuple[Root, Root]
    left: Term | None = None
    right: Term | None = None
    items: tuple[SelectItem, ...] = field(default=())
    fold: bool = False

    def variables(self) -> frozenset[Place]:
        """Both elements."""
        return frozenset(self.roots)

    def terms(self) -> Iterator[tuple[frozenset[Place], Term]]:
        """Yield the keys and the columns' terms."""
        for term in (self.left, self.right):
            if term is not None:
                yield self.variables(), term
        yield from terms_of(self.items, self.variables())

    def series(self) -> Iterator[Series]:
        """Yield the other series, and those of the columns that are lists."""
        yield self.other
        yield from series_of(self.items)
