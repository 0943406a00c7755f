"""Plans: what a bound query is, stage by stage. A plan holds nothing of a dump."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from memq.eval.scope import RecordShape, Shape
from memq.output.records import RecordField

if TYPE_CHECKING:
    from memq.eval.terms import Root, Step, Term
    from memq.schema.batch import ObjectType
    from memq.schema.declare import Cost


@dataclass(frozen=True, slots=True)
class Source:
    """All objects of a type; those that others own are found `through` their owners."""

    type: type[ObjectType]
    through: Through | None = None


@dataclass(frozen=True, slots=True)
class Through:
    """The collection by which one type's objects are found."""

    type: type[ObjectType]
    name: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Condition:
    """One Where: a predicate over an element."""

    root: Root
    predicate: Term
    narrows: frozenset[str] = frozenset()
    """Names of the collections that something reads after it."""


@dataclass(frozen=True, slots=True)
class WhereStage:
    """Adjacent Wheres: an element is kept if all hold, undecided if their Kleene && is unknown."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ValueItem:
    """One value for each element."""

    term: Term


@dataclass(frozen=True, slots=True)
class ListItem:
    """One list for each element: something of each element of a collection."""

    place: Step
    items: tuple[SelectItem, ...]
    bare: bool


@dataclass(frozen=True, slots=True)
class SelectItem:
    """A column of the records: its keys, and what stands there."""

    path: tuple[str, ...]
    what: ValueItem | ListItem

    @property
    def field(self) -> RecordField:
        """How the records describe it."""
        return RecordField(
            self.path, self.what.term.type if isinstance(self.what, ValueItem) else None
        )


@dataclass(frozen=True, slots=True)
class SelectStage:
    """One record for each element."""

    root: Root
    items: tuple[SelectItem, ...]


@dataclass(frozen=True, slots=True)
class SelectManyStage:
    """One element for each element of a collection."""

    root: Root
    place: Step


@dataclass(frozen=True, slots=True)
class TakeStage:
    """The first `count` elements."""

    count: int


@dataclass(frozen=True, slots=True)
class SkipStage:
    """All but the first `count` elements."""

    count: int


@dataclass(frozen=True, slots=True)
class OrderStage:
    """Elements sorted by a key; equal ones keep their order."""

    root: Root
    key: Term
    descending: bool


@dataclass(frozen=True, slots=True)
class DistinctStage:
    """Each element once: objects by what they are known by, records by their values."""


Stage = (
    WhereStage | SelectStage | SelectManyStage | TakeStage | SkipStage | OrderStage | DistinctStage
)


@dataclass(frozen=True, slots=True)
class Ending:
    """What makes one value of all elements: Count, First, Any or All, with its condition."""

    operator: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole query: a source, stages, perhaps an ending; `shape` is what comes out before it."""

    source: Source
    stages: tuple[Stage, ...]
    shape: Shape
    ending: Ending | None
    shown: SelectStage | None = None
    """How elements that are objects are shown: by their default columns."""
    warnings: tuple[str, ...] = ()
    """What is allowed and rarely meant."""

    @property
    def records(self) -> RecordShape:
        """The records that come out."""
        if isinstance(self.shape, RecordShape):
            return self.shape
        items = self.shown.items if self.shown else ()
        return RecordShape(tuple(item.field for item in items))
