"""Strings that end with NUL, many at once, each read no further than it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from memq.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes, Statuses

MAX_TEXT = 1 << 26
"""Bytes of all strings of one call; those that have not ended by then are at the LIMIT."""

_BLOCKS = (64, 256, 1024, 4096)
"""Sizes of the aligned blocks in which strings are read on; no aligned block crosses a page."""
_CHUNK = 1 << 24
"""Bytes that are held at once."""


class Memory(Protocol):
    """What strings are read from."""

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[NDArray[np.uint8], Statuses]:
        """Return `size` bytes at each address, and a Reason for each."""

    def read_to_hole(self, va: int, end: int, root: int | None) -> bytes:
        """Return what there is of [va, end), which is in one page."""


def read_strings(
    memory: Memory, vas: Addresses, limit: int, roots: Addresses | None = None
) -> tuple[list[bytes], Statuses]:
    """Return each string without its NUL, cut to `limit` bytes, and Reasons (of address 0: NULL).

    A string that leaves readable memory before its NUL is empty, with the Reason.
    """
    strings = _Strings(memory, vas, limit, roots)
    rows = np.flatnonzero(strings.status == 0)
    sizes = iter(_BLOCKS)
    size = 0
    while len(rows):
        size = next(sizes, size)
        step = _CHUNK // size
        parts = [rows[at : at + step] for at in range(0, len(rows), step)]
        rows = np.array([row for part in parts for row in strings.read_on(part, size)], np.int64)
    return strings.found, strings.status


class _Strings:
    """What has been read of each string so far, and where each goes on."""

    def __init__(self, memory: Memory, vas: Addresses, limit: int, roots: Addresses | None) -> None:
        self.memory = memory
        self.limit = limit
        self.roots = roots
        self.places = vas.copy()
        self.found = [b""] * len(vas)
        self.status = np.where(vas == 0, np.uint8(Reason.NULL), np.uint8(0))
        self.total = 0

    def read_on(self, rows: Indexes, size: int) -> Sequence[int]:
        """Read one aligned block more of each string; return the rows of those that go on."""
        if self.total > MAX_TEXT:
            for row in rows.tolist():
                self._fail(row, Reason.LIMIT)
            return []
        places = self.places[rows]
        skipped = places % np.uint64(size)
        starts = places - skipped
        data, reasons = self.memory.gather(starts, size, self._roots_of(rows))
        self.total += data.size
        self.places[rows] = starts + np.uint64(size)
        blob = data.tobytes()
        ends = range(size, len(blob) + size, size)
        lengths = (size - skipped.astype(np.int64)).tolist()
        going = []
        for row, end, length, reason in zip(
            rows.tolist(), ends, lengths, reasons.tolist(), strict=True
        ):
            piece = self._remains(row, length) if reason else blob[end - length : end]
            if not self._has_ended(row, piece):
                if len(piece) < length:
                    self._fail(row, reason)
                elif not self.places[row]:  # that was the last byte of all addresses
                    self._fail(row, Reason.MALFORMED)
                else:
                    going.append(row)
        return going

    def _has_ended(self, row: int, piece: bytes) -> bool:
        """Add the next bytes; tell whether the string ends in them, or is at its limit."""
        end = piece.find(0)
        string = self.found[row] + (piece if end < 0 else piece[:end])
        self.found[row] = string[: self.limit]
        return end >= 0 or len(string) >= self.limit

    def _fail(self, row: int, reason: int) -> None:
        self.found[row] = b""
        self.status[row] = reason

    def _remains(self, row: int, length: int) -> bytes:
        """Return what there is of a block that is not all there."""
        end = int(self.places[row]) or 1 << 64
        root = None if self.roots is None else int(self.roots[row])
        return self.memory.read_to_hole(end - length, end, root)

    def _roots_of(self, rows: Indexes) -> Addresses | None:
        return None if self.roots is None else self.roots[rows]
