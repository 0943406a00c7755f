"""The order in which a bare name is looked up, each step against the next one."""

from __future__ import annotations

import pytest

from memq.errors import QueryError
from tests.eval.world import World, value

WORLD = World(
    [
        {
            "pid": 1,
            "name": "a",
            "odd": True,
            "vad": [{"n": 1, "b": True}, {"n": 2}],
            "handle": [{"n": 2}],
            "children": [1],
        },
        {"pid": 2, "name": "b", "vad": [{"n": 3}], "handle": [{"n": 4}], "parent": 0},
    ],
    portion=3,
)
MEANINGS = [
    # A parameter before all else: before the element's type, a field, a collection and a source
    ("process.Where(process => process.pid == 2)", [2]),
    ("process.Where(vad.Any(vad => vad.n == 3))", [2]),
    ("process.Where(vad.Any(n => n.n == 3))", [2]),
    ("process.Where(vad.Any(handle => handle.n == 3))", [2]),
    ("process.Where(vad.Any(process => process.n == 3))", [2]),
    # The innermost of two, and an outer one within an inner lambda
    ("process.Where(vad.Any(v => handle.Any(v => v.n == 4)))", [2]),
    ("process.Where(p => p.vad.Any(v => p.pid == 2))", [2]),
    ("process.Where(p => p.children.Any(q => q.pid > p.pid))", [1]),
    ("process.Where(p => p.vad.Any(v => p.handle.Any(h => h.n == v.n && p.odd)))", [1]),
    # The name of the current element's type, before its owner's and the elements around
    ("process.Where(children.Any(process.pid == 2))", [1]),
    ("process.Where(vad.Any(vad.n == 3))", [2]),
    ("process.Where(vad.Any(vad_object.n == 3))", [2]),
    # Its fields, aliases and sub-objects, before those of the elements around
    ("process.Where(children.Any(pid == 2))", [1]),
    ("process.Where(children.Any(name == 'b'))", [1]),
    ("process.Where(children.Any(vad.n == 3))", [1]),
    ("process.Where(children.Any(c => pid == 2))", [1]),
    ("process.Where(children.Any(c => vad.n == 3))", [1]),
    ("process.Where(vad.Any(v => b))", [1]),
    # A lambda's type goes past it, to the element outside
    ("process.Where(children.Any(c => process.pid == 1))", [1]),
    ("process.Where(children.Any(c => process.vad.n == 1 && c.vad.n == 3))", [1]),
    ("process.Where(vad.Any(v => vad.n == 1 && v.n == 2))", [1]),
    ("process.Where(vad.Any(v => process.pid == 2))", [2]),
    # The names of the elements around, outward, and what is called by them
    ("process.Where(vad.Any(process.pid == 2))", [2]),
    ("process.Where(vad.Any(handle.n == 2 && n == 1))", [1]),
    ("process.Where(vad.Any(v => handle.Any(h => vad.n == 3 && process.pid == 2)))", [2]),
    ("process.Where(children.Any(c => vad.Any(v => process.pid == 1)))", [1]),
    # The source's own name, however the source is reached
    ("process.Take(9).Where(process.pid == 2)", [2]),
    ("process.Where(pid > 0).Where(p => p.pid == 2).Where(process.pid == 2)", [2]),
    ("process.Where(parent.pid == 1)", [2]),
    ("process.Where(process_object.parent.process_object.pid == 1)", [2]),
    ("process.Where(p => process.Any(q => q.pid < p.pid))", [2]),
    ("process.Where(p => process.Count(q => q.pid <= p.pid) == 1)", [1]),
    ("let s = process.Take(9); s.Where(process.name == 'b')", [2]),
    ("let s = process.Take(9); s.Where(s => s.name == 'b')", [2]),
]


@pytest.mark.parametrize(("query", "pids"), MEANINGS)
def test_meaning(query: str, pids: list[int]) -> None:
    assert value(WORLD, f"{query}.Select(pid)") == pids


NO_MEANING = [
    # The fields of the elements around are not looked up.
    "process.Where(vad.Any(v => pid == 1))",
    "process.Where(vad.Any(pid == 1))",
    "process.Where(vad.Any(v => name == 'a'))",
    "process.Where(handle.Any(h => a))",
    # Nor are other types' fields, and names that differ in case.
    "process.Where(n == 1)",
    "process.Where(PID == 1)",
    "process.Where(Process.pid == 1)",
    # A parameter ends with its lambda.
    "process.Where(vad.Any(v => v.n == 1) && v.n == 1)",
    "process.Where(p => p.pid == 1).Where(p.pid == 1)",
]


@pytest.mark.parametrize("query", NO_MEANING)
def test_no_meaning(query: str) -> None:
    with pytest.raises(QueryError):
        value(WORLD, query)


def test_a_whole_source_in_a_condition_is_an_error_that_suggests_any() -> None:
    with pytest.raises(QueryError, match="Any"):
        value(WORLD, "process.Where(p => process.pid == 1)")
