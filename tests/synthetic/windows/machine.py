"""The machine: makes a kernel with its first objects, takes what is added, writes the lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows import system, user
from tests.synthetic.windows.callbacks import Callbacks
from tests.synthetic.windows.handles import HandleTable, link_tables
from tests.synthetic.windows.image import WindowsImage
from tests.synthetic.windows.kernel import Kernel, write_big_pools
from tests.synthetic.windows.modules import Module, Modules
from tests.synthetic.windows.objects import Objects, Thing
from tests.synthetic.windows.options import filetime
from tests.synthetic.windows.pages import Entries, Pages
from tests.synthetic.windows.process import Process, make_process
from tests.synthetic.windows.record import Record, ring
from tests.synthetic.windows.registry import Registry
from tests.synthetic.windows.services import write_services
from tests.synthetic.windows.tokens import LOCAL_SYSTEM, SYSTEM_LEVEL, make_token
from tests.synthetic.windows.truth import Hex, ProcessTruth
from tests.synthetic.windows.vads import write_protections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from memq.symbols.tables import ImageTable
    from tests.synthetic.windows.options import Options

VOLUME = "\\Device\\HarddiskVolume3"


class Machine:
    """A Windows machine that is being built."""

    def __init__(self, table: ImageTable, options: Options) -> None:
        self.options = options
        self.kernel = Kernel(table, options)
        self.truth = self.kernel.truth
        self.space = self.kernel.space
        self.space.tables.refer_to_itself(options.self_reference)
        self.shared_page = system.write_shared_data(self.kernel)
        self.objects = Objects(self.kernel)
        self.processors = system.write_processors(self.kernel)
        self.processes: list[Process] = []
        self.freed: list[Process] = []
        self.entries: Entries | None = None
        self.sessions: dict[int, Record] = {}
        self.cid_level: int | None = None
        """Levels of PspCidTable; None: as many as it takes."""
        self.modules = Modules(self.kernel, self.objects)
        self.callbacks = Callbacks(self.kernel)
        self.registry = Registry(self.kernel, self.objects)
        self.service_hooks: dict[int, int] = {}
        """Targets of system services that are not the kernel's own, by index."""
        self.shadow: Module | None = None
        """win32k.sys, where it is loaded: it has the other table of services."""
        self.volume = self.device(VOLUME)
        self.system = self._make_system()

    # Processes

    def process(
        self,
        pid: int,
        name: str,
        *,
        parent: Process | None = None,
        session: int | None = 1,
        created: datetime | None = None,
        exited: datetime | None = None,
        is_hidden: bool = False,
        protection: int = 0,
    ) -> Process:
        """Add a process, without anything in it; see `user.Environment` for its own memory."""
        created = self.options.boot if created is None else created
        ppid = (self.system if parent is None else parent).truth.pid
        path = f"{VOLUME}\\Windows\\System32\\{name}"
        truth = ProcessTruth(
            Hex(0), pid, ppid, name, Hex(0), session, created, exited, wow64=False,
            hidden=is_hidden, path=path, cmdline=None, protection=protection,
        )  # fmt: skip
        process = make_process(self.kernel, self.objects, truth)
        process.space.point(system.SHARED_USER, self.shared_page)
        if session is not None:
            process.record["Session"] = self._session(session).address
        self.token(process)
        self._add(process)
        return process

    def pages(self, process: Process) -> Pages:
        """Return what gives a process pages in any state."""
        if self.entries is None:
            self.entries = Entries(self.kernel)
        return Pages(self.kernel, process, self.entries)

    def freed_process(self, pid: int, name: str, exited: datetime) -> Process:
        """Leave a process in freed pool, where no list and no table knows it."""
        path = f"{VOLUME}\\Windows\\System32\\{name}"
        truth = ProcessTruth(
            Hex(0), pid, 4, name, Hex(0), None, self.options.boot, exited, wow64=False,
            hidden=True, path=path, cmdline=None,
        )  # fmt: skip
        process = make_process(self.kernel, self.objects, truth, is_free=True)
        self.freed.append(process)
        self.truth.freed.append(truth)
        return process

    def _make_system(self) -> Process:
        truth = ProcessTruth(
            Hex(0), 4, 0, "System", Hex(0), None, self.options.boot, None, wow64=False,
            hidden=False, path=None, cmdline=None,
        )  # fmt: skip
        process = make_process(self.kernel, self.objects, truth, is_system=True)
        self.kernel.image.set("PsInitialSystemProcess", process.record.address)
        self.token(process)
        self._add(process)
        return process

    def _add(self, process: Process) -> None:
        self.processes.append(process)
        self.truth.processes.append(process.truth)

    def token(
        self,
        process: Process,
        sids: Sequence[str] = LOCAL_SYSTEM,
        integrity: str = SYSTEM_LEVEL,
        **more: tuple[int, int],
    ) -> Thing:
        """Give a process another token than that of LocalSystem."""
        session = process.truth.session or 0
        thing, truth = make_token(self.kernel, self.objects, sids, integrity, session, **more)
        process.truth.token = truth
        value = self.kernel.fast(thing.address)
        process.record["Token.Value|Token"] = value
        return thing

    def _session(self, number: int) -> Record:
        if number not in self.sessions:
            self.sessions[number] = self.kernel.new("_MM_SESSION_SPACE", "MmSe")
            self.sessions[number]["SessionId"] = number
        return self.sessions[number]

    def peb(
        self,
        process: Process,
        image_base: int,
        path: str,
        cmdline: str,
        environment: Mapping[str, str] | None = None,
    ) -> user.UserPart:
        """Give a process its own memory: PEB, parameters, environment, loader's lists."""
        return user.UserPart(self.kernel, process, image_base, path, cmdline, environment or {})

    # Objects

    def file(self, path: str, *, access: str = "r--r-d") -> Thing:
        """Add a file object; its path is that on the volume."""
        thing = self.objects.create("File", "_FILE_OBJECT")
        record = thing.record
        record.fill({"Type": 5, "Size": record.type.size, "DeviceObject": self.volume.address})
        self.kernel.text(record, "FileName", path)
        members = ("ReadAccess", "WriteAccess", "DeleteAccess", "SharedRead", "SharedWrite",
                   "SharedDelete")  # fmt: skip
        record.fill({name: int(one != "-") for name, one in zip(members, access, strict=True)})
        thing.path = thing.truth.path = path
        thing.display = VOLUME + path
        return thing

    def device(self, path: str, kind: int = 7) -> Thing:
        """Add a device object with a name in the directory \\Device."""
        thing = self.objects.named("Device", "_DEVICE_OBJECT", path)
        record = thing.record
        record.fill({"Type": 3, "Size": record.type.size, "DeviceType": kind, "ReferenceCount": 1})
        return thing

    def mutant(self, name: str | None) -> Thing:
        """Add a mutant, with a name or without."""
        if name is None:
            thing = self.objects.create("Mutant", "_KMUTANT")
        else:
            thing = self.objects.named("Mutant", "_KMUTANT", f"\\BaseNamedObjects\\{name}")
        thing.record.fill({"Header.Type": 2, "Header.SignalState": 1})
        return thing

    def event(self, name: str | None = None) -> Thing:
        """Add an event, with a name or without."""
        if name is None:
            return self.objects.create("Event", "_KEVENT")
        return self.objects.named("Event", "_KEVENT", f"\\BaseNamedObjects\\{name}")

    def symlink(self, path: str, target: str) -> Thing:
        """Add a symbolic link, such as \\GLOBAL??\\C:."""
        thing = self.objects.named("SymbolicLink", "_OBJECT_SYMBOLIC_LINK", path)
        self.kernel.text(thing.record, "LinkTarget", target)
        thing.record["CreationTime"] = filetime(self.options.boot)
        return thing

    # The end

    def finish(self) -> WindowsImage:
        """Write what holds all together; more cannot be added after this."""
        kernel = self.kernel
        for process in self.processes:
            process.finish()
        self._write_lists()
        self._write_client_ids()
        self.modules.finish()
        self.callbacks.finish()
        self.registry.finish()
        shadow = None if self.shadow is None else self.shadow.truth.base
        write_services(kernel, self.service_hooks, shadow)
        link_tables(kernel, [p.table for p in self.processes if p.table is not None])
        write_protections(kernel)
        write_big_pools(kernel)
        system.write_version(kernel)
        system.write_debugger_data(kernel)
        if self.options.low_stub and self.options.is_64_bit:
            system.write_low_stub(kernel)
        kernel.image.finish()
        for process in (*self.processes, *self.freed):
            if process is not self.system:
                process.space.tables.share_kernel_half(self.space.tables)
                process.space.tables.refer_to_itself(self.options.self_reference)
        users = [p.space for p in (*self.processes, *self.freed) if p is not self.system]
        return WindowsImage(kernel, users)

    def _write_lists(self) -> None:
        listed = [process for process in self.processes if not process.truth.hidden]
        for symbol, member in (("PsActiveProcessHead", "ActiveProcessLinks"),
                               ("MmProcessList", "MmProcessLinks")):  # fmt: skip
            head = self.kernel.image.address(symbol, 2 * self.kernel.word)
            if head is not None and self.system.record.has(member):
                ring(self.space, head, [process.record.at(member) for process in listed])
        for number, session in self.sessions.items():
            inside = [process for process in listed if process.truth.session == number]
            links = [process.record.at("SessionProcessLinks") for process in inside]
            ring(self.space, session.at("ProcessList"), links)

    def _write_client_ids(self) -> None:
        """Write PspCidTable, whose entries lead to the objects' bodies."""
        table = HandleTable(self.kernel)
        targets = {}
        for process in self.processes:
            for thread in process.threads:
                if thread.truth.exit_time is None:
                    targets[thread.truth.tid] = thread.record.address, 0
            if process.truth.exit_time is None:
                targets[process.truth.pid] = process.record.address, 0
        table.write(targets, self.cid_level)
        table.record.offer({"StrictFIFO": 1})
        self.truth.cid_table = {number: address for number, (address, _) in targets.items()}
        self.kernel.image.set("PspCidTable", table.record.address)
        self.client_ids = table
