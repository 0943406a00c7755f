"""After a stop nothing is half done: the same question is answered as if there had been none."""

from __future__ import annotations

import random

import pytest

from memq.eval.conversation import Conversation
from memq.lang.parser import Parser
from tests.eval.stopping import Stops, answer, interrupted
from tests.eval.test_shapes import PROCESSES
from tests.eval.world import SYSTEM, World

QUERIES = (
    "process",
    "process.Where(vad.n > 1 && handle.n > 0).Select([pid, name, vad.n, handle])",
    "vad.Where(process.x > 1).Select([process.name, n, f])",
    "process.Where(p => process.Any(q => q.pid > p.pid && q.name == p.name)).Count()",
    "process.Let({sum: vad.size.Sum()}).OrderByDescending(sum).ThenBy(pid).Select([pid, sum])",
    "vad.GroupBy(f).Select([key, items.Count(), items.process.pid])",
    "vad.Union(vad.Where(a)).Distinct().Select({f: f.ToUpper(), parts: f.Split('/')})",
    "vad.Join(handle, v => v.f, h => h.f).Select([left.n, right.n])",
    "process.Zip(process.Skip(1), (a, b) => {a: a.pid, b: b.parent.name}).Chunk(2)",
    "process.Aggregate(0, (s, p) => s + p.vad.Count())",
    "process.All(vad.All(v => v.n > 0)) || process.children.Any(c => c.vad.n > 8)",
    "process.Select({pid: pid, of: vad.OrderBy(n).Take(1).f, first: vad.First().n, c: children})",
)
PARSER = Parser()


def talk() -> Conversation:
    return Conversation(SYSTEM, World(PROCESSES), PARSER)


@pytest.mark.parametrize("query", QUERIES)
def test_wherever_it_is_cancelled(query: str) -> None:
    run = Stops()
    expected = answer(talk(), query, run)
    assert run.asked > 3
    for number in range(1, run.asked + 1):
        one = talk()
        stopped = answer(one, query, Stops(number))
        if isinstance(expected.value, list):
            *rows, last = stopped.value
            assert last == {"_cut_short": "stopped by the user"}
            assert rows == expected.value[: stopped.matched]
        else:
            assert stopped.value == []
        assert answer(one, query, Stops()) == expected


@pytest.mark.parametrize("query", QUERIES)
def test_wherever_it_is_interrupted(query: str) -> None:
    expected = answer(talk(), query, Stops())
    with interrupted(0) as lines:
        answer(talk(), query, Stops())
    for line in random.Random(query).sample(range(1, lines[0]), 12):
        one = talk()
        with pytest.raises(KeyboardInterrupt), interrupted(line):
            answer(one, query, Stops())
        assert answer(one, query, Stops()) == expected
