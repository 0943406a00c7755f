"""What Select gives: keys and their order, lists, renaming, defaults, single values, unknowns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memq.errors import MemqError, Reason
from tests.eval.world import FOLDING, World, ask, value

AGETTY: dict[str, Any] = {
    "pid": 412,
    "name": "agetty",
    "base": 0x3A10000,
    "born": 1_000_000_000,
    "vad": [{"n": n, "f": "/usr/sbin/agetty", "start": n << 12} for n in (1, 2)],
    "handle": [{"n": 7, "f": "/dev/tty1"}, {"n": 8, "f": "/dev/tty1"}],
    "parent": 1,
}
INIT: dict[str, Any] = {"pid": 1, "name": "init", "children": [0]}
WORLD = World([AGETTY, INIT])

# (query, what the first element gives, as JSON with the keys in their order)
GOLDEN = [
    (
        (
            "process.Select([process.handle_object.f, process.process_object.base, "
            "process.process_object.process_id, process.vad_object.f])"
        ),
        (
            '{"handle_object": [{"f": "/dev/tty1"}, {"f": "/dev/tty1"}], "process_object": '
            '{"base": "0x3a10000", "process_id": 412}, "vad_object": [{"f": "/usr/sbin/agetty"}, '
            '{"f": "/usr/sbin/agetty"}]}'
        ),
    ),
    ("process.Select([process.pid])", '{"pid": 412}'),
    ("process.Select([process_id])", '{"process_id": 412}'),
    ("process.Select([process_object.process_id])", '{"process_object": {"process_id": 412}}'),
    ("process.Select([pid, process.pid, base, pid])", '{"pid": 412, "base": "0x3a10000"}'),
    ("process.Select([born])", '{"born": "1970-01-01T00:00:01.000000Z"}'),
    # Renamed
    (
        "process.Select({p: pid, files: handle.f, all: handle})",
        (
            '{"p": 412, "files": ["/dev/tty1", "/dev/tty1"], '
            '"all": [{"n": 7, "f": "/dev/tty1"}, {"n": 8, "f": "/dev/tty1"}]}'
        ),
    ),
    ("process.Select({up: parent})", '{"up": {"process_id": 1, "name": "init"}}'),
    # Bare
    ("process.Select(pid)", "412"),
    ("process.Select(pid + 1)", "413"),
    ("process.Select(vad.n)", "[1, 2]"),
    ("process.Select(vad.n * 2)", "[2, 4]"),
    ("process.Select(p => p.name)", '"agetty"'),
    ("process.Select(process)", '{"process_id": 412, "name": "agetty"}'),
    # What is not a path has its text as key.
    (
        "process.Select([vad . Count( ),pid+1, vad.Any(v=>v.n==2)])",
        '{"vad.Count()": 2, "pid + 1": 413, "vad.Any(v => v.n == 2)": true}',
    ),
    (
        "process.Select([vad.n, vad.n + 1, vad.start])",
        '{"vad": [{"n": 1, "start": "0x1000"}, {"n": 2, "start": "0x2000"}], "vad.n + 1": [2, 3]}',
    ),
    # One collection under two spellings is one list; a path asked for twice stands once.
    (
        "process.Select([vad_object.n, pid, process.vad.start, vad.n])",
        '{"vad_object": [{"n": 1, "start": "0x1000"}, {"n": 2, "start": "0x2000"}], "pid": 412}',
    ),
    (
        "process.Select([process_object.vad.n, vad.vad_object.n])",
        (
            '{"process_object": {"vad": [{"n": 1, "vad_object": {"n": 1}}, '
            '{"n": 2, "vad_object": {"n": 2}}]}}'
        ),
    ),
    # Default columns stand flat, under their long names.
    ("process", '{"process_id": 412, "name": "agetty"}'),
    (
        "process.Select([handle, pid])",
        '{"handle": [{"n": 7, "f": "/dev/tty1"}, {"n": 8, "f": "/dev/tty1"}], "pid": 412}',
    ),
    (
        "process.Select([process, base])",
        '{"process_id": 412, "name": "agetty", "base": "0x3a10000"}',
    ),
    # Only the current element's name is dropped from a path.
    (
        "process.SelectMany(vad).Select([process.name, vad.n])",
        '{"process": {"name": "agetty"}, "n": 1}',
    ),
    ("vad.Select([vad.process.name, vad.n])", '{"process": {"name": "agetty"}, "n": 1}'),
    ("vad.Select(v => [v.process.name, v.n])", '{"process": {"name": "agetty"}, "n": 1}'),
    ("process.Select([parent.name])", '{"parent": {"name": "init"}}'),
    (
        "process.Select([parent.children.handle.n])",
        '{"parent": {"children": [{"handle": [{"n": 7}, {"n": 8}]}]}}',
    ),
    ("process.Select({all: parent.children.handle.n})", '{"all": [[7, 8]]}'),
    # After Select the element is the record.
    ("process.Select([pid, name]).Select([name, process.pid])", '{"name": "agetty", "pid": 412}'),
    ("process.Select({p: parent.pid}).Select(r => r.p + 1)", "2"),
    ("process.Select([parent.pid]).Select(parent.pid)", "1"),
    ("process.Select(pid).Select(x => [x, x + 1])", '{"x": 412, "x + 1": 413}'),
    ("process.Select(pid).Where(x => x > 1).Select(process)", "412"),
    (
        "process.Select([vad.n, pid]).OrderByDescending(pid)",
        '{"vad": [{"n": 1}, {"n": 2}], "pid": 412}',
    ),
]


@pytest.mark.parametrize(("query", "first"), GOLDEN)
def test_golden(query: str, first: str) -> None:
    assert json.dumps(value(WORLD, query)[0]) == first


def test_an_owner_or_parent_that_is_null_has_null_fields() -> None:
    world = World([INIT])
    assert value(world, "process.Select([parent.name])") == [{"parent": {"name": None}}]
    assert value(world, "process.Select([parent.parent.name, parent.vad.n])") == [
        {"parent": {"parent": {"name": None}, "vad": []}}
    ]


SINGLE = [
    ("process.Count()", 2),
    ("process.Count(pid > 1)", 1),
    ("process.First()", {"process_id": 412, "name": "agetty"}),
    ("process.Select(pid).First()", 412),
    ("process.First(p => p.pid == 1)", {"process_id": 1, "name": "init"}),
    ("process.Any()", True),
    ("process.Any(pid == 5)", False),
    ("process.All(pid > 0)", True),
    ("process.All(p => p.vad.Any())", False),
    ("vad.Count()", 2),
    ("process.Where(vad.n == 2).SelectMany(vad).Count()", 1),
]


@pytest.mark.parametrize(("query", "expected"), SINGLE)
def test_a_query_that_ends_in_one_value_gives_it_bare(query: str, expected: object) -> None:
    assert value(WORLD, query) == expected


def test_first_of_nothing_fails() -> None:
    with pytest.raises(MemqError) as caught:
        value(WORLD, "process.First(pid == 7)")
    assert caught.value.exit_status == 1


DAMAGED = World(
    [
        {
            "pid": 1,
            "x": Reason.PAGED_OUT,
            "name": None,
            "vad": [{"n": Reason.NOT_IN_DUMP, "f": "x"}, {"n": 2}],
            "cut": {"vad": Reason.LOOP},
            "parent": Reason.MALFORMED,
        }
    ]
)


def test_unknown_values_are_null_with_their_reason_beside_them() -> None:
    assert value(DAMAGED, "process.Select([x, name, parent.pid])") == [
        {
            "x": None,
            "name": None,
            "parent": {"pid": None, "_unknown": {"pid": "malformed data"}},
            "_unknown": {"x": "paged out"},
        }
    ]
    assert value(DAMAGED, "process.Select(x)") == [{"_unknown": "paged out"}]
    assert value(DAMAGED, "process.Select(name)") == [None]
    assert value(DAMAGED, "process.Select(vad.Count())") == [{"_unknown": "the structure loops"}]


def test_lists_say_what_they_lack() -> None:
    assert value(DAMAGED, "process.Select([vad.n])") == [
        {
            "vad": [{"n": None, "_unknown": {"n": "memory not in the dump"}}, {"n": 2}],
            "_cut_short": {"vad": "the structure loops"},
        }
    ]
    assert value(DAMAGED, "process.Select({n: vad.n})") == [
        {
            "n": [{"_unknown": "memory not in the dump"}, 2],
            "_cut_short": {"n": "the structure loops"},
        }
    ]


def test_what_narrowing_left_undecided_is_not_listed() -> None:
    query = "process.Where(vad.n == 2 || pid == 7).Select([vad.n])"
    assert value(DAMAGED, query)[0]["vad"] == [{"n": 2}]


def test_a_source_that_ends_too_early_is_noted() -> None:
    world = World([INIT], cut=Reason.LOOP)
    run = ask(world, "process.Count()").run
    assert "the count is of what is there; the rest: the structure loops" in run.notes
    assert value(world, "process.Any(pid == 7)") == {"_unknown": "the structure loops"}
    assert value(world, "process.Any(pid == 1)") is True
    assert value(world, "process.All(pid == 7)") is False


def test_select_many_of_a_collection_within_another() -> None:
    world = World(
        [
            {"pid": 1, "children": [2, 1]},
            {"pid": 2, "vad": [{"n": 1}]},
            {"pid": 3, "vad": [{"n": 2}, {"n": 3}], "cut": {"vad": Reason.LOOP}},
        ],
        portion=3,
    )
    assert value(world, "process.SelectMany(children.vad).Select([n, process.pid])") == [
        {"n": 2, "process": {"pid": 3}},
        {"n": 3, "process": {"pid": 3}},
        {"n": 1, "process": {"pid": 2}},
    ]
    outcome = ask(world, "process.SelectMany(children.vad).Count()")
    assert outcome.value == 3
    assert "the count is of what is there; the rest: the structure loops" in outcome.run.notes


def test_select_many_takes_each_as_often_as_it_is_reached() -> None:
    world = World(
        [{"pid": 1, "vad": [{"n": 1}]}, {"pid": 2, "parent": 0}, {"pid": 3, "parent": 0}], portion=3
    )
    assert value(world, "process.SelectMany(parent.vad).Select(n)") == [1, 1]
    swapped = World([{"parent": 1, "vad": [{"n": 1}]}, {"parent": 0, "vad": [{"n": 2}]}], portion=2)
    assert value(swapped, "process.SelectMany(parent.vad).Select(n)") == [2, 1]


def test_lists_of_many_portions_are_joined() -> None:
    processes = [{"pid": n, "vad": [{"n": n}] * (n % 3)} for n in range(7)]
    rows = value(
        World(processes, portion=1),
        "process.Where(pid != 3 && pid != 4).Select([pid, vad.n]).OrderByDescending(pid)",
    )
    assert rows == [
        {"pid": n, "vad": [{"n": n}] * (n % 3)} for n in range(6, -1, -1) if n not in (3, 4)
    ]


def test_names_fold_where_the_system_does() -> None:
    world = World([{"name": "Sh"}, {"name": "sH"}, {"name": None}])
    assert len(value(world, "process.Select([name]).Distinct()")) == 3
    assert len(value(world, "process.Select([name]).Distinct()", FOLDING)) == 2
    assert value(world, 'process.Count(name == "sh")', FOLDING) == 2
    assert value(world, 'process.Count(name === "Sh")', FOLDING) == 1
    assert value(world, 'process.Count(name in ["SH"])', FOLDING) == 2
    assert value(world, 'process.Count(name.StartsWith("s"))', FOLDING) == 2
    assert value(world, 'process.Count(name == "sh")') == 0
