"""Page tables as data, and two ways to walk them: one address at a time, and many at once.

x86 and x86-64: Intel SDM volume 3, 4.3 (32-bit), 4.4 (PAE) and 4.5 (4-level and 5-level); arm64:
Arm ARM, D8.3 (VMSAv8-64, 4 KB granule). The processor's reserved bits are ignored, as are the
protection bits: what is asked is where memory is, not who may touch it. A mode is data: PAE has a
table of four entries at a root aligned to 32 bytes (`root_mask`), 32-bit modes have no upper half
(`upper_half`), arm64 tells blocks from tables by bit 1 (`leaf_mask` 2, `leaf_value` 0; the last
level `present` 3) and has a root for each half, between which an address space chooses before it
walks.

A table that refers to itself is no danger: a walk has as many steps as the mode has levels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from memq.errors import Reason
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memq.column import Addresses, Statuses
    from memq.layers.physical import PhysicalMemory


@dataclass(frozen=True, slots=True)
class Level:
    """One level of tables.

    `bits` bits of the virtual address, from bit `shift` up, choose the entry. It is present if all
    bits of `present` are set in it. It is a leaf, which maps `1 << shift` bytes, if
    `entry & leaf_mask == leaf_value`; else it holds the address of the next level's table.
    """

    shift: int
    bits: int
    present: int
    leaf_mask: int
    leaf_value: int
    high_mask: int = 0
    """Bits of a leaf that are address bits `high_shift` further up (PSE-36)."""
    high_shift: int = 0


@dataclass(frozen=True, slots=True)
class PagingMode:
    """How virtual addresses become physical ones; `levels` from the root down, the last all leaves.

    `address_mask` are the bits of an entry that hold a physical address, `root_mask` those of the
    register that holds the root's. The bits of a virtual address from `sign_bit` up are all zero
    or, where there is an `upper_half`, all one; any other address is not canonical.
    """

    name: str
    levels: tuple[Level, ...]
    entry_size: int
    address_mask: int
    root_mask: int
    sign_bit: int
    upper_half: bool
    word_size: int = 8
    """Bytes of a pointer."""
    kernel_start: int = 1 << 63
    """The lowest address of the kernel's half."""

    @property
    def page_shift(self) -> int:
        """Bits of the offset in the smallest page."""
        return self.levels[-1].shift


_PRESENT = 1 << 0
_PAGE_SIZE = 1 << 7
"""PS: the entry maps a large page; in the last level the same bit is PAT, in the first reserved."""
_BITS_12_TO_51 = (1 << 52) - (1 << 12)
_BITS_12_TO_47 = (1 << 48) - (1 << 12)
_BITS_12_TO_31 = (1 << 32) - (1 << 12)
_RESOLVED_MASK = _BITS_12_TO_51
"""Address bits of what a resolver answers: any place in memory, whatever tables can hold."""

_512_GB = Level(shift=39, bits=9, present=_PRESENT, leaf_mask=0, leaf_value=1)
_1_GB = Level(shift=30, bits=9, present=_PRESENT, leaf_mask=_PAGE_SIZE, leaf_value=_PAGE_SIZE)
_2_MB = Level(shift=21, bits=9, present=_PRESENT, leaf_mask=_PAGE_SIZE, leaf_value=_PAGE_SIZE)
_4_KB = Level(shift=12, bits=9, present=_PRESENT, leaf_mask=0, leaf_value=0)
_256_TB = Level(shift=48, bits=9, present=_PRESENT, leaf_mask=0, leaf_value=1)

X86_64 = PagingMode(
    name="x86-64",
    levels=(_512_GB, _1_GB, _2_MB, _4_KB),
    entry_size=8,
    address_mask=_BITS_12_TO_51,
    root_mask=_BITS_12_TO_51,
    sign_bit=47,
    upper_half=True,
)
X86_64_LA57 = PagingMode(
    name="x86-64 with five levels",
    levels=(_256_TB, *X86_64.levels),
    entry_size=8,
    address_mask=_BITS_12_TO_51,
    root_mask=_BITS_12_TO_51,
    sign_bit=56,
    upper_half=True,
)
X86 = PagingMode(
    name="x86",
    # The first level's leaf maps 4 MB; bits 13 to 20 of it are bits 32 to 39 of its address.
    levels=(
        Level(22, 10, _PRESENT, _PAGE_SIZE, _PAGE_SIZE, high_mask=0x1F_E000, high_shift=19),
        Level(12, 10, _PRESENT, leaf_mask=0, leaf_value=0),
    ),
    entry_size=4,
    address_mask=_BITS_12_TO_31,
    root_mask=_BITS_12_TO_31,
    sign_bit=32,
    upper_half=False,
    word_size=4,
    kernel_start=1 << 31,
)
X86_PAE = PagingMode(
    name="x86 with PAE",
    levels=(Level(30, 2, _PRESENT, leaf_mask=0, leaf_value=1), _2_MB, _4_KB),
    entry_size=8,
    address_mask=_BITS_12_TO_51,
    root_mask=(1 << 32) - (1 << 5),
    sign_bit=32,
    upper_half=False,
    word_size=4,
    kernel_start=1 << 31,
)

_VALID = 1 << 0
_NO_BLOCK = 1 << 1
"""Set in what holds a table and in a page of the last level, clear in a block (a large page)."""

ARM64 = PagingMode(
    name="arm64",
    levels=(
        Level(39, 9, _VALID | _NO_BLOCK, leaf_mask=0, leaf_value=1),
        Level(30, 9, _VALID, leaf_mask=_NO_BLOCK, leaf_value=0),
        Level(21, 9, _VALID, leaf_mask=_NO_BLOCK, leaf_value=0),
        Level(12, 9, _VALID | _NO_BLOCK, leaf_mask=0, leaf_value=0),
    ),
    entry_size=8,
    address_mask=_BITS_12_TO_47,
    root_mask=_BITS_12_TO_47,
    sign_bit=48,
    upper_half=True,
)
"""One half of an arm64's memory; `AddressSpace` is given the root of either (TTBR0, TTBR1)."""


class Resolver(Protocol):
    """Finds what entries that are not present stand for; each system has its own use of them.

    Called once for each level that has such entries, with the entries, the virtual address at which
    the range of each starts, the root that each walk began at, and the level's shift. Returns for
    each a Reason and, where that is KNOWN, the entry to go on with: the physical address of the
    page or of the next table, with any of 52 bits, even where the mode's own entries hold fewer;
    for a large page with the level's leaf bits.
    """

    def __call__(
        self, entries: Addresses, vas: Addresses, roots: Addresses, shift: int
    ) -> tuple[Addresses, Statuses]:
        """Return entries and Reasons, as many as were given."""


def walk_one(
    read_entry: Callable[[int], int | None],
    mode: PagingMode,
    root: int,
    va: int,
    resolver: Resolver | None = None,
) -> int | Reason:
    """Translate one address; `read_entry` returns an entry at a physical address, or None.

    NOT_IN_DUMP: a table is missing; PAGED_OUT: an entry is not present; MALFORMED: not canonical.
    Whether the page itself is in the dump is not asked.
    """
    high = va >> mode.sign_bit
    if high and not (mode.upper_half and high == (1 << 64 - mode.sign_bit) - 1):
        return Reason.MALFORMED
    table = root & mode.root_mask
    for level in mode.levels:
        index = va >> level.shift & (1 << level.bits) - 1
        entry = read_entry(table + index * mode.entry_size)
        if entry is None:
            return Reason.NOT_IN_DUMP
        high_mask, address_mask = level.high_mask, mode.address_mask
        if entry & level.present != level.present:
            entry, reason = _resolve_one(resolver, entry, va, root & mode.root_mask, level.shift)
            if reason:
                return Reason(reason)
            high_mask, address_mask = 0, _RESOLVED_MASK
        table = entry & address_mask
        if entry & level.leaf_mask == level.leaf_value:
            offset = (1 << level.shift) - 1
            return table & ~offset | (entry & high_mask) << level.high_shift | va & offset
    return Reason.MALFORMED  # only in a mode whose last level is not all leaves


def _resolve_one(
    resolver: Resolver | None, entry: int, va: int, root: int, shift: int
) -> tuple[int, int]:
    if resolver is None:
        return 0, Reason.PAGED_OUT
    asked = np.array([[entry], [va >> shift << shift], [root]], np.uint64)
    entries, statuses = resolver(asked[0], asked[1], asked[2], shift)
    return int(entries[0]), int(statuses[0])


def walk_many(
    physical: PhysicalMemory,
    mode: PagingMode,
    roots: Addresses | int,
    vas: Addresses,
    resolver: Resolver | None = None,
) -> tuple[Addresses, Statuses]:
    """Translate many addresses, all through one root or each through its own.

    Returns physical addresses (0 where there is none) and Reasons as of `walk_one`. All go down
    level by level together, and each level's entries are read by one gather.
    """
    pas = np.zeros(len(vas), np.uint64)
    status = np.full(len(vas), Reason.MALFORMED, np.uint8)
    if not isinstance(roots, np.ndarray):
        roots = np.full(len(vas), roots & mode.root_mask, np.uint64)
    canonical = _is_canonical(mode, vas)
    order = _order(mode, roots, vas)
    if order is not None or not canonical.all():
        rows = np.flatnonzero(canonical) if order is None else order[canonical[order]]
        pas[rows], status[rows] = _walk_runs(physical, mode, roots[rows], vas[rows], resolver)
        return pas, status
    return _walk_runs(physical, mode, roots, vas, resolver)


def _is_canonical(mode: PagingMode, vas: Addresses) -> NDArray[np.bool_]:
    high = vas >> np.uint64(mode.sign_bit)
    ones = (1 << 64 - mode.sign_bit) - 1 if mode.upper_half else 0
    return np.asarray((high == 0) | (high == ones))


def _order(mode: PagingMode, roots: Addresses, vas: Addresses) -> NDArray[np.int64] | None:
    """Return an order in which addresses of one table are neighbours; None if they mostly are.

    Only for speed, so that the sort may take one key which mixes root and address.
    """
    if len(vas) < 2:
        return None
    shift = np.uint64(mode.levels[-2].shift)
    tables = (vas >> shift) ^ (roots << np.uint64(mode.page_shift))
    runs = 1 + int(np.count_nonzero(tables[1:] != tables[:-1]))
    if runs * 4 < len(vas):
        return None
    key = (vas >> np.uint64(mode.page_shift)) + (roots << np.uint64(24))
    return np.argsort(key)


def _walk_runs(
    physical: PhysicalMemory,
    mode: PagingMode,
    roots: Addresses,
    vas: Addresses,
    resolver: Resolver | None,
) -> tuple[Addresses, Statuses]:
    """Walk canonical addresses; neighbours that share an entry share its reading.

    From the pages up, runs of equal page become one, then runs of equal table, and so on; from the
    root down, what was found for one is repeated for all that it stands for. So the upper levels
    cost next to nothing.
    """
    runs = [_Run.of(roots, vas >> np.uint64(mode.page_shift))]
    for upper, lower in zip(mode.levels[-2::-1], mode.levels[:0:-1], strict=True):
        shift = np.uint64(upper.shift - lower.shift)
        runs.append(_Run.of(runs[-1].roots, runs[-1].pages >> shift))
    front = _Front(runs[-1].roots & np.uint64(mode.root_mask))
    for level, run in zip(mode.levels, reversed(runs), strict=True):
        front.step(physical, mode, level, run, resolver)
        front.spread(run.counts)
    offset = vas & np.uint64((1 << mode.page_shift) - 1)
    front.places += offset
    front.places[front.status != 0] = 0
    return front.places, front.status


@dataclass(frozen=True, slots=True)
class _Run:
    """Runs of rows that agree in root and page; `counts` rows each."""

    roots: Addresses
    pages: Addresses
    counts: NDArray[np.int64] | None

    @classmethod
    def of(cls, roots: Addresses, pages: Addresses) -> _Run:
        starts = np.ones(len(pages), bool)
        np.not_equal(pages[1:], pages[:-1], out=starts[1:])
        starts[1:] |= roots[1:] != roots[:-1]
        if starts.all():
            return cls(roots, pages, None)
        first = np.flatnonzero(starts)
        counts = np.diff(first, append=len(pages))
        return cls(roots[first], pages[first], counts)


class _Front:
    """How far many walks have come: each at a table, or mapped by a large page, or failed."""

    def __init__(self, tables: Addresses) -> None:
        self.places = tables
        self.mapped = np.zeros(len(tables), bool)
        self.status = np.zeros(len(tables), np.uint8)

    def spread(self, counts: NDArray[np.int64] | None) -> None:
        """Repeat each walk for the rows of the level below that share it so far."""
        if counts is not None:
            self.places = np.repeat(self.places, counts)
            self.mapped = np.repeat(self.mapped, counts)
            self.status = np.repeat(self.status, counts)

    def step(
        self,
        physical: PhysicalMemory,
        mode: PagingMode,
        level: Level,
        run: _Run,
        resolver: Resolver | None,
    ) -> None:
        """Go on through one level, whose pages the run has."""
        prefixes = run.pages
        index = prefixes & np.uint64((1 << level.bits) - 1)
        walking = ~self.mapped & (self.status == 0)
        self.places[self.mapped] |= index[self.mapped] << np.uint64(level.shift)
        rows = np.flatnonzero(walking)
        if not len(rows):
            return
        wanted = self.places[rows] + index[rows] * np.uint64(mode.entry_size)
        data, there = physical.gather(wanted, mode.entry_size)
        entries = np.ascontiguousarray(data).view(f"<u{mode.entry_size}")[:, 0].astype(np.uint64)
        status = np.where(there, np.uint8(0), np.uint8(Reason.NOT_IN_DUMP))
        absent = np.flatnonzero(there & (entries & np.uint64(level.present) != level.present))
        if len(absent) and resolver is None:
            status[absent] = Reason.PAGED_OUT
        elif len(absent) and resolver is not None:
            vas = prefixes[rows[absent]] << np.uint64(level.shift)
            roots = run.roots[rows[absent]] & np.uint64(mode.root_mask)
            entries[absent], status[absent] = resolver(entries[absent], vas, roots, level.shift)
        leaf = entries & np.uint64(level.leaf_mask) == level.leaf_value
        places = entries & np.uint64(mode.address_mask)
        places[absent] = entries[absent] & np.uint64(_RESOLVED_MASK)
        places[leaf] &= np.uint64(_RESOLVED_MASK >> level.shift << level.shift)
        if level.high_mask:
            far = leaf.copy()
            far[absent] = False
            places[far] |= (entries[far] & level.high_mask) << np.uint64(level.high_shift)
        self.places[rows], self.mapped[rows], self.status[rows] = places, leaf, status
