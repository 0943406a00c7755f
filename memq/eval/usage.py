"""Which narrowed collections anything reads: Where narrows those only, and walks no others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from memq.errors import Span
from memq.eval.places import Pick, RecordShape
from memq.eval.rules_walk import names_in, rewritten
from memq.eval.series import ListSeries, Series, SharedSeries, StageSeries
from memq.eval.stage_nodes import Condition, WhereStage
from memq.eval.terms import Aggregate

if TYPE_CHECKING:
    from memq.eval.plan import Plan

NOWHERE = ListSeries(Span(0, 0), RecordShape(()), ())


def with_usage(plan: Plan) -> Plan:
    """Say of each Where of the query itself which collections that it narrows are read after it.

    Of a Where within an expression, whatever the query names anywhere counts as read.
    """
    usage = _Usage(names_in(plan))
    used = frozenset(names_in(plan.shown)) if plan.shown is not None else frozenset[str]()
    result: Any = plan.result
    if isinstance(result, Series):
        result = usage.marked(result, used)
    elif isinstance(result, Pick | Aggregate):
        used |= names_in(result.variable if isinstance(result, Pick) else result.body)
        rest = usage.everywhere(replace(result, sequence=NOWHERE))
        result = replace(rest, sequence=usage.marked(result.sequence, used))
    else:
        result = usage.everywhere(result)
    return replace(plan, result=result)


class _Usage:
    """The marking of one plan; what is shared in it stays shared."""

    def __init__(self, everything: frozenset[str]) -> None:
        self._everything = everything
        self._done: dict[int, tuple[object, Any]] = {}

    def marked(self, series: Series, used: frozenset[str]) -> Series:
        """Mark the Wheres of a chain, from the last to the first."""
        if isinstance(series, SharedSeries):
            return replace(series, inner=self.marked(series.inner, used))
        if not isinstance(series, StageSeries):
            return cast("Series", self.everywhere(series))
        stage: Any = series.stage
        if isinstance(stage, WhereStage):
            stage, used = self._where(stage, used)
        else:
            used |= names_in(stage)
            stage = self.everywhere(stage)
        return replace(series, stage=stage, inner=self.marked(series.inner, used))

    def _where(self, stage: WhereStage, used: frozenset[str]) -> tuple[WhereStage, frozenset[str]]:
        marked: list[Condition] = []
        for condition in reversed(stage.conditions):
            predicate = self.everywhere(condition.predicate)
            marked.append(replace(condition, predicate=predicate, narrows=used))
            used |= names_in(condition.predicate)
        return WhereStage(tuple(reversed(marked))), used

    def everywhere(self, node: Any) -> Any:
        """Return the same with every Where inside marked; what has none inside stays as it is."""
        return rewritten(node, self._read_somewhere, self._done)

    def _read_somewhere(self, node: Any) -> Any:
        if isinstance(node, Condition):
            return replace(node, narrows=self._everything)
        return node
