"""Columns of few distinct addresses, and texts made of several: what both systems' objects use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from memq.column import Addresses, Array, Column, Indexes, Statuses, Text, distinct_numbers
from memq.errors import Reason
from memq.node import dataclass
from memq.schema.batch import Cut
from memq.schema.collection import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs


class OfStructs(Protocol):
    """A kernel, as far as structures are read of it."""

    def structs(self, name: str, addresses: Addresses, status: Statuses | None = None) -> Structs:
        """Return the structures of one type at the addresses."""


def distinct_addresses(values: Array) -> tuple[Addresses, Indexes]:
    """Return the distinct values, sorted, and for each row the place of its own among them.

    Neighbours are often equal (the mappings of one file, of one process), so that runs of equal
    values are sorted instead of rows.
    """
    if not len(values):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    starts = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts = np.concatenate([np.zeros(1, np.int64), starts])
    heads = values[starts].astype(np.uint64, copy=False)
    found = distinct_numbers(heads)
    places = np.searchsorted(found, heads)
    lengths = np.diff(starts, append=len(values))
    return found, np.repeat(places, lengths).astype(np.int64, copy=False)


def known_pointers(pointers: Column) -> tuple[Addresses, Statuses]:
    """Return a column of pointers as addresses and reasons; a null pointer's reason is NULL."""
    values = pointers.values.astype(np.uint64, copy=False)
    status = pointers.statuses
    return values, np.where((status == 0) & (values == 0), np.uint8(Reason.NULL), status)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Structures of which each is there once, and for each row which of them is its own."""

    structs: Structs
    index: Indexes

    def __getitem__(self, member: str) -> Column:
        """Return a member of each row's structure; null where the row has none."""
        return self.structs[member].take(self.index)

    def take(self, index: Indexes) -> Distinct:
        """Return the structures of some of the rows; what was read of them is shared."""
        return Distinct(self.structs, self.index[index])


def distinct_structs(
    kernel: OfStructs, name: str, pointers: Column, check: Callable[[], None] | None = None
) -> Distinct:
    """Return the structures that a column points to, each to be read once.

    A null pointer, and each reason why a pointer is not known, counts as one more structure.
    """
    found, index = distinct_addresses(np.where(pointers.known, pointers.values, np.uint64(0)))
    status = np.where(found == 0, np.uint8(Reason.NULL), np.uint8(0))
    lost = pointers.statuses > Reason.NULL
    if lost.any():
        reasons = distinct_numbers(pointers.statuses[lost])
        index[lost] = len(found) + np.searchsorted(reasons, pointers.statuses[lost])
        found = np.concatenate([found, np.zeros(len(reasons), np.uint64)])
        status = np.concatenate([status, reasons])
    structs = kernel.structs(name, found, status)
    structs.check = check
    return Distinct(structs, index)


def joined_cut(cuts: list[Cut | None]) -> Cut | None:
    """Say of several sources why they are not whole."""
    there = [cut for cut in cuts if cut is not None]
    texts = dict.fromkeys(cut.text for cut in there)
    return Cut(there[0].reason, "; ".join(texts)) if there else None


def references_to(pointers: Column, at: Callable[[Addresses], ObjectType]) -> Reference:
    """Return the objects that a column points to; `at` gives those at distinct addresses."""
    places, status = known_pointers(pointers)
    rows = np.flatnonzero(status == 0)
    found, own = distinct_addresses(places[rows])
    index = np.full(len(places), -1, np.int64)
    index[rows] = own
    return Reference(at(found), index, status if status.any() else None)


def words_by_number(numbers: Column, words: Sequence[str], first: int = 0) -> Text:
    """Return the words that numbers stand for, `first` for the first; others are malformed."""
    places = numbers.values.astype(np.int64) - first
    is_named = (places >= 0) & (places < len(words))
    text = Text(np.where(is_named, places, 0), numbers.status, words)
    return text.but(text.known & ~is_named, Reason.MALFORMED)


def joined_text(length: int, parts: list[tuple[Array, Text]]) -> Text:
    """Return one column made of several: each part is the rows that it fills, and their texts.

    Rows that no part fills are null. Words are made distinct again over all parts.
    """
    values = np.zeros(length, np.int64)
    status = np.full(length, Reason.NULL, np.uint8)
    words: dict[str, int] = {"": 0}
    for rows, text in parts:
        if len(rows):
            codes = [words.setdefault(word, len(words)) for word in text.words]
            values[rows] = np.array(codes or [0], np.int64)[text.values]
            status[rows] = text.statuses
    return Text(values, status if status.any() else None, list(words))
