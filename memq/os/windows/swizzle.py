"""The bits that a kernel sets in entries that are not present (InvalidPteMask), seen in them.

Since 2018 Windows keeps such entries from naming memory that there is, as processors may read it
all the same (L1TF): one bit, above all memory, is set in each whose SwizzleBit is clear. A symbol
leads to the kernel's own note of it; where no table has that symbol, pages in transition tell, as
their frames cannot be beyond all memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.layers.paging import Level, PagingMode
    from memq.layers.physical import PhysicalMemory
    from memq.os.windows.pte import PteLayout

MAX_TABLES = 1 << 12
"""Tables of one level that are looked at; a few pages in transition are enough."""


def seen_mask(
    physical: PhysicalMemory, mode: PagingMode, layout: PteLayout, roots: Addresses
) -> int | None:
    """Return the mask that pages in transition of the address spaces agree on; None: no evidence.

    Zero where they show that there is none.
    """
    if layout.swizzle is None:
        return 0
    entries = _last_entries(physical, mode, roots)
    moving = layout.transition.any(entries) & ~layout.prototype.any(entries)
    moving &= entries & np.uint64(mode.levels[-1].present) == 0
    frames = entries[moving & ~layout.swizzle.any(entries)] & layout.frame.mask
    top = 1 << (physical.limit - 1).bit_length()
    beyond = frames & ~np.uint64(top - 1)
    if not len(beyond) or (beyond != beyond[0]).any():
        return None
    return int(beyond[0])


def _last_entries(physical: PhysicalMemory, mode: PagingMode, roots: Addresses) -> Addresses:
    """Return the entries of the last level that map the lower half of address spaces."""
    tables = roots & np.uint64(mode.root_mask)
    entries = np.zeros(0, np.uint64)
    for level in mode.levels:
        entries = _entries(physical, mode, level, tables[:MAX_TABLES])
        if level is mode.levels[0]:
            entries = entries[:, : 1 << level.bits - 1]
        entries = entries.reshape(-1)
        is_table = entries & np.uint64(level.present) == level.present
        is_table &= entries & np.uint64(level.leaf_mask) != level.leaf_value
        tables = entries[is_table] & np.uint64(mode.address_mask)
    return entries


def _entries(
    physical: PhysicalMemory, mode: PagingMode, level: Level, tables: Addresses
) -> Addresses:
    """Return the entries of tables, a row for each; of one that is missing they are zero."""
    data, _ = physical.gather(tables, mode.entry_size << level.bits)
    found = np.ascontiguousarray(data).view(f"<u{mode.entry_size}")
    return found.reshape(-1, 1 << level.bits).astype(np.uint64)
