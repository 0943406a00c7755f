"""The VADs of many processes at once: their trees, level by level.

Each node is a VAD and has the pages StartingVpn to EndingVpn, between those of its neighbours. So
the range in which a node must lie gets smaller at each step down, and no walk can loop: a node that
lies outside of it is not part of the tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from memq.column import Column, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.symbols.lists import Cuts, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes, Statuses
    from memq.layers.space import AddressSpace
    from memq.run import Run
    from memq.symbols.structs import Structs
    from memq.symbols.types import Types

MAX_LEVELS = 1 << 14
"""The trees are balanced; only those before 5.2 are splay trees, which may be as deep as large."""

# 8.1: a tree of its own type; 5.2 to 8: a table, whose first node's right child is the root; 5.1: a
# pointer.
ROOT = "VadRoot.Root|VadRoot.BalancedRoot.RightChild|VadRoot"
COUNT = "VadCount|VadRoot.NumberGenericTableElements"  # since 8; 5.2 to 7
# 8.1, 8: links lead to the VadNode of a VAD; before, to the VAD.
LEFT = "VadNode.Left|VadNode.LeftChild|LeftChild"
RIGHT = "VadNode.Right|VadNode.RightChild|RightChild"

PRIVATE = "u.VadFlags.PrivateMemory"
PAGE_SHIFT = np.uint64(12)
_HIGH_SHIFT = np.uint64(32)


class OfProcesses(Protocol):
    """A kernel, as far as the trees of its processes are read."""

    @property
    def space(self) -> AddressSpace:
        """What its structures are read from."""

    @property
    def types(self) -> Types:
        """The layouts of its structures."""

    def structs(self, name: str, addresses: Addresses, status: Statuses | None = None) -> Structs:
        """Return the structures of one type at the addresses."""


@dataclass(frozen=True, slots=True)
class Vads:
    """VADs of many processes, by owner and start; the ranges in numbers of pages, last included."""

    addresses: Addresses
    first: Addresses
    last: Addresses
    owner: Indexes

    def take(self, rows: Indexes | NDArray[np.bool_]) -> Vads:
        """Return the VADs at the rows."""
        return Vads(self.addresses[rows], self.first[rows], self.last[rows], self.owner[rows])


@dataclass(frozen=True, slots=True)
class _Level:
    """Links of one level, each with the range that what is below it must lie in."""

    links: Addresses
    low: Addresses
    limit: Addresses
    owner: Indexes

    def take(self, rows: Indexes | NDArray[np.bool_]) -> _Level:
        return _Level(self.links[rows], self.low[rows], self.limit[rows], self.owner[rows])


def vads_of(kernel: OfProcesses, run: Run, processes: Structs, cuts: Cuts) -> Vads:
    """Walk the trees of all processes (_EPROCESS); cuts say where one is not whole."""
    root = processes[ROOT]
    cuts.mark(np.arange(len(processes)), root.statuses)
    owner = np.flatnonzero(root.known & (root.values != 0))
    zeros = np.zeros(len(owner), np.uint64)
    limit = np.full(len(owner), 1 << kernel.space.word_size * 8 - 12, np.uint64)
    level = _Level(root.values[owner].astype(np.uint64), zeros, limit, owner)
    pieces = _Walk(kernel, run, cuts).walk(level)
    found = _sorted(pieces)
    _count(processes, found, cuts)
    return found


def page_numbers(vads: Structs, which: str) -> Column:
    """Return StartingVpn or EndingVpn of VADs; 8.1 has four bytes of it, and the rest elsewhere."""
    low, name = vads[which], f"{which}High"
    if not vads.has(name):
        return Column(low.values.astype(np.uint64), low.status)
    high = vads[name].values.astype(np.uint64)
    return Column(low.values.astype(np.uint64) | high << _HIGH_SHIFT, low.status)


class _Walk:
    """One walk over many trees."""

    def __init__(self, kernel: OfProcesses, run: Run, cuts: Cuts) -> None:
        self.kernel = kernel
        self.run = run
        self.cuts = cuts
        layout = kernel.types.struct("_MMVAD_SHORT")
        node = None if layout is None else layout.find("VadNode")
        self.shift = np.uint64(0 if node is None else node.offset)
        self.seen: list[Addresses] = []
        self.left = run.limits.children

    def walk(self, level: _Level) -> list[Vads]:
        """Return the VADs of each level."""
        pieces: list[Vads] = []
        for _ in range(MAX_LEVELS):
            if not len(level.links):
                break
            self.run.check()
            found, level = self._step(level)
            pieces.append(found)
        self.cuts.mark(level.owner, Reason.LIMIT, level.links)
        return pieces

    def _step(self, level: _Level) -> tuple[Vads, _Level]:
        """Read the nodes of a level; return those that are some, and what is below them."""
        addresses = level.links - self.shift
        odd = addresses < np.uint64(self.kernel.space.kernel_start)
        self.cuts.mark(level.owner[odd], Reason.MALFORMED, addresses[odd])
        nodes = self.kernel.structs("_MMVAD_SHORT", addresses, _reasons(odd))
        first, last = page_numbers(nodes, "StartingVpn"), page_numbers(nodes, "EndingVpn")
        inside = (first.values >= level.low) & (last.values < level.limit)
        inside &= first.values <= last.values
        self.cuts.mark(level.owner, first.statuses, addresses)
        self._complain(level, first.known & ~inside, addresses)
        good = np.flatnonzero(first.known & inside)
        found = Vads(addresses[good], first.values[good], last.values[good], level.owner[good])
        self.seen.append(found.addresses)
        return found, self._below(found, level.take(good), nodes.take(good))

    def _complain(self, level: _Level, wrong: NDArray[np.bool_], addresses: Addresses) -> None:
        """Say of nodes out of order whether they were met before."""
        if wrong.any():
            again = is_among(addresses[wrong], np.concatenate([*self.seen, addresses[:0]]))
            reason = np.where(again, np.uint8(Reason.LOOP), np.uint8(Reason.MALFORMED))
            self.cuts.mark(level.owner[wrong], reason, addresses[wrong])

    def _below(self, found: Vads, level: _Level, nodes: Structs) -> _Level:
        """Return the children, as far as the limit goes."""
        links = np.stack([nodes[LEFT].values, nodes[RIGHT].values], axis=1).astype(np.uint64)
        low = np.stack([level.low, found.last + np.uint64(1)], axis=1)
        limit = np.stack([found.first, level.limit], axis=1)
        counts = within((links != 0).sum(axis=1), found.owner, self.left, self.cuts)
        self.left -= int(counts.sum())
        row, side = np.nonzero((links != 0) & (counts > 0)[:, None])
        return _Level(links[row, side], low[row, side], limit[row, side], found.owner[row])


def _reasons(odd: NDArray[np.bool_]) -> Statuses:
    return np.where(odd, np.uint8(Reason.MALFORMED), np.uint8(0))


def _sorted(pieces: list[Vads]) -> Vads:
    """Join what was found level by level, in order of owner and start."""
    nothing = np.zeros(0, np.uint64)
    if not pieces:
        return Vads(nothing, nothing, nothing, np.zeros(0, np.int64))
    joined = Vads(
        np.concatenate([piece.addresses for piece in pieces]),
        np.concatenate([piece.first for piece in pieces]),
        np.concatenate([piece.last for piece in pieces]),
        np.concatenate([piece.owner for piece in pieces]),
    )
    few = 1 << 36
    if len(joined.first) and int(joined.first.max()) < few and int(joined.owner.max()) < 1 << 27:
        # As one number; two keys take three times as long.
        order = np.argsort(joined.owner.astype(np.uint64) << np.uint64(36) | joined.first)
    else:
        order = np.lexsort((joined.first, joined.owner))
    return joined.take(order)


def _count(processes: Structs, found: Vads, cuts: Cuts) -> None:
    """Compare with the kernel's own count, where it has one."""
    count = processes[COUNT]
    walked = np.bincount(found.owner, minlength=len(processes))
    missing = count.known & (walked.astype(np.uint64) < count.values.astype(np.uint64))
    cuts.mark(np.flatnonzero(missing), Reason.MISCOUNTED, processes.addresses[missing])
