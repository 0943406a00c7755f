"""The one tree of keys: all hives, each mounted where it hangs, walked level by level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Indexes, Text, distinct_rows, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.registry.hives import hives_of
from memq.os.windows.registry.mounts import mounts_of
from memq.os.windows.registry.nodes import Nodes, subkeys
from memq.os.windows.registry.paths import (
    MAX_DEPTH,
    SEPARATOR,
    Memory,
    identities,
    nothing_yet,
    paths_of,
)
from memq.os.windows.registry.search import Search
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Addresses, Array
    from memq.os.windows.kernel import WindowsKernel
    from memq.os.windows.registry.hives import Hives
    from memq.run import Run


_PATHS = "registry paths"
"""Under which name the kernel's facts keep those that were made last."""


@dataclass(slots=True, eq=False)
class Level:
    """Keys that are equally far from their hives' roots, and why some of those above lack some."""

    keys: Nodes
    cuts: Cuts | None = None
    above: Nodes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """All hives, and where they hang."""

    kernel: WindowsKernel
    run: Run
    hives: Hives
    mounts: Text
    memory: Memory

    @classmethod
    def of(cls, kernel: WindowsKernel, run: Run) -> Tree:
        """Return the tree of a kernel; SymbolError where it is not known where its hives are."""
        hives = hives_of(kernel, run)
        memory = kernel.facts.setdefault(_PATHS, nothing_yet())
        assert isinstance(memory, Memory)  # noqa: S101 - nothing else has that name
        return cls(kernel, run, hives, mounts_of(kernel, hives, run), memory)

    def roots(self, numbers: Indexes | None = None) -> Nodes:
        """Return the root keys of hives."""
        if numbers is None:
            numbers = np.arange(len(self.hives), dtype=np.int64)
        return Nodes(self.hives, numbers, self.hives.roots[numbers])

    def levels(self, keys: Nodes) -> Iterator[Level]:
        """Give keys, then those below them in their hives, level by level, each key once."""
        level: Level = Level(keys)
        seen = np.sort(identities(keys))
        for _ in range(MAX_DEPTH):
            yield level
            if not len(level.keys):
                return
            level, _ = self._below(level.keys, seen)
            seen = np.sort(np.concatenate([seen, identities(level.keys)]))
            if len(seen) > self.run.limits.children:
                break
        yield self._too_deep(level.keys)

    def _too_deep(self, keys: Nodes) -> Level:
        """Return no keys, and that those below these were not looked for."""
        cuts = Cuts(len(keys))
        cuts.mark(np.arange(len(keys)), Reason.LIMIT)
        return Level(keys.take(np.zeros(0, np.int64)), cuts, keys)

    def _below(self, keys: Nodes, seen: Addresses) -> tuple[Level, Indexes]:
        """Return the keys below, without those that were there before, and which each is below."""
        self.run.check()
        cuts = Cuts(len(keys))
        found, owner = subkeys(keys, self.run, cuts)
        own = identities(found)
        first = np.zeros(len(own), bool)
        first[distinct_rows(own)[0]] = True
        again = is_among(own, seen) | ~first
        cuts.mark(owner[again], Reason.LOOP)
        kept = np.flatnonzero(~again & ~found.is_exit())
        return Level(found.take(kept), cuts, keys), owner[kept]

    def sought(self, start: str, *, is_whole: bool) -> Iterator[Level]:
        """Give the keys whose paths begin so, or are it, without regard to case; level by level.

        And those of which that is not known, as the name of one on the way could not be read, in
        the order in which `levels` gives them. What cuts the way short is told with them.
        """
        search = Search(self.mounts, start.casefold(), is_whole)
        keys, is_free, is_wanted = search.begin(self.roots())
        level = Level(keys)
        seen = np.sort(identities(keys))
        for depth in range(MAX_DEPTH):
            yield Level(keys.take(np.flatnonzero(is_wanted)), level.cuts, level.above)
            going = np.flatnonzero(is_free | ~is_wanted)
            if not len(going):
                return
            level, owner = self._below(keys.take(going), seen)
            seen = np.sort(np.concatenate([seen, identities(level.keys)]))
            kept, is_free, is_wanted = search.go_on(level.keys, is_free[going][owner], depth)
            keys = level.keys.take(kept)
        yield self._too_deep(keys)

    # Of keys

    def children(self, keys: Nodes, cuts: Cuts) -> tuple[Nodes, Indexes]:
        """Return the keys below each key, the roots of the hives that are mounted there last."""
        found, owner = subkeys(keys, self.run, cuts)
        mounted, is_exit = found.mounted(), found.is_exit()
        plain = np.flatnonzero(~is_exit)
        exits = np.flatnonzero(mounted >= 0)
        hives, above = self._hung(keys)
        hives, above = (
            np.concatenate([mounted[exits], hives]),
            np.concatenate([owner[exits], above]),
        )
        pairs = distinct_rows(above * max(len(self.hives), 1) + hives)[0]
        hives, above = hives[pairs], above[pairs]
        hive = np.concatenate([found.hive[plain], hives])
        cell = np.concatenate([found.cell[plain], self.hives.roots[hives]])
        owners = np.concatenate([owner[plain], above])
        order = np.argsort(owners, kind="stable")
        return Nodes(self.hives, hive[order], cell[order]), owners[order]

    def _hung(self, keys: Nodes) -> tuple[Indexes, Indexes]:
        """Return the hives that by their paths hang below one of the keys, and below which."""
        places: dict[str, list[int]] = {}
        for number, path in enumerate(self.mounts.to_list()):
            if path is not None and SEPARATOR in path[1:]:
                places.setdefault(path.rpartition(SEPARATOR)[0].casefold(), []).append(number)
        # Only keys of a hive in which others can be mounted are asked for their paths.
        tops = np.array([self._holds(path, places) for path in self.mounts.to_list()], bool)
        rows = np.flatnonzero(tops[keys.hive]) if len(tops) else np.zeros(0, np.int64)
        found: list[tuple[int, int]] = []
        for row, path in zip(rows.tolist(), self.paths(keys.take(rows)).to_list(), strict=True):
            numbers = places.get(path.casefold(), []) if path is not None else []
            found += [(number, row) for number in numbers]
        pairs = np.array(found, np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def _holds(self, path: str | None, places: dict[str, list[int]]) -> bool:
        """Whether a hive that hangs at a path may have keys at one of the places."""
        start = None if path is None else path.casefold()
        return start is not None and any(
            place == start or place.startswith(start + SEPARATOR) for place in places
        )

    def parents(self, keys: Nodes) -> tuple[Nodes, Array]:
        """Return for each key the one above it, and why there is none known; the top one has none.

        Above a hive's root is the key below which the hive hangs, which is of another hive.
        """
        cells = keys.parents()
        hive, cell, status = keys.hive.copy(), cells.values.copy(), cells.statuses.copy()
        for row in np.flatnonzero(keys.cell == self.hives.roots[keys.hive]).tolist():
            above = self._above_hive(int(keys.hive[row]))
            status[row] = Reason.NULL if above is None else 0
            if above is not None:
                hive[row], cell[row] = int(above.hive[0]), int(above.cell[0])
        return Nodes(self.hives, hive, cell.astype(np.int64)), status

    def _above_hive(self, number: int) -> Nodes | None:
        """Return the key that a hive hangs below, if its path says and that key is there."""
        path = self.mounts.to_list()[number]
        if path is None or SEPARATOR not in path[1:]:
            return None
        wanted = path.rpartition(SEPARATOR)[0]
        found = list(self.sought(wanted, is_whole=True))
        keys = [level.keys for level in found if len(level.keys)]
        return keys[0].take(np.zeros(1, np.int64)) if keys else None

    def paths(self, keys: Nodes) -> Text:
        """Return the full path of each key, by the names of the keys above it."""
        return paths_of(self.hives, self.mounts, keys, self.memory)
