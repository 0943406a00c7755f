"""What the object types of Linux have in common, and columns of few distinct addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from memq.column import Addresses, Array, Column, Indexes, Statuses, Text, distinct_numbers
from memq.errors import Reason
from memq.schema.batch import ObjectType

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.os.linux.kernel import LinuxKernel
    from memq.symbols.structs import Structs


class LinuxObject(ObjectType):
    """A batch of structures of the kernel, at the addresses in `rows`.

    Among the bases of a class it comes last, behind the type whose name and identity are inherited.
    """

    struct: ClassVar[str] = ""
    """The kernel's name of the structure."""

    @property
    def kernel(self) -> LinuxKernel:
        """The kernel that the objects belong to."""
        return cast("LinuxKernel", self.context.kernel)

    @property
    def raw(self) -> Structs:
        """The structures themselves; what was read of them is kept."""
        return self.kept("raw", self._open)

    def _open(self) -> Structs:
        found = self.kernel.structs(self.struct, self.rows["address"], self.rows.get("status"))
        found.check = self.context.check
        return found

    def address_column(self) -> Column:
        """Return the addresses of the structures as a field."""
        return Column(self.rows["address"], self.rows.get("status"))


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
    kernel: LinuxKernel, name: str, pointers: Column, check: Callable[[], None] | None = None
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
