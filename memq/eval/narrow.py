"""Where on whole batches: which elements are left, and what is left in their collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import TRUE, Truth, is_unsure
from memq.errors import Reason
from memq.eval.domain import Domain, Slot
from memq.eval.evaluate import holds
from memq.eval.terms import Root, Step, positive
from memq.output.records import Records
from memq.schema.batch import Collection, ObjectType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.eval.plan import Condition
    from memq.run import Run

Batch = ObjectType | Records


def keep(batch: Batch, conditions: Sequence[Condition], run: Run) -> Batch:
    """Return the elements of which all conditions are true, their collections narrowed.

    An element that a condition leaves unknown stays until another finds it false; what is unknown
    at the end is counted as undecided.
    """
    value = np.full(len(batch), TRUE, np.uint8)
    for condition in conditions:
        domain = Domain.over(condition.root, batch, run)
        value = np.minimum(value, holds(condition.predicate, domain))
        rows = np.flatnonzero(value)
        if len(rows) < len(batch):
            batch, value = batch.take(rows), value[rows]
        if isinstance(batch, ObjectType) and len(batch):
            batch = narrowed(batch, condition, run)
    run.undecided.update(Reason(code) for code in value[is_unsure(value)].tolist())
    kept = batch if (value == TRUE).all() else batch.take(np.flatnonzero(value == TRUE))
    if isinstance(kept, ObjectType):
        _count_lost(kept, conditions, run)
    return kept


def narrowed(batch: ObjectType, condition: Condition, run: Run) -> ObjectType:
    """Narrow the collections that a condition names to the elements of which it is true."""
    views = {
        place.name: view
        for place in positive(condition.predicate)
        if place.parent == condition.root
        for view in [_narrow(batch, place, condition, run)]
    }
    for name, view in views.items():
        batch = batch.with_view(name, view)
    return batch


def _narrow(batch: ObjectType, place: Step, condition: Condition, run: Run) -> Collection:
    view = batch.collection(place.name)
    truth = _with_each(batch, view, place, condition, run)
    return view.keep(truth if view.membership is None else np.minimum(truth, view.membership))


def _with_each(
    batch: ObjectType, view: Collection, place: Step, condition: Condition, run: Run
) -> Truth:
    """Evaluate a condition with each element of a collection fixed, a bounded number at a time."""
    count = len(view.children)
    result = np.zeros(count, np.uint8)
    step = run.limits.rows_at_once
    for start in range(0, count, step):
        rows = np.arange(start, min(start + step, count), dtype=np.int64)
        slots: dict[Root | Step, Slot] = {condition.root: Slot(batch, view.owner[rows])}
        fixed: dict[Root | Step, Slot] = {place: Slot(view.children, rows)}
        result[rows] = holds(condition.predicate, Domain(len(rows), slots, run, fixed))
    return result


def _count_lost(batch: ObjectType, conditions: Sequence[Condition], run: Run) -> None:
    """Count the sub-objects that narrowing left out because their place is unknown."""
    names = {
        place.name
        for condition in conditions
        for place in positive(condition.predicate)
        if place.parent == condition.root
    }
    for name in names:
        membership = batch.collection(name).membership
        if membership is not None:
            run.lost.update(Reason(code) for code in membership[is_unsure(membership)].tolist())
