"""Which narrowed collections anything reads: Where narrows those only, and walks no others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memq.eval.plan import (
    ListItem,
    OrderStage,
    SelectManyStage,
    SelectStage,
    WhereStage,
)
from memq.eval.terms import Aggregate, Membership, Step, collections_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.eval.plan import Plan, SelectItem, Stage
    from memq.eval.terms import Place, Term


def with_usage(plan: Plan) -> Plan:
    """Say of each Where which of the collections that it narrows are read after it."""
    used: set[str] = set()
    if plan.ending is not None and plan.ending.condition is not None:
        used.update(_of_term(plan.ending.condition.predicate))
    stages: list[Stage] = []
    for stage in reversed(plan.stages):
        if isinstance(stage, WhereStage):
            stages.append(_of_where(stage, used))
        else:
            used.update(_of_stage(stage))
            stages.append(stage)
    return replace(plan, stages=tuple(reversed(stages)))


def _of_where(stage: WhereStage, used: set[str]) -> WhereStage:
    """Mark the conditions of adjacent Wheres from the last to the first; adds what they read."""
    marked = []
    for condition in reversed(stage.conditions):
        marked.append(replace(condition, narrows=frozenset(used)))
        used.update(_of_term(condition.predicate))
    return WhereStage(tuple(reversed(marked)))


def _of_stage(stage: Stage) -> Iterator[str]:
    if isinstance(stage, SelectStage):
        yield from _of_items(stage.items)
    elif isinstance(stage, SelectManyStage):
        yield from _of_place(stage.place)
    elif isinstance(stage, OrderStage):
        yield from _of_term(stage.key)


def _of_items(items: Iterable[SelectItem]) -> Iterator[str]:
    for item in items:
        if isinstance(item.what, ListItem):
            yield from _of_place(item.what.place)
            yield from _of_items(item.what.items)
        else:
            yield from _of_term(item.what.term)


def _of_term(term: Term) -> Iterator[str]:
    """Yield the names of all collections that a term reads, in whatever way."""
    for place in term.places():
        yield from _of_place(place)
    for part in term.parts():
        yield from _of_term(part)
    if isinstance(term, Aggregate | Membership):
        yield from _of_place(term.place)
    if isinstance(term, Aggregate) and term.body is not None:
        yield from _of_term(term.body)


def _of_place(place: Place) -> Iterator[str]:
    if isinstance(place, Step):
        yield from (step.name for step in collections_on(place))
