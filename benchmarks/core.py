"""Writes the memory of a Linux dump as an ELF core, which drgn reads where it reads no raw memory.

The core has the same ranges of physical memory, and the VMCOREINFO by which drgn finds the kernel:
memq reads it out of the dump. What is zero is left a hole. An ELF core with that note is used as
it is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from memq.image import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory

_FILE = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_IDENTITY = b"\x7fELF\x02\x01\x01"  # 64-bit, little-endian, version 1
_CORE, _X86_64, _LOAD, _NOTE = 4, 62, 1, 4
_OWNER = b"VMCOREINFO\0"
_PAGE = 4096


def core_of(dump: Path, folder: Path) -> Path:
    """Return an ELF core of a dump's memory: the dump, or one written into the folder, once."""
    state = dump.stat()
    path = folder / f"{dump.stem}-{state.st_size}-{state.st_mtime_ns}.core"
    if path.exists():
        return path
    with Image(dump) as image:
        memory = image.physical
        if _OWNER[:-1].decode() in memory.notes:
            return dump
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            write_core(memory, image.kernel.vmcoreinfo, file)
    return part.rename(path)


def write_core(memory: PhysicalMemory, lines: Mapping[str, str], file: BinaryIO) -> None:
    """Write headers, the note, and each range at a page of the file."""
    note = _note("".join(f"{key}={value}\n" for key, value in lines.items()).encode())
    ranges = list(zip(memory.starts.tolist(), memory.ends.tolist(), strict=True))
    places, size = _places(ranges, _FILE.size + _SEGMENT.size * (len(ranges) + 1) + len(note))
    file.write(_headers(ranges, places, len(note)) + note)
    for (start, end), place in zip(ranges, places, strict=True):
        for address, data in memory.pieces(start, end):
            if data.count(0) < len(data):
                file.seek(place + address - start)
                file.write(data)
    file.truncate(size)


def _note(content: bytes) -> bytes:
    head = struct.pack("<III", len(_OWNER), len(content), 0)
    return head + _padded(_OWNER, 4) + _padded(content, 4)


def _padded(data: bytes, unit: int) -> bytes:
    return data + bytes(-len(data) % unit)


def _places(ranges: Sequence[tuple[int, int]], at: int) -> tuple[list[int], int]:
    """Return where in the file each range begins, and where the last one ends."""
    places = []
    for start, end in ranges:
        places.append(at + -at % _PAGE)
        at = places[-1] + end - start
    return places, at


def _headers(ranges: Sequence[tuple[int, int]], places: Sequence[int], note: int) -> bytes:
    """Return the headers of the file and its segments; those are physical, mapped nowhere."""
    count = len(ranges) + 1
    sizes = _FILE.size, _SEGMENT.size, count, 0, 0, 0
    first = _FILE.pack(_IDENTITY, _CORE, _X86_64, 1, 0, _FILE.size, 0, 0, *sizes)
    behind = _FILE.size + _SEGMENT.size * count
    segments = [_SEGMENT.pack(_NOTE, 0, behind, 0, 0, note, note, 4)]
    for (start, end), place in zip(ranges, places, strict=True):
        size = end - start
        segments.append(_SEGMENT.pack(_LOAD, 7, place, 0, start, size, size, _PAGE))
    return first + b"".join(segments)
