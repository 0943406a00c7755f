"""Picks: one element of each sequence, or none, or not known which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import TRUE, Indexes, Statuses, is_unsure, some_of
from memq.errors import Reason
from memq.eval.domain import Slot
from memq.eval.order import sort_keys
from memq.eval.segments import Segments, value

if TYPE_CHECKING:
    from memq.column import Truth
    from memq.eval.domain import Domain
    from memq.eval.places import Pick
    from memq.schema.collection import Collection


def picked(place: Pick, domain: Domain) -> Slot:
    """Return the element that is picked for each row: null if there is none.

    Unknown where another may be it: an element before it whose place is unknown, a sequence that
    was cut short.
    """
    view = domain.engine.view(place.sequence, domain)
    if place.operator == "ElementAt" and place.argument is not None:
        segments = Segments(domain, view.spread())
        wanted = domain.engine.evaluate(place.argument, domain)
        rows, status = at(segments.view, wanted.values, wanted.statuses)
        return Slot(segments.view.children, rows, status)
    if (view.index < 0).any() or place.operator in ("MinBy", "MaxBy"):
        segments = Segments(domain, view.spread())
        rows, status = choose(place, segments)
        return Slot(segments.view.children, rows, status)
    whole = Segments(domain, view.collection)
    rows, status = choose(place, whole)
    reasons = None if status is None else status[view.index]
    return Slot(view.collection.children, rows[view.index], reasons)


def choose(place: Pick, segments: Segments) -> tuple[Indexes, Statuses | None]:
    """Return for each sequence the row that is picked, or -1, and why there is none."""
    view = segments.view
    if place.operator in ("MinBy", "MaxBy"):
        return _extreme(place, segments)
    if place.operator == "Single":
        return _single(view)
    return _edge(view, last=place.operator.startswith("Last"))


def _membership(view: Collection) -> Truth:
    if view.membership is not None:
        return view.membership
    return np.full(len(view.owner), TRUE, np.uint8)


def _edge(view: Collection, *, last: bool) -> tuple[Indexes, Statuses | None]:
    """The first, or the last, element that is there or may be."""
    starts = view.starts()
    filled = starts[1:] > starts[:-1]
    rows = np.where(filled, starts[1:] - 1 if last else starts[:-1], -1)
    there = np.append(_membership(view), 0)[rows]
    status = np.where(filled, np.where(there == TRUE, 0, there), Reason.NULL)
    return _told(rows, status.astype(np.uint8), view)


def _told(rows: Indexes, status: Statuses, view: Collection) -> tuple[Indexes, Statuses | None]:
    if view.cut is not None:
        status = np.maximum(status, view.cut)
    rows = np.where(status == 0, rows, -1).astype(np.int64)
    return rows, status if status.any() else None


def _single(view: Collection) -> tuple[Indexes, Statuses | None]:
    """The only element; where there are more, none is it."""
    membership = _membership(view)
    sure = np.bincount(view.owner[membership == TRUE], minlength=view.parents)
    unsure = np.where(is_unsure(membership), membership, np.uint8(0))
    reason = some_of(unsure, view.owner, view.parents)
    rows = np.full(view.parents, -1, np.int64)
    certain = np.flatnonzero(membership == TRUE)
    rows[view.owner[certain]] = certain
    status = np.where(sure > 1, Reason.NOT_SINGLE, np.where(sure == 1, 0, Reason.NULL))
    status = np.where((sure <= 1) & (reason > 0), reason, status).astype(np.uint8)
    return _told(rows, status, view)


def at(view: Collection, wanted: Indexes, reasons: Statuses) -> tuple[Indexes, Statuses | None]:
    """The element at a place of each sequence, counted from 0, or from the end if negative."""
    starts = view.starts()
    sizes = np.diff(starts)
    number = np.where(wanted < 0, wanted + sizes, wanted)
    inside = (number >= 0) & (number < sizes)
    rows = np.where(inside, starts[:-1] + np.minimum(np.maximum(number, 0), sizes), -1)
    status = np.where(inside, 0, Reason.NULL).astype(np.uint8)
    # What may be missing behind the place, seen from where it is counted, moves nothing.
    place = np.arange(len(view.owner)) - starts[view.owner]
    edge = number[view.owner]
    asked = np.where(wanted[view.owner] < 0, place >= edge, place <= edge)
    asked &= inside[view.owner] & is_unsure(_membership(view))
    unsure = np.where(asked, _membership(view), np.uint8(0))
    status = np.maximum(status, some_of(unsure, view.owner, view.parents))
    return _told(rows.astype(np.int64), np.maximum(status, reasons), view)


def _extreme(place: Pick, segments: Segments) -> tuple[Indexes, Statuses | None]:
    """The first element of the least, or the greatest, key; null keys are left out."""
    if place.argument is None or place.variable is None:
        raise TypeError("a key is needed")
    view = segments.view
    key = value(place.argument, segments.inside(place.variable))
    fold = place.argument.type.ignores_case
    arrays = sort_keys(key, descending=place.operator == "MaxBy", fold=fold)
    rows = np.lexsort((*arrays, view.owner))
    rows = rows[key.statuses[rows] == 0]
    owners = view.owner[rows]
    first = np.ones(len(rows), bool)
    first[1:] = owners[1:] != owners[:-1]
    chosen = np.full(view.parents, -1, np.int64)
    chosen[owners[first]] = rows[first]
    doubt = np.where(key.statuses > Reason.NULL, key.statuses, np.uint8(0))
    unsure = np.where(is_unsure(_membership(view)), _membership(view), np.uint8(0))
    reason = some_of(np.maximum(doubt, unsure).astype(np.uint8), view.owner, view.parents)
    status = np.where(reason > 0, reason, np.where(chosen < 0, Reason.NULL, 0)).astype(np.uint8)
    return _told(chosen, status, view)
