"""UTF-16 strings of the kernel and of processes, as columns (UNICODE_STRING in ntdef.h)."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, distinct, text_column, worst
from memq.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.column import Addresses, Array, Statuses
    from memq.layers.space import AddressSpace
    from memq.symbols.structs import Structs

MAX_BYTES = 0xFFFE
"""A UNICODE_STRING's length has 16 bits."""
_PAGE = 4096


def unicode_text(space: AddressSpace, strings: Structs, path: str = "") -> Text:
    """Return UNICODE_STRINGs as text; null where there is no buffer or no length.

    `strings` are such structures, or with `path` those that have one embedded. Each is read in the
    memory (`roots`) that its structure is in.
    """
    prefix = f"{path}." if path else ""
    length, buffer = strings[f"{prefix}Length"], strings[f"{prefix}Buffer"]
    status = worst(length.status, buffer.status)
    return utf16_text(space, Column(buffer.values, status), length.values, strings.roots)


def utf16_text(
    space: AddressSpace, buffers: Column, sizes: Array, roots: Addresses | None = None
) -> Text:
    r"""Return UTF-16 text of so many bytes at each address; of none, or at address 0, null.

    An odd size is cut: half a letter is none. Lone surrogates are written as `\udXXX`.
    """
    places = buffers.values.astype(np.uint64)
    sizes = np.minimum(np.maximum(sizes.astype(np.int64), 0), MAX_BYTES) & ~1
    status = buffers.statuses
    empty = (status == 0) & ((places == 0) | (sizes == 0))
    status = np.where(empty, np.uint8(Reason.NULL), status)
    rows = np.flatnonzero(status == 0)
    own = None if roots is None else roots[rows]
    data, reasons = space.gather_ranges(places[rows], sizes[rows], MAX_BYTES, own)
    status = status.copy()
    status[rows] = reasons
    values = np.zeros(len(places), np.int64)
    values[rows], words = distinct(decode_all(data))
    return Text(values, status if status.any() else None, words or [""])


def decode_all(strings: Sequence[bytes]) -> list[str]:
    """Decode strings of whole letters: all at once, unless there is a NUL or half a pair."""
    whole = b"".join(strings)
    codes = np.frombuffer(whole, "<u2")
    if bool(((codes == 0) | (codes & 0xF800 == 0xD800)).any()):
        known = {raw: decode_utf16(raw) for raw in set(strings)}
        return [known[raw] for raw in strings]
    text = whole.decode("utf-16-le")
    ends = [0, *accumulate(len(raw) // 2 for raw in strings)]
    return [text[start:end] for start, end in pairwise(ends)]


def text_to_nul(
    space: AddressSpace, buffers: Column, limit: int, roots: Addresses | None = None
) -> Text:
    """Return UTF-16 text up to a NUL at each address, of at most so many bytes; at 0, null.

    An empty one is null; one that does not end within the limit is cut there. What is behind the
    first page is read only where the text goes on there.
    """
    places, status = buffers.values.astype(np.uint64), buffers.statuses
    status = np.where((status == 0) & (places == 0), np.uint8(Reason.NULL), status)
    rows = np.flatnonzero(status == 0)
    own = None if roots is None else roots[rows]
    inside = (np.uint64(_PAGE) - places[rows] % np.uint64(_PAGE)).astype(np.int64)
    sizes = np.minimum(inside, limit) & ~1
    data, reasons = space.gather_ranges(places[rows], sizes, limit, own)
    goes_on = np.fromiter((not _ends(raw) for raw in data), bool, len(data))
    more = np.flatnonzero((reasons == 0) & goes_on & (sizes < limit))
    if len(more):
        whole = np.full(len(more), limit, np.int64)
        again = None if own is None else own[more]
        longer, reasons[more] = space.gather_ranges(places[rows][more], whole, limit, again)
        for row, raw in zip(more.tolist(), longer, strict=True):
            data[row] = raw
    status[rows] = reasons
    words: list[str | None] = [None] * len(places)
    for row, raw in zip(rows.tolist(), data, strict=True):
        words[row] = decode_utf16(raw) or None
    return text_column(words, status if status.any() else None)


def _ends(raw: bytes) -> bool:
    """Whether text of two bytes a letter has its end in the bytes."""
    return bool((np.frombuffer(raw, "<u2") == 0).any())


def decode_utf16(raw: bytes) -> str:
    """Decode UTF-16 as Windows has it, up to a NUL; half a letter at the end is none."""
    text = raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def fixed_text(rows: Sequence[bytes], status: Statuses | None = None) -> Text:
    """Return rows of UTF-16 of one size, each up to its NUL, as text."""
    return text_column([decode_utf16(raw) for raw in rows], status)
