r"""Full names of things with a name and a parent: objects in directories, keys of the registry.

All are led up to the root together, level by level, each parent read once however many lead to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.column import Addresses, Column, Text, distinct_numbers, is_among, text_column
from memq.errors import Reason
from memq.os.common import distinct_addresses, known_pointers

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.run import Run

MAX_LEVELS = 512
"""A key may be 512 deep; directories of objects are some five."""
MAX_PATH = 1 << 16
"""Characters of a path: names of 64 KB in each other would be no path any more."""
SEPARATOR = "\\"


class Named(NamedTuple):
    """For each of some addresses, what stands there: its own name, and where its parent is."""

    names: Text
    parents: Column
    """Null where it is a root."""


class _Node(NamedTuple):
    name: str
    parent: int
    status: int
    """Why name or parent is not known."""


def paths(run: Run, start: Column, read: Callable[[Addresses], Named], *, root: str = "") -> Text:
    """Return the full names of what stands at the addresses; null where there is no address.

    What has no parent stands there by its own name, with `root` before it.
    """
    places, status = known_pointers(start)
    found, index = distinct_addresses(np.where(status == 0, places, np.uint64(0)))
    nodes = _nodes(run, found[found != 0], read)
    known: dict[int, str | Reason] = {0: Reason.NULL}
    for place in found.tolist():
        _resolve(nodes, place, root, known)
    own = [known[place] for place in found.tolist()]
    reasons = [each if isinstance(each, Reason) else Reason.KNOWN for each in own]
    text = text_column([each if isinstance(each, str) else None for each in own])
    text = Text(text.values, np.array(reasons, np.uint8), text.words)
    return text.take(index).under(status)


def _nodes(run: Run, level: Addresses, read: Callable[[Addresses], Named]) -> dict[int, _Node]:
    """Read what stands at the addresses and above them, each once."""
    nodes: dict[int, _Node] = {}
    seen = level
    for _ in range(MAX_LEVELS):
        if not len(level):
            break
        run.check()
        named = read(level)
        parents, lost = known_pointers(named.parents)
        lost = np.where(lost == Reason.NULL, np.uint8(0), lost)
        status = np.maximum(lost, named.names.statuses)
        rows = zip(
            level.tolist(),
            (name or "" for name in named.names.to_list()),
            parents.tolist(),
            status.tolist(),
            strict=True,
        )
        nodes.update((place, _Node(*rest)) for place, *rest in rows)
        above = distinct_numbers(parents[(status == 0) & (parents != 0)])
        level = above[~is_among(above, seen)]
        seen = np.concatenate([seen, level])
    return nodes


def _resolve(
    nodes: dict[int, _Node], place: int, root: str, known: dict[int, str | Reason]
) -> None:
    """Find the full name of one place, and of all that is above it."""
    way: list[int] = []
    on_way: set[int] = set()
    while place not in known and place not in on_way and place in nodes:
        way.append(place)
        on_way.add(place)
        node = nodes[place]
        if node.status or not node.parent:
            known[place] = Reason(node.status) if node.status else _topped(root, node.name)
            break
        place = node.parent
    if place not in known:
        known[place] = Reason.LOOP if place in on_way else Reason.LIMIT
    for below in reversed(way):
        above = known[nodes[below].parent] if below not in known else known[below]
        if below not in known:
            known[below] = above if isinstance(above, Reason) else joined(above, nodes[below].name)


def _topped(root: str, name: str) -> str:
    return name if name.startswith(SEPARATOR) else root + name


def joined(path: str, name: str) -> str | Reason:
    """Return the full name of what is called so at a path; the path where it is called nothing."""
    if not name:
        return path
    if len(path) + len(name) > MAX_PATH:
        return Reason.LIMIT
    return path.rstrip(SEPARATOR) + SEPARATOR + name
