"""Holding the evaluator to the oracle: queries as text on the one side, trees on the other.

MEMQ_EXAMPLES multiplies how many examples are tried.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import HealthCheck, Phase, settings

from tests.eval import reference_semantics as oracle
from tests.eval.world import World, ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.run import Limits
    from tests.eval.conditions import Pair
    from tests.eval.reference_semantics import Object

TIMES = int(os.environ.get("MEMQ_EXAMPLES", "1"))


def examples(count: int, *phases: Phase) -> settings:
    """Settings of a property test; a world and a query take long to draw, and no test is timed."""
    usual = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
    return settings(
        max_examples=count * TIMES,
        phases=phases or usual,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


class Answer(NamedTuple):
    """What a query gives, how many elements are undecided, and how many sub-objects are lost."""

    records: list[Any]
    undecided: int
    lost: int

    def differing(self, other: Answer) -> list[tuple[Any, Any]]:
        """The records that are not the same in both: of many, only these are worth reading."""
        own, others = ({one["pid"]: one for one in a.records} for a in (self, other))
        pids = sorted(own.keys() | others.keys())
        pairs = [(own.get(pid), others.get(pid)) for pid in pids]
        return [pair for pair in pairs if pair[0] != pair[1]]


NUMBERS: Object = {"pid": None}
FLAT: Object = {"pid": None, "vad": {"i": None}, "handle": {"i": None}}
FAMILY: Object = {
    **FLAT,
    "children": {"pid": None, "vad": {"i": None}},
    "parent": {"vad": {"i": None}, "children": {"pid": None}},
}
"""What is selected, as the records have it: None is a value, a collection's is that of each."""


def with_places(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each thing of each process its place there."""
    return [
        process
        | {
            name: [{**item, "i": place} for place, item in enumerate(process[name])]
            for name in ("vad", "handle")
        }
        for process in processes
    ]


def numbered(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each process and each of its things its number."""
    numbers = enumerate(with_places(processes))
    return [{**process, "pid": number} for number, process in numbers]


def paths(form: Object) -> list[str]:
    """The paths that a Select names."""
    return [
        path
        for name, inner in form.items()
        for path in ([name] if inner is None else [f"{name}.{rest}" for rest in paths(inner)])
    ]


def record(form: Object, found: Any) -> Object:
    """What is selected of one object, with what is left of its collections."""
    written: Object = {}
    cut = {}
    for name, inner in form.items():
        if inner is None:
            written[name] = found[name]
        elif name in oracle.SINGLE:
            written[name] = record(inner, found[name])
        elif isinstance(found, dict):
            written[name] = [record(inner, one) for one in oracle.left(found, name)]
            cut.update({name: found["cut"][name].text} if name in found["cut"] else {})
        else:
            # Of nothing there is nothing; of what could not be read there may be some.
            written[name] = []
            cut.update({} if found is None else {name: found.text})
    return {**written, "_cut_short": cut} if cut else written


def expected(elements: Sequence[Object], conditions: Sequence[Pair], form: Object) -> Answer:
    """What the oracle says."""
    records, undecided, lost = [], 0, 0
    for element in elements:
        value, found = oracle.chain([pair.predicate for pair in conditions], element)
        undecided += value is None
        if value is True:
            records.append(record(form, found))
            lost += oracle.lost(found)
    return Answer(records, undecided, lost)


def wheres(conditions: Sequence[Pair]) -> str:
    """The query of Wheres in a row."""
    return "process" + "".join(f".Where({pair.text})" for pair in conditions)


def answered(world: World, query: str, form: Object, limits: Limits | None = None) -> Answer:
    """What memq says."""
    selected = f"{query}.Select([{', '.join(paths(form))}])"
    outcome = ask(world, selected, limits=limits)
    run = outcome.run
    return Answer(outcome.value, sum(run.undecided.values()), sum(run.lost.values()))
