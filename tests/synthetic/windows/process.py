"""Processes: the kernel's side of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.synthetic.windows.handles import HandleTable
from tests.synthetic.windows.options import filetime
from tests.synthetic.windows.record import ring
from tests.synthetic.windows.space import Space
from tests.synthetic.windows.threads import Thread, make_thread
from tests.synthetic.windows.truth import HandleTruth, Hex, ProcessTruth, ThreadTruth, VadTruth
from tests.synthetic.windows.vads import Tree, Vad, control_area, make_vad

if TYPE_CHECKING:
    from datetime import datetime

    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.objects import Objects, Thing
    from tests.synthetic.windows.record import Record

PAGE = 4096
LINKS = (
    "ActiveProcessLinks",
    "SessionProcessLinks",
    "JobLinks",
    "MmProcessLinks",
    "ThreadListHead",
    "Pcb.ThreadListHead",
    "Pcb.Header.WaitListHead",
)
"""Lists that a process is the head or a part of; each is a ring of its own at first."""
PROCESS_OBJECT = 3
"""Type in the header of every dispatcher object that is a process."""


@dataclass
class Process:
    """One process: its object, its memory, and what belongs to it."""

    kernel: Kernel
    objects: Objects
    thing: Thing
    truth: ProcessTruth
    space: Space
    threads: list[Thread] = field(default_factory=list)
    vads: list[Vad] = field(default_factory=list)
    table: HandleTable | None = None
    held: dict[int, tuple[Thing, int]] = field(default_factory=dict)
    handle_level: int | None = None
    """Levels of the handle table; None: as many as it takes."""

    @property
    def record(self) -> Record:
        """The _EPROCESS."""
        return self.thing.record

    def thread(
        self,
        tid: int,
        *,
        start: int | None = None,
        state: int = 5,
        wait_reason: int = 6,
        exited: datetime | None = None,
        teb: int = 0,
    ) -> Thread:
        """Add a thread; `start` None is a function of the kernel's."""
        start = self.kernel.image.function("NtClose") if start is None else start
        created = self.truth.create_time or self.kernel.options.boot
        truth = ThreadTruth(
            Hex(0), self.truth.pid, tid, Hex(start), Hex(start), created, exited, state,
            wait_reason, Hex(teb),
        )  # fmt: skip
        thread = make_thread(self.kernel, self.objects, self.record.address, truth)
        self.threads.append(thread)
        self.truth.threads.append(tid)
        self.kernel.truth.threads.append(truth)
        return thread

    def vad(
        self,
        start: int,
        pages: int,
        *,
        kind: str = "private",
        protection: str = "PAGE_READWRITE",
        file: Thing | None = None,
        tag: str | None = None,
    ) -> Vad:
        """Add a range; mapped and image ranges have a control area, with a file or without."""
        tag = ("VadS" if kind == "private" else "Vad ") if tag is None else tag
        end = start + pages * PAGE - 1
        is_private = int(kind == "private")
        truth = VadTruth(Hex(start), Hex(end), kind, tag, protection, is_private, None, Hex(0))
        area = None
        if kind != "private":
            area = control_area(self.kernel, file, pages, is_image=kind == "image", base=start)
            truth.file = None if file is None else file.path
        commit = pages if kind == "private" else 0
        vad = make_vad(self.kernel, truth, area, commit)
        self.vads.append(vad)
        self.truth.vads.append(truth)
        return vad

    def handle(
        self, thing: Thing, access: int, *, value: int | None = None, name: str | None = None
    ) -> int:
        """Add a handle and return it: the next one, or `value`; `name` as a reader shows it."""
        handle = max(self.held, default=0) + 4 if value is None else value
        self.held[handle] = thing, access
        shown = thing.display or thing.truth.name if name is None else name
        self.truth.handles.append(
            HandleTruth(handle, Hex(thing.address), thing.type, Hex(access), shown)
        )
        thing.header["HandleCount"] = thing.header["HandleCount"] + 1
        return handle

    def finish(self) -> None:
        """Write lists, tree and handle table."""
        record, space = self.record, self.kernel.space
        head = record.at("ThreadListHead")
        ring(space, head, [thread.link("ThreadListEntry") for thread in self.threads])
        head = record.at("Pcb.ThreadListHead")
        ring(space, head, [thread.link("Tcb.ThreadListEntry") for thread in self.threads])
        record["ActiveThreads"] = len(self.threads)
        Tree(self.kernel, record).write(self.vads)
        self.truth.vads.sort(key=lambda vad: vad.start)
        if self.truth.exit_time is None:
            self._write_handles()

    def _write_handles(self) -> None:
        self.table = HandleTable(self.kernel)
        targets = {
            handle: (thing.header.address, access) for handle, (thing, access) in self.held.items()
        }
        self.truth.handle_levels = self.table.write(targets, self.handle_level)
        self.truth.handles.sort(key=lambda handle: handle.handle)
        self.table.record.fill(
            {"QuotaProcess": self.record.address, "UniqueProcessId": self.truth.pid}
        )
        self.record["ObjectTable"] = self.table.record.address


def make_process(
    kernel: Kernel, objects: Objects, truth: ProcessTruth, *, is_system: bool = False,
    is_free: bool = False,
) -> Process:  # fmt: skip
    """Make a process; `truth` has what is known of it, and gets its address and root."""
    space = kernel.space if is_system else Space(kernel.memory, kernel.space.mode)
    thing = objects.create("Process", "_EPROCESS", is_free=is_free)
    record = thing.record
    truth.offset, truth.dtb = Hex(record.address), Hex(space.tables.root)
    thing.display = f"{truth.name} Pid {truth.pid}"
    record.fill(
        {
            "Pcb.Header.Type": PROCESS_OBJECT,
            "Pcb.BasePriority": 8,
            "UniqueProcessId": truth.pid,
            "InheritedFromUniqueProcessId": truth.ppid,
            "ImageFileName": truth.name.encode()[:14].ljust(15, b"\0"),
            "CreateTime": filetime(truth.create_time),
            "ExitTime": filetime(truth.exit_time),
            "ExitStatus": 0x103 if truth.exit_time is None else 0,
        }
    )
    record["Pcb.DirectoryTableBase[0]|Pcb.DirectoryTableBase"] = space.tables.root
    record.offer({"Protection.Level": truth.protection})
    record.offer({"Pcb.UserDirectoryTableBase": 0})
    for member in LINKS:
        if record.has(member):
            ring(kernel.space, record.at(member), [])
    write_path(kernel, record, truth.path)
    return Process(kernel, objects, thing, truth, space)


def write_path(kernel: Kernel, record: Record, path: str | None) -> None:
    """Write the path as the kernel noted it when the process was made (for its audit)."""
    if path is None:
        return
    info = kernel.new("_OBJECT_NAME_INFORMATION", "SeOn", more=2 * len(path) + 2)
    info.text("Name", path, info.address + kernel.size("_OBJECT_NAME_INFORMATION"))
    record["SeAuditProcessCreationInfo.ImageFileName"] = info.address
