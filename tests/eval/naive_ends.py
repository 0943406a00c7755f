"""How a chain ends: a list that shows its elements, or one value; and what memq writes, as that.

What is unknown is UNKNOWN, the rest of a list that was cut short is CUT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.eval import naive, naive_values
from tests.eval.naive import UNKNOWN, Sequence, Thing
from tests.eval.naive_terms import (
    Expression,
    Kind,
    at,
    compare,
    conditions,
    get,
    literals,
    maker,
    of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.eval.naive_steps import Chain
    from tests.eval.naive_terms import Env

CUT = "..."


@dataclass(frozen=True)
class End:
    """The last method of a chain, which gives one value of it."""

    text: str
    run: Callable[[Sequence, Env], Any]
    name: str
    left: Callable[[Sequence, Env], Sequence] = lambda series, _: series
    """The elements that it counts, or takes one of."""


# What memq writes


def settled(written: Any) -> Any:
    """Put what memq writes beside values in their place."""
    if isinstance(written, list):
        return [CUT if _is_rest(one) else settled(one) for one in written]
    if not isinstance(written, dict):
        return written
    if isinstance(written.get("_unknown"), str):
        return UNKNOWN
    found = {name: settled(value) for name, value in written.items() if name[0] != "_"}
    for name in written.get("_unknown", {}):
        found[name] = UNKNOWN
    for name in written.get("_cut_short", {}):
        found[name] = [*found[name], CUT]
    return found


def _is_rest(item: Any) -> bool:
    return isinstance(item, dict) and set(item) == {"_cut_short"}


# Lists


def shown(kind: Kind) -> str:
    """What is selected last, so that elements can be told apart."""
    match kind.name:
        case "vad":
            return ".Select(e => {p: e.process.pid, i: e.i})"
        case "vad+":
            return ".Select(e => {p: e.process.pid, i: e.i, more: e.more})"
        case "process":
            return ".Select(e => e.pid)"
        case "process+":
            added = "".join(f", {name}: e.{name}" for name in _added(kind))
            return f".Select(e => {{p: e.pid{added}}})"
        case "group":
            inner = shown(kind.inner or kind).replace("e =>", "i =>").replace("e.", "i.")
            return f".Select(e => {{key: e.key, items: e.items{inner}}})"
        case "list":
            return f".Flatten(){shown(kind.inner or kind)}"
        case _:
            return ""


def _added(kind: Kind) -> list[str]:
    """What `Let` and `Tree` have added."""
    return [name for name in kind.numbers if name in ("more", "depth")]


def listed(series: Sequence, kind: Kind) -> list[Any]:
    """What is shown of a list: the elements that are there for sure."""
    sure = [element for element, there in series.items if there is True]
    if kind.name == "list":
        flat = naive.flatten(series)
        return listed(flat, kind.inner or kind)
    return [_written(one, kind) for one in sure] + [CUT] * series.cut


def _written(element: Any, kind: Kind) -> Any:
    if kind.name == "group":
        return {"key": element["key"], "items": listed(element["items"], kind.inner or kind)}
    if not isinstance(element, Thing):
        return element
    more = {name: element.fields[name] for name in _added(kind)}
    if element.kind == "vad":
        return {"p": element.key[0], "i": element.key[1], **more}
    return {"p": element.key[0], **more} if more else element.key[0]


# Values


def _asked(name: str, condition: Expression | None) -> End:
    """Any, All, None, Count."""
    runs = {
        "Any": naive_values.any_,
        "All": naive_values.all_,
        "None": naive_values.none,
        "Count": naive_values.count,
    }
    text = "" if condition is None else f"e => {condition.text}"

    def made(env: Env) -> naive.Made:
        return (lambda _: True) if condition is None else maker(condition, env)

    return End(
        f".{name}({text})",
        lambda series, env: runs[name](series, made(env)),
        name,
        lambda series, env: naive.where(series, made(env)),
    )


def _folded(name: str, value: Expression) -> End:
    def run(series: Sequence, env: Env) -> Any:
        return naive_values.fold(naive.select(series, maker(value, env)), name)

    return End(f".{name}(e => {value.text})", run, name)


def _reduced(value: Expression) -> End:
    """The last value that is there: one that depends on the order."""

    def run(series: Sequence, env: Env) -> Any:
        def step(so_far: Any, element: Any) -> Any:
            own = value.run(of(env, element))
            if UNKNOWN in (so_far, own):
                return UNKNOWN
            return None if so_far is None or own is None else so_far * 2 + own

        return naive_values.aggregate(series, 1, step)

    return End(f".Aggregate(1, (so_far, e) => so_far * 2 + {value.text})", run, "Aggregate")


def _contained(value: Expression, literal: Expression) -> End:
    def run(series: Sequence, env: Env) -> Any:
        return naive_values.contains(naive.select(series, maker(value, env)), literal.run(env))

    return End(f".Select(e => {value.text}).Contains({literal.text})", run, "Contains")


def picks(kind: Kind, *, outer: bool) -> st.SearchStrategy[End]:
    """One of the elements; of objects something is shown, of values they themselves."""
    field = f".{kind.shown}" if kind.shown else ""
    runs = {
        "First": naive_values.first,
        "FirstOrNull": naive_values.first,
        "Last": naive_values.last,
        "Single": naive_values.single,
    }

    def one(name: str, condition: Expression | None) -> End:
        text = "" if condition is None else f"e => {condition.text}"

        def left(series: Sequence, env: Env) -> Sequence:
            return series if condition is None else naive.where(series, maker(condition, env))

        def run(series: Sequence, env: Env) -> Any:
            return get(runs[name](left(series, env)), kind.shown)

        return End(f".{name}({text}){field}", run, name, left)

    def place(index: int) -> End:
        return End(
            f".ElementAt({index}){field}",
            lambda series, _: get(naive_values.element_at(series, index), kind.shown),
            "ElementAt",
            lambda series, _: naive.skip(
                series if index >= 0 else naive.reverse(series), index if index >= 0 else -1 - index
            ),
        )

    def extreme(name: str, key: Expression) -> End:
        def run(series: Sequence, env: Env) -> Any:
            found = naive_values.extreme_by(series, maker(key, env), greatest=name == "MaxBy")
            return get(found, kind.shown)

        return End(f".{name}(e => {key.text}){field}", run, name)

    perhaps = st.one_of(st.none(), conditions(kind, outer=outer))
    keys = st.sampled_from([at("e", path) for path in kind.numbers])
    return st.one_of(
        st.builds(one, st.sampled_from([*runs]), perhaps),
        st.builds(place, st.integers(-2, 2)),
        st.builds(extreme, st.sampled_from(["MinBy", "MaxBy"]), keys),
    )


def value_ends(kind: Kind, *, outer: bool) -> st.SearchStrategy[End]:
    """Methods that give one value of elements of a kind."""
    if kind.name == "list":
        return st.one_of(
            st.just(_asked("Count", None)), st.sampled_from(["Any", "None"]).map(_unconditional)
        )
    condition = conditions(kind, outer=outer)
    value = st.sampled_from([at("e", path) for path in kind.numbers])
    folds = st.sampled_from(["Sum", "Min", "Max", "Average"])
    return st.one_of(
        st.builds(_asked, st.sampled_from(["Any", "None", "Count"]), st.none()),
        st.builds(_asked, st.sampled_from(["Any", "All", "None", "Count"]), condition),
        st.builds(_folded, folds, value),
        st.builds(_reduced, value),
        st.builds(_contained, value, literals),
        picks(kind, outer=outer),
        picks(kind, outer=outer),
    )


def _unconditional(name: str) -> End:
    return _asked(name, None)


# Conditions


def condition_on(chain: Chain, end: End, sign: str, literal: Expression) -> Expression:
    """A condition on what a chain ends in."""
    text = f"{chain.text}{end.text}"
    if end.name in ("Any", "All", "None", "Contains"):
        return Expression(text, lambda env: end.run(chain.run(env), env))

    return Expression(
        f"{text} {sign} {literal.text}",
        lambda env: compare(sign, end.run(chain.run(env), env), literal.run(env)),
    )


def condition_on_count(
    chain: Chain, condition: Expression | None, sign: str, number: int
) -> Expression:
    """A condition on how many elements a chain has."""
    inner = "" if condition is None else f"e => {condition.text}"

    def run(env: Env) -> naive.Truth:
        made = (lambda _: True) if condition is None else maker(condition, env)
        least, most = naive_values.count_bounds(chain.run(env), made)
        every = range(least, int(min(most, 99)) + 1)
        truths = {compare(sign, one, number) for one in every}
        return truths.pop() if len(truths) == 1 else UNKNOWN

    return Expression(f"{chain.text}.Count({inner}) {sign} {number}", run)
