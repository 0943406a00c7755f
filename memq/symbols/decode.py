"""Values out of rows of bytes: numbers, bitfields, strings. All is little-endian."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from memq.column import Array, Statuses, Text

if TYPE_CHECKING:
    from memq.symbols.types import Member

Bytes: TypeAlias = NDArray[np.uint8]

_SIZES = {
    "int": range(1, 9),
    "char": (1,),
    "bool": range(1, 9),
    "enum": range(1, 9),
    "pointer": (4, 8),
    "float": (4, 8),
}
"""Bytes that a number of each kind can have; there are ints of 16, which fit no column."""


def is_number(member: Member) -> bool:
    """Whether a member makes a column of numbers."""
    return member.type.size in _SIZES.get(member.type.kind, ())


def is_text(member: Member) -> bool:
    """Whether a member is an array of char."""
    target = member.type.target() if member.type.kind == "array" else None
    return target is not None and target.kind == "char"


def decode(data: Bytes, member: Member) -> Array:
    """Return the numbers in rows of as many bytes as the member has, in the types of columns."""
    kind, size = member.type.kind, member.size
    if member.bit_offset is not None and member.bit_size is not None:
        return _bits(data, member.bit_offset, member.bit_size, member.type.signed, kind)
    if kind == "bool":
        return np.asarray(data.any(axis=1))
    code = {"float": "<f", "pointer": "<u"}.get(kind, "<i" if member.type.signed else "<u")
    if size in {1, 2, 4, 8}:
        values = _rows_as(data, f"{code}{size}")
    else:
        return _bits(data, 0, size * 8, member.type.signed, kind)
    if kind == "float":
        with np.errstate(invalid="ignore"):  # a signalling NaN is one in twice the bytes, too
            return values.astype(np.float64)
    is_wide = kind == "pointer" or (size == 8 and not member.type.signed)
    return values.astype(np.uint64 if is_wide else np.int64)


def _rows_as(data: Bytes, dtype: str) -> Array:
    """Return each row's bytes as one number."""
    if data.strides[1] != 1:
        data = np.ascontiguousarray(data)
    return np.asarray(data.view(dtype)[:, 0])


def _bits(data: Bytes, shift: int, width: int, signed: bool, kind: str) -> Array:
    """Return `width` bits of each row, the lowest at `shift` (0 to 7) of the first byte."""
    padded = np.zeros((len(data), 16), np.uint8)
    padded[:, : data.shape[1]] = data
    words = padded.view("<u8").astype(np.uint64)
    values = words[:, 0] >> np.uint64(shift)
    if shift:
        values |= words[:, 1] << np.uint64(64 - shift)
    empty = np.uint64(64 - width)
    values <<= empty
    if kind == "bool":
        return np.asarray(values != 0)
    if signed:
        return np.asarray(values.view(np.int64) >> np.int64(64 - width))
    values >>= empty
    return np.asarray(values if width == 64 else values.astype(np.int64))


def text_of(data: Bytes, status: Statuses | None = None) -> Text:
    """Decode rows of bytes, each up to its first NUL, every distinct one once.

    Bytes that are not UTF-8 are written in hexadecimal, as a Python string would have them.
    """
    rows, width = data.shape
    if not width or not rows:
        return Text(np.zeros(rows, np.int64), status, ("",) if rows else ())
    strings = np.ascontiguousarray(data).view(f"S{width}")[:, 0]
    if status is not None:
        strings = np.where(status == 0, strings, b"")
    codes: dict[bytes, int] = {}
    found = (codes.setdefault(string, len(codes)) for string in strings.tolist())
    places = np.fromiter(found, np.int64, rows)
    words: dict[str, int] = {}
    merged = [
        words.setdefault(raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace"), len(words))
        for raw in codes
    ]
    return Text(np.array(merged, np.int64)[places], status, tuple(words))
