"""Where pages are whose entries are not present: in transition, behind prototypes, in page files.

Reading a prototype entry reads kernel memory, whose pages may themselves be in transition or in a
page file, but are never behind prototypes again: so there are two resolvers, one behind the other,
and no more.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.layers.pagefiles import MOST_PAGE_FILES, PAGE_FILE_BASE, PAGE_FILE_STEP
from memq.layers.space import AddressSpace
from memq.os.windows.processes import active_list
from memq.os.windows.pte import PteLayout, pte_layout
from memq.os.windows.swizzle import seen_mask
from memq.os.windows.vad_lookup import VadPrototypes, roots_of
from memq.run import Run

if TYPE_CHECKING:
    from memq.column import Addresses, Statuses
    from memq.os.windows.kernel import WindowsKernel

_PAGE_SHIFT = np.uint64(12)


class Entries:
    """What the entries of one kernel stand for."""

    def __init__(self, kernel: WindowsKernel, bare: AddressSpace) -> None:
        """`bare` reads what is always there, and asks no resolver."""
        self._kernel = kernel
        self._bare = bare

    @cached_property
    def layout(self) -> PteLayout | None:
        """Where entries hold what; None where the types do not say it."""
        return pte_layout(self._kernel.types, self._kernel.mode)

    @cached_property
    def mask(self) -> int | None:
        """Bits that are set in entries whose SwizzleBit is clear; None where that is not known."""
        place = self._kernel.optional("MiInvalidPteMask")  # until 8.1
        state = self._kernel.types.struct("_MI_SYSTEM_INFORMATION")
        member = None if state is None else state.find("Hardware.InvalidPteMask")
        start = self._kernel.optional("MiState")
        if place is None and start is not None and member is not None:
            place = start + member.offset
        noted = None if place is None else self._bare.u64(place)
        return self._seen_mask() if noted is None else noted

    def _seen_mask(self) -> int | None:
        """Return what the address spaces of active processes show of the mask."""
        kernel = replace(self._kernel, space=self._bare)
        layout = self.layout
        if kernel.optional("PsActiveProcessHead") is None or layout is None:
            return None
        base = roots_of(kernel, np.fromiter(active_list(kernel, Run()), np.uint64))
        return seen_mask(kernel.physical, kernel.mode, layout, base.values[base.known])

    @cached_property
    def pool(self) -> int | None:
        """Where paged pool starts, which some pointers count from."""
        place = self._kernel.optional("MmPagedPoolStart")
        return None if place is None else self._bare.word(place)

    def pointers(self, layout: PteLayout, entries: Addresses) -> tuple[Addresses, Statuses]:
        """Return the addresses of the prototype entries that entries lead to, and Reasons."""
        pool = self.pool if layout.needs_pool else 0
        places = layout.pointers(entries, pool or 0)
        odd = places < np.uint64(self._kernel.space.kernel_start)
        odd |= places & np.uint64(self._kernel.mode.entry_size - 1) != 0
        reason = Reason.PAGED_OUT if pool is None else Reason.MALFORMED
        return places, np.where(odd | (pool is None), np.uint8(reason), np.uint8(0))

    def restored(self, layout: PteLayout, entries: Addresses) -> Addresses:
        """Return the entries without what the kernel set against speculation (L1TF)."""
        if layout.swizzle is None or self.mask == 0:
            return entries
        mask = self.mask
        if mask is None:  # at least the frame is not beyond all memory
            top = 1 << (self._kernel.physical.limit - 1).bit_length()
            mask = int(layout.frame.mask) & ~(top - 1)
        cleared = entries & ~np.uint64(mask)
        return np.where(layout.swizzle.any(entries), entries, cleared)

    def turned(self, layout: PteLayout, entries: Addresses) -> Addresses:
        """Return the entries with the bits of the mask turned over where that may be."""
        if layout.swizzle is None or not self.mask:
            return entries
        return np.where(layout.swizzle.any(entries), entries, entries ^ np.uint64(self.mask))

    def plain(self, layout: PteLayout, entries: Addresses) -> tuple[Addresses, Statuses]:
        """Return the places of pages whose entries are no prototypes, and Reasons."""
        clean = self.restored(layout, entries)
        moving = layout.transition.any(entries)
        found, status = self._in_files(layout, entries, clean)
        found[moving] = layout.frame.of(clean[moving]) << _PAGE_SHIFT
        status[moving] = 0
        return found, status

    def _in_files(
        self, layout: PteLayout, entries: Addresses, clean: Addresses
    ) -> tuple[Addresses, Statuses]:
        # What is not known of the entry is no reason to take it for one that leads nowhere.
        whole = entries if self.mask is None else clean
        number, page = layout.file_number.of(whole), layout.file_page.of(whole)
        status = (number + np.uint64(Reason.IN_PAGE_FILE_0)).astype(np.uint8)
        files = self._kernel.physical.page_files
        sizes = np.array([*files, *([0] * (MOST_PAGE_FILES - len(files)))], np.uint64)
        is_given = number < np.uint64(len(files))
        status[is_given] = Reason.NOT_IN_DUMP
        status[is_given & (page < sizes[number] >> _PAGE_SHIFT)] = 0
        doubtful = layout.only_reserved(entries)
        if layout.swizzle is not None and self.mask is None:
            doubtful = doubtful | ~layout.swizzle.any(entries)
        status = np.where(doubtful, np.uint8(Reason.PAGED_OUT), status)
        status[page == 0] = Reason.DEMAND_ZERO
        status[entries == 0] = Reason.NOT_MAPPED
        step, base = np.uint64(PAGE_FILE_STEP), np.uint64(PAGE_FILE_BASE)
        return base + number * step + (page << _PAGE_SHIFT), status


class PteResolver:
    """Finds what entries of page tables that are not present stand for (a `Resolver`)."""

    def __init__(
        self,
        kernel: WindowsKernel,
        entries: Entries,
        behind: AddressSpace | None = None,
        vads: VadPrototypes | None = None,
    ) -> None:
        """Prototype entries are read from `behind`; without it they are not looked for."""
        self.mode = kernel.mode
        self.vads = vads
        self._entries = entries
        self._behind = behind

    def __call__(
        self, entries: Addresses, vas: Addresses, roots: Addresses, shift: int
    ) -> tuple[Addresses, Statuses]:
        """Return entries to go on with, and Reasons."""
        layout = self._entries.layout
        if layout is None:
            return entries, np.full(len(entries), Reason.PAGED_OUT, np.uint8)
        found, status = self._entries.plain(layout, entries)
        rows = np.flatnonzero(layout.prototype.any(entries))
        if len(rows):
            status[rows] = Reason.PAGED_OUT
            if shift == self.mode.page_shift and self._behind is not None:
                asked = entries[rows], vas[rows], roots[rows]
                found[rows], status[rows] = self._prototypes(layout, self._behind, *asked)
        below = self.mode.levels[1]  # arm64: what is no block has a bit of its own
        return found | np.uint64(below.leaf_mask & ~below.leaf_value), status

    def _prototypes(
        self,
        layout: PteLayout,
        space: AddressSpace,
        entries: Addresses,
        vas: Addresses,
        roots: Addresses,
    ) -> tuple[Addresses, Statuses]:
        """Return what the prototype entries behind entries stand for."""
        places, status = self._entries.pointers(layout, entries)
        others = self._entries.turned(layout, entries)
        asks = layout.asks_vad(entries) | layout.asks_vad(others)
        rows = np.flatnonzero(asks)
        if len(rows):
            status[rows] = Reason.PAGED_OUT
            if self.vads is not None:
                places[rows], status[rows] = self.vads.find(roots[rows], vas[rows])
        values, status = self._read(space, places, status)
        # Pointers are kept as they are; should the kernel have turned bits of one over, it leads
        # to where nothing is.
        rows = np.flatnonzero((status != 0) & (others != entries) & ~asks)
        if len(rows):
            again, reasons = self._read(space, *self._entries.pointers(layout, others[rows]))
            better = reasons == 0
            values[rows[better]], status[rows[better]] = again[better], 0
        return self._decode(layout, values, status)

    def _read(
        self, space: AddressSpace, places: Addresses, status: Statuses
    ) -> tuple[Addresses, Statuses]:
        values, status = np.zeros(len(places), np.uint64), status.copy()
        rows = np.flatnonzero(status == 0)
        data, status[rows] = space.gather(places[rows], self.mode.entry_size)
        kind = f"<u{self.mode.entry_size}"
        values[rows] = np.ascontiguousarray(data).view(kind).reshape(-1)
        return values, status

    def _decode(
        self, layout: PteLayout, values: Addresses, status: Statuses
    ) -> tuple[Addresses, Statuses]:
        """Return where the page of each prototype entry is."""
        found, reasons = self._entries.plain(layout, values)
        # A prototype that is marked as one leads to the part of a file (_MMPTE_SUBSECTION).
        reasons[layout.prototype.any(values)] = Reason.IN_FILE
        present = np.uint64(self.mode.levels[-1].present)
        valid = values & present == present
        found[valid] = values[valid] & np.uint64(self.mode.address_mask)
        reasons[valid] = 0
        return found, np.where(status == 0, reasons, status)


def pte_resolver(kernel: WindowsKernel) -> PteResolver:
    """Return the resolver of a kernel, for its own address space and those of its processes."""
    space = kernel.space
    make = partial(AddressSpace, kernel.physical, kernel.mode, kernel.root)
    entries = Entries(kernel, make(kernel_root=space.kernel_root))
    behind = PteResolver(kernel, entries)
    inner = make(resolver=behind, kernel_root=space.kernel_root)
    vads = VadPrototypes(replace(kernel, space=inner, facts={}))
    return PteResolver(kernel, entries, inner, vads)
