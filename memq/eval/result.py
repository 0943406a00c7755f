"""Running a plan: batches of records as they are found, or the one value that a query ends in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import (
    FALSE,
    TRUE,
    Column,
    Truth,
    column_of,
    constant,
    disjunction,
    is_unsure,
    negation,
)
from memq.errors import MemqError, Reason
from memq.eval import stages
from memq.eval.domain import Domain
from memq.eval.evaluate import holds
from memq.eval.scope import RecordShape
from memq.eval.terms import BOOLEAN, NUMBER
from memq.output.records import RecordField, Records
from memq.schema.kinds import ValueType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.plan import Condition, Ending, Plan
    from memq.eval.stages import Flow
    from memq.schema.batch import Context


class Result:
    """What a query gives; nothing is read of the dump before a batch is pulled."""

    def __init__(self, plan: Plan, context: Context) -> None:
        self.plan = plan
        self.context = context
        self.run = context.run

    @property
    def shape(self) -> RecordShape:
        """The fields of the records, and whether they are plain values."""
        ending = self.plan.ending
        if ending is None or ending.operator == "First":
            return self.plan.records
        type_ = NUMBER if ending.operator == "Count" else BOOLEAN
        return RecordShape((RecordField((), type_),), bare=True)

    @property
    def is_single(self) -> bool:
        """Whether the query ends in one value, which is printed without an array around it."""
        return self.plan.ending is not None

    def batches(self) -> Iterator[Records]:
        """Yield the records, batch by batch, none of them empty."""
        flows = self._flows()
        ending = self.plan.ending
        if ending is not None:
            yield self._ended(ending, flows)
            return
        for flow in self._shown(flows):
            if isinstance(flow.batch, Records) and len(flow.batch):
                self.run.matched += len(flow.batch)
                yield flow.batch

    def _flows(self) -> Iterator[Flow]:
        flows = stages.source(self.plan.source, self.context)
        for stage in self.plan.stages:
            flows = stages.apply(stage, flows, self.run)
        return flows

    def _shown(self, flows: Iterator[Flow]) -> Iterator[Flow]:
        """Turn objects into records of their default columns."""
        if self.plan.shown is None:
            return flows
        return stages.select(flows, self.plan.shown, self.run)

    def _ended(self, ending: Ending, flows: Iterator[Flow]) -> Records:
        if ending.operator == "Count":
            return _one(self._count(flows), NUMBER)
        if ending.operator == "First":
            return self._first(flows)
        truth = self._decided(ending, flows)
        self.run.matched = int(truth[0] == TRUE)
        return _one(column_of(truth), BOOLEAN)

    def _count(self, flows: Iterator[Flow]) -> Column:
        count = 0
        for flow in flows:
            count += len(flow.batch)
            if flow.cut is not None:
                self.run.note(f"the count is of what is there; the rest: {flow.cut.text}")
        self.run.matched = count
        return constant(count, 1)

    def _first(self, flows: Iterator[Flow]) -> Records:
        first = (
            replace(flow, batch=flow.batch.take(np.zeros(1, np.int64)))
            for flow in flows
            if len(flow.batch)
        )
        for flow in self._shown(first):
            if isinstance(flow.batch, Records):
                self.run.matched = 1
                return flow.batch
        raise MemqError("First: there is no element")

    def _decided(self, ending: Ending, flows: Iterator[Flow]) -> Truth:
        """Any and All over a whole query; what was undecided or is missing leaves them unknown."""
        found = np.zeros(1, np.uint8)
        for flow in flows:
            truth = self._asked(ending.condition, flow)
            if ending.operator == "All":
                truth = negation(truth)
            worst = truth.max(initial=FALSE)
            rest = FALSE if flow.cut is None else flow.cut
            found = disjunction([found, np.array([max(worst, rest)], np.uint8)], 1)
            if found[0] == TRUE:
                break
        if self.run.undecided:
            found = np.maximum(found, np.uint8(min(self.run.undecided)))
        if is_unsure(found)[0]:
            self.run.undecided.setdefault(Reason(int(found[0])), 1)
        return found if ending.operator == "Any" else negation(found)

    def _asked(self, condition: Condition | None, flow: Flow) -> Truth:
        if condition is None:
            return np.full(len(flow.batch), TRUE, np.uint8)
        return holds(condition.predicate, Domain.over(condition.root, flow.batch, self.run))


def _one(column: Column, type_: ValueType) -> Records:
    return Records(1, (RecordField((), type_),), (column,))
