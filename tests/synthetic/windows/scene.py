"""A machine with a little of everything, for tests of readers; the same for every build."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.synthetic.windows.machine import Machine
from tests.synthetic.windows.network import Network
from tests.synthetic.windows.service_records import ServiceRecords
from tests.synthetic.windows.tokens import USER
from tests.synthetic.windows.truth import ValueTruth
from tests.synthetic.windows.wow64 import add_wow64

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.symbols.tables import ImageTable
    from tests.synthetic.memory import Layout
    from tests.synthetic.windows.image import WindowsImage
    from tests.synthetic.windows.options import Options
    from tests.synthetic.windows.process import Process
    from tests.synthetic.windows.registry import Values
    from tests.synthetic.windows.user import UserPart

SYSTEM_FOLDER = "C:\\Windows\\System32"
MEDIUM = "S-1-16-8192"
ALL, READ = 0x1F_FFFF, 0x12_0089
DLL_BASES = {8: 0x7FFC_8A20_0000, 4: 0x7700_0000}
RUN_KEY = "Microsoft\\Windows\\CurrentVersion\\Run"


class Scene:
    """What the machine holds, by name."""

    def __init__(
        self, table: ImageTable, options: Options, layouts: Mapping[str, Layout] | None = None
    ) -> None:
        """`layouts` are those for `Network` and `ServiceRecords`: what has none is not there."""
        self.machine = Machine(table, options)
        self.parts: dict[int, UserPart] = {}
        """What wrote the own memory of each process, by its number."""
        self.dll = self.machine.file("\\Windows\\System32\\ntdll.dll")
        self._system()
        self.smss = self._program(300, "smss.exe", session=None)
        self.services = self._program(520, "services.exe", parent=self.smss, session=0)
        self.explorer = self._program(1200, "explorer.exe")
        self.notepad = self._program(4040, "notepad.exe", parent=self.explorer)
        self.hidden = self._program(5572, "rootkit.exe", is_hidden=True)
        self.exited = self._exited()
        self.wow64 = self._wow64()
        self.machine.token(self.notepad, USER, MEDIUM, privileges=(0x8_0080_0000, 0x80_0000))
        self._fill_notepad()
        self._pages()
        self.freed = self.machine.freed_process(
            4716, "freed.exe", options.boot + timedelta(seconds=60)
        )
        if layouts is not None and "_TCP_ENDPOINT" in layouts:
            self._network(Network(self.machine.kernel, layouts))
        if layouts is not None and "_SERVICE_RECORD" in layouts:
            self._service_records(ServiceRecords(self.parts[520], layouts))
        self._registry()
        self._drivers()
        self.image: WindowsImage = self.machine.finish()

    def _system(self) -> None:
        system = self.machine.system
        for number in range(5):
            system.thread(8 + 4 * number, state=5 if number else 2, wait_reason=7)
        system.handle(system.thing, ALL)
        system.handle(system.threads[0].thing, ALL)

    def _program(
        self,
        pid: int,
        name: str,
        *,
        parent: Process | None = None,
        session: int | None = 1,
        is_hidden: bool = False,
    ) -> Process:
        machine = self.machine
        age = timedelta(seconds=pid)
        process = machine.process(
            pid, name, parent=parent, session=session, created=machine.options.boot + age,
            is_hidden=is_hidden,
        )  # fmt: skip
        base, dll = 0x40_0000, DLL_BASES[machine.kernel.word]
        part = machine.peb(
            process,
            base,
            f"{SYSTEM_FOLDER}\\{name}",
            f'"{SYSTEM_FOLDER}\\{name}" -k',
            {"SystemRoot": "C:\\Windows", "TEMP": "C:\\Windows\\Temp", "USERNAME": "analyst"},
        )
        self.parts[pid] = part
        part.module(f"{SYSTEM_FOLDER}\\ntdll.dll", dll, 0x20_0000)
        rwx = "PAGE_EXECUTE_WRITECOPY"
        own = machine.file(f"\\Windows\\System32\\{name}")
        process.vad(base, 0x10, kind="image", protection=rwx, file=own)
        process.vad(dll, 0x200, kind="image", protection=rwx, file=self.dll)
        process.vad(0x2A_0000, 0x40)
        process.vad(0x1_0000, 4, kind="mapped", protection="PAGE_READONLY")
        for number in range(3):
            process.thread(pid + 4 + 4 * number, start=dll + 0x1000 * number, state=5)
        process.handle(machine.event(), 0x1F_0003)
        process.handle(own, READ)
        return process

    def _wow64(self) -> Process | None:
        """Add a process of 32 bits, where the kernel has 64."""
        if not self.machine.options.is_64_bit:
            return None
        process = self._program(5012, "old.exe", parent=self.explorer)
        modules = [
            ("C:\\Program Files (x86)\\old.exe", 0x80_0000, 0x9000),
            ("C:\\Windows\\SysWOW64\\kernel32.dll", 0x7600_0000, 0xE_0000),
        ]
        add_wow64(self.machine.kernel, process, self.parts[5012], modules)
        for path, base, size in modules:
            file = self.machine.file(path.removeprefix("C:"))
            process.vad(base, size // 0x1000, kind="image", protection="PAGE_EXECUTE_WRITECOPY",
                        file=file)  # fmt: skip
        return process

    def _exited(self) -> Process:
        boot = self.machine.options.boot
        times = (boot + timedelta(seconds=100), boot + timedelta(seconds=200))
        process = self.machine.process(4988, "gone.exe", created=times[0], exited=times[1])
        process.thread(4992, exited=times[1])
        return process

    def _fill_notepad(self) -> None:
        machine, notepad = self.machine, self.notepad
        for number in range(20):
            start = 0x100_0000 + number * 0x2_0000
            kind = "PAGE_EXECUTE_READWRITE" if number % 7 == 3 else "PAGE_READWRITE"
            notepad.vad(start, 1 + number, protection=kind)
        notepad.handle(machine.mutant("Local\\notepad".replace("\\", "_")), 0x1F_0001)
        notepad.handle(machine.file("\\Users\\analyst\\notes.txt", access="rwdrwd"), 0x12_019F)
        notepad.handle(self.explorer.thing, 0x1000)
        notepad.handle(self.explorer.threads[0].thing, 0x40)
        notepad.handle(machine.registry.key("MACHINE\\SOFTWARE\\" + RUN_KEY), 0x2_0019)
        notepad.handle(machine.event("ready"), 2, value=0x2004)
        machine.symlink("\\GLOBAL??\\C:", "\\Device\\HarddiskVolume3")

    def _pages(self) -> None:
        machine, notepad = self.machine, self.notepad
        pages = machine.pages(notepad)
        notepad.vad(0x600_0000, 0x600)
        pages.present(0x600_0000, b"PAGE present")
        pages.transition(0x600_1000, b"PAGE transition")
        pages.in_page_file(0x600_2000, b"PAGE in page file", 0, 0x21)
        pages.in_page_file(0x600_3000, b"PAGE in another page file", 1, 0x5)
        pages.transition(0x600_4000, b"PAGE transition, plain", is_plain=True)
        pages.in_page_file(0x600_5000, b"PAGE in page file, plain", 0, 0x24, is_plain=True)
        pages.demand_zero(0x600_6000)
        pages.large(0x640_0000, b"PAGE large")
        if machine.options.paging == "x86":
            return
        mapped = notepad.vad(0x700_0000, 8, kind="mapped")
        pages.shared(0x700_0000, b"PAGE shared", mapped)
        pages.shared(0x700_1000, b"PAGE shared, in transition", mapped, state="transition")
        place = (0, 0x30)
        pages.shared(0x700_2000, b"PAGE shared, out", mapped, state="pagefile", place=place)
        pages.shared(0x700_3000, b"PAGE shared, by the range", mapped, is_in_vad=True)

    def _network(self, network: Network) -> None:
        network.connection(self.notepad, ("10.0.0.5", 49812), ("203.0.113.7", 443))
        network.connection(
            self.notepad, ("fe80::5", 50000), ("2001:db8::1", 80), state="CLOSE_WAIT"
        )
        network.listener(self.services, ("10.0.0.5", 445))
        network.datagrams(self.explorer, ("10.0.0.5", 5353))

    def _service_records(self, records: ServiceRecords) -> None:
        records.add("Dnscache", kind=0x20, pid=520, path=f"{SYSTEM_FOLDER}\\svchost.exe -k net")
        records.add("Spooler", state=1, start=3)
        records.add("disk", kind=1, start=0, path="\\Driver\\disk")

    def _registry_process(self) -> Process | None:
        """Add the process whose memory holds the hives; the paged pool did before 17134."""
        if self.machine.options.build < 17134:
            return None
        return self.machine.process(92, "Registry", session=None)

    def _registry(self) -> None:
        registry = self.machine.registry
        run = {"Updater": text_value("C:\\Users\\Public\\u.exe"), "Count": ValueTruth(4, bytes(4))}
        parts = RUN_KEY.split("\\")
        above: dict[str, Values] = {
            "\\".join(parts[: end + 1]): {} for end in range(len(parts) - 1)
        }
        software = {**above, RUN_KEY: run, "Big": {"Blob": ValueTruth(3, bytes(range(256)) * 80)}}
        folder = "\\SystemRoot\\System32\\Config\\"
        mount, owner = "\\REGISTRY\\MACHINE\\SOFTWARE", self._registry_process()
        registry.hive(mount, software, file=folder + "SOFTWARE", process=owner)
        system: dict[str, Values] = {
            "Select": {"Current": ValueTruth(4, b"\1\0\0\0")},
            "Now": {"State": text_value("up")},
            "ControlSet001": {},
            "ControlSet001\\Services": {},
            "ControlSet001\\Services\\disk": {
                "Start": ValueTruth(4, bytes(4)),
                "Type": ValueTruth(4, b"\1\0\0\0"),
                "ImagePath": ValueTruth(2, text_value("System32\\drivers\\disk.sys").data),
            },
        }
        mount = "\\REGISTRY\\MACHINE\\SYSTEM"
        registry.hive(mount, system, file=folder + "SYSTEM", volatile={"Now"}, process=owner)

    def _drivers(self) -> None:
        machine, modules, callbacks = self.machine, self.machine.modules, self.machine.callbacks
        disk, filter_, rootkit = (modules.load(f"{name}.sys") for name in ("disk", "flt", "hook"))
        modules.load("unseen.sys", is_hidden=True)
        machine.shadow = modules.load("win32k.sys")
        hook = rootkit.truth.base + 0x1800
        driver = modules.driver("disk", disk, devices=2, hooks={14: hook})
        modules.driver("flt", filter_, folder="\\FileSystem")
        machine.service_hooks[7] = hook
        for name in callbacks.arrays:
            callbacks.notify(name, filter_.truth.base + 0x1100)
            callbacks.notify(name, hook)
        callbacks.registry(filter_.truth.base + 0x1200, "385201.1337")
        callbacks.bug_check(disk.truth.base + 0x1300, "disk")
        callbacks.bug_check(disk.truth.base + 0x1340, "diskr", has_reason=True)
        callbacks.file_system(driver, filter_.truth.base + 0x1400)
        for processor in machine.processors:
            for number in range(3):
                due = 0x4_0000_0000 + number * 0x123_4567
                callbacks.timer(processor, disk.truth.base + 0x1500, due=due, period=1000 * number)
        boot = machine.options.boot
        for number, name in enumerate(("dump_a.sys", "dump_b.sys")):
            base = modules.next + number * 0x4_0000
            modules.unload(name, base, 0x9000, boot + timedelta(seconds=20 + number))


def text_value(text: str) -> ValueTruth:
    """Return a value of text (REG_SZ)."""
    return ValueTruth(1, (text + "\0").encode("utf-16-le"))
