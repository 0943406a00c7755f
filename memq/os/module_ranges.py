"""Which loaded module is at an address of the kernel: ranges in order of their start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text
from memq.errors import Reason
from memq.node import dataclass

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes
    from memq.schema.batch import Cut
    from memq.symbols.structs import Structs


@dataclass(frozen=True, slots=True)
class ModuleRanges:
    """Which module is where."""

    starts: Addresses
    ends: Addresses
    rows: Indexes
    """The module of each range, a row of `modules`."""
    modules: Structs
    labels: Text
    """Names of the modules."""
    cut: Cut | None
    """Why not all modules are known: what lies in none of these may lie in another one."""

    @property
    def elsewhere(self) -> Reason:
        """What the module is of an address that lies in none of these: null, or not known."""
        return Reason.NULL if self.cut is None else self.cut.reason

    def names(self, addresses: Addresses) -> Text:
        """Return the name of the module that each address lies in; null for none."""
        rows = self.index(addresses)
        if not len(self.modules):
            nothing = np.full(len(addresses), self.elsewhere, np.uint8)
            return Text(np.zeros(len(addresses), np.int64), nothing, ("",))
        return self.labels.take(np.maximum(rows, 0)).but(rows < 0, self.elsewhere)

    def index(self, addresses: Addresses) -> Indexes:
        """Return the module of each address, a row of `modules`; -1 for none."""
        if not len(self.starts):
            return np.full(len(addresses), -1, np.int64)
        place = np.searchsorted(self.starts, addresses, "right") - 1
        there = np.maximum(place, 0)
        inside = (place >= 0) & (addresses < self.ends[there])
        return np.where(inside, self.rows[there], -1)
