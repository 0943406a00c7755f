"""Full paths of keys: the names of the keys above each, behind the path where its hive hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import distinct_numbers, is_among, text_column
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.registry.nodes import Nodes

if TYPE_CHECKING:
    from memq.column import Addresses, Array, Indexes, Text
    from memq.os.windows.registry.hives import Hives

MAX_DEPTH = 512
"""Levels of keys; Windows makes no more."""
SEPARATOR = "\\"
_CELL_BITS, _CELL = np.uint64(32), np.uint64(0xFFFF_FFFF)
_MOST_KEPT = 1 << 18
_TOP, _LOST = -1, -2
"""In place of the key above: a hive's root has none; which one it is, is not known."""


def identities(keys: Nodes) -> Addresses:
    """Return one number for each key: that of its hive, and its cell."""
    return keys.hive.astype(np.uint64) << _CELL_BITS | keys.cell.astype(np.uint64)


def nodes_of(hives: Hives, known: Addresses) -> Nodes:
    """Return the keys with these numbers."""
    return Nodes(hives, (known >> _CELL_BITS).astype(np.int64), (known & _CELL).astype(np.int64))


@dataclass(slots=True)
class Memory:
    """The paths that were made last: those of the next level of keys begin with them."""

    own: Addresses
    paths: list[str | None]
    status: list[int]


def nothing_yet() -> Memory:
    """Return the memory of no paths."""
    return Memory(np.zeros(0, np.uint64), [], [])


def paths_of(hives: Hives, mounts: Text, keys: Nodes, memory: Memory) -> Text:
    """Return the path of each key; where one of the names is unknown, so is the path."""
    found = _Ancestry(hives, identities(keys), memory)
    paths, status = found.composed(mounts)
    if len(paths) <= _MOST_KEPT:
        memory.own, memory.paths, memory.status = found.own, paths, status
    index = np.searchsorted(found.own, identities(keys))
    words = [paths[place] for place in index.tolist()]
    reasons = np.array(status, np.uint8)[index]
    return text_column(words, reasons if reasons.any() else None)


class _Ancestry:
    """Keys, each once, and the keys above them up to those whose paths are known."""

    def __init__(self, hives: Hives, wanted: Addresses, memory: Memory) -> None:
        self.memory = memory
        own = new = distinct_numbers(wanted)
        pairs: list[tuple[Addresses, Addresses, Array]] = []
        for _ in range(MAX_DEPTH):
            if not len(new):
                break
            above, kind = _above(hives, new)
            pairs.append((new, above, kind))
            new = distinct_numbers(above[kind == 0])
            new = new[~is_among(new, own) & ~is_among(new, memory.own)]
            own = np.sort(np.concatenate([own, new]))
        self.own = own
        self.nodes = nodes_of(hives, own)
        self.above = np.full(len(own), _LOST, np.int64)
        for new, above, kind in pairs:
            places = np.minimum(np.searchsorted(own, above), len(own) - 1)
            is_there = (kind == 0) & (own[places] == above)
            places = np.where(is_there, places, np.where(kind == 0, self._kept(above), kind))
            self.above[np.searchsorted(own, new)] = places

    def _kept(self, above: Addresses) -> Indexes:
        """Return where keys are among those whose paths are known, as numbers below _LOST."""
        known = self.memory.own
        if not len(known):
            return np.full(len(above), _LOST, np.int64)
        places = np.minimum(np.searchsorted(known, above), len(known) - 1)
        return np.where(known[places] == above, _LOST - 1 - places, _LOST)

    def composed(self, mounts: Text) -> tuple[list[str | None], list[int]]:
        """Return the path of each key, and why there is none."""
        column = self.nodes.names()
        names, status = column.to_list(), column.statuses.tolist()
        tops, reasons = mounts.to_list(), mounts.statuses.tolist()
        hive, above = self.nodes.hive.tolist(), self.above.tolist()
        paths: list[str | None] = [None] * len(names)
        done = [False] * len(names)
        for key in range(len(names)):
            way = _way(key, above, done)
            for one in reversed(way):
                place = above[one]
                if place == _TOP:
                    paths[one], status[one] = tops[hive[one]], reasons[hive[one]]
                else:
                    start, why = self._start(place, paths, status, done)
                    status[one] = status[one] or why
                    if start is not None and names[one] is not None:
                        paths[one] = f"{start}{SEPARATOR}{names[one]}"
                done[one] = True
        return paths, status

    def _start(
        self, place: int, paths: list[str | None], status: list[int], done: list[bool]
    ) -> tuple[str | None, int]:
        """Return the path of a key above, and why there is none."""
        if place < _LOST:
            kept = _LOST - 1 - place
            return self.memory.paths[kept], self.memory.status[kept]
        if place == _LOST or not done[place]:
            return None, int(Reason.LOOP)
        return paths[place], status[place]


def _way(key: int, above: list[int], done: list[bool]) -> list[int]:
    """Return the keys from one upwards whose paths are not made yet."""
    way: list[int] = []
    while key >= 0 and not done[key] and len(way) <= MAX_DEPTH:
        way.append(key)
        key = above[key]
    return way


def _above(hives: Hives, own: Addresses) -> tuple[Addresses, Indexes]:
    """Return the key above each one, and 0, _TOP or _LOST for whether there is one."""
    nodes = nodes_of(hives, own)
    cells = nodes.parents()
    kind = np.where(cells.known, 0, _LOST)
    kind[nodes.cell == hives.roots[nodes.hive]] = _TOP
    cell = cells.values.astype(np.uint64)
    return (own & ~_CELL) | cell, kind
