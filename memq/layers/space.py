"""Virtual memory: addresses of one address space, or of many at once, read through page tables.

What cannot be read is no error: each address has a Reason. NOT_IN_DUMP: a table, or the memory
itself, is not in the dump; PAGED_OUT: a page-table entry is not present; MALFORMED: the address is
not canonical. An error (ValueError) is a size that no caller can mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from memq.column import Addresses, Indexes, Statuses, Text, distinct_rows, text_column
from memq.errors import Reason
from memq.layers.paging import PagingMode, Resolver, walk_many, walk_one
from memq.layers.strings import read_strings
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memq.layers.physical import PhysicalMemory

Bytes: TypeAlias = NDArray[np.uint8]

MAX_ROW = 1 << 20
"""Bytes of one row that is gathered, and of one string."""
MAX_READ = 1 << 28
"""Bytes of one read, or of one range."""
MAX_BYTES = 1 << 31
"""Bytes that one call returns."""

_PAGE = 4096
_FEW = 64
"""Below so many addresses a scalar walk each costs less than numpy's calls."""
_CHUNK = 1 << 24
"""Bytes that are held at once on the way to ranges."""
_BLOCK = 512
"""Aligned unit in which ranges are read."""


@dataclass(frozen=True, slots=True)
class DirectWindow:
    """Virtual addresses [start, end) that lie at `physical` and up, known without a walk.

    Memory is mapped by pages: a window is taken to reach to the edges of its first and last page.
    """

    start: int
    end: int
    physical: int


class AddressSpace:
    """Memory as one page-table root shows it; with `roots`, as each address's own root does.

    With a `kernel_root` (arm64: TTBR1), all of these are roots of the lower half alone, and
    addresses of the kernel's half go through that one.
    """

    def __init__(
        self,
        physical: PhysicalMemory,
        mode: PagingMode,
        root: int,
        windows: Sequence[DirectWindow] = (),
        resolver: Resolver | None = None,
        kernel_root: int | None = None,
    ) -> None:
        """Roots as the processor has them (CR3); `windows` hold only for addresses of `root`."""
        self.physical = physical
        self.mode = mode
        self.root = root
        self.kernel_root = kernel_root
        self.windows = tuple(windows)
        self.resolver = resolver
        self._windows = [_whole_pages(window) for window in windows]
        edges = np.concatenate((physical.starts, physical.ends))
        self._is_ragged = bool((edges & np.uint64(_PAGE - 1)).any())
        """Whether memory begins or ends inside a page, so that a block may be half there."""

    # Few

    def translate(self, va: int) -> int | Reason:
        """Return the physical address, which may be outside the dump, or why there is none."""
        for start, end, shift in self._windows:
            if start <= va < end:
                return va + shift
        return self._walk(va, self.root)

    def read(self, va: int, size: int) -> bytes | None:
        """Return `size` bytes, or None where any of them cannot be read."""
        for start, end, shift in self._windows:
            if start <= va and va + size <= end and 0 < size <= MAX_READ:
                return self.physical.read(va + shift, size)
        data = self._read_by_pages(va, size, None)
        return None if isinstance(data, Reason) else data

    def u64(self, va: int) -> int | None:
        """Return 8 bytes as a number."""
        data = self.read(va, 8)
        return None if data is None else int.from_bytes(data, "little")

    @property
    def word_size(self) -> int:
        """Bytes of a pointer."""
        return self.mode.word_size

    @property
    def kernel_start(self) -> int:
        """The lowest address of the kernel's half."""
        return self.mode.kernel_start

    def word(self, va: int) -> int | None:
        """Return a pointer, as wide as this address space has them."""
        data = self.read(va, self.mode.word_size)
        return None if data is None else int.from_bytes(data, "little")

    def words(self, vas: Addresses, roots: Addresses | None = None) -> tuple[Addresses, Statuses]:
        """Return a pointer at each address (0 where there is none) and Reasons."""
        data, status = self.gather(vas, self.mode.word_size, roots)
        kind = f"<u{self.mode.word_size}"
        return np.ascontiguousarray(data).view(kind)[:, 0].astype(np.uint64), status

    def u32(self, va: int) -> int | None:
        """Return 4 bytes as a number."""
        data = self.read(va, 4)
        return None if data is None else int.from_bytes(data, "little")

    # Many

    def translate_many(
        self, vas: Addresses, roots: Addresses | None = None
    ) -> tuple[Addresses, Statuses]:
        """Return physical addresses (0 where there is none) and Reasons, as `translate` would.

        With `roots`, each address belongs to the page tables of its own root, and no window holds.
        """
        vas = np.asarray(vas, np.uint64)
        if len(vas) < _FEW:
            places = [self._place(va, root) for va, root in _pairs(vas, roots)]
            found = [0 if isinstance(p, Reason) else p for p in places]
            return np.array(found, np.uint64), _reasons(places)
        if roots is not None:
            return self._walk_many(vas, roots)
        pas, direct = self._direct(vas, 1)
        status = np.zeros(len(vas), np.uint8)
        rows = np.flatnonzero(~direct)
        if len(rows):
            pas[rows], status[rows] = self._walk_many(vas[rows], self.root)
        return pas, status

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[Bytes, Statuses]:
        """Return `size` bytes at each address (uint8[n, size], zero where unreadable) and Reasons.

        ValueError for rows of more than MAX_ROW bytes, and for more than MAX_BYTES in all.
        """
        vas = np.asarray(vas, np.uint64)
        if not 0 <= size <= MAX_ROW or size * len(vas) > MAX_BYTES:
            raise ValueError(f"{len(vas):,} rows of {size:,} bytes are more than can be read")
        if len(vas) < _FEW:
            rows = [self._read(va, size, root) for va, root in _pairs(vas, roots)]
            return _stacked(rows, size)
        if roots is None:
            pas, direct = self._direct(vas, size)
            if direct.all():
                return self._fetch(pas, size)
        else:
            pas, direct = np.zeros(len(vas), np.uint64), np.zeros(len(vas), bool)
        return self._gather_by_pages(vas, size, roots, pas, direct)

    def gather_ranges(
        self, vas: Addresses, sizes: Indexes, limit: int, roots: Addresses | None = None
    ) -> tuple[list[bytes], Statuses]:
        """Return ranges of different sizes, each cut to `limit` bytes; unreadable ones are empty.

        ValueError for a limit above MAX_READ, and for more than MAX_BYTES in all.
        """
        vas = np.asarray(vas, np.uint64)
        sizes = np.minimum(np.maximum(sizes, 0), max(limit, 0)).astype(np.int64)
        total = int(sizes.sum())
        if limit > MAX_READ or total > MAX_BYTES:
            raise ValueError(f"{len(vas):,} ranges of {total:,} bytes are more than can be read")
        data: list[bytes] = []
        status = np.zeros(len(vas), np.uint8)
        for part in _parts(sizes + 2 * _BLOCK):
            own = None if roots is None else roots[part]
            found, status[part] = self._ranges(vas[part], sizes[part], own)
            data += found
        return data, status

    def text(self, vas: Addresses, limit: int, roots: Addresses | None = None) -> Text:
        r"""Return strings that end with NUL, cut to `limit` bytes; UTF-8, what is not as `\xNN`.

        Address 0 is null. Each address is read once, however often it is there. ValueError for a
        limit above MAX_ROW.
        """
        if not 0 <= limit <= MAX_ROW:
            raise ValueError(f"strings of {limit:,} bytes are more than can be read")
        vas = np.asarray(vas, np.uint64)
        first, inverse = _distinct(vas, roots)
        raw, status = read_strings(self, vas[first], limit, _at(roots, first))
        words = [string.decode("utf-8", "backslashreplace") for string in raw]
        return text_column(words, status).take(inverse)

    # Pieces that do not cross pages

    def read_to_hole(self, va: int, end: int, root: int | None = None) -> bytes:
        """Return what there is of [va, end), which lie on one page, up to where memory ends."""
        place = self._place(va, root)
        if isinstance(place, Reason) or not self._is_ragged:
            return b""
        address, data = next(self.physical.pieces(place, place + end - va), (-1, b""))
        return data if address == place else b""

    def _entry(self, address: int) -> int | None:
        data = self.physical.read(address, self.mode.entry_size)
        return None if data is None else int.from_bytes(data, "little")

    def _place(self, va: int, root: int | None) -> int | Reason:
        if root is None:
            return self.translate(va)
        return self._walk(va, root)

    def _walk(self, va: int, root: int) -> int | Reason:
        if self.kernel_root is not None and va >= self.mode.kernel_start:
            root = self.kernel_root
        return walk_one(self._entry, self.mode, root, va, self.resolver)

    def _walk_many(self, vas: Addresses, roots: Addresses | int) -> tuple[Addresses, Statuses]:
        if self.kernel_root is not None:
            is_kernel = vas >= np.uint64(self.mode.kernel_start)
            roots = np.where(is_kernel, np.uint64(self.kernel_root), np.asarray(roots, np.uint64))
        return walk_many(self.physical, self.mode, roots, vas, self.resolver)

    def _read(self, va: int, size: int, root: int | None) -> bytes | Reason:
        if root is None:
            for start, end, shift in self._windows:
                if start <= va and va + size <= end and size > 0:
                    return self.physical.read(va + shift, size) or Reason.NOT_IN_DUMP
        return self._read_by_pages(va, size, root)

    def _read_by_pages(self, va: int, size: int, root: int | None) -> bytes | Reason:
        """Read page by page; the Reason is that of the first page which cannot be read."""
        if not 0 <= size <= MAX_READ:
            raise ValueError(f"{size:,} bytes are not to be read at once")
        parts = []
        end = va + size
        while va < end:
            until = min(end, (va | _PAGE - 1) + 1)
            place = self._place(va, root)
            if isinstance(place, Reason):
                return place
            data = self.physical.read(place, until - va)
            if data is None:
                return Reason.NOT_IN_DUMP
            parts.append(data)
            va = until
        return b"".join(parts)

    def _direct(self, vas: Addresses, size: int) -> tuple[Addresses, NDArray[np.bool_]]:
        """Return physical addresses of the rows that lie whole in a window, and which those are."""
        pas, direct = np.zeros(len(vas), np.uint64), np.zeros(len(vas), bool)
        for start, end, shift in self._windows:
            offset = vas - np.uint64(start)  # of addresses below the window it wraps: very large
            inside = (offset <= max(end - start - size, 0)) & ~direct
            if end - start >= size:
                if inside.all():  # as nearly all reads are, and masks take long
                    return offset + np.uint64(start + shift), inside
                pas[inside] = offset[inside] + np.uint64(start + shift)
                direct |= inside
        return pas, direct

    def _fetch(self, pas: Addresses, size: int) -> tuple[Bytes, Statuses]:
        data, there = self.physical.gather(pas, size)
        return data, np.logical_not(there).view(np.uint8) * np.uint8(Reason.NOT_IN_DUMP)

    def _gather_by_pages(
        self,
        vas: Addresses,
        size: int,
        roots: Addresses | None,
        pas: Addresses,
        direct: NDArray[np.bool_],
    ) -> tuple[Bytes, Statuses]:
        """Gather rows of which some are placed already (`direct`), and some may cross pages."""
        status = np.zeros(len(vas), np.uint8)
        crossing = ~direct & ((vas & np.uint64(_PAGE - 1)) + np.uint64(size) > _PAGE)
        rows = np.flatnonzero(~direct & ~crossing)
        pas[rows], status[rows] = self.translate_many(vas[rows], _at(roots, rows))
        rows = np.flatnonzero((status == 0) & ~crossing)
        if len(rows) == len(vas):
            return self._fetch(pas, size)
        data = np.zeros((len(vas), size), np.uint8)
        data[rows], status[rows] = self._fetch(pas[rows], size)
        rows = np.flatnonzero(crossing)
        for part in _parts(np.full(len(rows), size + 2 * _BLOCK, np.int64)):
            own = rows[part]
            sizes = np.full(len(own), size, np.int64)
            found, status[own] = self._ranges(vas[own], sizes, _at(roots, own))
            data[own] = np.frombuffer(b"".join(f or bytes(size) for f in found), np.uint8).reshape(
                len(own), size
            )
        return data, status

    def _ranges(
        self, vas: Addresses, sizes: Indexes, roots: Addresses | None
    ) -> tuple[list[bytes], Statuses]:
        """Read ranges by aligned blocks, all blocks of all ranges in one gather."""
        last = vas + (sizes.astype(np.uint64) - np.uint64(1))
        wraps = (sizes > 0) & (last < vas)
        last[wraps] = np.uint64((1 << 64) - 1)
        counts = (last // _BLOCK - vas // _BLOCK).astype(np.int64) + 1
        counts[sizes == 0] = 0
        owner = np.repeat(np.arange(len(vas)), counts)
        before = np.cumsum(counts) - counts
        position = np.arange(len(owner)) - before[owner]
        blocks = (vas[owner] // _BLOCK + position.astype(np.uint64)) * np.uint64(_BLOCK)
        data, reasons = self.gather(blocks, _BLOCK, _at(roots, owner))
        status = np.zeros(len(vas), np.uint8)
        status[wraps] = Reason.MALFORMED
        bad = np.flatnonzero(reasons)[::-1]
        status[owner[bad]] = reasons[bad]  # the first one of each range is stored last, and stays
        whole = data.reshape(-1).data
        begins = (before * _BLOCK + (vas % _BLOCK).astype(np.int64)).tolist()
        found = [
            b"" if reason else whole[begin : begin + size].tobytes()
            for begin, size, reason in zip(begins, sizes.tolist(), status.tolist(), strict=True)
        ]
        if self._is_ragged:
            for row in np.flatnonzero(status == Reason.NOT_IN_DUMP).tolist():
                root = None if roots is None else int(roots[row])
                exact = self._read(int(vas[row]), int(sizes[row]), root)
                if isinstance(exact, Reason):
                    status[row] = exact
                else:
                    found[row], status[row] = exact, Reason.KNOWN
        return found, status


def _whole_pages(window: DirectWindow) -> tuple[int, int, int]:
    """Return (start, end, what to add to an address), on page boundaries."""
    start, end = window.start & -_PAGE, (window.end + _PAGE - 1) & -_PAGE
    shift = window.physical - window.start
    if shift % _PAGE or start < 0 or end > 1 << 64 or start + shift < 0:
        raise ValueError(f"no window can be from {window.start:#x} to {window.physical:#x}")
    return start, end, shift


def _at(roots: Addresses | None, rows: Indexes) -> Addresses | None:
    return None if roots is None else roots[rows]


def _pairs(vas: Addresses, roots: Addresses | None) -> Iterator[tuple[int, int | None]]:
    """Yield each address with its root."""
    own: list[int] | list[None] = [None] * len(vas) if roots is None else roots.tolist()
    return zip(vas.tolist(), own, strict=True)


def _stacked(rows: Sequence[bytes | Reason], size: int) -> tuple[Bytes, Statuses]:
    """Make one array of rows that were read one by one."""
    data = bytearray().join([bytes(size) if isinstance(r, Reason) else r for r in rows])
    return np.frombuffer(data, np.uint8).reshape(len(rows), size), _reasons(rows)


def _reasons(results: Sequence[object]) -> Statuses:
    return np.array([r if isinstance(r, Reason) else Reason.KNOWN for r in results], np.uint8)


def _parts(sizes: Indexes) -> Iterator[slice]:
    """Cut rows of these sizes into parts of at most _CHUNK bytes, or of one row."""
    ends = np.cumsum(sizes)
    at = done = 0
    while at < len(sizes):
        until = max(at + 1, int(np.searchsorted(ends, done + _CHUNK, "right")))
        yield slice(at, until)
        at, done = until, int(ends[until - 1])


def _distinct(vas: Addresses, roots: Addresses | None) -> tuple[Indexes, Indexes]:
    """Return where each distinct address (of each root) is first, and for each row which it is."""
    if roots is None:
        return distinct_rows(vas)
    order = np.lexsort((vas, roots))
    starts = np.ones(len(vas), bool)
    starts[1:] = (np.diff(vas[order]) != 0) | (np.diff(roots[order]) != 0)
    inverse = np.empty(len(vas), np.int64)
    inverse[order] = np.cumsum(starts) - 1
    return order[starts], inverse
