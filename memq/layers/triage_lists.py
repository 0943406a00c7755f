"""The drivers that a triage minidump names: those that were loaded, and those that had been.

DUMP_DRIVER_ENTRY and DUMP_UNLOADED_DRIVERS of wdbgexts.h and ntiodump.h. Counts are bounded by the
room that the file has; a name that does not lie where names are is None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from memq.layers.file import DumpFile

MOST_DRIVERS = 1 << 14
"""More than any machine has loaded."""
MOST_UNLOADED = 1 << 10
"""Windows keeps 50."""
_LONGEST_NAME = 1 << 10
"""Characters of a path."""
_LARGEST_POOL = 1 << 24
_LENGTH = 4
"""Bytes of the length before a name, which counts characters."""
_FIXED_NAME = 24
"""Bytes of an unloaded driver's name, of which only 12 characters are kept."""


class TriageDriver(NamedTuple):
    """A driver, as the list of loaded modules had it."""

    name: str | None
    base: int
    size: int
    checksum: int
    time_stamp: int


class UnloadedDriver(NamedTuple):
    """A driver that was there before; the name has at most 12 characters."""

    name: str
    start: int
    end: int


def _record(size: int, members: dict[str, tuple[int, str]]) -> np.dtype[Any]:
    offsets = [offset for offset, _ in members.values()]
    formats = [kind for _, kind in members.values()]
    fields = {"names": list(members), "offsets": offsets, "formats": formats, "itemsize": size}
    kind: np.dtype[Any] = np.dtype(fields)  # type: ignore[call-overload]
    return kind


_DRIVER = {
    4: _record(
        0x4C,
        {
            "name": (0, "<u4"),
            "base": (0x1C, "<u4"),
            "size": (0x24, "<u4"),
            "checksum": (0x44, "<u4"),
            "time_stamp": (0x48, "<u4"),
        },
    ),
    8: _record(
        0x90,
        {
            "name": (0, "<u4"),
            "base": (0x38, "<u8"),
            "size": (0x48, "<u4"),
            "checksum": (0x80, "<u4"),
            "time_stamp": (0x88, "<u4"),
        },
    ),
}
_UNLOADED = {
    4: _record(
        40, {"length": (0, "<u2"), "name": (8, "V24"), "start": (32, "<u4"), "end": (36, "<u4")}
    ),
    8: _record(
        56, {"length": (0, "<u2"), "name": (16, "V24"), "start": (40, "<u8"), "end": (48, "<u8")}
    ),
}


class StringPool:
    """Names in the file: each a length in characters, then UTF-16."""

    def __init__(self, file: DumpFile, offset: int, size: int) -> None:
        self._offset = offset
        self._data = file.read(offset, min(size, _LARGEST_POOL))

    def name(self, offset: int) -> str | None:
        """Return the name at an offset of the file; None where none lies there."""
        at = offset - self._offset
        if not 0 <= at <= len(self._data) - _LENGTH:
            return None
        length = int.from_bytes(self._data[at : at + _LENGTH], "little")
        data = self._data[at + _LENGTH : at + _LENGTH + 2 * min(length, _LONGEST_NAME)]
        return _utf16(data) if length <= _LONGEST_NAME and len(data) == 2 * length else None


def read_drivers(
    file: DumpFile, offset: int, count: int, word_size: int, pool: StringPool
) -> tuple[TriageDriver, ...]:
    """Read the list of loaded drivers, as far as it is in the file."""
    table = _table(file, offset, min(count, MOST_DRIVERS), _DRIVER[word_size])
    names = [pool.name(at) for at in table["name"].tolist()]
    columns = [table[each].tolist() for each in ("base", "size", "checksum", "time_stamp")]
    return tuple(TriageDriver(*row) for row in zip(names, *columns, strict=True))


def read_unloaded(
    file: DumpFile, offset: int, word_size: int
) -> tuple[tuple[UnloadedDriver, ...], int]:
    """Read the list of unloaded drivers, as far as it is in the file, and its own count."""
    count = int.from_bytes(file.read(offset, word_size), "little")
    kind = _UNLOADED[word_size]
    table = _table(file, offset + word_size, min(count, MOST_UNLOADED), kind)
    rows = zip(*(table[each].tolist() for each in ("length", "name", "start", "end")), strict=True)
    return tuple(
        UnloadedDriver(_utf16(name[: min(length, _FIXED_NAME) & -2]), start, end)
        for length, name, start, end in rows
    ), count


def _table(file: DumpFile, offset: int, count: int, kind: np.dtype[Any]) -> Any:
    """Read an array of records; those that the file ends before are left out."""
    data = file.read(offset, count * kind.itemsize)
    return np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind)


def _utf16(data: bytes) -> str:
    """Decode a name, up to its NUL; what is no UTF-16 is shown as escapes."""
    return data.decode("utf-16-le", "backslashreplace").partition("\0")[0]
