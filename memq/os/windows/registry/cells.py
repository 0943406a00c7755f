"""Cells: the pieces that hives are made of, each known by its hive and by its place in it.

A place is a number of 32 bits, the highest of which tells the volatile storage of a hive from the
stable one. A storage is cut into blocks of 4 KB, and where each of them is in memory is said by the
hive's map. What is in cells is laid out as in the files of hives, the same since Windows NT 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import worst
from memq.errors import Reason
from memq.node import dataclass

if TYPE_CHECKING:
    from memq.column import Addresses, Array, Indexes, Statuses
    from memq.layers.space import AddressSpace

BLOCK = 4096
NO_CELL = 0xFFFF_FFFF
VOLATILE = 0x8000_0000
SIZE_BYTES = 4
"""Each cell begins with its size; what it holds is behind that."""
MAX_BYTES = 1 << 28
"""Bytes of the ranges that one call reads; what is beyond is at the LIMIT."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Where the blocks of hives are in memory: of each hive the stable ones, then the volatile."""

    space: AddressSpace
    addresses: Addresses
    status: Statuses
    starts: Indexes
    """Where the blocks of each storage begin, two storages for each hive, and where all end."""
    roots: Addresses
    """For each hive, the page tables that show what of it lies in user memory (0: not known)."""

    def places(self, hives: Indexes, cells: Array, skip: int = 0) -> tuple[Addresses, Statuses]:
        """Return the address of each cell, or of what is so many bytes behind, and Reasons."""
        known = np.flatnonzero(cells != NO_CELL)
        offsets = (cells & 0x7FFF_FFFF).astype(np.int64) + skip
        storages = 2 * hives + (cells >> 31 & 1).astype(np.int64)
        addresses = np.zeros(len(cells), np.uint64)
        status = np.full(len(cells), Reason.NULL, np.uint8)
        addresses[known], status[known] = self._at(storages[known], offsets[known])
        return addresses, status

    def _at(self, storages: Indexes, offsets: Indexes) -> tuple[Addresses, Statuses]:
        """Return where the bytes at these offsets of storages are."""
        blocks = self.starts[storages] + offsets // BLOCK
        inside = blocks < self.starts[storages + 1]
        if not len(self.addresses):
            inside[:] = False
            return np.zeros(len(offsets), np.uint64), np.full(len(offsets), Reason.MALFORMED, "u1")
        blocks = np.where(inside, blocks, 0)
        status = np.where(inside, self.status[blocks], np.uint8(Reason.MALFORMED))
        addresses = self.addresses[blocks] + (offsets % BLOCK).astype(np.uint64)
        return np.where(status == 0, addresses, np.uint64(0)), status

    def roots_of(self, hives: Indexes, addresses: Addresses) -> Addresses:
        """Return the page tables by which each address is read."""
        is_kernel = addresses >= np.uint64(self.space.kernel_start)
        return np.where(is_kernel, np.uint64(self.space.root), self.roots[hives])

    def _lost(self, roots: Addresses) -> Statuses:
        """Why addresses cannot be read whose page tables are not known."""
        return np.where(roots == 0, np.uint8(Reason.NOT_IN_DUMP), np.uint8(0))

    def heads(self, hives: Indexes, cells: Array, size: int) -> tuple[Array, Statuses]:
        """Return the first bytes of what each cell holds (uint8[n, size], zero where unknown)."""
        addresses, status = self.places(hives, cells, SIZE_BYTES)
        offsets = (cells & (BLOCK - 1)).astype(np.int64) + SIZE_BYTES
        over = (offsets % BLOCK + size > BLOCK) & (status == 0)
        data = np.zeros((len(cells), size), np.uint8)
        rows = np.flatnonzero((status == 0) & ~over)
        roots = self.roots_of(hives[rows], addresses[rows])
        found, reasons = self.space.gather(addresses[rows], size, roots)
        status[rows] = np.maximum(reasons, self._lost(roots))
        data[rows] = np.where((status[rows] == 0)[:, None], found, np.uint8(0))
        rows = np.flatnonzero(over)
        if not len(rows):
            return data, status
        pieces, status[rows] = self.ranges(hives[rows], cells[rows], np.full(len(rows), size))
        for row, piece in zip(rows.tolist(), pieces, strict=True):
            data[row, : len(piece)] = np.frombuffer(piece, np.uint8)
        return data, status

    def ranges(
        self, hives: Indexes, cells: Array, sizes: Indexes, skip: int = 0
    ) -> tuple[list[bytes], Statuses]:
        """Return so many bytes of what each cell holds, behind the first `skip`.

        Those that cannot be read whole are empty, with the Reason. A range goes on in the next
        block of its storage, which may be elsewhere in memory.
        """
        if not len(cells):
            return [], np.zeros(0, np.uint8)
        sizes = np.maximum(sizes.astype(np.int64), 0)
        over = np.cumsum(sizes) > MAX_BYTES
        sizes = np.where(over | (cells == NO_CELL), 0, sizes)
        first = (cells & 0x7FFF_FFFF).astype(np.int64) + SIZE_BYTES + skip
        storages = 2 * hives + (cells >> 31 & 1).astype(np.int64)
        counts = np.where(sizes > 0, (first + sizes - 1) // BLOCK - first // BLOCK + 1, 0)
        owner = np.repeat(np.arange(len(cells), dtype=np.int64), counts)
        number = np.arange(len(owner), dtype=np.int64) - np.repeat(
            np.cumsum(counts) - counts, counts
        )
        starts = np.maximum(first[owner], (first[owner] // BLOCK + number) * BLOCK)
        ends = np.minimum(first[owner] + sizes[owner], (starts // BLOCK + 1) * BLOCK)
        pieces, reasons = self._pieces(hives[owner], storages[owner], starts, ends)
        status = np.where(over, np.uint8(Reason.LIMIT), np.uint8(0))
        status[cells == NO_CELL] = Reason.NULL
        bad = np.flatnonzero(reasons)[::-1]
        status[owner[bad]] = reasons[bad]  # the first one of each range is stored last, and stays
        return _joined(pieces, counts, status), status

    def _pieces(
        self, hives: Indexes, storages: Indexes, starts: Indexes, ends: Indexes
    ) -> tuple[list[bytes], Statuses]:
        """Read pieces of blocks."""
        addresses, status = self._at(storages, starts)
        roots = self.roots_of(hives, addresses)
        sizes = np.where(status == 0, ends - starts, 0)
        found, reasons = self.space.gather_ranges(addresses, sizes, BLOCK, roots)
        return found, worst(status, np.where(sizes > 0, np.maximum(reasons, self._lost(roots)), 0))  # type: ignore[return-value]


def _joined(pieces: list[bytes], counts: Indexes, status: Statuses) -> list[bytes]:
    """Put the pieces of each range together."""
    if (counts == 1).all():
        return [b"" if lost else piece for piece, lost in zip(pieces, status.tolist(), strict=True)]
    ends = np.cumsum(counts).tolist()
    return [
        b"" if lost else b"".join(pieces[end - count : end])
        for end, count, lost in zip(ends, counts.tolist(), status.tolist(), strict=True)
    ]
