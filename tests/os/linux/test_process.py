"""Processes: where they are found, their fields, and what is malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memq.errors import Reason
from memq.os.linux.process import STATES, Task
from memq.schema.collection import Collection, Reference
from tests.os.linux.processes import BOOT, CLOCK, PIDS, SECOND, TYPES, Tasks, values, whole
from tests.os.linux.small import PAGE, SmallKernel, SmallTypes
from tests.os.linux.spaces import CONSTANTS

if TYPE_CHECKING:
    from pathlib import Path

    from memq.run import Limits
    from memq.schema.batch import Portion


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    return Tasks(SmallKernel(SmallTypes(TYPES, {**CONSTANTS, "PIDTYPE_TGID": 1}), tmp_path))


def portions(tasks: Tasks, limits: Limits | None = None) -> list[Portion]:
    return list(Task.portions(tasks.kernel.open_(limits)))


# Where processes are found


def test_task_list_in_its_order_and_in_growing_batches(tasks: Tasks) -> None:
    for pid in range(1, 101):
        tasks.task(pid)
    tasks.link()
    found = portions(tasks)
    assert [len(p.batch) for p in found] == [16, 64, 20]
    assert [p.cut for p in found] == [None] * 3
    pids = [pid for p in found for pid in values(p.batch.column("process_id"))]
    assert pids == list(range(1, 101))


def test_first_batch_reads_neither_the_whole_list_nor_the_table(tasks: Tasks) -> None:
    for pid in range(1, 101):
        tasks.task(pid)
    tasks.link()
    context = tasks.kernel.open_()
    before = tasks.kernel.physical.reads
    first = next(iter(Task.portions(context)))
    assert len(first.batch) == 16
    assert tasks.kernel.physical.reads - before <= 17


def test_process_that_only_the_table_knows_comes_last(tasks: Tasks) -> None:
    places = [tasks.task(pid) for pid in range(1, 6)]
    tasks.link(places[:1] + places[2:])
    found = whole(tasks)
    assert values(found.process_id) == [1, 3, 4, 5, 2]
    assert values(found.in_task_list) == [True] * 4 + [False]
    assert values(found.in_pid_table) == [True] * 5


def test_process_that_only_the_list_knows(tasks: Tasks) -> None:
    for pid in range(1, 4):
        tasks.task(pid)
    tasks.link()
    tasks.kernel.set("pid", PIDS + 128, "tasks[1].first", 0)
    found = whole(tasks)
    assert values(found.process_id) == [1, 2, 3]
    assert values(found.in_task_list) == [True] * 3
    assert values(found.in_pid_table) == [True, False, True]


def test_looping_list_is_cut_and_the_table_gives_the_rest(tasks: Tasks) -> None:
    places = [tasks.task(pid) for pid in range(1, 9)]
    tasks.link()
    link = places[2] + tasks.kernel.offset("task_struct", "tasks")
    tasks.kernel.set("task_struct", places[4], "tasks.next", link)
    found = portions(tasks)
    assert [p.batch.length for p in found] == [5, 3]
    cut = found[-1].cut
    assert cut is not None
    assert cut.reason is Reason.LOOP
    assert cut.text.startswith("task list cut short after 5 elements")
    last = found[-1].batch
    assert values(last.column("process_id")) == [6, 7, 8]
    assert values(last.column("in_task_list")) == [Reason.LOOP] * 3
    assert values(found[0].batch.column("in_task_list")) == [True] * 5


def test_list_and_table_with_holes(tasks: Tasks) -> None:
    places = [tasks.task(pid) for pid in range(1, 71)]
    tasks.link()
    tasks.kernel.lose(places[65])
    tasks.kernel.lose(PIDS + 0x10_0000 + PAGE)
    found = portions(tasks)
    cut = found[-1].cut
    assert cut is not None
    assert cut.reason is Reason.NOT_IN_DUMP
    assert "task list cut short after 66" in cut.text
    assert "pid table cut short" in cut.text
    addresses = np.concatenate([p.batch.rows["address"] for p in found]).tolist()
    assert addresses == places
    assert values(found[0].batch.column("in_pid_table")) == [Reason.NOT_IN_DUMP] * 16


def test_cut_without_more_rows_is_told(tasks: Tasks) -> None:
    places = [tasks.task(pid) for pid in range(1, 4)]
    tasks.link()
    tasks.kernel.set("task_struct", places[2], "tasks.next", 0)
    found = portions(tasks)
    assert [p.batch.length for p in found] == [3, 0]
    assert found[1].cut is not None
    assert found[1].cut.reason is Reason.MALFORMED


def test_missing_pid_structures_are_told(tasks: Tasks) -> None:
    for pid in range(1, 4):
        tasks.task(pid)
    tasks.link()
    tasks.kernel.lose(PIDS)
    cut = portions(tasks)[-1].cut
    assert cut is not None
    assert cut.reason is Reason.NOT_IN_DUMP
    assert cut.text.startswith(f"pid table: {PIDS:#x} and 3 more")


# Fields


def test_plain_fields(tasks: Tasks) -> None:
    first = tasks.task(1, b"systemd", start_boottime=3 * SECOND)
    tasks.task(7, b"ba\x1b[31m\xff", first, flags=0x0020_0000, start_boottime=9)
    tasks.link()
    found = whole(tasks)
    assert values(found.address) == tasks.places
    assert values(found.parent_process_id) == [0, 1]
    assert values(found.name) == ["systemd", "ba\x1b[31m\\xff"]
    assert values(found.uid) == [2, 14]
    assert values(found.gid) == [3, 21]
    assert values(found.thread_count) == [1, 1]
    assert values(found.is_kernel_thread) == [False, True]
    assert values(found.create_time) == [BOOT + 3 * SECOND, BOOT + 9]


@pytest.mark.parametrize(
    ("state", "ended", "word"),
    [
        (0, 0, "running"), (1, 0, "sleeping"), (2, 0, "disk sleep"), (4, 0, "stopped"),
        (8, 0, "tracing stop"), (0, 0x10, "dead"), (0x80, 0x20, "zombie"), (0x40, 0, "parked"),
        (0x402, 0, "idle"), (0x1000, 0, "disk sleep"), (0x8000, 0, "disk sleep"),
        (0x2001, 0, "sleeping"),
    ],
)  # fmt: skip
def test_states(tasks: Tasks, state: int, ended: int, word: str) -> None:
    tasks.task(1, __state=state, exit_state=ended)
    tasks.link()
    assert values(whole(tasks).state) == [word]
    assert word in STATES


def test_clock_that_contradicts_itself_tells_no_time(tasks: Tasks) -> None:
    tasks.task(1)
    tasks.link()
    tasks.kernel.set("timekeeper", CLOCK + 8, "xtime_sec", 77)
    assert values(whole(tasks).create_time) == [Reason.MALFORMED]


def test_clock_that_is_not_there(tasks: Tasks) -> None:
    tasks.task(1)
    tasks.link()
    tasks.kernel.lose(CLOCK)
    assert values(whole(tasks).create_time) == [Reason.NOT_IN_DUMP]
    del tasks.kernel.table["tk_core"]
    tasks.kernel.facts.clear()
    assert values(whole(tasks).create_time) == [Reason.NOT_IN_KERNEL]


def test_image(tasks: Tasks) -> None:
    root = tasks.files.dentry("/")
    mount = tasks.files.mount(root)
    program = tasks.files.file(mount, tasks.files.dentry("sh", root))
    gone = tasks.files.file(mount, tasks.files.dentry("evil", root, hashed=False))
    for pid, file in ((1, program), (2, gone), (3, 0)):
        tasks.task(pid, mm=tasks.spaces.space([], exe_file=file))
    tasks.task(4)
    tasks.link()
    found = whole(tasks)
    assert values(found.image_path) == ["/sh", "/evil", Reason.NULL, Reason.NULL]
    assert values(found.image_is_deleted) == [False, True, Reason.NULL, Reason.NULL]


def test_task_that_is_not_there_is_unknown(tasks: Tasks) -> None:
    places = [tasks.task(pid) for pid in range(1, 4)]
    tasks.link()
    tasks.kernel.lose(places[2])
    found = whole(tasks)
    for name in Task.fields:
        if name not in {"address", "in_task_list", "in_pid_table"}:
            assert values(found.column(name))[2] is Reason.NOT_IN_DUMP, name
    for name in ("vad_object", "handle_object", "children"):
        cut = found.collection(name).cut
        assert cut is not None
        assert cut[2] == Reason.NOT_IN_DUMP, name


# Other processes and what they own


def reference(task: Task) -> Reference:
    return task.reference("parent")


def collection(task: Task, name: str) -> list[list[Any]]:
    found = task.collection(name)
    assert isinstance(found, Collection)
    pids = found.children.column("process_id").values
    return [pids[found.owner == row].tolist() for row in range(found.parents)]


def test_parent(tasks: Tasks) -> None:
    first = tasks.task(1)
    second = tasks.task(2, parent=first)
    thread = tasks.task(20, parent=first, tgid=2, group_leader=second)
    tasks.task(3, parent=thread)
    tasks.task(4, parent=0)
    tasks.task(5, parent=first)
    tasks.link([place for place in tasks.places if place != thread])
    tasks.kernel.set("pid", PIDS + 128 * 2, "tasks[1].first", 0)
    found = whole(tasks)
    assert values(found.process_id) == [1, 2, 3, 4, 5]
    parents = reference(found)
    assert isinstance(parents.batch, Task)
    pids = parents.batch.process_id.values
    known = [int(pids[row]) if row >= 0 else None for row in parents.index.tolist()]
    assert known == [None, 1, 2, None, 1]
    assert parents.status is not None
    assert parents.status.tolist() == [Reason.NULL, 0, 0, Reason.NULL, 0]
    assert len(parents.batch) == 2
    assert values(parents.batch.in_task_list) == [True, True]
    assert values(parents.batch.in_pid_table) == [True, True]


def test_children_those_of_threads_too(tasks: Tasks) -> None:
    first = tasks.task(1)
    second, third, fourth = (tasks.task(pid, parent=first) for pid in (2, 3, 4))
    thread = tasks.task(20, parent=first, tgid=2, group_leader=second)
    fifth = tasks.task(5, parent=thread)
    tasks.link([place for place in tasks.places if place != thread])
    tasks.kernel.set("pid", PIDS + 128 * 4, "tasks[1].first", 0)
    tasks.families({first: [second, third, fourth], thread: [fifth]})
    link = tasks.kernel.offset("task_struct", "thread_node")
    head = tasks.kernel.offset("signal_struct", "thread_head")
    tasks.kernel.chain(second + 3072 + head, [second + link, thread + link])
    found = whole(tasks)
    assert values(found.process_id) == [1, 2, 3, 4, 5]
    assert collection(found, "children") == [[2, 3, 4], [5], [], [], []]
    assert found.collection("children").cut is None


def test_children_that_loop(tasks: Tasks) -> None:
    first = tasks.task(1)
    others = [tasks.task(pid, parent=first) for pid in (2, 3)]
    tasks.link()
    tasks.families({first: others})
    link = tasks.kernel.offset("task_struct", "sibling")
    tasks.kernel.set("task_struct", others[1], "sibling.next", others[0] + link)
    found = whole(tasks)
    assert collection(found, "children") == [[2, 3], [], []]
    cut = found.collection("children").cut
    assert cut is not None
    assert cut.tolist() == [Reason.LOOP, 0, 0]


def test_mappings_and_descriptors_know_their_process(tasks: Tasks) -> None:
    areas = tasks.spaces.areas(3)
    tasks.task(1, mm=tasks.spaces.space(areas))
    tasks.task(2)
    tasks.link()
    found = whole(tasks)
    vads = found.collection("vad_object")
    assert vads.owner.tolist() == [0, 0, 0]
    assert vads.cut is None
    owners = vads.children.reference("process")
    assert owners.batch is found
    assert owners.index.tolist() == [0, 0, 0]
    assert not len(found.collection("handle_object").children)
