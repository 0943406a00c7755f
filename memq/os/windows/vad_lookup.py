"""Which prototype entry stands for a page whose own entry says to look in the process's VAD."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, distinct_numbers, worst
from memq.errors import Reason
from memq.os.windows.processes import active_list
from memq.os.windows.vad_trees import PAGE_SHIFT, PRIVATE, Vads, vads_of
from memq.run import Run
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.column import Addresses, Statuses
    from memq.os.windows.kernel import WindowsKernel


class VadPrototypes:
    """The VADs of processes, found by the roots of their page tables; walked when asked for."""

    def __init__(self, kernel: WindowsKernel) -> None:
        """`kernel` reads through an address space that asks no VADs itself."""
        self._kernel = kernel
        self._told: set[int] = set()
        self._processes: dict[int, int] = {}
        """Address of the process that each root belongs to."""
        self._walked: dict[int, _Mapped] = {}
        self._is_listed = False

    def learn(self, processes: Addresses) -> None:
        """Take note of processes; nothing is read of them yet."""
        self._told.update(processes.tolist())

    def find(self, roots: Addresses, vas: Addresses) -> tuple[Addresses, Statuses]:
        """Return where the prototype entry of each page is, and Reasons."""
        places = np.zeros(len(vas), np.uint64)
        status = np.full(len(vas), Reason.PAGED_OUT, np.uint8)
        wanted = distinct_numbers(roots)
        self._walk([root for root in wanted.tolist() if root not in self._walked])
        for root in wanted.tolist():
            mapped = self._walked.get(root)
            if mapped is not None:
                rows = np.flatnonzero(roots == root)
                places[rows], status[rows] = mapped.find(vas[rows] >> PAGE_SHIFT)
        return places, status

    def _walk(self, roots: list[int]) -> None:
        """Walk the trees of the processes with these roots, all together."""
        if any(root not in self._processes for root in roots):
            self._list()
        known = [root for root in roots if root in self._processes]
        if not known:
            return
        addresses = np.array([self._processes[root] for root in known], np.uint64)
        processes = self._kernel.structs("_EPROCESS", addresses)
        vads = vads_of(self._kernel, Run(), processes, Cuts(len(known)))
        edges = np.searchsorted(vads.owner, np.arange(len(known) + 1)).tolist()
        for root, start, end in zip(known, edges, edges[1:], strict=False):
            self._walked[root] = _Mapped(self._kernel, vads.take(np.arange(start, end)))

    def _list(self) -> None:
        """Find the roots of all processes that were told of, or are active."""
        kernel = self._kernel
        if not self._is_listed and kernel.optional("PsActiveProcessHead") is not None:
            self._is_listed = True
            self._told.update(active_list(kernel, Run()))
        told = np.array(sorted(self._told - set(self._processes.values())), np.uint64)
        base = roots_of(kernel, told)
        roots = base.values
        for root, address in zip(
            roots[base.known].tolist(), told[base.known].tolist(), strict=True
        ):
            self._processes.setdefault(root, address)


class _Mapped:
    """The VADs of one process, in order."""

    def __init__(self, kernel: WindowsKernel, vads: Vads) -> None:
        self._kernel = kernel
        self._vads = vads

    def find(self, pages: Addresses) -> tuple[Addresses, Statuses]:
        """Return where the prototype entries of pages are, by their numbers."""
        vads = self._vads
        at = np.searchsorted(vads.first, pages, "right").astype(np.int64) - 1
        inside = at >= 0
        if len(vads.first):
            inside &= pages <= vads.last[np.maximum(at, 0)]
        rows = np.flatnonzero(inside)
        places = np.zeros(len(pages), np.uint64)
        status = np.full(len(pages), Reason.PAGED_OUT, np.uint8)
        own = at[rows]
        private = self._kernel.structs("_MMVAD_SHORT", vads.addresses[own])[PRIVATE]
        long = self._kernel.structs("_MMVAD", vads.addresses[own])
        first, last = long["FirstPrototypePte"], long["LastContiguousPte"]
        size = np.uint64(self._kernel.mode.entry_size)
        found = first.values.astype(np.uint64) + (pages[rows] - vads.first[own]) * size
        # Private memory has no prototypes; behind the last one are those of other subsections.
        odd = (private.values != 0) | (found > last.values.astype(np.uint64))
        odd |= first.values < self._kernel.space.kernel_start
        reasons = worst(private.status, first.status, last.status)
        status[rows] = np.where(odd, np.uint8(Reason.PAGED_OUT), np.uint8(0))
        if reasons is not None:
            status[rows] = np.where(reasons == 0, status[rows], reasons)
        places[rows] = found
        return places, status


def roots_of(kernel: WindowsKernel, processes: Addresses) -> Column:
    """Return the root of the page tables of each process (_EPROCESS)."""
    # 5.2 and before: with a second one, of hyperspace.
    place = "Pcb.DirectoryTableBase|Pcb.DirectoryTableBase[0]"
    base = kernel.structs("_EPROCESS", processes)[place]
    return Column(base.values.astype(np.uint64) & np.uint64(kernel.mode.root_mask), base.status)


def learn(kernel: WindowsKernel, processes: Addresses) -> None:
    """Have the pages of processes found that no list of the kernel need have."""
    resolver = kernel.space.resolver
    vads = getattr(resolver, "vads", None)
    if isinstance(vads, VadPrototypes):
        vads.learn(processes)
