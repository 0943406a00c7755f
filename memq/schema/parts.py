"""What was computed for some of a batch's objects, and for which of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from memq.column import places_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Indexes

FEW = 4
"""Parts that are kept in any case, the newest."""
_ROWS_OF_PART = 4096
"""Where sources are kept, each two parts may have so few rows; a stream's pieces have more."""
_TIMES = 2
"""How often the rows of all parts may be those of the batch."""


class Part(NamedTuple):
    """What was computed for some objects, which lie between two places."""

    rows: Indexes | None
    """Where they stand in the batch; None: all of it."""
    first: int
    last: int
    value: Any


class Place:
    """Where some objects of a batch, the root, stand in it, and in parts of it."""

    def __init__(self, index: Indexes | None, length: int, root: int) -> None:
        """`index` None: they are all of the root's; `root`: how many these are."""
        self.index = index
        self.length = length
        self.root = root
        has_all = index is None or not len(index)
        self.first = 0 if index is None or has_all else int(index.min())
        self.last = length - 1 if index is None or has_all else int(index.max())
        self._found: list[tuple[Indexes, Indexes | None]] = []
        """The last few parts that were asked for: all that is computed of a batch has one index."""

    def part(self, value: Any) -> Part:
        """Return what was computed for these objects as a part."""
        return Part(self.index, self.first, self.last, value)

    def rows_in(self, part: Part) -> Indexes | None:
        """Return where the objects stand in a part; None if not all do."""
        own = np.arange(self.length) if self.index is None else self.index
        if part.rows is None:
            return own
        for rows, found in self._found:
            if rows is part.rows:
                return found
        found = places_in(part.rows, own, self.root)
        self._found = [*self._found[-FEW:], (part.rows, found)]
        return found


class Parts:
    """Parts by the name of what was computed, the newest first.

    A source that is kept from question to question streams in pieces: where only the newest few of
    these were kept, the next question would compute all of them anew.
    """

    def __init__(self) -> None:
        self._parts: dict[str, list[Part]] = {}

    def of(self, name: str, place: Place) -> Iterator[Part]:
        """Yield the parts that may hold all objects of a place."""
        for part in self._parts.get(name, ()):
            if part.first <= place.first and place.last <= part.last:
                yield part

    def add(self, name: str, part: Part, length: int, *, are_many: bool) -> None:
        """Keep a part of a batch of some length, the newest few or many."""
        parts = self._parts.setdefault(name, [])
        parts.insert(0, part)
        if len(parts) > FEW:
            del parts[_most(parts, length) if are_many else FEW :]

    def values(self) -> Iterator[Any]:
        """Yield all that was computed."""
        for parts in self._parts.values():
            for part in parts:
                yield part.value


def _most(parts: list[Part], length: int) -> int:
    """Return how many parts to keep: those of few rows are bounded by number, others by rows."""
    rows, most = 0, FEW + _TIMES * length // _ROWS_OF_PART
    for number, part in enumerate(parts[:most]):
        rows += length if part.rows is None else len(part.rows)
        if number >= FEW and rows > _TIMES * length:
            return number
    return most
