"""Windows kernels small enough to write by hand; what of the kernel is declared is of the test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from memq.symbols.structs import Structs
from memq.symbols.tables import ImageSymbols
from tests.os.linux.small import BASE, SmallKernel, SmallTypes

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from memq.column import Addresses, Statuses
    from memq.run import Limits
    from memq.schema.batch import Context

LIST = "struct _LIST_ENTRY { struct _LIST_ENTRY *Flink; struct _LIST_ENTRY *Blink; };"
STRING = "struct _UNICODE_STRING { unsigned short Length; unsigned short Most; short *Buffer; };"
MODULE = f"""{LIST} {STRING}
struct _KLDR_DATA_TABLE_ENTRY {{
    struct _LIST_ENTRY InLoadOrderLinks; void *DllBase; void *EntryPoint; unsigned int SizeOfImage;
    struct _UNICODE_STRING FullDllName; struct _UNICODE_STRING BaseDllName; unsigned int Flags;
    unsigned short LoadCount; unsigned int TimeDateStamp;
}};"""
IMAGE = BASE + 0x10_0000
"""Where the kernel's image begins; 64 KB long."""
MODULES = BASE + 0x1000


class SmallWindows(SmallKernel):
    """A kernel under construction, of which the image and the list of modules are there."""

    def __init__(self, source: str, folder: Path) -> None:
        super().__init__(SmallTypes(MODULE + source), folder)
        self.image_end = IMAGE + 0x1_0000
        self.is_64_bit = True
        self.triage = None
        self.choice = SimpleNamespace(rvas={"Nt": 0}, is_exact=True)
        self.table["PsLoadedModuleList"] = MODULES
        self.modules: list[int] = []

    def module(self, name: str, base: int, size: int) -> int:
        """Put a loaded module on the list, and return its address."""
        place = MODULES + 0x100 + len(self.modules) * 0x200
        text = name.encode("utf-16-le")
        self.write(place + 0x180, text)
        members = {
            "DllBase": base, "SizeOfImage": size, "BaseDllName.Length": len(text),
            "BaseDllName.Buffer": place + 0x180,
        }  # fmt: skip
        self.put("_KLDR_DATA_TABLE_ENTRY", place, members)
        self.modules.append(place)
        self.chain(MODULES, self.modules)
        return place

    def open_(self, limits: Limits | None = None) -> Context:
        """Write the dump; symbols are those of the table that lie in the image."""
        if not self.modules:
            self.chain(MODULES, [])
        context = super().open_(limits)
        inside = {n: a - IMAGE for n, a in self.table.items() if IMAGE <= a < self.image_end}
        self.symbols = ImageSymbols(IMAGE, inside, self.image_end, is_whole=True)  # type: ignore[assignment]
        return context

    @property
    def image(self) -> SimpleNamespace:  # type: ignore[override]
        return SimpleNamespace(base=IMAGE, end=self.image_end)

    def is_kernel_image(self, addresses: Addresses) -> NDArray[np.bool_]:
        return (addresses >= IMAGE) & (addresses < self.image_end)

    def structs(
        self,
        name: str,
        addresses: Addresses,
        status: Statuses | None = None,
        roots: Addresses | None = None,
    ) -> Structs:
        return Structs(self.space, self.types, self.types.struct(name), addresses, status, roots)
