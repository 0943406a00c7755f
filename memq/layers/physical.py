"""The physical memory that a dump holds: which addresses are there, and where they lie in the file.

Every format comes down to extents: physical addresses [start, end) at a file offset. What lies
between them is absent, which is not the same as zero. Page files lie above all memory: they are
read by addresses too, but are no part of it (`pagefiles.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from memq.errors import ImageError
from memq.layers.extents import Rows, first_overlap, in_order, inside, joined, reaches
from memq.layers.pagefiles import PAGE_FILE_BASE, JoinedFile, page_file_extents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from memq.layers.crash_header import CrashHeader
    from memq.layers.file import DumpFile

ADDRESS_LIMIT = 1 << 52
"""x86-64 has at most 52 bits of physical address (Intel SDM volume 3, 4.1.4)."""

_NEVER = -1 << 99
"""End of "the extent below all": no address, not even a negative one, lies before it."""

_PAGE = 4096

_FEW = 24
"""Below so many addresses one scalar read each costs less than numpy's calls."""


class Extent(NamedTuple):
    """Physical addresses [start, end) that lie at `offset` of the file."""

    start: int
    end: int
    offset: int


class PhysicalMemory:
    """Physical memory in a file.

    `format` is "raw", "LiME", "ELF core" or "Windows crash dump (full)" and the like; `starts`,
    `ends` and `offsets` are the extents, sorted and disjoint; `limit` is the highest address + 1,
    `present` the bytes that are there; `warnings` say what is wrong with the file, `notes` hold
    what it says besides ("VMCOREINFO"), `crash` what the header of a Windows crash dump does.
    `page_files` are the bytes of each page file that was given.
    """

    def __init__(
        self,
        file: DumpFile,
        format: str,
        extents: Iterable[Extent] | Rows,
        warnings: Sequence[str] = (),
        notes: Mapping[str, bytes] | None = None,
        crash: CrashHeader | None = None,
    ) -> None:
        """Raise ImageError where extents overlap, pass 52 bits, or none of them is in the file."""
        self.file = file
        self.format = format
        self.path = file.path
        self.warnings = list(warnings)
        self.notes = dict(notes or {})
        self.crash = crash
        self.page_files: tuple[int, ...] = ()
        self._source: DumpFile | JoinedFile = file
        self._memory = joined(self._inside(_ordered(extents, file.path)))
        if not len(self._memory):
            why = ": it is cut short" if self.warnings else ""
            raise ImageError(f"{file.path}: {format} file without any memory in it{why}")
        self.starts, self.ends, self.offsets = np.ascontiguousarray(self._memory.T).astype(
            np.uint64
        )
        self.limit = int(self.ends[-1])
        self.present = int((self.ends - self.starts).sum())
        self._index(self._memory)

    def _index(self, rows: Rows) -> None:
        """Make what addresses are looked up by; of memory, and of page files above it."""
        self._lows, self._highs, self._places = np.ascontiguousarray(rows.T).astype(np.uint64)
        # For one address: bisect_right on starts gives 1 + the extent, so that 0 is "below all",
        # an extent that ends before it begins.
        self._starts: list[int] = rows[:, 0].tolist()
        self._ends: list[int] = [_NEVER, *rows[:, 1].tolist()]
        self._shifts: list[int] = [0, *(rows[:, 2] - rows[:, 0]).tolist()]
        self._reaches = reaches(rows).astype(np.uint64)
        self._touching = bool((self._reaches != self._highs).any())
        reach = self._reaches.tolist() if self._touching else []
        self._scalar_reaches = [_NEVER, *reach] if reach else self._ends

    def add_page_files(self, files: Sequence[DumpFile]) -> None:
        """Make page files readable, numbered as they come; they are closed with the dump.

        ImageError where one cannot be a page file, or memory lies where they would.
        """
        extents = page_file_extents(files)
        if self.limit > PAGE_FILE_BASE:
            raise ImageError(f"{self.path}: has memory at {self.limit - 1:#x}, above page files")
        for file, (start, end, _) in zip(files, extents, strict=True):
            if end - start != file.size:
                self.warnings.append(f"{file.path}: the page file is cut short inside a page")
        self.page_files = tuple(end - start for start, end, _ in extents)
        self._source = JoinedFile(self.file, files)
        self._index(np.concatenate([self._memory, np.array(extents, np.int64).reshape(-1, 3)]))

    @property
    def reads(self) -> int:
        """Positioned reads done so far."""
        return self._source.reads

    @property
    def bytes_read(self) -> int:
        """Bytes read so far."""
        return self._source.bytes_read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and page files with it."""
        self._source.close()

    def read(self, address: int, size: int) -> bytes | None:
        """Return the bytes at a physical address; None where any of them is missing."""
        at = bisect_right(self._starts, address)
        if size > 0 and address + size <= self._ends[at]:
            return self._source.read(address + self._shifts[at], size)
        return self._read_across(address, size)

    def gather(
        self, addresses: NDArray[np.uint64], size: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return `size` bytes at each address, and whether they are there; absent rows are zero."""
        addresses = np.asarray(addresses, np.uint64)
        if len(addresses) < _FEW or size <= 0:
            return self._gather_few(addresses, max(size, 0))
        whole, offsets = self._locate(addresses, size)
        if whole.all():
            return self._source.gather(offsets, size), whole
        data = np.zeros((len(addresses), size), np.uint8)
        data[whole] = self._source.gather(offsets[whole], size)
        if not self._touching:
            return data, whole
        present = self.holds(addresses, size)
        for row in np.flatnonzero(present & ~whole).tolist():
            across = self._read_across(int(addresses[row]), size)
            if across is not None:
                data[row] = np.frombuffer(across, np.uint8)
        return data, present

    def holds(self, addresses: NDArray[np.uint64], size: int) -> NDArray[np.bool_]:
        """Tell of each address whether `size` bytes from there on are all in the dump."""
        addresses = np.asarray(addresses, np.uint64)
        if size <= 0:
            return np.full(len(addresses), size == 0)
        at = np.maximum(np.searchsorted(self._lows, addresses, "right"), 1) - 1
        return _fits(addresses, self._lows[at], self._reaches[at], size)

    def present_in(self, start: int, end: int) -> int:
        """Return how many bytes of memory in [start, end) are in the dump."""
        return sum(high - low for low, high in self._stretches(max(start, 0), end))

    def pieces(
        self,
        start: int,
        end: int,
        size: int = 1 << 20,
        overlap: int = 0,
        *,
        holes: bool = True,
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (address, bytes) over the memory that is present in [start, end), for a search.

        A piece ends at the next multiple of `size`, plus `overlap` bytes of what follows if that is
        there: a pattern of at most overlap + 1 bytes is whole in the piece that it begins in.
        Read, not mapped, so that what was searched does not stay resident. Without `holes`, pages
        of zeros for which a sparse file has no blocks may be left out, whole ones: for a search
        that finds nothing that begins in such a page.
        """
        if size <= 0 or overlap < 0:
            raise ValueError("pieces are at least one byte, and overlap by none or more")
        if not holes and size % _PAGE:
            raise ValueError("pieces without holes are whole pages")
        for low, high in self._stretches(max(start, 0), end):
            at = low
            while at < high:
                following = min(high, (at // size + 1) * size)
                if not holes and (resumed := self._behind_hole(at, size)) > at:
                    at = resumed
                    continue
                data = self.read(at, min(high, following + overlap) - at)
                if data is not None:
                    yield at, data
                at = following

    def will_need(self, addresses: NDArray[np.uint64], size: int) -> None:
        """Ask the system to fetch `size` bytes at each address; those not present are left out."""
        whole, offsets = self._locate(np.asarray(addresses, np.uint64), max(size, 1))
        self._source.will_need(offsets[whole], size)

    def _read_across(self, address: int, size: int) -> bytes | None:
        """Read over extents that touch; also the answer for what is not there at all."""
        if size <= 0:
            return b"" if size == 0 else None
        if address + size > self._scalar_reaches[bisect_right(self._starts, address)]:
            return None
        parts = []
        end = address + size
        while address < end:
            at = bisect_right(self._starts, address)
            until = min(end, self._ends[at])
            parts.append(self._source.read(address + self._shifts[at], until - address))
            address = until
        return b"".join(parts)

    def _gather_few(
        self, addresses: NDArray[np.uint64], size: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        rows = [self.read(address, size) for address in addresses.tolist()]
        present = np.array([row is not None for row in rows], bool)
        absent = b"" if present.all() else bytes(size)
        data = bytearray().join([absent if row is None else row for row in rows])
        return np.frombuffer(data, np.uint8).reshape(len(rows), size), present

    def _locate(
        self, addresses: NDArray[np.uint64], size: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
        """Whether each row lies whole in one extent, and (where it does) its file offset."""
        if len(self._lows) == 1:  # a raw image: no search, and usually no shift
            start, end, offset = self._lows[0], self._highs[0], self._places[0]
            within = addresses - start if start else addresses  # below the start: wraps, is huge
            if size > end - start:
                return np.zeros(len(addresses), bool), within
            return within <= end - start - np.uint64(size), within + offset if offset else within
        at = np.maximum(np.searchsorted(self._lows, addresses, "right"), 1) - 1
        starts = self._lows[at]
        whole = _fits(addresses, starts, self._highs[at], size)
        return whole, addresses - starts + self._places[at]

    def _stretches(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of memory present in [start, end), extents that touch taken as one."""
        end = min(end, self.limit)  # page files lie above, and are no memory
        at = max(bisect_right(self._starts, start) - 1, 0)
        while at < len(self._starts) and self._starts[at] < end:
            reach = self._scalar_reaches[at + 1]
            low, high = max(start, self._starts[at]), min(end, reach)
            if low < high:
                yield low, high
            at = bisect_right(self._starts, reach - 1)

    def _behind_hole(self, address: int, least: int) -> int:
        """Return the page in which the file's hole at an address ends; the address if none does.

        Not asked where less of the extent than that is left: to read it costs as little.
        """
        at = bisect_right(self._starts, address)
        limit, shift = self._ends[at], self._shifts[at]
        if limit - address < least:
            return address
        data = min(self.file.data_from(address + shift) - shift, limit)
        return max(address, data // _PAGE * _PAGE)

    def _inside(self, rows: Rows) -> Rows:
        """Cut the extents to the file, and warn of what a file that was cut short lacks."""
        kept, missing = inside(rows, self.file.size)
        if missing:
            whole = sum((rows[:, 1] - rows[:, 0]).tolist())
            self.warnings.append(
                f"the file is cut short: {missing:,} of {whole:,} bytes of memory are not in it"
            )
        return kept


def _fits(
    addresses: NDArray[np.uint64],
    starts: NDArray[np.uint64] | np.uint64,
    ends: NDArray[np.uint64] | np.uint64,
    size: int,
) -> NDArray[np.bool_]:
    """Whether [address, address + size) lies in [start, end); without sums, which could wrap."""
    inside = (addresses >= starts) & (addresses < ends)
    return np.asarray(inside & (ends - addresses >= np.uint64(min(size, 1 << 63))))


def _ordered(extents: Iterable[Extent] | Rows, path: Path) -> Rows:
    """Sort the extents, and refuse what cannot be physical memory."""
    rows = in_order(extents if isinstance(extents, np.ndarray) else _rows(extents, path))
    low, size = rows[:, 0], rows[:, 1] - rows[:, 0]
    for start, end, _ in rows[(low < 0) | (size < 0) | (low > ADDRESS_LIMIT - size)][:1].tolist():
        raise _impossible(path, start, end)
    twice = first_overlap(rows)
    if twice is not None:
        raise ImageError(f"{path}: damaged: two ranges both hold the address {twice:#x}")
    return rows


def _rows(extents: Iterable[Extent], path: Path) -> Rows:
    """Make columns of numbers; one of more than 64 bits is refused, since none could hold it."""
    listed = list(extents)
    for start, end, _ in listed:
        if not 0 <= start <= end <= ADDRESS_LIMIT and start != end:
            raise _impossible(path, start, end)
    return np.array([extent for extent in listed if extent[0] != extent[1]], np.int64).reshape(
        -1, 3
    )


def _impossible(path: Path, start: int, end: int) -> ImageError:
    return ImageError(
        f"{path}: a range of memory from {start:#x} to {end:#x} "
        "cannot be: physical addresses have 52 bits"
    )
