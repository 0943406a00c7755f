"""What the guest's record says the dump must hold: expected rows, per object, by their keys.

A row says only what the record knows; memq's fields beyond it are not compared. Where /proc and
memq name a thing differently on purpose, the record is put into memq's words here; where the guest
went on living between record and dump is said in differences.py, one by one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab import Record

Key: TypeAlias = tuple[int | str, ...]
Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = dict[Key, Row]

PF_KTHREAD = 0x0020_0000
COMM_LENGTH = 15
PROCESS_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk sleep",
    "T": "stopped",
    "t": "tracing stop",
    "X": "dead",
    "Z": "zombie",
    "P": "parked",
    "I": "idle",
}
"""Letters of /proc/PID/stat, and memq's words, which are those of /proc/PID/status."""
MODULE_STATES = {"Live": "live", "Loading": "coming", "Unloading": "going"}
"""Words of /proc/modules, and memq's, which are those of the kernel's source."""
TAINTS = {12: "O", 13: "E"}
"""Bits of /proc/sys/kernel/tainted that the guests have set, and their letters."""
PAUSE = 1_000_000_000
"""Nanoseconds: a guest's clock was set by one of whole seconds, its pause noted by another."""
DELETED = " (deleted)"
NO_FILE = frozenset({"", "[heap]", "[stack]"})
"""Names in maps under which plain anonymous memory stands."""


@dataclass(frozen=True)
class Near:
    """A time in nanoseconds, known to within a tolerance; equal to what is no further away."""

    value: int
    tolerance: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and abs(other - self.value) <= self.tolerance

    def __hash__(self) -> int:
        return hash(self.value)


def processes(record: Record) -> Rows:
    """Expect each process under (pid,)."""
    return {(p["pid"],): _process(p, record) for p in record.truth["processes"]}


def _process(p: dict[str, Any], record: Record) -> Row:
    is_kernel_thread = bool(p["flags"] & PF_KTHREAD)
    exe, _ = undeleted(p["exe"])
    return {
        "parent_process_id": p["ppid"],
        "name": comm(p["comm"]) if is_kernel_thread else p["comm"],
        "command_line": command_line(p["cmdline"]) if p["maps"] else None,
        "image_path": exe,
        "uid": int(p["uid"][0]),
        "gid": int(p["gid"][0]),
        "create_time": create_time(p["starttime_ticks"], record),
        "state": PROCESS_STATES[p["state"]],
        "thread_count": int(p["threads"]),
        "is_kernel_thread": is_kernel_thread,
        "in_task_list": True,
        "in_pid_table": True,
    }


def comm(shown: str) -> str:
    """Return the comm of a kernel thread of which /proc shows more.

    /proc adds to a worker's name what it works on (proc_task_name, "kworker/0:1-events"; since
    4.18), and shows the whole of a name that comm had to cut (kthread's full_name, since 5.17).
    """
    worker = re.match(r"kworker/(?:u?\d+:\d+H?)", shown)
    return worker[0] if worker else shown[:COMM_LENGTH]


def command_line(area: str) -> str:
    """Join the arguments, each ended by a NUL in the process's memory, with spaces.

    Zeros at the end, which programs leave that overwrite their title, are left out.
    """
    return area.rstrip("\0").replace("\0", " ")


def create_time(ticks: int, record: Record) -> Near:
    """Return the wall-clock time of a number of ticks since boot, in nanoseconds since 1970.

    The record's clocks were read one after the other in an emulated machine, twice; they agree to
    within some 12 ms. A tick of 10 ms is cut off, not rounded.
    """
    truth = record.truth
    boot = truth["time_start"] - truth["boottime"]
    again = truth["time_end"] - truth["boottime_end"]
    middle = (boot + again) / 2 + (ticks + 0.5) / truth["clk_tck"]
    return Near(int(middle * 1e9), int((abs(boot - again) + 0.015) * 1e9))


def undeleted(link: str | None) -> tuple[str | None, bool]:
    """Take off the suffix that /proc adds to the name of a file that has been deleted."""
    if link is None:
        return None, False
    return link.removesuffix(DELETED), link.endswith(DELETED)


def vads(record: Record) -> Rows:
    """Expect each mapping under (pid, start)."""
    return {
        (process["pid"], mapping[0]): _vad(*mapping)
        for process in record.truth["processes"]
        for mapping in process["maps"]
        if mapping[6] != "[vsyscall]"  # the same page for all, in no process's tree
    }


def _vad(start: int, end: int, flags: str, offset: int, device: str, inode: int, shown: str) -> Row:
    name, is_deleted = undeleted(shown)
    is_file = shown.startswith("/")
    return {
        "end": end,
        "size": end - start,
        "protection": flags[:3],
        "is_readable": flags[0] == "r",
        "is_writable": flags[1] == "w",
        "is_executable": flags[2] == "x",
        "is_shared": flags[3] == "s",
        "is_private": flags[3] != "s",
        "is_anonymous": shown in NO_FILE,
        "file_name": name if is_file else None,
        "name": name or None,
        "is_deleted": is_deleted,
        "offset": offset if is_file else None,
        "inode": inode if is_file else None,
        "device": device if is_file else None,
    }


def handles(record: Record) -> Rows:
    """Expect each descriptor under (pid, descriptor)."""
    return {
        (process["pid"], handle["fd"]): _handle(handle)
        for process in record.truth["processes"]
        for handle in process["fds"]
        if handle["link"] is not None  # the directory of descriptors that was being read
    }


def _handle(handle: dict[str, Any]) -> Row:
    name, is_deleted = undeleted(handle["link"])
    row = {
        "name": name,
        "is_deleted": is_deleted,
        "flags": int(handle["flags"], 8),
        "position": int(handle["pos"]),
    }
    if "ino" in handle:  # fdinfo has it since 5.14 (3845f256a8b5)
        row["inode"] = int(handle["ino"])
    kind = re.match(r"(?:(socket|pipe):|anon_inode:\[?([\w-]+))", handle["link"])
    if kind:  # of other files the name does not tell
        row["kind"] = {"socket": "socket", "pipe": "fifo"}.get(kind[1], kind[2])
    return row


def drivers(modules: str) -> Rows:
    """Expect each module under (name,), in the order of /proc/modules, whose text this takes."""
    return dict(_drivers(modules))


def _drivers(modules: str) -> Iterator[tuple[Key, Row]]:
    for line in modules.splitlines():
        name, size, references, _, state, base, *taints = line.split()
        yield (
            (name,),
            {
                "size": int(size),
                "references": int(references),
                "state": MODULE_STATES[state],
                "base": int(base, 16),
                "taints": taints[0].strip("()") if taints else "",
            },
        )


def kernels(record: Record) -> Rows:
    """Expect the one kernel under (release,), as it was when the guest was paused."""
    truth, checked = record.truth, json.loads(record.files["selfcheck.json"])
    name, host, release, version, machine = truth["uname"]
    tainted = int(record.text("sys/sys_kernel_tainted"))
    booted = create_time(0, record)
    paused = int(float(record.text("paused_at.txt")) * 1e9)
    memory = memory_ranges(record)
    row = {
        "name": name,
        "host_name": host,
        "version": version,
        "machine": machine,
        "domain_name": "(none)",
        "banner": record.text("sys/version").rstrip("\n"),
        "command_line": record.text("sys/cmdline").rstrip("\n"),
        "taints": "".join(letter for bit, letter in TAINTS.items() if tainted >> bit & 1),
        "boot_id": record.text("sys/sys_kernel_random_boot_id").strip(),
        "dump_time": Near(paused, PAUSE),
        "boot_time": booted,
        "uptime": Near(paused - booted.value, PAUSE),
        "processors": record.text("sys/cpuinfo").count("processor\t:"),
        "page_table_levels": 5 if checked["la57 (CR4 bit 12)"] else 4,
        "directory_table_base": int(checked["swapper_pg_dir / init_top_pgt pa"], 16),
        "base": int(checked["_text va"], 16),
        "physical_base": int(checked["_text pa"], 16),
        "kaslr_shift": int(checked["KASLR virtual slide"], 16),
        "memory_size": sum(end - start for start, end in memory),
    }
    return {(release,): row}


def memory_ranges(record: Record) -> list[tuple[int, int]]:
    """Return the ranges [start, end) of main memory that /proc/iomem has."""
    pattern = "(?m)^([0-9a-f]+)-([0-9a-f]+) : System RAM$"
    lines = re.findall(pattern, record.text("sys/iomem"))
    return [(int(first, 16), int(last, 16) + 1) for first, last in lines]
