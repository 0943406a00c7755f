"""Walks over the kernel's lists and tables, each bounded and each saying where it ended too early.

A doubly linked list with one head is walked element by element through scalar reads, which for the
task list is faster than columns and lets a query that takes three elements stop after three. Many
lists are walked in lockstep, a step of all at once. An xarray (lib/xarray.c) goes level by level.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from memq.column import is_among
from memq.errors import Reason
from memq.os.linux.base import KERNEL_HALF
from memq.schema.batch import Cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes, Statuses
    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run

BATCHES = (16, 64, 256)
"""Sizes of the batches of a source: small first, so that the first rows are there at once."""

FEW = 8
"""Up to so many lists are walked one by one."""


class Cuts:
    """For each parent of a walk, why its children are not all there, and where the walk ended.

    The first thing said of a parent stays.
    """

    def __init__(self, parents: int) -> None:
        self.status = np.zeros(parents, np.uint8)
        self.at = np.zeros(parents, np.uint64)

    def mark(self, parents: Indexes, reason: Reason | Statuses, at: Addresses | int = 0) -> None:
        """Say it of these parents; in an array of reasons, NULL and KNOWN are none."""
        reasons = np.broadcast_to(np.asarray(reason, np.uint8), parents.shape)
        places = np.broadcast_to(np.asarray(at, np.uint64), parents.shape)
        new = np.flatnonzero((reasons > Reason.NULL) & (self.status[parents] == 0))[::-1]
        self.status[parents[new]] = reasons[new]
        self.at[parents[new]] = places[new]

    def columns(self) -> tuple[Statuses | None, Addresses | None]:
        """Return what a Collection takes as `cut` and `cut_at`."""
        return (self.status, self.at) if self.status.any() else (None, None)


def within(counts: Indexes, owner: Indexes, limit: int, cuts: Cuts) -> Indexes:
    """Return the counts of children, the rest zero once their sum is beyond the limit."""
    total = np.cumsum(counts)
    over = total > limit
    if not over.any():
        return counts
    cuts.mark(owner[over], Reason.LIMIT)
    return np.where(over, 0, counts)


def reason_at(kernel: LinuxKernel, address: int) -> Reason:
    """Return why an address that could not be read could not."""
    place = kernel.space.translate(address)
    return place if isinstance(place, Reason) else Reason.NOT_IN_DUMP


@dataclass
class ListWalk:
    """The structures of one doubly linked list, from first to last.

    `head` is the address of the list's head, `offset` that of the link in the structures. After the
    iteration `cut` says whether it ended before it was back at the head.
    """

    kernel: LinuxKernel
    run: Run
    what: str
    """What the list is, for people: `task list`."""
    head: int
    offset: int
    cut: Cut | None = None
    seen: set[int] = field(default_factory=set)
    place: int = 0
    """The last link, from which the walk goes on; 0 is the head."""

    def __iter__(self) -> Iterator[int]:
        self.place = self.place or self.head
        read, head, seen = self.kernel.space.u64, self.head, self.seen
        while (link := read(self.place)) != head:
            reason = self._judge(link)
            if link is None or reason is not None:
                self.cut = Cut(reason or Reason.NOT_IN_DUMP, self._text(link, reason))
                return
            seen.add(link)
            self.place = link
            yield link - self.offset
            if not len(seen) & 0xFFF:
                self.run.check()

    def _judge(self, link: int | None) -> Reason | None:
        """Return why the walk cannot go on to a link."""
        if link is None:
            return reason_at(self.kernel, self.place)
        if link < KERNEL_HALF or link & 7:
            return Reason.MALFORMED
        if link in self.seen:
            return Reason.LOOP
        if len(self.seen) >= self.run.limits.list_length:
            return Reason.LIMIT
        return None

    def _text(self, link: int | None, reason: Reason | None) -> str:
        where = f"{self.place:#x}" if link is None else f"{link:#x}, named by {self.place:#x}"
        text = (reason or Reason.NOT_IN_DUMP).text
        return f"{self.what} cut short after {len(self.seen)} elements: {where}: {text}"


def batched(addresses: Iterable[int]) -> Iterator[Addresses]:
    """Give the addresses in batches of growing size."""
    sizes = iter(BATCHES)
    size = next(sizes)
    batch: list[int] = []
    for address in addresses:
        batch.append(address)
        if len(batch) == size:
            yield np.array(batch, np.uint64)
            batch, size = [], next(sizes, size)
    if batch:
        yield np.array(batch, np.uint64)


@dataclass(frozen=True, slots=True)
class Found:
    """Children of many parents: `owner` is the parent of each, non-decreasing."""

    addresses: Addresses
    owner: Indexes


def lists(kernel: LinuxKernel, run: Run, heads: Addresses, cuts: Cuts, offset: int) -> Found:
    """Walk many lists, a step of all at once, to the structures whose link is at the offset.

    Heads of 0 are of no list. The order is each list's own.
    """
    owner = np.flatnonzero(heads != 0)
    place = heads[owner]
    found: list[Found] = []
    total = 0
    while len(owner) > FEW:
        run.check()
        data, status = kernel.space.gather(place, 8)
        cuts.mark(owner, status, place)
        link = data.view(np.uint64)[:, 0]
        ended = (status != 0) | (link == heads[owner])
        bad = ~ended & ((link < KERNEL_HALF) | (link & np.uint64(7) != 0))
        cuts.mark(owner[bad], Reason.MALFORMED, link[bad])
        going = ~(ended | bad)
        owner, place = owner[going], link[going]
        if len(found) & (len(found) - 1) == 0:  # at powers of two: any loop is met, at little cost
            again = _seen(owner, place, found)
            cuts.mark(owner[again], Reason.LOOP, place[again])
            owner, place = owner[~again], place[~again]
        total += len(owner)
        if len(found) >= run.limits.list_length or total > run.limits.children:
            cuts.mark(owner, Reason.LIMIT, place)
            owner = owner[:0]
        else:
            found.append(Found(place, owner))
    rest = [
        _rest(ListWalk(kernel, run, "list", int(heads[parent]), 0), parent, at, found, cuts)
        for parent, at in zip(owner.tolist(), place[: len(owner)].tolist(), strict=True)
    ]
    return _in_order([*found, *rest], cuts, offset)


def _rest(walk: ListWalk, parent: int, place: int, found: list[Found], cuts: Cuts) -> Found:
    """Walk on along one list through scalar reads, which for few lists are faster."""
    walk.place = place
    walk.seen = {
        int(step.addresses[row]) for step in found for row in np.flatnonzero(step.owner == parent)
    }
    links = np.fromiter(walk, np.uint64)
    if walk.cut is not None:
        cuts.mark(np.array([parent]), walk.cut.reason, walk.place)
    return Found(links, np.full(len(links), parent, np.int64))


def _keys(owner: Indexes, place: Addresses) -> Addresses:
    """Mix the number of a list with a place in it, so that lists may share places."""
    return place ^ (owner.astype(np.uint64) << np.uint64(44))


def _seen(owner: Indexes, place: Addresses, found: list[Found]) -> NDArray[np.bool_]:
    """Where a list is at a place at which it was before."""
    if not found:
        return np.zeros(len(owner), bool)
    before = np.concatenate([_keys(step.owner, step.addresses) for step in found])
    return is_among(_keys(owner, place), before)


def _in_order(found: list[Found], cuts: Cuts, offset: int) -> Found:
    """Return what was found step by step in the order of owners, and of each in its list's."""
    if not found:
        return Found(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    owner = np.concatenate([step.owner for step in found])
    place = np.concatenate([step.addresses for step in found])
    if (cuts.status == Reason.LOOP).any():
        first = np.sort(np.unique(_keys(owner, place), return_index=True)[1])
        owner, place = owner[first], place[first]
    order = np.argsort(owner, kind="stable")
    return Found(place[order] - np.uint64(offset), owner[order])


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
            self._mark(reason_at(self.kernel, self.head), self.head)
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
        first = np.sort(np.unique(nodes, return_index=True)[1])
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
