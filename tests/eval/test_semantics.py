"""Conditions on random worlds: what holds, what is undecided and what is left, as the oracle says.

Queries are given as text, so parser, binder and evaluator are held to it together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from memq.run import Limits
from tests.eval import reference_semantics as oracle
from tests.eval.little import little_predicates, little_worlds
from tests.eval.predicates import COLLECTIONS, Pair, predicates, worlds
from tests.eval.world import World, ask

if TYPE_CHECKING:
    from collections.abc import Sequence

pairs = predicates()
quick = settings(
    max_examples=100,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SHOWN = ".Select({pid: pid, vad: vad.i, handle: handle.i})"


def numbered(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each process and each of its things its number."""
    return [
        {
            **process,
            "pid": number,
            **{
                name: [{**item, "i": place} for place, item in enumerate(process[name])]
                for name in COLLECTIONS
            },
        }
        for number, process in enumerate(processes)
    ]


def expected(processes: list[dict[str, Any]], conditions: Sequence[Pair]) -> Any:
    """What the oracle says: the records, how many are undecided, how many sub-objects are lost."""
    records, undecided, lost = [], 0, 0
    for process in processes:
        value, member = oracle.chain([pair.predicate for pair in conditions], process)
        undecided += value is None
        if value is not True:
            continue
        left = {name: [i for i, m in enumerate(member[name]) if m] for name in COLLECTIONS}
        record = {"pid": process["pid"], **left}
        if process["cut"]:
            record["_cut_short"] = dict.fromkeys(process["cut"], "paged out")
        records.append(record)
        lost += sum(member[name].count(None) for name in COLLECTIONS)
    return records, undecided, lost


def found(query: str, processes: list[dict[str, Any]], portion: int, limits: Limits) -> Any:
    outcome = ask(World(processes, portion), query + SHOWN, limits=limits)
    return (
        outcome.value,
        sum(outcome.run.undecided.values()),
        sum(outcome.run.lost.values()),
    )


portions = st.integers(1, 4)
bounds = st.sampled_from([Limits(), Limits(rows_at_once=1), Limits(rows_at_once=3)])


@quick
@given(worlds, pairs, portions, bounds)
def test_a_where_is_what_the_oracle_says(
    processes: list[dict[str, Any]], pair: Pair, portion: int, limits: Limits
) -> None:
    data = numbered(processes)
    query = f"process.Where({pair.text})"
    assert found(query, data, portion, limits) == expected(data, [pair])


@quick
@given(worlds, st.lists(pairs, min_size=2, max_size=3), portions)
def test_wheres_in_a_row_are_what_the_oracle_says(
    processes: list[dict[str, Any]], conditions: list[Pair], portion: int
) -> None:
    data = numbered(processes)
    query = "process" + "".join(f".Where({pair.text})" for pair in conditions)
    assert found(query, data, portion, Limits()) == expected(data, conditions)


@settings(quick, max_examples=400)
@given(little_worlds, st.lists(little_predicates, min_size=1, max_size=3), portions)
def test_little_worlds(
    processes: list[dict[str, Any]], conditions: list[Pair], portion: int
) -> None:
    data = numbered(processes)
    query = "process" + "".join(f".Where({pair.text})" for pair in conditions)
    assert found(query, data, portion, Limits()) == expected(data, conditions)
