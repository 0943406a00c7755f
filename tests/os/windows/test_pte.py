"""Entries that are not present, by the types of each generation of kernels."""

from __future__ import annotations

import numpy as np
import pytest

from memq.layers.paging import X86, X86_64, X86_PAE, PagingMode
from memq.os.windows.pte import PteLayout, pte_layout
from memq.symbols.btf import Btf
from tests.synthetic.btf import BtfBuilder

UNIT = {"5.1": "unsigned int", "PAE": "u64", "10": "u64"}
OLD = "Valid:1 PageFileLow:4 Protection:5 Prototype:1 Transition:1"
SOFTWARE = {
    "5.1": f"{OLD} PageFileHigh:20",
    "PAE": f"{OLD} Unused:20 PageFileHigh:32",
    "10": "Valid:1 PageFileReserved:1 PageFileAllocated:1 ColdPage:1 SwizzleBit:1 Protection:5 "
    "Prototype:1 Transition:1 PageFileLow:4 Unused:16 PageFileHigh:32",
}
FRAME = {"5.1": 20, "PAE": 26, "10": 36}
PROTOTYPE = {
    "5.1": "Valid:1 ProtoAddressLow:7 ReadOnly:1 WhichPool:1 Prototype:1 ProtoAddressHigh:21",
    "6.1": "Valid:1 ProtoAddressLow:8 ReadOnly:1 Prototype:1 ProtoAddressHigh:21",
    "PAE": "Valid:1 Unused0:7 ReadOnly:1 Unused1:1 Prototype:1 Protection:5 Unused:16"
           " ProtoAddress:32",
    "10": "Valid:1 Unused:9 Prototype:1 Unused1:5 ProtoAddress:48",
}  # fmt: skip


def made(mode: PagingMode, era: str, prototype: str) -> PteLayout | None:
    unit, builder = UNIT[era], BtfBuilder()

    def struct(name: str, bits: str) -> None:
        parts = [part.split(":") for part in bits.split()]
        builder.struct(name, {member: f"{unit} : {width}" for member, width in parts})

    struct("_MMPTE_SOFTWARE", SOFTWARE[era])
    struct("_MMPTE_TRANSITION", f"Low:12 PageFrameNumber:{FRAME[era]}")
    struct("_MMPTE_PROTOTYPE", PROTOTYPE[prototype])
    return pte_layout(Btf(builder.build()), mode)


def entries(*values: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(values, np.uint64)


@pytest.mark.parametrize(
    ("mode", "era", "proto", "entry", "pool", "address"),
    [
        # MiProtoAddressForPte of 5.1 and 5.2: (address - pool) >> 1 & 0xFE | << 2 & ~0x7FF
        (X86, "5.1", "5.1", 0x1234 << 11 | 0x400 | 0x5A << 1, 0xE100_0000, 0xE124_6968),
        (X86, "5.1", "6.1", 0x15_5555 << 11 | 0x400 | 0xAA << 1, 0, 0xD555_56A8),
        (X86_PAE, "PAE", "PAE", 0xE140_1008 << 32 | 0x400, 0, 0xE140_1008),
        (X86_64, "10", "10", 0xD78E_41A0_D018 << 16 | 0x4E0, 0, 0xFFFF_D78E_41A0_D018),
        (X86_64, "10", "10", 0x7123_4567_8018 << 16 | 0x4E0, 0, 0x7123_4567_8018),
    ],
)
def test_pointers(
    mode: PagingMode, era: str, proto: str, entry: int, pool: int, address: int
) -> None:
    layout = made(mode, era, proto)
    assert layout is not None
    assert layout.needs_pool == (proto == "5.1")
    assert layout.pointers(entries(entry), pool).tolist() == [address]


@pytest.mark.parametrize(
    ("mode", "era", "file", "asks"),
    [
        (X86, "5.1", 0x54321 << 12 | 0x80 | 3 << 1, 0xFFFF_F400),
        (X86_PAE, "PAE", 0x54321 << 32 | 0x80 | 3 << 1, 0xFFFF_FFFF_0000_0400),
        (X86_64, "10", 0x54321 << 32 | 0x80 | 3 << 12, 0xFFFF_FFFF_0000_04E0),
    ],
)
def test_forms(mode: PagingMode, era: str, file: int, asks: int) -> None:
    layout = made(mode, era, era)
    assert layout is not None
    both = entries(file, asks)
    assert layout.asks_vad(both).tolist() == [False, True]
    assert layout.prototype.any(both).tolist() == [False, True]
    assert layout.file_page.of(both[:1]).tolist() == [0x54321]
    assert layout.file_number.of(both[:1]).tolist() == [3]
    assert layout.frame.of(entries(0x7_B880)).tolist() == [0x7B]
    assert layout.transition.any(entries(0x7_B880, file)).tolist() == [True, False]
    assert (layout.swizzle is not None, layout.written is not None) == (era == "10",) * 2


def test_types_of_the_other_kind_of_kernel() -> None:
    assert made(X86_PAE, "5.1", "5.1") == made(X86_PAE, "PAE", "PAE")
    assert made(X86, "PAE", "PAE") is None
    assert pte_layout(Btf(BtfBuilder().build()), X86_64) is None
