"""Threads of Windows images, held to the truth; lists that disagree, and bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.column import Column, text_column
from memq.errors import Reason
from memq.os.windows.processes import SOURCES, ProcessSet
from memq.os.windows.thread import STATES, WAIT_REASONS
from memq.os.windows.thread_lists import Listed, listed_by, listed_threads
from memq.os.windows.thread_owners import known_processes
from memq.os.windows.user_modules import user_modules
from memq.schema.batch import Context, ObjectType
from memq.schema.collection import Collection, Reference
from memq.schema.declare import field, many
from memq.schema.kinds import Address, Name
from tests.os.linux.small import BASE, addresses
from tests.os.windows.moments import moment
from tests.os.windows.written import SmallWindows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from tests.os.windows.images import WindowsImage

ALL = (
    "thread.Select({offset: address, pid: process.pid, tid: tid, start: start_address, "
    "win32_start: win32_start_address, create_time: create_time, exit_time: exit_time, "
    "state: state, wait_reason: wait_reason, teb: teb, name: name, sources: sources})"
)


def test_threads_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    processes = windows.truth["processes"]
    listed = {one["pid"] for one in processes if not one.get("freed", one.get("hidden"))}
    recorded = {
        (one["pid"], one["tid"]): one
        for one in windows.truth["threads"]
        if one["pid"] in listed and not one.get("unlinked")
    }
    has_names = opened.kernel.types.required("_ETHREAD").has("ThreadName")
    # A hidden process's threads are found with it, once it is.
    found = {(row["pid"], row["tid"]): row for row in opened.query(ALL).rows()}
    assert {key for key in found if key[0] in listed} == recorded.keys()
    for key, one in recorded.items():
        row = found[key]
        assert row["sources"] == "process list, scheduler list"
        for name in ("offset", "start", "win32_start"):
            assert row[name] == one[name]
        assert moment(row["create_time"]) == moment(one["create_time"])
        assert moment(row["exit_time"]) == moment(one["exit_time"])
        assert row["state"] == STATES[one["state"]]
        waits = WAIT_REASONS[one["wait_reason"]] if row["state"] == "waiting" else None
        assert row["wait_reason"] == waits
        assert row["teb"] == (None if one["teb"] == "0x0" else one["teb"])
        if has_names:
            assert row["name"] == one["name"]


def test_the_thread_of_the_hidden_driver_lies_in_no_module(
    windows: WindowsImage, opened: Image
) -> None:
    (one,) = [one for one in windows.truth["threads"] if "hidden driver" in str(one["note"])]
    query = "thread.Where(process_id == 4 && start_module == null).Select(thread_id)"
    assert list(opened.query(query).rows()) == [one["tid"]]


def test_the_fields_of_the_types(opened: Image) -> None:
    query = (
        "thread.Where(process_id == 4).Select([is_system_thread, is_terminated, exit_status, "
        "is_impersonating, impersonation_token, impersonation_level, is_hidden_from_debugger, "
        "breaks_on_termination, user_instruction_pointer, start_module])"
    )
    first = next(iter(opened.query(query).rows()))
    assert list(first.values()) == [
        True, False, 0, False, None, None, False, False, None, "ntoskrnl.exe",
    ]  # fmt: skip
    query = "thread.Where(priority >= base_priority && stack_base > stack_limit).Count()"
    assert list(opened.query(query).rows()) == list(opened.query("thread.Count()").rows())


# Small kernels

SOURCE = """
struct _KPROCESS { long Header; struct _LIST_ENTRY ThreadListHead; };
struct _EPROCESS { struct _KPROCESS Pcb; struct _LIST_ENTRY ThreadListHead; };
struct _KTHREAD { long Header; struct _LIST_ENTRY ThreadListEntry; };
struct _ETHREAD { struct _KTHREAD Tcb; struct _LIST_ENTRY ThreadListEntry; };
"""
PROCESSES = [BASE + 0x8000 + n * 0x100 for n in range(12)]
THREADS = [BASE + 0xA000 + n * 0x100 for n in range(8)]


@pytest.fixture
def small(tmp_path: Path) -> SmallWindows:
    """Twelve processes: the first has three threads, the second one, the others none."""
    kernel = SmallWindows(SOURCE, tmp_path)
    for process in PROCESSES:
        kernel.put("_EPROCESS", process)
        link(kernel, process, [], [])
    for thread in THREADS:
        kernel.put("_ETHREAD", thread)
    link(kernel, PROCESSES[0], THREADS[:3], THREADS[:3])
    link(kernel, PROCESSES[1], THREADS[3:4], THREADS[3:4])
    return kernel


def link(kernel: SmallWindows, process: int, listed: list[int], scheduled: list[int]) -> None:
    """Put both lists of a process."""
    for head, entry, threads in (
        ("ThreadListHead", "ThreadListEntry", listed),
        ("Pcb.ThreadListHead", "Tcb.ThreadListEntry", scheduled),
    ):
        offset = kernel.offset("_ETHREAD", entry)
        start = process + kernel.offset("_EPROCESS", head)
        kernel.chain(start, [thread + offset for thread in threads])


def walked(kernel: SmallWindows) -> Listed:
    context = kernel.open_()
    found = kernel.structs("_EPROCESS", addresses(*PROCESSES))
    return listed_threads(context.kernel, context.run, found)


def test_the_lists_of_all_processes_are_joined(small: SmallWindows) -> None:
    link(small, PROCESSES[1], [THREADS[3], THREADS[4]], [THREADS[5], THREADS[3]])
    found = walked(small)
    assert found.addresses.tolist() == THREADS[:6]
    assert found.owner.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.listed["process"].values.tolist() == [True] * 5 + [False]
    assert found.listed["scheduler"].values.tolist() == [True] * 4 + [False, True]
    assert found.cuts.columns() == (None, None)


def test_what_a_broken_list_may_have_is_not_known(small: SmallWindows) -> None:
    offset = small.offset("_ETHREAD", "Tcb.ThreadListEntry")
    small.write(THREADS[1] + offset, (7).to_bytes(8, "little"))
    found = walked(small)
    assert found.addresses.tolist() == THREADS[:4]
    assert found.listed["scheduler"].statuses.tolist() == [0, 0, Reason.MALFORMED, 0]
    assert found.listed["process"].known.all()
    assert found.cuts.status.tolist() == [Reason.MALFORMED] + [0] * 11


def test_a_list_that_loops_ends(small: SmallWindows) -> None:
    offset = small.offset("_ETHREAD", "ThreadListEntry")
    small.write(THREADS[2] + offset, (THREADS[1] + offset).to_bytes(8, "little"))
    found = walked(small)
    assert found.addresses.tolist() == THREADS[:4]
    assert found.cuts.status[0] == Reason.LOOP


def test_lists_that_were_never_begun_are_empty(small: SmallWindows) -> None:
    small.put("_EPROCESS", PROCESSES[0])
    found = walked(small)
    assert found.addresses.tolist() == THREADS[3:4]
    assert found.cuts.columns() == (None, None)


def test_threads_of_a_search_are_looked_for_in_the_lists_of_their_process(
    small: SmallWindows,
) -> None:
    offset = small.offset("_ETHREAD", "ThreadListEntry")
    small.write(THREADS[1] + offset, (7).to_bytes(8, "little"))
    kernel, asked = small.open_(), addresses(THREADS[5], THREADS[3], THREADS[5], THREADS[4])
    owners = addresses(PROCESSES[0], PROCESSES[1], PROCESSES[1], 0)
    owners = np.append(owners, np.uint64(0))
    asked = np.append(asked, np.uint64(THREADS[4]))
    nobody = np.array([0, 0, 0, Reason.NULL, Reason.NOT_IN_DUMP], np.uint8)
    found = listed_by(kernel.kernel, kernel.run, asked, owners, nobody)
    lost = [0, 0, 0, Reason.NOT_IN_DUMP]
    assert found["process"].statuses.tolist() == [Reason.MALFORMED, *lost]
    assert found["process"].values.tolist() == [False, True, False, False, False]
    assert found["scheduler"].values.tolist() == [False, True, False, False, False]
    assert found["scheduler"].statuses.tolist() == [0, *lost]


def test_a_process_that_is_none_any_more_is_on_no_known_list_of_processes(
    small: SmallWindows,
) -> None:
    context = small.open_()
    for name in SOURCES:
        context.kernel.facts[name] = ProcessSet(addresses(), None)
    found = known_processes(context, addresses(0)).batch
    for name in ("address", "in_active_list", "sources"):
        assert found.column(name).statuses.tolist() == [Reason.NOT_MAPPED], name


def test_nobody_is_the_parent_of_those_whose_parent_is_not_known(small: SmallWindows) -> None:
    context = small.open_()
    for name in SOURCES:
        context.kernel.facts[name] = ProcessSet(addresses(*PROCESSES), None)
    nobody = known_processes(context, addresses(0)).batch.collection("children")
    assert not len(nobody.children)
    assert nobody.cut is not None
    assert nobody.cut.tolist() == [Reason.NOT_MAPPED]


def test_a_process_that_is_not_in_the_dump(small: SmallWindows) -> None:
    for page in (PROCESSES[0], THREADS[0]):
        small.lose(page)
    found = walked(small)
    assert not len(found.addresses)
    assert (found.cuts.status == Reason.NOT_IN_DUMP).all()


# Modules of users' addresses


class Range(ObjectType, name="vad", owner="process"):
    """A mapping, of which all is in the rows."""

    @field()
    def start(self) -> Address:
        """First address."""
        return Column(self.rows["start"])

    @field()
    def end(self) -> Address:
        """First address after it."""
        return Column(self.rows["end"])

    @field()
    def file_name(self) -> Name:
        """Path of the file."""
        return text_column([f"\\Windows\\{n}.dll" if n else None for n in self.rows["file"]])


class Owner(ObjectType, name="process"):
    """A process whose mappings are given."""

    @many("vad")
    def vad_object(self) -> Collection:
        """Two processes with two mappings each; the second's are cut short."""
        rows = {
            "address": addresses(1, 2, 3, 4),
            "start": addresses(0x1000, 0x8000, 0x1000, 0x4000),
            "end": addresses(0x3000, 0x9000, 0x2000, 0x5000),
            "file": np.array([1, 0, 2, 3]),
        }
        cut = np.array([0, Reason.PAGED_OUT], np.uint8)
        return Collection(Range(self.context, rows), np.array([0, 0, 1, 1]), 2, cut)


def test_addresses_of_users_lie_in_files_that_are_mapped(small: SmallWindows) -> None:
    context: Context = small.open_()
    owners = Owner(context, {"address": addresses(*PROCESSES[:2])})
    index = np.array([0, 1, 0, 0, 1, 1])
    asked = addresses(0x2FFF, 0x1FFF, 0x3000, 0x8000, 0x4800, 0x2000)
    found = user_modules(Reference(owners, index), asked)
    assert found.to_list() == ["1.dll", "2.dll", None, None, "3.dll", None]
    null, lost = Reason.NULL, Reason.PAGED_OUT
    assert found.statuses.tolist() == [0, 0, null, null, 0, lost]
