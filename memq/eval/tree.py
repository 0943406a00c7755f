"""Tree: elements depth-first, by the object of their own type that each one has as its parent.

All is done on whole columns, however deep the tree is. A way around it that goes into each element
and out again is a chain of links; how far each link is from the end is found by doubling, in as
many steps as the number of links has bits. In the same way, loops are found before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import TRUE, Column, Indexes, Statuses, distinct_numbers
from memq.errors import Reason
from memq.eval import order
from memq.eval.stage_nodes import DEPTH
from memq.output.records import Records
from memq.schema.batch import ObjectType

if TYPE_CHECKING:
    from memq.eval.segments import Segments
    from memq.eval.stage_nodes import TreeStage

_LEVELS = "\0levels"
"""What objects keep of the tree whatever a query calls `depth`; no query can write such a name."""


def in_order(segments: Segments, stage: TreeStage) -> Segments:
    """Return the elements of each sequence, children behind their parent, with how deep they are.

    Where that is not known, the value is how deep they are below the first of which it is not.
    """
    parents, reasons = _parents(segments, stage)
    first = _of_loops(parents)
    parents[first], reasons[first] = -1, Reason.LOOP
    segments.domain.run.check()
    rows, depth = walked(parents)
    found = segments.at(rows)
    # What is not known of a root is not known of all that is below it.
    roots = np.maximum.accumulate(np.where(depth == 0, np.arange(len(rows)), 0))
    status = reasons[rows][roots]
    levels = Column(depth, status if status.any() else None)
    children = found.view.children
    return found.with_children(children.with_extra(DEPTH, levels).with_extra(_LEVELS, levels))


def levels_of(batch: Any) -> Column | None:
    """Return how deep elements stand, if they, or what they were made of, are in a tree's order."""
    if isinstance(batch, ObjectType):
        return batch.extras.get(_LEVELS)
    return batch.levels if isinstance(batch, Records) else None


# Who is below whom


def _parents(segments: Segments, stage: TreeStage) -> tuple[Indexes, Statuses]:
    """Return for each element the row of its parent, or -1 and why that is not known (0: it is)."""
    owner, membership = segments.view.owner, segments.membership
    slot = segments.inside(stage.root).slot(stage.parent)
    own, wanted = _codes(segments, slot.objects(), slot.index)
    base = max(int(own.max(initial=0)), int(wanted.max(initial=0))) + 1
    key = owner * base + own
    # One that is surely there comes before one that may be.
    by_key = np.lexsort((membership != TRUE, key))
    heads = by_key[np.flatnonzero(np.diff(key[by_key], prepend=-1))]
    sought = owner * base + wanted
    place = np.minimum(np.searchsorted(key[heads], sought), len(heads) - 1)
    has_one = (wanted >= 0) & (key[heads][place] == sought)
    parents = np.where(has_one, heads[place], -1)
    reasons = np.zeros(len(owner), np.uint8) if slot.status is None else slot.status
    reasons = np.where(reasons > Reason.NULL, reasons, 0)
    cut = segments.view.cut
    if cut is not None:
        # The parent may be one of those that are missing: of a whole query's elements, too.
        reasons = np.where((wanted >= 0) & ~has_one, cut[owner], reasons)
    in_doubt = has_one & (membership[parents] != TRUE)
    reasons = np.where(in_doubt, membership[parents], reasons).astype(np.uint8)
    return np.where(in_doubt, -1, parents), reasons


def _codes(segments: Segments, others: Any, index: Indexes) -> tuple[Indexes, Indexes]:
    """Number the elements, and what each refers to alike (-1: to nothing)."""
    own, run = segments.view.children, segments.domain.run
    if not len(others):
        return order.codes([own], run)[0], np.full(len(index), -1, np.int64)
    codes, found = order.codes([own, others], run)
    return codes, np.append(found, -1)[index]


def _of_loops(parents: Indexes) -> Indexes:
    """Return the first element of each loop, as those stand in the sequence."""
    count = len(parents)
    above = np.append(np.where(parents < 0, count, parents), count)
    least = np.arange(count + 1)
    for _ in range(count.bit_length()):
        if (above == count).all():
            break
        least = np.minimum(least, least[above])
        above = above[above]
    # So many steps up from anywhere that has no end, one is on the loop, and has been all around.
    return distinct_numbers(least[above[above < count]])


# The way around


def walked(parents: Indexes) -> tuple[Indexes, Indexes]:
    """Return rows depth-first, and how deep each is; `parents` has a row or -1, and no loops."""
    count = len(parents)
    left = _distances(_links(parents))[:-1]
    way = np.empty(2 * count, np.int64)
    way[2 * count - left] = np.arange(2 * count)
    is_in = way < count
    depth = np.cumsum(np.where(is_in, 1, -1)) - 1
    return way[is_in], depth[is_in]


def _links(parents: Indexes) -> Indexes:
    """Return what follows the way into each row, and, behind those, the way out of each; an end."""
    count = len(parents)
    rows = np.arange(count)
    links = np.append(np.append(rows, np.where(parents < 0, count, parents)) + count, 2 * count)
    by_parent = np.argsort(parents, kind="stable")
    above = parents[by_parent]
    is_next = above[1:] == above[:-1]
    links[count + by_parent[:-1][is_next]] = by_parent[1:][is_next]
    is_first = np.append(np.ones(min(count, 1), bool), ~is_next) & (above >= 0)
    links[above[is_first]] = by_parent[is_first]
    return links


def _distances(links: Indexes) -> Indexes:
    """Return for each link of a chain how far it is from the last, which leads to itself."""
    last = len(links) - 1
    left = np.ones(len(links), np.int64)
    left[last] = 0
    for _ in range(last.bit_length()):
        left = left + left[links]
        links = links[links]
    return left
