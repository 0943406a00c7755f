"""Which names fit what is typed so far, and in which order they are offered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MOST = 500
"""Names that are offered at once."""
_BEGINNING = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]|(?<=[a-z0-9])[A-Z]|(?<=[A-Za-z])[0-9]")
_FEW = 100
"""Names that are put in a better order; nobody reads on to what stands behind them."""
_SHORTEST = 2
"""Characters that are looked for within names: nearly all hold a single one."""
_PREFIX, _INITIALS, _WITHIN = range(3)


class Entry(NamedTuple):
    """What is offered: the text that is inserted, how the menu shows it, what it is."""

    text: str
    shown: str
    meta: str
    kind: str


class Group(NamedTuple):
    """Names of one sort, in the order in which they are of use, and what makes entries of them.

    Entries are made of those alone that are offered; None: the name means nothing here.
    """

    names: Sequence[str]
    make: Callable[[str], Entry | None]


def best(partial: str, groups: Iterable[Group]) -> list[Entry]:
    """Return the entries that fit: names that begin so, then those with such letters.

    Those are the first ones of a name's words, one or more of each, in their order; at the end come
    names that hold the text anywhere. Of some letters on, the whole of a name that is written comes
    before what goes on from it. Case does not count. Of one name the first entry is taken.
    """
    ranked: tuple[list[tuple[str, Group]], ...] = ([], [], [])
    rank = _Ranks(partial)
    for group in groups:
        for name in group.names:
            place = rank.of(name)
            if place is not None:
                ranked[place].append((name, group))
    found: dict[str, Entry] = {}
    first, *others = ranked
    if len(partial) > _SHORTEST:
        first = _shorter_first(first)
    for name, group in (one for some in (first, *others) for one in some):
        entry = group.make(name) if name not in found else None
        if entry is not None:
            found[name] = entry
            if len(found) == MOST:
                break
    return list(found.values())


def _shorter_first(ranked: list[tuple[str, Group]]) -> list[tuple[str, Group]]:
    """Put a name before those that only go on with it: `Count` before `CountBy`."""
    names = [name for name, _ in ranked[:_FEW]]
    places = [min(n for n, one in enumerate(names) if one.startswith(name)) for name in names]
    order = sorted(range(len(names)), key=lambda place: (places[place], len(names[place])))
    return [ranked[place] for place in order] + ranked[_FEW:]


class _Ranks:
    """Ranks names by one text."""

    def __init__(self, partial: str) -> None:
        self._text = partial.casefold()
        letters = [letter for letter in self._text if not letter.isspace() and letter != "_"]
        gaps = (f"[^{re.escape(letter)}]*{re.escape(letter)}" for letter in letters)
        # What holds the letters at all, in their order: most names do not.
        self._holds = re.compile("".join(gaps))
        self._letters = letters

    def of(self, name: str) -> int | None:
        """Return the rank of a name, None if it does not fit."""
        folded = name.casefold()
        if folded.startswith(self._text):
            return _PREFIX
        if self._holds.match(folded) is None:
            return None
        if self._is_of_words(name, folded):
            return _INITIALS
        return _WITHIN if len(self._text) >= _SHORTEST and self._text in folded else None

    def _is_of_words(self, name: str, folded: str) -> bool:
        """Whether the letters are the first ones of words, each on from where the last one is."""
        starts = [match.start() for match in _BEGINNING.finditer(name)]
        places: set[int] = set()
        for number, letter in enumerate(self._letters):
            first = min(places, default=-1)
            reached = {at for at in starts if at > first} if places or not number else set()
            reached |= {at + 1 for at in places}
            places = {at for at in reached if folded[at : at + 1] == letter}
        return bool(places)
