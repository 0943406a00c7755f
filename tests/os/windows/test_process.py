"""Processes of Windows images, held to the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memq.os.windows.process import ProcessObject
from memq.os.windows.processes import HANDLE_TABLE, SESSION_LIST
from memq.run import Run

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage

FIELDS = {
    "pid": "process_id", "ppid": "parent_process_id", "name": "name", "offset": "address",
    "dtb": "directory_table_base", "session": "session_id", "create_time": "create_time",
    "exit_time": "exit_time", "wow64": "is_wow64", "path": "peb_image_path",
    "cmdline": "command_line", "cwd": "current_directory", "section_base": "section_base",
    "peb": "peb", "peb_image_base": "peb_image_base",
}  # fmt: skip
"""What the record says, and the field that says it."""
MEMORY = {"path", "cmdline", "cwd", "peb", "peb_image_base"}
"""What is gone with a process's memory."""
EVERYWHERE = "active list, handle table, session list"


def known(windows: WindowsImage) -> list[dict[str, Any]]:
    """Return the records of all processes that lists or tables know."""
    return [one for one in windows.truth["processes"] if not one.get("freed")]


def recorded(one: dict[str, Any], key: str) -> Any:
    value = one.get(key)
    if key.endswith("_time") and value is not None:
        day, time, _ = value.split(" ")
        return f"{day}T{time}Z"
    return value


def asked(opened: Image, query: str) -> list[dict[str, Any]]:
    run = Run()
    found = list(opened.query(query, run).rows())
    assert not run.notes
    return found


@pytest.fixture(scope="module")
def rows(opened: Image) -> dict[int, dict[str, Any]]:
    fields = ", ".join(f"{key}: {name}" for key, name in FIELDS.items())
    more = "sources: sources, audit: image_path, handles: handle_count, parent: parent.pid"
    others = "threads: thread_count, level: protection_level, signer: protection_signer"
    query = f"process.Select({{{fields}, {more}, {others}, exit: exit_status}})"
    return {row["pid"]: row for row in asked(opened, query)}


def test_processes_are_the_recorded_ones(
    windows: WindowsImage, rows: dict[int, dict[str, Any]]
) -> None:
    assert set(rows) == {one["pid"] for one in known(windows)}
    for one in known(windows):
        gone = MEMORY if one["exit_time"] else set()
        # The first process was made before the clock was read, says the record.
        gone = {"create_time"} if one["pid"] == 4 else gone
        row = rows[one["pid"]]
        for key in FIELDS.keys() - gone:
            assert row[key] == recorded(one, key), (one["pid"], key)


def test_what_an_exited_process_had_in_its_memory_is_unknown(
    windows: WindowsImage, rows: dict[int, dict[str, Any]]
) -> None:
    row = rows[windows.truth["planted"]["exited"]]
    assert row["cmdline"] is None
    assert row["_unknown"]["cmdline"]
    assert row["handles"] is None
    assert row["exit"] == 0
    assert all(rows[pid]["exit"] is None for pid in rows if rows[pid]["exit_time"] is None)


def test_each_source_is_told(windows: WindowsImage, rows: dict[int, dict[str, Any]]) -> None:
    hidden = windows.truth["planted"]["hidden"]
    for one in known(windows):
        names = "active list, handle table" if one["session"] is None else EVERYWHERE
        names = "handle table, session list" if one["pid"] == hidden else names
        assert rows[one["pid"]]["sources"] == names


def test_counts_and_protection(windows: WindowsImage, rows: dict[int, dict[str, Any]]) -> None:
    has_signer = windows.truth["image"]["build"] >= 9600
    for one in known(windows):
        row = rows[one["pid"]]
        if one["exit_time"] is None:
            assert row["handles"] == len(one["handles"])
        assert row["threads"] == len(one["threads"])
        if has_signer:
            kinds = {0: ("none", "none"), 97: ("light", "WinTcb"), 114: ("full", "WinSystem")}
            kinds[49] = ("light", "Antimalware")
            assert (row["level"], row["signer"]) == kinds[one["protection"]]


def test_the_path_for_audits_is_that_of_the_file(
    windows: WindowsImage, rows: dict[int, dict[str, Any]]
) -> None:
    for one in known(windows):
        if one["path"] is not None:
            assert rows[one["pid"]]["audit"].endswith(one["path"].removeprefix("C:"))


def test_parents_had_their_number_before(
    windows: WindowsImage, opened: Image, rows: dict[int, dict[str, Any]]
) -> None:
    pids = {one["pid"] for one in known(windows)}
    children: dict[int, list[int]] = {pid: [] for pid in pids}
    for one in known(windows):
        parent = one["ppid"] if one["ppid"] in pids else None
        assert rows[one["pid"]]["parent"] == parent
        if parent is not None:
            children[parent].append(one["pid"])
    query = "process.Select({pid: pid, below: children.Select(pid)})"
    below = {row["pid"]: row["below"] for row in asked(opened, query)}
    assert {pid: sorted(found) for pid, found in below.items()} == {
        pid: sorted(found) for pid, found in children.items()
    }


def test_a_few_are_had_without_the_later_sources(windows: WindowsImage, opened: Image) -> None:
    kernel = opened.kernel
    for name in (HANDLE_TABLE, SESSION_LIST):
        kernel.facts.pop(name, None)
    listed = [one["pid"] for one in known(windows) if not one["hidden"]]
    assert [row["pid"] for row in asked(opened, "process.Take(3).Select({pid: pid})")] == listed[:3]
    assert HANDLE_TABLE not in kernel.facts
    assert len(asked(opened, "process.Select({pid: pid})")) == len(known(windows))
    assert HANDLE_TABLE in kernel.facts


def test_flags_have_the_names_of_the_kernels_own_bits(opened: Image) -> None:
    layout = opened.kernel.types.required("_EPROCESS")
    flags = layout.member("Flags")
    names = dict(ProcessObject.fields["flags"].value_type.names)
    for name, bits in names.items():
        member = layout.find(name)
        if member is not None:
            place = (member.offset - flags.offset) * 8 + (member.bit_offset or 0)
            assert 1 << place == bits, name
