"""Which file is mapped at addresses of processes: by their mappings, for many processes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text
from memq.errors import Reason
from memq.os.common import distinct_addresses

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes
    from memq.schema.collection import Collection, Reference

_PAGE = np.uint64(12)
_OWNER = np.uint64(45)
"""Bits of the number of a user's page; those above are the number of its process."""
MAPPINGS = "vad_object"


def user_modules(owners: Reference, addresses: Addresses) -> Text:
    """Return the name of the file that is mapped at each address in its process; null for none.

    Where the process's mappings are not all known, so is what none of the known ones holds.
    """
    if MAPPINGS not in type(owners.batch).subobjects:
        nothing = np.full(len(addresses), Reason.NOT_IN_KERNEL, np.uint8)
        return Text(np.zeros(len(addresses), np.int64), nothing, ("",))
    mappings = owners.batch.collection(MAPPINGS)
    rows = mapping_at(mappings, owners.index, addresses)
    status = np.full(len(addresses), Reason.NULL, np.uint8)
    if mappings.cut is not None:
        cut = mappings.cut[owners.index]
        status = np.where(cut != 0, cut, status)
    status[rows >= 0] = 0
    # Only of those that hold one of the addresses it is asked what their file is.
    held, index = distinct_addresses(rows[rows >= 0])
    names = mappings.children.take(held.astype(np.int64)).column("file_name").map(_last)
    spread = np.full(len(rows), -1, np.int64)
    spread[rows >= 0] = index
    found: Text = names.spread(spread, status)
    return found


def mapping_at(mappings: Collection, owner: Indexes, addresses: Addresses) -> Indexes:
    """Return which of its process's mappings each address lies in; -1 for none."""
    start, end = (mappings.children.column(name) for name in ("start", "end"))
    good = np.flatnonzero(start.known & end.known)
    starts = start.values.astype(np.uint64)[good]
    keys = _key(mappings.owner[good], starts)
    order = np.argsort(keys, kind="stable")
    if not len(order):
        return np.full(len(addresses), -1, np.int64)
    place = np.searchsorted(keys[order], _key(owner, addresses), "right") - 1
    row = good[order[np.maximum(place, 0)]]
    inside = (place >= 0) & (mappings.owner[row] == owner)
    inside &= addresses < end.values.astype(np.uint64)[row]
    return np.where(inside, row, -1)


def _key(owner: Indexes, addresses: Addresses) -> Addresses:
    """Mix a process's number with the number of a page in it."""
    return (owner.astype(np.uint64) << _OWNER) | (addresses >> _PAGE)


def _last(path: str) -> str:
    return path.rpartition("\\")[2]
