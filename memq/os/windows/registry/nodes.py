"""Keys in cells (CM_KEY_NODE: `nk`, or `lk` for mounts): heads, names, and what is below them.

The layouts are those of hive files, which no version of Windows has changed.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Indexes, Text, text_column, worst
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.registry.cells import NO_CELL
from memq.os.windows.strings import fixed_text
from memq.symbols.lists import Cuts, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.column import Array, Statuses
    from memq.os.windows.registry.hives import Hives
    from memq.run import Run

HEAD = 76
"""Bytes of a key's node before its name."""
EXIT, LINK, COMPRESSED = 0x2, 0x10, 0x20
"""Flags of keys: another hive is mounted there; it is a link; its name has a byte a letter."""
MAX_NAME = 512
"""Bytes of a key's name, of at most 255 letters."""
MAX_CLASS = 1 << 15
_NODES, _LEAVES, _ROOT = (b"nk", b"lk"), (b"li", b"lf", b"lh"), b"ri"


@dataclass(slots=True, eq=False)
class Nodes:
    """Keys, by their hives and cells, and what was read of them."""

    hives: Hives
    hive: Indexes
    cell: Array
    _head: tuple[Array, Statuses] | None = field(default=None)

    def __len__(self) -> int:
        return len(self.hive)

    @property
    def head(self) -> tuple[Array, Statuses]:
        """The bytes before the name, and Reasons; a cell that holds no key is malformed."""
        if self._head is None:
            data, status = self.hives.blocks.heads(self.hive, self.cell, HEAD)
            first, second = data[:, 0], data[:, 1]
            is_key = np.zeros(len(data), bool)
            for letters in _NODES:
                is_key |= (first == letters[0]) & (second == letters[1])
            self._head = data, np.where(is_key | (status > 0), status, np.uint8(Reason.MALFORMED))
        return self._head

    def number(self, offset: int, size: int) -> Column:
        """Return a number of the head."""
        data, status = self.head
        return Column(_numbers(data, offset, size), status if status.any() else None)

    def take(self, index: Indexes) -> Nodes:
        """Return some of the keys, with what was read of them."""
        head = None if self._head is None else (self._head[0][index], self._head[1][index])
        return Nodes(self.hives, self.hive[index], self.cell[index], head)

    @property
    def flags(self) -> Column:
        """KEY_VOLATILE, KEY_HIVE_EXIT and so on."""
        return self.number(2, 2)

    def is_exit(self) -> Array:
        """Where another hive is mounted."""
        flags = self.flags
        found: Array = flags.known & (flags.values & EXIT != 0)
        return found

    def mounted(self) -> Indexes:
        """Return the number of the hive that is mounted at each key, -1 where none is."""
        size = self.hives.blocks.space.word_size
        # CM_KEY_REFERENCE lies over the lists, which these keys have not: a cell and an HHIVE.
        pointers = self.number(0x1C + size, size)
        found = self.hives.numbers_of(pointers.values.astype(np.uint64))
        return np.where(self.is_exit() & pointers.known, found, -1)

    def names(self) -> Text:
        """Return the keys' own names."""
        size, flags = self.number(0x48, 2), self.flags
        status = worst(size.status, flags.status)
        column = Column(size.values, status).but(
            size.known & (size.values > MAX_NAME), Reason.MALFORMED
        )
        sizes = np.where(column.known, column.values, 0)
        raw, reasons = self.hives.blocks.ranges(self.hive, self.cell, sizes, HEAD)
        is_short = flags.values & COMPRESSED != 0
        return decoded(raw, is_short, worst(column.status, reasons))

    def parents(self) -> Column:
        """Return the cells of the keys above, as each key has it."""
        return self.number(0x10, 4)


def _numbers(data: Array, offset: int, size: int) -> Array:
    kind = f"<u{size}"
    part = np.ascontiguousarray(data[:, offset : offset + size])
    values = part.view(kind)[:, 0] if len(part) else np.zeros(0, kind)
    return values.astype(np.int64 if size < 8 else np.uint64)


def decoded(raw: Sequence[bytes], is_short: Array, status: Statuses | None) -> Text:
    """Decode names, each distinct one once: of one byte a letter (Latin-1), or UTF-16."""
    known: dict[tuple[bytes, bool], str] = {}
    words = []
    for name, short in zip(raw, is_short.tolist(), strict=True):
        word = known.get((name, short))
        if word is None:
            word = known[name, short] = _decoded(name, is_short=short)
        words.append(word)
    return text_column(words, status if status is not None and status.any() else None)


def _decoded(name: bytes, *, is_short: bool) -> str:
    if is_short:
        return name.decode("latin-1")
    # Names are counted, not ended by a NUL: what hides behind one is part of them.
    text = name[: len(name) & ~1].decode("utf-16-le", "surrogatepass")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def class_names(keys: Nodes) -> Text:
    """Return the classes that keys were made with; null for those without."""
    cell, size = keys.number(0x30, 4), keys.number(0x4A, 2)
    status, fits = worst(cell.status, size.status), size.values <= MAX_CLASS
    sizes = np.where(fits, size.values, 0)
    raw, reasons = keys.hives.blocks.ranges(keys.hive, cell.values, sizes)
    # One that has a size has a cell.
    lost = np.where((reasons == Reason.NULL) & (sizes > 0), np.uint8(Reason.MALFORMED), reasons)
    text = fixed_text(raw, lost).under(status)
    text = text.but(text.known & (size.values == 0), Reason.NULL)
    return text.but(size.known & ~fits, Reason.MALFORMED)


# What is below keys


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of keys, or what stands in them: cells, and for each the key that it belongs to."""

    cell: Array
    owner: Indexes

    def take(self, index: Indexes | Array) -> Lists:
        """Return some of them."""
        return Lists(self.cell[index], self.owner[index])


def subkeys(keys: Nodes, run: Run, cuts: Cuts) -> tuple[Nodes, Indexes]:
    """Return the keys below each key, and which key each is below: first stable, then volatile.

    Where another hive is mounted there are none. A list that cannot be read, or has fewer keys than
    counted, cuts its key's short.
    """
    _, status = keys.head
    everyone = np.arange(len(keys), dtype=np.int64)
    cuts.mark(everyone, status)
    plain = np.flatnonzero((status == 0) & ~keys.is_exit())
    counts = np.stack([keys.number(0x14, 4).values, keys.number(0x18, 4).values], 1)[plain]
    cells = np.stack([keys.number(0x1C, 4).values, keys.number(0x20, 4).values], 1)[plain]
    wanted = (counts > 0).reshape(-1)
    lists = Lists(cells.reshape(-1), np.repeat(plain, 2)).take(wanted)
    found = _elements(keys, lists, run, cuts)
    expected = np.zeros(len(keys), np.int64)
    expected[plain] = counts.sum(1)
    fewer = np.bincount(found.owner, minlength=len(keys)) < expected
    cuts.mark(np.flatnonzero(fewer), Reason.MISCOUNTED)
    return Nodes(keys.hives, keys.hive[found.owner], found.cell), found.owner


def _elements(keys: Nodes, lists: Lists, run: Run, cuts: Cuts) -> Lists:
    """Return what stands in lists; a list of lists (`ri`) is one of plain lists."""
    kinds, counts = _heads(keys, lists, cuts)
    is_root = kinds == _ROOT
    if is_root.any():
        inner = _bodies(keys, lists.take(is_root), counts[is_root], 4, run, cuts)
        place = np.concatenate([np.flatnonzero(~is_root), np.flatnonzero(is_root)[inner[1]]])
        joined = Lists(
            np.concatenate([lists.cell[~is_root], inner[0].cell]),
            np.concatenate([lists.owner[~is_root], inner[0].owner]),
        )
        lists = joined.take(np.argsort(place, kind="stable"))
        kinds, counts = _heads(keys, lists, cuts)
    is_leaf = (kinds == _LEAVES[0]) | (kinds == _LEAVES[1]) | (kinds == _LEAVES[2])
    cuts.mark(lists.owner[~is_leaf], Reason.MALFORMED)
    parts, places = [Lists(np.zeros(0, np.int64), np.zeros(0, np.int64))], [np.zeros(0, np.int64)]
    # An element of the newer lists has a hash, or the first letters of the name, beside the cell.
    for rows, size in ((kinds == _LEAVES[0], 4), (is_leaf & (kinds != _LEAVES[0]), 8)):
        if not rows.any():
            continue
        part, own = _bodies(keys, lists.take(rows), counts[rows], size, run, cuts)
        parts.append(part)
        places.append(np.flatnonzero(rows)[own])
    order = np.argsort(np.concatenate(places), kind="stable")
    cell = np.concatenate([part.cell for part in parts])
    return Lists(cell, np.concatenate([part.owner for part in parts])).take(order)


def _heads(keys: Nodes, lists: Lists, cuts: Cuts) -> tuple[Array, Array]:
    """Return signature and count of each list; one that cannot be read has neither."""
    hive = keys.hive[lists.owner]
    data, status = keys.hives.blocks.heads(hive, lists.cell, 4)
    # A key that counts keys, but has no list of them, is as wrong as one whose list is none.
    status = np.where(status == Reason.NULL, np.uint8(Reason.MALFORMED), status)
    cuts.mark(lists.owner, status, keys.hives.blocks.places(hive, lists.cell)[0])
    kinds = np.ascontiguousarray(data[:, :2]).view("S2")[:, 0] if len(data) else np.zeros(0, "S2")
    return kinds, _numbers(data, 2, 2)


def _bodies(
    keys: Nodes, lists: Lists, counts: Array, size: int, run: Run, cuts: Cuts
) -> tuple[Lists, Indexes]:
    """Return the elements of lists, and the number of the list that each is in."""
    counts = within(counts, lists.owner, run.limits.children, cuts)
    return cell_array(keys, lists, counts, size, 4, cuts)


def cell_array(
    keys: Nodes, lists: Lists, counts: Array, size: int, skip: int, cuts: Cuts
) -> tuple[Lists, Indexes]:
    """Return the cells that stand in arrays of elements of a size, and the array of each."""
    hive = keys.hive[lists.owner]
    raw, status = keys.hives.blocks.ranges(hive, lists.cell, counts * size, skip)
    cuts.mark(lists.owner, status, keys.hives.blocks.places(hive, lists.cell)[0])
    cells = np.frombuffer(b"".join(raw), "<u4").astype(np.int64)[:: size // 4]
    lengths = np.array([len(one) // size for one in raw], np.int64)
    own = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    is_cell = cells != NO_CELL
    return Lists(cells[is_cell], lists.owner[own[is_cell]]), own[is_cell]
