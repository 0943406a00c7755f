"""Handle tables: what the handles of many processes stand for (ntos/ex/handle.c, _HANDLE_TABLE).

A table is a page of entries, a page of pointers to such pages, or a table of pointers to those: the
lowest bits of TableCode say which. The first entry of each page is none: it is the place of what
is kept of the whole page. All tables are walked together, level by level.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import known_pointers
from memq.symbols.lists import Cuts, within

if TYPE_CHECKING:
    from memq.column import Addresses, Array, Indexes
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

_ENTRY = "_HANDLE_TABLE_ENTRY"
_PAGE = 4096
_STEP = 4
"""Handles are numbered by fours; programs may use the two lowest bits as they like."""
_LEVEL = 7
_TOP_LEVEL = 2
_MAX_HANDLES = 1 << 24
"""Of one table: so many entries are what its topmost level has pointers for."""
_AT_ONCE = 1 << 10
"""Pages of entries that are read before what is unused in them is forgotten."""
_ADDRESS_BITS = {8: 48, 4: 32}
"""Bits of an address that tell one from another, by the size of pointers."""

PROTECT_FROM_CLOSE, INHERIT, AUDIT = 1, 2, 4
"""Attributes of a handle (OBJ_PROTECT_CLOSE, OBJ_INHERIT, OBJ_AUDIT_OBJECT_CLOSE)."""
_PROTECT_BIT = 0x0200_0000
"""Where the access mask has what would be PROTECT_FROM_CLOSE: its own bit is the entry's lock."""


@dataclass(frozen=True, slots=True)
class Handles:
    """The handles in many tables, by table and number; `owner` is non-decreasing."""

    owner: Indexes
    numbers: Indexes
    objects: Addresses
    """Addresses of the objects' headers; in PspCidTable of the processes and threads themselves."""
    access: Indexes
    attributes: Indexes
    """PROTECT_FROM_CLOSE, INHERIT and AUDIT."""
    entries: Addresses
    """Addresses of the entries."""

    def take(self, index: Array) -> Handles:
        """Return the handles at the index, or those that a mask marks."""
        return Handles(*(getattr(self, each.name)[index] for each in fields(self)))


@dataclass(frozen=True, slots=True)
class _Tables:
    """Pages of one level: the number of the first handle in each, in entries, is `first`."""

    owner: Indexes
    places: Addresses
    first: Indexes

    def take(self, index: Array) -> _Tables:
        return _Tables(self.owner[index], self.places[index], self.first[index])

    def and_those(self, others: _Tables) -> _Tables:
        return _Tables(
            np.concatenate([self.owner, others.owner]),
            np.concatenate([self.places, others.places]),
            np.concatenate([self.first, others.first]),
        )


def open_handles(kernel: WindowsKernel, run: Run, tables: Structs, cuts: Cuts) -> Handles:
    """Return what is open in each table (_HANDLE_TABLE); `cuts` says where that is not all.

    A row without a table, whose status is NULL, has no handles.
    """
    if kernel.types.struct(_ENTRY) is None:
        cuts.mark(np.arange(len(tables)), Reason.NOT_IN_KERNEL)
        nothing = np.zeros(0, np.int64), np.zeros(0, np.uint64)
        return Handles(nothing[0], nothing[0], nothing[1], nothing[0], nothing[0], nothing[1])
    walk = _Walk(kernel, run, cuts)
    leaves = walk.leaves(tables)
    walk.compare(tables, leaves)
    return walk.entries(leaves)


class _Walk:
    """A walk through many tables of one kernel."""

    def __init__(self, kernel: WindowsKernel, run: Run, cuts: Cuts) -> None:
        self._space = kernel.space
        self._run = run
        self._cuts = cuts
        self._entry = _Entry(kernel)
        self._per_page = _PAGE // self._entry.size
        self._word = kernel.space.word_size

    def leaves(self, tables: Structs) -> _Tables:
        """Return the pages of entries of all tables, by owner and number."""
        code, status = known_pointers(tables["TableCode"])
        owner = np.arange(len(tables))
        self._cuts.mark(owner, status, tables.addresses)
        level = (code & np.uint64(_LEVEL)).astype(np.int64)
        odd = (status == 0) & (level > _TOP_LEVEL)
        self._cuts.mark(owner[odd], Reason.MALFORMED, code[odd])
        known = (status == 0) & ~odd
        places = code & ~np.uint64(_LEVEL)
        roots = _Tables(owner, places, np.zeros(len(tables), np.int64))
        found = roots.take(known & (level == _TOP_LEVEL))
        for depth in range(_TOP_LEVEL, 0, -1):
            below = roots.take(known & (level == depth - 1))
            found = self._below(found, depth).and_those(below)
        return found.take(np.lexsort((found.first, found.owner)))

    def _below(self, tables: _Tables, level: int) -> _Tables:
        """Return the pages that tables of pointers lead to; a null pointer leads to none."""
        span = self._per_page * (_PAGE // self._word) ** (level - 1)
        count = min(_PAGE // self._word, _MAX_HANDLES // span)
        most = self._run.limits.list_length // count
        self._cuts.mark(tables.owner[most:], Reason.LIMIT, tables.places[most:])
        tables = tables.take(np.arange(min(len(tables.owner), most)))
        self._run.check()
        data, status = self._space.gather(tables.places, count * self._word)
        self._cuts.mark(tables.owner, status, tables.places)
        pointers = np.ascontiguousarray(data).view(f"<u{self._word}").astype(np.uint64)
        row, column = np.nonzero(pointers)
        places = pointers[row, column]
        found = _Tables(tables.owner[row], places, tables.first[row] + column * span)
        return self._sound(found)

    def _sound(self, tables: _Tables) -> _Tables:
        """Leave out what can be no page of the kernel's, and what was in the same table before."""
        low = np.uint64(self._space.kernel_start)
        bad = (tables.places < low) | (tables.places & np.uint64(_PAGE - 1) != 0)
        self._cuts.mark(tables.owner[bad], Reason.MALFORMED, tables.places[bad])
        tables = tables.take(~bad)
        order = np.lexsort((tables.first, tables.places, tables.owner))
        owner, places = tables.owner[order], tables.places[order]
        again = order[1:][(owner[1:] == owner[:-1]) & (places[1:] == places[:-1])]
        self._cuts.mark(tables.owner[again], Reason.LOOP, tables.places[again])
        is_first = np.ones(len(places), bool)
        is_first[again] = False
        return tables.take(is_first)

    def compare(self, tables: Structs, leaves: _Tables) -> None:
        """Say of which tables the kernel has numbered handles beyond the last page found."""
        wanted = tables["NextHandleNeedingPool"]
        ends = np.zeros(len(tables), np.int64)
        ends[leaves.owner] = (leaves.first + self._per_page) * _STEP  # the last of each stays
        less = np.flatnonzero(wanted.known & (wanted.values > ends))
        self._cuts.mark(less, Reason.MISCOUNTED, tables.addresses[less])

    def entries(self, leaves: _Tables) -> Handles:
        """Return the entries of the pages that are in use."""
        counts = np.full(len(leaves.owner), self._per_page)
        kept = within(counts, leaves.owner, self._run.limits.children, self._cuts) > 0
        leaves = leaves.take(kept)
        parts = [self._read(leaves.take(np.zeros(0, np.int64)))]
        for start in range(0, len(leaves.owner), _AT_ONCE):
            self._run.check()
            part = np.arange(start, min(start + _AT_ONCE, len(leaves.owner)))
            parts.append(self._read(leaves.take(part)))
        columns = ([getattr(part, each.name) for part in parts] for each in fields(Handles))
        return Handles(*(np.concatenate(column) for column in columns))

    def _read(self, leaves: _Tables) -> Handles:
        data, status = self._space.gather(leaves.places, _PAGE)
        self._cuts.mark(leaves.owner, status, leaves.places)
        entry = self._entry
        words = np.ascontiguousarray(data).view(f"<u{self._word}")
        words = words.reshape(len(leaves.owner), self._per_page, entry.size // self._word)
        objects = entry.objects(words[:, :, 0])
        objects[:, 0] = 0
        page, place = np.nonzero(objects)
        used = words[page, place]
        at = leaves.places[page] + (place * entry.size).astype(np.uint64)
        attributes, access = entry.rights(used)
        numbers = (leaves.first[page] + place) * _STEP
        found = Handles(leaves.owner[page], numbers, objects[page, place], access, attributes, at)
        odd = found.objects < np.uint64(self._space.kernel_start)
        self._cuts.mark(found.owner[odd], Reason.MALFORMED, at[odd])
        return found.take(~odd)


class _Entry:
    """How a kernel keeps an object, its attributes and the access to it in one entry."""

    def __init__(self, kernel: WindowsKernel) -> None:
        layout = kernel.types.required(_ENTRY)
        word = kernel.space.word_size
        self.size = 2 * word
        self._bits = word * 8
        pointer = layout.find("ObjectPointerBits")
        # Since 9200 the pointer has lost the bits that are the same in all of them.
        self._width = None if pointer is None else pointer.bit_size
        self._lost = _ADDRESS_BITS[word] - (self._width or 0)
        attributes = layout.find("Attributes")
        self._attributes = (attributes.bit_size if attributes is not None else None) or 3
        # On x86 it did not fit in beside the pointer.
        self._is_apart = layout.has("ProtectFromClose")

    def objects(self, words: Array) -> Addresses:
        """Return the objects' addresses that the first words of entries hold; of free ones 0."""
        if self._width is None:
            return words.astype(np.uint64) & ~np.uint64(_LEVEL)
        # The topmost bits of the word; what is above them in an address is all the same.
        gone = self._bits - self._width
        if self._bits == 64:
            signed: Array = (words.view(np.int64) >> gone) << self._lost
            return signed.astype(np.uint64)
        return (words.astype(np.uint64) >> np.uint64(gone)) << np.uint64(self._lost)

    def rights(self, words: Array) -> tuple[Indexes, Indexes]:
        """Return attributes and access that whole entries hold."""
        first, second = words[:, 0], words[:, 1].astype(np.uint64)
        access = (second & np.uint64(0xFFFF_FFFF)).astype(np.int64)
        is_protected = (access & _PROTECT_BIT != 0).astype(np.int64)
        if self._width is None:
            rest = (first.astype(np.uint64) & np.uint64(INHERIT | AUDIT)).astype(np.int64)
            return rest | is_protected, access & ~_PROTECT_BIT
        # The attributes stand directly below the pointer.
        below = first.astype(np.uint64) >> np.uint64(self._bits - self._width - self._attributes)
        rest = below.astype(np.int64) & ((1 << self._attributes) - 1)
        access &= _PROTECT_BIT - 1
        return (rest << 1 | is_protected if self._is_apart else rest), access
