"""From structures to others: pointers, embedded structures, some of the rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.column import Column
from memq.errors import Reason
from memq.layers.opening import open_physical
from memq.symbols.btf import Btf
from memq.symbols.structs import NotAColumnError, Structs
from tests.symbols.memory import MISSING, PAGE, PAGED, TASK, TYPES, Memory, reasons, structs
from tests.symbols.real import btf_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.column import Addresses, Statuses
    from memq.layers.physical import PhysicalMemory
    from tests.lab import Dump


def test_following_pointers() -> None:
    memory = Memory()
    for row, target in enumerate([4096, 0, 4096, MISSING * PAGE]):
        memory.put(512 * (row + 1) + TASK.offset("cred"), target.to_bytes(8, "little"))
    memory.put(4096, (77).to_bytes(4, "little") + (1000).to_bytes(4, "little"))
    tasks = structs([512, 1024, 1536, 2048, PAGED * PAGE], memory)
    creds = tasks.follow("cred")
    assert creds.type is TYPES.struct("cred")
    assert reasons(creds) == [0, Reason.NULL, 0, 0, Reason.PAGED_OUT]
    uid = creds["uid"]
    assert uid.values.tolist() == [1000, 0, 1000, 0, 0]
    assert reasons(uid) == [0, Reason.NULL, 0, Reason.NOT_IN_DUMP, Reason.PAGED_OUT]
    assert tasks.follow("cred", "task").type is TASK
    assert tasks.follow("stack", "cred").type is creds.type
    assert tasks.follow("handle", "cred").type is creds.type
    assert reasons(tasks.follow("missing")["uid"]) == [Reason.NOT_IN_KERNEL] * 5
    assert reasons(tasks.follow("opaque")["x"])[3:] == [Reason.NOT_IN_KERNEL, Reason.PAGED_OUT]
    for path in ("stack", "pid", "own"):
        with pytest.raises(NotAColumnError, match=f"task.{path} does not point to a structure"):
            tasks.follow(path)


def test_structures_at_pointers() -> None:
    pointers = Column(np.array([64, 0, 64], np.uint64), np.array([0, 0, Reason.LOOP], np.uint8))
    found = structs([1, 2, 3]).at(pointers, "task")
    assert reasons(found["pid"]) == [0, Reason.NULL, Reason.LOOP]


def test_embedded_structures() -> None:
    memory = Memory()
    tasks = structs([64, 1024], memory)
    own = tasks.embedded("own")
    assert own.addresses.tolist() == tasks.address_of("own").tolist()
    assert own.addresses.tolist() == [64 + TASK.offset("own"), 1024 + TASK.offset("own")]
    _ = tasks["pid"]
    assert own["uid"].values.tolist() == tasks["own.uid"].values.tolist()
    assert memory.asked == [(2, TASK.size)]  # what the outer ones have read is not read again
    assert tasks.embedded("pid", "cred").type is own.type
    assert reasons(tasks.embedded("missing")["uid"]) == [Reason.NOT_IN_KERNEL] * 2
    with pytest.raises(NotAColumnError, match=r"task\.pid is int, not a structure"):
        tasks.embedded("pid")


def test_embedded_structures_are_read_by_themselves_where_nothing_was() -> None:
    memory = Memory()
    own = structs([64, 1024], memory).embedded("own")
    expected = structs([64, 1024])["own.uid"].values.tolist()
    assert own["uid"].values.tolist() == expected
    assert memory.asked == [(2, 16)]


def test_taking_rows_keeps_what_was_read() -> None:
    memory = Memory()
    status = np.array([0, Reason.NULL, 0], np.uint8)
    tasks = structs([64, 0, 1024], memory, status=status)
    pids = tasks["pid"].values.tolist()
    taken = tasks.take(np.array([2, 1, 2, 0]))
    assert taken["pid"].values.tolist() == [pids[2], 0, pids[2], pids[0]]
    assert reasons(taken["flags"]) == [0, Reason.NULL, 0, 0]
    assert len(memory.asked) == 1
    few = tasks.take(np.array([True, False, False]))
    assert few["pid"].values.tolist() == [pids[0]]
    assert few.status is None


def test_user_memory_is_read_through_each_rows_own_tables() -> None:
    memory = Memory()
    roots = np.array([0x1000, 0x2000, 0x3000], np.uint64)
    status = np.array([0, Reason.NULL, 0], np.uint8)
    found = Structs(memory, TYPES, TASK, np.array([64, 0, 128], np.uint64), status, roots)
    _ = found["pid"], found.follow("cred")["uid"], found.take(np.array([2])).embedded("own")["uid"]
    given_roots = [asked.tolist() for asked in memory.roots if asked is not None]
    assert len(given_roots) == len(memory.roots)
    assert given_roots[0] == [0x1000, 0x3000]


def test_addresses_wrap_as_the_machine_does() -> None:
    found = structs([(1 << 64) - 4])
    assert found.address_of("pid").tolist() == [0]


class PhysicalSpace:
    """Physical memory as a space: what is not there is not in the dump."""

    def __init__(self, physical: PhysicalMemory) -> None:
        self.physical = physical

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[NDArray[np.uint8], Statuses]:
        data, present = self.physical.gather(vas, size)
        return data, np.where(present, np.uint8(0), np.uint8(Reason.NOT_IN_DUMP))


def test_the_first_task_of_a_real_kernel(dump: Dump) -> None:
    types = Btf(btf_bytes(dump))
    place = int(json.loads(dump.record.files["selfcheck.json"])["init_task pa"], 16)
    with open_physical(dump.path) as physical:
        addresses = np.array([place, 1 << 50, place], np.uint64)
        tasks = Structs(PhysicalSpace(physical), types, types.struct("task_struct"), addresses)
        names, pids, following = tasks.text("comm"), tasks["pid"], tasks["tasks.next"]
        states, missing = tasks["__state|state"], tasks["no_such_member"]
    lost = Reason.NOT_IN_DUMP
    assert names.to_list() == ["swapper/0", None, "swapper/0"]
    assert (pids.values.tolist(), reasons(pids)) == ([0, 0, 0], [0, lost, 0])
    assert reasons(states) == [0, lost, 0]
    assert int(following.values[0]) >> 56 == 0xFF
    assert reasons(missing) == [Reason.NOT_IN_KERNEL] * 3
