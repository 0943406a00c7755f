"""The page from which x64 Windows starts its processors, by which its dumps are told apart.

Its own module, so that a dump of another system costs no more than this look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from memq.layers.physical import PhysicalMemory

PAGE = 4096
_STUB_END = 1 << 20


def low_stub(physical: PhysicalMemory) -> tuple[int, int] | None:
    """Return where the page is that x64 Windows starts its processors from, and the CR3 in it.

    In the first megabyte: a jump, an address of the kernel at 0x70, the kernel's CR3 at 0xa0.
    """
    pages = np.arange(PAGE, _STUB_END, PAGE, dtype=np.uint64)
    heads, present = physical.gather(pages, 0xA8)
    words = np.ascontiguousarray(heads).view("<u8")
    found = (
        (words[:, 0] & np.uint64(0xFFFF_FFFF_FFFF_00FF) == np.uint64(0x1_0006_00E9))
        & (
            words[:, 0x70 // 8] & np.uint64(0xFFFF_F800_0000_0003)
            == np.uint64(0xFFFF_F800_0000_0000)
        )
        & (words[:, 0xA0 // 8] & np.uint64(0xFFFF_FF00_0000_0FFF) == 0)
    )
    rows = np.flatnonzero(found & present)
    if not len(rows):
        return None
    return int(pages[rows[0]]), int(words[rows[0], 0xA0 // 8])
