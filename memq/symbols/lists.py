"""Linked lists of structures: one through scalar reads, many in lockstep, a step of all at once.

Each walk is bounded, sees loops, and says where and why it ended too early. What a list is made of
is a word that leads to the next one: `next` of a list_head, whose last link leads back to the head,
or of an hlist_node, whose last link is null.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from memq.column import distinct_rows, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.symbols.structs import Space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes, Statuses
    from memq.run import Run

KERNEL_HALF = np.uint64(1 << 63)
"""Every address of a kernel of 64 bits has the highest bit set."""

FEW = 8
"""Up to so many lists are walked one by one."""


class Words(Space, Protocol):
    """What lists are read from: an address space, or anything that reads like one."""

    @property
    def word_size(self) -> int:
        """Bytes of a pointer."""

    @property
    def kernel_start(self) -> int:
        """The lowest address of the kernel's half."""

    def word(self, va: int) -> int | None:
        """Return the pointer at an address, None if it cannot be read."""

    def words(self, vas: Addresses) -> tuple[Addresses, Statuses]:
        """Return the pointer at each address (0 where there is none) and Reasons."""

    def translate(self, va: int) -> int | Reason:
        """Return where an address lies, or why that is not known."""


class Cuts:
    """For each parent of a walk, why its children are not all there, and where the walk ended.

    The first thing said of a parent stays.
    """

    def __init__(self, parents: int) -> None:
        self.status = np.zeros(parents, np.uint8)
        self.at = np.zeros(parents, np.uint64)

    def mark(self, parents: Indexes, reason: Reason | Statuses, at: Addresses | int = 0) -> None:
        """Say it of these parents; in an array of reasons, NULL and KNOWN are none."""
        if not len(parents) or not (np.asarray(reason) > Reason.NULL).any():
            return
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


def reason_at(space: Space, address: int, size: int = 8) -> Reason:
    """Return why bytes that could not be read could not; they may lie on several pages."""
    _, status = space.gather(np.array([address], np.uint64), size)
    return Reason(int(status[0])) or Reason.NOT_IN_DUMP


@dataclass(slots=True)
class Chain:
    """The links of one list, one after the other, through scalar reads.

    After the iteration `reason` says why it ended too early, if it did.
    """

    space: Words
    run: Run
    head: int
    end: int
    """What the last link holds: the head's own address, or 0."""
    place: int = 0
    """The last link, from which the walk goes on; 0 is the head."""
    seen: set[int] = field(default_factory=set)
    following: int | None = None
    """Where the walk could not go on to; None: what is at `place` could not be read."""
    reason: Reason | None = None

    def __iter__(self) -> Iterator[int]:
        self.place = self.place or self.head
        read, end, seen = self.space.word, self.end, self.seen
        while (link := read(self.place)) != end:
            reason = self._judge(link)
            if link is None or reason is not None:
                self.following, self.reason = link, reason or Reason.NOT_IN_DUMP
                return
            seen.add(link)
            self.place = link
            yield link
            if not len(seen) & 0xFFF:
                self.run.check()

    def _judge(self, link: int | None) -> Reason | None:
        """Return why the walk cannot go on to a link."""
        if link is None:
            return reason_at(self.space, self.place)
        space = self.space
        if link < space.kernel_start or link & (space.word_size - 1):
            return Reason.MALFORMED
        if link in self.seen:
            return Reason.LOOP
        if len(self.seen) >= self.run.limits.list_length:
            return Reason.LIMIT
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """Children of many parents: `owner` is the parent of each, non-decreasing."""

    addresses: Addresses
    owner: Indexes


def lists(
    space: Words,
    run: Run,
    heads: Addresses,
    cuts: Cuts,
    offset: int,
    *,
    is_ring: bool = True,
) -> Found:
    """Walk many lists, a step of all at once, to the structures whose link is at the offset.

    Heads of 0 are of no list. The order is each list's own. A list that is no ring ends in a null.
    """
    half, odd = np.uint64(space.kernel_start), np.uint64(space.word_size - 1)
    ends = heads if is_ring else np.zeros(len(heads), np.uint64)
    owner = np.flatnonzero(heads != 0)
    place = heads[owner]
    found: list[Found] = []
    total = 0
    while len(owner) > FEW:
        run.check()
        link, status = space.words(place)
        cuts.mark(owner, status, place)
        ended = (status != 0) | (link == ends[owner])
        bad = ~ended & ((link < half) | (link & odd != 0))
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
        _rest(Chain(space, run, int(heads[parent]), int(ends[parent]), at), parent, found, cuts)
        for parent, at in zip(owner.tolist(), place[: len(owner)].tolist(), strict=True)
    ]
    return _in_order([*found, *rest], cuts, offset)


def _rest(chain: Chain, parent: int, found: list[Found], cuts: Cuts) -> Found:
    """Walk on along one list through scalar reads, which for few lists are faster."""
    chain.seen = {
        int(step.addresses[row]) for step in found for row in np.flatnonzero(step.owner == parent)
    }
    links = np.fromiter(chain, np.uint64)
    if chain.reason is not None:
        cuts.mark(np.array([parent]), chain.reason, chain.place)
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
        first = np.sort(distinct_rows(_keys(owner, place))[0])
        owner, place = owner[first], place[first]
    order = np.argsort(owner, kind="stable")
    return Found(place[order] - np.uint64(offset), owner[order])
