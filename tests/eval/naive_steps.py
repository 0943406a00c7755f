"""Methods of series, as text for memq and as functions for the naive interpreter.

Within a chain the element is `e`; what is around a chain in an expression is the process `p`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.eval import naive, naive_tree, naive_values
from tests.eval.naive import Sequence
from tests.eval.naive_terms import NUMBER, PAIR, RECORD, Env, Expression, Kind, at, get, maker, of

if TYPE_CHECKING:
    from collections.abc import Callable


PLACING = ("Take", "Skip", "TakeWhile", "SkipWhile", "Zip")
"""Methods that go by the place of an element."""


@dataclass(frozen=True)
class Step:
    """One method: its text, what it makes, and of which kind the elements are after it."""

    text: str
    run: Callable[[Sequence, Env], Sequence]
    kind: Kind
    name: str = ""
    """What it is called, where something depends on it."""
    whole: Callable[[Sequence, Env], tuple[Sequence, int]] | None = None
    """What it makes of a whole query's elements, and how many it cannot decide itself."""


@dataclass(frozen=True)
class Chain:
    """A source and its steps."""

    source: Expression
    start: Kind
    steps: tuple[Step, ...] = ()

    @property
    def kind(self) -> Kind:
        """What its elements are."""
        return self.steps[-1].kind if self.steps else self.start

    @property
    def text(self) -> str:
        """The query."""
        return self.source.text + "".join(step.text for step in self.steps)

    def run(self, env: Env) -> Sequence:
        """What the chain gives in an expression: what is undecided stays, as it may be there."""
        found: Sequence = self.source.run(env)
        for step in self.steps:
            found = step.run(found, env)
        return found

    def run_whole(self, env: Env) -> tuple[Sequence, int]:
        """What the chain gives as a whole query, and how many elements it could not decide.

        Those are left out as soon as they are met, adjacent Wheres being one condition.
        """
        found: Sequence = self.source.run(env)
        undecided = 0
        for place, step in enumerate(self.steps, 1):
            # What is missing of a whole query is said in a note, not of each element's place.
            cut = found.cut
            seen = replace(found, cut=cut and step.name not in PLACING)
            own = (step.run(seen, env), 0) if step.whole is None else step.whole(seen, env)
            found, undecided = replace(own[0], cut=own[0].cut or cut), undecided + own[1]
            goes_on = place < len(self.steps) and self.steps[place].name == "Where"
            if not (step.name == "Where" and goes_on):
                undecided += found.unsure
                found = naive.sure(found)
        return found, undecided

    def has(self, *names: str) -> bool:
        """Whether it has a step of a name."""
        return any(step.name in names for step in self.steps)


def where_step(kind: Kind, condition: Expression) -> Step:
    return Step(
        f".Where(e => {condition.text})",
        lambda series, env: naive.where(series, maker(condition, env)),
        kind,
        "Where",
    )


def while_step(kind: Kind, condition: Expression, name: str) -> Step:
    run = naive.take_while if name == "TakeWhile" else naive.skip_while
    return Step(
        f".{name}(e => {condition.text})",
        lambda series, env: run(series, maker(condition, env)),
        kind,
        name,
    )


def counted_step(kind: Kind, name: str, count: int) -> Step:
    run = naive.take if name == "Take" else naive.skip
    return Step(f".{name}({count})", lambda series, _: run(series, count), kind, name)


def plain_step(kind: Kind, name: str, run: Callable[[Sequence], Sequence]) -> Step:
    return Step(f".{name}()", lambda series, _: run(series), kind, name)


def ordered_step(kind: Kind, keys: list[tuple[Expression, bool]]) -> Step:
    text = ""
    for key, descending in keys:
        text += f".{'ThenBy' if text else 'OrderBy'}{'Descending' * descending}(e => {key.text})"

    def run(series: Sequence, env: Env) -> Sequence:
        return naive.order(series, [(maker(key, env), descending) for key, descending in keys])

    return Step(text, run, kind, "OrderBy")


def tree_step(kind: Kind) -> Step:
    numbers = tuple(dict.fromkeys((*kind.numbers, "depth")))
    wider = replace(kind, name=f"{kind.name.rstrip('+')}+", numbers=numbers)
    return Step(".Tree()", lambda series, _: naive_tree.tree(series), wider, "Tree")


def let_step(kind: Kind, value: Expression) -> Step:
    wider = replace(kind, name=f"{kind.name}+", numbers=(*kind.numbers, "more"))
    return Step(
        f".Let(e => {{more: {value.text}}})",
        lambda series, env: naive.let(series, "more", maker(value, env)),
        wider,
    )


def selected_step(value: Expression) -> Step:
    return Step(
        f".Select(e => {value.text})",
        lambda series, env: naive.select(series, maker(value, env)),
        NUMBER,
    )


def recorded_step(value: Expression, text: Expression) -> Step:
    def run(series: Sequence, env: Env) -> Sequence:
        number, word = maker(value, env), maker(text, env)
        return naive.select(series, lambda one: {"k": number(one), "t": word(one)})

    return Step(f".Select(e => {{k: {value.text}, t: {text.text}}})", run, RECORD)


def many_step(path: str, inner: Kind, condition: Expression | None) -> Step:
    """SelectMany of a collection, perhaps with a condition."""
    if condition is None:
        text = f".SelectMany(e => e.{path})"
    else:
        text = f".SelectMany(e => e.{path}.Where(i => {condition.text}))"

    def run(series: Sequence, env: Env) -> Sequence:
        def inside(element: Any) -> Sequence:
            found: Sequence = get(element, path)
            if condition is None:
                return found
            return naive.where(found, maker(condition, of(env, element), "i"))

        return naive.select_many(series, inside)

    return Step(text, run, inner, "SelectMany")


def distinct_by_step(kind: Kind, key: Expression) -> Step:
    return Step(
        f".DistinctBy(e => {key.text})",
        lambda series, env: naive.distinct_by(series, maker(key, env)),
        kind,
    )


def grouped_step(kind: Kind, key: Expression) -> Step:
    return Step(
        f".GroupBy(e => {key.text})",
        lambda series, env: naive.group(series, maker(key, env)),
        Kind("group", ("key",), inner=kind),
        "GroupBy",
    )


def counted_by_step(key: Expression) -> Step:
    return Step(
        f".CountBy(e => {key.text})",
        lambda series, env: naive_values.count_by(series, maker(key, env)),
        Kind("counts", ("key", "count")),
    )


def chunked_step(kind: Kind, size: int) -> Step:
    def whole(series: Sequence, _: Env) -> tuple[Sequence, int]:
        found = naive.chunk(replace(series, cut=False), size)
        lists = [(replace(one, cut=one.cut or series.cut), there) for one, there in found.items]
        return Sequence(lists, found.cut or series.cut), 0

    return Step(
        f".Chunk({size})",
        lambda series, _: naive.chunk(series, size),
        Kind("list", (), inner=kind),
        "Chunk",
        whole,
    )


SETS = {
    "Concat": naive.concat,
    "Union": naive.union,
    "Except": naive.except_,
    "Intersect": naive.intersect,
}


def set_step(kind: Kind, name: str, other: Chain) -> Step:
    def concatenated(series: Sequence, env: Env) -> tuple[Sequence, int]:
        found, undecided = other.run_whole(env)
        return naive.concat(series, found), undecided

    return Step(
        f".{name}({other.text})",
        lambda series, env: SETS[name](series, other.run(env)),
        kind,
        name,
        concatenated if name == "Concat" else None,
    )


def pairs_step(kind: Kind, name: str, other: Chain, keys: tuple[Expression, Expression]) -> Step:
    """A join with the other series; the keys are of `a` and `b`."""
    shown = (at("a", kind.shown), at("b", other.kind.shown))
    record = f"(a, b) => {{l: {shown[0].text}, r: {shown[1].text}}}"
    text = f".{name}({other.text}, a => {keys[0].text}, b => {keys[1].text}"

    def make(one: Any, two: Any) -> dict[str, Any]:
        return {"l": get(one, kind.shown), "r": get(two, other.kind.shown)}

    def by(env: Env) -> tuple[naive.Made, naive.Made]:
        return maker(keys[0], env, "a"), maker(keys[1], env, "b")

    if name == "AntiJoin":
        return Step(
            f"{text})",
            lambda series, env: naive.anti_join(series, other.run(env), by(env)),
            kind,
            name,
        )
    run = naive.left_join if name == "LeftJoin" else naive.join

    def whole(series: Sequence, env: Env) -> tuple[Sequence, int]:
        found = run(series, other.run(env), by(env), make)
        return replace(found.pairs, cut=series.cut), found.undecided

    return Step(
        f"{text}, {record})",
        lambda series, env: run(series, other.run(env), by(env), make).pairs,
        PAIR,
        name,
        whole,
    )


def zipped_step(kind: Kind, other: Chain) -> Step:
    shown = (at("a", kind.shown), at("b", other.kind.shown))

    def make(one: Any, two: Any) -> dict[str, Any]:
        return {"l": get(one, kind.shown), "r": get(two, other.kind.shown)}

    def whole(series: Sequence, env: Env) -> tuple[Sequence, int]:
        second = other.run(env)
        found = naive.zip_(series, replace(naive.sure(second), cut=False), make)
        return replace(found, cut=found.cut or second.cut), second.unsure

    return Step(
        f".Zip({other.text}, (a, b) => {{l: {shown[0].text}, r: {shown[1].text}}})",
        lambda series, env: naive.zip_(series, other.run(env), make),
        PAIR,
        "Zip",
        whole,
    )
