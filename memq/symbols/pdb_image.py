"""What a PDB says of its image: identity, machine, sections, and where its symbols are."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from memq.column import is_among
from memq.errors import SymbolError
from memq.symbols.codeview import Records
from memq.symbols.tables import Identity

if TYPE_CHECKING:
    from memq.column import Array
    from memq.symbols.msf import Msf

_INFO_STREAM, _DBI_STREAM = 1, 3
_NONE = 0xFFFF
"""Number of a stream that is not there."""
_INFO = struct.Struct("<III16s")
_DBI = struct.Struct("<iII6H5iIii2HI")
_PUBLIC, _GLOBAL, _LOCAL = 0x110E, 0x110D, 0x110C
_OLD = {0x1009: _PUBLIC, 0x1008: _GLOBAL, 0x1007: _LOCAL}
"""Kinds of before 2002, whose names are counted."""
_PLACE = struct.Struct("<IIH")
"""Flags or type, offset, section; all three kinds have them."""
_SECTION = 40
_I386 = 0x14C
_NARROW = frozenset({_I386, 0x1C0, 0x1C2, 0x1C4})
"""Machines with pointers of four bytes: x86, and ARM before its 64 bits."""
_DECORATED = re.compile(r"[_@]([^@?]+)(?:@{1,2}\d+)?|([^_@?][^@?]*)@@\d+")
"""x86: `_Name`, `_Name@8`, `@Name@8`, `Name@@8`, by calling convention."""


class PdbImage:
    """The streams of one PDB that speak of its image."""

    def __init__(self, container: Msf) -> None:
        """Read who it is and which streams hold the rest; SymbolError where that does not hold."""
        self._container = container
        info, dbi = container.stream(_INFO_STREAM), container.stream(_DBI_STREAM)
        if len(info) < _INFO.size:
            raise SymbolError("PDB is malformed: it does not say which it is")
        _version, _signature, age, raw = _INFO.unpack_from(info)
        if dbi and len(dbi) < _DBI.size:
            raise SymbolError("PDB is malformed: its part on the image is cut short")
        header = _DBI.unpack_from(dbi) if dbi else (0,) * 20
        self._machine = header[18]
        self._records = header[7] if dbi else _NONE
        # The image has the age of this part; the file's own grows with whatever is written to it.
        self.identity = Identity(_guid(raw), header[2] or age)
        lengths = (*header[9:14], header[16])
        self._debug = _debug_streams(dbi, lengths, header[15]) if dbi else []

    @property
    def pointer_size(self) -> int:
        """Bytes of a pointer of the image's machine."""
        return 4 if self._machine in _NARROW else 8

    def rvas(self) -> dict[str, int]:
        """Return where in the image each symbol is; names of x86 as they are in C."""
        if self._records == _NONE:
            return {}
        names, sections, offsets = self._symbols()
        places, are_there = self._places(sections, offsets)
        if self._machine == _I386:
            names = [_plain(name) for name in names]
        chosen = np.flatnonzero(are_there)[::-1].tolist()  # of one name the first counts
        rvas = places.tolist()
        return {names[number]: rvas[number] for number in chosen}

    def _symbols(self) -> tuple[list[str], Array, Array]:
        """Return name, section and offset of each symbol, public ones first."""
        records = Records(self._container.stream(self._records))
        kinds = records.kinds
        names: list[str] = []
        places: list[tuple[int, int]] = []
        unpack, data, starts = _PLACE.unpack_from, records.data, records.starts
        for kind in (_PUBLIC, _GLOBAL, _LOCAL):
            of_kind = [kind, *(old for old, new in _OLD.items() if new == kind)]
            for number in np.flatnonzero(is_among(kinds, np.array(of_kind))).tolist():
                at, end = starts[number] + 2, starts[number + 1] - 2
                if at + _PLACE.size > end:
                    raise SymbolError("PDB is malformed: a symbol's record ends too early")
                is_old = int(kinds[number]) in _OLD
                names.append(records.name(at + _PLACE.size, end, is_old)[0])
                places.append(unpack(data, at)[1:])
        columns = np.array(places, np.int64).reshape(-1, 2)
        return names, columns[:, 1], columns[:, 0]

    def _places(self, sections: Array, offsets: Array) -> tuple[Array, Array]:
        """Turn sections, counted from 1, and offsets in them into distances from the image's start.

        And say which symbols are in the image: constants belong to no section, and what the linker
        has left out of a rearranged image is at no place.
        """
        starts, moves = self._sections()
        are_there = (sections >= 1) & (sections <= len(starts))
        padded = np.append(starts, 0)
        places = padded[np.where(are_there, sections - 1, -1)] + offsets
        if moves is not None:
            begins, targets = moves
            at = np.searchsorted(begins, places, "right") - 1
            are_there &= (at >= 0) & (targets[np.maximum(at, 0)] != 0)
            at = np.maximum(at, 0)
            places = np.where(are_there, targets[at] + places - begins[at], 0)
        return places, are_there & (places < 1 << 32)

    def _sections(self) -> tuple[Array, tuple[Array, Array] | None]:
        """Return where the sections begin and, for an image that was rearranged, what moved where.

        Symbols of such an image are told as it was before.
        """
        # FPO, exceptions, fixups, OMAP to and from the source, sections, tokens, xdata, pdata,
        # new FPO, sections before the image was rearranged
        moved, now, before = (self._stream(number) for number in (4, 5, 10))
        headers = before if before and moved else now
        count = len(headers) // _SECTION
        rows = np.frombuffer(headers, np.uint8, count * _SECTION).reshape(count, _SECTION)
        starts = np.ascontiguousarray(rows[:, 12:16]).view("<u4").reshape(-1).astype(np.int64)
        if not (moved and before):
            return starts, None
        pairs = np.frombuffer(moved, "<u4", len(moved) // 8 * 2).astype(np.int64).reshape(-1, 2)
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
        return starts, (pairs[:, 0], pairs[:, 1]) if len(pairs) else None

    def _stream(self, number: int) -> bytes:
        """Return one of the debug streams, empty if it is not there."""
        stream = self._debug[number] if number < len(self._debug) else _NONE
        return b"" if stream == _NONE else self._container.stream(stream)


def _debug_streams(dbi: bytes, lengths: tuple[int, ...], length: int) -> list[int]:
    """Return the numbers of the debug streams, a list behind the other parts."""
    start = _DBI.size + sum(lengths)
    if min(lengths) < 0 or length < 0 or start + length > len(dbi):
        raise SymbolError("PDB is malformed: its part on the image is cut short")
    return list(struct.unpack_from(f"<{length // 2}H", dbi, start))


def _guid(raw: bytes) -> str:
    """Return a GUID's hex digits in the order that people write."""
    first, second, third = struct.unpack("<IHH", raw[:8])
    return f"{first:08X}{second:04X}{third:04X}{raw[8:].hex().upper()}"


def _plain(name: str) -> str:
    """Return the name that a function or variable has in C."""
    match = _DECORATED.fullmatch(name)
    return name if match is None else match[1] or match[2]
