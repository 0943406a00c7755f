"""Sequences of many owners at once, and the records that are made of their elements."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import (
    TRUE,
    Column,
    Indexes,
    Truth,
    column_of,
    is_unsure,
    negation,
    some_of,
    surely,
    worst,
)
from memq.errors import Reason
from memq.eval import order
from memq.eval.domain import Domain, Slot
from memq.eval.series import PlaceSeries
from memq.eval.stage_nodes import (
    Key,
    ListItem,
    ObjectItem,
    RawItem,
    SelectItem,
    ValueItem,
)
from memq.eval.terms import FieldTerm, Term
from memq.node import dataclass
from memq.output.records import Lists, Objects, Records
from memq.schema.collection import Collection
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from memq.eval.domain import Engine
    from memq.eval.places import Place
    from memq.run import Run


@dataclass(frozen=True, slots=True)
class Segments:
    """Sequences, one for each row of a domain: `view.parents` is the domain's length."""

    domain: Domain
    view: Collection
    is_whole: bool = False
    """Whether they are a whole query's: what is undecided of those is counted, not kept."""

    @staticmethod
    def of_one(batch: Any, engine: Engine, cut: Reason | None = None) -> Segments:
        """Return one sequence, that of a whole query."""
        status = None if cut is None else np.array([cut], np.uint8)
        view = Collection(batch, np.broadcast_to(np.int64(0), len(batch)), 1, status)
        return Segments(Domain.unit(engine), view, is_whole=True)

    @property
    def engine(self) -> Engine:
        """What evaluates."""
        return self.domain.engine

    @property
    def membership(self) -> Truth:
        """For each element, whether it is there."""
        found = self.view.membership
        return np.full(len(self.view.owner), TRUE, np.uint8) if found is None else found

    def inside(self, variable: Place) -> Domain:
        """Return the domain whose rows are the elements."""
        slot = Slot(self.view.children)
        if not self.domain.slots:
            return Domain(len(self.view.owner), {variable: slot}, self.engine, {})
        return self.domain.take(self.view.owner).settle(variable, slot)

    def with_children(self, children: Any) -> Segments:
        """Return sequences of other elements, one for each of these."""
        return replace(self, view=replace(self.view, children=children))

    def at(self, rows: Indexes) -> Segments:
        """Return the elements at the rows, which keep each sequence's together."""
        view = self.view
        membership = None if view.membership is None else view.membership[rows]
        taken = replace(
            view,
            children=view.children.take(rows),
            owner=view.owner[: len(rows)] if view.parents == 1 else view.owner[rows],
            membership=membership,
        )
        return replace(self, view=taken)

    def among(self, truth: Truth) -> Segments:
        """Return the elements that are there, or may be, and of which a condition is not false."""
        return replace(self, view=self.view.keep(np.minimum(truth, self.membership)))

    def missing(self) -> Truth | None:
        """Return for each element why others of its sequence are missing (0: none); None: nowhere.

        They may stand before it. Of a whole query's sequence that is said once, in a note.
        """
        cut = self.view.cut
        if self.is_whole or cut is None or not cut.any():
            return None
        return cut[self.view.owner].astype(np.uint8)

    def positions(self) -> tuple[Indexes, Indexes]:
        """Return for each element how many of its sequence surely, and perhaps, stand before it."""
        starts = self.view.starts()[self.view.owner]
        counts = []
        for there in (self.membership == TRUE, self.membership != 0):
            total = np.concatenate([[0], np.cumsum(there)])
            counts.append((total[:-1] - total[starts]).astype(np.int64))
        missing = self.missing()
        if missing is not None:
            counts[1][missing != 0] = np.iinfo(np.int64).max
        return counts[0], counts[1]


# Select


def records(items: tuple[SelectItem, ...], domain: Domain) -> Records:
    """Return one record for each row of a domain."""
    columns = tuple(_column(item, domain) for item in items)
    return Records(domain.length, tuple(item.field for item in items), columns)


def _column(item: SelectItem, domain: Domain) -> Column | Lists | Objects:
    match item.what:
        case ListItem():
            return _lists(item.what, domain)
        case ObjectItem(place):
            slot = domain.slot(place)
            return Objects(slot.batch, slot.index, slot.status)
        case RawItem(place, leaf):
            return domain.engine.raw_column(domain.slot(place), leaf)
        case ValueItem(term):
            return value(term, domain)


def value(term: Term, domain: Domain) -> Column:
    """Return a term's value in each row; a condition is quantified first."""
    if term.type.kind is Kind.BOOLEAN and not isinstance(term, FieldTerm):
        return column_of(domain.engine.holds(term, domain))
    return domain.engine.evaluate(term, domain)


def _lists(item: ListItem, domain: Domain) -> Lists:
    """One list for each row: of a series' elements, with whether each is there."""
    view = domain.engine.view(item.series, domain)
    found = Segments(domain, view.spread())
    if not isinstance(item.series, PlaceSeries):
        count_lost(found, domain.run)
    collection = found.view
    inner = collection.children
    if item.items:
        inner = records(item.items, found.inside(item.variable))
    reasons = view.reasons()
    reasons = np.where(reasons == Reason.NULL, 0, reasons).astype(np.uint8)
    cut = reasons if reasons.any() else None
    return Lists(collection.starts(), inner, item.bare, cut, collection.membership)


def certain(records: Records) -> Records:
    """Leave out what lists hold of which it is not known whether it belongs there.

    That is for the end: what goes on from a list must not take such an item for missing.
    """
    columns = tuple(_certain_column(column) for column in records.columns)
    return replace(records, columns=columns)


def _certain_column(column: Column | Lists | Objects) -> Column | Lists | Objects:
    if isinstance(column, Objects) and isinstance(column.batch, Records):
        return replace(column, batch=certain(column.batch))
    if not isinstance(column, Lists):
        return column
    if column.membership is not None:
        rows = np.flatnonzero(column.membership == TRUE)
        starts = np.searchsorted(rows, column.starts).astype(np.int64)
        column = replace(column, starts=starts, items=column.items.take(rows), membership=None)
    if isinstance(column.items, Records):
        column = replace(column, items=certain(column.items))
    return column


def sure(segments: Segments) -> Segments:
    """Leave out the elements whose place is not known."""
    membership = segments.view.membership
    if membership is None:
        return segments
    certain = np.where(membership == TRUE, membership, np.uint8(0))
    return replace(segments, view=segments.view.keep(certain))


def certain_start(segments: Segments) -> Segments:
    """Keep what stands before the first element whose place is not known; the rest is missing."""
    membership, missing = segments.view.membership, segments.missing()
    if membership is None and missing is None:
        return segments
    membership = segments.membership
    starts = segments.view.starts()
    before = np.append(0, np.cumsum(is_unsure(membership)))
    within = before[1:] == before[starts[segments.view.owner]]
    if missing is not None:
        within &= missing == 0
    kept = segments.view.keep(surely(within))
    unsure = np.where(is_unsure(membership), membership, np.uint8(0))
    cut = some_of(unsure.astype(np.uint8), segments.view.owner, segments.view.parents)
    return replace(segments, view=replace(kept, cut=worst(segments.view.cut, cut)))


def count_lost(segments: Segments, run: Run) -> None:
    """Count the elements whose place is not known, which no list shows."""
    membership = segments.view.membership
    if membership is not None:
        unsure = membership[is_unsure(membership)]
        run.lose(unsure)


# Equality


def distinct(segments: Segments, key: Key | None) -> Segments:
    """Keep the first of elements that are equal, or have equal keys."""
    rows, groups = order.firsts(_codes(segments, key), segments.view.owner, segments.domain.run)
    if segments.view.membership is None:
        return segments.at(rows)
    if key is not None:
        return segments.among(negation(_earlier(segments.membership, groups)))
    found = segments.at(rows)
    there = np.zeros(len(rows), np.uint8)
    np.maximum.at(there, groups, segments.membership)
    return replace(found, view=replace(found.view, membership=there))


def _earlier(membership: Truth, groups: Indexes) -> Truth:
    """For each element, whether one of its group stands before it."""
    by_group = np.argsort(groups, kind="stable")
    own = groups[by_group] << 8
    # Groups ascend, so that the greatest so far of all is the greatest so far of each.
    so_far = np.maximum.accumulate(own + membership[by_group])
    before = np.append(np.int64(0), so_far[:-1]) - own
    found = np.zeros(len(groups), np.uint8)
    found[by_group] = np.maximum(before, 0).astype(np.uint8)
    return found


def _codes(segments: Segments, key: Key | None) -> Indexes:
    if key is None:
        (codes,) = order.codes([segments.view.children], segments.domain.run)
        return codes
    column = value(key.term, segments.inside(key.root))
    return order.code_of([column], fold=key.term.type.ignores_case)
