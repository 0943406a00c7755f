"""Values in cells (CM_KEY_VALUE, `vk`), and what their data says."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Indexes, Text, text_column, worst
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.registry.cells import NO_CELL
from memq.os.windows.registry.nodes import decoded
from memq.os.windows.strings import decode_utf16

if TYPE_CHECKING:
    from memq.column import Array, Statuses
    from memq.os.windows.registry.hives import Hives

TYPES = {
    0: "REG_NONE", 1: "REG_SZ", 2: "REG_EXPAND_SZ", 3: "REG_BINARY", 4: "REG_DWORD",
    5: "REG_DWORD_BIG_ENDIAN", 6: "REG_LINK", 7: "REG_MULTI_SZ", 8: "REG_RESOURCE_LIST",
    9: "REG_FULL_RESOURCE_DESCRIPTOR", 10: "REG_RESOURCE_REQUIREMENTS_LIST", 11: "REG_QWORD",
}  # fmt: skip
"""winnt.h; some drivers use numbers of their own."""
SZ, EXPAND_SZ, DWORD, DWORD_BIG_ENDIAN, LINK, MULTI_SZ, QWORD = 1, 2, 4, 5, 6, 7, 11
MAX_DATA = 1 << 20
"""Bytes of one value's data that are read; such values are larger than the kernel lets most be."""
MAX_NAME = 0x7FFE
"""Bytes of a value's name, of at most 16,383 letters."""
_HEAD = 20
_COMPRESSED = 1
_INLINE = 0x8000_0000
"""In the length: the data stands where else its cell would be named."""
_SEGMENT = 16344
"""Bytes of data in one cell; what is longer is in several (CM_BIG_DATA, `db`, since hives 1.4)."""


@dataclass(slots=True, eq=False)
class Values:
    """Values, by their hives and cells, and what was read of them."""

    hives: Hives
    hive: Indexes
    cell: Array
    _head: tuple[Array, Statuses] | None = field(default=None)
    _data: tuple[list[bytes], Statuses] | None = field(default=None)

    def __len__(self) -> int:
        return len(self.hive)

    def take(self, index: Indexes) -> Values:
        """Return some of the values, with what was read of them."""
        head = None if self._head is None else (self._head[0][index], self._head[1][index])
        data = self._data
        if data is not None:
            data = [data[0][row] for row in index.tolist()], data[1][index]
        return Values(self.hives, self.hive[index], self.cell[index], head, data)

    def _number(self, offset: int, size: int) -> Column:
        if self._head is None:
            data, status = self.hives.blocks.heads(self.hive, self.cell, _HEAD)
            is_value = (data[:, 0] == ord("v")) & (data[:, 1] == ord("k"))
            wrong = np.where(is_value | (status > 0), status, np.uint8(Reason.MALFORMED))
            self._head = data, wrong
        data, status = self._head
        part = np.ascontiguousarray(data[:, offset : offset + size]).reshape(-1)
        return Column(part.view(f"<u{size}").astype(np.int64), status if status.any() else None)

    @property
    def type(self) -> Column:
        """The number of the type."""
        return self._number(12, 4)

    @property
    def size(self) -> Column:
        """Bytes of the data."""
        length = self._number(4, 4)
        return Column(length.values & ~_INLINE, length.status)

    def names(self) -> Text:
        """Return the names; empty for the value without one."""
        size, flags = self._number(2, 2), self._number(16, 2)
        wrong = size.known & (size.values > MAX_NAME)
        column = size.but(wrong, Reason.MALFORMED)
        sizes = np.where(column.known, size.values, 0)
        raw, reasons = self.hives.blocks.ranges(self.hive, self.cell, sizes, _HEAD)
        return decoded(raw, flags.values & _COMPRESSED != 0, worst(column.status, reasons))

    def data(self) -> tuple[list[bytes], Statuses]:
        """Return the bytes of each value's data, and Reasons; data beyond 1 MB is at the LIMIT."""
        if self._data is None:
            self._data = self._read()
        return self._data

    def _read(self) -> tuple[list[bytes], Statuses]:
        length, cells, size = self._number(4, 4), self._number(8, 4).values, self.size.values
        status = length.statuses.copy()
        is_inline = length.values & _INLINE != 0
        status[(status == 0) & is_inline & (size > 4)] = Reason.MALFORMED
        status[(status == 0) & (size > MAX_DATA)] = Reason.LIMIT
        status[(status == 0) & ~is_inline & (size > 0) & (cells == NO_CELL)] = Reason.MALFORMED
        found = [b""] * len(self)
        rows = np.flatnonzero((status == 0) & is_inline)
        for row in rows.tolist():
            found[row] = int(cells[row]).to_bytes(4, "little")[: int(size[row])]
        rows = np.flatnonzero((status == 0) & ~is_inline & (size > 0))
        segments = self._segments(rows, cells[rows], size[rows])
        plain = rows[segments == 0]
        raw, status[plain] = self.hives.blocks.ranges(self.hive[plain], cells[plain], size[plain])
        for row, one in zip(plain.tolist(), raw, strict=True):
            found[row] = one
        for row in rows[segments > 0].tolist():
            found[row], status[row] = self._big(row, int(cells[row]), int(size[row]))
        return found, status

    def _segments(self, rows: Indexes, cells: Array, size: Array) -> Indexes:
        """Return how many cells the data is in, 0 where it is in one."""
        counts = np.zeros(len(rows), np.int64)
        large = np.flatnonzero(size > _SEGMENT)
        heads, status = self.hives.blocks.heads(self.hive[rows[large]], cells[large], 4)
        expected = -(-size[large] // _SEGMENT)
        number = heads[:, 2].astype(np.int64) | heads[:, 3].astype(np.int64) << 8
        is_big = (status == 0) & (heads[:, 0] == ord("d")) & (heads[:, 1] == ord("b"))
        counts[large] = np.where(is_big & (number == expected), number, 0)
        return counts

    def _big(self, row: int, cell: int, size: int) -> tuple[bytes, int]:
        """Return the data of one value that is in several cells; of these there are few."""
        blocks, hive = self.hives.blocks, self.hive[[row]]
        raw, status = blocks.heads(hive, np.array([cell]), 8)
        count = -(-size // _SEGMENT)
        listed, reasons = blocks.ranges(
            hive, np.ascontiguousarray(raw[:, 4:8]).view("<u4")[:, 0].astype(np.int64),
            np.array([count * 4]),
        )  # fmt: skip
        status = np.maximum(status, reasons)
        if status[0]:
            return b"", int(max(status[0], Reason.MALFORMED if status[0] == Reason.NULL else 0))
        cells = np.frombuffer(listed[0], "<u4").astype(np.int64)
        sizes = np.full(count, _SEGMENT, np.int64)
        sizes[-1] = size - _SEGMENT * (count - 1)
        pieces, reasons = blocks.ranges(np.repeat(hive, count), cells, sizes)
        # Data of which a cell is missing is not none at all.
        reasons = np.where(cells == NO_CELL, np.uint8(Reason.MALFORMED), reasons)
        worst_of = int(reasons.max())
        return (b"", worst_of) if worst_of else (b"".join(pieces), 0)


def as_text(values: Values) -> Text:
    """Return the data of values as people read it, each distinct one written once."""
    data, status = values.data()
    kinds, known = values.type.values.tolist(), dict[tuple[int, bytes], str]()
    words = []
    for kind, raw in zip(kinds, data, strict=True):
        word = known.get((kind, raw))
        if word is None:
            word = known[kind, raw] = _written(kind, raw)
        words.append(word)
    return text_column(words, status if status.any() else None)


def as_number(values: Values) -> Column:
    """Return the data of values as numbers; null where it is none."""
    data, status = values.data()
    found = np.zeros(len(values), np.uint64)
    status = status.copy()
    for row, (kind, raw) in enumerate(zip(values.type.values.tolist(), data, strict=True)):
        number = number_of(kind, raw)
        if number is not None:
            found[row] = number
        elif not status[row]:
            status[row] = Reason.NULL
    return Column(found, status if status.any() else None)


def number_of(kind: int, raw: bytes) -> int | None:
    """Return the number that data of a type is; None if it is none."""
    if kind in (DWORD, DWORD_BIG_ENDIAN) and len(raw) == 4:
        return int.from_bytes(raw, "little" if kind == DWORD else "big")
    return int.from_bytes(raw, "little") if kind == QWORD and len(raw) == 8 else None


def _written(kind: int, raw: bytes) -> str:
    if kind in (SZ, EXPAND_SZ, LINK):
        return decode_utf16(raw[: len(raw) & ~1])
    if kind == MULTI_SZ:
        parts = raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass").split("\0")
        return "; ".join(
            decode_utf16(part.encode("utf-16-le", "surrogatepass")) for part in parts if part
        )
    number = number_of(kind, raw)
    return raw.hex() if number is None else str(number)
