"""Walks over the kernel's own tables, each bounded and each saying where it ended too early.

An xarray (lib/xarray.c) goes level by level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import distinct_rows
from memq.errors import Reason
from memq.schema.batch import Cut
from memq.symbols.lists import reason_at

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run

# An xarray: nodes of 64 slots, and in the head or a slot either a node or what is kept there.

_CHUNK_SHIFT = 6
_RESERVED = np.uint64(4096)
"""Internal entries up to here are marks (retry, sibling, zero), not nodes."""


class XArrayWalk:
    """The entries of one xarray, in order of their index, level by level."""

    def __init__(self, kernel: LinuxKernel, run: Run, what: str, head: int) -> None:
        """Take what the array is, for people, and the address of its `xa_head`."""
        self.kernel = kernel
        self.run = run
        self.what = what
        self.head = head
        self.cut: Cut | None = None

    def entries(self) -> Addresses:
        """Return what is kept in the array; `cut` says afterwards why that is not all."""
        first = self.kernel.space.u64(self.head)
        if first is None:
            self._mark(reason_at(self.kernel.space, self.head), self.head)
            return np.zeros(0, np.uint64)
        level = np.array([first], np.uint64)
        shift: int | None = None
        values: list[Addresses] = []
        while len(level):
            self.run.check()
            kind = level & np.uint64(3)
            values.append(level[(kind == 0) & (level != 0)])
            nodes = level[(kind == 2) & (level > _RESERVED)] - np.uint64(2)
            level, shift = self._below(nodes, shift)
        return np.concatenate(values)

    def _below(self, nodes: Addresses, shift: int | None) -> tuple[Addresses, int | None]:
        """Return what is in the slots of the nodes of a level, and the shift of the next level."""
        if not len(nodes):
            return nodes, shift
        if shift is not None and shift < 0:
            self._mark(Reason.MALFORMED, int(nodes[0]))
            return nodes[:0], shift
        first = np.sort(distinct_rows(nodes)[0])
        if len(first) < len(nodes):
            self._mark(Reason.LOOP, int(nodes[0]))
            nodes = nodes[first]
        if len(nodes) > self.run.limits.list_length >> _CHUNK_SHIFT:
            self._mark(Reason.LIMIT, int(nodes[0]))
            nodes = nodes[: self.run.limits.list_length >> _CHUNK_SHIFT]
        return self._slots(nodes, shift)

    def _slots(self, nodes: Addresses, shift: int | None) -> tuple[Addresses, int]:
        layout = self.kernel.types.required("xa_node")
        slots = layout.member("slots")
        data, status = self.kernel.space.gather(nodes, slots.end)
        shifts = data[:, layout.offset("shift")]
        level = int(shifts[0]) if shift is None else shift
        wrong = (shifts != level) | (level % _CHUNK_SHIFT != 0) | (level >= 64)
        status = np.where(wrong & (status == 0), np.uint8(Reason.MALFORMED), status)
        if status.any():
            row = int(np.flatnonzero(status)[0])
            self._mark(Reason(int(status[row])), int(nodes[row]))
        table = np.ascontiguousarray(data[status == 0][:, slots.offset :]).view(np.uint64)
        return table.reshape(-1), level - _CHUNK_SHIFT

    def _mark(self, reason: Reason, address: int) -> None:
        if self.cut is None:
            self.cut = Cut(reason, f"{self.what} cut short: {address:#x}: {reason.text}")
