r"""Full names of things with a name and a parent: objects in directories, keys of the registry.

All are led up to the root together, level by level, each parent read once however many lead to it.
"""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.column import Addresses, Column, Text, distinct_numbers, is_among, text_column
from memq.errors import Reason
from memq.os.common import distinct_addresses, known_pointers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.column import Statuses
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


class _Level(NamedTuple):
    """What was read at once."""

    places: Addresses
    names: list[str]
    parents: Addresses
    status: Statuses

    def above(self) -> Addresses:
        """Return the parents, each once."""
        return distinct_numbers(self.parents[(self.status == 0) & (self.parents != 0)])

    def nodes(self) -> Iterator[_Node]:
        """Give them one by one."""
        return map(_Node, self.names, self.parents.tolist(), self.status.tolist())


def paths(run: Run, start: Column, read: Callable[[Addresses], Named], *, root: str = "") -> Text:
    """Return the full names of what stands at the addresses; null where there is no address.

    What has no parent stands there by its own name, with `root` before it.
    """
    places, status = known_pointers(start)
    found, index = distinct_addresses(np.where(status == 0, places, np.uint64(0)))
    levels = _levels(run, found[found != 0], read)
    above = _paths_above(levels, root)
    own: list[str | Reason] = [] if found.all() else [Reason.NULL]
    for level in levels[:1]:
        pairs = zip(level.places.tolist(), level.nodes(), strict=True)
        own += [
            above[place] if place in above else _path(node, root, above) for place, node in pairs
        ]
    reasons = [each if isinstance(each, Reason) else Reason.KNOWN for each in own]
    text = text_column([each if isinstance(each, str) else None for each in own])
    text = Text(text.values, np.array(reasons, np.uint8), text.words)
    return text.take(index).under(status)


def _levels(run: Run, places: Addresses, read: Callable[[Addresses], Named]) -> list[_Level]:
    """Read what stands at the addresses and above them, each once."""
    levels: list[_Level] = []
    seen = places
    while len(places) and len(levels) < MAX_LEVELS:
        run.check()
        named = read(places)
        parents, lost = known_pointers(named.parents)
        lost = np.where(lost == Reason.NULL, np.uint8(0), lost)
        names = [name or "" for name in named.names.to_list()]
        level = _Level(places, names, parents, np.maximum(lost, named.names.statuses))
        levels.append(level)
        above = level.above()
        places = above[~is_among(above, seen)]
        seen = np.concatenate([seen, places])
    return levels


def _paths_above(levels: list[_Level], root: str) -> dict[int, str | Reason]:
    """Return the full names of all that others are below: few, and the others need no more."""
    nothing = np.zeros(0, np.uint64)
    parents = distinct_numbers(np.concatenate([nothing, *(level.above() for level in levels)]))
    nodes: dict[int, _Node] = {}
    for level in levels:
        pairs = zip(level.places.tolist(), level.nodes(), strict=True)
        nodes.update(compress(pairs, is_among(level.places, parents).tolist()))
    known: dict[int, str | Reason] = {}
    for place in nodes:
        _resolve(nodes, place, root, known)
    return known


def _path(node: _Node, root: str, above: dict[int, str | Reason]) -> str | Reason:
    """Return the full name of what nothing is below."""
    if node.status or not node.parent:
        return Reason(node.status) if node.status else _topped(root, node.name)
    path = above.get(node.parent, Reason.LIMIT)
    return path if isinstance(path, Reason) else joined(path, node.name)


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
