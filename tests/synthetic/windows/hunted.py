"""A machine with all that the hunting rules for Windows speak of, beside an ordinary system."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.synthetic.windows import hunted_kernel, hunted_registry
from tests.synthetic.windows.machine import VOLUME, Machine
from tests.synthetic.windows.network import Network
from tests.synthetic.windows.process import write_path
from tests.synthetic.windows.service_records import ServiceRecords
from tests.synthetic.windows.tokens import ENABLED, PRESENT, USER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.symbols.tables import ImageTable
    from tests.synthetic.memory import Layout
    from tests.synthetic.windows.image import WindowsImage
    from tests.synthetic.windows.options import Options
    from tests.synthetic.windows.process import Process
    from tests.synthetic.windows.user import UserPart

SYSTEM32 = "\\Windows\\System32\\"
BASE, DLL = 0x40_0000, 0x7FFC_8A20_0000
IMAGE = "PAGE_EXECUTE_WRITECOPY"
READ_MEMORY = 0x1410
DEBUG, LOCK = 1 << 20, 1 << 4
"""Bits of SeDebugPrivilege, and of one that ordinary tokens do not hold."""
INJECTED = 0x1E9_0000_0000
PROGRAM = b"MZ".ljust(0x3C, b"\0") + (0x80).to_bytes(4, "little")
PROGRAM = PROGRAM.ljust(0x80, b"\0") + b"PE\0\0\x64\x86"
"""What a program begins with: the two headers, the second at 0x80."""


class Hunted:
    """The machine; `image` is what is saved."""

    def __init__(self, table: ImageTable, options: Options, layouts: Mapping[str, Layout]) -> None:
        self.machine = Machine(table, options)
        self.parts: dict[int, UserPart] = {}
        self.dll = self.machine.file(f"{SYSTEM32}ntdll.dll")
        self._system()
        self._names()
        self._commands()
        self._memory()
        self._handles()
        self._rights()
        Network(self.machine.kernel, layouts).connection(
            self.notepad, ("10.0.0.5", 49812), ("203.0.113.7", 443)
        )
        self._services(ServiceRecords(self.parts[520], layouts))
        hunted_registry.plant(self.machine)
        hunted_kernel.plant(self.machine)
        self.image: WindowsImage = self.machine.finish()

    def program(
        self,
        pid: int,
        name: str,
        *,
        parent: Process | None = None,
        file: str | None = None,
        own: str | None = None,
        command: str | None = None,
        is_user: bool = True,
        is_hidden: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a program: `file` is its path on the volume, `own` what it says itself."""
        machine, file = self.machine, f"{SYSTEM32}{name}" if file is None else file
        own = f"C:{file}" if own is None else own
        created = machine.options.boot + timedelta(seconds=pid)
        process = machine.process(
            pid, name[:14], parent=parent, created=created, is_hidden=is_hidden
        )
        process.truth.path = VOLUME + file
        write_path(machine.kernel, process.record, process.truth.path)
        if is_user:
            machine.token(process, USER, "S-1-16-8192")
        variables = {"SystemRoot": "C:\\Windows", **(environment or {})}
        part = machine.peb(
            process, BASE, own, f'"{own}"' if command is None else command, variables
        )
        self.parts[pid] = part
        part.module("C:\\Windows\\System32\\ntdll.dll", DLL, 0x20_0000)
        process.vad(BASE, 0x10, kind="image", protection=IMAGE, file=machine.file(file))
        process.vad(DLL, 0x200, kind="image", protection=IMAGE, file=self.dll)
        process.vad(0x2A_0000, 0x40)
        process.thread(pid + 1, start=DLL + 0x1000)
        process.handle(machine.event(), 0x1F_0003)
        return process

    def _system(self) -> None:
        """Start what every Windows has; nothing of it is unusual."""
        smss = self.program(300, "smss.exe", is_user=False)
        csrss = self.program(404, "csrss.exe", parent=smss, is_user=False)
        wininit = self.program(480, "wininit.exe", parent=smss, is_user=False)
        winlogon = self.program(500, "winlogon.exe", parent=smss, is_user=False)
        self.services = self.program(520, "services.exe", parent=wininit, is_user=False)
        self.lsass = self.program(540, "lsass.exe", parent=wininit, is_user=False)
        self.program(700, "svchost.exe", parent=self.services, is_user=False)
        self.explorer = self.program(
            1200, "explorer.exe", parent=winlogon, file="\\Windows\\explorer.exe"
        )
        csrss.handle(self.lsass.thing, 0x1F_FFFF)

    def _names(self) -> None:
        """Start programs whose names and places are not what they seem."""
        explorer = self.explorer
        self.program(2000, "svchost.exe", parent=explorer, file="\\Users\\Public\\svchost.exe")
        self.program(2004, "svch0st.exe", parent=explorer)
        self.program(
            2008, "calc.exe", parent=explorer, file="\\PerfLogs\\calc.exe",
            own="C:\\Windows\\System32\\calc.exe",
        )  # fmt: skip
        self.program(2012, "lsass.exe", parent=explorer)
        self.program(
            2036, "invoice.pdf.exe", parent=explorer,
            file="\\Users\\analyst\\Downloads\\invoice.pdf.exe",
        )  # fmt: skip
        self.program(2048, "rootkit.exe", parent=explorer, is_hidden=True)

    def _commands(self) -> None:
        """Start programs that are told to do harm."""
        explorer = self.explorer
        self.dumper = self.program(
            2016, "rundll32.exe", parent=explorer,
            command="rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 540 lsass.dmp full",
        )  # fmt: skip
        word = self.program(
            2018, "WINWORD.EXE", parent=explorer, file="\\Program Files\\Office\\WINWORD.EXE"
        )
        self.program(
            2020, "cmd.exe", parent=word, command="cmd.exe /c vssadmin delete shadows /all /quiet"
        )
        self.program(2028, "wevtutil.exe", parent=explorer, command="wevtutil cl Security")
        self.program(
            2060, "powershell.exe", parent=explorer,
            file=f"{SYSTEM32}WindowsPowerShell\\v1.0\\powershell.exe",
            command="powershell.exe -nop -enc SQBFAFgAIAAxAA==",
        )  # fmt: skip
        silent = {"COR_PROFILER_PATH": "C:\\ProgramData\\p.dll", "COMPlus_ETWEnabled": "0"}
        self.program(2056, "agent.exe", parent=explorer, environment=silent)

    def _memory(self) -> None:
        """Put code where none belongs, and take files away."""
        machine, explorer = self.machine, self.explorer
        notepad = self.notepad = self.program(2032, "notepad.exe", parent=explorer)
        notepad.vad(INJECTED, 4, protection="PAGE_EXECUTE_READWRITE")
        notepad.space.map(INJECTED, 2, is_code=True)
        notepad.space.write(INJECTED, PROGRAM)
        notepad.thread(2035, start=INJECTED + 0x1000)
        # What is reserved as writable and made executable later, which only page tables tell.
        notepad.vad(INJECTED + 0x10_0000, 1)
        notepad.space.map(INJECTED + 0x10_0000, 1, is_code=True)
        hidden = self._library(notepad, "\\Windows\\System32\\hidden.dll", 0x7FFC_9000_0000)
        self.parts[2032].module(f"C:{hidden}", 0x7FFC_9000_0000, 0x1000, ("memory",))
        package = self._library(self.lsass, "\\ProgramData\\package.dll", 0x7FFC_9100_0000)
        self.parts[540].module(f"C:{package}", 0x7FFC_9100_0000, 0x1000)
        ghost = self.program(2040, "ghost.exe", parent=explorer)
        ghost_file = machine.file(f"{SYSTEM32}ghost.exe")
        ghost_file.record["DeletePending"] = 1
        area = ghost.vads[0].area
        if area is None:
            raise ValueError("a program has a control area")
        area.area["FilePointer.Value|FilePointer"] = machine.kernel.fast(ghost_file.address)
        hollow = self.program(2044, "hollow.exe", parent=explorer)
        self.parts[2044].peb["ImageBaseAddress"] = 0x120_0000
        hollow.vad(0x120_0000, 4)

    def _library(self, process: Process, path: str, base: int) -> str:
        file = self.machine.file(path)
        process.vad(base, 1, kind="image", protection=IMAGE, file=file)
        return path

    def _handles(self) -> None:
        """Open what only few may open."""
        machine, dumper = self.machine, self.dumper
        dumper.handle(self.lsass.thing, READ_MEMORY)
        dumper.handle(machine.file("\\Users\\Public\\lsass.dmp"), 0x12_019F)
        dumper.handle(machine.file("\\Windows\\System32\\config\\SAM"), 0x12_0089)
        dumper.handle(machine.registry.key("MACHINE\\SAM\\SAM\\Domains\\Account"), 0x2_0019)
        self.lsass.handle(machine.registry.key("MACHINE\\SECURITY\\Policy"), 0x2_0019)
        picture = machine.file("\\Users\\analyst\\Downloads\\photo\u202egpj.exe")
        self.explorer.handle(picture, 0x12_0089)

    def _rights(self) -> None:
        """Give processes rights that they should not have."""
        machine = self.machine
        privileges = (PRESENT, ENABLED | DEBUG)
        machine.token(self.dumper, USER, "S-1-16-12288", privileges=privileges)
        forger = self.program(2064, "forger.exe", parent=self.explorer)
        machine.token(forger, USER, "S-1-16-8192", privileges=(PRESENT & ~LOCK, ENABLED | LOCK))
        raised = self.program(2052, "raised.exe", parent=self.explorer)
        raised.record["Token.Value|Token"] = machine.system.record["Token.Value|Token"]

    def _services(self, records: ServiceRecords) -> None:
        records.add("disk", kind=1, start=0, path="\\Driver\\disk")
        records.add("Ghost", pid=700, path="C:\\Windows\\System32\\svchost.exe -k ghost")
        records.add("Remote", state=1, start=3)
