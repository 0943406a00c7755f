"""Raw images: physical address n is byte n of the file. Whatever no other format claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import ImageError
from memq.layers.physical import Extent, PhysicalMemory

if TYPE_CHECKING:
    from memq.layers.file import DumpFile

_PAGE = 4096
_PIECE = 1 << 20


def probe(head: bytes, file: DumpFile) -> bool:
    """Say yes: a raw image has no mark of its own."""
    return True


def open_(file: DumpFile) -> PhysicalMemory:
    """Open the file as raw memory; refused below one page, or with nothing but zeros in it."""
    if file.size < _PAGE:
        raise ImageError(
            f"{file.path}: too small for a memory dump ({file.size:,} bytes) and of no known format"
        )
    if _is_empty(file):
        raise ImageError(f"{file.path}: holds nothing but zeros; was the dump completed?")
    warnings = []
    if file.size % _PAGE:
        warnings.append("the file is cut short: its size is not a whole number of 4 KB pages")
    return PhysicalMemory(file, "raw", [Extent(0, file.size, 0)], warnings)


def _is_empty(file: DumpFile) -> bool:
    """Whether every byte is zero; the first page that is not ends the reading.

    A sparse file's holes are not read.
    """
    zeros = bytes(_PIECE)
    size = _PAGE
    offset = file.data_from(0)
    while offset < file.size:
        piece = file.read(offset, size)
        if piece != zeros[: len(piece)]:
            return False
        offset = file.data_from(offset + size)
        size = _PIECE
    return True
