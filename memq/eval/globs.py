"""Patterns of file names: `*` is any run of characters, `?` any one.

`[a-z]` is one of a set, `[!a-z]` one that is not in it. A backslash is a character like any other,
as paths of Windows are full of them.

Nothing here goes back: each character of a text is looked at once, whatever the pattern is.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_PATTERN = 1024
"""Characters of a pattern that has `?` or sets in it; what it takes grows with the square."""

_END = 0x110000
_STAR = "*"

Range: TypeAlias = tuple[int, int]
"""Code points, the second no longer among them."""


def fitting(pattern: str) -> Callable[[str], bool] | None:
    """Return the test whether a whole text fits; None if the pattern is too long to be tried."""
    if not set(pattern) & set("?["):
        return _fitting_pieces(pattern.split(_STAR))
    return Glob(pattern).fits if len(pattern) <= MAX_PATTERN else None


def _fitting_pieces(pieces: list[str]) -> Callable[[str], bool]:
    """Test for plain texts with anything between them.

    The leftmost place of each is as good as any.
    """
    first, *others = pieces
    if not others:
        return first.__eq__
    *middle, last = others
    shortest = len(first) + len(last)

    def fits(text: str) -> bool:
        if len(text) < shortest or not (text.startswith(first) and text.endswith(last)):
            return False
        place, end = len(first), len(text) - len(last)
        for piece in middle:
            place = text.find(piece, place, end)
            if place < 0:
                return False
            place += len(piece)
        return True

    return fits


class Glob:
    """A pattern as a machine that is in many states at once, one bit for each.

    Bit i stands for: the first i elements have taken what was read so far.
    """

    def __init__(self, pattern: str) -> None:
        self._stays = 0
        elements: list[list[Range]] = []
        for element in _elements(pattern):
            if element is None:
                self._stays |= 1 << len(elements)
            else:
                elements.append(element)
        self._accepted = 1 << len(elements)
        self._edges, self._takes = _table(elements)

    def fits(self, text: str) -> bool:
        """Whether the whole text fits."""
        states = 1
        for letter in text:
            taken = self._takes[bisect_right(self._edges, ord(letter)) - 1]
            states = (states & taken) << 1 | states & self._stays
            if not states:
                return False
        return bool(states & self._accepted)


def _table(elements: list[list[Range]]) -> tuple[list[int], list[int]]:
    """Cut the code points into runs: where each starts, and the elements that take it, as bits."""
    changes = {0: 0}
    for number, ranges in enumerate(elements):
        for edge in (edge for range_ in ranges for edge in range_):
            changes[edge] = changes.get(edge, 0) ^ 1 << number
    edges = sorted(changes)
    takes, now = [], 0
    for edge in edges:
        now ^= changes[edge]
        takes.append(now)
    return edges, takes


def _elements(pattern: str) -> Iterator[list[Range] | None]:
    """Yield what each place of the pattern takes; None for a star."""
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        place += 1
        if letter == _STAR:
            yield None
        elif letter == "?":
            yield [(0, _END)]
        elif letter == "[" and (end := _end_of_set(pattern, place)) > 0:
            yield _set(pattern[place:end])
            place = end + 1
        else:
            yield [(ord(letter), ord(letter) + 1)]


def _end_of_set(pattern: str, start: int) -> int:
    """Find the bracket that closes a set, -1 if none does; one that stands first is a member."""
    first = start + 1 if pattern[start : start + 1] in ("!", "^") else start
    return pattern.find("]", first + 1)


def _set(body: str) -> list[Range]:
    """Return what a set takes, as ranges that do not touch."""
    is_negated = body[:1] in ("!", "^")
    letters = body[is_negated:]
    ranges, place = [], 0
    while place < len(letters):
        last = (
            place + 2 if letters[place + 1 : place + 2] == "-" and letters[place + 2 :] else place
        )
        ranges.append((ord(letters[place]), ord(letters[last]) + 1))
        place = last + 1
    joined = _joined(ranges)
    return _others(joined) if is_negated else joined


def _joined(ranges: list[Range]) -> list[Range]:
    """Sort ranges and join those that meet; one that ends before it begins takes nothing."""
    joined: list[Range] = []
    for start, end in sorted(r for r in ranges if r[0] < r[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _others(ranges: list[Range]) -> list[Range]:
    """Return all code points that are not in the ranges."""
    starts = [0, *(end for _, end in ranges)]
    ends = [*(start for start, _ in ranges), _END]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]
