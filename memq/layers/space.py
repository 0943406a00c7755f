"""Address spaces: virtual memory as columns of bytes, numbers and texts, with reasons.

The kernel's direct map and its image are windows: linear ranges that need no walk. Everything else
goes through page tables, one address at a time or all together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text, distinct
from memq.errors import Reason
from memq.layers.paging import walk_many, walk_one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from memq.layers.paging import PagingMode, Resolver
    from memq.layers.physical import PhysicalMemory

PAGE = 4096
_FEW = 64
"""Below so many addresses scalar walks cost less than numpy's."""
_LARGEST = 1 << 20
_FIRST_BLOCK = 64


@dataclass(frozen=True, slots=True)
class DirectWindow:
    """Virtual addresses [start, end) lie at `physical` and on, without a walk."""

    start: int
    end: int
    physical: int


class AddressSpace:
    """Virtual memory under one root; `roots` in a call name other ones, one for each address.

    Windows hold for the space's own root only. Statuses are Reasons: NOT_IN_DUMP, PAGED_OUT (an
    entry is not present), MALFORMED (no address at all).
    """

    def __init__(
        self,
        physical: PhysicalMemory,
        mode: PagingMode,
        root: int,
        windows: Sequence[DirectWindow] = (),
        resolver: Resolver | None = None,
    ) -> None:
        self.physical = physical
        self.mode = mode
        self.root = root
        self.windows = tuple(windows)
        self.resolver = resolver

    # One address

    def translate(self, address: int) -> int | Reason:
        """Return the physical address of a virtual one, or why there is none."""
        for window in self.windows:
            if window.start <= address < window.end:
                return address - window.start + window.physical
        return self._walk(self.root, address)

    def _walk(self, root: int, address: int) -> int | Reason:
        physical, reason, entry = walk_one(self._entry, self.mode, root, address)
        if reason is Reason.PAGED_OUT and self.resolver is not None:
            found, status = self.resolver(_one(entry), _one(address))
            physical, reason = int(found[0]), Reason(int(status[0]))
        return physical if reason is Reason.KNOWN else reason

    def _entry(self, place: int) -> int | None:
        data = self.physical.read(place, self.mode.entry_size)
        return None if data is None else int.from_bytes(data, "little")

    def read(self, address: int, size: int) -> bytes | None:
        """Return the bytes at a virtual address, over as many pages as they take; None if any lacks.

        At most 16 MB.
        """
        if not 0 <= size <= 16 * _LARGEST:
            raise ValueError(f"{size} bytes are too many for one read")
        for window in self.windows:
            if window.start <= address and address + size <= window.end:
                return self.physical.read(address - window.start + window.physical, size)
        parts = []
        while size:
            place = self.translate(address)
            if isinstance(place, Reason):
                return None
            length = min(size, PAGE - address % PAGE)
            part = self.physical.read(place, length)
            if part is None:
                return None
            parts.append(part)
            address, size = address + length, size - length
        return b"".join(parts)

    def u64(self, address: int) -> int | None:
        """Return the 8-byte number at a virtual address."""
        data = self.read(address, 8)
        return None if data is None else int.from_bytes(data, "little")

    def u32(self, address: int) -> int | None:
        """Return the 4-byte number at a virtual address."""
        data = self.read(address, 4)
        return None if data is None else int.from_bytes(data, "little")

    # Many addresses

    def translate_many(
        self, addresses: NDArray[np.uint64], roots: NDArray[np.uint64] | None = None
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Return physical addresses, and statuses, of virtual ones."""
        addresses = np.asarray(addresses, np.uint64)
        result = np.zeros(len(addresses), np.uint64)
        status = np.zeros(len(addresses), np.uint8)
        left = np.ones(len(addresses), bool)
        for window in self.windows if roots is None else ():
            inside = left & (addresses >= window.start) & (addresses < window.end)
            shift = np.uint64((window.physical - window.start) % (1 << 64))
            result[inside] = addresses[inside] + shift
            left &= ~inside
        rows = np.flatnonzero(left)
        if len(rows) < _FEW:
            self._translate_few(addresses, roots, rows, result, status)
        else:
            chosen: NDArray[np.uint64] | int = self.root if roots is None else roots[rows]
            result[rows], status[rows] = walk_many(
                self.physical, self.mode, chosen, addresses[rows], self.resolver
            )
        return result, status

    def _translate_few(
        self,
        addresses: NDArray[np.uint64],
        roots: NDArray[np.uint64] | None,
        rows: NDArray[np.int64],
        result: NDArray[np.uint64],
        status: NDArray[np.uint8],
    ) -> None:
        for row in rows.tolist():
            root = self.root if roots is None else int(roots[row])
            place = self._walk(root, int(addresses[row]))
            if isinstance(place, Reason):
                status[row] = place
            else:
                result[row] = place

    def gather(
        self, addresses: NDArray[np.uint64], size: int, roots: NDArray[np.uint64] | None = None
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return `size` bytes at each address (uint8[n, size]) and statuses; unread rows are zero."""
        if not 0 <= size <= _LARGEST:
            raise ValueError(f"{size} bytes are too many for one row")
        addresses = np.asarray(addresses, np.uint64)
        crossing = (addresses % np.uint64(PAGE)) + np.uint64(size) > PAGE
        for window in self.windows if roots is None else ():
            # What begins in a window and ends in it is one piece of physical memory.
            inside = (addresses >= window.start) & (addresses < window.end)
            crossing &= ~(inside & (np.uint64(window.end) - addresses >= size))
        if crossing.any():
            return self._gather_across(addresses, size, roots, crossing)
        places, status = self.translate_many(addresses, roots)
        if status.any():
            good = np.flatnonzero(status == 0)
            data = np.zeros((len(addresses), size), np.uint8)
            data[good], there = self.physical.gather(places[good], size)
            status[good[~there]] = Reason.NOT_IN_DUMP
            return data, status
        data, there = self.physical.gather(places, size)
        return data, np.where(there, status, np.uint8(Reason.NOT_IN_DUMP))

    def _gather_across(
        self,
        addresses: NDArray[np.uint64],
        size: int,
        roots: NDArray[np.uint64] | None,
        crossing: NDArray[np.bool_],
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Gather rows of which some lie on several pages: those are read page by page."""
        data = np.zeros((len(addresses), size), np.uint8)
        status = np.zeros(len(addresses), np.uint8)
        plain = np.flatnonzero(~crossing)
        some = None if roots is None else roots[plain]
        data[plain], status[plain] = self.gather(addresses[plain], size, some)
        rows = np.flatnonzero(crossing)
        sizes = np.full(len(rows), size, np.int64)
        some = None if roots is None else roots[rows]
        parts, status[rows] = self.gather_ranges(addresses[rows], sizes, size, some)
        for row, part in zip(rows.tolist(), parts, strict=True):
            if not status[row]:
                data[row] = np.frombuffer(part, np.uint8)
        return data, status

    def gather_ranges(
        self,
        addresses: NDArray[np.uint64],
        sizes: NDArray[np.int64],
        limit: int,
        roots: NDArray[np.uint64] | None = None,
    ) -> tuple[list[bytes], NDArray[np.uint8]]:
        """Return ranges of memory of different sizes, each cut to `limit`, and statuses.

        The pages of all ranges are translated and read together. A range of which a page lacks has
        that reason, and holds zeros there.
        """
        addresses = np.asarray(addresses, np.uint64)
        sizes = np.clip(sizes, 0, min(limit, _LARGEST * 16)).astype(np.int64)
        inside = (addresses % np.uint64(PAGE)).astype(np.int64)
        counts = np.where(sizes > 0, (inside + sizes + PAGE - 1) // PAGE, 0)
        owner = np.repeat(np.arange(len(addresses)), counts)
        ends = np.cumsum(counts)
        number = np.arange(len(owner)) - np.repeat(ends - counts, counts)
        pages = (addresses - inside.astype(np.uint64))[owner] + (number * PAGE).astype(np.uint64)
        places, reasons = self.translate_many(pages, None if roots is None else roots[owner])
        status = np.zeros(len(addresses), np.uint8)
        result: list[bytes] = []
        first, batch = 0, max(1, _LARGEST * 8 // PAGE)
        while first < len(addresses):
            # So many ranges at once that their pages take some 8 MB.
            base = int(ends[first] - counts[first])
            last = max(first + 1, int(np.searchsorted(ends, base + batch, "right")))
            data = self._pages(places[base : ends[last - 1]], reasons[base : ends[last - 1]])
            for row in range(first, last):
                start = int(ends[row] - counts[row] - base) * PAGE + int(inside[row])
                result.append(data[start : start + int(sizes[row])].tobytes())
            first = last
        np.maximum.at(status, owner, reasons)
        return result, status

    def _pages(
        self, places: NDArray[np.uint64], reasons: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return whole pages one after the other; writes what was not read into `reasons`."""
        data = np.zeros((len(places), PAGE), np.uint8)
        good = np.flatnonzero(reasons == 0)
        data[good], there = self.physical.gather(places[good], PAGE)
        reasons[good[~there]] = Reason.NOT_IN_DUMP
        return data.ravel()

    # Texts

    def text(
        self, addresses: NDArray[np.uint64], limit: int, roots: NDArray[np.uint64] | None = None
    ) -> Text:
        r"""Return the NUL-terminated texts at the addresses, each cut to `limit` bytes.

        Address 0 is null. UTF-8; what is not is written `\xNN`. Equal addresses are read once.
        """
        addresses = np.asarray(addresses, np.uint64)
        if roots is None:
            some, inverse = np.unique(addresses, return_inverse=True)
            others = None
        else:
            pairs, inverse = np.unique(np.stack([addresses, roots]), axis=1, return_inverse=True)
            some, others = pairs[0], pairs[1]
        strings, status = self._strings(some, limit, others)
        codes, words = distinct(string.decode("utf-8", "backslashreplace") for string in strings)
        status = np.where(some == 0, np.uint8(Reason.NULL), status)
        return Text(codes, status if status.any() else None, words).take(inverse.ravel())

    def _strings(
        self, addresses: NDArray[np.uint64], limit: int, roots: NDArray[np.uint64] | None
    ) -> tuple[list[bytes], NDArray[np.uint8]]:
        """Read short blocks first, and more of those only in which no end was found.

        A block never leaves its page, so that what follows a text need not be there.
        """
        parts = [b""] * len(addresses)
        status = np.zeros(len(addresses), np.uint8)
        rows, done, size = np.flatnonzero(addresses), 0, min(_FIRST_BLOCK, limit)
        while len(rows) and done < limit:
            at = addresses[rows] + np.uint64(done)
            room = PAGE - (at % np.uint64(PAGE)).astype(np.int64)
            some = None if roots is None else roots[rows]
            short = np.minimum(room, size)
            blocks, reasons = self._blocks(at, size, short, some)
            status[rows] = reasons
            onward = []
            for row, block, bad in zip(rows.tolist(), blocks, reasons.tolist(), strict=True):
                head, end, _ = block.partition(b"\0")
                parts[row] += head
                if not end and not bad:
                    onward.append(row)
            rows, done = np.array(onward, np.int64), done + size
            size = min(max(size * 4, 256), limit - done) if done < limit else 0
        return parts, status

    def _blocks(
        self,
        addresses: NDArray[np.uint64],
        size: int,
        short: NDArray[np.int64],
        roots: NDArray[np.uint64] | None,
    ) -> tuple[list[bytes], NDArray[np.uint8]]:
        """Read a block at each address; if the text ends before its page does, no more than that."""
        data = np.zeros((len(addresses), size), np.uint8)
        status = np.zeros(len(addresses), np.uint8)
        inside = np.flatnonzero(short == size)
        some = None if roots is None else roots[inside]
        data[inside], status[inside] = self.gather(addresses[inside], size, some)
        blocks = [row.tobytes() for row in data]
        for row in np.flatnonzero(short < size).tolist():
            root = None if roots is None else roots[row : row + 1]
            one = addresses[row : row + 1]
            part, reason = self.gather(one, int(short[row]), root)
            blocks[row], status[row] = part[0].tobytes(), reason[0]
            if not reason[0] and b"\0" not in blocks[row]:
                rest, reason = self.gather(one + np.uint64(short[row]), size - int(short[row]), root)
                blocks[row] += rest[0].tobytes()
                status[row] = reason[0]
        return blocks, status


def _one(number: int) -> NDArray[np.uint64]:
    return np.array([number], np.uint64)
