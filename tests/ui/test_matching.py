"""Which names fit a text, in which order."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.ui.matching import MOST, Entry, Group, best

NAMES = [
    "name", "is_kernel_thread", "process_id", "pid", "parent_process_id", "OrderBy",
    "OrderByDescending", "ThenBy", "task_struct", "in_pid_table", "se.vruntime", "a2b",
]  # fmt: skip


def entry(name: str) -> Entry:
    return Entry(name, name, "", "name")


def fitting(partial: str, names: list[str] = NAMES) -> list[str]:
    return [one.text for one in best(partial, [Group(names, entry)])]


@pytest.mark.parametrize(
    ("partial", "expected"),
    [
        ("", NAMES),
        ("p", ["process_id", "pid", "parent_process_id", "in_pid_table"]),
        ("pid", ["pid", "process_id", "parent_process_id", "in_pid_table"]),
        ("PID", ["pid", "process_id", "parent_process_id", "in_pid_table"]),
        ("ikt", ["is_kernel_thread"]),
        ("iskth", ["is_kernel_thread"]),
        ("is_k", ["is_kernel_thread"]),
        ("ob", ["OrderBy", "OrderByDescending"]),
        ("obd", ["OrderByDescending"]),
        ("ppid", ["parent_process_id"]),
        ("struct", ["task_struct"]),
        ("ask", ["task_struct"]),
        ("vr", ["se.vruntime"]),
        ("sv", ["se.vruntime"]),
        ("tki", []),
        ("e", []),
        ("_", []),
        ("a2", ["a2b"]),
    ],
)
def test_order(partial: str, expected: list[str]) -> None:
    assert fitting(partial) == expected


def test_a_name_comes_before_what_goes_on_from_it() -> None:
    names = ["CountBy", "Counter", "Contains", "Count"]
    for partial in ("Cou", "count"):
        found = [one.text for one in best(partial, [Group(names, entry)])]
        assert found == ["Count", "CountBy", "Counter"]
    assert [one.text for one in best("c", [Group(names, entry)])] == names


def test_of_one_name_the_first_entry_counts() -> None:
    def other(name: str) -> Entry:
        return entry(name)._replace(kind="other")

    found = best("", [Group(["a"], entry), Group(["a", "b"], other)])
    assert [(one.text, one.kind) for one in found] == [("a", "name"), ("b", "other")]


def test_names_without_an_entry_are_left_out() -> None:
    groups = [Group(["a", "b"], lambda name: entry(name) if name == "b" else None)]
    assert [one.text for one in best("", groups)] == ["b"]
    assert [one.text for one in best("", [*groups, Group(["a"], entry)])] == ["b", "a"]


def test_entries_are_made_of_what_is_offered_alone() -> None:
    made: list[str] = []

    def make(name: str) -> Entry:
        made.append(name)
        return entry(name)

    names = [f"member_{number}" for number in range(20_000)]
    start = perf_counter()
    assert len(best("mem", [Group(names, make)])) == MOST == len(made)
    assert len(best("m9", [Group(names, entry)])) == MOST
    assert perf_counter() - start < 1


@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=5))
def test_any_text_is_taken(partial: str, names: list[str]) -> None:
    found = fitting(partial, names)
    assert set(found) <= set(names)
    assert {name for name in names if name.casefold().startswith(partial.casefold())} <= set(found)
