"""Stages on whole sequences: each takes the elements of many sequences at once and gives as many.

What streams (memq.eval.flows) uses the same functions on one sequence, a batch at a time. An
element whose place is not known keeps the reason in the collection's `membership`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import TRUE, Column, Indexes, Truth, is_unsure, possible, ragged, surely
from memq.errors import Reason
from memq.eval import narrow, order, pairs, tree
from memq.eval.reading import walk
from memq.eval.segments import Segments, certain_start, distinct, records, value
from memq.eval.stage_nodes import (
    ChunkStage,
    DistinctStage,
    FlattenStage,
    GroupStage,
    Key,
    LetStage,
    OrderStage,
    PairStage,
    ReverseStage,
    SelectManyStage,
    SelectStage,
    SetStage,
    SiftStage,
    SkipStage,
    TakeStage,
    TreeStage,
    WhereStage,
    WhileStage,
)
from memq.output.records import Lists, Objects, RecordField, Records
from memq.schema.batch import ObjectType
from memq.schema.collection import Collection

if TYPE_CHECKING:
    from memq.column import Statuses
    from memq.eval.places import Place
    from memq.eval.series import Series, Stage
    from memq.run import Run


def applied(stage: Stage, segments: Segments) -> Segments:
    """Return the sequences behind a stage."""
    if isinstance(stage, SetStage | PairStage):
        return pairs.applied(stage, segments)
    if isinstance(stage, LetStage | FlattenStage | TreeStage):
        return _extended(stage, segments)
    if isinstance(stage, WhereStage | SiftStage):
        return where(segments, stage) if isinstance(stage, WhereStage) else _sifted(segments, stage)
    if isinstance(stage, TakeStage | SkipStage | WhileStage | OrderStage | ReverseStage):
        return _placed(stage, segments)
    match stage:
        case SelectStage(root, items):
            levels = tree.levels_of(segments.view.children)
            made = replace(records(items, segments.inside(root)), levels=levels)
            return segments.with_children(made)
        case SelectManyStage(root, inner):
            return _select_many(segments, root, inner)
        case DistinctStage(key):
            return distinct(segments, key)
        case GroupStage():
            return _grouped(segments, stage)
        case ChunkStage(size):
            return _chunked(segments, size)
        case _:
            raise TypeError(type(stage).__name__)


def _extended(stage: LetStage | FlattenStage | TreeStage, segments: Segments) -> Segments:
    """Return elements with more in them: a value, an item of their list, or how deep they are."""
    if isinstance(stage, TreeStage):
        return tree.in_order(segments, stage)
    if isinstance(stage, LetStage):
        return _let(segments, stage)
    return _flattened(segments, stage.column)


def _placed(stage: Stage, segments: Segments) -> Segments:
    """Return what is left, or in which order, by the places of the elements."""
    match stage:
        case TakeStage(count):
            return segments.among(_before(segments, count))
        case SkipStage(count):
            return segments.among(_not(_before(segments, count)))
        case WhileStage():
            return _while(segments, stage)
        case OrderStage(keys, most):
            if most is not None:
                segments = _leading(segments, keys, most)
            found = segments.at(ordering(segments, keys))
            return found if most is None else _placed(TakeStage(most), found)
        case _:
            rows = np.lexsort((-np.arange(len(segments.view.owner)), segments.view.owner))
            return segments.at(rows.astype(np.int64))


def where(segments: Segments, stage: WhereStage) -> Segments:
    """Keep the elements of which all conditions are true or unknown, their collections narrowed."""
    value, left = narrow.settle(segments, stage.conditions)
    return replace(left, view=left.view.keep(np.minimum(value, left.membership)))


def _sifted(segments: Segments, stage: SiftStage) -> Segments:
    """Leave out the elements of which a condition is false; the others stay what they are."""
    for condition in stage.conditions:
        truth = segments.engine.holds(condition, segments.inside(stage.root))
        segments = segments.at(possible(truth))
    return segments


def _let(segments: Segments, stage: LetStage) -> Segments:
    column = value(stage.term, segments.inside(stage.root))
    children = segments.view.children
    if isinstance(children, ObjectType):
        return segments.with_children(children.with_extra(stage.name, column))
    field = RecordField((stage.name,), stage.term.type)
    return segments.with_children(children.with_column(field, column))


def _select_many(segments: Segments, root: Place, inner: Series) -> Segments:
    view = segments.engine.view(inner, segments.inside(root))
    return _joined(segments, view.spread(), view.reasons())


def _joined(segments: Segments, found: Collection, reasons: Statuses) -> Segments:
    """Put the sequences of each element one behind the other."""
    view = segments.view
    membership = None
    if view.membership is not None or found.membership is not None:
        own = (
            np.full(len(found.owner), TRUE, np.uint8)
            if found.membership is None
            else found.membership
        )
        membership = np.minimum(own, segments.membership[found.owner])
    cut = _worst_by_owner(np.where(reasons == Reason.NULL, 0, reasons), view)
    # What is missing is also what an element may have whose own place is not known.
    joined = Collection(
        found.children, view.owner[found.owner], view.parents, cut, membership=membership
    )
    return replace(segments, view=joined)


def _worst_by_owner(reasons: Statuses, view: Collection) -> Statuses | None:
    cut = np.zeros(view.parents, np.uint8) if view.cut is None else view.cut.copy()
    np.maximum.at(cut, view.owner, reasons.astype(np.uint8))
    return cut if cut.any() else None


def _flattened(segments: Segments, number: int) -> Segments:
    """Give each record as many times as a list in it has items, with the item in its place."""
    children = segments.view.children
    lists = children.columns[number]
    if not isinstance(lists, Lists):
        raise TypeError("not a column of lists")
    every = np.arange(len(children), dtype=np.int64)
    rows, owner = ragged(lists.starts, every)
    reasons = np.zeros(len(children), np.uint8) if lists.cut is None else lists.cut
    fields: list[RecordField] = []
    columns: list[Any] = []
    for place, (field, column) in enumerate(zip(children.fields, children.columns, strict=True)):
        if place != number:
            fields.append(field)
            columns.append(column.take(owner))
            continue
        for inner_field, inner in _item_columns(lists, field, rows):
            fields.append(inner_field)
            columns.append(inner)
    made = Records(len(rows), tuple(fields), tuple(columns))
    found = Collection(made, owner, len(children), membership=None)
    if lists.membership is not None:
        found = replace(found, membership=lists.membership[rows])
    return _joined(segments, found, reasons)


def _item_columns(lists: Lists, field: RecordField, rows: Indexes) -> list[tuple[RecordField, Any]]:
    items = lists.items
    if not isinstance(items, Records):
        index = np.arange(len(rows), dtype=np.int64)
        return [(replace(field, many=False), Objects(items.take(rows), index))]
    return [
        (replace(one, path=(*field.path, *one.path)), column.take(rows))
        for one, column in zip(items.fields, items.columns, strict=True)
    ]


# Places in a sequence


def _before(segments: Segments, count: int) -> Truth:
    """Whether each element is among the first so many of its sequence."""
    least, most = segments.positions()
    truth = surely(most < count)
    unsure = (least < count) & (most >= count)
    if not unsure.any():
        return truth
    return np.where(unsure, _doubt(segments), truth)


def _doubt(segments: Segments) -> Truth:
    """For each element why its place is not known: what is missing, or the last one in doubt."""
    membership, missing = segments.membership, segments.missing()
    rows = np.arange(len(membership))
    last = np.maximum.accumulate(np.where(is_unsure(membership), rows, -1))
    before = np.concatenate([[-1], last[:-1]])
    doubt = np.where(before < 0, np.uint8(Reason.CUT_SHORT), membership[np.maximum(before, 0)])
    return doubt if missing is None else np.where(missing != 0, missing, doubt)


def _not(truth: Truth) -> Truth:
    swapped = surely(truth == 0)
    return np.where(is_unsure(truth), truth, swapped)


def _while(segments: Segments, stage: WhileStage) -> Segments:
    """Keep elements up to the first of which the condition is not true."""
    condition = stage.condition
    truth = segments.engine.holds(condition.predicate, segments.inside(condition.root))
    membership = segments.membership
    # An element that may not be there may not end anything either.
    ends = np.where(
        membership == TRUE, truth, np.where(truth == TRUE, TRUE, np.maximum(truth, membership))
    )
    ends = np.where(is_unsure(membership) & (truth == 0), membership, ends).astype(np.uint8)
    running = _running_minimum(ends, segments.view.owner)
    missing = segments.missing()
    if missing is not None:
        # One that is missing may have ended it before.
        running = np.where(missing != 0, np.minimum(running, missing), running)
    found = np.minimum(running, truth) if not stage.skips else _not(running)
    return segments.among(found.astype(np.uint8))


def _running_minimum(truth: Truth, owner: Indexes) -> Truth:
    """The least truth of each element and those before it in its sequence."""
    # Each sequence begins far below the one before it, so that none has a part in the next one's.
    above = -256 * owner
    return (np.minimum.accumulate(truth + above) - above).astype(np.uint8)


# Order


def _leading(segments: Segments, keys: tuple[Key, ...], most: int) -> Segments:
    """Leave out elements of a single sequence that cannot be among the first, without sorting."""
    one = segments.view.parents == 1 and segments.view.membership is None
    if not one or any(term.sequence_of() for key in keys for term in walk(key.term)):
        return segments
    first = keys[0]
    column = value(first.term, segments.inside(first.root))
    fold = first.term.type.ignores_case
    rows = order.leading(column, most, descending=first.descending, fold=fold)
    return segments if len(rows) == len(column) else segments.at(rows)


def ordering(segments: Segments, keys: tuple[Key, ...]) -> Indexes:
    """Return the order of elements by keys, within each sequence; equal ones keep theirs."""
    arrays: list[Any] = []
    for key in reversed(keys):
        column = value(key.term, segments.inside(key.root))
        fold = key.term.type.ignores_case
        arrays += order.sort_keys(column, descending=key.descending, fold=fold)
    return np.lexsort((*arrays, segments.view.owner)).astype(np.int64)


def _grouped(segments: Segments, stage: GroupStage) -> Segments:
    """Give a record {key, items} for each key, in order of first appearance; unknown keys last."""
    view = segments.view
    keys = records(stage.keys, segments.inside(stage.root))
    codes, unknown = _group_codes(keys, segments.domain.run)
    rows, groups = order.firsts(codes, view.owner, segments.domain.run)
    last = np.lexsort((np.arange(len(rows)), unknown[rows], view.owner[rows])).astype(np.int64)
    place = np.empty(len(rows), np.int64)
    place[last] = np.arange(len(rows))
    rows, groups = rows[last], place[groups]
    by_group = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[by_group], np.arange(len(rows) + 1)).astype(np.int64)
    membership = None if view.membership is None else view.membership[by_group]
    # What a sequence lacks may belong to any of its groups.
    cut = None if view.cut is None else view.cut[view.owner[rows]]
    items = Lists(starts, view.children.take(by_group), _is_bare(view.children), cut, membership)
    shape = RecordField(("items",), None, None)
    heads = keys.take(rows).with_column(shape, items)
    there = None
    if view.membership is not None:
        there = np.zeros(len(rows), np.uint8)
        np.maximum.at(there, groups, segments.membership)
    found = Collection(heads, view.owner[rows], view.parents, view.cut, membership=there)
    return replace(segments, view=found)


def _is_bare(children: Any) -> bool:
    return (
        isinstance(children, Records) and children.fields[:1] != () and not children.fields[0].path
    )


def _group_codes(keys: Records, run: Run) -> tuple[Indexes, Any]:
    """Number the keys; what is unknown is one group, whatever it may be."""
    parts, unknown = [], np.zeros(len(keys), bool)
    for field, column in zip(keys.fields, keys.columns, strict=True):
        if not isinstance(column, Column):
            raise TypeError("a key is a value")
        fold = field.type is not None and field.type.ignores_case
        parts.append(order.code_of([column], fold=fold))
        unknown |= column.statuses > Reason.NULL
    parts = [np.where(unknown, -1, part) for part in parts]
    return order.combined([*parts, unknown.astype(np.int64)], len(keys), run), unknown


def _chunked(segments: Segments, size: int) -> Segments:
    """Give lists of so many elements each, the last of a sequence perhaps of fewer."""
    certain = certain_start(segments)
    view = certain.view
    place, _ = certain.positions()
    heads = np.flatnonzero(place % size == 0)
    starts = np.append(heads, len(view.owner)).astype(np.int64)
    cut = None
    if view.cut is not None:
        cut = view.cut[view.owner[heads]]
    lists = Lists(starts, view.children, _is_bare(view.children), cut)
    children = Records(len(heads), (RecordField((), None, None),), (lists,))
    found = Collection(children, view.owner[heads], view.parents, view.cut)
    return replace(segments, view=found)
