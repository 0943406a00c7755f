"""A process's own memory: PEB, parameters, environment, the loader's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows.record import Record, ring
from tests.synthetic.windows.truth import Hex, ModuleTruth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.process import Process

PAGE = 4096
LISTS = {
    "load": ("InLoadOrderModuleList", "InLoadOrderLinks"),
    "memory": ("InMemoryOrderModuleList", "InMemoryOrderLinks"),
    "initialization": ("InInitializationOrderModuleList", "InInitializationOrderLinks"),
}
"""The loader's three lists: the member of the head, and that of an entry."""


class UserPart:
    """Writes the memory of one process; pages are made as they are needed."""

    def __init__(
        self,
        kernel: Kernel,
        process: Process,
        image_base: int,
        path: str,
        cmdline: str,
        environment: Mapping[str, str],
    ) -> None:
        self.kernel = kernel
        self.process = process
        self.space = process.space
        self.next = 0x2A_0000
        self.entries: list[tuple[Record, ModuleTruth]] = []
        self.peb = self.new("_PEB", 0x7FFD_E000 if kernel.word == 4 else 0x7FF5_F000)
        self.loader = self.new("_PEB_LDR_DATA")
        parameters = self._parameters(path, cmdline, environment)
        self.peb.fill({"ImageBaseAddress": image_base, "Ldr": self.loader.address})
        self.peb["ProcessParameters"] = parameters.address
        self.loader.fill({"Length": self.loader.type.size, "Initialized": 1})
        process.record.fill({"Peb": self.peb.address, "SectionBaseAddress": image_base})
        truth = process.truth
        truth.peb, truth.peb_image_base = Hex(self.peb.address), Hex(image_base)
        truth.cmdline, truth.env = cmdline, dict(environment)
        self.module(path, image_base, 0x10000)

    def allocate(self, size: int) -> int:
        """Return the address of memory of the process's heap."""
        address = self.next = -(-self.next // 16) * 16
        self.space.map(address, (address % PAGE + size + PAGE - 1) // PAGE)
        self.next += size
        return address

    def new(self, struct: str, address: int | None = None) -> Record:
        """Return a new structure in the process's memory."""
        size = self.kernel.size(struct)
        if address is None:
            address = self.allocate(size)
        self.space.map(address, (address % PAGE + size + PAGE - 1) // PAGE)
        return self.kernel.record(struct, address, self.space)

    def text(self, record: Record, member: str, text: str) -> None:
        """Write an _UNICODE_STRING."""
        record.text(member, text, self.allocate(2 * len(text) + 2))

    def _parameters(self, path: str, cmdline: str, environment: Mapping[str, str]) -> Record:
        record = self.new("_RTL_USER_PROCESS_PARAMETERS")
        folder = path.rpartition("\\")[0] + "\\"
        self.text(record, "ImagePathName", path)
        self.text(record, "CommandLine", cmdline)
        self.text(record, "CurrentDirectory.DosPath", folder)
        self.process.truth.cwd = folder
        block = "".join(f"{name}={value}\0" for name, value in environment.items()) + "\0"
        data = block.encode("utf-16-le")
        place = self.allocate(len(data))
        self.space.write(place, data)
        record["Environment"] = place
        record.offer({"EnvironmentSize": len(data)})  # since Vista
        record.fill({"Length": record.type.size, "Flags": 1})
        return record

    def module(
        self, path: str, base: int, size: int, lists: tuple[str, ...] = tuple(LISTS)
    ) -> Record:
        """Add a module to the loader's lists; the page with its header is made, too."""
        record = self.new("_LDR_DATA_TABLE_ENTRY")
        record.fill({"DllBase": base, "EntryPoint": base + 0x1000, "SizeOfImage": size})
        name = path.rpartition("\\")[2]
        self.text(record, "FullDllName", path)
        self.text(record, "BaseDllName", name)
        if not self.entries:
            lists = tuple(one for one in lists if one != "initialization")  # the program itself
        self.space.map(base)
        self.space.write(base, b"MZ".ljust(0x3C, b"\0") + b"\x80\0\0\0")
        truth = ModuleTruth(Hex(base), Hex(size), name, path, Hex(record.address), lists)
        self.entries.append((record, truth))
        self.process.truth.modules.append(truth)
        self._link()
        return record

    def _link(self) -> None:
        for name, (head, link) in LISTS.items():
            links = [record.at(link) for record, truth in self.entries if name in truth.lists]
            ring(self.space, self.loader.at(head), links)
