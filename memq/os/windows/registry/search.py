"""Which keys a search goes through that knows how the paths it looks for begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from memq.column import distinct_numbers
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.registry.paths import SEPARATOR

if TYPE_CHECKING:
    from memq.column import Indexes, Text
    from memq.os.windows.registry.nodes import Nodes

Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Search:
    """A search for keys by how their paths begin, which looks at no others."""

    mounts: Text
    start: str
    """What paths begin with, in small letters."""
    is_whole: bool

    def begin(self, roots: Nodes) -> tuple[Nodes, Flags, Flags]:
        """Return the roots to begin at; whether all below each is wanted, and whether it is."""
        kinds = [self._of_root(number) for number in roots.hive.tolist()]
        kept = np.array([kind is not None for kind in kinds], bool)
        pairs = np.array([kind for kind in kinds if kind is not None], bool).reshape(-1, 2)
        return roots.take(np.flatnonzero(kept)), pairs[:, 0], pairs[:, 1]

    def _of_root(self, number: int) -> tuple[bool, bool] | None:
        """Return what `begin` does of one root, None if nothing in its hive can be wanted."""
        path = self.mounts.to_list()[number]
        if path is None:
            return None if self.mounts.statuses[number] == Reason.NULL else (True, True)
        path = path.casefold()
        if self.start == path:
            return not self.is_whole, True
        if path.startswith(self.start) and not self.is_whole:
            return True, True
        return (False, False) if self.start.startswith(path + SEPARATOR) else None

    def go_on(self, keys: Nodes, is_free: Flags, depth: int) -> tuple[Indexes, Flags, Flags]:
        """Return which keys of a level to go on with, and of these what `begin` does."""
        names = keys.names()
        lost = names.statuses > 0
        tops = self.mounts.to_list()
        is_free = is_free | lost
        wanted, way = is_free.copy(), np.zeros(len(keys), bool)
        for hive in distinct_numbers(keys.hive).tolist():
            rows = np.flatnonzero((keys.hive == hive) & ~is_free)
            parts = self.start[len((tops[hive] or "").casefold()) + 1 :].split(SEPARATOR)
            own = names.take(rows)
            if depth >= len(parts) or not len(rows):
                continue
            part, is_last = parts[depth], depth == len(parts) - 1
            begins = is_last and not self.is_whole
            fits = own.test(lambda name, part=part, begins=begins: _fits(name, part, begins))  # type: ignore[misc]
            wanted[rows], way[rows] = fits.values & is_last, fits.values
            is_free[rows] = fits.values & begins
        kept = np.flatnonzero(is_free | way)
        return kept, is_free[kept], wanted[kept]


def _fits(name: str, part: str, begins: bool) -> bool:
    folded = name.casefold()
    return folded.startswith(part) if begins else folded == part
