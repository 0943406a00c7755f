"""The records themselves: what the tests expect of them, checked without memq."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.truth import record
from tests.truth.answers import (
    DRIVER_FIELDS,
    HANDLE_FIELDS,
    KERNEL_FIELDS,
    PROCESS_FIELDS,
    VAD_FIELDS,
)

if TYPE_CHECKING:
    from tests.lab import Dump, Record


def test_every_field_asked_for_is_expected(sample_truth: Record) -> None:
    for rows, fields in (
        (record.processes(sample_truth), PROCESS_FIELDS),
        (record.vads(sample_truth), VAD_FIELDS),
        (record.handles(sample_truth), HANDLE_FIELDS),
        (record.drivers(sample_truth.text("sys/modules")), DRIVER_FIELDS),
        (record.kernels(sample_truth), KERNEL_FIELDS),
    ):
        assert set().union(*rows.values()) == set(fields)


def test_the_sample_has_1800_mappings_beside_the_collectors(sample_truth: Record) -> None:
    collector = sample_truth.truth["collector_pid"]
    assert sum(pid != collector for pid, _ in record.vads(sample_truth)) == 1800


def test_records_hold_together(dump: Dump) -> None:
    processes, vads = record.processes(dump.record), record.vads(dump.record)
    pids = {pid for (pid,) in processes}
    assert {row["parent_process_id"] for row in processes.values()} <= pids | {0}
    assert {pid for pid, _ in vads} | {pid for pid, _ in record.handles(dump.record)} <= pids
    kernel_threads = {pid for (pid,), row in processes.items() if row["is_kernel_thread"]}
    assert kernel_threads
    assert not kernel_threads & {pid for pid, _ in vads}
    planted = dump.record.truth["named_pids"]
    assert set(planted.values()) - {planted["to-hide"]} <= pids | {planted["to-share-cred"]}


def test_planted_things_are_expected(dump: Dump) -> None:
    planted = dump.record.truth["named_pids"]
    processes, vads = record.processes(dump.record), record.vads(dump.record)
    assert processes[planted["fake-kworker"],]["name"] == "[kworker/0:9]"
    assert not processes[planted["fake-kworker"],]["is_kernel_thread"]
    assert processes[planted["deleted-exe"],]["image_path"] == "/tmp/evil"
    assert processes[planted["stopped"],]["state"] == "stopped"
    assert processes[planted["threads"],]["thread_count"] >= 8
    rwx = [row for (pid, _), row in vads.items() if pid == planted["rwx"]]
    assert any(row["is_anonymous"] and row["protection"] == "rwx" for row in rwx)
    shared = [row for (pid, _), row in vads.items() if pid == planted["shm"] and row["is_shared"]]
    assert any(row["is_deleted"] and row["file_name"].startswith("/SYSV") for row in shared)
