"""Which addresses of the kernel's half show a place in physical memory: page tables, backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import distinct_numbers
from memq.layers.mapped import mapped_pages
from memq.node import dataclass

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes
    from memq.layers.mapped import Mapped
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run

_FACT = "addresses of frames"
_MOST = 16
"""Addresses of one frame that are looked at: a hostile table may show one frame everywhere."""


@dataclass(frozen=True, slots=True)
class _Pages:
    """Pages of one size, sorted by their place."""

    shift: int
    places: Addresses
    addresses: Addresses

    def of(self, places: Addresses) -> tuple[Indexes, Addresses]:
        """Return the rows of the places that such pages show, and at which addresses."""
        inside = np.uint64((1 << self.shift) - 1)
        frames = places & ~inside
        start = np.searchsorted(self.places, frames)
        counts = np.minimum(np.searchsorted(self.places, frames, "right") - start, _MOST)
        rows = np.repeat(np.arange(len(places)), counts)
        own = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self.addresses[start[rows] + own] + (places[rows] & inside)


class KernelFrames:
    """The pages of the kernel's half, as System's page tables have them."""

    def __init__(self, mapped: Mapped) -> None:
        self.is_whole = mapped.is_whole
        self._sizes: list[_Pages] = []
        for shift in distinct_numbers(mapped.shifts).tolist():
            rows = np.flatnonzero(mapped.shifts == shift)
            rows = rows[np.lexsort((mapped.addresses[rows], mapped.places[rows]))]
            self._sizes.append(_Pages(shift, mapped.places[rows], mapped.addresses[rows]))

    def addresses_of(self, places: Addresses) -> tuple[Indexes, Addresses]:
        """Return the rows of the places that any address shows, and each such address."""
        found = [pages.of(places) for pages in self._sizes]
        rows = np.concatenate([np.zeros(0, np.int64), *(row for row, _ in found)])
        addresses = np.concatenate([np.zeros(0, np.uint64), *(address for _, address in found)])
        order = np.lexsort((addresses, rows))
        return rows[order], addresses[order]


def kernel_frames(kernel: WindowsKernel, run: Run) -> KernelFrames:
    """Return what the kernel's half maps, found once for each kernel."""
    found = kernel.facts.get(_FACT)
    if not isinstance(found, KernelFrames):
        run.check()
        mode = kernel.mode
        low = (1 << 64) - (1 << mode.sign_bit) if mode.upper_half else mode.kernel_start
        end = 1 << (64 if mode.upper_half else mode.sign_bit)
        resolver = kernel.space.resolver
        mapped = mapped_pages(kernel.physical, mode, kernel.root, low, end, resolver)
        found = kernel.facts[_FACT] = KernelFrames(mapped)
    return found
