"""Who is `process`? What a name means, by where it stands."""

from __future__ import annotations

import pytest

from memq.errors import QueryError
from tests.eval.world import World, value

WORLD = World(
    [
        {
            "pid": 1,
            "name": "a",
            "vad": [{"n": 1, "f": "a", "b": True}, {"n": 2}],
            "handle": [{"n": 2, "f": "b"}],
            "children": [1],
        },
        {
            "pid": 2,
            "name": "b",
            "vad": [{"n": 3, "f": "a"}],
            "handle": [{"n": 4, "f": "a"}],
            "parent": 0,
        },
    ]
)

MEANINGS = [
    ("process.Where(process.pid == 2)", [2]),
    ("process.Where(pid == 2)", [2]),
    ("process.Where(process_id == 2)", [2]),
    ("process.Where(process_object.pid == 2)", [2]),
    ("process.Where(process.process_object.process_id == 2)", [2]),
    ("process.Where(p => p.pid == 2)", [2]),
    ("process.Where(p => p.process_object.pid == 2)", [2]),
    ("process.Where(p => pid == 2)", [2]),
    ("process.Where(vad.vad_object.n == 3)", [2]),
    # Within a lambda bare fields are the parameter's, and its type's name goes past it.
    ("process.Where(vad.Any(v => n == 3))", [2]),
    ("process.Where(vad.Any(v => v.n == 3))", [2]),
    ("process.Where(vad.Any(n == 3))", [2]),
    ("process.Where(vad.Any(vad.n == 3))", [2]),
    ("process.Where(vad.Any(v => process.pid == 1))", [1]),
    ("process.Where(process.vad_object.Any(v => v.process.pid == 1))", [1]),
    ("process.Where(vad.All(v => vad.n == 3))", [2]),
    ("process.Where(vad.Any(v => v.n == 2 && vad.n == 1))", [1]),
    # A parameter may hide a name.
    ("process.Where(vad.Any(process => process.n == 3))", [2]),
    ("process.Where(vad.Any(v => handle.Any(h => h.f == v.f)))", [2]),
    ("process.Where(vad.Any(v => handle.Any(v => v.n == 2)))", [1]),
    ("process.Where(vad.Any(v => handle.Any(h => name == h.f)))", None),
    ("process.Where(vad.b && process.vad.Any(v => v.n == 2))", [1]),
    # The process in a lambda is that whose bound VAD is spoken of.
    ("process.Where(vad.b && handle.Any(h => process.vad.n == 1))", [1]),
    ("process.Where(vad.n == 2 && handle.Any(h => process.vad.b))", []),
    ("process.Where(parent.name == 'a')", [2]),
    ("process.Where(children.name == 'b')", [1]),
    ("process.Where(children.Any(c => c.name == 'b' && process.name == 'a'))", [1]),
    ("process.Where(children.Any(name == 'b'))", [1]),
    ("process.where(VAD.n == 3)", None),
    ("process.WHERE(vad.any(v => v.n == 3))", [2]),
]


@pytest.mark.parametrize(("query", "pids"), [one for one in MEANINGS if one[1] is not None])
def test_meaning(query: str, pids: list[int]) -> None:
    assert value(WORLD, f"{query}.Select(pid)") == pids


@pytest.mark.parametrize("query", [one[0] for one in MEANINGS if one[1] is None])
def test_no_meaning(query: str) -> None:
    with pytest.raises(QueryError):
        value(WORLD, query)


def test_after_select_many_the_owner_is_in_reach() -> None:
    assert value(WORLD, "process.SelectMany(vad).Where(process.pid == 2).Select(n)") == [3]
    assert value(WORLD, "vad.Where(process.pid == 2 && vad.n == 3).Select(vad.n)") == [3]
    assert value(WORLD, "vad.Where(v => v.process.pid == 2).Select(n)") == [3]
    assert value(WORLD, "vad.Where(process.handle.n == 2).Select(n)") == [1, 2]


def test_after_select_only_the_columns_are_there() -> None:
    assert value(WORLD, "process.Select([pid, name]).Where(pid == 2).Select(name)") == ["b"]
    assert value(WORLD, "process.Select([process.pid]).Where(process.pid == 2)") == [{"pid": 2}]
    assert value(WORLD, "process.Select({p: parent.pid}).Where(p == 1)") == [{"p": 1}]
    with pytest.raises(QueryError):
        value(WORLD, "process.Select([pid]).Where(process.name == 'a')")
    with pytest.raises(QueryError):
        value(WORLD, "process.Select([pid]).Where(process_id == 2)")


def test_a_column_that_a_call_made_is_found_by_its_text() -> None:
    # Further out `vad` is all of the dump, three for each.
    assert value(
        WORLD, "process.Select([pid, vad.Count()]).Where(vad.Count() > 1).Select(pid)"
    ) == [1]
    by_sum = "process.Select([pid, vad.n.Sum()]).OrderByDescending(vad.n.Sum())"
    assert value(WORLD, f"{by_sum}.Select([vad.n.Sum()])") == [
        {"vad.n.Sum()": 3},
        {"vad.n.Sum()": 3},
    ]
    assert value(WORLD, f"{by_sum.replace('vad', 'handle')}.Select(pid)") == [2, 1]
    groups = "vad.GroupBy(f).Select([key, items.Count()])"
    assert value(WORLD, f"{groups}.OrderByDescending(items.Count()).Select(key)") == ["a", None]


@pytest.mark.parametrize(
    "query",
    [
        "process.Select([pid]).Where(vad.Count() > 1)",
        "process.Select([pid, vad.Count()]).Where(vad.Count(n > 1) > 1)",
        "process.Select([pid, children.pid]).Where(children.Any(vad.Count() > 1))",
        "process.GroupBy(name).Where(vad.Any(n > 1))",
    ],
)
def test_after_select_the_elements_collections_are_not_those_of_the_dump(query: str) -> None:
    with pytest.raises(QueryError, match="The record has no `vad`"):
        value(WORLD, query)


def test_after_select_a_lambda_may_speak_of_the_whole_dump() -> None:
    query = "process.Select([pid]).Where(r => vad.Count(v => v.process.pid == r.pid) > 1)"
    assert value(WORLD, query) == [{"pid": 1}]
