"""Where on whole batches: which elements are left, and what is left in their collections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import TRUE, Truth, is_unsure, possible
from memq.eval.domain import Domain, Slot
from memq.eval.places import Step, way_to
from memq.eval.reading import positive
from memq.schema.batch import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memq.eval.places import Place
    from memq.eval.segments import Segments
    from memq.eval.stage_nodes import Condition
    from memq.eval.terms import Term
    from memq.run import Run
    from memq.schema.collection import Collection


def settle(segments: Segments, conditions: Sequence[Condition]) -> tuple[Truth, Segments]:
    """Return the elements of which no condition is false, and the Kleene && of all for each.

    Their collections are narrowed. An element that a condition leaves unknown stays until another
    finds it false.
    """
    value = np.full(len(segments.view.owner), TRUE, np.uint8)
    for condition in conditions:
        if not len(value):
            break
        domain = segments.inside(condition.root)
        value = np.minimum(value, segments.engine.holds(condition.predicate, domain))
        rows = possible(value)
        if len(rows) < len(value):
            segments, value = segments.at(rows), value[rows]
        batch = segments.view.children
        if isinstance(batch, ObjectType) and len(batch) and narrowed_places(condition):
            segments = segments.with_children(_narrowed(segments, condition))
    return value, segments


def kept(segments: Segments, conditions: Sequence[Condition], run: Run) -> Any:
    """Return the elements of which all conditions are true; what is undecided is counted."""
    value, left = settle(segments, conditions)
    batch = left.view.children
    unsure = np.flatnonzero(is_unsure(value))
    if len(unsure):
        run.doubt(batch.take(unsure), value[unsure])
    if not (value == TRUE).all():
        batch = batch.take(np.flatnonzero(value == TRUE))
    if isinstance(batch, ObjectType) and len(batch):
        places = frozenset[Step]().union(*(narrowed_places(one) for one in conditions))
        _count_lost(batch, conditions[0].root, places, run)
    return batch


def narrowed_places(condition: Condition) -> frozenset[Step]:
    """Return the collections that a condition narrows and something reads afterwards."""
    named = positive(condition.predicate)
    return frozenset(
        place
        for place in named
        if place.name in condition.narrows and condition.root in way_to(place)
    )


def _narrowed(segments: Segments, condition: Condition) -> ObjectType:
    """Narrow the collections that a condition names to the elements of which it is true."""
    domain = segments.inside(condition.root)
    places = narrowed_places(condition)
    batch: ObjectType = segments.view.children
    return _narrow_within(batch, condition.root, domain, condition.predicate, places)


def _narrow_within(
    batch: ObjectType, parent: Place, domain: Domain, predicate: Term, places: frozenset[Step]
) -> ObjectType:
    """Narrow the collections of the objects at a place; row by row they are those of the domain.

    The views are computed before any is put in: all speak of what was there.
    """
    views = {
        place.name: _narrow(batch, place, domain, predicate, places)
        for place in _within(places, parent)
    }
    others = {
        single.name: _narrow_behind(batch, single, domain, predicate, places)
        for single in _singles(places, parent)
    }
    for name, view in views.items():
        batch = batch.with_view(name, view)
    for name, other in others.items():
        batch = batch.with_reference(name, other)
    return batch


def _within(places: Iterable[Step], parent: Place) -> list[Step]:
    return [place for place in places if place.parent == parent]


def _singles(places: Iterable[Step], parent: Place) -> set[Step]:
    """Return the single sub-objects of a place behind which something is narrowed."""
    return {
        one
        for place in places
        for one in way_to(place)
        if isinstance(one, Step) and not one.many and one.parent == parent
    }


def _narrow(
    batch: ObjectType, place: Step, domain: Domain, predicate: Term, places: frozenset[Step]
) -> Collection:
    """Narrow one collection of each object, and with each element fixed those within it."""
    view = batch.collection(place.name)
    elements = Slot(view.children)
    inner = domain.take(view.owner).fix(place, elements)
    truth = _asked(predicate, inner)
    if view.membership is not None:
        truth = np.minimum(truth, view.membership)
    kept_ones = view.keep(truth)
    if _reaches(places, place):
        left = inner.take(possible(truth))
        children = _narrow_within(kept_ones.children, place, left, predicate, places)
        kept_ones = replace(kept_ones, children=children)
    return kept_ones


def _reaches(places: Iterable[Step], parent: Place) -> bool:
    """Whether something is narrowed behind a place."""
    return any(place != parent and parent in way_to(place) for place in places)


def _narrow_behind(
    batch: ObjectType, single: Step, domain: Domain, predicate: Term, places: frozenset[Step]
) -> Any:
    """Narrow the collections behind a single sub-object, for each object by itself.

    Two processes of one parent each get their own view of its collections.
    """
    own = batch.reference(single.name).own
    rows = np.flatnonzero(own.index >= 0)
    target = _narrow_within(own.batch, single, domain.take(rows), predicate, places)
    return replace(own, batch=target)


def _asked(predicate: Term, domain: Domain) -> Truth:
    """Evaluate a predicate, a bounded number of rows at a time."""
    result = np.zeros(domain.length, np.uint8)
    step = domain.run.limits.rows_at_once
    for start in range(0, domain.length, step):
        rows = np.arange(start, min(start + step, domain.length), dtype=np.int64)
        result[rows] = domain.engine.holds(predicate, domain.some(rows))
    return result


def _count_lost(batch: ObjectType, parent: Place, places: frozenset[Step], run: Run) -> None:
    """Count the sub-objects that narrowing left out because their place is unknown."""
    for single in _singles(places, parent):
        found = batch.reference(single.name)
        _count_lost(found.batch.take(found.index[found.index >= 0]), single, places, run)
    for place in _within(places, parent):
        view = batch.collection(place.name)
        children = view.children
        if view.membership is not None:
            unsure = view.membership[is_unsure(view.membership)]
            run.lose(unsure)
            children = children.take(np.flatnonzero(view.membership == TRUE))
        _count_lost(children, place, places, run)
