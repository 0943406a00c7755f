"""Records of CodeView, in which a PDB tells types and symbols: each a length, a kind and a body.

Kinds as cvinfo.h of microsoft-pdb has them. Those below 0x1500 are of before 2002: the same bodies,
but their names stand behind a byte with their length, where later ones end with a zero.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.errors import SymbolError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODIFIER, POINTER, PROCEDURE, MEMBER_FUNCTION = 0x1001, 0x1002, 0x1008, 0x1009
FIELD_LIST, BIT_FIELD = 0x1203, 0x1205
ARRAY, CLASS, STRUCTURE, UNION, ENUM = 0x1503, 0x1504, 0x1505, 0x1506, 0x1507
INTERFACE, CLASS_2, STRUCTURE_2 = 0x1519, 0x1608, 0x1609
BASE_CLASS, VIRTUAL_BASE, INDIRECT_BASE, BASE_INTERFACE = 0x1400, 0x1401, 0x1402, 0x151A
INDEX, FUNCTION_TABLE, FUNCTION_OFFSET = 0x1404, 0x1409, 0x140C
ENUMERATE, MEMBER, STATIC_MEMBER = 0x1502, 0x150D, 0x150E
METHOD, NESTED, NESTED_2, ONE_METHOD = 0x150F, 0x1510, 0x1512, 0x1511

OLD_KINDS = {
    0x1003: ARRAY, 0x1004: CLASS, 0x1005: STRUCTURE, 0x1006: UNION, 0x1007: ENUM,
    0x0403: ENUMERATE, 0x1405: MEMBER, 0x1406: STATIC_MEMBER, 0x1407: METHOD, 0x1408: NESTED,
    0x140B: ONE_METHOD, 0x140D: NESTED_2,
}  # fmt: skip
"""Kinds with counted names, and those of today with the same body."""

_NUMBERS = {
    0x8000: struct.Struct("<b"),
    0x8001: struct.Struct("<h"),
    0x8002: struct.Struct("<H"),
    0x8003: struct.Struct("<i"),
    0x8004: struct.Struct("<I"),
    0x8009: struct.Struct("<q"),
    0x800A: struct.Struct("<Q"),
}
_SHORT = struct.Struct("<H")


class Body(NamedTuple):
    """Where a record's body lies: behind its kind, up to the next record."""

    kind: int
    """That of today, where the record is an old one."""
    start: int
    end: int
    is_old: bool


class Records:
    """Records one after the other, in bytes; numbered from 0."""

    def __init__(self, data: bytes) -> None:
        """Find where each begins; SymbolError if one ends behind the data."""
        self.data = data
        self.starts = _starts(data)
        """Where each record's kind lies; one more behind the last."""
        places = np.array(self.starts[:-1], np.int64)
        octets = np.frombuffer(data, np.uint8)
        self.kinds: NDArray[np.uint16] = octets[places] | (
            octets[places + 1].astype(np.uint16) << np.uint16(8)
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def body(self, number: int) -> Body:
        """Return where the record with this number has its body."""
        kind = int(self.kinds[number])
        is_old = kind in OLD_KINDS
        start, following = self.starts[number], self.starts[number + 1]
        end = min(following - 2, len(self.data))
        return Body(OLD_KINDS.get(kind, kind), start + 2, end, is_old)

    def unpack(self, form: struct.Struct, at: int, end: int) -> tuple[int, ...]:
        """Return numbers at a place; SymbolError where they do not end before `end`."""
        if at + form.size > end:
            raise SymbolError("PDB is malformed: a record ends too early")
        return form.unpack_from(self.data, at)

    def number(self, at: int, end: int) -> tuple[int, int]:
        """Return a number of a length that it tells itself, and the place behind it."""
        (value,) = self.unpack(_SHORT, at, end)
        if value < 0x8000:
            return value, at + 2
        form = _NUMBERS.get(value)
        if form is None:
            raise SymbolError(f"PDB is malformed: a number of kind {value:#x}")
        return self.unpack(form, at + 2, end)[0], at + 2 + form.size

    def name(self, at: int, end: int, is_old: bool) -> tuple[str, int]:
        """Return a name, and the place behind it."""
        if at >= end:
            raise SymbolError("PDB is malformed: a record ends before its name")
        if is_old:
            behind = at + 1 + self.data[at]
            name = self.data[at + 1 : behind]
        else:
            behind = self.data.find(b"\0", at, end) + 1
            name = self.data[at : behind - 1]
        if not at < behind <= end:
            raise SymbolError("PDB is malformed: a name does not end in its record")
        return name.decode("utf-8", "backslashreplace"), behind


def _starts(data: bytes) -> list[int]:
    """Return where each record's kind lies, and one such place behind the last record."""
    at, end, starts, length_at = 2, len(data), [2], _SHORT.unpack_from
    while at < end:
        length = length_at(data, at - 2)[0]
        if length < 2:
            raise SymbolError("PDB is malformed: a record without a kind")
        at += length + 2
        starts.append(at)
    if at != end + 2:
        raise SymbolError("PDB is malformed or cut short: its last record is not whole")
    return starts
