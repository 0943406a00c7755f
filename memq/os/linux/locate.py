"""Places in physical memory where a Linux kernel's image may be.

On x86-64 the kernel's constants (__start_rodata) start at a multiple of 2 MB, physically too, and
sys_call_table lies in their first 0x200 to 0x500 bytes. So the rest of that page is full of
pointers into the kernel, whose upper halves are all ones, and its start is not: in five dumps
exactly one page looked so. A 4 GB image has 2,048 places for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.node import dataclass

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.layers.physical import PhysicalMemory
    from memq.os.linux.vmcoreinfo import Vmcoreinfo

KERNEL_MAP = 0xFFFF_FFFF_8000_0000
"""__START_KERNEL_map: physical address = address - this + phys_base, for the kernel's image."""
STEP = 2 << 20
PAGE = 4096
REACH = 16 << 20
"""Bytes of constants in which kallsyms is looked for: kernels with debugging have some 12 MB."""
IMAGE = 64 << 20
"""Bytes of image, from its text on, in which the constants are looked for."""
MAX_PAGES = 64
"""Pages that look like the start of a kernel's constants and are tried."""

_UPPER = 0xFFFF_FFFF
_PROBE = 0x800
_PROBE_SIZE = 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place where the image of a kernel may be, and what pointed to it."""

    source: str
    """In words, for messages."""
    start: int
    """Physical address from which on kallsyms is looked for."""
    end: int
    page: int | None = None
    """Physical address of __start_rodata, where that is known."""
    phys_base: int | None = None
    """As VMCOREINFO says."""


def constant_pages(physical: PhysicalMemory, start: int = 0, end: int | None = None) -> list[int]:
    """Return the 2 MB-aligned places in [start, end) that look like a kernel's __start_rodata."""
    places = _places(physical, start, physical.limit if end is None else end)
    physical.will_need(places + np.uint64(_PROBE), _PROBE_SIZE)
    probes, _present = physical.gather(places + np.uint64(_PROBE), _PROBE_SIZE)
    uppers = np.ascontiguousarray(probes).view("<u4")[:, 1::2]
    # One or two may be hooks that point out of the image.
    places = places[(uppers == _UPPER).sum(1) >= uppers.shape[1] - 2]
    found = []
    for place in places.tolist():
        page = physical.read(place, PAGE)
        if page is not None and _is_start(page):
            found.append(place)
    return found


def _is_start(page: bytes) -> bool:
    """Whether a page's first words are mostly no pointers into the kernel, and its last ones are.

    In four kernels: at most 48 of the first 64, and at least 318 of the last 320.
    """
    is_upper = np.frombuffer(page, "<u4")[1::2] == _UPPER
    return bool(is_upper[:64].sum() <= 48 and is_upper[0x600 // 8 :].sum() >= 288)


def _places(physical: PhysicalMemory, start: int, end: int) -> Addresses:
    """Return the multiples of 2 MB in [start, end) that the dump has."""
    step = np.uint64(STEP)
    low = (np.maximum(physical.starts, np.uint64(start)) + step - np.uint64(1)) // step
    high = (np.minimum(physical.ends, np.uint64(end)) + step - np.uint64(1)) // step
    counts = np.where(high > low, high - low, np.uint64(0)).astype(np.int64)
    first = np.repeat(low, counts)
    within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    return (first + within.astype(np.uint64)) * step


def page_candidates(physical: PhysicalMemory) -> list[Candidate]:
    """Return the places that structure alone points to, at most 64."""
    pages = constant_pages(physical)[:MAX_PAGES]
    return [Candidate(f"the page at {page:#x}", page, page + REACH, page) for page in pages]


def hinted_candidate(physical: PhysicalMemory, info: Vmcoreinfo, source: str) -> Candidate | None:
    """Return the place that a VMCOREINFO points to, None where that is none of this dump."""
    text, phys_base = info.symbol("_stext"), info.phys_base
    if text is None or phys_base is None:
        return None
    start = text - KERNEL_MAP + phys_base
    if not 0 <= start < physical.limit:
        return None
    pages = constant_pages(physical, start, start + IMAGE)
    if pages:
        return Candidate(source, pages[0], pages[0] + REACH, pages[0], phys_base)
    return Candidate(source, start, start + IMAGE, None, phys_base)
