"""What page-table entries that are not present stand for, by the types of the kernel (_MMPTE).

Such an entry has one of four forms, which two bits tell apart: Prototype (it leads to another
entry, by its address, or to the VAD that knows that one), else Transition (the page's frame still
holds it), else a place in a page file, else a page that nobody has used yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.node import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.column import Addresses
    from memq.layers.paging import PagingMode
    from memq.symbols.types import Types

_KERNEL_OF_32_BITS = 1 << 31
_ALL_64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Bits:
    """Neighbouring bits of an entry."""

    shift: int
    width: int

    @property
    def mask(self) -> np.uint64:
        """The bits, where they stand."""
        return np.uint64(((1 << self.width) - 1) << self.shift)

    def of(self, entries: Addresses) -> Addresses:
        """Return their value in each entry."""
        return (entries & self.mask) >> np.uint64(self.shift)

    def any(self, entries: Addresses) -> NDArray[np.bool_]:
        """Whether one of them is set in each entry."""
        return np.asarray(entries & self.mask != 0)


@dataclass(frozen=True, slots=True)
class PteLayout:
    """Where entries that are not present hold what."""

    prototype: Bits
    transition: Bits
    frame: Bits
    """Of a page in transition."""
    file_number: Bits
    file_page: Bits
    reserved: Bits | None
    """PageFileReserved (8 and later): the page file has room for the page."""
    written: Bits | None
    """PageFileAllocated (8 and later): it has the page."""
    swizzle: Bits | None
    """SwizzleBit (since what was done about L1TF, 2018): where it is clear, the bits of the
    kernel's InvalidPteMask are set which the entry itself has not."""
    pointer: Bits | None
    """The address of a prototype entry, its sign in the highest bit (64 bits, and PAE)."""
    pointer_low: Bits | None
    """32 bits without PAE: the address's lower bits, beside those of pointer_high."""
    pointer_high: Bits | None
    is_wide: bool
    """Whether addresses have 64 bits."""

    @property
    def needs_pool(self) -> bool:
        """Whether pointers count from the start of paged pool (32 bits before 6.0)."""
        low, high = self.pointer_low, self.pointer_high
        return low is not None and high is not None and low.width + high.width < 29

    def asks_vad(self, entries: Addresses) -> NDArray[np.bool_]:
        """Whether entries say to look in the VAD: all bits of the page in a file are set."""
        return np.asarray(self.file_page.of(entries) == (1 << self.file_page.width) - 1)

    def only_reserved(self, entries: Addresses) -> NDArray[np.bool_]:
        """Whether a page file has room for the page, but not the page itself."""
        if self.reserved is None or self.written is None:
            return np.zeros(len(entries), bool)
        return self.reserved.any(entries) & ~self.written.any(entries)

    def pointers(self, entries: Addresses, pool: int) -> Addresses:
        """Return the addresses of prototype entries; `pool` is where paged pool starts."""
        if self.pointer is not None:
            value = self.pointer.of(entries)
            if not self.is_wide:
                return value & np.uint64(0xFFFF_FFFF)
            high = np.uint64(_ALL_64 >> self.pointer.width << self.pointer.width)
            negative = value >> np.uint64(self.pointer.width - 1) != 0
            return np.where(negative, value | high, value)
        low, high_part = self.pointer_low, self.pointer_high
        if low is None or high_part is None:
            return np.zeros(len(entries), np.uint64)
        joined = high_part.of(entries) << np.uint64(low.width) | low.of(entries)
        base = pool if self.needs_pool else _KERNEL_OF_32_BITS
        return (joined << np.uint64(2)) + np.uint64(base)


PAE = PteLayout(
    prototype=Bits(10, 1),
    transition=Bits(11, 1),
    frame=Bits(12, 26),
    file_number=Bits(1, 4),
    file_page=Bits(32, 32),
    reserved=None,
    written=None,
    swizzle=None,
    pointer=Bits(32, 32),
    pointer_low=None,
    pointer_high=None,
    is_wide=False,
)
"""Entries of kernels with PAE until 7. Each came beside one without, whose published types differ
from its own in nothing but the entries; since 8 there is no other."""


def pte_layout(types: Types, mode: PagingMode) -> PteLayout | None:
    """Return the layout; None where the types have none of the size that the mode's entries have.

    Tables of x86 kernels are of one of two kernels, with PAE or without.
    """
    names = ("_MMPTE_SOFTWARE", "_MMPTE_TRANSITION", "_MMPTE_PROTOTYPE")
    found = [types.struct(name) for name in names]
    sizes = {None if struct is None else struct.size for struct in found}
    if sizes == {4} and (mode.word_size, mode.entry_size) == (4, 8):
        return PAE
    if sizes != {mode.entry_size}:
        return None
    software, transition, prototype = names
    needed = _needed(types, software, transition)
    if needed is None:
        return None
    return PteLayout(
        *needed,
        _bits(types, software, "PageFileReserved"),
        _bits(types, software, "PageFileAllocated"),
        _bits(types, software, "SwizzleBit"),
        _bits(types, prototype, "ProtoAddress"),
        _bits(types, prototype, "ProtoAddressLow"),
        _bits(types, prototype, "ProtoAddressHigh"),
        is_wide=mode.word_size == 8,
    )


def _needed(
    types: Types, software: str, transition: str
) -> tuple[Bits, Bits, Bits, Bits, Bits] | None:
    """Return what each kernel has, in the order of the layout; None should one be missing."""
    prototype, moving = _bits(types, software, "Prototype"), _bits(types, software, "Transition")
    frame = _bits(types, transition, "PageFrameNumber")
    low, high = _bits(types, software, "PageFileLow"), _bits(types, software, "PageFileHigh")
    if prototype is None or moving is None or frame is None or low is None or high is None:
        return None
    return prototype, moving, frame, low, high


def _bits(types: Types, struct: str, name: str) -> Bits | None:
    member = types.required(struct).find(name)
    if member is None:
        return None
    return Bits(member.offset * 8 + (member.bit_offset or 0), member.bit_size or member.size * 8)
