r"""Driver objects, as the object manager's directories know them: `\Driver` and `\FileSystem`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, distinct_numbers, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.directories import root_directory
from memq.os.windows.objects import Objects
from memq.schema.batch import Cut

if TYPE_CHECKING:
    from memq.column import Addresses, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run

DIRECTORIES = ("Driver", "FileSystem")
MAX_ENTRIES = 1 << 16
"""Objects in one directory; the largest have some thousands."""
DRIVER_OBJECT = 4
"""IO_TYPE_DRIVER: Type of each DRIVER_OBJECT."""


@dataclass(frozen=True, slots=True)
class Found:
    """Objects that a search has found, and why they may not be all."""

    addresses: Addresses
    cut: Cut | None = None


def directory_drivers(kernel: WindowsKernel, run: Run) -> Found:
    """Return the driver objects of the directories for drivers and for file systems."""
    root = root_directory(kernel, run)
    if root is None:
        return Found(np.zeros(0, np.uint64), _cut(_why(kernel), "the object directory"))
    found = _entries(kernel, run, root)
    cuts = [found.cut]
    names = Objects(kernel, run, Column(found.addresses)).names.to_list()
    drivers: list[Addresses] = [np.zeros(0, np.uint64)]
    for wanted in DIRECTORIES:
        places = [p for p, n in zip(found.addresses.tolist(), names, strict=True) if n == wanted]
        below = [_entries(kernel, run, place) for place in places]
        drivers += [_drivers(kernel, one.addresses) for one in below]
        cuts += [one.cut for one in below]
        if not places:
            cuts.append(_cut(Reason.NOT_IN_DUMP, f"the object directory \\{wanted}"))
    cut = next((one for one in cuts if one is not None), None)
    return Found(np.concatenate(drivers), cut)


def _drivers(kernel: WindowsKernel, objects: Addresses) -> Addresses:
    """Return those that are drivers; what cannot be read may be one."""
    kind = kernel.structs("_DRIVER_OBJECT", objects)["Type"]
    return objects[np.flatnonzero(~kind.known | (kind.values == DRIVER_OBJECT))]


def _why(kernel: WindowsKernel) -> Reason:
    """Return why the root of the directories is not found."""
    is_named = kernel.optional("ObpRootDirectoryObject") is not None
    return Reason.NOT_IN_DUMP if is_named else Reason.NOT_IN_KERNEL


def _entries(kernel: WindowsKernel, run: Run, directory: int) -> Found:
    """Return the objects of one directory: all buckets go down their chains together."""
    found = kernel.structs("_OBJECT_DIRECTORY", np.array([directory], np.uint64))
    size, count = kernel.space.word_size, _buckets(kernel)
    places = found.address_of("HashBuckets") + np.arange(count, dtype=np.uint64) * np.uint64(size)
    links, status = kernel.space.words(places)
    what = f"the object directory at {directory:#x}"
    cut = _first(status, what)
    seen = np.zeros(0, np.uint64)
    objects: list[Addresses] = [seen]
    while True:
        run.check()
        links = distinct_numbers(links[links != 0])
        again = is_among(links, seen)
        if again.any():
            cut = cut or _cut(Reason.LOOP, what)
        links = links[~again]
        if len(seen) + len(links) > MAX_ENTRIES:
            cut = cut or _cut(Reason.LIMIT, what)
            break
        if not len(links):
            break
        seen = np.concatenate([seen, links])
        entries = kernel.structs("_OBJECT_DIRECTORY_ENTRY", links)
        object_, following = entries["Object"], entries["ChainLink"]
        cut = cut or _first(object_.statuses, what)
        objects.append(object_.values.astype(np.uint64)[object_.known & (object_.values != 0)])
        links = np.where(following.known, following.values, np.uint64(0)).astype(np.uint64)
    return Found(np.concatenate(objects), cut)


def _buckets(kernel: WindowsKernel) -> int:
    return min(kernel.types.required("_OBJECT_DIRECTORY").member("HashBuckets").type.count, 1 << 10)


def _first(status: Statuses, what: str) -> Cut | None:
    """Say why something could not be read, if anything could not."""
    lost = status[status > Reason.NULL]
    return _cut(Reason(int(lost[0])), what) if len(lost) else None


def _cut(reason: Reason, what: str) -> Cut:
    return Cut(reason, f"{what} cut short: {reason.text}")
