r"""Where hives hang in the one tree of keys: `\REGISTRY\MACHINE\SYSTEM` and so on.

A hive says so itself (HiveRootPath, since Vista). The first hive, which is in memory only, has keys
at which the others are mounted; they tell it of the hives that do not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text, text_column
from memq.errors import Reason
from memq.os.windows.registry.nodes import Nodes, subkeys
from memq.os.windows.strings import unicode_text
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.os.windows.kernel import WindowsKernel
    from memq.os.windows.registry.hives import Hives
    from memq.run import Run

TOP = "\\REGISTRY"
_ROOT = "REGISTRY"
_MOUNTS = "registry mounts"
_DEPTH = 8
"""Levels of the first hive in which others are mounted: real ones are at the second and third."""
_MOST = 1 << 16
"""Keys of the first hive that are looked at."""


def mounts_of(kernel: WindowsKernel, hives: Hives, run: Run) -> Text:
    """Return the path of each hive's root key; null where nothing says where it hangs."""
    known = kernel.facts.get(_MOUNTS)
    if isinstance(known, Text):
        return known
    said = unicode_text(kernel.space, hives.structs, "HiveRootPath")
    paths, status = said.to_list(), said.statuses
    first = _first_hive(kernel, hives)
    why = Reason.NULL
    if first is not None and paths[first] is None:
        paths[first] = TOP
    if first is not None and None in paths:
        exits, why = _exits(hives, first, run)
        for number, path in exits.items():
            paths[number] = paths[number] or path
    lost = np.array([path is None for path in paths], bool)
    # On kernels without that member, a hive that is mounted nowhere has no path: that is known,
    # unless not all places were seen where hives are mounted.
    status = np.where(status == Reason.NOT_IN_KERNEL, np.uint8(why), status)
    made = text_column(paths, np.where(lost, np.maximum(status, Reason.NULL), 0).astype(np.uint8))
    kernel.facts[_MOUNTS] = made
    return made


def _first_hive(kernel: WindowsKernel, hives: Hives) -> int | None:
    """Return the number of the hive that all others are mounted in."""
    place = kernel.optional("CmpMasterHive")
    address = None if place is None else kernel.space.word(place)
    if address is None:
        numbers = np.arange(len(hives), dtype=np.int64)
        names = Nodes(hives, numbers, hives.roots).names().to_list()
        # The list begins with it, in all that call its root key otherwise.
        return names.index(_ROOT) if _ROOT in names else 0 if names else None
    number = int(hives.numbers_of(np.array([address], np.uint64))[0])
    return number if number >= 0 else None


def _exits(hives: Hives, first: int, run: Run) -> tuple[dict[int, str], Reason]:
    """Return the hives that are mounted in the first one, and the paths of the keys for that.

    And why there may be more; NULL where there are not.
    """
    keys = Nodes(hives, np.array([first], np.int64), hives.roots[[first]])
    paths, total, why = [TOP], 0, int(Reason.NULL)
    found: dict[int, str] = {}
    for _ in range(_DEPTH):
        cuts = Cuts(len(keys))
        keys, owner = subkeys(keys, run, cuts)
        total += len(keys)
        why = max(why, int(cuts.status.max(initial=0)), Reason.LIMIT if total > _MOST else 0)
        if not len(keys) or total > _MOST:
            break
        # Below a key without a name nothing has a path.
        column = keys.names()
        why = max(why, int(column.statuses.max(initial=0)))
        rows = np.flatnonzero(column.known)
        keys, owner, names = keys.take(rows), owner[rows], column.take(rows).to_list()
        paths = [f"{paths[own]}\\{name}" for own, name in zip(owner.tolist(), names, strict=True)]
        for row in np.flatnonzero(keys.mounted() >= 0).tolist():
            found.setdefault(int(keys.mounted()[row]), paths[row])
    return found, Reason(why)
