"""Crash dumps of an image: full, and with a bitmap."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.synthetic.windows.options import filetime

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from tests.synthetic.windows.image import WindowsImage

PAGE = 4096
HEADER = {8: 0x2000, 4: 0x1000}
FULL, BITMAP, KERNEL, AUTOMATIC = 1, 5, 6, 7
"""Kinds of dumps (DumpType). One of the kernel has no pages of processes; `automatic` is such."""
_SIGNATURES = {8: b"PAGEDU64", 4: b"PAGEDUMP"}


def save_full(image: WindowsImage, path: Path) -> None:
    """Write a full dump: a header with runs of pages, and the pages."""
    with path.open("wb") as file:
        file.write(header(image, FULL))
        for start, end in image.runs():
            file.write(image.memory.read(start, end - start))


def save_bitmap(
    image: WindowsImage, path: Path, kind: int, signature: bytes, pages: Collection[int]
) -> None:
    """Write a dump with a bitmap behind its header, as since 8, that has only these pages."""
    kept = sorted(pages)
    bitmap = bytearray(-(-(kept[-1] + 1) // 8))
    for page in kept:
        bitmap[page // 8] |= 1 << page % 8
    first = HEADER[image.kernel.word] + 0x38 + len(bitmap)
    first = -(-first // PAGE) * PAGE
    summary = signature + struct.pack("<4s24xQQQ", b"DUMP", first, len(kept), len(bitmap) * 8)
    head = header(image, kind) + summary + bitmap
    with path.open("wb") as file:
        file.write(head.ljust(first, b"\0"))
        for page in kept:
            file.write(image.memory.pages[page])


def header(image: WindowsImage, kind: int) -> bytes:
    """Return a dump's header: of 8 KB with 64 bits, of 4 KB with 32."""
    word = image.kernel.word
    data = bytearray(b"PAGE" * (HEADER[word] // 4))
    data[:8] = _SIGNATURES[word]
    variables = [
        image.kernel_base + image.rvas.get(name, 0)
        for name in ("MmPfnDatabase", "PsLoadedModuleList", "PsActiveProcessHead")
    ]
    machine = 0x8664 if word == 8 else 0x14C
    struct.pack_into("<II", data, 8, 15, image.options.build)
    numbers = (machine, image.options.processors, 0x1E, 1, 2, 3, 4)
    data_block = image.kernel_base + image.rvas.get("KdDebuggerDataBlock", 0)
    boot, now = filetime(image.options.boot), filetime(image.options.snapshot)
    if word == 8:
        struct.pack_into("<4Q", data, 0x10, image.dtb, *variables)
        struct.pack_into("<IIIIQQQQ", data, 0x30, *numbers[:3], 0, *numbers[3:])
        struct.pack_into("<Q", data, 0x80, data_block)
        struct.pack_into("<I", data, 0xF98, kind)
        struct.pack_into("<QQQ", data, 0xFA0, len(data), now, now - boot)
    else:
        struct.pack_into("<4I", data, 0x10, image.dtb, *variables)
        struct.pack_into("<IIIIIII", data, 0x20, *numbers)
        data[0x5C] = image.options.paging == "pae"
        struct.pack_into("<I", data, 0x60, data_block)
        struct.pack_into("<I", data, 0xF88, kind)
        struct.pack_into("<QQQ", data, 0xFA0, len(data), now, now - boot)
    _write_runs(image, data)
    return bytes(data)


def _write_runs(image: WindowsImage, data: bytearray) -> None:
    """Write the descriptor of physical memory: as many runs as have room, else one over all."""
    word = image.kernel.word
    place, letter = (0x88, "Q") if word == 8 else (0x64, "I")
    runs = [(start // PAGE, (end - start) // PAGE) for start, end in image.runs()]
    total = sum(count for _, count in runs)
    head = struct.pack("<I4xQ" if word == 8 else "<II", len(runs), total)
    body = b"".join(struct.pack(f"<2{letter}", *run) for run in runs)
    if len(head + body) > 700:
        raise ValueError("too many runs for a header: fill the gaps between them")
    data[place : place + len(head + body)] = head + body
