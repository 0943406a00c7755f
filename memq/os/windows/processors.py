"""Processors: the block that the kernel keeps of each (KPRCB), within its control region (KPCR)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.schema.batch import Cut

if TYPE_CHECKING:
    from memq.column import Addresses, Column
    from memq.os.windows.kernel import WindowsKernel
    from memq.symbols.structs import Structs

MAX_PROCESSORS = 2048
"""64 groups of 32; Windows runs on as many."""


@dataclass(frozen=True, slots=True)
class Processors:
    """All processors, by number."""

    kernel: WindowsKernel
    blocks: Structs
    """Their KPRCBs."""
    cut: Cut | None = None

    @property
    def regions(self) -> Structs:
        """Their KPCRs."""
        region = self.kernel.types.required("_KPCR")
        # On x86 Prcb is a pointer, and PrcbData the block itself; where KPCR is only what drivers
        # may see of it, the whole is KIPCR.
        whole = self.kernel.types.struct("_KIPCR")
        member = region.find("PrcbData") or (whole.find("PrcbData") if whole is not None else None)
        member = member or region.find("Prcb")
        distance = member.offset if member is not None else region.size
        return self.kernel.structs("_KPCR", self.blocks.addresses - np.uint64(distance))

    @property
    def interrupt_tables(self) -> Column:
        """Addresses of their tables of interrupts (IDT)."""
        return self.regions["IdtBase|IDT"]


def processors(kernel: WindowsKernel) -> Processors:
    """Return the processors that the kernel has started: pointers up to a null."""
    place, size = kernel.optional("KiProcessorBlock"), kernel.space.word_size
    if place is None:
        return _found(kernel, np.zeros(0, np.uint64), Reason.NOT_IN_KERNEL)
    after = kernel.symbols.after(place)
    count = MAX_PROCESSORS if after is None else min((after - place) // size, MAX_PROCESSORS)
    steps = np.arange(count, dtype=np.uint64) * np.uint64(size)
    words, status = kernel.space.words(np.uint64(place) + steps)
    bad = (status != 0) | (words < np.uint64(kernel.space.kernel_start))
    ends = np.flatnonzero(bad)
    if not len(ends):
        return _found(kernel, words, None)
    end = int(ends[0])
    reason = Reason(int(status[end])) if status[end] else Reason.MALFORMED
    is_null = not status[end] and not words[end]
    return _found(kernel, words[:end], None if is_null else reason)


def _found(kernel: WindowsKernel, blocks: Addresses, reason: Reason | None) -> Processors:
    cut = None if reason is None else Cut(reason, f"processors cut short: {reason.text}")
    return Processors(kernel, kernel.structs("_KPRCB", blocks), cut)
