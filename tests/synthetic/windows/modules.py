"""The kernel's modules, drivers with their devices, and drivers that were unloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.synthetic.windows.kernel_image import small_header
from tests.synthetic.windows.options import filetime
from tests.synthetic.windows.record import Record, ring
from tests.synthetic.windows.truth import DriverTruth, Hex, ModuleTruth, UnloadedTruth

if TYPE_CHECKING:
    from datetime import datetime

    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.objects import Objects, Thing

AREA = 0xF600_0000
"""Where drivers are loaded on x86; on x64 behind the kernel, as near as services must be."""
PAGE = 4096
DISTANCE = 0x10_0000
MAJOR_FUNCTIONS = 28
MAX_UNLOADED = 50


@dataclass
class Module:
    """One module: its entry in the list, and the truth about it."""

    record: Record
    truth: ModuleTruth


class Modules:
    """Loads and unloads drivers."""

    def __init__(self, kernel: Kernel, objects: Objects) -> None:
        self.kernel = kernel
        self.objects = objects
        self.loaded: list[Module] = []
        self.unloaded: list[UnloadedTruth] = []
        base, size = kernel.image.base, kernel.image.size
        behind = -(-(base + size) // DISTANCE) * DISTANCE + DISTANCE
        self.next = behind if kernel.word == 8 else AREA
        self._enter("\\SystemRoot\\system32\\ntoskrnl.exe", base, size, is_hidden=False)

    def load(self, name: str, size: int = 0x4000, *, is_hidden: bool = False) -> Module:
        """Load a driver's image, a header and nothing else; a hidden one is in no list."""
        base = self.next
        self.next += DISTANCE
        self.kernel.space.map(base, size // PAGE, is_code=True)
        self.kernel.space.write(base, small_header(self.kernel.options, base, size))
        path = f"\\SystemRoot\\System32\\drivers\\{name}"
        return self._enter(path, base, size, is_hidden=is_hidden)

    def _enter(self, path: str, base: int, size: int, *, is_hidden: bool) -> Module:
        kernel = self.kernel
        is_new = kernel.types.struct("_KLDR_DATA_TABLE_ENTRY") is not None
        record = kernel.new("_KLDR_DATA_TABLE_ENTRY" if is_new else "_LDR_DATA_TABLE_ENTRY", "MmLd")
        record.fill({"DllBase": base, "EntryPoint": base + 0x1000, "SizeOfImage": size})
        record["LoadCount|ObsoleteLoadCount"] = 1
        name = path.rpartition("\\")[2]
        kernel.text(record, "FullDllName", path)
        kernel.text(record, "BaseDllName", name)
        ring(kernel.space, record.at("InLoadOrderLinks"), [])
        truth = ModuleTruth(Hex(base), Hex(size), name, path, Hex(record.address))
        truth.listed = not is_hidden
        module = Module(record, truth)
        self.loaded.append(module)
        kernel.truth.modules.append(truth)
        return module

    def driver(
        self,
        name: str,
        module: Module,
        *,
        folder: str = "\\Driver",
        devices: int = 0,
        hooks: dict[int, int] | None = None,
    ) -> Thing:
        """Add a driver object; `hooks` gives major functions that lie elsewhere."""
        kernel, base = self.kernel, module.truth.base
        more = kernel.size("_DRIVER_EXTENSION")
        thing = self.objects.named("Driver", "_DRIVER_OBJECT", f"{folder}\\{name}", more=more)
        record = thing.record
        functions = [base + 0x1000 + 0x80 * number for number in range(MAJOR_FUNCTIONS)]
        for number, address in (hooks or {}).items():
            functions[number] = address
        record.fill({"Type": 4, "Size": record.type.size, "DriverStart": base})
        record.fill({"DriverSize": module.truth.size, "DriverSection": module.record.address})
        record["DriverInit"] = base + 0x1000
        for number, address in enumerate(functions):
            record[f"MajorFunction[{number}]"] = address
        extension = kernel.record("_DRIVER_EXTENSION", record.address + record.type.size)
        extension["DriverObject"] = record.address
        record["DriverExtension"] = extension.address
        kernel.text(extension, "ServiceKeyName", name)
        kernel.text(record, "DriverName", f"{folder}\\{name}")
        names = [self._device(record, name, number) for number in range(devices)]
        kernel.truth.drivers.append(
            DriverTruth(
                Hex(record.address), f"{folder}\\{name}", module.truth.base, module.truth.size,
                name, functions, list(reversed(names)),
            )
        )  # fmt: skip
        return thing

    def _device(self, driver: Record, name: str, number: int) -> str:
        """Add a device of a driver; each goes before those that are there."""
        title = f"{name}Device{number}"
        thing = self.objects.named("Device", "_DEVICE_OBJECT", f"\\Device\\{title}")
        record = thing.record
        record.fill({"Type": 3, "Size": record.type.size, "DeviceType": 0x22})
        record.fill({"DriverObject": driver.address, "NextDevice": driver["DeviceObject"]})
        driver["DeviceObject"] = record.address
        return title

    def unload(self, name: str, base: int, size: int, time: datetime) -> None:
        """Note a driver as unloaded."""
        self.unloaded.append(UnloadedTruth(name, Hex(base), Hex(base + size), time))

    def finish(self) -> None:
        """Write the list of modules, and the table of those that were unloaded."""
        kernel = self.kernel
        head = kernel.image.address("PsLoadedModuleList", 2 * kernel.word)
        if head is not None:
            listed = [module for module in self.loaded if module.truth.listed]
            ring(kernel.space, head, [module.record.at("InLoadOrderLinks") for module in listed])
        self._write_unloaded()

    def _write_unloaded(self) -> None:
        """Write MmUnloadedDrivers: name, start, end and time of each; oldest first."""
        kernel, word = self.kernel, self.kernel.word
        size = 5 * word if word == 8 else 24  # the time is aligned to 8 bytes
        table = kernel.nonpaged.allocate(MAX_UNLOADED * size, "MmDT")
        for number, truth in enumerate(self.unloaded):
            at = table + number * size
            data = truth.name.encode("utf-16-le")
            buffer = kernel.nonpaged.allocate(len(data), "MmDT")
            kernel.space.write(buffer, data)
            lengths = len(data) | len(data) << 16
            kernel.space.pointer(at, lengths, buffer, truth.start, truth.end)
            kernel.space.write(at + size - 8, filetime(truth.time).to_bytes(8, "little"))
        kernel.image.set("MmUnloadedDrivers", table)
        kernel.image.set("MmLastUnloadedDriver", len(self.unloaded), size=4)
        kernel.truth.unloaded = self.unloaded
