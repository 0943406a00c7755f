"""Rules for conditions: in which order they are asked, and which of them stand alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from memq.eval.reading import mentioned, walk
from memq.eval.rules_walk import names_in, rewritten, with_stream
from memq.eval.stage_nodes import Condition, WhereStage
from memq.eval.terms import Aggregate, And, Or, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.eval.plan import Plan
    from memq.eval.series import Series, StageSeries


# Cheap before expensive


def cheap_first(plan: Plan) -> Plan:
    """Ask cheap conditions before dear ones, in `&&` and `||` and of Wheres in a row.

    Wheres may change places only if they name no collection: what one narrows, the next one sees.
    """
    changed: Plan = rewritten(plan, _cheap_first)
    return changed


def _cheap_first(node: Any) -> Any:
    if isinstance(node, And | Or):
        return _in_order(node, lambda term: term.cost)
    if not isinstance(node, WhereStage):
        return node
    # A condition that names collections keeps its place; the others share the places left.
    plain = iter(sorted(filter(_is_plain, node.conditions), key=lambda one: one.predicate.cost))
    conditions = tuple(next(plain) if _is_plain(one) else one for one in node.conditions)
    return node if _same(conditions, node.conditions) else WhereStage(conditions)


def singles_before_collections(plan: Plan) -> Plan:
    """Ask what is said of single objects before what is said of collections, which are walked."""
    changed: Plan = rewritten(plan, _singles_first)
    return changed


def _singles_first(node: Any) -> Any:
    if isinstance(node, And | Or):
        return _in_order(node, _takes_many)
    if not isinstance(node, WhereStage):
        return node
    conditions = tuple(sorted(node.conditions, key=lambda one: not _is_plain(one)))
    return node if _same(conditions, node.conditions) else WhereStage(conditions)


def _in_order(node: And | Or, key: Callable[[Term], int]) -> And | Or:
    operands = tuple(sorted(node.operands, key=key))
    return node if _same(operands, node.operands) else replace(node, operands=operands)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(a is b for a, b in zip(one, other, strict=True))


def _takes_many(term: Term) -> bool:
    takes_all = any(one.sequence_of() is not None for one in walk(term))
    return bool(mentioned(term)) or takes_all


def _is_plain(condition: Condition) -> bool:
    return not names_in(condition.predicate)


# Conditions that stand alone


def split_conjunctions(plan: Plan) -> Plan:
    """Make a Where of its own of each part of an `&&` that shares no collection with the others.

    Each part is then narrowed by itself: `vad.a && handle.b` tries each VAD without the handles.
    The same only if no later Where in the row sees what is narrowed, and if none sees an element
    that is undecided: such a one is narrowed otherwise. So it is the query's own Wheres that are
    split, and not before an `Any`, `All` or `None` that asks something of each element.
    """
    last = plan.result
    if isinstance(last, Aggregate) and last.body is not None and last.operator != "Count":
        return plan
    return with_stream(plan, _split)


def _split(series: StageSeries) -> Series:
    if not isinstance(series.stage, WhereStage):
        return series
    found: list[Condition] = []
    later = frozenset[str]()
    for condition in reversed(series.stage.conditions):
        names = names_in(condition.predicate)
        found[:0] = [condition] if names & later else _parts(condition)
        later |= names
    if len(found) == len(series.stage.conditions):
        return series
    return replace(series, stage=WhereStage(tuple(found)))


def _parts(condition: Condition) -> list[Condition]:
    """Return the parts of an `&&`; all that name no collection are one."""
    predicate = condition.predicate
    if not isinstance(predicate, And):
        return [condition]
    groups: list[tuple[frozenset[str], list[Term]]] = []
    for operand in predicate.operands:
        names, members = names_in(operand), [operand]
        for group in [group for group in groups if group[0] & names or group[0] == names]:
            groups.remove(group)
            names, members = names | group[0], group[1] + members
        groups.append((names, members))
    return [
        replace(condition, predicate=_conjunction(predicate, tuple(members)))
        for _, members in groups
    ]


def _conjunction(whole: And, members: tuple[Term, ...]) -> Term:
    return members[0] if len(members) == 1 else replace(whole, operands=members)
