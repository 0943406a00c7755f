"""Page tables of a real 32-bit kernel, without PAE."""

from __future__ import annotations

import numpy as np

from memq.layers.opening import open_physical
from memq.layers.paging import X86
from memq.layers.space import AddressSpace
from tests.layers.windows_lab import unpacked

# What the kernel's own debugger and QEMU said of the same state.
ROOT = 0xC4D000
KERNEL = 0x8080_0000
PROCESS_HEAD = 0x809F_16C4
PROCESSOR = 0xFFDF_F000
PROCESSES = 18
SELF = 0x1C
"""KPCR.SelfPcr: the processor's record holds its own address."""


def test_a_real_kernel_without_pae() -> None:
    with open_physical(unpacked("nt52/nt52-x86.raw")) as physical:
        space = AddressSpace(physical, X86, ROOT)
        assert space.read(KERNEL, 2) == b"MZ"
        assert space.word(PROCESSOR + SELF) == PROCESSOR
        seen, link = 0, space.word(PROCESS_HEAD)
        while link is not None and link != PROCESS_HEAD and seen <= PROCESSES:
            link, seen = space.word(link), seen + 1
        assert (link, seen) == (PROCESS_HEAD, PROCESSES)
        vas = np.arange(0x7FF0_0000, 1 << 32, 0x1_7000, dtype=np.uint64)
        places, status = space.translate_many(vas)
        assert 100 < np.count_nonzero(status == 0) < len(vas)
        walked = [space.translate(va) for va in vas.tolist()]
        expected = zip(places.tolist(), status.tolist(), strict=True)
        assert walked == [reason or place for place, reason in expected]
