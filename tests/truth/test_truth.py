"""memq's answers equal what the guests recorded, but for what is known to have changed since."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.truth import record
from tests.truth.compare import Difference, complaints
from tests.truth.differences import KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.truth.conftest import Told
    from tests.truth.record import Rows

SHOWN = 40
HOOKED = {62: 0xFFFFFFFFC0563020, 217: 0xFFFFFFFFC0563000}
"""What the rootkit guest's kernel log says of its hooks (`memq_rk: sys_call_table`)."""
TABLES = {
    "deb12-6.1-small": {"64-bit": 451},
    "deb12-6.1-rootkit": {"64-bit": 451},
    "deb11-5.10": {"64-bit": 441, "32-bit": 441},
    "deb13-6.12-la57": {"64-bit": 463},
}
"""Entries of the tables of system calls."""
WELL_KNOWN = {0: "read", 1: "write", 59: "execve", 62: "kill", 217: "getdents64", 321: "bpf"}


def hold(expected: Rows, answer: Rows, known: Sequence[Difference]) -> None:
    """Fail with what differs, the first of it in full."""
    found = complaints(expected, answer, known)
    if found:
        pytest.fail("\n".join([f"{len(found)} differences:", *found[:SHOWN]]), pytrace=False)


def test_processes(told: Told) -> None:
    hold(record.processes(told.dump.record), told.processes, KNOWN[told.dump.name].processes)


def test_vads(told: Told) -> None:
    hold(record.vads(told.dump.record), told.vads, KNOWN[told.dump.name].vads)


def test_handles(told: Told) -> None:
    hold(record.handles(told.dump.record), told.handles, KNOWN[told.dump.name].handles)


def test_drivers(told: Told) -> None:
    hold(record.drivers(told.modules), told.drivers, KNOWN[told.dump.name].drivers)


def test_kernel(told: Told) -> None:
    hold(record.kernels(told.dump.record), told.kernels, KNOWN[told.dump.name].kernels)


def test_memory_that_is_in_the_dump(told: Told) -> None:
    (answer,) = told.image.query("kernel.Select([memory_size, memory_present])").rows()
    physical = told.image.physical
    held = list(zip(physical.starts.tolist(), physical.ends.tolist(), strict=True))
    expected = sum(
        max(0, min(end, stop) - max(start, first))
        for start, end in record.memory_ranges(told.dump.record)
        for first, stop in held
    )
    assert answer["memory_present"] == expected
    assert 0.999 < expected / answer["memory_size"] <= 1


def test_no_process_was_created_after_the_dump(told: Told) -> None:
    (kernel,) = told.kernels.values()
    times = [row["create_time"] for row in told.processes.values()]
    assert kernel["boot_time"] <= min(times)
    assert max(times) <= kernel["dump_time"]


def test_order_is_the_kernels(told: Told) -> None:
    # Processes by the task list, to whose end each new one is put, then what only the table of pids
    # knows; mappings by start, descriptors by number; modules as /proc/modules has them.
    pids = list(told.processes)
    listed = [pid for pid in pids if told.processes[pid]["in_task_list"]]
    assert listed == sorted(listed)
    assert pids == listed + [pid for pid in pids if pid not in listed]
    for rows in (told.vads, told.handles):
        keys = list(rows)
        assert keys == sorted(keys, key=lambda key: (pids.index(key[:1]), key[1]))
    recorded = record.drivers(told.modules)
    assert [name for name in told.drivers if name in recorded] == list(recorded)


def test_no_mapping_of_the_small_guest_is_lost(told: Told) -> None:
    # volatility3 2.28 loses 526 of these: it dies at a SysV segment, whose inode is 0.
    if told.dump.name != "deb12-6.1-small.lime":
        pytest.skip("a test of the sample")
    owners = Counter(pid for pid, _ in told.vads)
    assert owners.total() == 1877
    assert owners[399] == 77


def test_tables_of_system_calls(told: Told) -> None:
    counts = Counter(row["table"] for row in told.syscalls)
    assert counts == TABLES[told.dump.guest]
    for table in counts:
        indexes = [row["index"] for row in told.syscalls if row["table"] == table]
        assert indexes == list(range(len(indexes)))
    names = {row["index"]: row["name"] for row in told.syscalls if row["table"] == "64-bit"}
    assert {index: names[index] for index in WELL_KNOWN} == WELL_KNOWN


def test_system_calls_are_the_functions_that_the_guest_names(told: Told) -> None:
    symbols = told.dump.record.symbols
    wrong = [
        row
        for row in told.syscalls
        if not row["is_hooked"]
        and (row["symbol"] not in symbols.get(row["address"], ()) or row["module"] != "kernel")
    ]
    assert not wrong


def test_only_the_rootkits_hooks_are_hooks(told: Told) -> None:
    expected = HOOKED if told.dump.guest == "deb12-6.1-rootkit" else {}
    odd = [row for row in told.syscalls if row["is_hooked"] is not False]
    hooked = {row["index"]: row["address"] for row in odd}
    assert hooked == expected


def test_the_hidden_process_is_told_apart(told: Told) -> None:
    hidden = [row["name"] for row in told.processes.values() if not row["in_task_list"]]
    assert hidden == (["memq-hidden"] if told.dump.guest == "deb12-6.1-rootkit" else [])


def test_mappings_know_their_owner(told: Told) -> None:
    # The same mappings, asked for from their own side.
    answer = told.image.query("vad.Select([vad.process.process_id, vad.start])").rows()
    pairs = [(row["process"]["process_id"], int(row["start"], 16)) for row in answer]
    assert pairs == list(told.vads)
