"""Processors: the block that the kernel keeps of each (KPRCB), within its control region (KPCR)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.node import dataclass
from memq.schema.batch import Cut

if TYPE_CHECKING:
    from memq.column import Addresses, Column, Indexes
    from memq.os.windows.kernel import WindowsKernel
    from memq.symbols.structs import Structs
    from memq.symbols.types import StructType

MAX_PROCESSORS = 2048
"""64 groups of 32; Windows runs on as many."""

X86_BLOCK = 0x120
"""Where in the KPCR of x86 the KPRCB is, in each Windows from NT 4 on."""


@dataclass(frozen=True, slots=True)
class Processors:
    """Processors, in the order of the kernel's array of them."""

    kernel: WindowsKernel
    blocks: Structs
    """Their KPRCBs."""
    numbers: Indexes
    """Their numbers: places in the array."""
    cut: Cut | None = None

    @property
    def regions(self) -> Structs:
        """Their KPCRs."""
        return regions_of(self.kernel, self.blocks.addresses)

    @property
    def interrupt_tables(self) -> Column:
        """Addresses of their tables of interrupts (IDT)."""
        return self.regions["IdtBase|IDT"]


def regions_of(kernel: WindowsKernel, blocks: Addresses) -> Structs:
    """Return the control regions (KPCR) that processors' blocks (KPRCB) are in."""
    region = kernel.types.struct("_KPCR")
    distance = 0 if region is None else block_distance(region)
    return kernel.structs("_KPCR", blocks - np.uint64(distance))


def block_distance(region: StructType) -> int:
    """Return where in a control region (KPCR) the processor's block begins."""
    member = region.find("PrcbData") or region.find("Prcb")
    # On x86 Prcb is a pointer; PrcbData, the block itself, has never moved.
    is_block = member is not None and member.type.kind == "struct"
    return member.offset if member is not None and is_block else X86_BLOCK


def processors(kernel: WindowsKernel) -> Processors:
    """Return the processors that the kernel has started: pointers up to a null.

    Of a triage minidump, the one that wrote it comes first if nothing else leads to it.
    """
    listed = _listed(kernel)
    part = None if kernel.triage is None else kernel.triage.processor
    if part is None or not part.address or part.address in listed.blocks.addresses.tolist():
        return listed
    own = np.array([part.address], np.uint64)
    blocks = kernel.structs("_KPRCB", np.concatenate([own, listed.blocks.addresses]))
    number = blocks["Number"].values[:1].astype(np.int64)  # nothing else says it
    return Processors(kernel, blocks, np.concatenate([number, listed.numbers]), listed.cut)


def _listed(kernel: WindowsKernel) -> Processors:
    """Return the processors that KiProcessorBlock leads to."""
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
    return Processors(kernel, kernel.structs("_KPRCB", blocks), np.arange(len(blocks)), cut)
