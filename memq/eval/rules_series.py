"""Rules for series: what is found, walked and made at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from memq.eval.places import Pick, Root, Step, way_to
from memq.eval.reading import walk
from memq.eval.rules_walk import (
    names_in,
    rewritten,
    stages_of,
    streamed,
    with_series,
    with_stream,
    within,
)
from memq.eval.series import PlaceSeries, Series, SourceSeries, Stage, StageSeries
from memq.eval.stage_nodes import (
    DistinctStage,
    FlattenStage,
    LetStage,
    OrderStage,
    PairStage,
    ReverseStage,
    SelectManyStage,
    SelectStage,
    SiftStage,
    SkipStage,
    TakeStage,
    WhereStage,
    WhileStage,
)
from memq.eval.terms import Aggregate, Comparison, Constant, FieldTerm, MethodCall, Term
from memq.eval.widen import conjuncts
from memq.node import dataclass
from memq.schema.seek import Prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.eval.places import Place
    from memq.eval.plan import Plan


# A condition filters a collection while it is walked


def filter_while_walked(plan: Plan) -> Plan:
    """Leave out owners of whose elements none can be meant, before their collections are walked.

    `process.SelectMany(vad).Where(process.name == "sh")` walks the VADs of the shells only. Owners
    of which the condition is unknown stay, so that their elements are undecided, and the Where
    stays for them. What a walk that is not made would have said, that a collection is cut short,
    is not said either; so it is left alone where the result depends on it.
    """
    nodes = stages_of(streamed(plan))
    stages = [node.stage for node in nodes if isinstance(node, StageSeries)]
    last = plan.result
    asks_all = isinstance(last, Aggregate) and last.operator != "Count"
    if asks_all or not all(isinstance(stage, _WHOLE_OR_NOT) for stage in stages):
        return plan
    return with_stream(plan, _sifted)


_WHOLE_OR_NOT = (
    WhereStage, SelectStage, LetStage, SelectManyStage, FlattenStage, TakeStage, SkipStage,
    WhileStage, OrderStage, ReverseStage, DistinctStage,
)  # fmt: skip
"""Stages that give the same of a sequence, be it known to be whole or not."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Owners, the variable of one of them, and the collection that is walked of each."""

    owners: Series
    root: Root
    many: PlaceSeries


def _sifted(series: StageSeries) -> Series:
    stage, walk_ = series.stage, _walk_of(series.inner)
    if not isinstance(stage, WhereStage) or walk_ is None:
        return series
    terms = tuple(_about_owners(stage, walk_))
    if not terms:
        return series
    owners = walk_.owners
    sifted = StageSeries(owners.span, owners.shape, owners, SiftStage(walk_.root, terms))
    many = SelectManyStage(walk_.root, walk_.many)
    inner = StageSeries(series.inner.span, series.inner.shape, sifted, many)
    return replace(series, inner=inner)


def _walk_of(series: Series) -> Walk | None:
    """Read a series as the walk of its owners' collections, if it is one."""
    match series:
        case SourceSeries(through=through, is_scan=False) if through is not None:
            owners = SourceSeries(series.span, through.type, through.type)
            # The number that no query's variable has, as in memq.eval.flows.
            root = Root(0, through.type)
            place = Step(root, through.name, True, series.type, through.cost)
            return Walk(owners, root, PlaceSeries(series.span, series.type, place))
        case StageSeries(
            inner=owners,
            stage=SelectManyStage(root=Root() as root, inner=PlaceSeries(place=place) as many),
        ) if place.parent == root:
            return Walk(owners, root, many)
        case _:
            return None


def _about_owners(stage: WhereStage, walk_: Walk) -> Iterator[Term]:
    """Yield the conditions that speak of nothing but the owner, as conditions of the owner."""
    own, owner = walk_.many.place.type, walk_.root.type
    if owner is None or own.owner_type != owner.type_name:
        return
    for condition in stage.conditions:

        def is_owner(node: object, element: Place = condition.root) -> bool:
            """Whether this is the owner, as seen from the element."""
            return isinstance(node, Step) and (node.parent, node.name, node.many) == (
                element,
                own.owner_type,
                False,
            )

        for term in conjuncts(condition.predicate):
            places = [place for one in walk(term) for place in one.places()]
            ways = [list(way_to(place)) for place in places]
            plain = not any(isinstance(one, Pick) or one is None for way in ways for one in way)
            takes_all = any(one.sequence_of() is not None for one in walk(term))
            if takes_all or names_in(term) or not plain or not ways:
                continue
            if all(any(map(is_owner, way)) for way in ways):
                yield rewritten(term, lambda node: walk_.root if is_owner(node) else node)


# A key is looked up


def lookup_by_key(plan: Plan) -> Plan:
    """Look objects up by a key that a Where names, instead of finding all, where the type can.

    A key is a field that is known of every object, and by whose value all that have it are found.
    The pid of a Linux process is none: what hides from the table of pids is in the list of tasks
    only, and the whole list has to be walked to find it.
    """
    changed: Plan = rewritten(plan, _looked_up)
    return changed


def _looked_up(node: Any) -> Any:
    match node:
        case StageSeries(
            inner=SourceSeries(through=None, key=None, is_scan=False) as source,
            stage=WhereStage(conditions),
        ):
            terms = [term for one in conditions for term in conjuncts(one.predicate)]
            keys = [key for term in terms if (key := _key_of(term, source, conditions[0].root))]
            return replace(node, inner=replace(source, key=keys[0])) if keys else node
        case _:
            return node


def _key_of(
    term: Term, source: SourceSeries, root: Place
) -> tuple[str, int] | tuple[str, Prefix] | None:
    """Read a condition as `key == number`, or as one of how a text begins, if it is that."""
    match term:
        case MethodCall(
            method="Like" | "StartsWith" as method,
            operands=(FieldTerm(place=place, field=field), Constant(value=str(text))),
        ) if place == root and field.name in source.type.seeks:
            return field.name, _prefix(method, text)
    if not isinstance(term, Comparison) or term.operator != "==":
        return None
    for this, other in (term.operands, term.operands[::-1]):
        match this, other:
            case FieldTerm(place=place, field=field), Constant(value=int(value)) if (
                place == root and field.name in source.type.keys and not isinstance(value, bool)
            ):
                return field.name, value
            case FieldTerm(place=place, field=field), Constant(value=str(text)) if (
                place == root and field.name in source.type.seeks
            ):
                return field.name, Prefix(text, is_whole=True)
    return None


def _prefix(method: str, text: str) -> Prefix:
    """Return how texts begin that a method finds to fit: with what stands before any wildcard."""
    if method != "Like":
        return Prefix(text, is_whole=False)
    start = min([place for sign in "*?[" if (place := text.find(sign)) >= 0], default=len(text))
    return Prefix(text[:start], is_whole=start == len(text))


# Only what is asked for is made


def first_stops(plan: Plan) -> Plan:
    """Say that a query's First needs one element, so that what is before it makes no more."""
    result = plan.result
    if not isinstance(result, Pick) or not result.operator.startswith("First"):
        return plan
    series = streamed(plan)
    if series is None:
        return plan
    return with_series(plan, StageSeries(series.span, series.shape, series, TakeStage(1)))


def take_pushed(plan: Plan) -> Plan:
    """Take and skip elements before something is made of each, not after."""
    changed: Plan = rewritten(plan, _pushed)
    return changed


def _pushed(node: Any) -> Any:
    match node:
        case StageSeries(
            stage=TakeStage() | SkipStage() as stage,
            inner=StageSeries(stage=SelectStage() | LetStage() as making) as inner,
        ) if not _tells(making):
            before = inner.inner
            taken = StageSeries(node.span, before.shape, before, stage)
            return replace(inner, inner=_pushed(taken))
        case _:
            return node


def _tells(stage: Stage) -> bool:
    """Whether a stage counts, beside what it makes, what it could not decide of the elements."""
    if any(not isinstance(series, PlaceSeries) for series in stage.series()):
        return True
    return any(isinstance(one, PairStage) for one in within(stage))


def take_after_order(plan: Plan) -> Plan:
    """Keep, while sorting, only so many elements as are taken afterwards."""
    changed: Plan = rewritten(plan, _kept)
    return changed


def _kept(node: Any) -> Any:
    match node:
        case StageSeries(stage=TakeStage(count), inner=StageSeries(stage=stage) as inner) if count:
            ordered = _most(inner, count)
            if ordered is None:
                return node
            return ordered if isinstance(stage, OrderStage) else replace(node, inner=ordered)
        case _:
            return node


def _most(series: Series, count: int) -> StageSeries | None:
    """Return a sorted series that keeps only so many; None if it is not sorted."""
    match series:
        case StageSeries(stage=OrderStage(most=None) as stage):
            return replace(series, stage=replace(stage, most=count))
        case StageSeries(stage=SkipStage(skipped), inner=inner):
            ordered = _most(inner, count + skipped)
            return None if ordered is None else replace(series, inner=ordered)
        case _:
            return None
