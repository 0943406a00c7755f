"""Streams: a whole query's elements, batch by batch, each stage as lazy as it can be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import TRUE, Column, Indexes, Text, is_unsure, possible
from memq.errors import Reason
from memq.eval import narrow, order, pairs, stages
from memq.eval.domain import Domain, cut_rows
from memq.eval.pairs import join
from memq.eval.places import RawShape, RecordShape, Root, Step
from memq.eval.segments import Segments
from memq.eval.series import (
    PlaceSeries,
    Series,
    SharedSeries,
    SourceSeries,
    Stage,
    StageSeries,
    Through,
)
from memq.eval.stage_nodes import (
    DistinctStage,
    FlattenStage,
    LetStage,
    ListItem,
    PairStage,
    SelectManyStage,
    SelectStage,
    SetStage,
    SiftStage,
    SkipStage,
    TakeStage,
    WhereStage,
    WhileStage,
)
from memq.node import dataclass
from memq.output.records import Lists, Objects, Records
from memq.schema.kinds import Kind
from memq.schema.seek import Prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.domain import Engine
    from memq.run import Run
    from memq.schema.batch import Context, ObjectType, Portion

ROWS = 16_384
"""Elements are handed on in batches of at most so many."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Some elements of a stream; `cut` says that after them, or among them, some are missing."""

    batch: Any
    cut: Reason | None = None


def flows(series: Series, engine: Engine) -> Iterator[Flow]:
    """Yield the elements of a series that depends on no other element."""
    match series:
        case SourceSeries():
            return _source(series, engine)
        case StageSeries(inner=inner, stage=stage):
            return _behind(stage, inner, engine)
        case SharedSeries(inner=inner):
            return flows(inner, engine)
        case _:
            view = engine.view(series, Domain.unit(engine)).spread()
            cut = None if view.cut is None or not view.cut[0] else Reason(int(view.cut[0]))
            return _sliced(view.children, cut)


def gathered(stream: Iterator[Flow], engine: Engine, series: Series) -> Segments:
    """Return all elements of a stream as one sequence."""
    found = list(stream)
    if not found:
        return Segments.of_one(nothing(series, engine), engine)
    cut = next((flow.cut for flow in found if flow.cut is not None), None)
    engine.context.run.check()
    return Segments.of_one(join([flow.batch for flow in found]), engine, cut)


def nothing(series: Series, engine: Engine) -> Any:
    """Return a batch of no elements of a series, which has all that elements would have."""
    match series:
        case SharedSeries(inner=inner):
            return nothing(inner, engine)
        case StageSeries(inner=inner, stage=SetStage() | PairStage(operator="AntiJoin")):
            return nothing(inner, engine)
        case StageSeries(inner=inner, stage=stage) if not isinstance(stage, PairStage):
            none = Segments.of_one(nothing(inner, engine), engine)
            return stages.applied(stage, none).view.children
        case SourceSeries(through=through) if through is not None:
            return nothing(_walk(series, through), engine)
        case _:
            return _no_elements(series.shape, engine)


def _no_elements(shape: Any, engine: Engine) -> Any:
    zero = np.zeros(0, np.int64)
    if isinstance(shape, type):
        return shape.nothing(engine.context)  # type: ignore[attr-defined]
    if isinstance(shape, RawShape):
        from memq.eval.raw import RawBatch  # noqa: PLC0415 - 20 ms, and seldom needed

        return RawBatch.at(engine.context.kernel, shape.type, Column(zero.astype(np.uint64)))
    fields = shape.fields if isinstance(shape, RecordShape) else ()
    columns: list[Any] = []
    for field in fields:
        if field.type is not None:
            texts = field.type.kind is Kind.STRING
            columns.append(Text(zero, None, ()) if texts else Column(zero))
        elif field.many:
            columns.append(Lists(np.zeros(1, np.int64), _no_elements(field.item, engine)))
        else:
            columns.append(Objects(_no_elements(field.item, engine), zero))
    return Records(0, fields, tuple(columns))


def _source(source: SourceSeries, engine: Engine) -> Iterator[Flow]:
    """Find the objects of a type, those that belong to others through their owners."""
    if source.is_scan:
        yield from _source(replace(source, is_scan=False), engine)
        yield from _found(engine.context.carved(source.type), engine)
        return
    context = engine.context
    if source.through is None:
        portions = context.portions(source.type)
        if source.key is not None:
            portions = _looked_up(source.type, context, *source.key)
        yield from _found(portions, engine)
        return
    walk = _walk(source, source.through)
    for flow in flows(walk.inner, engine):
        yield from _whole(walk.stage, flow, engine)


def _found(portions: Iterator[Portion], engine: Engine) -> Iterator[Flow]:
    run = engine.context.run
    for portion in portions:
        run.check()
        if portion.cut is not None:
            run.note(portion.cut.text, portion.cut.reason)
        yield Flow(portion.batch, None if portion.cut is None else portion.cut.reason)


def _looked_up(
    type_: type[ObjectType], context: Context, name: str, value: int | Prefix
) -> Iterator[Portion]:
    """Find the objects of a type that have a value, or whose text begins so."""
    if isinstance(value, Prefix):
        return type_.sought(context, name, value)
    return type_.looked_up(context, name, value)


def _walk(source: SourceSeries, through: Through) -> StageSeries:
    """Return the objects of a type as those that their owners have."""
    owners = SourceSeries(source.span, through.type, through.type)
    root = Root(0, through.type)
    place = Step(root, through.name, True, source.type, through.cost)
    inner = PlaceSeries(source.span, source.type, place)
    return StageSeries(source.span, source.type, owners, SelectManyStage(root, inner))


def _behind(stage: Stage, inner: Series, engine: Engine) -> Iterator[Flow]:
    """Yield the stream behind a stage."""
    stream = flows(inner, engine)
    match stage:
        case WhereStage():
            return _where(stream, stage, engine)
        case SelectStage():
            return select(stream, stage, engine)
        case LetStage() | SelectManyStage() | FlattenStage():
            return _each(stream, stage, engine)
        case SiftStage():
            return _sift(stream, stage, engine)
        case SetStage(operator="Concat", other=other):
            return _concatenated(stream, other, engine)
        case PairStage(operator="Join" | "LeftJoin" | "AntiJoin"):
            return _joined(stream, stage, engine)
        case TakeStage() | SkipStage() | WhileStage() | DistinctStage(key=None):
            return _passed(stream, stage, engine)
        case _:
            return _blocked(stream, stage, inner, engine)


def _passed(
    stream: Iterator[Flow],
    stage: TakeStage | SkipStage | WhileStage | DistinctStage,
    engine: Engine,
) -> Iterator[Flow]:
    """Yield those elements of a stream that are let through as they come."""
    match stage:
        case TakeStage(count):
            return _take(stream, count)
        case SkipStage(count):
            return _skip(stream, count)
        case WhileStage():
            return _while(stream, stage, engine)
        case _:
            return _distinct(stream, engine.context.run)


def _where(stream: Iterator[Flow], stage: WhereStage, engine: Engine) -> Iterator[Flow]:
    run = engine.context.run
    for flow in stream:
        run.check()
        segments = Segments.of_one(flow.batch, engine)
        yield replace(flow, batch=narrow.kept(segments, stage.conditions, run))


def _sift(stream: Iterator[Flow], stage: SiftStage, engine: Engine) -> Iterator[Flow]:
    """Leave out the elements of which a condition is false."""
    for flow in stream:
        batch = flow.batch
        for condition in stage.conditions:
            engine.context.run.check()
            truth = engine.holds(condition, Domain.over(stage.root, batch, engine))
            batch = batch.take(possible(truth)) if not truth.all() else batch
        yield replace(flow, batch=batch)


def _each(stream: Iterator[Flow], stage: Stage, engine: Engine) -> Iterator[Flow]:
    for flow in stream:
        engine.context.run.check()
        for piece in _bounded(flow, stage, engine):
            yield from _whole(stage, piece, engine)


def _bounded(flow: Flow, stage: Stage, engine: Engine) -> Iterator[Flow]:
    """Cut a batch whose elements have collections, so that a bounded number comes of it at once."""
    if not isinstance(stage, SelectManyStage) or not isinstance(stage.inner, PlaceSeries):
        yield flow
        return
    length = len(flow.batch)
    sizes = engine.view(stage.inner, Domain.over(stage.root, flow.batch, engine)).sizes()
    for rows in cut_rows(sizes, engine.context.run.limits.rows_at_once):
        if len(rows) == length:
            yield flow
        else:
            yield Flow(flow.batch.take(rows), flow.cut if rows[-1] == length - 1 else None)


def _whole(stage: Stage, flow: Flow, engine: Engine) -> Iterator[Flow]:
    """Pass one batch through a stage on whole sequences; what it leaves undecided is counted."""
    found = stages.applied(stage, Segments.of_one(flow.batch, engine))
    yield from _settled(found, flow.cut, engine)


def _settled(found: Segments, cut: Reason | None, engine: Engine) -> Iterator[Flow]:
    view = found.view
    membership, batch = view.membership, view.children
    if membership is not None:
        unsure = np.flatnonzero(is_unsure(membership))
        engine.context.run.doubt(batch.take(unsure), membership[unsure])
        batch = batch.take(np.flatnonzero(membership == TRUE))
    if view.cut is not None and view.cut[0]:
        cut = Reason(int(view.cut[0]))
    yield from _sliced(batch, cut)


def _sliced(batch: Any, cut: Reason | None) -> Iterator[Flow]:
    """Hand on a batch in pieces; the last one says what is missing."""
    if len(batch) <= ROWS:
        # A batch of none, too: it tells what elements there would be.
        yield Flow(batch, cut)
        return
    for start in range(0, len(batch), ROWS):
        end = min(start + ROWS, len(batch))
        piece = batch.take(np.arange(start, end, dtype=np.int64))
        yield Flow(piece, cut if end == len(batch) else None)


def _blocked(stream: Iterator[Flow], stage: Stage, inner: Series, engine: Engine) -> Iterator[Flow]:
    """Gather the whole stream, which the stage needs to begin."""
    segments = gathered(stream, engine, inner)
    engine.context.run.check()
    found = stages.applied(stage, segments)
    engine.context.run.check()
    cut = found.view.cut
    missing = None if cut is None or not cut[0] else Reason(int(cut[0]))
    for flow in _settled(found, None, engine):
        # Of what was gathered anything may be missing anywhere.
        yield replace(flow, cut=missing)


def select(stream: Iterator[Flow], stage: SelectStage, engine: Engine) -> Iterator[Flow]:
    """Give one record for each element."""
    lists = [item.what.series for item in stage.items if isinstance(item.what, ListItem)]
    for flow in stream:
        domain = Domain.over(stage.root, flow.batch, engine)
        for rows in _rows_at_once(domain, lists):
            engine.context.run.check()
            piece = flow.batch if len(rows) == domain.length else flow.batch.take(rows)
            last = not len(rows) or rows[-1] == domain.length - 1
            found = stages.applied(stage, Segments.of_one(piece, engine))
            yield Flow(found.view.children, flow.cut if last else None)


def _rows_at_once(domain: Domain, lists: list[Series]) -> Iterator[Indexes]:
    """Cut a batch into pieces whose lists have a bounded number of elements, or one row each."""
    sizes = np.zeros(domain.length, np.int64)
    for series in lists:
        if isinstance(series, PlaceSeries):
            sizes += domain.engine.view(series, domain).sizes()
    yield from cut_rows(sizes, ROWS)


def _take(stream: Iterator[Flow], count: int) -> Iterator[Flow]:
    left = count
    if not left:
        return
    for flow in stream:
        if len(flow.batch) >= left:
            # What is missing of a batch may be missing anywhere in it.
            yield replace(flow, batch=flow.batch.take(np.arange(left, dtype=np.int64)))
            return
        left -= len(flow.batch)
        yield flow


def _skip(stream: Iterator[Flow], count: int) -> Iterator[Flow]:
    left = count
    for flow in stream:
        length = len(flow.batch)
        if left >= length:
            left -= length
            # An empty batch says what elements there would be, and what is missing.
            yield replace(flow, batch=flow.batch.take(np.zeros(0, np.int64)))
            continue
        rows = np.arange(left, length, dtype=np.int64)
        left = 0
        yield flow if len(rows) == length else replace(flow, batch=flow.batch.take(rows))


def _while(stream: Iterator[Flow], stage: WhileStage, engine: Engine) -> Iterator[Flow]:
    """Take, or skip, elements up to the first that a condition is not true of.

    Where that is unknown, nothing more is taken; and what is skipped ends, for sure, with the first
    that it is false of.
    """
    condition, so_far = stage.condition, TRUE
    for flow in stream:
        if not so_far:
            yield flow
            continue
        truth = engine.holds(condition.predicate, Domain.over(condition.root, flow.batch, engine))
        running = np.minimum(np.minimum.accumulate(truth), np.uint8(so_far))
        so_far = int(running.min(initial=so_far))
        unsure = np.flatnonzero(is_unsure(running))
        if not stage.skips:
            # Behind the first that is unknown nothing is asked any more.
            unsure = unsure[:1]
        engine.context.run.doubt(flow.batch.take(unsure), running[unsure])
        kept = np.flatnonzero(running == (0 if stage.skips else TRUE))
        yield replace(flow, batch=flow.batch.take(kept))
        if not stage.skips and so_far != TRUE:
            return


def _concatenated(stream: Iterator[Flow], other: Series, engine: Engine) -> Iterator[Flow]:
    yield from stream
    yield from flows(other, engine)


def _joined(stream: Iterator[Flow], stage: PairStage, engine: Engine) -> Iterator[Flow]:
    """Pair a batch at a time; of a batch, no more pairs at once than are handed on together."""
    unit = Domain.unit(engine)
    right = pairs.side(stage, Segments(unit, engine.view(stage.other, unit).spread()))
    for flow in stream:
        left = Segments.of_one(flow.batch, engine)
        found = pairs.partners(stage, left, right)
        for rows in cut_rows(found.counts, ROWS):
            engine.context.run.check()
            is_last = not len(rows) or rows[-1] == len(flow.batch) - 1
            yield from _settled(found.of(rows), flow.cut if is_last else None, engine)


def _distinct(stream: Iterator[Flow], run: Run) -> Iterator[Flow]:
    """Let through what was not seen before; of what was, one batch is kept."""
    seen: Any = None
    for flow in stream:
        length = 0 if seen is None else len(seen)
        batches = [flow.batch] if seen is None else [seen, flow.batch]
        codes = np.concatenate(order.codes(batches, run))
        rows, _ = order.firsts(codes, np.zeros(len(codes), np.int64), run)
        new = rows[rows >= length] - length
        batch = flow.batch if len(new) == len(flow.batch) else flow.batch.take(new)
        seen = batch if seen is None else join([seen, batch])
        yield replace(flow, batch=batch)
