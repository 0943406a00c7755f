r"""The directories of the object manager: all that has a name from `\` on (_OBJECT_DIRECTORY).

A directory is a table of buckets, each a chain of entries. Directories in directories are walked
level by level, all of a level together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Column, Text, is_among, text_column
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import joined_text
from memq.os.windows.object_types import exported_types
from memq.os.windows.objects import Objects, joined_paths
from memq.schema.batch import Cut
from memq.symbols.lists import Cuts, lists

if TYPE_CHECKING:
    from memq.column import Indexes
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run

_MAX_LEVELS = 64
_MOST = 1 << 18
"""Directories that are walked; systems have some hundred."""
_FACT = "object directories"
_DIRECTORY = "Directory"


@dataclass(frozen=True, slots=True)
class DirectoryObjects:
    """What is in any directory, the root itself first, then level by level."""

    addresses: Addresses
    """Of the objects themselves."""
    types: Text
    names: Text
    r"""Full names, such as `\Driver\Tcpip`."""
    parents: Addresses
    """Of each the directory that it is in; of the root 0."""
    cut: Cut | None
    """Why these are not all."""

    def of_type(self, name: str) -> Indexes:
        """Return the rows of the objects of one type."""
        found = self.types.test(lambda word: word == name)
        return np.flatnonzero(found.values & found.known)


def directory_objects(kernel: WindowsKernel, run: Run) -> DirectoryObjects:
    """Return what is in the kernel's object directories, found once."""
    found = kernel.facts.get(_FACT)
    if not isinstance(found, DirectoryObjects):
        found = kernel.facts[_FACT] = _Walk(kernel, run).walk()
    return found


def root_directory(kernel: WindowsKernel, run: Run) -> int | None:
    r"""Return the address of `\`; without a symbol, by the directory that types are in."""
    place = kernel.optional("ObpRootDirectoryObject")
    if place is not None:
        return kernel.space.word(place) or None
    types = np.array(exported_types(kernel)[:1], np.uint64)
    above = Objects(kernel, run, Column(types)).directories
    root = Objects(kernel, run, above).directories
    return int(root.values[0]) if len(root) and root.known[0] and root.values[0] else None


class _Walk:
    """The walk through all directories."""

    def __init__(self, kernel: WindowsKernel, run: Run) -> None:
        self._kernel = kernel
        self._run = run
        self._cut: Cut | None = None
        self._found: list[DirectoryObjects] = []

    def walk(self) -> DirectoryObjects:
        """Return all that is in directories."""
        root = root_directory(self._kernel, self._run)
        places = np.array([root] if root else [], np.uint64)
        if not root:
            self._mark(Reason.NOT_IN_KERNEL, 0)
        level = self._level(
            places, text_column(["\\"] * len(places)), np.zeros(len(places), np.uint64)
        )
        seen = places
        for _ in range(_MAX_LEVELS):
            rows = np.arange(len(places)) if level is self._found[0] else self._inner(level, seen)
            if not len(rows):
                return self._whole()
            if len(seen) + len(rows) > _MOST:
                break
            seen = np.concatenate([seen, level.addresses[rows]])
            level = self._below(level.addresses[rows], level.names.take(rows))
        self._mark(Reason.LIMIT, int(level.addresses[0]) if len(level.addresses) else 0)
        return self._whole()

    def _inner(self, level: DirectoryObjects, seen: Addresses) -> Indexes:
        """Return the rows of the directories in a level that were not walked yet."""
        lost = level.types.statuses > Reason.NULL
        for row in np.flatnonzero(lost)[:1].tolist():  # any of these may be one
            self._mark(Reason(int(level.types.statuses[row])), int(level.addresses[row]))
        rows = level.of_type(_DIRECTORY)
        return rows[~is_among(level.addresses[rows], seen)]

    def _below(self, directories: Addresses, names: Text) -> DirectoryObjects:
        """Return what is in directories."""
        self._run.check()
        kernel = self._kernel
        entry = kernel.types.required("_OBJECT_DIRECTORY_ENTRY")
        buckets = kernel.types.required("_OBJECT_DIRECTORY").member("HashBuckets")
        count = buckets.size // kernel.space.word_size
        steps = np.arange(count, dtype=np.uint64) * np.uint64(kernel.space.word_size)
        heads = (directories[:, None] + np.uint64(buckets.offset) + steps).reshape(-1)
        cuts = Cuts(len(heads))
        chains = lists(
            kernel.space, self._run, heads, cuts, entry.offset("ChainLink"), is_ring=False
        )
        self._mark_all(cuts)
        entries = kernel.structs("_OBJECT_DIRECTORY_ENTRY", chains.addresses)
        objects = entries["Object"]
        inner = Cuts(len(objects))
        inner.mark(np.arange(len(objects)), objects.statuses, chains.addresses)
        self._mark_all(inner)
        there = np.flatnonzero(objects.known & (objects.values != 0))
        owner = chains.owner[there] // count
        return self._level(objects.values[there], names.take(owner), directories[owner])

    def _level(self, places: Addresses, above: Text, parents: Addresses) -> DirectoryObjects:
        """Keep objects whose directories are called so; the root is called so itself."""
        objects = Objects(self._kernel, self._run, Column(places))
        names = joined_paths(above, objects.names) if self._found else above
        level = DirectoryObjects(places, objects.types, names, parents, None)
        self._found.append(level)
        return level

    def _whole(self) -> DirectoryObjects:
        levels = self._found
        sizes = np.cumsum([0] + [len(level.addresses) for level in levels]).tolist()
        rows = [np.arange(sizes[i], sizes[i + 1]) for i in range(len(levels))]
        return DirectoryObjects(
            np.concatenate([level.addresses for level in levels]),
            joined_text(sizes[-1], list(zip(rows, [one.types for one in levels], strict=True))),
            joined_text(sizes[-1], list(zip(rows, [one.names for one in levels], strict=True))),
            np.concatenate([level.parents for level in levels]),
            self._cut,
        )

    def _mark_all(self, cuts: Cuts) -> None:
        for row in np.flatnonzero(cuts.status)[:1].tolist():
            self._mark(Reason(int(cuts.status[row])), int(cuts.at[row]))

    def _mark(self, reason: Reason, at: int) -> None:
        if self._cut is None:
            where = f"{at:#x}" if at else "their root"
            self._cut = Cut(reason, f"object directories cut short: {where}: {reason.text}")
