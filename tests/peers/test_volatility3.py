"""What volatility3 says of a dump, memq says too: a differential test, with its differences named.

volatility3 is the optional extra `peers`. It is run as a program of its own, offline, with the
lab's symbol table, by the Python that $MEMQ_VOLATILITY3 names (a path), else by the one that runs
the tests. Each plugin runs once for each of two dumps of the same kernel, 5 to 15 seconds a
run: the whole takes a little under two minutes.

Every row of volatility3 must be among memq's. Where the two say it in different words, or memq has
rows that volatility3 2.28 lacks, the reason stands here; what has no reason fails.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

import memq
from tests.truth import answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.lab import Dump, Lab
    from tests.truth.record import Row

VARIABLE = "MEMQ_VOLATILITY3"
NOT_HERE = (
    f"volatility3 is not installed: install the extra `peers`, or set {VARIABLE} to a Python"
    " that has it"
)
SYMBOLS = "deb12-6.1.isf.json.xz"
DUMPS = ("deb12-6.1-small.elf", "deb12-6.1-rootkit.lime")
"""Of the kernel that the symbol table belongs to, once as QEMU writes it and once as LiME does."""
SECONDS = 120
"""Limit of one run of a plugin."""

# Its package is no program, and its parser of arguments trips over a program that is called "-c".
START = "import sys; sys.argv[0] = 'vol'; from volatility3.cli import main; main()"


class Volatility3:
    """volatility3, run by a Python that has it, in folders of its own."""

    def __init__(self, python: str, symbols: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder
        for name in ("cache", "symbols/linux"):
            (folder / name).mkdir(parents=True)
        shutil.copyfile(symbols, folder / "symbols" / "linux" / symbols.name)

    def is_here(self) -> bool:
        command = [self.python, "-c", "import volatility3.cli"]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False

    def rows(self, dump: Path, plugin: str, *options: str) -> list[Row]:
        """Return the rows of one plugin's answer about a dump."""
        command = [self.python, "-c", START, "--quiet", "--offline", "--renderer", "json"]
        command += ["--cache-path", str(self.folder / "cache")]
        command += ["--symbol-dirs", str(self.folder / "symbols"), "--file", str(dump)]
        command += [plugin, *options]
        done = subprocess.run(
            command, capture_output=True, check=False, cwd=self.folder, timeout=SECONDS
        )
        if done.returncode != 0:
            pytest.fail(f"{plugin}: {done.stderr.decode(errors='replace')[-2000:]}", pytrace=False)
        rows: list[Row] = json.loads(done.stdout)
        return rows


class Pair:
    """A dump, and what both programs say of it, each asked once."""

    def __init__(self, dump: Dump, image: memq.Image, volatility3: Volatility3) -> None:
        self.dump = dump
        self.image = image
        self.volatility3 = volatility3

    @cached_property
    def processes(self) -> dict[int, Row]:
        return {int(pid): row for (pid,), row in answers.processes(self.image).items()}

    @cached_property
    def pslist(self) -> list[Row]:
        return self.volatility3.rows(self.dump.path, "linux.pslist")

    @property
    def hidden(self) -> set[int]:
        """Processes that are not on the task list, which most of volatility3's plugins walk."""
        return {pid for pid, row in self.processes.items() if not row["in_task_list"]}

    @property
    def zombies(self) -> set[int]:
        """volatility3 takes a task without namespaces for damaged; a zombie has given them up."""
        return {pid for pid, row in self.processes.items() if row["state"] == "zombie"}


@pytest.fixture(scope="session")
def volatility3(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Volatility3:
    """A volatility3 with the lab's symbol table; without it, the tests are skipped."""
    python = os.environ.get(VARIABLE)
    folder = tmp_path_factory.mktemp("volatility3")
    found = Volatility3(python or sys.executable, lab.folder / "linux" / SYMBOLS, folder)
    if not found.is_here():
        if python:
            pytest.fail(f"{VARIABLE}: {python} has no volatility3", pytrace=False)
        pytest.skip(NOT_HERE)
    return found


@pytest.fixture(scope="session", params=DUMPS)
def pair(request: pytest.FixtureRequest, lab: Lab, volatility3: Volatility3) -> Iterator[Pair]:
    dump = lab.dump(request.param)
    with memq.open(dump.path) as image:
        yield Pair(dump, image, volatility3)


def listed(complaints: Iterable[Any]) -> None:
    """Fail with what differs and has no reason."""
    found = [str(complaint) for complaint in complaints]
    if found:
        pytest.fail("\n".join([f"{len(found)} differences:", *found[:40]]), pytrace=False)


def test_processes(pair: Pair) -> None:
    listed(_unlike_processes(pair, pair.pslist))
    missed = pair.processes.keys() - {row["PID"] for row in pair.pslist}
    assert missed <= pair.hidden | pair.zombies


def test_processes_of_the_pid_table(pair: Pair) -> None:
    rows = pair.volatility3.rows(pair.dump.path, "linux.pidhashtable")
    leaders = [row for row in rows if row["PID"] == row["TID"]]
    listed(_unlike_processes(pair, leaders))
    pids = {row["PID"] for row in leaders}
    assert pids == pair.processes.keys()
    # Among them is the process that the rootkit took off the task list.
    assert not pair.hidden & {row["PID"] for row in pair.pslist}
    threads = {pid: sum(row["PID"] == pid for row in rows) for pid in pids}
    assert threads == {pid: pair.processes[pid]["thread_count"] for pid in pids}


def _unlike_processes(pair: Pair, rows: Iterable[Row]) -> Iterator[tuple[Row, Row | None]]:
    columns = {"PPID": "parent_process_id", "COMM": "name", "UID": "uid", "GID": "gid"}
    for row in rows:
        ours = pair.processes.get(row["PID"])
        if ours is None or any(
            row[theirs] != ours[name] for theirs, name in columns.items() if theirs in row
        ):
            yield row, ours


def test_vads(pair: Pair) -> None:
    # It dies at a System V segment with the id 0, which is its inode's number: volatility3 takes
    # that for an inode that is none. What comes after, 526 of the small guest's 1,877 mappings, it
    # then does not say; so it is asked for all processes but the one that has such a segment.
    deadly = pair.dump.record.truth["named_pids"]["shm"]
    pids = [row["PID"] for row in pair.pslist if row["PID"] != deadly]
    rows = pair.volatility3.rows(pair.dump.path, "linux.proc.Maps", "--pid", *map(str, pids))
    ours = answers.vads(pair.image)
    listed((row, our) for row in rows if not _same_vad(row, our := ours.get(_vad_key(row), {})))
    missed = {pid for pid, _ in ours.keys() - set(map(_vad_key, rows))}
    assert missed <= {deadly} | pair.hidden


def _vad_key(row: Row) -> tuple[int, int]:
    return row["PID"], row["Start"]


def _same_vad(row: Row, ours: Row) -> bool:
    if not ours or (row["End"], row["Flags"]) != (ours["end"], ours["protection"]):
        return False
    if ours["file_name"] is not None:
        place = row["PgOff"], row["Inode"]
        names = _paths(ours["file_name"], ours)
        return place == (ours["offset"], ours["inode"]) and row["File Path"] in names
    name = ours["name"]
    if name is None or (name == "[vvar]" and row["File Path"] != name):
        # volatility3 knows the kernel's own [vdso] by name, but not [vvar] before it.
        name = "Anonymous Mapping"
    return (row["File Path"], row["Inode"]) == (name, 0)


def _paths(name: str, ours: Row) -> set[str]:
    """A file's path as volatility3 says it: ` (deleted)` is part of it, often a blank before it."""
    if ours["is_deleted"]:
        return {f"{name} (deleted)", f" {name} (deleted)"}
    return {name}


def test_handles(pair: Pair) -> None:
    # volatility3 has rows for each thread too, whose descriptors are those of its process.
    rows = pair.volatility3.rows(pair.dump.path, "linux.lsof")
    ours = answers.handles(pair.image)
    keys = [(row["PID"], row["FD"]) for row in rows]
    pairs = zip(rows, (ours.get(key, {}) for key in keys), strict=True)
    listed((row, our) for row, our in pairs if not _same_handle(row, our))
    assert {pid for pid, _ in ours.keys() - set(keys)} <= pair.hidden


def _same_handle(row: Row, ours: Row) -> bool:
    if not ours or row["Inode"] != ours["inode"]:
        return False
    names = _paths(ours["name"], ours)
    if ours["name"].startswith("anon_inode:"):
        # What such a file is ("[eventpoll]") its dentry says, which memq shows as /proc does;
        # volatility3 shows the number of the inode, one for all of them.
        names.add(f"anon_inode:[{ours['inode']}]")
    return row["Path"] in names


def test_drivers(pair: Pair) -> None:
    # Both walk the kernel's list, which the rootkit's own module is not on.
    rows = pair.volatility3.rows(pair.dump.path, "linux.lsmod")
    drivers = answers.drivers(pair.image)
    theirs = [(row["Module Name"], row["Code Size"]) for row in rows]
    assert theirs == [(name, ours["size"]) for (name,), ours in drivers.items()]


def test_system_calls(pair: Pair) -> None:
    rows = pair.volatility3.rows(pair.dump.path, "linux.malware.check_syscall")
    ours = answers.syscalls(pair.image)
    # It takes the table to be as long as there are symbols __syscall_meta__*: 430 of 451 entries.
    assert [row["Index"] for row in rows] == [row["index"] for row in ours[: len(rows)]]
    assert len(rows) >= 430
    symbols = pair.dump.record.symbols
    listed(
        (row, our)
        for row, our in zip(rows, ours, strict=False)
        if not _same_call(row, our, symbols.get(our["address"], []))
    )
    named = [row["Index"] for row in rows if row["Handler Symbol"] == "UNKNOWN"]
    assert named == [our["index"] for our in ours if our["is_hooked"]]


def _same_call(row: Row, ours: Row, names: list[str]) -> bool:
    # volatility3 drops the upper 16 bits of a kernel address.
    if row["Handler Address"] != ours["address"] % (1 << 48):
        return False
    # The rootkit's functions are in no table of symbols. Others may have several names, of which
    # each program takes one; which there are is in the guest's own /proc/kallsyms.
    theirs = {row["Handler Symbol"]} - ({"UNKNOWN"} if ours["is_hooked"] else set())
    return theirs <= set(names)
