"""Crash dumps with a bitmap: a bit for each page of memory, then the pages whose bit is set.

SUMMARY_DUMP, behind the header. Complete, kernel, automatic and active dumps have it since Windows
8; kernel dumps had an older one of 32-bit members. Both begin alike, so each is tried, and the one
that counts its own bits right is taken.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.layers.extents import Rows
    from memq.layers.file import DumpFile

SIGNATURES = (b"SDMPDUMP", b"FDMPDUMP")

_PAGE = 4096
_NEW = struct.Struct("<32xQQQ")
"""SUMMARY_DUMP since Windows 8: offset of the first page, pages, bits."""
_OLD = struct.Struct("<12xIII")
"""Before: offset of the first page, bits, pages; then an RTL_BITMAP, as wide as a pointer is."""
_OLD_SIZES = {4: 0x20, 8: 0x28}
_FAR = 1 << 62
"""No file is so long."""
_CHUNK = 1 << 20
"""Bytes of bitmap that are looked at together."""
_MOST_BITS = 1 << 34
"""64 TB: more than any Windows has."""
_MOST_RUNS = 1 << 21
"""Runs of pages, of which each costs some 200 bytes while the dump is open."""


class Bitmap(NamedTuple):
    """A bitmap as its header tells of it."""

    at: int
    """Offset in the file."""
    bits: int
    pages: int
    """How many bits are set, or so it says."""
    first_page: int
    """Offset of the first page in the file."""


class Runs(NamedTuple):
    """What a bitmap says: rows of (first address, end, offset in the file), and what is odd."""

    rows: Rows
    warnings: list[str]


def read_bitmap(file: DumpFile, header_size: int, word_size: int) -> Runs:
    """Read the bitmap behind the crash dump's header; ImageError where it makes no sense."""
    lying: list[Runs] = []
    for bitmap in _candidates(file, header_size, word_size):
        if bitmap.at < bitmap.first_page < _FAR and bitmap.bits:
            runs = _runs(file, bitmap)
            pages = int((runs.rows[:, 1] - runs.rows[:, 0]).sum()) // _PAGE
            if pages == bitmap.pages:
                return runs
            lie = f"the dump's header counts {bitmap.pages:,} pages, and its bitmap {pages:,}"
            lying.append(Runs(runs.rows, [*runs.warnings, lie]))
    if not lying:
        raise ImageError(f"{file.path}: damaged Windows crash dump: its bitmap has no size")
    return lying[0]


def _candidates(file: DumpFile, header_size: int, word_size: int) -> list[Bitmap]:
    """Return the header in each form that it may have."""
    data = file.read(header_size, _NEW.size)
    if len(data) < _NEW.size:
        raise ImageError(f"{file.path}: Windows crash dump that ends within its header")
    first_page, pages, bits = _NEW.unpack(data)
    old_first_page, old_bits, old_pages = _OLD.unpack_from(data)
    old_at = header_size + _OLD_SIZES[word_size]
    return [
        Bitmap(header_size + _NEW.size, bits, pages, first_page),
        Bitmap(old_at, old_bits, old_pages, old_first_page),
    ]


def _runs(file: DumpFile, bitmap: Bitmap) -> Runs:
    """Find runs of set bits; the pages of all of them follow each other in the file."""
    warnings = []
    bits = min(bitmap.bits, _MOST_BITS, (bitmap.first_page - bitmap.at) * 8)
    bits = min(bits, max(file.size - bitmap.at, 0) * 8)
    if bits < bitmap.bits:
        warnings.append(
            f"the dump's bitmap speaks of {bitmap.bits:,} pages, and there is room for {bits:,}"
        )
    edges, is_whole = _edges(file, bitmap.at, bits)
    if not is_whole:
        warnings.append(
            f"the dump's bitmap has more than {_MOST_RUNS:,} ranges; those beyond "
            f"{int(edges[-1]) * _PAGE:#x} are not read"
        )
    starts, ends = edges[::2], edges[1::2]
    counts = ends - starts
    before = np.cumsum(counts) - counts
    rows = np.stack([starts, ends, before], axis=1) * _PAGE
    rows[:, 2] += bitmap.first_page
    return Runs(rows, warnings)


def _edges(file: DumpFile, at: int, bits: int) -> tuple[NDArray[np.int64], bool]:
    """Return where runs of set bits begin and end, by turns, and whether these are all."""
    found = [np.zeros(0, np.int64)]
    count = last = 0
    for begin in range(0, bits, _CHUNK * 8):
        size = min(_CHUNK, (bits - begin + 7) // 8)
        data = np.frombuffer(file.read(at + begin // 8, size), np.uint8)
        if not last and not data.any():
            continue
        flags = np.unpackbits(data, bitorder="little")[: bits - begin]
        edges = np.flatnonzero(np.diff(flags, prepend=np.uint8(last))) + begin
        last = int(flags[-1])
        found.append(edges)
        count += len(edges)
        if count > 2 * _MOST_RUNS:
            return np.concatenate(found)[: 2 * _MOST_RUNS], False
    if last:
        found.append(np.array([bits], np.int64))
    return np.concatenate(found), True
