"""The 32-bit half of a process under WOW64: its PEB and the loader's lists.

The offsets are those of PEB32, PEB_LDR_DATA32 and LDR_DATA_TABLE_ENTRY32, which have not moved
since XP; not all symbol tables have these types.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.synthetic.windows.truth import Hex, ModuleTruth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.process import Process
    from tests.synthetic.windows.user import UserPart

PEB32 = 0x7FFD_D000
IMAGE_BASE, LOADER = 0x08, 0x0C
HEADS = (0x0C, 0x14, 0x1C)
"""Of the three lists, in PEB_LDR_DATA32; the links in an entry are at 0, 8 and 16."""
ENTRY_SIZE = 0xA8


def add_wow64(
    kernel: Kernel, process: Process, user: UserPart, modules: Sequence[tuple[str, int, int]]
) -> None:
    """Make a process one of WOW64; `modules` are path, base and size of the 32-bit ones."""
    space = user.space
    space.map(PEB32)
    loader = user.allocate(0x30)
    space.write(PEB32 + IMAGE_BASE, struct.pack("<I", modules[0][1]))
    space.write(PEB32 + LOADER, struct.pack("<I", loader))
    entries = [_entry(user, *module) for module in modules]
    for number, head in enumerate(HEADS):
        inside = entries if number < 2 else entries[1:]
        nodes = [loader + head, *(entry + 8 * number for entry in inside)]
        for at, following in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
            space.write(at, struct.pack("<I", following))
            space.write(following + 4, struct.pack("<I", at))
    for (path, base, size), entry in zip(modules, entries, strict=True):
        name = path.rpartition("\\")[2]
        process.truth.modules.append(ModuleTruth(Hex(base), Hex(size), name, path, Hex(entry)))
    _tell_kernel(kernel, process)
    process.truth.wow64 = True


def _entry(user: UserPart, path: str, base: int, size: int) -> int:
    entry, space = user.allocate(ENTRY_SIZE), user.space
    space.write(entry + 0x18, struct.pack("<III", base, base + 0x1000, size))
    for offset, text in ((0x24, path), (0x2C, path.rpartition("\\")[2])):
        data = text.encode("utf-16-le")
        buffer = user.allocate(len(data) + 2)
        space.write(buffer, data)
        space.write(entry + offset, struct.pack("<HHI", len(data), len(data) + 2, buffer))
    space.map(base)
    space.write(base, b"MZ".ljust(0x3C, b"\0") + b"\x80\0\0\0")
    return entry


def _tell_kernel(kernel: Kernel, process: Process) -> None:
    """Write the kernel's pointer to the 32-bit PEB: through _EWOW64PROCESS since 10."""
    if kernel.types.struct("_EWOW64PROCESS") is None:
        process.record["Wow64Process"] = PEB32
        return
    block = kernel.new("_EWOW64PROCESS", "Wow6")
    block["Peb"] = PEB32
    process.record["WoW64Process|Wow64Process"] = block.address
