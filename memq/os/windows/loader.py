"""The loader's lists of modules, in the memory of many processes at once.

A process has three lists (PEB_LDR_DATA) that go through the same entries (LDR_DATA_TABLE_ENTRY), a
link for each in every entry; 32-bit code has three more of its own. All lists of all processes are
walked together, a step of each at a time, and each entry is read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column
from memq.errors import Reason
from memq.node import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes, Statuses
    from memq.layers.space import AddressSpace
    from memq.run import Run
    from memq.symbols.lists import Cuts
    from memq.symbols.structs import Structs
    from memq.symbols.types import StructType

LISTS = ("InLoadOrder", "InMemoryOrder", "InInitializationOrder")
MAX_STEPS = 1 << 14
"""Entries of one list; processes have hundreds."""
_NOT_THERE = 1 << 40
"""Place in a list of what is not in it: behind all that is."""


@dataclass(frozen=True, slots=True)
class Loader:
    """How the lists of one sort of loader are laid out."""

    space: AddressSpace
    word: int
    """Bytes of a pointer."""
    heads: tuple[int, ...]
    """Where the heads are in PEB_LDR_DATA, and below where the links are in an entry."""
    links: tuple[int, ...]
    base: int

    @classmethod
    def of(cls, space: AddressSpace, word: int, data: StructType, entry: StructType) -> Loader:
        """Return what the structures say."""
        heads = tuple(data.offset(f"{name}ModuleList") for name in LISTS)
        links = tuple(entry.offset(f"{name}Links") for name in LISTS)
        return cls(space, word, heads, links, entry.offset("DllBase"))

    @property
    def limit_bits(self) -> int:
        """Bits of an address of a program."""
        return 32 if self.word == 4 else self.space.mode.sign_bit

    def pointers(
        self, places: Addresses, count: int, roots: Addresses | None
    ) -> tuple[NDArray[np.uint64], Statuses]:
        """Return so many pointers at each place, and why there are none."""
        data, status = self.space.gather(places, count * self.word, roots)
        found = np.ascontiguousarray(data).view(f"<u{self.word}").astype(np.uint64)
        return found.reshape(len(places), count), status


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of the loader's lists, by owner; of each, in load order first."""

    owner: Indexes
    addresses: Addresses
    bases: Column
    listed: NDArray[np.bool_]
    """Which of the three lists lead to it."""
    lost: Statuses
    """For each process and list, why there may be more in it."""

    @classmethod
    def unknown(cls, lost: Statuses) -> Entries:
        """Return no entries, where none can be found."""
        none, bases = np.zeros(0, np.int64), np.zeros(0, np.uint64)
        return cls(none, bases, Column(bases), np.zeros((0, len(LISTS)), bool), lost)


def entries(loader: Loader, run: Run, data: Structs, cuts: Cuts) -> Entries:
    """Return what is in the lists of each process's PEB_LDR_DATA; of none, where there is none."""
    rows, status = np.arange(len(data)), _statuses(data)
    cuts.mark(rows, status, data.addresses)
    lost = np.where(status > Reason.NULL, status, np.uint8(0))
    lost = np.repeat(lost[:, None], len(LISTS), axis=1)
    rows = rows[status == 0]
    # Owner and address of an entry fit one number, so that what is known is found by one search.
    step = 1 << min(64 - loader.limit_bits, 20)
    parts = [
        _Walk(loader, run, data, rows[start : start + step], _Marks(cuts, lost)).entries()
        for start in range(0, max(len(rows), 1), step)
    ]
    return Entries(
        np.concatenate([part.owner for part in parts]),
        np.concatenate([part.addresses for part in parts]),
        Column(
            np.concatenate([part.bases.values for part in parts]),
            np.concatenate([part.bases.statuses for part in parts]),
        ),
        np.concatenate([part.listed for part in parts]),
        lost,
    )


def _statuses(data: Structs) -> Statuses:
    return np.zeros(len(data), np.uint8) if data.status is None else data.status


class _Marks:
    """Why lists ended too early: of each process, and of each of its lists."""

    def __init__(self, cuts: Cuts, lost: Statuses) -> None:
        self._cuts = cuts
        self.lost = lost

    def mark(
        self, owner: Indexes, which: Indexes, reason: Reason | Statuses, at: Addresses
    ) -> None:
        """Say it of these lists; NULL and KNOWN are no reasons, and the first one stays."""
        self._cuts.mark(owner, reason, at)
        reasons = np.broadcast_to(np.asarray(reason, np.uint8), owner.shape)
        new = (reasons > Reason.NULL) & (self.lost[owner, which] == 0)
        self.lost[owner[new], which[new]] = reasons[new]


class _Walk:
    """A walk through the lists of some of the processes."""

    def __init__(
        self, loader: Loader, run: Run, data: Structs, rows: Indexes, marks: _Marks
    ) -> None:
        self._loader, self._run, self._marks = loader, run, marks
        self._rows = rows
        self._roots = None if data.roots is None else data.roots[rows]
        self._places = data.addresses[rows]
        self._known = _Known()
        self._count = 0
        self._owner = _Growing(np.int64)
        self._address = _Growing(np.uint64)
        self._base = _Growing(np.uint64)
        self._status = _Growing(np.uint8)
        self._next = [_Growing(np.uint64) for _ in LISTS]
        self._place = [_Growing(np.int64) for _ in LISTS]

    def entries(self) -> Entries:
        """Walk all lists to their ends."""
        owner, which, link = self._first()
        for step in range(MAX_STEPS):
            if not len(owner):
                break
            self._run.check()
            if self._count > self._run.limits.children:
                break
            owner, which, link = self._step(step, owner, which, link)
        self._marks.mark(self._rows[owner], which, Reason.LIMIT, link)
        return self._found()

    def _first(self) -> tuple[Indexes, Indexes, Addresses]:
        """Return the first link of each list that is not empty."""
        owner = np.repeat(np.arange(len(self._rows)), len(LISTS))
        which = np.tile(np.arange(len(LISTS)), len(self._rows))
        heads = self._heads(owner, which)
        roots = None if self._roots is None else self._roots[owner]
        links, status = self._loader.pointers(heads, 1, roots)
        self._marks.mark(self._rows[owner], which, status, heads)
        return self._going(owner, which, links[:, 0], status == 0)

    def _heads(self, owner: Indexes, which: Indexes) -> Addresses:
        return self._places[owner] + np.array(self._loader.heads, np.uint64)[which]

    def _going(
        self, owner: Indexes, which: Indexes, link: Addresses, known: NDArray[np.bool_]
    ) -> tuple[Indexes, Indexes, Addresses]:
        """Return the lists that go on: those that are back at their head do not."""
        known = known & (link != self._heads(owner, which))
        entry = link - np.array(self._loader.links, np.uint64)[which]
        odd = (entry >> np.uint64(self._loader.limit_bits) != 0) | (
            link & np.uint64(self._loader.word - 1) != 0
        )
        bad = known & (odd | (link == 0))
        self._marks.mark(self._rows[owner[bad]], which[bad], Reason.MALFORMED, link[bad])
        rows = np.flatnonzero(known & ~bad)
        return owner[rows], which[rows], link[rows]

    def _step(
        self, step: int, owner: Indexes, which: Indexes, link: Addresses
    ) -> tuple[Indexes, Indexes, Addresses]:
        """Take note of the entries that the lists are at, and return where they lead."""
        entry = link - np.array(self._loader.links, np.uint64)[which]
        nodes = self._nodes(owner, entry)
        following = np.zeros(len(nodes), np.uint64)
        again = np.zeros(len(nodes), bool)
        for number in range(len(LISTS)):
            rows = np.flatnonzero(which == number)
            place = self._place[number].values
            again[rows] = place[nodes[rows]] != _NOT_THERE
            place[nodes[rows[~again[rows]]]] = step
            following[rows] = self._next[number].values[nodes[rows]]
        self._marks.mark(self._rows[owner[again]], which[again], Reason.LOOP, link[again])
        status = self._status.values[nodes]
        self._marks.mark(self._rows[owner], which, status, link)
        return self._going(owner, which, following, (status == 0) & ~again)

    def _nodes(self, owner: Indexes, entry: Addresses) -> Indexes:
        """Return the numbers of entries; those that are new are read first."""
        keys = entry | owner.astype(np.uint64) << np.uint64(self._loader.limit_bits)
        nodes = self._known.find(keys)
        new = np.flatnonzero(nodes < 0)
        if len(new):
            order = new[np.argsort(keys[new], kind="stable")]
            first = np.ones(len(order), bool)
            first[1:] = keys[order[1:]] != keys[order[:-1]]
            rows = order[first]
            self._known.add(keys[rows], np.arange(self._count, self._count + len(rows)))
            self._read(owner[rows], entry[rows])
            nodes[new] = self._known.find(keys[new])
        return nodes

    def _read(self, owner: Indexes, entry: Addresses) -> None:
        loader = self._loader
        count = max(*loader.links, loader.base) // loader.word + 1
        roots = None if self._roots is None else self._roots[owner]
        words, status = loader.pointers(entry, count, roots)
        self._owner.add(owner)
        self._address.add(entry)
        self._base.add(words[:, loader.base // loader.word])
        self._status.add(status)
        for number, offset in enumerate(loader.links):
            self._next[number].add(words[:, offset // loader.word])
            self._place[number].add(np.full(len(owner), _NOT_THERE))
        self._count += len(owner)

    def _found(self) -> Entries:
        places = [each.values for each in self._place]
        owner = self._owner.values
        order = np.lexsort((*places[::-1], owner))
        bases = Column(self._base.values, self._status.values).take(order)
        listed = np.stack(places, axis=1)[order] != _NOT_THERE
        found = self._rows[owner[order]], self._address.values[order]
        return Entries(*found, bases, listed, self._marks.lost)


class _Growing:
    """An array that grows at its end."""

    def __init__(self, kind: type) -> None:
        self._room: Array = np.zeros(64, kind)
        self._count = 0

    @property
    def values(self) -> Array:
        """What is in it; a view, which may be written to."""
        return self._room[: self._count]

    def add(self, values: Array) -> None:
        """Add some at the end."""
        end = self._count + len(values)
        if end > len(self._room):
            room = np.zeros(max(end, 2 * len(self._room)), self._room.dtype)
            room[: self._count] = self.values
            self._room = room
        self._room[self._count : end] = values
        self._count = end


class _Known:
    """Numbers of keys, found by search in few sorted runs, each at least twice the next one."""

    def __init__(self) -> None:
        self._runs: list[tuple[Addresses, Indexes]] = []

    def find(self, keys: Addresses) -> Indexes:
        """Return the number of each key, -1 of those that are not known."""
        found = np.full(len(keys), -1, np.int64)
        for known, numbers in self._runs:
            place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            found = np.where(known[place] == keys, numbers[place], found)
        return found

    def add(self, keys: Addresses, numbers: Indexes) -> None:
        """Add sorted keys of which none is known."""
        while self._runs and len(self._runs[-1][0]) < 2 * len(keys):
            more, others = self._runs.pop()
            keys, numbers = np.concatenate([more, keys]), np.concatenate([others, numbers])
            order = np.argsort(keys, kind="stable")
            keys, numbers = keys[order], numbers[order]
        self._runs.append((keys, numbers))
