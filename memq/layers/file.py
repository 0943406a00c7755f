"""Reading a dump by positioned reads: never mapped, never whole.

A mapping dies of SIGBUS when the file shrinks and leaves what it has touched resident; a positioned
read tells both apart and works the same on every system.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import threading
import weakref
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from memq.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_GAP = 2048
"""A span goes on while the next address lies this close: reading on costs less than a call."""
_WINDOW = 1 << 20
"""Bytes that are held at once while gathering; also the longest span."""
_FEW = 300
"""Below so many addresses one read each costs less than sorting them."""

_pread: Callable[[int, int, int], bytes] | None = getattr(os, "pread", None)
_advise: Callable[[int, int, int, int], None] | None = getattr(os, "posix_fadvise", None)
_WILL_NEED: int = getattr(os, "POSIX_FADV_WILLNEED", 0)
_SEEK_DATA: int | None = getattr(os, "SEEK_DATA", None)


class DumpFile:
    """A file opened for reading; `size` is its length as of opening.

    `reads` and `bytes_read` count the positioned reads and the bytes they brought.
    """

    def __init__(self, path: Path, shown_as: Path | None = None, *, seeking: bool = False) -> None:
        """`shown_as` is the path in messages (a cached file's origin); `seeking` avoids pread."""
        self.path = path if shown_as is None else shown_as
        self.reads = 0
        self.bytes_read = 0
        try:
            self._fd = _open(path, self.path)
            self._close = weakref.finalize(self, os.close, self._fd)
            self.size = os.lseek(self._fd, 0, os.SEEK_END)
        except OSError as error:
            raise ImageError(f"{self.path}: {error.strerror or error}") from error
        self._lock = threading.Lock()
        self._at = self._seek_and_read if seeking or _pread is None else _pread

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is no error, reading afterwards is."""
        self._fd = -1
        self._close()

    def read(self, offset: int, size: int) -> bytes:
        """Return the bytes at the offset, fewer where the file ended when it was opened."""
        if offset + size > self.size:
            size = self.size - offset
        if size <= 0:
            return b""
        try:
            data = self._at(self._fd, size, offset)
        except OSError as error:
            raise self._failed(error) from error
        self.reads += 1
        self.bytes_read += size
        return data if len(data) == size else self._rest(data, offset, size)

    def gather(self, offsets: NDArray[np.uint64], size: int) -> NDArray[np.uint8]:
        """Return `size` bytes at each offset: uint8[n, size]; all must lie inside the file.

        By spans. Measured warm, 291,211 times 8 bytes of 6 GB, on 11,202 pages and at random: spans
        31 and 188 ms with 9 and 20 MB more resident, one read each 217 and 298 ms with 42 MB. A
        mapping is faster, 19 and 32 ms, but left up to 6 GB resident.
        """
        count = len(offsets)
        if count == 0 or size <= 0:
            return np.zeros((count, max(size, 0)), np.uint8)
        if int(offsets.max()) + size > self.size:
            raise ValueError("an offset lies beyond the end of the file")
        try:
            if count < _FEW:
                return self._gather_each(offsets.tolist(), size)
            return self._gather_spans(offsets, size)
        except OSError as error:
            raise self._failed(error) from error

    def data_from(self, offset: int) -> int:
        """Return the first offset from one on that does not lie in a hole of a sparse file.

        What lies before it reads as zeros. The file's size where only a hole follows; the offset
        itself where the system (Windows) or the file system does not tell holes.
        """
        if _SEEK_DATA is None or offset >= self.size:
            return min(offset, self.size)
        with self._lock:
            try:
                return min(os.lseek(self._fd, offset, _SEEK_DATA), self.size)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    return offset
                # No data follows: in a file that has become shorter, too, of which reading tells.
                return self.size if os.lseek(self._fd, 0, os.SEEK_END) >= self.size else offset

    def will_need(self, offsets: NDArray[np.uint64], size: int) -> None:
        """Tell the system that `size` bytes at each offset are wanted soon, where it listens."""
        if _advise is None:
            return
        try:
            for offset in offsets.tolist():
                _advise(self._fd, offset, size, _WILL_NEED)
        except OSError:
            return  # advice only: pipes and some file systems take none

    def _gather_each(self, offsets: list[int], size: int) -> NDArray[np.uint8]:
        at, descriptor = self._at, self._fd
        data = bytearray().join([at(descriptor, size, offset) for offset in offsets])
        self._count(len(offsets), len(data), len(offsets) * size)
        return np.frombuffer(data, np.uint8).reshape(len(offsets), size)

    def _gather_spans(self, offsets: NDArray[np.uint64], size: int) -> NDArray[np.uint8]:
        order = None if bool((offsets[1:] >= offsets[:-1]).all()) else np.argsort(offsets)
        ordered = (offsets if order is None else offsets[order]).astype(np.int64)
        spans = _Spans(ordered, size)
        # One void item is one row: numpy then moves rows, not bytes.
        rows = np.empty(len(ordered), np.dtype((np.void, size)))
        at, descriptor = self._at, self._fd
        for window in spans.windows():
            places = zip(spans.lengths[window].tolist(), spans.begins[window].tolist(), strict=True)
            data = b"".join([at(descriptor, length, begin) for length, begin in places])
            self._count(window.stop - window.start, len(data), spans.bytes_of(window))
            which, positions = spans.rows_of(window)
            every = np.ndarray((len(data) - size + 1,), rows.dtype, data, strides=(1,))
            rows[which if order is None else order[which]] = every[positions]
        return rows.view(np.uint8).reshape(len(ordered), size)

    def _count(self, reads: int, got: int, wanted: int) -> None:
        self.reads += reads
        self.bytes_read += got
        if got != wanted:
            raise self._shrunk()

    def _rest(self, data: bytes, offset: int, size: int) -> bytes:
        """Read on after a short read: the system may cut one of over 2 GB."""
        parts = [data]
        done = len(data)
        while data and done < size:
            try:
                data = self._at(self._fd, size - done, offset + done)
            except OSError as error:
                raise self._failed(error) from error
            parts.append(data)
            done += len(data)
        if done < size:
            raise self._shrunk()
        return b"".join(parts)

    def _seek_and_read(self, descriptor: int, size: int, offset: int) -> bytes:
        """Do what os.pread does, where there is none (Windows)."""
        with self._lock:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, size)

    def _failed(self, error: OSError) -> ImageError:
        return ImageError(f"{self.path}: cannot be read: {error.strerror or error}")

    def _shrunk(self) -> ImageError:
        return ImageError(f"{self.path}: the file has become shorter while it was read")


class _Spans:
    """Sorted offsets as spans: stretches of the file that one read each brings."""

    def __init__(self, ordered: NDArray[np.int64], size: int) -> None:
        self._ordered = ordered
        far = ordered[1:] - ordered[:-1] > _GAP + size
        far |= (ordered[1:] ^ ordered[:-1]) >= _WINDOW
        self._first = np.concatenate(([0], np.flatnonzero(far) + 1, [len(ordered)]))
        """The first row of each span; one more, the number of rows, at the end."""
        self.begins = ordered[self._first[:-1]]
        self.lengths = ordered[self._first[1:] - 1] + size - self.begins
        self._ends = np.cumsum(self.lengths)
        """Where each span would end if all were joined."""

    def windows(self) -> list[slice]:
        """Group the spans to some 1 MB each."""
        last = np.flatnonzero(np.diff(self._ends // _WINDOW)) + 1
        edges = [0, *last.tolist(), len(self.begins)]
        return [slice(a, b) for a, b in itertools.pairwise(edges)]

    def bytes_of(self, window: slice) -> int:
        """Bytes of the spans of the window, joined."""
        return int(self.lengths[window].sum())

    def rows_of(self, window: slice) -> tuple[slice, NDArray[np.int64]]:
        """Tell which rows the window holds, and where each begins in the window's joined bytes."""
        first = self._first[window.start : window.stop + 1]
        ends = self._ends[window]
        starts = ends - self.lengths[window]
        shifts = starts - starts[0] - self.begins[window]
        rows = slice(int(first[0]), int(first[-1]))
        return rows, self._ordered[rows] + np.repeat(shifts, np.diff(first))


def _open(path: Path, shown_as: Path) -> int:
    """Open a regular file or a disk; anything else could block, or has no size."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise ImageError(f"{shown_as}: is a folder, not a file")
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        raise ImageError(f"{shown_as}: is not a regular file")
    binary: Any = getattr(os, "O_BINARY", 0)
    return os.open(path, os.O_RDONLY | binary)
