"""Raw things at work: slots of the kernel's own structures, their values, their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import Column, Indexes, constant
from memq.errors import Reason
from memq.eval.domain import Slot, View
from memq.eval.places import RawShape
from memq.eval.raw import RawBatch
from memq.eval.raw_records import column_of_leaf
from memq.eval.raw_types import written
from memq.eval.terms import Constant
from memq.output.records import Lists
from memq.schema.collection import Collection

if TYPE_CHECKING:
    from memq.column import Statuses
    from memq.eval.domain import Domain
    from memq.eval.places import RawStep
    from memq.eval.raw_records import Leaf
    from memq.eval.series import RawListSeries


def slot(place: RawStep, domain: Domain) -> Slot:
    """Return something raw for each row of a domain."""
    if place.parent is None:
        return _at(place, domain)
    parent = domain.slot(place.parent)
    if place.operation == "raw":
        objects = parent.objects()
        batch: Any = objects.kept("raw batch", lambda: RawBatch.of_structs(getattr(objects, "raw")))  # noqa: B009
        return Slot(batch, parent.index, parent.status, parent.rest)
    batch = parent.used()
    if place.operation == "index":
        return _index(place, parent, batch, domain)
    return Slot(_moved(place, batch), parent.index, parent.status, parent.rest)


def _moved(place: RawStep, batch: RawBatch) -> RawBatch:
    type_ = _type(place)
    match place.operation:
        case "member":
            return batch.member(place.name)
        case "deref":
            return batch.deref()
        case "cast":
            return batch.cast(type_)
        case _:
            return batch.container_of(type_, place.name)


def _type(place: RawStep) -> Any:
    if not isinstance(place.shape, RawShape):
        raise TypeError("not raw")
    return place.shape.type


def _at(place: RawStep, domain: Domain) -> Slot:
    """Return what is at addresses that are computed."""
    if place.argument is None:
        raise TypeError("an address is needed")
    kernel = domain.engine.context.kernel
    rows = np.arange(domain.length, dtype=np.int64)
    if isinstance(place.argument, Constant):
        rows = np.zeros(domain.length, np.int64)
        addresses = constant(place.argument.value, 1)
    else:
        addresses = domain.engine.evaluate(place.argument, domain)
    fits = Column(addresses.values.astype(np.uint64), addresses.status)
    return Slot(RawBatch.at(kernel, _type(place), fits), rows)


def _index(place: RawStep, parent: Slot, batch: RawBatch, domain: Domain) -> Slot:
    """Return elements of arrays; where the index is a constant, one for each array."""
    if place.argument is None:
        raise TypeError("an index is needed")
    if isinstance(place.argument, Constant):
        found = batch.index(constant(place.argument.value, len(batch)))
        return Slot(found, parent.index, parent.status, parent.rest)
    places = domain.engine.evaluate(place.argument, domain)
    rows = np.flatnonzero(parent.index >= 0)
    found = batch.take(parent.index[rows]).index(places.take(rows))
    index = np.full(domain.length, -1, np.int64)
    index[rows] = np.arange(len(rows))
    return Slot(found, index, parent.status, parent.rest)


def value(found: Slot, *, is_address: bool) -> Column:
    """Return the values of raw things, or their addresses."""
    batch: RawBatch = found.used()
    column = batch.address() if is_address else batch.value()
    return column.spread(found.index, found.status)


def leaf(found: Slot, one: Leaf) -> Column | Lists:
    """Return one column of the tree by which raw things are written."""
    batch: RawBatch = found.used()
    column = column_of_leaf(batch, one)
    if isinstance(column, Column):
        return column.spread(found.index, found.status)
    return spread_lists(column, found.index, found.status)


def spread_lists(lists: Lists, index: Indexes, status: Statuses | None) -> Lists:
    """Return the lists at the index; where that is -1 an empty one, with the reason if unknown."""
    cut = np.zeros(len(lists), np.uint8) if lists.cut is None else lists.cut
    starts = np.append(lists.starts, lists.starts[-1])
    more = Lists(
        starts, lists.items, lists.bare, np.append(cut, 0).astype(np.uint8), lists.membership
    )
    taken = more.take(np.where(index < 0, len(lists), index))
    if status is None:
        return taken
    own = np.zeros(len(index), np.uint8) if taken.cut is None else taken.cut
    reasons = np.where((index < 0) & (status > Reason.NULL), status, own)
    return Lists(taken.starts, taken.items, taken.bare, reasons.astype(np.uint8), taken.membership)


def listed(series: RawListSeries, domain: Domain) -> Collection:
    """Walk the list of each row's head."""
    head = domain.slot(series.head)
    batch: RawBatch = head.used()
    found = batch.list_of(domain.engine.context, series.struct, series.member)
    if found.cut is not None:
        for code in np.flatnonzero(np.bincount(found.cut)).tolist():
            if code:
                reason = Reason(code)
                text = f"list of {written(series.struct)} cut short: {reason.text}"
                domain.run.note(text, reason)
    collection = Collection(found.elements, found.owner, found.heads, found.cut, found.cut_at)
    return View(head.index, head.status, collection).spread()
