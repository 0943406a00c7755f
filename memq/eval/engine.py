"""The engine: what series and picks are for the rows of a domain, made once where they can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import TRUE, Column, Indexes, Text, Truth, text_column
from memq.errors import Reason
from memq.eval import certainty, flows, picks, stages
from memq.eval.domain import Domain, Slot, View, extend
from memq.eval.evaluate import evaluate, holds
from memq.eval.notes import note_cuts
from memq.eval.order import first_rows, ranked
from memq.eval.places import Pick, RecordShape, collections_on, ordered
from memq.eval.segments import Segments
from memq.eval.series import (
    ColumnSeries,
    ListSeries,
    PiecesSeries,
    PlaceSeries,
    RawListSeries,
    Series,
    SharedSeries,
    SourceSeries,
    StageSeries,
)
from memq.eval.words import split
from memq.merge import concatenate
from memq.output.records import Lists, RecordField, Records
from memq.schema.collection import Collection

if TYPE_CHECKING:
    from memq.eval.places import Place, RawStep, Step
    from memq.eval.raw_records import Leaf
    from memq.eval.terms import Term
    from memq.run import Run
    from memq.schema.batch import Context
    from memq.schema.kinds import ValueType


class Evaluation:
    """Evaluates series, terms and picks for one run; holds what depends on no element."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: dict[Any, Collection] = {}
        self._reads: dict[Series, frozenset[Place]] = {}

    @property
    def context(self) -> Context:
        """What the objects are read by, and the run."""
        return self._context

    @property
    def run(self) -> Run:
        """State of the evaluation."""
        return self._context.run

    def holds(self, term: Term, domain: Domain) -> Truth:
        """Return for each row whether a condition is true of it."""
        return holds(term, domain)

    def evaluate(self, term: Term, domain: Domain) -> Column:
        """Return a term's value in each row."""
        return evaluate(term, domain)

    def slot(self, place: Pick | RawStep, domain: Domain) -> Slot:
        """Return what is picked, or raw, for each row of a domain."""
        if isinstance(place, Pick):
            return picks.picked(place, domain.free())
        from memq.eval import rawvalues  # noqa: PLC0415 - 25 ms, and most queries need none

        return rawvalues.slot(place, domain)

    def raw_value(self, slot: Slot, *, is_address: bool) -> Column:
        """Return the values of raw things, or their addresses."""
        from memq.eval import rawvalues  # noqa: PLC0415 - as above

        return rawvalues.value(slot, is_address=is_address)

    def raw_column(self, slot: Slot, leaf: Leaf) -> Column | Lists:
        """Return one column of the tree by which raw things are written."""
        from memq.eval import rawvalues  # noqa: PLC0415 - as above

        return rawvalues.leaf(slot, leaf)

    def view(self, series: Series, domain: Domain) -> View:
        """Return the sequences that a series is for each row of a domain."""
        match series:
            case PlaceSeries(place=place):
                return self._place(place, domain)
            case ColumnSeries(place=place, column=column):
                return _column(domain.slot(place), column)
            case PiecesSeries():
                return self._pieces(series, domain)
            case SharedSeries(inner=shared):
                return self.view(shared, domain)
            case _:
                return self._general(series, domain)

    def _general(self, series: Series, domain: Domain) -> View:
        """Make a series for rows of which each speaks of other elements, and hand it to all."""
        reads = self._read_in(series, domain)
        if not reads:
            return self._independent(series, domain)
        rows, inverse = _distinct_rows(domain, reads)
        inner = domain.some(rows).free()
        return View(inverse, None, self._made(series, inner))

    def _read_in(self, series: Series, domain: Domain) -> list[Place]:
        """Return the domain's places that a series depends on."""
        if series not in self._reads:
            self._reads[series] = series.read()
        return [place for place in domain.slots if place in self._reads[series]]

    def _independent(self, series: Series, domain: Domain) -> View:
        key: Any = series
        if isinstance(series, SourceSeries):
            key = series.type, series.key, series.is_scan
        if key not in self._kept:
            self._kept[key] = self._made(series, Domain.unit(self))
        return View(np.zeros(domain.length, np.int64), None, self._kept[key])

    def _made(self, series: Series, domain: Domain) -> Collection:
        """Make the sequences of a series, one for each row of a domain."""
        match series:
            case StageSeries(inner=inner, stage=stage):
                if not domain.slots and certainty.is_certain(series):
                    # Nothing is undecided on this way, so that what is pulled lazily is the same.
                    view = flows.gathered(flows.flows(series, self), self, series).view
                    if view.cut is None or not certainty.goes_by_place(series):
                        return view
                found = Segments(domain, self.view(inner, domain).spread())
                return stages.applied(stage, found).view
            case SourceSeries():
                return flows.gathered(flows.flows(series, self), self, series).view
            case ListSeries():
                return _list(series, domain)
            case RawListSeries():
                return _raw_list(series, domain)
            case _:
                raise TypeError(type(series).__name__)

    def _place(self, place: Step, domain: Domain) -> View:
        """Return collections, walked only for parents in the domain."""
        outer = ordered(collections_on(place.parent) - domain.slots.keys())
        if outer:
            return self._within(place, outer[0], domain)
        parent = domain.slot(place.parent)
        batch = parent.objects()
        view = batch.collection(place.name)
        note_cuts(batch, place.name, view, self.run)
        return View(parent.index, parent.status, view)

    def _within(self, place: Step, outer: Step, domain: Domain) -> View:
        """Return the collections of all elements of another one that nothing has settled."""
        around = self._place(outer, domain)
        extension = extend(domain, around, outer)
        view = self._place(place, extension.domain)
        found, reasons = view.spread(), view.reasons()
        there = np.full(len(extension.origin), TRUE, np.uint8)
        if extension.there is not None:
            there = extension.there
        membership = np.full(len(found.owner), TRUE, np.uint8)
        if found.membership is not None:
            membership = found.membership
        membership = np.minimum(membership, there[found.owner])
        cut = np.zeros(domain.length, np.uint8)
        np.maximum.at(cut, extension.origin, np.where(reasons == Reason.NULL, 0, reasons))
        joined = Collection(
            found.children,
            extension.origin[found.owner],
            domain.length,
            cut if cut.any() else None,
            membership=None if (membership == TRUE).all() else membership,
        )
        return View(np.arange(domain.length, dtype=np.int64), None, joined)

    def _pieces(self, series: PiecesSeries, domain: Domain) -> View:
        """Split each distinct text once; a row's sequence is that of its text."""
        text = evaluate(series.text, domain)
        words = text.words if isinstance(text, Text) else ()
        starts, pieces, cut = split(words, series.separator)
        owner = np.repeat(np.arange(len(words), dtype=np.int64), np.diff(starts))
        column = text_column(pieces)
        children = Records(len(owner), (RecordField((), series_type(series)),), (column,))
        collection = Collection(children, owner, len(words), cut)
        index = np.where(text.known, text.values, -1).astype(np.int64)
        return View(index, text.status, collection)


def _raw_list(series: RawListSeries, domain: Domain) -> Collection:
    from memq.eval import rawvalues  # noqa: PLC0415 - as above

    return rawvalues.listed(series, domain)


def series_type(series: Series) -> ValueType | None:
    """Return the type of a series of plain values."""
    shape = series.shape
    return shape.fields[0].type if isinstance(shape, RecordShape) else None


def _column(slot: Slot, number: int) -> View:
    """Return the lists in a column of records."""
    lists = slot.records(number)
    if not isinstance(lists, Lists):
        raise TypeError("not a column of lists")
    owner = np.repeat(np.arange(len(lists), dtype=np.int64), np.diff(lists.starts))
    collection = Collection(lists.items, owner, len(lists), lists.cut, membership=lists.membership)
    return View(slot.index, slot.status, collection)


def _list(series: ListSeries, domain: Domain) -> Collection:
    """Return a list of some values for each row."""
    count = len(series.items)
    owner = np.repeat(np.arange(domain.length, dtype=np.int64), count)
    columns = [evaluate(item, domain) for item in series.items]
    every = np.arange(domain.length * count, dtype=np.int64)
    field = RecordField((), series_type(series))
    if not columns:
        return Collection(Records(0, (field,), (Column(np.zeros(0)),)), owner, domain.length)
    index = every % count * domain.length + every // count
    joined = concatenate(columns).take(index)
    return Collection(Records(len(owner), (field,), (joined,)), owner, domain.length)


def _distinct_rows(domain: Domain, places: list[Place]) -> tuple[Indexes, Indexes]:
    """Return rows of which each speaks of other elements, and for each row which is like it."""
    code = np.zeros(domain.length, np.int64)
    for place in places:
        slot = domain.slots[place]
        own = slot.index + 1
        if slot.status is not None:
            own = np.where(own == 0, -slot.status.astype(np.int64), own)
        _, low = ranked(own)
        code = ranked(code * (int(low.max(initial=0)) + 1) + low)[1]
    # In the order of the rows, so that a domain that repeats nothing stays as it is.
    return first_rows(code)
