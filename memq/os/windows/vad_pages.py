"""What the page tables say of VADs: which of their pages are there, and may be written or run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, worst
from memq.errors import Reason
from memq.layers.pagecounts import PageCounts, Ranges, count_pages
from memq.node import dataclass
from memq.os.common import distinct_addresses
from memq.os.windows.pte import pte_layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.column import Addresses, Indexes, Statuses
    from memq.layers.space import AddressSpace
    from memq.os.windows.kernel import WindowsKernel

_HEADER = 64
"""Bytes of IMAGE_DOS_HEADER; the last four are e_lfanew."""


@dataclass(frozen=True, slots=True)
class CountColumns:
    """Counts of pages, a row for each VAD."""

    counts: PageCounts
    index: Indexes
    knows_rights: bool
    knows_transition: bool

    def take(self, index: Indexes) -> CountColumns:
        """Return those of some of the VADs."""
        return replace(self, index=self.index[index])

    def column(self, name: str) -> Column:
        """Return one of the counts."""
        status = self.counts.status if self.counts.status.any() else None
        return Column(getattr(self.counts, name), status).take(self.index)

    def right(self, name: str) -> Column:
        """Return the count of pages with a right, where the tables' bits are known."""
        return self._if(self.column(name), is_known=self.knows_rights)

    @property
    def transition(self) -> Column:
        """Pages in transition."""
        return self._if(self.column("absent"), is_known=self.knows_transition)

    def _if(self, found: Column, *, is_known: bool) -> Column:
        return found.but(np.full(len(found), not is_known), Reason.NOT_IN_KERNEL)


def page_counts(
    kernel: WindowsKernel,
    roots: Column,
    first: Column,
    last: Column,
    check: Callable[[], None],
) -> CountColumns:
    """Count the pages of VADs from the page `first` to `last`, each in its own root's tables."""
    layout = pte_layout(kernel.types, kernel.mode)
    # No entry fits a mask of nothing whose value is something.
    absent = (0, 1)
    if layout is not None:
        value = int(layout.transition.mask)
        absent = (value | int(layout.prototype.mask), value)
    order, index = _in_order(roots.values, first.values, last.values)
    tops, owner = distinct_addresses(roots.values[order])
    ranges = Ranges(tops, owner, first.values[order], last.values[order])
    counts = count_pages(kernel.physical, kernel.mode, ranges, absent, check)
    unknown = worst(first.status, last.status, roots.status)
    if unknown is not None:
        own = unknown[order]
        counts = replace(counts, status=np.where(own == 0, counts.status, own))
    # Of x86 alone the bits of rights are counted; elsewhere the second lowest says what is a page.
    knows_rights = kernel.mode.levels[-1].present == 1
    return CountColumns(counts, index, knows_rights, layout is not None)


def _in_order(*keys: Addresses) -> tuple[Indexes, Indexes]:
    """Return distinct rows in the order of the keys, and for each row which of them it equals."""
    order = np.lexsort(keys[::-1])
    is_new = np.ones(len(order), bool)
    if len(order):
        is_new[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    index = np.zeros(len(order), np.int64)
    index[order] = np.cumsum(is_new) - 1
    return order[is_new], index


def has_pe_header(space: AddressSpace, starts: Column, sizes: Column, roots: Column) -> Column:
    """Return whether each range begins with `MZ` and has a PE signature where that leads to."""
    status = np.maximum(np.maximum(starts.statuses, sizes.statuses), roots.statuses)
    found = np.zeros(len(starts), bool)
    rows = np.flatnonzero(status == 0)
    data, status[rows] = space.gather(starts.values[rows], _HEADER, roots.values[rows])
    begins = (data[:, 0] == ord("M")) & (data[:, 1] == ord("Z"))
    offset = np.ascontiguousarray(data[:, 60:]).view("<u4")[:, 0].astype(np.uint64)
    begins &= offset + np.uint64(4) <= sizes.values[rows].astype(np.uint64)
    rows, offset = rows[begins], offset[begins]
    data, reasons = space.gather(starts.values[rows] + offset, 4, roots.values[rows])
    found[rows] = (data == np.frombuffer(b"PE\0\0", np.uint8)).all(axis=1)
    status[rows] = reasons
    return Column(found, _some(status))


def _some(status: Statuses) -> Statuses | None:
    return status if status.any() else None
