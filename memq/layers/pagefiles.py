"""Page files beside a dump: where their pages lie, and reading them as if all were one file.

A page-table entry of a page that is paged out names a page file by its number and a place in it.
Page file n lies, byte for byte, from PAGE_FILE_BASE + n * PAGE_FILE_STEP on, above all memory: so
what finds such pages can answer with an address, which is read as any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from memq.layers.file import DumpFile

PAGE_FILE_BASE = 1 << 51
PAGE_FILE_STEP = 1 << 47
MOST_PAGE_FILES = 16
"""Windows has no more, and page-table entries have four bits for the number."""
_PAGE = 4096


class JoinedFile:
    """A dump and its page files, read as a `DumpFile`.

    Page files lie at the same offsets as at addresses; everything below is the dump.
    """

    def __init__(self, dump: DumpFile, page_files: Sequence[DumpFile]) -> None:
        self._files = (dump, *page_files)

    @property
    def reads(self) -> int:
        """Positioned reads done so far, in all files."""
        return sum(file.reads for file in self._files)

    @property
    def bytes_read(self) -> int:
        """Bytes read so far, from all files."""
        return sum(file.bytes_read for file in self._files)

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()

    def read(self, offset: int, size: int) -> bytes:
        """Return the bytes at the offset, fewer where the file that lies there ends."""
        if offset < PAGE_FILE_BASE:
            return self._files[0].read(offset, size)
        number, place = divmod(offset - PAGE_FILE_BASE, PAGE_FILE_STEP)
        return self._files[number + 1].read(place, size)

    def gather(self, offsets: NDArray[np.uint64], size: int) -> NDArray[np.uint8]:
        """Return `size` bytes at each offset: uint8[n, size]; all must lie inside the files."""
        parts = self._parts(offsets)
        if len(parts) == 1:
            ((file, _, places),) = parts
            return file.gather(places, size)
        data = np.zeros((len(offsets), max(size, 0)), np.uint8)
        for file, rows, places in parts:
            data[rows] = file.gather(places, size)
        return data

    def will_need(self, offsets: NDArray[np.uint64], size: int) -> None:
        """Tell the system that `size` bytes at each offset are wanted soon."""
        for file, _, places in self._parts(offsets):
            file.will_need(places, size)

    def _parts(
        self, offsets: NDArray[np.uint64]
    ) -> list[tuple[DumpFile, NDArray[np.int64] | slice, NDArray[np.uint64]]]:
        """Return each file that is asked, with the rows that ask it, and their offsets in it."""
        if not len(offsets) or int(offsets.max()) < PAGE_FILE_BASE:
            return [(self._files[0], slice(None), offsets)]
        above = offsets >= PAGE_FILE_BASE
        places = np.where(above, offsets - np.uint64(PAGE_FILE_BASE), offsets)
        number = np.where(above, places // np.uint64(PAGE_FILE_STEP) + np.uint64(1), 0)
        places[above] %= np.uint64(PAGE_FILE_STEP)
        asked = [np.flatnonzero(number == which) for which in range(len(self._files))]
        found = zip(self._files, asked, strict=True)
        return [(file, rows, places[rows]) for file, rows in found if len(rows)]


def page_file_extents(files: Sequence[DumpFile]) -> list[tuple[int, int, int]]:
    """Return (start, end, offset) of each page file, in whole pages; ImageError for none such."""
    if len(files) > MOST_PAGE_FILES:
        raise ImageError(f"{files[-1].path}: Windows has at most {MOST_PAGE_FILES} page files")
    extents = []
    for number, file in enumerate(files):
        size = file.size // _PAGE * _PAGE
        if not size:
            raise ImageError(f"{file.path}: too small for a page file ({file.size:,} bytes)")
        if size > PAGE_FILE_STEP:
            raise ImageError(f"{file.path}: too large for a page file ({file.size:,} bytes)")
        start = PAGE_FILE_BASE + number * PAGE_FILE_STEP
        extents.append((start, start + size, start))
    return extents
