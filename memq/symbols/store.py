"""The pack of profiles that comes with memq, and the choice among its tables.

Where the table of an image is there, it is used. Where not, types are those of a table of the same
build, the nearest by where the image's exported names lie; its symbols are not the image's, and so
none are given. Whoever takes such types has to prove them, and to try the next where they fail.
"""

from __future__ import annotations

from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memq.node import dataclass
from memq.symbols.layouts import Layouts
from memq.symbols.pack_files import Entry, Names, read_index, read_packed, read_text
from memq.symbols.tables import ImageTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memq.column import Array
    from memq.symbols.tables import Identity

SAME_KERNEL = {
    7600: 7601,
    3791: 3790,
    18363: 18362,
    19042: 19041,
    19043: 19041,
    19044: 19041,
    19045: 19041,
    22621: 22000,
    22631: 22000,
}
"""Builds whose kernel is laid out as another's: service packs, updates that only switch things on,
and those of which it was measured. (None of the members that memq reads moved from 22000 to 22631.)
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A layout that may be an image's."""

    entry: Entry
    """The nearest of the tables that are laid out so."""
    distance: int | None
    """How many of the exported names lie otherwise behind the one before; None: no symbols."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The types to use for an image whose own table is not there."""

    store: ProfileStore
    build: int
    candidates: tuple[Candidate, ...]
    """All layouts of that build, each once, the likeliest first; never empty."""

    def warning(self, number: int = 0) -> str:
        """Return what has to be said of every answer that rests on a candidate."""
        taken = self.candidates[number].entry.build
        if taken == self.build:
            return f"no profile of this kernel: types are those of a near one of build {taken}"
        return f"no profile of build {self.build}: types are those of build {taken}"

    def types(self, number: int = 0) -> Layouts:
        """Return the types of a candidate."""
        return self.store.types(self.candidates[number].entry)


class ProfileStore:
    """A profile pack."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: that of the pack that comes with memq, if none is given."""
        self.folder = _own_folder() if folder is None else folder
        self._names: dict[int, Names] = {}

    @cached_property
    def entries(self) -> list[Entry]:
        """What the pack holds; SymbolError where it is none."""
        return read_index(self.folder)

    @cached_property
    def _by_identity(self) -> dict[Identity, Entry]:
        return {entry.identity: entry for entry in self.entries if entry.identity is not None}

    def identities(self) -> list[Identity]:
        """Return of which images the pack has tables."""
        return list(self._by_identity)

    def of_build(self, build: int) -> list[Identity]:
        """Return the images of one build of which the pack has tables."""
        return [one for one, entry in self._by_identity.items() if entry.build == build]

    # What is known exactly

    def table(self, identity: Identity) -> ImageTable | None:
        """Return the table of an image, None if the pack has it not."""
        entry = self._by_identity.get(identity)
        if entry is None:
            return None
        names, has, rvas = self._symbols(entry)
        named = dict(zip(compress(names.names, has.tolist()), rvas.tolist(), strict=True))
        source = f"memq's profile of build {entry.build}"
        return ImageTable(self.types(entry), named, source, identity, entry.build)

    def types(self, entry: Entry) -> Layouts:
        """Return the types that an entry of the index stands for."""
        overlay = read_text(self.folder, "layouts", entry.overlay) if entry.overlay else ""
        return Layouts(read_text(self.folder, "layouts", entry.base), overlay)

    def types_of(self, build: int, pointer_size: int) -> Layouts | None:
        """Return types that are of a build and not of one image, None if the pack has none."""
        bits = pointer_size * 8
        found = [e for e in self.entries if (e.identity, e.build, e.bits) == (None, build, bits)]
        return self.types(found[0]) if found else None

    # What has to be proven

    def fitting(self, rvas: Mapping[str, int]) -> list[Identity]:
        """Return the images whose tables have each of these symbols just there."""
        wanted = dict(rvas)
        return [
            identity
            for identity, entry in self._by_identity.items()
            if wanted and self._rvas_of(entry, wanted) == wanted
        ]

    def nearest(
        self, build: int, exports: Mapping[str, int], pointer_size: int = 8
    ) -> Choice | None:
        """Choose types for an image by its build and the addresses of its exported names.

        `exports` are distances from the start of the image. None: the pack has no table of such
        a machine.
        """
        entries = [e for e in self.entries if e.bits == pointer_size * 8]
        ranks = _ranks(build, {entry.build for entry in entries})
        lined_up: dict[int, Array] = {}
        for entry in entries:
            if entry.build in ranks and entry.identity and entry.build not in lined_up:
                lined_up[entry.build] = _lined_up(self._names_of(entry.build), exports)
        found = [self._candidate(e, lined_up) for e in entries if e.build in ranks]
        candidates: dict[tuple[str, str], Candidate] = {}
        for one in sorted(found, key=lambda one: (ranks[one.entry.build], *_likelihood(one))):
            candidates.setdefault((one.entry.base, one.entry.overlay), one)
        return Choice(self, build, tuple(candidates.values())) if candidates else None

    def _candidate(self, entry: Entry, exports: Mapping[int, Array]) -> Candidate:
        """Hold the gaps between neighbours to each other: most functions change in few updates."""
        if entry.identity is None:
            return Candidate(entry, None)
        names, has, rvas = self._symbols(entry)
        there, theirs = exports[entry.build].T
        ours = np.full(len(names.names), -1, np.int64)
        ours[has] = rvas
        both = has[there]
        moved = ours[there[both]] - theirs[both]
        return Candidate(entry, int(np.count_nonzero(np.diff(moved))) if len(moved) else None)

    def _rvas_of(self, entry: Entry, wanted: Iterable[str]) -> dict[str, int]:
        """Return the addresses of those names that a table has."""
        names, has, rvas = self._symbols(entry)
        places = np.cumsum(has) - 1
        found = {}
        for name in wanted:
            at = names.numbers.get(name)
            if at is not None and has[at]:
                found[name] = int(rvas[places[at]])
        return found

    def _symbols(self, entry: Entry) -> tuple[Names, Array, Array]:
        content = read_packed(self.folder, "symbols", str(entry.identity))
        names = self._names_of(entry.build)
        return names, *names.table(content)

    def _names_of(self, build: int) -> Names:
        if build not in self._names:
            self._names[build] = Names.parse(read_packed(self.folder, "names", str(build)))
        return self._names[build]


def _lined_up(names: Names, exports: Mapping[str, int]) -> Array:
    """Return the exports that have a place among the names, by address: that place, the address."""
    both = [(rva, names.numbers[name]) for name, rva in exports.items() if name in names.numbers]
    return np.array([(number, rva) for rva, number in sorted(both)], np.int64).reshape(-1, 2)


def _ranks(build: int, known: set[int]) -> dict[int, int]:
    """Return the builds whose types may be those of a build; the likeliest have the lowest rank."""
    exact = known & {build, SAME_KERNEL.get(build, build)}
    if exact:
        return dict.fromkeys(exact, 0)
    lower = sorted((one for one in known if one < build), reverse=True)
    higher = sorted(known - set(lower))
    return {one: rank for rank, one in enumerate([*lower[:1], *higher[:1]])}


def _likelihood(candidate: Candidate) -> tuple[bool, int]:
    """What no image's symbols stand behind comes last."""
    return candidate.distance is None, candidate.distance or 0


def _own_folder() -> Path:
    """Return where the pack lies: in the package as installed, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "profiles/windows"
    return installed if installed.is_dir() else package.with_name("profiles") / "windows"
