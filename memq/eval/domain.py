"""Domains: the rows that a condition is evaluated on, and which element each row speaks of where.

A domain ties each of its rows to one element for every place that is settled (a variable, or a
collection that a group has bound). Extending it by a sequence gives a row for each element, and
for each sequence that was cut short one row more, of which nothing is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from memq.column import TRUE, Column, Indexes, Statuses, Truth, ragged, worst
from memq.errors import Reason
from memq.eval.places import ColumnPlace, Pick, Place, RawStep, Root, Step
from memq.node import dataclass
from memq.output.records import Lists, Objects, Records
from memq.schema.batch import ObjectType
from memq.schema.collection import Collection
from memq.schema.declare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from memq.eval.raw_records import Leaf
    from memq.eval.series import Series
    from memq.eval.terms import Term
    from memq.run import Run
    from memq.schema.batch import Context


class Slot:
    """For each row of a domain one element: a row of `batch`, or -1 with the reason in `status`."""

    __slots__ = ("_index", "batch", "rest", "status")

    def __init__(
        self,
        batch: Any,
        index: Indexes | None = None,
        status: Statuses | None = None,
        rest: Statuses | None = None,
    ) -> None:
        """`batch` holds objects, records or raw structures; without an index each stands once.

        `rest` has the reason of each row that stands for elements of which nothing is known.
        """
        self.batch = batch
        self._index = index
        self.status = status
        self.rest = rest

    @property
    def index(self) -> Indexes:
        """For each row of the domain a row of the batch."""
        return np.arange(len(self.batch), dtype=np.int64) if self._index is None else self._index

    def take(self, rows: Indexes) -> Slot:
        """Return the slot of some of the domain's rows."""
        return Slot(
            self.batch,
            rows if self._index is None else self._index[rows],
            None if self.status is None else self.status[rows],
            None if self.rest is None else self.rest[rows],
        )

    def used(self) -> Any:
        """Return the batch, cut down to the elements that some row speaks of."""
        batch = self.batch
        if self._index is None:
            return batch
        used = np.zeros(len(batch) + 1, bool)
        used[self._index] = True
        used[-1] = False
        rows = np.flatnonzero(used)
        if len(rows) < len(batch):
            places = np.full(len(batch) + 1, -1, np.int64)
            places[rows] = np.arange(len(rows))
            self._index = places[self._index]
            self.batch = batch = batch.take(rows)
        return batch

    def objects(self) -> ObjectType:
        """Return the objects that some row speaks of."""
        batch = self.used()
        if not isinstance(batch, ObjectType):
            raise TypeError("records have no sub-objects")
        return batch

    def field(self, name: str, cost: Cost) -> Column:
        """Return a field's column, one value for each row of the domain."""
        batch = self.batch if cost is Cost.MEMBER else self.objects()
        if not isinstance(batch, ObjectType):
            raise TypeError("records have no fields by name")
        return self._spread(batch.column(name))

    def added(self, name: str) -> Column:
        """Return a value that `Let` added, one for each row of the domain."""
        return self._spread(self.objects().extras[name])

    def records(self, number: int) -> Column | Lists | Objects:
        """Return a column of the records as it is, a row for each of the records."""
        if not isinstance(self.batch, Records):
            raise TypeError("objects have no columns by number")
        return self.batch.columns[number]

    def column(self, number: int) -> Column:
        """Return a column of the records, one value for each row of the domain."""
        found = self.records(number)
        if not isinstance(found, Column):
            raise TypeError("not a column of values")
        return self._spread(found)

    def _spread(self, column: Column) -> Column:
        """Return for each row of the domain what stands in its row of the batch."""
        return column if self._index is None else column.spread(self._index, self.status)

    def followed(self, batch: Any, index: Indexes, status: Statuses | None) -> Slot:
        """Return the slot of what each element leads to: a row of another batch, or -1."""
        # The index -1 takes what is put behind the last object: nothing, for no reason of its own.
        found = np.append(index, -1)[self.index]
        reasons = None if status is None else np.append(status, 0)[self.index].astype(np.uint8)
        return Slot(batch, found, worst(self.status, reasons), self.rest)


@dataclass(frozen=True, slots=True)
class View:
    """Sequences as a domain sees them: for each row one of the collection's, or -1 for none.

    `status` says why there is none; such a row's sequence is empty (NULL), or unknown.
    """

    index: Indexes
    status: Statuses | None
    collection: Collection

    def reasons(self) -> Statuses:
        """For each row, why its sequence is not whole; a parent that is unknown counts as cut."""
        reason = np.zeros(len(self.index), np.uint8)
        cut = self.collection.cut
        if cut is not None and self.collection.parents:
            reason = np.where(self.index < 0, 0, cut[np.maximum(self.index, 0)])
        if self.status is not None:
            reason = np.maximum(reason, self.status)
        return reason.astype(np.uint8)

    def has_rest(self) -> NDArray[np.bool_]:
        """Which rows' sequences hold elements that are not known."""
        return self.reasons() > Reason.NULL

    def sizes(self) -> Indexes:
        """How many rows each row becomes when the domain is extended by the sequences."""
        owner, parents = self.collection.owner, self.collection.parents
        counts = np.bincount(owner, minlength=parents + 1).astype(np.int64)
        counts[-1] = 0
        return np.asarray(counts[self.index] + self.has_rest())

    def take(self, rows: Indexes) -> View:
        """Return the view of some of the domain's rows."""
        status = None if self.status is None else self.status[rows]
        return View(self.index[rows], status, self.collection)

    def spread(self) -> Collection:
        """Return a collection with one sequence for each row of the domain."""
        found = self.collection
        if self.status is None and np.array_equal(self.index, np.arange(found.parents)):
            return found
        starts = np.append(found.starts(), len(found.owner))
        rows, owner = ragged(starts, np.where(self.index < 0, found.parents, self.index))
        membership = None if found.membership is None else found.membership[rows]
        reasons = np.where(self.reasons() == Reason.NULL, 0, self.reasons()).astype(np.uint8)
        return Collection(
            found.children.take(rows),
            owner,
            len(self.index),
            reasons if reasons.any() else None,
            membership=membership,
        )


class Engine(Protocol):
    """What evaluates series and what is picked from them; Result has one for each run."""

    @property
    def context(self) -> Context:
        """What the objects are read by, and the run."""
        ...

    def holds(self, term: Term, domain: Domain) -> Truth:
        """Return for each row whether a condition is true of it."""
        ...

    def evaluate(self, term: Term, domain: Domain) -> Column:
        """Return a term's value in each row."""
        ...

    def view(self, series: Series, domain: Domain) -> View:
        """Return the sequences that a series is for each row of a domain."""
        ...

    def slot(self, place: Pick | RawStep, domain: Domain) -> Slot:
        """Return what is picked, or raw, for each row of a domain."""
        ...

    def raw_value(self, slot: Slot, *, is_address: bool) -> Column:
        """Return the values of raw things, or their addresses."""
        ...

    def raw_column(self, slot: Slot, leaf: Leaf) -> Column | Lists:
        """Return one column of the tree by which raw things are written."""
        ...


@dataclass(frozen=True, slots=True)
class Domain:
    """`length` rows, and a slot for each settled place.

    `fixed` has the element that narrowing tries: a quantifier over that collection takes only it.
    """

    length: int
    slots: Mapping[Place, Slot]
    engine: Engine
    fixed: Mapping[Place, Slot]

    @staticmethod
    def over(root: Place, batch: Any, engine: Engine) -> Domain:
        """Return the domain whose rows are the elements of a batch."""
        slot = Slot(batch)
        return Domain(len(batch), {root: slot}, engine, {})

    @staticmethod
    def unit(engine: Engine) -> Domain:
        """Return the domain of a whole query: one row that speaks of nothing."""
        return Domain(1, {}, engine, {})

    @property
    def run(self) -> Run:
        """State of the evaluation."""
        return self.engine.context.run

    def take(self, rows: Indexes) -> Domain:
        """Return the domain of some of the rows."""
        return replace(
            self,
            length=len(rows),
            slots={place: slot.take(rows) for place, slot in self.slots.items()},
            fixed={place: slot.take(rows) for place, slot in self.fixed.items()},
        )

    def some(self, rows: Indexes) -> Domain:
        """Return the domain of some of the rows; itself where these are all."""
        return self if len(rows) == self.length else self.take(rows)

    def settle(self, place: Place, slot: Slot) -> Domain:
        """Return the domain in which one more place is settled."""
        return replace(self, slots={**self.slots, place: slot})

    def fix(self, place: Place, slot: Slot) -> Domain:
        """Return the domain in which a quantifier over the collection takes only the slot's."""
        return replace(self, fixed={**self.fixed, place: slot})

    def free(self) -> Domain:
        """Return the domain in which quantifiers take every element again."""
        return replace(self, fixed={}) if self.fixed else self

    def slot(self, place: Place) -> Slot:
        """Return the elements at a place; a single sub-object is followed from its parent."""
        found = self.slots.get(place)
        if found is not None:
            return found
        match place:
            case Step(parent, name, many=False):
                slot = self.slot(parent)
                if not len(slot.objects()):
                    # Objects that are not there do not know what they would belong to.
                    nothing = place.type.nothing(self.engine.context)
                    return Slot(nothing, slot.index, slot.status, slot.rest)
                reference = slot.objects().reference(name)
                return slot.followed(reference.batch, reference.index, reference.status)
            case ColumnPlace(parent, number):
                slot = self.slot(parent)
                column = slot.records(number)
                if not isinstance(column, Objects):
                    raise TypeError("not a column of objects")
                return slot.followed(column.batch, column.index, column.status)
            case Pick() | RawStep():
                return self.engine.slot(place, self)
            case Root() | Step():
                raise KeyError(place)


@dataclass(frozen=True, slots=True)
class Extension:
    """A domain with a row per element: `origin` is the row each came from, non-decreasing.

    `there` says of each whether it is in the sequence at all (None: all are); a rest may be.
    """

    domain: Domain
    origin: Indexes
    there: Truth | None


def fixed_extension(domain: Domain, place: Step) -> Extension:
    """Give each row the element of a collection that narrowing tries."""
    settled = domain.settle(place, domain.fixed[place])
    return Extension(settled, np.arange(domain.length, dtype=np.int64), None)


def extend(domain: Domain, view: View, variable: Place, *, rest: bool = True) -> Extension:
    """Give each row one row per element of its sequence; `rest` adds those of cut sequences.

    The elements are settled at the variable, which may be the collection's own place.
    """
    found = view.collection
    starts = np.append(found.starts(), len(found.owner))
    rows, origin = ragged(starts, np.where(view.index < 0, found.parents, view.index))
    return extended(domain, view, variable, (rows, origin), rest=rest)


def extended(
    domain: Domain, view: View, variable: Place, pairs: tuple[Indexes, Indexes], *, rest: bool
) -> Extension:
    """Extend by the elements at `rows`, for the domain's rows `origin`, which is non-decreasing."""
    rows, origin = pairs
    membership = view.collection.membership
    there = None if membership is None else membership[rows]
    status = None
    if rest and (more := np.flatnonzero(view.has_rest())).size:
        order = np.argsort(np.concatenate([origin, more]), kind="stable")
        rows = np.concatenate([rows, np.full(len(more), -1)])[order]
        origin = np.concatenate([origin, more])[order]
        if there is not None:
            there = np.concatenate([there, np.full(len(more), TRUE, np.uint8)])[order]
        status = np.where(rows < 0, view.reasons()[origin], np.uint8(0))
        there = np.where(rows < 0, status, np.uint8(TRUE) if there is None else there)
    slot = Slot(view.collection.children, rows, status, status)
    return Extension(domain.take(origin).settle(variable, slot), origin, there)


def cut_rows(sizes: Indexes, limit: int) -> Iterator[Indexes]:
    """Cut rows into runs whose sizes add up to no more than the limit, or that are one row."""
    total = np.cumsum(sizes)
    if not len(total) or total[-1] <= limit:
        yield np.arange(len(sizes), dtype=np.int64)
        return
    start = 0
    while start < len(sizes):
        before = total[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(total, before + limit, "right")))
        yield np.arange(start, end, dtype=np.int64)
        start = end
