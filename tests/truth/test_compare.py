"""The comparison itself: it must see what differs, and what is listed for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.truth.compare import Changed, Difference, Only, complaints
from tests.truth.record import Near, Rows, comm, command_line, undeleted

RECORD: Rows = {(1, 2): {"name": "a", "size": 3}, (1, 4): {"name": None, "size": 0}}


def test_equal_rows_give_no_complaint() -> None:
    dump = RECORD | {(1, 2): {"name": "a", "size": 3, "more": 1}}
    assert complaints(RECORD, dump, []) == []


@pytest.mark.parametrize(
    ("dump", "known", "complaint"),
    [
        ({(1, 2): RECORD[1, 2]}, [], "1: 1 rows only in record: 1/4"),
        (RECORD | {(5, 5): {}}, [], "5: 1 rows only in dump: 5/5"),
        (RECORD | {(1, 2): {"name": "b", "size": 3}}, [], "1/2: name: expected 'a', the dump has"),
        (RECORD | {(1, 2): {"name": "a"}}, [], "1/2: size: the dump's row has no such field"),
        (RECORD | {(1, 4): {"name": None, "size": False}}, [], "1/4: size: expected 0, the dump"),
        (RECORD, [Only("dump", (7,), "x")], "7: 0 rows only in dump"),
        (RECORD | {(7, 1): {}}, [Only("dump", (7,), "x", rows=2)], "7: 1 rows only in dump"),
        (
            RECORD | {(7, 1): {"n": 1}},
            [Only("dump", (7,), "", like={"n": 2})],
            "7/1: n: expected 2",
        ),
        (RECORD, [Changed((1, 2), {"name": "a"}, "x")], "1/2: name: expected _Stale(value='a')"),
        (RECORD, [Changed((1, 3), {"name": "a"}, "x")], "1/3: listed as changed, but has no row"),
    ],
)
def test_each_difference_is_told(dump: Any, known: list[Difference], complaint: str) -> None:
    found = complaints(RECORD, dump, known)
    assert len(found) == 1
    assert found[0].startswith(complaint)


def test_known_differences_are_no_complaint() -> None:
    dump: Rows = {(1, 2): {"name": "b", "size": 3}, (7, 1): {"n": 1}, (7, 2): {"n": 1}}
    known: list[Difference] = [
        Changed((1, 2), {"name": "b"}, "x"),
        Only("record", (1, 4), "x"),
        Only("dump", (7,), "x", rows=2, like={"n": 1}),
    ]
    assert complaints(RECORD, dump, known) == []


def test_times_are_equal_within_their_tolerance() -> None:
    assert Near(1000, 10) == 1010
    assert Near(1000, 10) != 1011
    assert Near(1000, 10) != "1000"


@pytest.mark.parametrize(
    ("shown", "short"),
    [
        ("kworker/0:1-events", "kworker/0:1"),
        ("kworker/u4:3+flush-254:0", "kworker/u4:3"),
        ("kworker/1:0H-kblockd", "kworker/1:0H"),
        ("kworker/R-rcu_gp", "kworker/R-rcu_g"),
        ("rcu_tasks_kthread", "rcu_tasks_kthre"),
        ("ksoftirqd/0", "ksoftirqd/0"),
    ],
)
def test_names_of_kernel_threads(shown: str, short: str) -> None:
    assert comm(shown) == short


def test_command_lines() -> None:
    assert command_line("/bin/login\0-f\0\0\0\0") == "/bin/login -f"
    assert command_line("") == ""


def test_deleted_files() -> None:
    assert undeleted("/tmp/evil (deleted)") == ("/tmp/evil", True)
    assert undeleted("/tmp/good") == ("/tmp/good", False)
    assert undeleted(None) == (None, False)
