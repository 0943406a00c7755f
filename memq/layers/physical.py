"""The physical memory that a dump holds: which addresses are there, and where they lie in the file.

Every format comes down to extents: physical addresses [start, end) at a file offset. What lies
between them is absent, which is not the same as zero.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from memq.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from memq.layers.file import DumpFile

ADDRESS_LIMIT = 1 << 52
"""x86-64 has at most 52 bits of physical address (Intel SDM volume 3, 4.1.4)."""

_NEVER = -1 << 99
"""End of "the extent below all": no address, not even a negative one, lies before it."""

_FEW = 24
"""Below so many addresses one scalar read each costs less than numpy's calls."""


class Extent(NamedTuple):
    """Physical addresses [start, end) that lie at `offset` of the file."""

    start: int
    end: int
    offset: int


class PhysicalMemory:
    """Physical memory in a file.

    `format` is "raw", "LiME" or "ELF core"; `starts`, `ends` and `offsets` are the extents, sorted
    and disjoint; `limit` is the highest address + 1, `present` the bytes that are there; `warnings`
    say what is wrong with the file, `notes` hold what it says besides ("VMCOREINFO").
    """

    def __init__(
        self,
        file: DumpFile,
        format: str,
        extents: Iterable[Extent],
        warnings: Sequence[str] = (),
        notes: Mapping[str, bytes] | None = None,
    ) -> None:
        """Raise ImageError where extents overlap, pass 52 bits, or none of them is in the file."""
        self.file = file
        self.format = format
        self.path = file.path
        self.warnings = list(warnings)
        self.notes = dict(notes or {})
        kept = _joined(self._inside(_ordered(extents, file)))
        if not kept:
            why = ": it is cut short" if self.warnings else ""
            raise ImageError(f"{file.path}: {format} file without any memory in it{why}")
        self.starts = np.array([extent.start for extent in kept], np.uint64)
        self.ends = np.array([extent.end for extent in kept], np.uint64)
        self.offsets = np.array([extent.offset for extent in kept], np.uint64)
        self.limit = kept[-1].end
        self.present = sum(extent.end - extent.start for extent in kept)
        # For one address: bisect_right on starts gives 1 + the extent, so that 0 is "below all",
        # an extent that ends before it begins.
        self._starts = [extent.start for extent in kept]
        self._ends = [_NEVER, *(extent.end for extent in kept)]
        self._shifts = [0, *(extent.offset - extent.start for extent in kept)]
        self._scalar_reaches = [_NEVER, *_reaches(kept)]
        self._reaches = np.array(self._scalar_reaches[1:], np.uint64)
        self._touching = bool((self._reaches != self.ends).any())

    @property
    def reads(self) -> int:
        """Positioned reads done so far."""
        return self.file.reads

    @property
    def bytes_read(self) -> int:
        """Bytes read from the file so far."""
        return self.file.bytes_read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def read(self, address: int, size: int) -> bytes | None:
        """Return the bytes at a physical address; None where any of them is missing."""
        at = bisect_right(self._starts, address)
        if size > 0 and address + size <= self._ends[at]:
            return self.file.read(address + self._shifts[at], size)
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
            return self.file.gather(offsets, size), whole
        data = np.zeros((len(addresses), size), np.uint8)
        data[whole] = self.file.gather(offsets[whole], size)
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
        at = np.maximum(np.searchsorted(self.starts, addresses, "right"), 1) - 1
        return _fits(addresses, self.starts[at], self._reaches[at], size)

    def present_in(self, start: int, end: int) -> int:
        """Return how many bytes of [start, end) are in the dump."""
        return sum(high - low for low, high in self._stretches(max(start, 0), end))

    def pieces(
        self, start: int, end: int, size: int = 1 << 20, overlap: int = 0
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (address, bytes) over the memory that is present in [start, end), for a search.

        A piece ends at the next multiple of `size`, plus `overlap` bytes of what follows if that is
        there: a pattern of at most overlap + 1 bytes is whole in the piece that it begins in.
        Read, not mapped, so that what was searched does not stay resident.
        """
        if size <= 0 or overlap < 0:
            raise ValueError("pieces are at least one byte, and overlap by none or more")
        for low, high in self._stretches(max(start, 0), end):
            at = low
            while at < high:
                following = min(high, (at // size + 1) * size)
                data = self.read(at, min(high, following + overlap) - at)
                if data is not None:
                    yield at, data
                at = following

    def will_need(self, addresses: NDArray[np.uint64], size: int) -> None:
        """Ask the system to fetch `size` bytes at each address; those not present are left out."""
        whole, offsets = self._locate(np.asarray(addresses, np.uint64), max(size, 1))
        self.file.will_need(offsets[whole], size)

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
            parts.append(self.file.read(address + self._shifts[at], until - address))
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
        if len(self.starts) == 1:  # a raw image: no search, and usually no shift
            start, end, offset = self.starts[0], self.ends[0], self.offsets[0]
            within = addresses - start if start else addresses  # below the start: wraps, is huge
            if size > end - start:
                return np.zeros(len(addresses), bool), within
            return within <= end - start - np.uint64(size), within + offset if offset else within
        at = np.maximum(np.searchsorted(self.starts, addresses, "right"), 1) - 1
        starts = self.starts[at]
        whole = _fits(addresses, starts, self.ends[at], size)
        return whole, addresses - starts + self.offsets[at]

    def _stretches(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the present parts of [start, end), extents that touch taken as one."""
        reaches = self._scalar_reaches[1:]
        at = max(bisect_right(self._starts, start) - 1, 0)
        while at < len(reaches) and self._starts[at] < end:
            low, high = max(start, self._starts[at]), min(end, reaches[at])
            if low < high:
                yield low, high
            at = bisect_right(self._starts, reaches[at] - 1)

    def _inside(self, extents: list[Extent]) -> Iterator[Extent]:
        """Cut the extents to the file, and warn of what a file that was cut short lacks."""
        missing = 0
        for extent in extents:
            room = max(0, self.file.size - extent.offset)
            end = min(extent.end, extent.start + room)
            missing += extent.end - end
            if end > extent.start:
                yield Extent(extent.start, end, extent.offset)
        if missing:
            whole = sum(extent.end - extent.start for extent in extents)
            self.warnings.append(
                f"the file is cut short: {missing:,} of {whole:,} bytes of memory are not in it"
            )


def _fits(
    addresses: NDArray[np.uint64],
    starts: NDArray[np.uint64] | np.uint64,
    ends: NDArray[np.uint64] | np.uint64,
    size: int,
) -> NDArray[np.bool_]:
    """Whether [address, address + size) lies in [start, end); without sums, which could wrap."""
    inside = (addresses >= starts) & (addresses < ends)
    return np.asarray(inside & (ends - addresses >= np.uint64(min(size, 1 << 63))))


def _ordered(extents: Iterable[Extent], file: DumpFile) -> list[Extent]:
    """Sort the extents, and refuse what cannot be physical memory."""
    ordered = sorted(extent for extent in extents if extent.end != extent.start)
    for extent in ordered:
        if not 0 <= extent.start < extent.end <= ADDRESS_LIMIT:
            raise ImageError(
                f"{file.path}: a range of memory from {extent.start:#x} to {extent.end:#x} "
                "cannot be: physical addresses have 52 bits"
            )
    for extent, following in itertools.pairwise(ordered):
        if following.start < extent.end:
            raise ImageError(
                f"{file.path}: damaged: two ranges both hold the address {following.start:#x}"
            )
    return ordered


def _joined(extents: Iterable[Extent]) -> list[Extent]:
    """Make one of extents that follow each other both in memory and in the file."""
    joined: list[Extent] = []
    for extent in extents:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.end == extent.start
            and extent.offset - last.offset == extent.start - last.start
        ):
            joined[-1] = Extent(last.start, extent.end, last.offset)
        else:
            joined.append(extent)
    return joined


def _reaches(extents: Sequence[Extent]) -> list[int]:
    """For each extent, where the memory that goes on from it without a hole ends."""
    reaches = [extent.end for extent in extents]
    for at in range(len(extents) - 2, -1, -1):
        if extents[at].end == extents[at + 1].start:
            reaches[at] = reaches[at + 1]
    return reaches
