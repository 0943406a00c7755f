"""Stages at work: each takes a stream of batches and gives one, as lazily as it can."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import TRUE, Column, Indexes, column_of
from memq.errors import Reason
from memq.eval import merge, narrow, order
from memq.eval.domain import Domain, cut_rows, extend, rest_reasons
from memq.eval.evaluate import evaluate, holds
from memq.eval.plan import (
    DistinctStage,
    ListItem,
    OrderStage,
    SelectItem,
    SelectManyStage,
    SelectStage,
    SkipStage,
    Source,
    Stage,
    TakeStage,
    WhereStage,
)
from memq.eval.terms import FieldTerm, Root, Step, collections_on, depth_of
from memq.output.records import Lists, Records
from memq.schema.batch import Context, ObjectType
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from memq.run import Run

ROWS = 16_384
"""Elements of collections are handed on in batches of at most so many."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Some elements of a stream; `cut` says that after them, or among them, some are missing."""

    batch: ObjectType | Records
    cut: Reason | None = None


def source(plan: Source, context: Context) -> Iterator[Flow]:
    """Find the objects of a type, those that belong to others through their owners."""
    if plan.through is None:
        for portion in plan.type.portions(context):
            context.run.check()
            if portion.cut is not None:
                context.run.note(portion.cut.text)
            yield Flow(portion.batch, None if portion.cut is None else portion.cut.reason)
        return
    root = Root(0, plan.through.type)
    place = Step(root, plan.through.name, True, plan.type, plan.through.cost)
    owners = source(Source(plan.through.type, None), context)
    yield from select_many(owners, SelectManyStage(root, place), context.run)


def apply(stage: Stage, flows: Iterator[Flow], run: Run) -> Iterator[Flow]:
    """Return the stream after a stage."""
    match stage:
        case WhereStage():
            return _where(flows, stage, run)
        case SelectStage():
            return select(flows, stage, run)
        case SelectManyStage():
            return select_many(flows, stage, run)
        case TakeStage():
            return _take(flows, stage.count)
        case SkipStage():
            return _skip(flows, stage.count)
        case OrderStage():
            return _order(flows, stage, run)
        case DistinctStage():
            return _distinct(flows)


def _where(flows: Iterator[Flow], stage: WhereStage, run: Run) -> Iterator[Flow]:
    for flow in flows:
        run.check()
        yield replace(flow, batch=narrow.keep(flow.batch, stage.conditions, run))


def select(flows: Iterator[Flow], stage: SelectStage, run: Run) -> Iterator[Flow]:
    """Give one record for each element."""
    lists = [item.what.place for item in stage.items if isinstance(item.what, ListItem)]
    for flow in flows:
        domain = Domain.over(stage.root, flow.batch, run)
        for rows in _rows_at_once(domain, lists):
            run.check()
            piece = domain if len(rows) == domain.length else domain.take(rows)
            last = not len(rows) or rows[-1] == domain.length - 1
            yield Flow(_records(stage.items, piece), flow.cut if last else None)


def _rows_at_once(domain: Domain, lists: Sequence[Step]) -> Iterator[Indexes]:
    """Cut a batch into pieces whose lists have a bounded number of elements, or one row each."""
    sizes = np.zeros(domain.length, np.int64)
    for place in lists:
        sizes += domain.sizes(place)
    yield from cut_rows(sizes, ROWS)


def _records(items: Sequence[SelectItem], domain: Domain) -> Records:
    columns = tuple(_column(item, domain) for item in items)
    return Records(domain.length, tuple(item.field for item in items), columns)


def _column(item: SelectItem, domain: Domain) -> Column | Lists:
    if isinstance(item.what, ListItem):
        return _lists(item.what, domain)
    term = item.what.term
    if term.type.kind is Kind.BOOLEAN and not isinstance(term, FieldTerm):
        return column_of(holds(term, domain))
    return evaluate(term, domain)


def _lists(item: ListItem, domain: Domain) -> Lists:
    """One list for each row: of a collection's elements that are there for sure."""
    inner, origin = _sure(domain, item.place)
    starts = np.searchsorted(origin, np.arange(domain.length + 1)).astype(np.int64)
    reasons = rest_reasons(domain, item.place)
    reasons = np.where(reasons == Reason.NULL, 0, reasons).astype(np.uint8)
    cut = reasons if reasons.any() else None
    return Lists(starts, _records(item.items, inner), item.bare, cut)


def select_many(flows: Iterator[Flow], stage: SelectManyStage, run: Run) -> Iterator[Flow]:
    """Give one element for each element of a collection, in bounded batches."""
    for flow in flows:
        run.check()
        domain = Domain.over(stage.root, flow.batch, run)
        cut = flow.cut
        # A collection within another is taken of each element of that one.
        for place in sorted(collections_on(stage.place), key=depth_of):
            reason = rest_reasons(domain, place).max(initial=Reason.NULL)
            cut = Reason(int(reason)) if reason > Reason.NULL else cut
            domain, _ = _sure(domain, place)
        slot = domain.slots[stage.place]
        every = np.array_equal(slot.index, np.arange(len(slot.batch)))
        yield from _sliced(slot.batch if every else slot.batch.take(slot.index), cut)


def _sure(domain: Domain, place: Step) -> tuple[Domain, Indexes]:
    """Extend a domain by a collection's elements that are there for sure; and the row of each."""
    extension = extend(domain, place, rest=False)
    if extension.there is None:
        return extension.domain, extension.origin
    sure = np.flatnonzero(extension.there == TRUE)
    return extension.domain.take(sure), extension.origin[sure]


def _sliced(batch: ObjectType | Records, cut: Reason | None) -> Iterator[Flow]:
    """Hand on a batch in pieces; the last one says what is missing."""
    for start in range(0, len(batch), ROWS):
        if len(batch) <= ROWS:
            yield Flow(batch, cut)
            return
        end = min(start + ROWS, len(batch))
        piece = batch.take(np.arange(start, end, dtype=np.int64))
        yield Flow(piece, cut if end == len(batch) else None)
    if not len(batch) and cut is not None:
        yield Flow(batch, cut)


def _take(flows: Iterator[Flow], count: int) -> Iterator[Flow]:
    left = count
    if not left:
        return
    for flow in flows:
        if len(flow.batch) >= left:
            whole = len(flow.batch) == left
            yield flow if whole else Flow(flow.batch.take(np.arange(left, dtype=np.int64)))
            return
        left -= len(flow.batch)
        yield flow


def _skip(flows: Iterator[Flow], count: int) -> Iterator[Flow]:
    left = count
    for flow in flows:
        length = len(flow.batch)
        if left >= length:
            left -= length
            if flow.cut is not None:
                yield replace(flow, batch=flow.batch.take(np.zeros(0, np.int64)))
            continue
        rows = np.arange(left, length, dtype=np.int64)
        left = 0
        yield flow if len(rows) == length else replace(flow, batch=flow.batch.take(rows))


def _order(flows: Iterator[Flow], stage: OrderStage, run: Run) -> Iterator[Flow]:
    gathered = list(flows)
    if not gathered:
        return
    domains = [Domain.over(stage.root, flow.batch, run) for flow in gathered]
    key = merge.concatenate([evaluate(stage.key, domain) for domain in domains])
    fold = stage.key.type.ignores_case
    rows = order.permutation(key, descending=stage.descending, fold=fold)
    cuts = [flow.cut for flow in gathered if flow.cut is not None]
    batch = _joined([flow.batch for flow in gathered])
    yield from _sliced(batch.take(rows), cuts[0] if cuts else None)


def _joined(batches: Sequence[ObjectType | Records]) -> ObjectType | Records:
    objects = [batch for batch in batches if isinstance(batch, ObjectType)]
    if objects:
        return type(objects[0]).concatenate(objects)
    return join_records([batch for batch in batches if isinstance(batch, Records)])


def join_records(parts: Sequence[Records]) -> Records:
    """Return the records of all parts, which have the same fields, one after the other."""
    columns = []
    for same in zip(*(part.columns for part in parts), strict=True):
        lists = [column for column in same if isinstance(column, Lists)]
        plain = [column for column in same if not isinstance(column, Lists)]
        columns.append(_join_lists(lists) if lists else merge.concatenate(plain))
    return Records(sum(len(part) for part in parts), parts[0].fields, tuple(columns))


def _join_lists(lists: Sequence[Lists]) -> Lists:
    ends = np.cumsum([0] + [one.starts[-1] for one in lists])
    starts = [one.starts[1:] + end for one, end in zip(lists, ends, strict=False)]
    plain = all(one.cut is None for one in lists)
    cuts = [np.zeros(len(one), np.uint8) if one.cut is None else one.cut for one in lists]
    items = join_records([one.items for one in lists])
    return Lists(
        np.concatenate([np.zeros(1, np.int64), *starts]),
        items,
        lists[0].bare,
        None if plain else np.concatenate(cuts),
    )


def _distinct(flows: Iterator[Flow]) -> Iterator[Flow]:
    seen: set[Hashable] = set()
    for flow in flows:
        rows = []
        for row, key in enumerate(order.keys(flow.batch)):
            if key not in seen:
                seen.add(key)
                rows.append(row)
        index = np.array(rows, np.int64)
        yield flow if len(rows) == len(flow.batch) else replace(flow, batch=flow.batch.take(index))
