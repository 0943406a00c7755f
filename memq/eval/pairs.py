"""Stages that take a second series: sets, joins, Zip."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import (
    FALSE,
    TRUE,
    Column,
    Indexes,
    Truth,
    is_unsure,
    ragged,
    some_of,
    surely,
    text_column,
    worst,
)
from memq.errors import Reason
from memq.eval import order
from memq.eval.domain import Domain, Slot, View
from memq.eval.joins import matches, runs
from memq.eval.reading import read_by, without
from memq.eval.segments import Segments, certain_start, distinct, records, sure, value
from memq.eval.stage_nodes import PairStage, SetStage
from memq.merge import concatenate
from memq.node import dataclass
from memq.output.records import Lists, Objects, Records
from memq.schema.batch import ObjectType
from memq.schema.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.column import Statuses


def applied(stage: SetStage | PairStage, left: Segments) -> Segments:
    """Return the sequences behind a stage that takes a second one."""
    view = left.engine.view(stage.other, left.domain)
    if isinstance(stage, SetStage):
        return _SETS[stage.operator](left, replace(left, view=view.spread()))
    if stage.operator == "Zip":
        return _zipped(left, replace(left, view=view.spread()), stage)
    return _joined(left, view, stage)


# Sets


def concatenated(left: Segments, right: Segments) -> Segments:
    """Give the elements of the one, then those of the other, in each sequence."""
    one, other = left.view, right.view
    owner = np.concatenate([one.owner, other.owner])
    membership = None
    if one.membership is not None or other.membership is not None:
        membership = np.concatenate([left.membership, right.membership])
    children = join([one.children, other.children])
    cut = _either_cut(one.cut, other.cut)
    joined = Collection(children, owner, one.parents, cut, membership=membership)
    left.domain.run.check()
    if one.parents == 1:
        return replace(left, view=joined)
    rows = np.argsort(owner, kind="stable")
    return replace(left, view=joined).at(rows)


def _either_cut(one: Statuses | None, other: Statuses | None) -> Statuses | None:
    if one is None or other is None:
        return other if one is None else one
    return np.where(one > 0, one, other).astype(np.uint8)


def _union(left: Segments, right: Segments) -> Segments:
    return distinct(concatenated(left, right), None)


def _found_in(left: Segments, right: Segments) -> Truth:
    """Whether each element of the left equals one of the right, in the same sequence."""
    first, second = order.codes([left.view.children, right.view.children], left.domain.run)
    count = int(max(first.max(initial=0), second.max(initial=0))) + 1
    wanted = left.view.owner * count + first
    there = right.view.owner * count + second
    by_code = np.argsort(there, kind="stable")
    ordered = there[by_code]
    low = np.searchsorted(ordered, wanted, "left")
    high = np.searchsorted(ordered, wanted, "right")
    # Of equal elements of the right the surest counts.
    found = _run_maximum(right.membership[by_code], low, high)
    if right.view.cut is not None:
        found = np.maximum(found, right.view.cut[left.view.owner])
    return found.astype(np.uint8)


def _run_maximum(values: Truth, low: Indexes, high: Indexes) -> Truth:
    """Return the greatest value of each run; runs are disjoint or equal, and may be empty."""
    result = np.zeros(len(low), np.uint8)
    rows = np.flatnonzero(low < high)
    starts, place = order.ranked(low[rows])
    ends = np.zeros(len(starts), np.int64)
    ends[place] = high[rows]
    inner, owner = ragged(np.append(0, np.cumsum(ends - starts)), np.arange(len(starts)))
    inner = inner - (np.cumsum(ends - starts) - ends)[owner]
    result[rows] = some_of(values[inner], owner, len(starts))[place]
    return result


def _intersect(left: Segments, right: Segments) -> Segments:
    return distinct(left.among(_found_in(left, right)), None)


def _except(left: Segments, right: Segments) -> Segments:
    return distinct(left.among(_opposite(_found_in(left, right))), None)


def _opposite(truth: Truth) -> Truth:
    swapped = surely(truth == FALSE)
    return np.where(is_unsure(truth), truth, swapped)


_SETS = {
    "Concat": concatenated,
    "Union": _union,
    "Intersect": _intersect,
    "Except": _except,
}


def join(batches: Sequence[Any]) -> Any:
    """Return the elements of batches of one shape, one below the other."""
    first = batches[0]
    if len(batches) == 1:
        return first
    if isinstance(first, ObjectType):
        return type(first).concatenate(batches)
    if not isinstance(first, Records):
        return type(first).concatenate(batches)
    columns = tuple(
        _join_columns([batch.columns[number] for batch in batches])
        for number in range(len(first.columns))
    )
    return Records(sum(map(len, batches)), first.fields, columns)


def _join_columns(columns: Sequence[Any]) -> Column | Lists | Objects:
    first = columns[0]
    if isinstance(first, Lists):
        return _join_lists(columns)
    if isinstance(first, Objects):
        return _join_objects(columns)
    return concatenate(columns)


def _join_lists(lists: Sequence[Lists]) -> Lists:
    ends = np.cumsum([0] + [one.starts[-1] for one in lists])
    starts = [one.starts[1:] + end for one, end in zip(lists, ends, strict=False)]
    cut = membership = None
    if any(one.cut is not None for one in lists):
        cuts = [np.zeros(len(one), np.uint8) if one.cut is None else one.cut for one in lists]
        cut = np.concatenate(cuts)
    if any(one.membership is not None for one in lists):
        membership = np.concatenate(
            [
                np.full(len(one.items), TRUE, np.uint8)
                if one.membership is None
                else one.membership
                for one in lists
            ]
        )
    return Lists(
        np.concatenate([np.zeros(1, np.int64), *starts]),
        join([one.items for one in lists]),
        lists[0].bare,
        cut,
        membership,
    )


def _join_objects(columns: Sequence[Objects]) -> Objects:
    shift = np.cumsum([0] + [len(column.batch) for column in columns])
    index = [
        np.where(column.index < 0, -1, column.index + by)
        for column, by in zip(columns, shift, strict=False)
    ]
    status = None
    if any(column.status is not None for column in columns):
        status = np.concatenate(
            [np.zeros(len(c), np.uint8) if c.status is None else c.status for c in columns]
        )
    return Objects(join([c.batch for c in columns]), np.concatenate(index), status)


# Joins


@dataclass(frozen=True, slots=True)
class Side:
    """The second series of a join, and the key of each of its elements."""

    segments: Segments
    keys: Column


@dataclass(frozen=True, slots=True)
class Partners:
    """Where the partners of each element of the left stand: in `order`, a run of `counts` there.

    There may be far more pairs than elements, so that they are made of some rows at a time.
    """

    stage: PairStage
    left: Segments
    right: Segments
    order: Indexes
    low: Indexes
    counts: Indexes
    doubts: Statuses

    def of(self, rows: Indexes) -> Segments:
        """Pair some elements of the left, given in their order, with all of their partners."""
        low, counts = self.low[rows], self.counts[rows]
        places, origin = runs(self.order, low, low + counts)
        left = self.left if len(rows) == len(self.counts) else self.left.at(rows)
        return _paired(left, self.right, self.stage, (origin, places), self.doubts[rows])


def side(stage: PairStage, segments: Segments) -> Side:
    """Return the second series with its keys."""
    if stage.right is None:
        raise TypeError("a join has keys")
    return Side(segments, value(stage.right, segments.inside(stage.roots[1])))


def partners(stage: PairStage, left: Segments, other: Side) -> Partners:
    """Find elements of equal keys; a key that is null or unknown is equal to none."""
    if stage.left is None:
        raise TypeError("a join has keys")
    keys, right = value(stage.left, left.inside(stage.roots[0])), other.segments
    owners = View(
        left.view.owner if right.view.parents > 1 else np.zeros_like(left.view.owner),
        None,
        right.view,
    )
    found = matches(owners, keys, other.keys, fold=stage.fold)
    if found is None:
        # Numbers that no array of 64 bits holds together are compared as they are written.
        found = matches(owners, _as_text(keys), _as_text(other.keys), fold=False)
    if found is None:
        raise TypeError("texts can always be compared")
    counts = np.where(keys.known, found.high - found.low, 0)
    doubts = _doubts(keys, right, other.keys, owners)
    return Partners(stage, left, right, found.order, found.low, counts, doubts)


def _joined(left: Segments, view: View, stage: PairStage) -> Segments:
    # A key may speak of an element around both, so that each row has keys of its own.
    around = stage.right is not None and without(read_by(stage.right), frozenset(stage.roots))
    right = replace(left, view=view.spread()) if around else _right_of(left, view)
    found = partners(stage, left, side(stage, right))
    return found.of(np.arange(len(found.counts), dtype=np.int64))


def _as_text(key: Column) -> Column:
    return text_column([str(value) for value in key.values.tolist()], key.status)


def _right_of(left: Segments, view: View) -> Segments:
    """Return the second series' sequences; a single one for all where it depends on nothing."""
    if view.collection.parents == 1:
        return Segments(Domain.unit(left.engine), view.collection)
    return replace(left, view=view.spread())


def _doubts(keys: Column, right: Segments, other_keys: Column, owners: View) -> Statuses:
    """Why an element of the left may have partners that were not found; 0: it has none."""
    reasons = np.where(keys.statuses > Reason.NULL, keys.statuses, np.uint8(0))
    unsure = np.where(other_keys.statuses > Reason.NULL, other_keys.statuses, np.uint8(0))
    of_right = some_of(unsure.astype(np.uint8), right.view.owner, right.view.parents)
    if right.view.cut is not None:
        of_right = np.maximum(of_right, right.view.cut)
    known = keys.statuses == 0
    return np.where(known, np.maximum(reasons, of_right[owners.index]), reasons).astype(np.uint8)


def _paired(
    left: Segments,
    right: Segments,
    stage: PairStage,
    found: tuple[Indexes, Indexes],
    doubts: Statuses,
) -> Segments:
    rows, places = found
    sure_of = right.membership[places]
    partners = some_of(sure_of, rows, len(doubts)) if len(rows) else np.zeros(len(doubts), np.uint8)
    if stage.operator == "AntiJoin":
        return left.among(
            _opposite(np.where(partners == TRUE, partners, np.maximum(partners, doubts)))
        )
    membership = np.minimum(sure_of, left.membership[rows]) if len(rows) else sure_of
    status = None
    if stage.operator == "LeftJoin":
        doubts = np.where(partners == TRUE, doubts, np.maximum(doubts, partners))
        rows, places, membership, status = _with_lone(
            left, (rows, places, membership), doubts, partners
        )
    elif left.is_whole:
        rows_left = np.flatnonzero((doubts > 0) & (partners != TRUE))
        left.domain.run.doubt(left.view.children.take(rows_left), doubts[rows_left])
    if not left.is_whole:
        left = _missing(left, doubts)
    slots = {
        stage.roots[0]: Slot(left.view.children, rows),
        stage.roots[1]: Slot(right.view.children, places, status),
    }
    return _selected(left, stage, slots, left.view.owner[rows], membership)


def _with_lone(
    left: Segments,
    found: tuple[Indexes, Indexes, Truth],
    doubts: Statuses,
    partners: Truth,
) -> tuple[Indexes, Indexes, Truth, Statuses]:
    """Add the elements without a partner: null beside them, or unknown where one may be."""
    rows, places, membership = found
    lone = np.flatnonzero(partners != TRUE)
    reason = np.where(doubts[lone] > 0, doubts[lone], np.uint8(Reason.NULL))
    paired = partners[rows] == TRUE
    by_row = np.argsort(np.concatenate([rows[paired], lone]), kind="stable")
    found_rows, missing = rows[paired], np.full(len(lone), -1)
    status = np.concatenate([np.zeros(len(found_rows), np.uint8), reason])[by_row]
    return (
        np.concatenate([found_rows, lone])[by_row],
        np.concatenate([places[paired], missing])[by_row],
        np.concatenate([membership[paired], left.membership[lone]])[by_row],
        status.astype(np.uint8),
    )


def _missing(left: Segments, doubts: Statuses) -> Segments:
    """Say of each sequence why there may be pairs that were not found."""
    missing = some_of(doubts, left.view.owner, left.view.parents)
    return replace(left, view=replace(left.view, cut=worst(left.view.cut, missing)))


def _zipped(left: Segments, right: Segments, stage: PairStage) -> Segments:
    """Pair the elements at equal places; as many as the shorter sequence has."""
    one, other = certain_start(left), _settled(right) if left.is_whole else certain_start(right)
    starts, others = one.view.starts(), other.view.starts()
    counts = np.minimum(np.diff(starts), np.diff(others))
    owner = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    slots = {
        stage.roots[0]: Slot(one.view.children, starts[owner] + place),
        stage.roots[1]: Slot(other.view.children, others[owner] + place),
    }
    cut = _either_cut(one.view.cut, other.view.cut)
    joined = replace(left, view=replace(left.view, cut=cut))
    return _selected(joined, stage, slots, owner, None)


def _settled(segments: Segments) -> Segments:
    """Count the elements whose place is not known, and leave them out, as a whole query does."""
    unsure = np.flatnonzero(is_unsure(segments.membership))
    segments.domain.run.doubt(segments.view.children.take(unsure), segments.membership[unsure])
    return sure(segments)


def _selected(
    left: Segments,
    stage: PairStage,
    slots: dict[Any, Slot],
    owner: Indexes,
    membership: Truth | None,
) -> Segments:
    """Make a record of each pair."""
    domain = (
        left.domain.take(owner) if left.domain.slots else Domain(len(owner), {}, left.engine, {})
    )
    for place, slot in slots.items():
        domain = domain.settle(place, slot)
    children = records(stage.items, domain)
    if membership is not None and (membership == TRUE).all():
        membership = None
    found = Collection(children, owner, left.view.parents, left.view.cut, membership=membership)
    return replace(left, view=found)
