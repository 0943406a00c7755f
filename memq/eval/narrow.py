"""Where on whole batches: which elements are left, and what is left in their collections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import TRUE, Truth, is_unsure
from memq.errors import Reason
from memq.eval.domain import Domain, Slot
from memq.eval.evaluate import holds
from memq.eval.terms import Step, positive
from memq.output.records import Records
from memq.schema.batch import Collection, ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memq.eval.plan import Condition
    from memq.eval.terms import Place, Term
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
    if isinstance(kept, ObjectType) and len(kept):
        places = frozenset[Step]().union(*(_places(one) for one in conditions))
        _count_lost(kept, conditions[0].root, places, run)
    return kept


def narrowed(batch: ObjectType, condition: Condition, run: Run) -> ObjectType:
    """Narrow the collections that a condition names to the elements of which it is true."""
    domain = Domain.over(condition.root, batch, run)
    return _narrow_within(batch, condition.root, domain, condition.predicate, _places(condition))


def _places(condition: Condition) -> frozenset[Step]:
    """Return the collections that a condition narrows and something reads afterwards."""
    named = positive(condition.predicate)
    return frozenset(place for place in named if place.name in condition.narrows)


def _narrow_within(
    batch: ObjectType, parent: Place, domain: Domain, predicate: Term, places: frozenset[Step]
) -> ObjectType:
    """Narrow the collections of the objects at a place; row by row they are those of the domain."""
    views = {
        place.name: _narrow(batch, place, domain, predicate, places)
        for place in _within(places, parent)
    }
    for name, view in views.items():
        batch = batch.with_view(name, view)
    return batch


def _within(places: Iterable[Step], parent: Place) -> list[Step]:
    return [place for place in places if place.parent == parent]


def _narrow(
    batch: ObjectType, place: Step, domain: Domain, predicate: Term, places: frozenset[Step]
) -> Collection:
    """Narrow one collection of each object, and with each element fixed those within it."""
    view = batch.collection(place.name)
    elements = Slot(view.children, np.arange(len(view.children), dtype=np.int64))
    inner = domain.take(view.owner).fix(place, elements)
    truth = _asked(predicate, inner)
    if view.membership is not None:
        truth = np.minimum(truth, view.membership)
    kept = view.keep(truth)
    if _within(places, place):
        left = inner.take(np.flatnonzero(truth))
        children = _narrow_within(kept.children, place, left, predicate, places)
        kept = replace(kept, children=children)
    return kept


def _asked(predicate: Term, domain: Domain) -> Truth:
    """Evaluate a predicate, a bounded number of rows at a time."""
    result = np.zeros(domain.length, np.uint8)
    step = domain.run.limits.rows_at_once
    for start in range(0, domain.length, step):
        rows = np.arange(start, min(start + step, domain.length), dtype=np.int64)
        piece = domain if len(rows) == domain.length else domain.take(rows)
        result[rows] = holds(predicate, piece)
    return result


def _count_lost(batch: ObjectType, parent: Place, places: Iterable[Step], run: Run) -> None:
    """Count the sub-objects that narrowing left out because their place is unknown."""
    for place in _within(places, parent):
        view = batch.collection(place.name)
        children = view.children
        if view.membership is not None:
            unsure = view.membership[is_unsure(view.membership)]
            run.lost.update(Reason(code) for code in unsure.tolist())
            children = children.take(np.flatnonzero(view.membership == TRUE))
        _count_lost(children, place, places, run)
