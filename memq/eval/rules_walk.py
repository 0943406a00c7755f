"""Walks through bound plans: what is in them, and the same with other parts.

Without recursion: a plan is as deep as all the `let`s of a script together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from memq.eval.places import Pick, Step
from memq.eval.series import Series, SharedSeries, StageSeries
from memq.eval.terms import Aggregate, Constant, Fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.eval.plan import Plan

    Parts: TypeAlias = list[tuple[str, Any]]
    """Parts of a bound thing, with their names in it; those of a tuple have none."""


def within(node: object) -> Iterator[Any]:
    """Yield a bound thing and all bound things inside it, each once."""
    seen: set[int] = set()
    todo = [node] if _is_bound(node) else []
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if not isinstance(current, tuple):
            yield current
        todo.extend(part for _, part in _parts(current))


def names_in(node: object) -> frozenset[str]:
    """Return the names of all collections that a bound thing names, in whatever way."""
    return frozenset(one.name for one in within(node) if isinstance(one, Step) and one.many)


def rewritten(
    root: Any, change: Callable[[Any], Any], done: dict[int, tuple[object, Any]] | None = None
) -> Any:
    """Return the same with each bound thing changed, the inner ones first; shared ones stay shared.

    What has not changed is the very same thing. `done` keeps by its id what was changed before, for
    things that share parts.
    """
    if not _is_bound(root):
        return root
    done = {} if done is None else done
    todo: list[tuple[Any, Parts | None]] = [(root, None)]
    while todo:
        node, parts = todo.pop()
        if id(node) in done:
            continue
        if parts is None:
            parts = _parts(node)
            if parts:
                todo.append((node, parts))
                todo.extend((part, None) for _, part in parts)
                continue
        made = _with_parts(node, parts, done) if parts else node
        done[id(node)] = node, made if isinstance(made, tuple) else change(made)
    return done[id(root)][1]


def _parts(node: object) -> Parts:
    """Return the bound things and tuples directly in a bound thing or a tuple."""
    if isinstance(node, tuple):
        return [("", item) for item in node if _is_bound(item)]
    # Plans are walked once for each rule: `fields` and `is_dataclass` would be half of the time.
    return [(name, part) for name, part in vars(node).items() if _is_bound(part)]


def _is_bound(node: object) -> bool:
    """Whether a value is part of a plan; constants, of which a list may have many, hold none."""
    kind = type(node)
    if kind is tuple or kind is Constant:
        return kind is tuple
    # Most are texts and the like, for which the module alone is asked in a third of the time.
    return kind.__module__.startswith("memq.eval.") and hasattr(kind, "__dataclass_fields__")


def _with_parts(node: Any, parts: Parts, done: dict[int, tuple[object, Any]]) -> Any:
    if isinstance(node, tuple):
        items = tuple(done[id(item)][1] if id(item) in done else item for item in node)
        return items if any(a is not b for a, b in zip(items, node, strict=True)) else node
    changed = {name: done[id(part)][1] for name, part in parts}
    changed = {name: new for name, new in changed.items() if new is not getattr(node, name)}
    return replace(node, **changed) if changed else node


# The stream: what a whole query pulls, batch by batch


def streamed(plan: Plan) -> Series | None:
    """Return the series that a plan pulls as a stream (memq.eval.flows); None if it pulls none."""
    result = plan.result
    if isinstance(result, Series):
        return result
    if isinstance(result, Aggregate | Fold | Pick) and not result.sequence.read():
        return result.sequence
    return None


def stages_of(series: Series | None) -> list[StageSeries | SharedSeries]:
    """Return a series' stages and names, the last first."""
    found: list[StageSeries | SharedSeries] = []
    while isinstance(series, StageSeries | SharedSeries):
        found.append(series)
        series = series.inner
    return found


def with_stream(plan: Plan, change: Callable[[StageSeries], Series]) -> Plan:
    """Return the plan with the stages of its stream changed, from the source to the last."""
    last = streamed(plan)
    changed = last
    for node in reversed(stages_of(last)):
        inner = node.inner if changed is last or changed is None else changed
        made: Series = node if inner is node.inner else replace(node, inner=inner)
        changed = change(made) if isinstance(made, StageSeries) else made
    return plan if changed is last or changed is None else with_series(plan, changed)


def with_series(plan: Plan, series: Series) -> Plan:
    """Return the plan that pulls another series."""
    if isinstance(plan.result, Aggregate | Fold | Pick):
        return replace(plan, result=replace(plan.result, sequence=series))
    return replace(plan, result=series)
