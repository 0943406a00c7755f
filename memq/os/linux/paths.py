"""Names of open and mapped files, as /proc shows them, for many files at once.

What fs/d_path.c does for one file: from its dentry up to the root of its mount, then from the
mountpoint in the mount above, up to the root of the mount namespace. So paths are those that the
process sees, through bind mounts and overlays. Files that have no place in a tree (sockets, pipes,
memory files) are named by a function of their dentry (memq.os.linux.dnames).

Dentries and mounts are read level by level for all files, each distinct one once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from memq.column import Addresses, Column, Indexes, Text, distinct, distinct_numbers
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_addresses, joined_text, known_pointers
from memq.os.linux.dnames import names_by_function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

MAX_LEVELS = 4096
"""Directories in each other; a path of 4 KB, which is all that the kernel shows, has 2,048."""
MAX_PATH = 1 << 14
MAX_NAME = 256

Place: TypeAlias = tuple[int, int]
"""A mount (its vfsmount) and a dentry."""


@dataclass(frozen=True, slots=True)
class Paths:
    """For each file its name, and whether /proc appends ` (deleted)` to it."""

    names: Text
    deleted: Column

    def take(self, index: Indexes) -> Paths:
        """Return the names of the files at the index."""
        return Paths(self.names.take(index), self.deleted.take(index))


def paths_of(kernel: LinuxKernel, run: Run, paths: Structs) -> Paths:
    """Return the names of files that are known by their `struct path`."""
    mount, mount_status = known_pointers(paths["mnt"])
    dentry, status = known_pointers(paths["dentry"])
    status = np.maximum(status, mount_status)
    readable = status == 0
    found, spread = distinct_addresses(np.where(readable, dentry, np.uint64(0)))
    missing = np.where(found == 0, np.uint8(Reason.NULL), np.uint8(0))
    opened = kernel.structs("dentry", found, missing)
    special = names_by_function(kernel, opened)
    by_function = special.is_named[spread]
    lost = np.flatnonzero(~readable)
    plain = np.flatnonzero(readable & ~by_function)
    named = np.flatnonzero(readable & by_function)
    names = joined_text(
        len(dentry),
        [
            (plain, Tree(kernel, run).paths(mount[plain], dentry[plain])),
            (named, special.names.take(spread[named])),
            (lost, Text(np.zeros(len(lost), np.int64), status[lost], ("",))),
        ],
    )
    unlinked = _unlinked(opened)
    is_deleted = np.where(special.is_named, special.deleted, unlinked.values)
    return Paths(names, Column(is_deleted, unlinked.status).take(spread).under(status))


def _unlinked(dentries: Structs) -> Column:
    """Where a dentry is no longer in its directory: it is not hashed, and not the top of a tree."""
    hashed, parent = dentries["d_hash.pprev"], dentries["d_parent"]
    unlinked = (hashed.values == 0) & (parent.values != dentries.addresses)
    return Column(unlinked, hashed.status).also(parent.status)


class Tree:
    """Directories and mounts that were read, and the paths made of them."""

    def __init__(self, kernel: LinuxKernel, run: Run) -> None:
        self.kernel = kernel
        self.run = run
        self.mounts: dict[int, tuple[Place, int] | Reason] = {}
        """Of each mount where it stands (in the mount above), and its root dentry."""
        self.dentries: dict[int, tuple[int, str] | Reason] = {}
        """Of each dentry its parent and its name."""
        self.known: dict[Place, str | Reason] = {}

    def paths(self, mounts: Addresses, dentries: Addresses) -> Text:
        """Return the path of each dentry in its mount."""
        self._load_mounts(distinct_numbers(mounts))
        points = [m[0][1] for m in self.mounts.values() if not isinstance(m, Reason)]
        self._load_dentries(
            distinct_numbers(np.concatenate([dentries, np.array(points, np.uint64)]))
        )
        answers = [
            self.known.get(place) or self._path(place)
            for place in zip(mounts.tolist(), dentries.tolist(), strict=True)
        ]
        codes, words = distinct("" if isinstance(a, Reason) else a for a in answers)
        status = np.fromiter((a if isinstance(a, Reason) else 0 for a in answers), np.uint8)
        return Text(codes, status if status.any() else None, words)

    def _path(self, place: Place) -> str | Reason:
        """Return the path of a place; that of every directory above it is kept too."""
        way: list[tuple[Place, str]] = []
        while place not in self.known:
            step = self._step(place)
            if not isinstance(step, tuple) or len(way) >= MAX_LEVELS:
                self.known[place] = Reason.LIMIT if isinstance(step, tuple) else step
                break
            # Until the way is walked, who comes here again is in a circle.
            self.known[place] = Reason.LOOP
            way.append((place, step[1]))
            place = step[0]
        path = self.known[place]
        for below, name in reversed(way):
            if not isinstance(path, Reason):
                path = f"{path}/{name}" if name and path != "/" else path + name
                if len(path) > MAX_PATH:
                    path = Reason.LIMIT
            self.known[below] = path
        return path

    def _step(self, place: Place) -> tuple[Place, str] | str | Reason:
        """Return the place above and the name in it; "/" where there is none above."""
        mount, dentry = place
        mounted = self.mounts.get(mount, Reason.LIMIT)
        if isinstance(mounted, Reason):
            return mounted
        above, root = mounted
        if dentry == root:
            return "/" if above[0] == mount else (above, "")
        entry = self.dentries.get(dentry, Reason.LIMIT)
        if isinstance(entry, Reason):
            return entry
        parent, name = entry
        return "/" if parent == dentry else ((mount, parent), name)

    def _load_mounts(self, wanted: Addresses) -> None:
        """Read mounts and those that they are mounted in."""
        inside = np.uint64(self.kernel.types.required("mount").offset("mnt"))
        for _ in range(MAX_LEVELS):
            wanted = _new(wanted, self.mounts)
            if not len(wanted):
                return
            self.run.check()
            mounts = self.kernel.structs("mount", wanted - inside)
            root, point = mounts["mnt.mnt_root"], mounts["mnt_mountpoint"]
            parent = mounts["mnt_parent"].values + inside
            reasons = np.maximum(root.statuses, mounts["mnt_parent"].statuses)
            rows = zip(
                wanted.tolist(), parent.tolist(), point.values.tolist(), root.values.tolist(),
                reasons.tolist(), strict=True,
            )  # fmt: skip
            for mount, above, where, top, reason in rows:
                self.mounts[mount] = Reason(reason) if reason else ((above, where), top)
            wanted = distinct_numbers(parent[reasons == 0])

    def _load_dentries(self, wanted: Addresses) -> None:
        """Read dentries and the directories that they are in."""
        for _ in range(MAX_LEVELS):
            wanted = _new(wanted, self.dentries)
            if not len(wanted):
                return
            self.run.check()
            dentries = self.kernel.structs("dentry", wanted)
            parent, pointer = dentries["d_parent"], dentries["d_name.name"]
            names = self.kernel.space.text(pointer.values, MAX_NAME).under(pointer.status)
            reasons = np.maximum(parent.statuses, names.statuses)
            words = names.words
            rows = zip(
                wanted.tolist(), parent.values.tolist(), names.values.tolist(), reasons.tolist(),
                strict=True,
            )  # fmt: skip
            for dentry, above, code, reason in rows:
                bad = Reason.MALFORMED if reason == Reason.NULL else Reason(reason)
                self.dentries[dentry] = bad if reason else (above, words[code])
            wanted = distinct_numbers(parent.values[reasons == 0])


def _new(wanted: Addresses, known: Mapping[int, object]) -> Addresses:
    """Return the addresses that are not known yet."""
    return np.array([address for address in wanted.tolist() if address not in known], np.uint64)
