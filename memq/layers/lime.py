"""LiME images: ranges of physical memory, each behind a header of 32 bytes.

The header (LiME's src/lime.h, lime_mem_range_header, version 1): magic 0x4C694D45, version, first
and last physical address (inclusive), eight bytes reserved. A range may end inside a page. AVML
writes the same where it does not compress.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from memq.errors import ImageError
from memq.layers.physical import ADDRESS_LIMIT, Extent, PhysicalMemory

if TYPE_CHECKING:
    from memq.layers.file import DumpFile

MAGIC = b"EMiL"
_HEADER = struct.Struct("<4sIQQ8x")
_MAX_RANGES = 1 << 16
"""More than any machine has: a guard against a file made of headers."""


def probe(head: bytes, file: DumpFile) -> bool:
    """Whether the file begins with a LiME header's magic."""
    return head.startswith(MAGIC)


def open_(file: DumpFile) -> PhysicalMemory:
    """Read the chain of headers; what is missing at the end of a cut file is warned of."""
    extents: list[Extent] = []
    warnings: list[str] = []
    offset = 0
    while offset < file.size:
        header = file.read(offset, _HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(MAGIC):
            warnings.append(_trailer(file, offset))
            break
        if len(extents) == _MAX_RANGES:
            raise ImageError(f"{file.path}: damaged LiME file: more than {_MAX_RANGES:,} ranges")
        extent = _range(header, offset, file)
        extents.append(extent)
        offset = extent.offset + extent.end - extent.start
    return PhysicalMemory(file, "LiME", extents, warnings)


def _range(header: bytes, offset: int, file: DumpFile) -> Extent:
    """Read one header; refuse what no LiME wrote."""
    _, version, first, last = _HEADER.unpack(header)
    if version != 1:
        raise ImageError(f"{file.path}: LiME file of version {version}; memq reads version 1")
    if first > last or last >= ADDRESS_LIMIT:
        raise ImageError(
            f"{file.path}: damaged LiME file: its header at {offset:#x} "
            f"tells of a range from {first:#x} to {last:#x}"
        )
    return Extent(first, last + 1, offset + _HEADER.size)


def _trailer(file: DumpFile, offset: int) -> str:
    left = file.size - offset
    if left < _HEADER.size:
        return f"the file is cut short: {left} bytes of a LiME header stand at its end"
    return f"no LiME header at {offset:#x}: the {left:,} bytes from there on are not read"
