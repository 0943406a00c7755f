"""Handles, symbolic links and mutants of Windows images, held to the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from memq.os.windows.access_rights import RIGHTS, RIGHTS_BY_TYPE
from memq.os.windows.known_objects import handle_tables
from memq.run import Run
from memq.symbols.tables import ImageSymbols

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage

FIELDS = (
    "pid: process.pid, handle: value, object: address, type: type, access: granted_access, "
    "attributes: attributes, name: name, own: object_name, entry: entry_address"
)


def rows(opened: Image, query: str) -> list[dict[str, Any]]:
    run = Run()
    found = list(opened.query(query, run).rows())
    assert not run.notes
    return found


@pytest.fixture(scope="session")
def handles(opened: Image) -> list[dict[str, Any]]:
    return rows(opened, f"handle.Select({{{FIELDS}}})")


def recorded(windows: WindowsImage, pids: set[int]) -> list[dict[str, Any]]:
    # What the list of active processes has not comes after what it has.
    processes = sorted(windows.truth["processes"], key=lambda one: bool(one.get("hidden")))
    return [
        {"pid": process["pid"], **one, "access": int(one["access"], 16)}
        for process in processes
        if process["pid"] in pids
        for one in process.get("handles") or ()
    ]


def test_handles_are_the_recorded_ones(
    windows: WindowsImage, opened: Image, handles: list[dict[str, Any]]
) -> None:
    listed = {row["pid"] for row in rows(opened, "process.Select({pid: pid})")}
    plain = ("pid", "handle", "object", "type", "access", "attributes", "entry")
    known = recorded(windows, listed)
    assert [{key: row[key] for key in plain} for row in handles] == [
        {key: row[key] for key in plain} for row in known
    ]


def test_names_are_those_that_people_know(
    windows: WindowsImage, handles: list[dict[str, Any]]
) -> None:
    known = recorded(windows, {row["pid"] for row in handles})
    for row, one in zip(handles, known, strict=True):
        name = one["name"]
        if row["type"] == "Key":
            assert row["name"] == rf"\REGISTRY\{name}"
        elif row["type"] in {"File", "Process", "Thread"}:
            assert row["name"] == name
        else:
            assert row["own"] == name
            assert row["name"] in {name, rf"\{name}"} or row["name"].endswith(rf"\{name}")


def test_full_names_begin_at_the_root(handles: list[dict[str, Any]]) -> None:
    names = {row["own"]: row["name"] for row in handles if row["own"] is not None}
    assert names["\\"] == "\\"
    assert names["GLOBAL??"] == r"\GLOBAL??"
    assert names["ntsvcs"] == r"\RPC Control\ntsvcs"


def test_target_processes(windows: WindowsImage, opened: Image) -> None:
    targets = "handle.Where(type == 'Process').Select({a: address, b: target_process.pid, n: name})"
    numbers = {one["offset"]: one["pid"] for one in windows.truth["processes"]}
    found = rows(opened, targets)
    assert found
    for row in found:
        assert row["b"] == numbers[row["a"]]
        assert row["n"].endswith(f" Pid {row['b']}")
    others = rows(opened, "handle.Where(type != 'Process' && target_process != null)")
    assert not others


def test_rights_are_of_their_own_type(opened: Image, handles: list[dict[str, Any]]) -> None:
    bits = dict(RIGHTS)
    for name in ("PROCESS_VM_WRITE", "FILE_EXECUTE", "KEY_QUERY_VALUE", "SECTION_MAP_READ"):
        (kind,) = RIGHTS_BY_TYPE.values(name)
        found = rows(
            opened, f"handle.Where(granted_access.Has({name!r})).Select({{e: entry_address}})"
        )
        wanted = [
            row["entry"]
            for row in handles
            if row["type"] == kind and row["access"] & bits[name] == bits[name]
        ]
        assert [row["e"] for row in found] == wanted
        assert wanted
        assert any(row["type"] != kind and row["access"] & bits[name] for row in handles)


def test_kernel_handles_are_those_of_system(opened: Image) -> None:
    found = rows(opened, "handle.Where(is_kernel_handle).Select({pid: process.pid})")
    assert {row["pid"] for row in found} == {4}


def test_symbolic_links_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    found = rows(
        opened,
        "symlink.Select({offset: address, name: name, target: target, created: create_time, "
        "dir: directory})",
    )
    known = [
        {key: one[key] for key in ("offset", "name", "target", "created", "dir")}
        for one in windows.truth["symlinks"]
    ]
    for one in known:
        one["created"] = one["created"].replace(" UTC", "Z").replace(" ", "T")
        one["dir"] = one["dir"] or "\\"
    assert sorted(found, key=str) == sorted(known, key=str)


def test_mutants_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    found = rows(
        opened,
        "mutant.Select({offset: address, name: name, owner: owner_thread, tid: owner_thread_id, "
        "pid: owner_process_id, owner_pid: owner_process.pid, free: is_signaled, "
        "sources: sources})",
    )
    known = {one["offset"]: one for one in windows.truth["mutants"]}
    threads = {one["offset"]: one for one in windows.truth["threads"]}
    assert {row["offset"] for row in found} == known.keys()
    for row in found:
        one = known[row["offset"]]
        thread = threads.get(one["owner_thread"])
        assert row["name"] == one["name"]
        assert row["owner"] == (one["owner_thread"] if thread else None)
        assert row["tid"] == (thread["tid"] if thread else None)
        assert row["pid"] == row["owner_pid"] == (thread["pid"] if thread else None)
        assert row["free"] == (thread is None)
        assert row["sources"] == ("directory, handles" if one["name"] else "handles")


def test_tables_of_hidden_processes_are_found(windows: WindowsImage, opened: Image) -> None:
    known = {
        int(one["handle_table"], 16)
        for one in windows.truth["processes"]
        if one.get("handle_table")
    }
    tables, cut = handle_tables(opened.kernel, Run())
    assert set(tables.tolist()) == known
    assert cut is None
    nameless = replace(
        opened.kernel, symbols=ImageSymbols(opened.kernel.symbols.base, opened.kernel.exports)
    )
    tables, cut = handle_tables(nameless, Run())
    assert set(tables.tolist()) == known
