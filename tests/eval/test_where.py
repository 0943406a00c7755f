"""Where: the language's own table, narrowing, and what a run says of what it could not decide."""

from __future__ import annotations

from typing import Any

import pytest

from memq.errors import Reason
from tests.eval.world import World, ask, value


def vad(n: int, **values: object) -> dict[str, Any]:
    return {"n": n, **values}


FOUR: dict[str, Any] = {"pid": 4, "vad": [vad(1, a=True), vad(2, b=True), vad(3, f="x", c=True)]}
FIVE: dict[str, Any] = {
    "pid": 5,
    "vad": [vad(1, a=True, c=True, f="y")],
    "handle": [{"n": 7, "b": True, "f": "y"}, {"n": 8}],
}
SIX: dict[str, Any] = {"pid": 6}
PIDS = ".Select(pid)"

# (condition, the processes of which it is true): the table of "Sub-objects".
TABLE = [
    ("vad.a && vad.c", [5]),
    ("vad.a && !vad.b", [4, 5]),
    ("vad.c && !vad.a", [4]),
    ("(vad.a || vad.b) && vad.c", [5]),
    ('!(vad.f == "x")', [5, 6]),
    ("!vad.a && !vad.b", [6]),
    ("vad.a || pid == 6", [4, 5, 6]),
    ("vad.b || pid == 6", [4, 6]),
    ("(vad.a || pid == 4) && handle.b", [5]),
    ("vad.a && handle.b", [5]),
    ("vad.f == handle.f", [5]),
    ('vad.f != "x"', [4, 5]),
    ("vad.Any(v => v.a) && vad.Any(v => v.b)", [4]),
    ("vad.All(v => v.a)", [5, 6]),
    ("vad.None(v => v.b)", [5, 6]),
    ("vad.Count() == 1", [5]),
    ("vad.Count(v => v.a || v.b) > 1", [4]),
    ("vad.a && handle.Any(h => h.f == vad.f)", [5]),
    ("vad.b && handle.Any(h => h.f == vad.f)", []),
    ('"y" in handle.f', [5]),
    ('vad.a && "y" in vad.f', [5]),
    ("vad.a ? vad.c : vad.b", [4, 5]),
    ("vad.n in 2..3", [4]),
    ("(vad.n == 1) == (vad.a)", [4, 5]),
    ("vad.f == null", [4]),
    ("vad.f.Contains('x')", [4]),
]


@pytest.mark.parametrize(("condition", "pids"), TABLE)
def test_table(condition: str, pids: list[int]) -> None:
    assert value(World([FOUR, FIVE, SIX]), f"process.Where({condition}){PIDS}") == pids


LEFT = [
    ("vad.a && pid > 1", [[1], [1], None]),
    ("vad.a || pid == 4", [[1, 2, 3], [1], None]),
    ("vad.f == handle.f", [None, [1], None]),
    ("vad.a || !vad.b", [[1], [1], []]),
    ("vad.Any(v => v.c)", [[1, 2, 3], [1], None]),
    ("vad.a || vad.Any(v => v.n == 3 && process.vad.b)", [[1, 2, 3], [1], None]),
    ("!(vad.f == 'y')", [[1, 2, 3], None, []]),
    ("pid > 4", [None, [1], []]),
]


@pytest.mark.parametrize(("condition", "left"), LEFT)
def test_narrowing(condition: str, left: list[list[int] | None]) -> None:
    rows = value(
        World([FOUR, FIVE, SIX]), f"process.Where({condition}).Select({{pid: pid, n: vad.n}})"
    )
    found = {row["pid"]: row["n"] for row in rows}
    assert [found.get(pid) for pid in (4, 5, 6)] == left


def test_a_later_where_sees_what_is_left() -> None:
    world = World([FOUR, FIVE, SIX])
    assert value(world, f"process.Where(vad.a).Where(vad.b){PIDS}") == []
    assert value(world, f"process.Where(vad.a).Where(!vad.b){PIDS}") == [4, 5]
    assert value(world, f"process.Where(vad.a).Take(9).Where(vad.Count() == 1){PIDS}") == [4, 5]
    assert value(world, "process.Where(vad.c).SelectMany(vad).Select(n)") == [3, 1]


def test_what_is_reached_anew_is_whole() -> None:
    query = "process.Where(vad.c).SelectMany(vad).Select({n: n, all: process.vad.n})"
    assert value(World([FOUR]), query) == [{"n": 3, "all": [1, 2, 3]}]


FAMILY = World(
    [
        {"pid": 1, "name": "init", "children": [1, 2]},
        {"pid": 2, "name": "sh", "vad": [vad(1, a=True), vad(2)]},
        {"pid": 3, "name": "cat", "vad": [vad(3, a=True)], "children": [1]},
    ]
)


def test_a_longer_path_binds_inside_its_prefix_and_both_levels_narrow() -> None:
    query = 'process.Where(children.vad.a && children.name == "{}").Select([pid, children.vad.n])'
    one = [{"pid": 1, "children": [{"vad": [{"n": 1}]}]}]
    assert value(FAMILY, query.format("sh"))[:1] == one
    assert value(FAMILY, query.format("init")) == []


def test_both_levels_narrow_for_a_later_where() -> None:
    query = "process.Where(children.vad.a).Where(children.Any(c => c.vad.n == {})){}"
    assert value(FAMILY, query.format(1, PIDS)) == [1, 3]
    assert value(FAMILY, query.format(2, PIDS)) == []
    assert value(FAMILY, query.format(3, PIDS)) == [1]


def test_undecided_and_lost_are_counted() -> None:
    unknown = {"pid": 7, "vad": [vad(1, a=Reason.PAGED_OUT)]}
    partly = {"pid": 8, "vad": [vad(1, a=Reason.NOT_IN_DUMP), vad(2, a=True)]}
    run = ask(World([unknown, partly, FIVE]), "process.Where(vad.a).Select([pid, vad.n])").run
    assert run.matched == 2
    assert run.undecided == {Reason.PAGED_OUT: 1}
    assert run.lost == {Reason.NOT_IN_DUMP: 1}
    assert not ask(World([unknown]), "process.Where(vad.a ?? true)").run.undecided


def test_what_nobody_asks_for_is_not_lost() -> None:
    partly = {"pid": 8, "vad": [vad(1, a=Reason.NOT_IN_DUMP), vad(2, a=True)]}
    run = ask(World([partly]), "process.Where(vad.a).Select([pid, handle.n])").run
    assert run.matched == 1
    assert not run.lost


def test_what_a_later_where_finds_false_is_decided() -> None:
    unknown = {"pid": 7, "vad": [vad(1, a=Reason.PAGED_OUT)]}
    run = ask(World([unknown]), "process.Where(vad.a).Where(pid == 4)").run
    assert not run.undecided


CUT = [
    ("vad.a", True),
    ("vad.b", None),
    ("!vad.a", False),
    ("vad.All(v => v.a)", False),
    ("vad.All(v => v.n > 0)", None),
    ("vad.All(v => process.pid == 7)", True),
    ("vad.None(v => v.b)", None),
    ("vad.Count() >= 2", True),
    ("vad.Count() == 2", None),
    ("vad.Count() == 7", None),
    ("vad.Count() != 7", None),
    ("vad.Count() == 1", False),
    ("vad.Count(v => process.pid == 8) == 0", True),
    ("vad.Count(v => process.pid == 7) > 2", None),
    ("vad.Any(v => process.pid == 8)", False),
    ("vad.b || pid == 7", True),
]
"""What is true, false and undecided where there may be more VADs."""


def test_a_cut_collection_decides_what_it_can_and_is_noted() -> None:
    cut = {"pid": 7, "vad": [vad(1), vad(2, a=True)], "cut": {"vad": Reason.LOOP}}
    world = World([cut])
    for condition, holds in CUT:
        run = ask(world, f"process.Where({condition})").run
        found = True if run.matched else None if run.undecided else False
        assert found is holds, condition
        assert set(run.undecided) <= {Reason.LOOP}
    assert ask(world, "process.Where(vad.a)").run.notes == {
        "vad_object of process with pid 7 cut short: the structure loops": Reason.LOOP
    }


def test_an_unknown_parent_has_an_unknown_rest_and_a_null_one_has_none() -> None:
    world = World([FOUR, FIVE | {"parent": Reason.LOOP}, SIX | {"parent": 0}], portion=3)
    run = ask(world, f"process.Where(parent.vad.a){PIDS}").run
    assert (run.matched, dict(run.undecided)) == (1, {Reason.LOOP: 1})
    # Of the three, one has no parent: its parent's parent is null, whatever others' are.
    chain = World([FIVE | {"parent": Reason.LOOP}, FOUR, SIX | {"parent": 0}], portion=3)
    rows = value(chain, "process.Select({up: parent.parent.pid})")
    loops = {"up": None, "_unknown": {"up": Reason.LOOP.text}}
    assert rows == [loops, {"up": None}, loops]


WARNED = [
    ('process.Where(vad.f != "x")', 'vad.f == "x"'),
    ('process.Where(process.vad_object.f\n  !=  "x")', 'process.vad_object.f == "x"'),
    ('process.Where(pid > 1 && vad.f != "x")', 'vad.f == "x"'),
    ('process.Where(pid == 1 || vad.f !== "x")', 'vad.f == "x"'),
    ('process.Count(vad.f != "x")', 'vad.f == "x"'),
    ('vad.Where(process.handle.f != "x")', 'process.handle.f == "x"'),
    ("process.Where(vad.f != handle.f && vad.a)", "vad.f == handle.f"),
]
NOT_WARNED = [
    'process.Where(!(vad.f != "x"))',
    'process.Where(vad.Any(v => v.f != "x"))',
    'process.Where(vad.a && vad.f != "x")',
    "process.Where(vad.f != null)",
    "process.Where(pid != 1)",
    'vad.Where(f != "x")',
    'process.Where(parent.name != "x")',
    'process.Select(vad.f != "x")',
]


@pytest.mark.parametrize(("query", "equality"), WARNED)
def test_some_element_differs_is_warned_about(query: str, equality: str) -> None:
    (warning,) = ask(World([FOUR]), query).plan.warnings
    assert warning.endswith(f"`!({equality})`")


@pytest.mark.parametrize("query", NOT_WARNED)
def test_other_differences_are_not(query: str) -> None:
    assert ask(World([FOUR]), query).plan.warnings == ()
