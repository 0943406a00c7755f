"""The mappings of many address spaces at once: maple trees and red-black trees, level by level.

Maple trees (lib/maple_tree.c, in Linux 6.1 and later): a node is 256 bytes, and a pointer to one
carries its type. The slots of a node cover its range one after the other, slot i up to and with
pivot i; a pivot of 0 behind the first, or one that reaches the node's last address, ends them: what
follows is garbage, and the last slot may be overlaid by metadata. A node knows its parent, and the
ranges of its slots lie within its own, so that no walk can loop unnoticed.

Red-black trees (before 6.1): every mapping is a node, and knows its parent too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.symbols.lists import KERNEL_HALF, Cuts, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes
    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

MAX_LEVELS = 48
"""A maple tree of 2^24 mappings has 8 levels, a red-black one 46 at most."""

AT_ONCE = 4096
"""Nodes that are looked at together: as many as a processor's cache holds."""

_NODE_MASK = np.uint64(0xFF)
_TYPE_SHIFT, _TYPE_MASK = np.uint64(3), np.uint64(0xF)
_LAST = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Mappings:
    """Mappings of many address spaces, by owner and start."""

    addresses: Addresses
    starts: Addresses
    owner: Indexes


def mappings(kernel: LinuxKernel, run: Run, spaces: Structs, cuts: Cuts) -> Mappings:
    """Walk the trees of all address spaces (mm_struct) at once; cuts say where one is not whole."""
    cuts.mark(np.arange(len(spaces)), spaces["map_count"].statuses)
    if spaces.has("mm_mt.ma_root"):  # d4af56c5c7c6 (6.1): maple tree instead of red-black tree
        found = _maple(kernel, run, spaces, cuts)
    else:
        found = _red_black(kernel, run, spaces, cuts)
    _count(spaces, found, cuts)
    return found


def _count(spaces: Structs, found: Mappings, cuts: Cuts) -> None:
    """Compare with the kernel's own count."""
    count = spaces["map_count"]
    walked = np.bincount(found.owner, minlength=len(spaces))
    missing = count.known & (walked < count.values)
    cuts.mark(np.flatnonzero(missing), Reason.MISCOUNTED, spaces.addresses[missing])


def _sorted(run: Run, pieces: list[Mappings], cuts: Cuts) -> Mappings:
    """Join what was found level by level, in order of owner and start, up to the run's limit."""
    run.check()
    if not pieces:
        return Mappings(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int64))
    addresses = np.concatenate([piece.addresses for piece in pieces])
    starts = np.concatenate([piece.starts for piece in pieces])
    owner = np.concatenate([piece.owner for piece in pieces])
    order = _order(owner, starts)
    if order is not None:
        addresses, starts, owner = addresses[order], starts[order], owner[order]
    run.check()
    limit = run.limits.children
    if len(owner) > limit:
        cuts.mark(owner[limit:], Reason.LIMIT, addresses[limit:])
        addresses, starts, owner = addresses[:limit], starts[:limit], owner[:limit]
    return Mappings(addresses, starts, owner)


def _order(owner: Indexes, starts: Addresses) -> Indexes | None:
    """Return the rows by owner and start; None if they are so already.

    One space's mappings come from one level, in order, so that the owners alone need sorting; and
    numbers of 16 bits numpy sorts in linear time.
    """
    if _is_ordered(owner, starts):
        return None
    few = len(owner) == 0 or int(owner.max()) < 1 << 16
    order = np.argsort(owner.astype(np.uint16) if few else owner, kind="stable")
    if _is_ordered(owner[order], starts[order]):
        return order
    return np.lexsort((starts, owner))


def _is_ordered(owner: Indexes, starts: Addresses) -> bool:
    same, later = owner[1:] == owner[:-1], owner[1:] > owner[:-1]
    return bool((later | (same & (starts[1:] > starts[:-1]))).all())


# Maple trees


@dataclass(frozen=True, slots=True)
class _Level:
    """Entries of one level: encoded nodes with the range that each has to cover."""

    entries: Addresses
    parents: Addresses
    """The node in which the entry stands; of a root 0."""
    first: Addresses
    last: Addresses
    owner: Indexes

    def take(self, rows: Indexes | NDArray[np.bool_]) -> _Level:
        return _Level(
            self.entries[rows], self.parents[rows], self.first[rows], self.last[rows],
            self.owner[rows],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a type of node has its pivots and slots, in words of 8 bytes."""

    pivots: slice
    slots: slice


def _layout(kernel: LinuxKernel, name: str) -> _Layout:
    struct = kernel.types.required(name)
    pivot, slot = struct.member("pivot"), struct.member("slot")
    return _Layout(slice(pivot.offset // 8, pivot.end // 8), slice(slot.offset // 8, slot.end // 8))


class _MapleWalk:
    """One walk over many trees."""

    def __init__(self, kernel: LinuxKernel, run: Run, cuts: Cuts) -> None:
        self.kernel = kernel
        self.run = run
        self.cuts = cuts
        self.seen: list[Addresses] = []
        self.node_size = kernel.types.required("maple_node").size
        number = kernel.types.enumerator
        leaf, inner, gaps = (
            number(name) or usual
            for usual, name in enumerate(("maple_leaf_64", "maple_range_64", "maple_arange_64"), 1)
        )
        plain = _layout(kernel, "maple_range_64")
        self.leaf = leaf
        self.layouts = {leaf: plain, inner: plain, gaps: _layout(kernel, "maple_arange_64")}

    def walk(self, level: _Level) -> list[Mappings]:
        """Return the entries of all leaves, level by level."""
        pieces: list[Mappings] = []
        for _ in range(MAX_LEVELS):
            if not len(level.entries):
                break
            below: list[_Level] = []
            for start in range(0, len(level.entries), AT_ONCE):
                self.run.check()
                rows = np.arange(start, min(start + AT_ONCE, len(level.entries)))
                self._expand(level.take(rows), pieces, below)
            level = self._next(below)
        self.cuts.mark(level.owner, Reason.LOOP, level.entries)
        return pieces

    def _expand(self, level: _Level, pieces: list[Mappings], below: list[_Level]) -> None:
        """Read nodes of one level; put what is in leaves to the pieces, and other nodes below."""
        nodes, words = self._read(level)
        kinds = (nodes.entries >> _TYPE_SHIFT & _TYPE_MASK).astype(np.int64)
        for kind, layout in self.layouts.items():
            rows = np.flatnonzero(kinds == kind)
            if not len(rows):
                continue
            all_same = len(rows) == len(kinds)
            inside = self._inside(
                nodes if all_same else nodes.take(rows), words if all_same else words[rows], layout
            )
            if kind == self.leaf:
                pieces.append(self._mappings(inside))
            else:
                below.append(inside)

    def _read(self, level: _Level) -> tuple[_Level, NDArray[np.uint64]]:
        """Read the nodes of a level; keep those that are nodes, and children of their parents."""
        address = level.entries & ~_NODE_MASK
        kinds = level.entries >> _TYPE_SHIFT & _TYPE_MASK
        odd = (level.entries & np.uint64(4) == 0) | (address < KERNEL_HALF)
        odd |= ~is_among(kinds, np.array(list(self.layouts), np.uint64))
        self.cuts.mark(level.owner[odd], Reason.MALFORMED, level.entries[odd])
        if odd.any():
            level, address = level.take(~odd), address[~odd]
        data, status = self.kernel.space.gather(address, self.node_size)
        words = data.view(np.uint64)
        links = words[:, 0] & ~_NODE_MASK
        is_root = level.parents == 0
        wrong = np.where(is_root, words[:, 0] & np.uint64(1) == 0, links != level.parents)
        wrong |= level.parents == address
        dead = (links == address) & ~is_root & (level.parents != address)
        wrong = wrong & (status == 0)
        if wrong.any():
            # A node that was replaced while the dump was taken links to itself, and is still whole.
            self.cuts.mark(level.owner[dead], Reason.MALFORMED, address[dead])
            again = is_among(address, np.concatenate([*self.seen, address[:0]]))
            reason = np.where(again, np.uint8(Reason.LOOP), np.uint8(Reason.MALFORMED))
            status = np.where(wrong & ~dead, reason, status)
        self.cuts.mark(level.owner, status, address)
        good = status == 0
        self.seen.append(address[good])
        return (level, words) if good.all() else (level.take(good), words[good])

    def _inside(self, nodes: _Level, words: NDArray[np.uint64], layout: _Layout) -> _Level:
        """Return what is in the slots of nodes of one layout, with the range of each."""
        slots = words[:, layout.slots]
        count = slots.shape[1]
        last = np.empty(slots.shape, np.uint64)
        last[:, :-1] = words[:, layout.pivots][:, : count - 1]
        last[:, -1] = nodes.last
        open_ended = last == 0
        open_ended[:, 0] = False
        last = np.where(open_ended, nodes.last[:, None], last)
        end = np.argmax(last >= nodes.last[:, None], axis=1)
        used = np.arange(count) <= end[:, None]
        first = np.empty(slots.shape, np.uint64)
        first[:, 0] = nodes.first
        first[:, 1:] = last[:, :-1] + np.uint64(1)
        wrong = used & ((last < first) | (last > nodes.last[:, None]))
        bad = wrong.any(axis=1)
        self.cuts.mark(nodes.owner[bad], Reason.MALFORMED, nodes.entries[bad] & ~_NODE_MASK)
        used &= ~wrong & (slots != 0)
        # Rows of a flat array are found and taken in half the time that pairs of places need.
        places = np.flatnonzero(used)
        row = places // count
        return _Level(
            slots.reshape(-1)[places],
            nodes.entries[row] & ~_NODE_MASK,
            first.reshape(-1)[places],
            last.reshape(-1)[places],
            nodes.owner[row],
        )

    def _mappings(self, found: _Level) -> Mappings:
        """Keep the entries of leaves that are mappings; marks (XA_ZERO_ENTRY and such) are not."""
        is_mark = found.entries & np.uint64(3) == 2
        odd = ~is_mark & ((found.entries < KERNEL_HALF) | (found.entries & np.uint64(7) != 0))
        self.cuts.mark(found.owner[odd], Reason.MALFORMED, found.entries[odd])
        good = ~(is_mark | odd)
        if good.all():
            return Mappings(found.entries, found.first, found.owner)
        return Mappings(found.entries[good], found.first[good], found.owner[good])

    def _next(self, below: list[_Level]) -> _Level:
        """Return the level below, as far as the limit goes."""
        if not below:
            nothing = np.zeros(0, np.uint64)
            return _Level(nothing, nothing, nothing, nothing, np.zeros(0, np.int64))
        level = _Level(
            np.concatenate([part.entries for part in below]),
            np.concatenate([part.parents for part in below]),
            np.concatenate([part.first for part in below]),
            np.concatenate([part.last for part in below]),
            np.concatenate([part.owner for part in below]),
        )
        limit = self.run.limits.children // 4
        if len(level.entries) > limit:
            self.cuts.mark(level.owner[limit:], Reason.LIMIT, level.entries[limit:])
            level = level.take(np.arange(limit))
        return level


def _maple(kernel: LinuxKernel, run: Run, spaces: Structs, cuts: Cuts) -> Mappings:
    root = spaces["mm_mt.ma_root"]
    owner = np.flatnonzero(root.known & (root.values != 0))
    length = len(owner)
    roots = root.values[owner].astype(np.uint64)
    zeros = np.zeros(length, np.uint64)
    level = _Level(roots, zeros, zeros, np.full(length, _LAST), owner)
    return _sorted(run, _MapleWalk(kernel, run, cuts).walk(level), cuts)


# Red-black trees


def _red_black(kernel: LinuxKernel, run: Run, spaces: Structs, cuts: Cuts) -> Mappings:
    """Walk trees whose nodes are the mappings' `vm_rb`, each with its start beside it."""
    layout = kernel.types.required("vm_area_struct")
    link, start = layout.offset("vm_rb"), layout.offset("vm_start")
    size = max(layout.member("vm_rb").end, start + 8)
    node = kernel.types.required("rb_node")
    up, left, right = (
        link + node.offset(name) for name in ("__rb_parent_color", "rb_left", "rb_right")
    )
    root = spaces["mm_rb.rb_node"]
    owner = np.flatnonzero(root.known & (root.values != 0))
    links = root.values[owner].astype(np.uint64)
    above = np.zeros(len(owner), np.uint64)
    pieces: list[Mappings] = []
    seen: list[Addresses] = []
    for _ in range(MAX_LEVELS * 2):
        if not len(owner):
            break
        run.check()
        data, status = kernel.space.gather(links - np.uint64(link), size)
        parent = _word(data, up) & ~np.uint64(3)
        wrong = (status == 0) & (parent != above)
        if wrong.any():
            again = is_among(links, np.concatenate([*seen, links[:0]]))
            reason = np.where(again, np.uint8(Reason.LOOP), np.uint8(Reason.MALFORMED))
            status = np.where(wrong, reason, status)
        cuts.mark(owner, status, links)
        good = status == 0
        links, owner, data = links[good], owner[good], data[good]
        seen.append(links)
        pieces.append(Mappings(links - np.uint64(link), _word(data, start), owner))
        children = np.stack([_word(data, left), _word(data, right)], axis=1)
        counts = within((children != 0).sum(axis=1), owner, run.limits.children, cuts)
        row, column = np.nonzero((children != 0) & (counts > 0)[:, None])
        above, links, owner = links[row], children[row, column], owner[row]
    cuts.mark(owner, Reason.LIMIT, links)
    return _sorted(run, pieces, cuts)


def _word(data: NDArray[np.uint8], offset: int) -> Addresses:
    return np.ascontiguousarray(data[:, offset : offset + 8]).view(np.uint64)[:, 0]
