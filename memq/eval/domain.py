"""Domains: the rows that a condition is evaluated on, and which object each row speaks of where.

A domain ties each of its rows to one object for every place that is settled (a variable, or a
collection that a group has bound). Extending it by a collection gives a row for each element, and
for each parent whose collection was cut short one row more, of which nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import TRUE, Column, Indexes, Statuses, Truth, ragged, worst
from memq.errors import Reason
from memq.eval.notes import note_cuts
from memq.eval.terms import Place, Root, Step
from memq.output.records import Lists, Records
from memq.schema.batch import Collection, ObjectType
from memq.schema.declare import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from memq.run import Run


class Slot:
    """For each row of a domain one object: a row of `batch`, or -1 with the reason in `status`."""

    __slots__ = ("batch", "index", "rest", "status")

    def __init__(
        self,
        batch: ObjectType | Records,
        index: Indexes,
        status: Statuses | None = None,
        rest: Statuses | None = None,
    ) -> None:
        """`rest` has the reason of each row that stands for elements of which nothing is known."""
        self.batch = batch
        self.index = index
        self.status = status
        self.rest = rest

    def take(self, rows: Indexes) -> Slot:
        """Return the slot of some of the domain's rows."""
        return Slot(
            self.batch,
            self.index[rows],
            None if self.status is None else self.status[rows],
            None if self.rest is None else self.rest[rows],
        )

    def objects(self) -> ObjectType:
        """Return the batch, cut down to the objects that some row speaks of."""
        batch = self.batch
        if not isinstance(batch, ObjectType):
            raise TypeError("records have no sub-objects")
        used = np.zeros(len(batch) + 1, bool)
        used[self.index] = True
        used[-1] = False
        rows = np.flatnonzero(used)
        if len(rows) < len(batch):
            places = np.full(len(batch) + 1, -1, np.int64)
            places[rows] = np.arange(len(rows))
            self.index = places[self.index]
            self.batch = batch = batch.take(rows)
        return batch

    def field(self, name: str, cost: Cost) -> Column:
        """Return a field's column, one value for each row of the domain."""
        batch = self.batch if cost is Cost.MEMBER else self.objects()
        if not isinstance(batch, ObjectType):
            raise TypeError("records have no fields by name")
        return batch.column(name).spread(self.index, self.status)

    def column(self, number: int) -> Column:
        """Return a column of the records, one value for each row of the domain."""
        found = self.batch.columns[number] if isinstance(self.batch, Records) else None
        if found is None or isinstance(found, Lists):
            raise TypeError("not a column of values")
        return found.spread(self.index, self.status)


@dataclass(frozen=True, slots=True)
class Domain:
    """`length` rows, and a slot for each settled place.

    `fixed` has the element that narrowing tries: a quantifier over that collection takes only it.
    """

    length: int
    slots: Mapping[Place, Slot]
    run: Run
    fixed: Mapping[Place, Slot]

    @staticmethod
    def over(root: Root, batch: ObjectType | Records, run: Run) -> Domain:
        """Return the domain whose rows are the elements of a batch."""
        slot = Slot(batch, np.arange(len(batch), dtype=np.int64))
        return Domain(len(batch), {root: slot}, run, {})

    def take(self, rows: Indexes) -> Domain:
        """Return the domain of some of the rows."""
        return replace(
            self,
            length=len(rows),
            slots={place: slot.take(rows) for place, slot in self.slots.items()},
            fixed={place: slot.take(rows) for place, slot in self.fixed.items()},
        )

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
        """Return the objects at a place; a single sub-object is followed from its parent."""
        found = self.slots.get(place)
        if found is not None:
            return found
        if isinstance(place, Root) or place.many:
            raise KeyError(place)
        parent = self.slot(place.parent)
        reference = parent.objects().reference(place.name)
        # The index -1 takes what is put behind the last object: nothing, for no reason of its own.
        index = np.append(reference.index, -1)[parent.index]
        status = None if reference.status is None else np.append(reference.status, 0)[parent.index]
        return Slot(reference.batch, index, worst(parent.status, status), parent.rest)

    def view(self, place: Step) -> tuple[Slot, Collection]:
        """Return the parents' slot and their collections, walked only for parents in the domain."""
        parent = self.slot(place.parent)
        batch = parent.objects()
        view = batch.collection(place.name)
        note_cuts(batch, place.name, view, self.run)
        return parent, view

    def sizes(self, place: Step) -> Indexes:
        """How many rows each row becomes when the domain is extended by the collection."""
        if place in self.fixed:
            return np.ones(self.length, np.int64)
        parent, view = self.view(place)
        counts = np.bincount(view.owner, minlength=view.parents + 1).astype(np.int64)
        counts[-1] = 0
        return counts[parent.index] + _has_rest(parent, view)


@dataclass(frozen=True, slots=True)
class Extension:
    """A domain with a row per element: `origin` is the row each came from, non-decreasing.

    `there` says of each whether it is in the collection at all (None: all are); a rest may be.
    """

    domain: Domain
    origin: Indexes
    there: Truth | None


def extend(
    domain: Domain, place: Step, *, rest: bool = True, name: Place | None = None
) -> Extension:
    """Give each row one row per element of a collection; `rest` adds those of cut collections.

    The elements are settled at the place itself, or at the variable `name`.
    """
    if place in domain.fixed and name is None:
        settled = domain.settle(place, domain.fixed[place])
        return Extension(settled, np.arange(domain.length, dtype=np.int64), None)
    parent, view = domain.view(place)
    starts = np.append(view.starts(), len(view.owner))
    rows, origin = ragged(starts, np.where(parent.index < 0, view.parents, parent.index))
    there = None if view.membership is None else view.membership[rows]
    status = None
    if rest and (more := np.flatnonzero(_has_rest(parent, view))).size:
        order = np.argsort(np.concatenate([origin, more]), kind="stable")
        rows = np.concatenate([rows, np.full(len(more), -1)])[order]
        origin = np.concatenate([origin, more])[order]
        if there is not None:
            there = np.concatenate([there, np.full(len(more), TRUE, np.uint8)])[order]
        status = np.where(rows < 0, _rest_reason(parent, view)[origin], np.uint8(0))
        there = np.where(rows < 0, status, np.uint8(TRUE) if there is None else there)
    slot = Slot(view.children, rows, status, status)
    return Extension(domain.take(origin).settle(name or place, slot), origin, there)


def chunks(domain: Domain, place: Step) -> Iterator[Indexes]:
    """Cut the domain's rows into pieces whose extensions stay within the run's limit."""
    return cut_rows(domain.sizes(place), domain.run.limits.rows_at_once)


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


def rest_reasons(domain: Domain, place: Step) -> Statuses:
    """Return for each row why its collection is not whole; 0 or NULL where it is."""
    return _rest_reason(*domain.view(place))


def _has_rest(parent: Slot, view: Collection) -> NDArray[np.bool_]:
    """Which rows' collections hold elements that are not known."""
    return _rest_reason(parent, view) > Reason.NULL


def _rest_reason(parent: Slot, view: Collection) -> Statuses:
    """For each row, why its collection is not whole; a parent that is unknown counts as cut."""
    reason = np.zeros(len(parent.index), np.uint8)
    if view.cut is not None and view.parents:
        reason = np.where(parent.index < 0, 0, view.cut[np.maximum(parent.index, 0)])
    if parent.status is not None:
        reason = np.maximum(reason, parent.status)
    return reason.astype(np.uint8)
