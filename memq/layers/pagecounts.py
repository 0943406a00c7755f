"""How many pages of ranges of addresses are present, in many address spaces at once.

Only tables that there are get read, each once for each address space, and only those in which a
range lies: a range of terabytes of which nothing is used costs nothing. What counts are the
processor's own bits: a page that a system would bring in at the next touch is not present.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes, Statuses
    from memq.layers.paging import Level, PagingMode
    from memq.layers.physical import PhysicalMemory

AT_ONCE = 256
"""Tables that are looked at together: as many as a processor's cache holds."""
_WRITE = np.uint64(1 << 1)
_NO_EXECUTE = np.uint64(1 << 63)


@dataclass(frozen=True, slots=True)
class PageCounts:
    """For each range its pages: present, those that may be written and executed, and absent ones.

    `absent` are entries of the last level that are not present, but have the bits asked for.
    """

    present: Indexes
    writable: Indexes
    executable: Indexes
    absent: Indexes
    status: Statuses


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges of pages, by owner and start; those of one owner do not overlap.

    `roots` are the page tables of each owner; `first` and `last` are numbers of pages.
    """

    roots: Addresses
    owner: Indexes
    first: Addresses
    last: Addresses


@dataclass(frozen=True, slots=True)
class _Tables:
    """Tables of one level: where, from which page on they map, whose, and with which rights."""

    places: Addresses
    keys: Addresses
    """The owner in the highest bits, the number of the first page below."""
    writable: NDArray[np.bool_]
    executable: NDArray[np.bool_]

    def take(self, rows: slice | Indexes) -> _Tables:
        return _Tables(
            self.places[rows], self.keys[rows], self.writable[rows], self.executable[rows]
        )


def count_pages(
    physical: PhysicalMemory,
    mode: PagingMode,
    ranges: Ranges,
    absent: tuple[int, int],
    check: Callable[[], None],
) -> PageCounts:
    """Count; `absent` are a mask and a value that entries which are not present are told by.

    Of a range a table of which is not in the dump the counts are unknown (NOT_IN_DUMP), and so
    they are where more tables are met than there are pages in the dump (LIMIT).
    """
    walk = _Count(physical, mode, ranges, absent, check)
    walk.run()
    return walk.result()


@dataclass(slots=True)
class _Count:
    physical: PhysicalMemory
    mode: PagingMode
    ranges: Ranges
    absent: tuple[int, int]
    check: Callable[[], None]
    budget: int = 0
    bits: int = 0
    """Bits of a key that are the number of a page."""
    first: Addresses = field(default_factory=lambda: np.zeros(0, np.uint64))
    last: Addresses = field(default_factory=lambda: np.zeros(0, np.uint64))
    ends: Addresses = field(default_factory=lambda: np.zeros(0, np.uint64))
    """The last page of all ranges up to each: `last`, where none overlap."""
    counts: Indexes = field(default_factory=lambda: np.zeros((4, 0), np.int64))
    edges: dict[Reason, Indexes] = field(default_factory=dict)
    """Where ranges of which something is missing begin (1) and end (-1)."""

    def __post_init__(self) -> None:
        self.budget = self.physical.present // 4096 + len(self.ranges.roots)
        self.bits = 64 - len(self.ranges.roots).bit_length()
        high = self.ranges.owner.astype(np.uint64) << np.uint64(self.bits)
        most = np.uint64((1 << self.bits) - 1)
        self.first = high | np.minimum(self.ranges.first, most)
        self.last = high | np.minimum(self.ranges.last, most)
        self.ends = np.maximum.accumulate(self.last)
        self.counts = np.zeros((4, len(self.first)), np.int64)

    def run(self) -> None:
        """Go down from the roots, level by level."""
        owners = np.arange(len(self.ranges.roots), dtype=np.uint64)
        rights = np.ones(len(owners), bool)
        roots = self.ranges.roots & np.uint64(self.mode.root_mask)
        tables = _Tables(roots, owners << np.uint64(self.bits), rights, rights)
        for number, level in enumerate(self.mode.levels):
            tables = self._within(tables, level)
            below = [
                self._level(tables.take(slice(at, at + AT_ONCE)), level, is_top=not number)
                for at in range(0, len(tables.places), AT_ONCE)
            ]
            if not below:
                break
            tables = _joined(below)

    def result(self) -> PageCounts:
        """Return the counts; what something is missing of is unknown."""
        status = np.zeros(len(self.first), np.uint8)
        for reason, edges in self.edges.items():
            status[np.cumsum(edges[:-1]) > 0] = reason
        status[self._overlap()] = Reason.MALFORMED
        present, writable, executable, absent = self.counts
        return PageCounts(present, writable, executable, absent, status)

    def _overlap(self) -> NDArray[np.bool_]:
        """Which ranges end before they begin, or lie over another, as none should."""
        odd = self.last < self.first
        odd[1:] |= self.ends[:-1] >= self.first[1:]
        odd[:-1] |= self.last[:-1] >= self.first[1:]
        return odd

    def _within(self, tables: _Tables, level: Level) -> _Tables:
        """Return as many tables as may be read."""
        left, self.budget = self.budget, self.budget - len(tables.places)
        if self.budget >= 0:
            return tables
        self._miss(tables.keys[max(left, 0) :], level, Reason.LIMIT)
        self.budget = 0
        return tables.take(slice(0, max(left, 0)))

    def _level(self, tables: _Tables, level: Level, *, is_top: bool) -> _Tables:
        """Count what tables map themselves, and return the tables below them."""
        self.check()
        entries, there = self._entries(tables.places, level)
        self._miss(tables.keys[~there], level, Reason.NOT_IN_DUMP)
        span = level.shift - self.mode.page_shift
        table, slot = self._wanted(entries, level, is_last=not span)
        entries = entries[table, slot]
        keys = tables.keys[table] + (slot.astype(np.uint64) << np.uint64(span))
        at = np.searchsorted(self.first, keys + np.uint64((1 << span) - 1), "right") - 1
        rows = np.flatnonzero((at >= 0) & (self.last[np.maximum(at, 0)] >= keys))
        found = self._found(tables.take(table[rows]), entries[rows], keys[rows], is_top=is_top)
        entries, at = entries[rows], at[rows]
        is_leaf = entries & np.uint64(level.leaf_mask) == level.leaf_value
        present = entries & np.uint64(level.present) == level.present
        if not span:
            self._add(at, present, found)
        elif is_leaf.any():
            self._add_large(found.take(np.flatnonzero(is_leaf)), span)
        return found.take(np.flatnonzero(~is_leaf))

    def _entries(self, places: Addresses, level: Level) -> tuple[Addresses, NDArray[np.bool_]]:
        """Return the entries of tables, a row for each, and whether each table is there."""
        size = self.mode.entry_size
        data, there = self.physical.gather(places, size << level.bits)
        table = np.ascontiguousarray(data).view(f"<u{size}").reshape(len(places), 1 << level.bits)
        return table.astype(np.uint64, copy=False), there

    def _wanted(
        self, entries: Addresses, level: Level, *, is_last: bool
    ) -> tuple[Indexes, Indexes]:
        """Return the places of the entries that count."""
        wanted = entries & np.uint64(level.present) == level.present
        if is_last:
            mask, value = self.absent
            wanted |= entries & np.uint64(mask | level.present) == value
        table, slot = np.nonzero(wanted)
        return table, slot

    def _found(
        self, tables: _Tables, entries: Addresses, keys: Addresses, *, is_top: bool
    ) -> _Tables:
        """Return what entries lead to, with the rights that they leave."""
        writable, executable = tables.writable, tables.executable
        # The four entries of a PAE root have no rights; entries of four bytes have all 32 bits.
        if not is_top or self.mode.levels[0].bits > 2:
            writable = writable & (entries & _WRITE != 0)
            executable = executable & (entries & _NO_EXECUTE == 0)
        return _Tables(entries & np.uint64(self.mode.address_mask), keys, writable, executable)

    def _add(self, at: Indexes, present: NDArray[np.bool_], pages: _Tables) -> None:
        """Add pages to the ranges at the index, which is sorted."""
        if not len(at):
            return
        low, length = int(at[0]), int(at[-1] - at[0]) + 1
        sorts = (present, present & pages.writable, present & pages.executable, ~present)
        for row, which in enumerate(sorts):
            self.counts[row, low : low + length] += np.bincount(at[which] - low, minlength=length)

    def _add_large(self, pages: _Tables, span: int) -> None:
        """Add large pages, each of which may lie in several ranges."""
        last = pages.keys + np.uint64((1 << span) - 1)
        start = np.searchsorted(self.ends, pages.keys, "left")
        counts = np.maximum(np.searchsorted(self.first, last, "right") - start, 0)
        page = np.repeat(np.arange(len(last)), counts)
        at = np.arange(len(page)) + np.repeat(start - np.cumsum(counts) + counts, counts)
        low = np.maximum(self.first[at], pages.keys[page])
        size = (np.minimum(self.last[at], last[page]) - low).astype(np.int64) + 1
        np.add.at(self.counts[0], at, size)
        np.add.at(self.counts[1], at, size * pages.writable[page])
        np.add.at(self.counts[2], at, size * pages.executable[page])

    def _miss(self, keys: Addresses, level: Level, reason: Reason) -> None:
        """Say of the ranges that lie in tables of a level why they are not counted."""
        if not len(keys):
            return
        pages = (1 << level.shift + level.bits - self.mode.page_shift) - 1
        edges = self.edges.setdefault(reason, np.zeros(len(self.first) + 1, np.int64))
        np.add.at(edges, np.searchsorted(self.ends, keys, "left"), 1)
        np.add.at(edges, np.searchsorted(self.first, keys + np.uint64(pages), "right"), -1)


def _joined(parts: list[_Tables]) -> _Tables:
    return _Tables(
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.writable for part in parts]),
        np.concatenate([part.executable for part in parts]),
    )
