"""Collections and references: which objects belong to which others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import Array, Indexes, Statuses, Truth, ragged
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.schema.batch import ObjectType


@dataclass(frozen=True, slots=True)
class Collection:
    """Children of many parents, and for each parent why they are not all there, if they are not.

    `owner` has the parent's row for each child and is non-decreasing. `membership` is what
    narrowing left undecided: for each child TRUE, or the reason why its place is not known.
    """

    children: Any
    """A batch of objects, or records."""
    owner: Indexes
    parents: int
    cut: Statuses | None = None
    cut_at: Array | None = None
    """For each parent that was cut short, the address at which the walk ended, or 0."""
    membership: Truth | None = None

    def starts(self) -> Indexes:
        """Where each parent's children begin, and where the last ones end (parents + 1 numbers)."""
        return np.searchsorted(self.owner, np.arange(self.parents + 1)).astype(np.int64)

    def take(self, index: Indexes) -> Collection:
        """Return the collections of the parents at the index, in its order."""
        rows, owner = ragged(self.starts(), index)
        return Collection(
            self.children.take(rows),
            owner,
            len(index),
            None if self.cut is None else self.cut[index],
            None if self.cut_at is None else self.cut_at[index],
            None if self.membership is None else self.membership[rows],
        )

    def keep(self, membership: Truth) -> Collection:
        """Return what is left of the collections where membership is not false."""
        rows = np.flatnonzero(membership)
        left = membership[rows]
        return replace(
            self,
            children=self.children.take(rows),
            owner=self.owner[rows],
            membership=left if (left != 255).any() else None,
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """One object for each row of a batch: a row of `batch`, or -1 with the reason in `status`."""

    batch: ObjectType
    index: Indexes
    status: Statuses | None = None

    @property
    def own(self) -> Reference:
        """The same objects, each row with one of its own, that what is narrowed is its alone."""
        rows = np.flatnonzero(self.index >= 0)
        index = np.full(len(self.index), -1, np.int64)
        index[rows] = np.arange(len(rows))
        return Reference(self.batch.take(self.index[rows]), index, self.status)

    def take(self, index: Indexes) -> Reference:
        """Return the references of the rows at the index."""
        status = None if self.status is None else self.status[index]
        return Reference(self.batch, self.index[index], status)


def join_collections(views: Sequence[Collection]) -> Collection:
    """Join collections of batches that are joined in the same order."""
    shift = np.cumsum([0] + [view.parents for view in views])
    children = [view.children for view in views]
    unsure = any(view.membership is not None for view in views)
    return Collection(
        type(children[0]).concatenate(children),
        np.concatenate([view.owner + by for view, by in zip(views, shift, strict=False)]),
        int(shift[-1]),
        _join([view.cut for view in views], [view.parents for view in views], np.uint8, 0),
        _join([view.cut_at for view in views], [view.parents for view in views], np.uint64, 0),
        _join([view.membership for view in views], [len(c) for c in children], np.uint8, 255)
        if unsure
        else None,
    )


def join_references(others: Sequence[Reference]) -> Reference:
    """Join the single objects of batches that are joined in the same order."""
    shift = np.cumsum([0] + [len(other.batch) for other in others])
    index = [
        np.where(other.index < 0, -1, other.index + by)
        for other, by in zip(others, shift, strict=False)
    ]
    lengths = [len(other.index) for other in others]
    status = _join([other.status for other in others], lengths, np.uint8, 0)
    batches = [other.batch for other in others]
    return Reference(type(batches[0]).concatenate(batches), np.concatenate(index), status)


def _join(
    arrays: Sequence[Array | None], lengths: Sequence[int], dtype: type, fill: int
) -> Array | None:
    if all(array is None for array in arrays):
        return None
    filled = [
        np.full(length, fill, dtype) if array is None else array
        for array, length in zip(arrays, lengths, strict=True)
    ]
    return np.concatenate(filled)


def join_owners(batches: Sequence[ObjectType]) -> Reference | None:
    """Join what the batches belong to; each owners' batch once, and without its collections."""
    kept = [batch.parents for batch in batches if batch.parents is not None]
    if len(kept) < len(batches):
        return None
    owners = list({id(owner.batch): owner.batch for owner in kept}.values())
    starts = np.cumsum([0] + [len(owner) for owner in owners]).tolist()
    shift = {id(owner): start for owner, start in zip(owners, starts, strict=False)}
    index = np.concatenate([owner.index + shift[id(owner.batch)] for owner in kept])
    return Reference(type(owners[0]).concatenate(owners, with_collections=False), index)
