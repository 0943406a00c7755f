"""Images that the kernel has mapped into processes, beside what the loader lists there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, distinct_numbers
from memq.errors import Reason
from memq.node import dataclass

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes, Statuses
    from memq.os.windows.loader import Entries
    from memq.schema.batch import ObjectType
    from memq.schema.collection import Collection
    from memq.symbols.lists import Cuts

_IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Images:
    """The images among the ranges of memory of many processes, by owner and start."""

    owner: Indexes
    starts: Addresses
    vads: ObjectType
    """The ranges themselves."""
    lost: Statuses
    """For each process, why there may be more."""


def images_of(vads: Collection, cuts: Cuts) -> Images:
    """Return the images among all ranges; say in `cuts` of which processes not all are known."""
    parents = np.arange(vads.parents)
    if vads.cut is not None:
        cuts.mark(parents, vads.cut, vads.cut_at if vads.cut_at is not None else 0)
    kind = vads.children.column("kind")
    start = vads.children.column("start")
    status = np.maximum(kind.statuses, start.statuses)
    cuts.mark(vads.owner, status, vads.children.rows["address"])
    lost = np.zeros(vads.parents, np.uint8) if vads.cut is None else vads.cut.copy()
    broken = np.flatnonzero(status)
    lost[vads.owner[broken]] = np.maximum(lost[vads.owner[broken]], status[broken])
    is_image = np.array([word == _IMAGE for word in kind.words], bool)[kind.values]
    rows = np.flatnonzero(is_image & (status == 0))
    rows = rows[np.lexsort((start.values[rows], vads.owner[rows]))]
    return Images(
        vads.owner[rows],
        start.values[rows].astype(np.uint64),
        vads.children.take(rows),
        lost,
    )


def joined(native: Entries, wow64: Entries, images: Images) -> dict[str, Array]:
    """Return the rows of modules: the loader's entries, then the images that they do not have."""
    owner = np.concatenate([native.owner, wow64.owner])
    bases = Column(
        np.concatenate([native.bases.values, wow64.bases.values]),
        np.concatenate([native.bases.statuses, wow64.bases.statuses]),
    )
    own, others = _keys(owner, bases.values, images)
    place = np.minimum(np.searchsorted(others, own), max(len(others) - 1, 0))
    has = (others[place] == own) & bases.known if len(others) else np.zeros(len(own), bool)
    rest = np.ones(len(others), bool)
    rest[place[has]] = False
    rest = _of_files(images, np.flatnonzero(rest))
    listed = np.concatenate([native.listed, wow64.listed])
    vads, spaces = images.vads.rows["address"], images.vads.rows["space"]
    count, more = len(owner), len(rest)
    # What no list has is in none only where all of them were read to their ends.
    lost = np.maximum(native.lost, wow64.lost)[images.owner[rest]]
    unlisted = np.maximum(lost.max(axis=1, initial=0), np.uint8(Reason.NULL))
    return {
        "owner": np.concatenate([owner, images.owner[rest]]),
        "address": _with(np.concatenate([native.addresses, wow64.addresses]), np.uint64(0), more),
        "status": np.concatenate([np.zeros(count, np.uint8), unlisted]),
        "base": np.concatenate([bases.values, images.starts[rest]]),
        "base_status": _with(bases.statuses, np.uint8(0), more),
        "listed": np.concatenate([listed, np.zeros((more, listed.shape[1]), bool)]),
        "list_lost": np.concatenate([native.lost[native.owner], wow64.lost[wow64.owner], lost]),
        "is_wow64": _with(np.arange(count) >= len(native.owner), np.bool_(0), more),
        "vad": np.concatenate([_found(vads, place, has), vads[rest]]),
        "vad_space": np.concatenate([_found(spaces, place, has), spaces[rest]]),
        "vad_status": _with(_lost(images, owner, bases, ~has), np.uint8(0), more),
    }


def _of_files(images: Images, rows: Indexes) -> Indexes:
    """Return the images at the index but those without a control area, which are of no file.

    NT 5.2 has kernels that map an image section by section, each as a range of its own.
    """
    area = images.vads.take(rows).column("control_area")
    kept: Indexes = rows[area.statuses != Reason.NULL]
    return kept


def _keys(owner: Indexes, bases: Addresses, images: Images) -> tuple[Indexes, Indexes]:
    """Return owner and address as one number, of the loader's entries and of the images.

    The images are sorted by it.
    """
    ranks = distinct_numbers(np.concatenate([bases, images.starts]))
    count = len(ranks)
    own = owner * count + np.searchsorted(ranks, bases)
    return own, images.owner * count + np.searchsorted(ranks, images.starts)


def _found(values: Addresses, place: Indexes, has: Array) -> Addresses:
    """Return the value at the place of those that have one, else 0."""
    if not len(values):
        return np.zeros(len(place), np.uint64)
    return np.where(has, values[place], np.uint64(0))


def _lost(images: Images, owner: Indexes, bases: Column, without: Array) -> Statuses:
    """Return why it is not known whether there is an image, of those that have none."""
    reasons = np.where(bases.known, images.lost[owner], bases.statuses)
    return np.where(without, reasons, np.uint8(0))


def _with(values: Array, value: object, count: int) -> Array:
    """Return values and so many times one more."""
    return np.concatenate([values, np.full(count, value, values.dtype)])
