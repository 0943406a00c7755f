"""Running a plan: batches of records as they are found, or the one value that a query ends in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import (
    FALSE,
    TRUE,
    Column,
    Truth,
    column_of,
    constant,
    is_unsure,
    negation,
)
from memq.errors import MemqError, Reason
from memq.eval import aggregates, certainty, drawing, flows, picks
from memq.eval.domain import Domain
from memq.eval.engine import Evaluation
from memq.eval.flows import Flow
from memq.eval.places import Pick, RecordShape
from memq.eval.segments import Segments, certain, value
from memq.eval.series import Series, StageSeries
from memq.eval.stage_nodes import RawItem, TakeStage
from memq.eval.terms import NUMBER, Aggregate, Fold, Term
from memq.output.records import RecordField, Records, slices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.plan import Plan
    from memq.output.lines import Lines
    from memq.schema.batch import Context

_FAILS = {
    "First": "First: there is no element",
    "Last": "Last: there is no element",
    "Single": "Single: there is no element",
    "ElementAt": "ElementAt: there is no such element",
}
"""As a query's last step these fail where they find nothing, as LINQ's do."""

_WIDEST = 12
"""Members of a structure that are shown as the columns of a table."""


class Result:
    """What a query gives; nothing is read of the dump before a batch is pulled."""

    def __init__(self, plan: Plan, context: Context) -> None:
        self.plan = plan
        self.context = context
        self.run = context.run
        self.engine = Evaluation(context)

    @property
    def shape(self) -> RecordShape:
        """The fields of the records, and whether they are plain values."""
        return self.plan.records

    @property
    def is_single(self) -> bool:
        """Whether the query ends in one value, which is printed without an array around it."""
        return not isinstance(self.plan.result, Series)

    @property
    def raw_columns(self) -> int:
        """How many columns a table of the kernel's own structures has; 0 where there are none."""
        shown = self.plan.shown
        return sum(isinstance(item.what, RawItem) for item in shown.items) if shown else 0

    @property
    def is_tree(self) -> bool:
        """Whether the records are structures of many members, which no table has room for."""
        return self.raw_columns > _WIDEST

    @property
    def lines(self) -> Lines | None:
        """How a table draws the records as a tree; None where they are not in a tree's order."""
        return drawing.lines_of(self.plan)

    def batches(self) -> Iterator[Records]:
        """Yield the records, batch by batch, none of them empty."""
        try:
            yield from self._batches()
        except RecursionError:
            raise MemqError("the query is nested too deep to be run") from None

    def _batches(self) -> Iterator[Records]:
        result = self.plan.result
        if isinstance(result, Series):
            for flow in self._shown(flows.flows(result, self.engine)):
                for records in slices([certain(flow.batch)] if len(flow.batch) else []):
                    self.run.matched += len(records)
                    yield records
                    # Not before: what was found is written before the run stops.
                    self.run.check()
                self.run.check()
        elif isinstance(result, Term):
            yield self._value(result)
        else:
            yield from self._object(result)

    def _shown(self, stream: Iterator[Flow]) -> Iterator[Flow]:
        """Turn objects into records of their default columns."""
        if self.plan.shown is None:
            return stream
        return flows.select(stream, self.plan.shown, self.engine)

    # One value

    def _value(self, term: Term) -> Records:
        match term:
            case Aggregate(operator="Count") if self._streams(term.sequence):
                column = self._count(term)
            case Aggregate() if self._streams(term.sequence):
                truth = self._decided(term)
                self.run.matched = int(truth[0] == TRUE)
                column = column_of(truth)
            case Fold() if self._streams(term.sequence):
                column = self._folded(term)
            case _:
                column = value(term, Domain.unit(self.engine))
                self.run.matched = int(column.known[0])
        return Records(1, (RecordField((), term.type),), (column,))

    def _streams(self, series: Series) -> bool:
        """Whether a series depends on nothing, so that it can be pulled bit by bit."""
        return not series.read()

    def _count(self, term: Aggregate) -> Column:
        count = 0
        for flow in flows.flows(term.sequence, self.engine):
            truth = self._asked(term, flow.batch)
            count += int((truth == TRUE).sum())
            unsure = np.flatnonzero(is_unsure(truth))
            self.run.doubt(flow.batch.take(unsure), truth[unsure])
            self._note_rest(flow, "count")
        self.run.matched = count
        return constant(count, 1)

    def _note_rest(self, flow: Flow, what: str) -> None:
        if flow.cut is not None:
            rest = f"the {what} is of what is there; the rest: {flow.cut.text}"
            self.run.note(rest, flow.cut)

    def _decided(self, term: Aggregate) -> Truth:
        """Any, All, None over a whole query; what is undecided counts if it could change them."""
        found = self._pulled(term) if certainty.only_adds(term.sequence) else None
        if found is None:
            # What was left out as undecided may change it: now it is kept, as in an expression,
            # and nothing is lost.
            found = self.engine.holds(term, Domain.unit(self.engine))
            self.run.lost.clear()
            if not is_unsure(found)[0]:
                self.run.undecided.clear()
                self.run.doubts.clear()
        if is_unsure(found)[0]:
            self.run.undecided.setdefault(Reason(int(found[0])), 1)
        return found

    def _pulled(self, term: Aggregate) -> Truth | None:
        """Ask only until it is decided; None if what was left out on the way could decide it."""
        found = np.zeros(1, np.uint8)
        by_place = certainty.goes_by_place(term.sequence)
        for flow in flows.flows(term.sequence, self.engine):
            if by_place and flow.cut is not None:
                return None
            truth = self._asked(term, flow.batch)
            if term.operator == "All":
                truth = negation(truth)
            rest = FALSE if flow.cut is None else flow.cut
            found = np.maximum(found, np.uint8(max(truth.max(initial=FALSE), rest)))
            if found[0] == TRUE:
                break
        if found[0] != TRUE and self.run.undecided:
            return None
        return found if term.operator == "Any" else negation(found)

    def _asked(self, term: Aggregate, batch: Any) -> Truth:
        if term.body is None:
            return np.full(len(batch), TRUE, np.uint8)
        return self.engine.holds(term.body, Domain.over(term.variable, batch, self.engine))

    def _folded(self, term: Fold) -> Column:
        """Add up a whole query; what was undecided, or is missing, is told and not in it."""
        segments = flows.gathered(
            self._noted(term.sequence, term.operator), self.engine, term.sequence
        )
        whole = Segments.of_one(segments.view.children, self.engine)
        column = aggregates.folded(term.operator, whole.view)
        self.run.matched = int(column.known[0])
        return column

    def _noted(self, series: Series, what: str) -> Iterator[Flow]:
        for flow in flows.flows(series, self.engine):
            self._note_rest(flow, what.lower())
            yield flow

    # One object

    def _object(self, place: Any) -> Iterator[Records]:
        if isinstance(place, Pick) and self._streams(place.sequence):
            yield from self._picked(place)
            return
        slot = Domain.unit(self.engine).slot(place)
        if slot.index[0] < 0:
            raise MemqError("there is no such object")
        self.run.matched = 1
        yield from self._written(slot.batch.take(slot.index))

    def _picked(self, place: Pick) -> Iterator[Records]:
        """Pick of a whole query; First stops as soon as there is one."""
        series = place.sequence
        if place.operator.startswith("First"):
            series = StageSeries(series.span, series.shape, series, TakeStage(1))
        segments = flows.gathered(self._noted(series, "result"), self.engine, series)
        whole = Segments.of_one(segments.view.children, self.engine)
        rows, status = self._row(place, whole)
        if rows[0] < 0:
            yield self._nothing(place, 0 if status is None else int(status[0]))
            return
        self.run.matched = 1
        yield from self._written(whole.view.children.take(rows))

    def _row(self, place: Pick, whole: Segments) -> Any:
        if place.operator != "ElementAt" or place.argument is None:
            return picks.choose(place, whole)
        wanted = self.engine.evaluate(place.argument, Domain.unit(self.engine))
        return picks.at(whole.view, wanted.values, wanted.statuses)

    def _nothing(self, place: Pick, status: int) -> Records:
        """Fail, or give null, where there is no element."""
        if status == Reason.NOT_SINGLE:
            raise MemqError("Single: there is more than one element")
        if place.operator in _FAILS and status <= Reason.NULL:
            raise MemqError(_FAILS[place.operator])
        reason = Reason(max(status, Reason.NULL))
        column = Column(np.zeros(1, np.int64), np.array([reason], np.uint8))
        return Records(1, (RecordField((), NUMBER),), (column,))

    def _written(self, batch: Any) -> Iterator[Records]:
        for flow in self._shown(iter([Flow(batch)])):
            yield certain(flow.batch)
