"""The program itself on real dumps: the README's query, and one answer whatever the dump's form."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.lab import SAMPLE_GUEST, SAMPLES, Lab
from tests.truth import record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Record

AGETTY = "/usr/sbin/agetty"
QUERIES = {
    "seed": (SAMPLES / "seed.mq").read_text("utf-8"),
    "processes": "process",
    "mappings": "vad.Select([vad.process.pid, start, end, protection, name, file_name, inode])",
    "descriptors": "handle.Select([handle.process.pid, fd, name, flags, position, inode])",
    "modules": "driver",
    "system calls": "syscall",
    "kernel": "kernel",
}


def run(dump: Path, query: str) -> bytes:
    """Ask the program and return what it prints; anything but success is an error."""
    command = [sys.executable, "-m", "memq", str(dump), "-e", query]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_the_seed_query(sample: Path, sample_truth: Record) -> None:
    processes, vads = record.processes(sample_truth), record.vads(sample_truth)
    handles = record.handles(sample_truth)
    mapped = [pid for (pid, _), row in vads.items() if row["file_name"] == AGETTY]
    pids = [pid for pid in dict.fromkeys(mapped) if processes[pid,]["parent_process_id"] == 1]
    assert len(pids) > 1

    answer = json.loads(run(sample, QUERIES["seed"]))

    tables = [row["process_object"].pop("directory_table_base") for row in answer]
    assert answer == [
        {
            "handle_object": [{"name": h["name"]} for (p, _), h in handles.items() if p == pid],
            "process_object": {"process_id": pid},
            "vad_object": [{"file_name": AGETTY}] * mapped.count(pid),
        }
        for pid in pids
    ]
    assert len(set(tables)) == len(tables)
    assert all(int(table, 16) % 4096 == 0 < int(table, 16) for table in tables)


def test_keys_stand_as_they_were_asked_for(sample: Path) -> None:
    first = json.loads(run(sample, QUERIES["seed"]))[0]
    assert list(first) == ["handle_object", "process_object", "vad_object"]
    assert list(first["process_object"]) == ["directory_table_base", "process_id"]


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_every_form_of_a_dump_gives_the_same_bytes(lab: Lab, query: str) -> None:
    lime = run(lab.dump(f"{SAMPLE_GUEST}.lime").path, query)
    assert lime.startswith(b"[")
    assert lime == run(lab.dump(f"{SAMPLE_GUEST}.elf").path, query)


def test_the_compressed_sample_gives_the_same_bytes(sample: Path, lab: Lab) -> None:
    unpacked = lab.dump(f"{SAMPLE_GUEST}.lime").path
    assert run(sample, "process") == run(unpacked, "process")
