"""Page tables: from virtual to physical addresses, one at a time or by the hundred thousand.

A mode is data: which bits of an address index each level, how large an entry is, which bit of an
entry says that it is there, that it maps a large page. Intel SDM volume 3, 4.5 (4-level and 5-level
paging). PAE, x86 and arm64 differ in these numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memq.layers.physical import PhysicalMemory

    Resolver = Callable[
        [NDArray[np.uint64], NDArray[np.uint64]], tuple[NDArray[np.uint64], NDArray[np.uint8]]
    ]
    """What an entry that is not present stands for: given entries and virtual addresses, returns
    physical addresses and statuses (the system's business: swap, transition, prototype pages)."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of tables: address bits [shift, shift + bits) index it.

    `large` is the bit of an entry that makes it map a page of 1 << shift bytes; -1 if none can,
    and always so at the last level, whose entries are pages anyway.
    """

    shift: int
    bits: int
    large: int = -1


@dataclass(frozen=True, slots=True)
class PagingMode:
    """A way of paging; `address` masks the physical address in an entry and in the root."""

    name: str
    levels: tuple[Level, ...]
    entry_size: int
    present: int
    """Mask of an entry's bits of which any says that it is there."""
    address: int
    virtual_bits: int
    """Addresses are sign-extended from here: what is not is no address (0: all are)."""

    def is_canonical(self, address: int) -> bool:
        """Tell whether an address can be one in this mode."""
        upper = address >> (self.virtual_bits - 1) if self.virtual_bits else 0
        return upper in (0, (1 << (65 - self.virtual_bits)) - 1)


_FOUR_LEVELS = (Level(39, 9), Level(30, 9, 7), Level(21, 9, 7), Level(12, 9))
_ADDRESS = 0x000F_FFFF_FFFF_F000

X86_64 = PagingMode("x86-64, 4 levels", _FOUR_LEVELS, 8, 1, _ADDRESS, 48)
X86_64_LA57 = PagingMode("x86-64, 5 levels", (Level(48, 9), *_FOUR_LEVELS), 8, 1, _ADDRESS, 57)


def walk_one(
    read: Callable[[int], int | None], mode: PagingMode, root: int, address: int
) -> tuple[int, Reason, int]:
    """Return (physical address, Reason, last entry) of a virtual address; `read` reads an entry."""
    if not mode.is_canonical(address):
        return 0, Reason.MALFORMED, 0
    table, entry = root & mode.address, 0
    for level in mode.levels:
        index = (address >> level.shift) & ((1 << level.bits) - 1)
        found = read(table + index * mode.entry_size)
        if found is None:
            return 0, Reason.NOT_IN_DUMP, 0
        entry = found
        if not entry & mode.present:
            return 0, Reason.PAGED_OUT, entry
        last = level is mode.levels[-1]
        if last or (level.large >= 0 and entry >> level.large & 1):
            inside = (1 << level.shift) - 1
            return (entry & mode.address & ~inside) | (address & inside), Reason.KNOWN, entry
        table = entry & mode.address
    return 0, Reason.MALFORMED, entry


def walk_many(
    physical: PhysicalMemory,
    mode: PagingMode,
    roots: NDArray[np.uint64] | int,
    addresses: NDArray[np.uint64],
    resolver: Resolver | None = None,
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Return physical addresses and statuses of virtual addresses.

    `roots` is one root, or one for each address. Level by level for all addresses at once; of each
    level the distinct entries only are read.
    """
    addresses = np.asarray(addresses, np.uint64)
    result = np.zeros(len(addresses), np.uint64)
    status = np.where(_canonical(mode, addresses), np.uint8(0), np.uint8(Reason.MALFORMED))
    rows = np.flatnonzero(status == 0)
    mask = np.uint64(mode.address)
    tables = np.broadcast_to(np.asarray(roots, np.uint64), addresses.shape)[rows] & mask
    for level in mode.levels:
        if not len(rows):
            break
        shift, inside = np.uint64(level.shift), np.uint64((1 << level.shift) - 1)
        index = (addresses[rows] >> shift) & np.uint64((1 << level.bits) - 1)
        entries, there = _entries(physical, mode, tables + index * np.uint64(mode.entry_size))
        present = there & ((entries & np.uint64(mode.present)) != 0)
        status[rows[~there]] = Reason.NOT_IN_DUMP
        _absent(addresses, rows, entries, there & ~present, result, status, resolver)
        is_page = present
        if level is not mode.levels[-1]:
            large = np.uint64(max(level.large, 0))
            is_page = present & ((entries >> large) & np.uint64(level.large >= 0) != 0)
        frames = entries & mask & ~inside
        result[rows[is_page]] = (frames | (addresses[rows] & inside))[is_page]
        onward = present & ~is_page
        rows, tables = rows[onward], (entries & mask)[onward]
    return result, status


def _canonical(mode: PagingMode, addresses: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not mode.virtual_bits:
        return np.ones(len(addresses), bool)
    upper = addresses >> np.uint64(mode.virtual_bits - 1)
    return np.asarray((upper == 0) | (upper == np.uint64((1 << (65 - mode.virtual_bits)) - 1)))


def _entries(
    physical: PhysicalMemory, mode: PagingMode, places: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Read the entries at physical addresses, each distinct one once."""
    distinct, inverse = np.unique(places, return_inverse=True)
    data, there = physical.gather(distinct, mode.entry_size)
    values = np.ascontiguousarray(data).view(f"<u{mode.entry_size}").ravel().astype(np.uint64)
    return values[inverse], there[inverse]


def _absent(
    addresses: NDArray[np.uint64],
    rows: NDArray[np.int64],
    entries: NDArray[np.uint64],
    absent: NDArray[np.bool_],
    result: NDArray[np.uint64],
    status: NDArray[np.uint8],
    resolver: Resolver | None,
) -> None:
    """Settle the entries that are not present: paged out, or what the resolver makes of them."""
    missing = rows[absent]
    if resolver is None:
        status[missing] = Reason.PAGED_OUT
    elif len(missing):
        result[missing], status[missing] = resolver(entries[absent], addresses[missing])
