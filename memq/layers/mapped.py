"""What a page-table root maps, as columns: the tables of a range, level by level, all together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.node import dataclass

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes
    from memq.layers.paging import Level, PagingMode, Resolver
    from memq.layers.physical import PhysicalMemory

MAX_TABLES = 1 << 16
"""Tables of one level that are read: a hostile root may lead to itself in every entry."""
_PLACES = np.uint64((1 << 52) - 1)
"""Bits of what a resolver answers that are a place, whatever the mode's own entries hold."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """Pages that are present: where, at which physical address, and how large.

    Sorted by address within each size, the large ones first.
    """

    addresses: Addresses
    places: Addresses
    shifts: Indexes
    """log2 of each page's size."""
    is_whole: bool
    """Whether no table was missing or left out."""


def mapped_pages(  # noqa: PLR0913 - a range of a space, and how far to go
    physical: PhysicalMemory,
    mode: PagingMode,
    root: int,
    start: int,
    end: int,
    resolver: Resolver | None = None,
    *,
    most: int = MAX_TABLES,
) -> Mapped:
    """Return the pages of [start, end), in one half of the addresses, that the root maps.

    With a resolver also small pages that are in memory though their entries are not present. Of
    each level `most` tables are read, those of the lowest addresses.
    """
    tables = np.array([root & mode.root_mask], np.uint64)
    top = mode.levels[0]
    bases = np.array([start >> top.shift + top.bits << top.shift + top.bits], np.uint64)
    found: list[tuple[Addresses, Addresses, Indexes]] = []
    is_whole = True
    for level in mode.levels:
        entries, places, there = _entries(physical, mode, level, tables, bases)
        is_whole &= there
        last = places + np.uint64((1 << level.shift) - 1)
        wanted = (last >= np.uint64(start)) & (places <= np.uint64(end - 1))
        is_present = entries & np.uint64(level.present) == level.present
        if resolver is not None and level is mode.levels[-1]:
            lost = np.flatnonzero(wanted & ~is_present & (entries != 0))
            roots = np.full(len(lost), root & mode.root_mask, np.uint64)
            entries[lost], status = resolver(entries[lost], places[lost], roots, level.shift)
            inside = entries[lost] & _PLACES < np.uint64(physical.limit)  # page files lie above
            is_present[lost] = (status == 0) & inside
        wanted &= is_present
        entries, places = entries[wanted], places[wanted]
        leaf = entries & np.uint64(level.leaf_mask) == level.leaf_value
        mask = np.uint64(mode.address_mask >> level.shift << level.shift)
        shifts = np.full(int(leaf.sum()), level.shift, np.int64)
        found.append((places[leaf], entries[leaf] & mask, shifts))
        tables, bases = entries[~leaf] & np.uint64(mode.address_mask), places[~leaf]
        if len(tables) > most:
            tables, bases, is_whole = tables[:most], bases[:most], False
        if not len(tables):
            break
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    return Mapped(columns[0], columns[1], columns[2], is_whole)


def _entries(
    physical: PhysicalMemory,
    mode: PagingMode,
    level: Level,
    tables: Addresses,
    bases: Addresses,
) -> tuple[Addresses, Addresses, bool]:
    """Return the entries of all tables, the address that each maps, and whether all are there."""
    count = 1 << level.bits
    data, there = physical.gather(tables, count * mode.entry_size)
    table = np.ascontiguousarray(data).view(f"<u{mode.entry_size}").reshape(-1, count)
    entries = table.astype(np.uint64)
    steps = np.arange(count, dtype=np.uint64) << np.uint64(level.shift)
    places = bases[:, None] + steps[None, :]
    return entries.reshape(-1), places.reshape(-1), bool(there.all())
