"""Random chains of methods of series."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tests.eval import naive
from tests.eval.naive import Sequence
from tests.eval.naive_steps import (
    SETS,
    Chain,
    Step,
    chunked_step,
    counted_by_step,
    counted_step,
    distinct_by_step,
    grouped_step,
    let_step,
    many_step,
    ordered_step,
    pairs_step,
    plain_step,
    recorded_step,
    selected_step,
    set_step,
    tree_step,
    where_step,
    while_step,
    zipped_step,
)
from tests.eval.naive_terms import (
    NUMBER,
    PROCESS,
    RECORD,
    VAD,
    Expression,
    Kind,
    at,
    conditions,
    get,
)

_ALL = Expression("process", lambda env: env["process"])
_MAPPINGS = Expression(
    "process.SelectMany(q => q.vad)",
    lambda env: naive.select_many(env["process"], lambda one: get(one, "vad")),
)


def sources(*, outer: bool) -> list[Chain]:
    """Where elements come from, in an expression or in a whole query."""
    if not outer:
        listed = Expression("[1, 2, 2]", lambda _: Sequence([(1, True), (2, True), (2, True)]))
        return [Chain(_ALL, PROCESS), Chain(_MAPPINGS, VAD), Chain(listed, NUMBER)]
    listed = Expression(
        "[p.x, 0, 1]", lambda env: Sequence([(one, True) for one in (get(env["p"], "x"), 0, 1)])
    )
    own = Chain(at("p", "vad"), VAD)
    return [
        own,
        own,
        Chain(_ALL, PROCESS),
        Chain(at("p", "children"), PROCESS),
        Chain(listed, NUMBER),
    ]


def others(kind: Kind, *, outer: bool) -> st.SearchStrategy[Chain]:
    """Second series: of a kind, perhaps with a condition."""
    found = [one for one in sources(outer=outer) if one.kind == kind]
    if kind in (NUMBER, RECORD):
        for one in sources(outer=outer):
            if one.kind in (VAD, PROCESS):
                value = at("e", one.kind.numbers[1])
                text = at("e", one.kind.texts[0])
                made = selected_step(value) if kind == NUMBER else recorded_step(value, text)
                found.append(replace(one, steps=(made,)))

    def more(chain: Chain) -> st.SearchStrategy[Chain]:
        steps = st.one_of(
            st.builds(where_step, st.just(kind), conditions(kind, outer=outer)),
            st.builds(counted_step, st.just(kind), st.just("Skip"), st.just(1)),
        )
        added = st.builds(lambda step: replace(chain, steps=(*chain.steps, step)), steps)
        return st.one_of(st.just(chain), added)

    return st.sampled_from(found).flatmap(more)


def _value_of(kind: Kind) -> st.SearchStrategy[Expression]:
    return st.sampled_from([at("e", path) for path in kind.numbers])


def steps(kind: Kind, *, outer: bool) -> st.SearchStrategy[Step]:
    """One more method for elements of a kind."""
    same = st.just(kind)
    if kind.name == "list":
        return st.just(plain_step(kind.inner or NUMBER, "Flatten", naive.flatten))
    condition, value = conditions(kind, outer=outer), _value_of(kind)
    whiles = st.sampled_from(["TakeWhile", "SkipWhile"])
    found = [
        st.builds(where_step, same, condition),
        st.builds(where_step, same, condition),
        st.builds(while_step, same, condition, whiles),
        st.builds(counted_step, same, st.sampled_from(["Take", "Skip"]), st.integers(1, 3)),
        st.just(plain_step(kind, "Reverse", naive.reverse)),
        st.builds(
            ordered_step, same, st.lists(st.tuples(value, st.booleans()), min_size=1, max_size=2)
        ),
        st.builds(distinct_by_step, same, value),
    ]
    if kind.name == "group":
        return st.one_of(*found, st.just(many_step("items", kind.inner or VAD, None)))
    found += [
        st.builds(selected_step, value),
        st.builds(grouped_step, same, value),
        st.builds(counted_by_step, value),
        st.builds(chunked_step, same, st.integers(1, 3)),
        st.just(plain_step(kind, "Distinct", naive.distinct)),
    ]
    if kind.texts:
        found.append(st.builds(recorded_step, value, st.just(at("e", kind.texts[0]))))
    if kind in (VAD, PROCESS, RECORD):
        found.append(st.builds(let_step, same, value))
    if kind.name in ("process", "process+"):
        inner = st.one_of(st.none(), conditions(VAD, "i", outer=outer))
        found += [st.builds(many_step, st.just("vad"), st.just(VAD), inner)]
        found.append(st.just(tree_step(kind)))
    return st.one_of(*found, *_of_two(kind, outer=outer))


def _of_two(kind: Kind, *, outer: bool) -> list[st.SearchStrategy[Step]]:
    """Methods that take a second series."""
    found: list[st.SearchStrategy[Step]] = []
    if kind in (VAD, PROCESS, NUMBER, RECORD):
        other = others(kind, outer=outer)
        sets = st.builds(set_step, st.just(kind), st.sampled_from([*SETS]), other)
        found += [sets, sets]
    second = st.sampled_from([VAD, PROCESS, NUMBER]).flatmap(lambda one: others(one, outer=outer))

    def joined(other: Chain) -> st.SearchStrategy[Step]:
        own = st.sampled_from([at("a", path) for path in kind.numbers])
        its = st.sampled_from([at("b", path) for path in other.kind.numbers])
        joins = st.sampled_from(["Join", "LeftJoin", "AntiJoin"])
        return st.builds(pairs_step, st.just(kind), joins, st.just(other), st.tuples(own, its))

    zips = second.map(lambda other: zipped_step(kind, other))
    return [*found, second.flatmap(joined), second.flatmap(joined), zips]


def longer(chain: Chain, most: int, *, outer: bool) -> st.SearchStrategy[Chain]:
    """The chain with up to so many steps more."""
    if not most:
        return st.just(chain)

    def more(step: Step) -> st.SearchStrategy[Chain]:
        return longer(replace(chain, steps=(*chain.steps, step)), most - 1, outer=outer)

    added = steps(chain.kind, outer=outer).flatmap(more)
    return st.one_of(st.just(chain), added, added, added)


def chains(*, outer: bool, most: int = 3) -> st.SearchStrategy[Chain]:
    """Sources with up to so many methods."""
    return st.sampled_from(sources(outer=outer)).flatmap(
        lambda chain: longer(chain, most, outer=outer)
    )
