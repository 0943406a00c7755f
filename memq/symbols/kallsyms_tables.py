"""Where kallsyms' tables are in a kernel's image, found and checked by their structure alone.

scripts/kallsyms.c of the kernel writes them, kernel/kallsyms.c reads them. Three orders:

    5.10 to 6.3   offsets, relative_base, num_syms, names, markers, [seqs_of_names,] token_table,
                  token_index       (seqs_of_names since 6.2, and in what backports it)
    6.4 to 6.19   num_syms, names, markers, token_table, token_index, offsets, relative_base,
                  seqs_of_names     (commit 404bad70fcf7)
    7.0 on        the same without relative_base, aligned to 4 bytes and not to 8; an offset is
                  relative to its own place     (commit a081b5789255)

Nothing tells the order; each is tried, and only one fits: addresses must come out sorted, the chain
of names must meet every marker, the token index must be that of the token table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate, islice
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from memq.errors import SymbolError
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Read: TypeAlias = Callable[[int, int], bytes | None]
"""(place, size) -> bytes, None where any of them is missing. Places are the reader's own."""

BLOCK = 256
"""Names for each marker."""

_ZERO = ord("0")
_DIGITS = b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00"
_PIECE = 512 << 10
_MAX_TOKEN_TABLE = 16 << 10
"""Bytes; kernels have about 1 KB."""
_MAX_TOKEN = 255
_MAX_TRIES = 8
"""Token tables, and for each of them places for markers and names, that are tried."""
_MAX_DIGITS = 1 << 12
"""Places of the ten digits that are looked at; there is one before the real one in some kernels."""
_REACH = 16 << 20
"""Bytes below the token table in which the markers must lie: names of 900,000 symbols."""
_MIN_MARKERS = 4
_MAX_MARKERS = 1 << 13
_MIN_STEP = 2 * BLOCK
_GAP = 8
"""Tables follow each other with less than this between them."""
_MIN_DISTANCE = 16
"""Bytes from one symbol to the next on average; kernels have 200 to 400. Zeros would have 4."""
_MAX_STEP = 1 << 16
"""Bytes of 256 names: at least a length and a code each; kernels have some 3,600."""


@dataclass(frozen=True, slots=True)
class Tables:
    """kallsyms' tables, checked against each other."""

    names: bytes
    """Compressed names: a length (one byte, or two where its high bit is set), then codes."""
    starts: NDArray[np.int64]
    """Where each name's length byte is in `names`; one more, the end, as the last."""
    tokens: list[bytes]
    """The text of each of the 256 codes."""
    addresses: NDArray[np.uint64]
    """Of every symbol, sorted. Where `is_placed` is not, they count from the reader's places."""
    order: bytes
    """Three bytes (big end first) for each symbol: their numbers by name; empty: not there."""
    is_placed: bool = True
    """Whether the addresses are virtual ones; `moved` makes them so."""

    def moved(self, distance: int) -> Tables:
        """Return tables whose addresses are higher by the distance, and virtual."""
        step = np.uint64(distance % (1 << 64))
        return replace(self, addresses=self.addresses + step, is_placed=True)


@dataclass(frozen=True, slots=True)
class _Tokens:
    """A token table whose index fits."""

    start: int
    index: int
    """Place of the token index, which is 512 bytes long."""
    texts: list[bytes]


@dataclass(frozen=True, slots=True)
class _Names:
    """Names whose chain meets all of their markers."""

    count_place: int
    """Place of num_syms."""
    data: memoryview
    starts: NDArray[np.int64]
    markers_end: int

    @property
    def count(self) -> int:
        """How many symbols there are."""
        return len(self.starts) - 1


def find_tables(read: Read, start: int, end: int) -> Tables:
    """Find the tables of the kernel whose token table lies in [start, end).

    SymbolError says how far it came where there are none.
    """
    reason = "no token table of kallsyms"
    for tokens in islice(_token_tables(read, start, end), _MAX_TRIES):
        reason = f"a token table of kallsyms at {tokens.start:#x}, but no names that go with it"
        for names in _names_tables(read, tokens):
            found = _complete(read, tokens, names)
            if found is not None:
                return found
            reason = f"{names.count:,} names of kallsyms, but no addresses that go with them"
    raise SymbolError(reason)


# The token table: 256 NUL-terminated texts, then 256 u16 that say where each starts


def _token_tables(read: Read, start: int, end: int) -> Iterator[_Tokens]:
    """Yield the tables around every place where the ten digits follow each other."""
    for digits in islice(_digits(read, start, end), _MAX_DIGITS):
        tokens = _tokens_around(read, digits, start)
        if tokens is not None:
            yield tokens


def _digits(read: Read, start: int, end: int) -> Iterator[int]:
    """Yield every place of the ten digits; read on only as far as the caller asks."""
    for low in range(start, end, _PIECE):
        for place, piece in _pieces(read, low, min(end, low + _PIECE)):
            found = piece.find(_DIGITS)
            while found >= 0:
                yield place + found
                found = piece.find(_DIGITS, found + 1)


def _pieces(read: Read, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield what is there of [start, end), whole or in halves of halves, and a little beyond."""
    data = read(start, end - start + len(_DIGITS)) or read(start, end - start)
    if data is not None:
        yield start, data
    elif end - start > 4096:
        middle = (start + end) // 2
        yield from _pieces(read, start, middle)
        yield from _pieces(read, middle, end)


def _tokens_around(read: Read, digits: int, lowest: int) -> _Tokens | None:
    """Return the token table in which the digits stand at the place, if an index fits it."""
    behind = _read_up_to(read, digits, _MAX_TOKEN_TABLE)
    end = 0
    for _ in range(256 - _ZERO):
        end = behind.find(b"\0", end) + 1
        if not end:
            return None
    for alignment in (8, 4):
        index = _aligned(digits + end, alignment)
        offsets = np.frombuffer(behind[index - digits :][:512].ljust(512, b"\0"), "<u2")
        ahead = int(offsets[_ZERO])
        before = read(digits - ahead, ahead) if 0 < ahead <= digits - lowest else None
        texts = (before + behind[:end]).split(b"\0")[:-1] if before else []
        if _fits(texts, offsets) and (digits - ahead) % alignment == 0:
            return _Tokens(digits - ahead, index, texts)
    return None


def _fits(texts: list[bytes], offsets: NDArray[np.uint16]) -> bool:
    """Whether there are 256 tokens of sane lengths, each where the index says."""
    if len(texts) != 256 or max(map(len, texts)) > _MAX_TOKEN:
        return False
    ends = list(accumulate(len(text) + 1 for text in texts))
    return bool([0, *ends[:-1]] == offsets.tolist())


# The names: num_syms, then the names, then a marker for every 256th of them


def _names_tables(read: Read, tokens: _Tokens) -> Iterator[_Names]:
    """Yield names below the token table whose chain meets their markers; there should be one."""
    for place, markers in islice(_marker_runs(read, tokens.start), _MAX_TRIES):
        names = _names_below(read, place, markers)
        if names is not None:
            yield names


def _marker_runs(read: Read, end: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield (place, words) where words rise from 0 as markers do; nearest to `end` first."""
    end &= ~3
    lowest = max(0, end - _REACH)
    for high in range(end, lowest, -_PIECE):
        low = max(lowest, high - _PIECE)
        # A run that starts in this piece is read beyond its end: as far as markers ever reach.
        data = read(low, min(end, high + 4 * _MAX_MARKERS) - low)
        if data is None or len(data) < 4 * _MIN_MARKERS:
            return
        words = np.frombuffer(data, "<u4").astype(np.int64)
        steps = words[1:] - words[:-1]
        rises = (steps >= _MIN_STEP) & (steps <= _MAX_STEP)
        runs = (words[:-3] == 0) & rises[:-2] & rises[1:-1] & rises[2:]
        for first in np.flatnonzero(runs[: (high - low) // 4])[::-1].tolist():
            part = rises[first : first + _MAX_MARKERS]
            length = len(part) if part.all() else int(part.argmin())
            run = words[first : first + length + 1]
            yield low + 4 * first, run[run < _REACH]


def _names_below(read: Read, place: int, markers: NDArray[np.int64]) -> _Names | None:
    """Return the names that end where the markers start.

    The count ahead of them says how many markers are theirs: what follows the markers may have
    made the run longer by a few words.
    """
    size = min(place, int(markers[-1]) + _MAX_STEP + 8) & ~3
    data = read(place - size, size)
    if not data:
        return None
    # The count lies where names of these markers can start, the last block being of any size.
    zone = _MAX_STEP + 8 + int(markers[-1] - markers[max(0, len(markers) - 4)])
    words = np.frombuffer(data[: min(size, zone & ~3)], "<u4").astype(np.int64)
    blocks = (words + BLOCK - 1) // BLOCK
    likely = (blocks >= max(_MIN_MARKERS, len(markers) - 2)) & (blocks <= len(markers))
    for word in np.flatnonzero(likely)[:_MAX_TRIES].tolist():
        used = markers[: int(blocks[word])]
        for gap in (8, 4):  # num_syms has 4 bytes; before 7.0 the names were aligned to 8
            names = memoryview(data)[4 * word + gap :]
            starts = _chain(names, used, int(words[word]))
            if starts is not None:
                return _Names(place - size + 4 * word, names, starts, place + 4 * len(used))
    return None


def _chain(names: memoryview, markers: NDArray[np.int64], count: int) -> NDArray[np.int64] | None:
    """Return where each name starts, and where the last ends; None if a marker does not agree.

    Lengths are a chain, but the markers start one for every 256 names: all are followed at once.
    """
    data = np.frombuffer(names, np.uint8)
    last = int(markers[-1])
    if last >= len(data) or int(markers[1]) not in _block_ends(names):
        return None
    starts = np.empty((BLOCK + 1, len(markers)), np.int64)
    starts[0] = markers
    is_long = np.zeros(len(markers), bool)
    for row in range(BLOCK):
        lengths = data.take(starts[row], mode="clip")
        is_long |= lengths >= 0x80
        starts[row + 1] = starts[row] + lengths + 1
    # Before 6.1 a length had one byte, whatever its value; then those above 127 have two. Where
    # both ways lead to the next marker, one that was wrong on the way has met the right one.
    rest = count - BLOCK * (len(markers) - 1)
    for block in np.flatnonzero(is_long).tolist():
        wide = _block(names, int(markers[block]), wide=True)
        if block + 1 < len(markers):
            fits = wide[-1] == markers[block + 1]
        else:
            fits = 0 <= len(data) - wide[rest] < _GAP
        if fits:
            starts[:, block] = wide
    flat = np.append(starts[:BLOCK].T.reshape(-1)[:count], starts[rest, -1])
    meets = (starts[BLOCK, :-1] == markers[1:]).all() and 0 <= len(data) - flat[-1] < _GAP
    return flat if meets and (flat[1:] > flat[:-1] + 1).all() else None


def _block_ends(names: memoryview) -> tuple[int, int]:
    """Return where the first 256 names end, with lengths of one byte, and of one or two."""
    return _block(names, 0, wide=False)[-1], _block(names, 0, wide=True)[-1]


def _block(names: memoryview, place: int, *, wide: bool) -> list[int]:
    """Return where 256 names start, and where the last ends.

    `wide`: a length with its high bit set goes on in a second byte (commit 73bbb94466fd, 6.1).
    """
    starts = [place]
    for _ in range(BLOCK):
        length = names[place] if place < len(names) else 0
        place += 1
        if wide and length >= 0x80:
            length = length & 0x7F | (names[place] if place < len(names) else 0) << 7
            place += 1
        place += length
        starts.append(place)
    return starts


# The addresses, before the names or behind the token index, and the order by name


def _complete(read: Read, tokens: _Tokens, names: _Names) -> Tables | None:
    """Return all tables: the one layout of which the addresses come out sorted."""
    count = names.count
    behind = tokens.index + 512
    base = names.count_place - 8
    # 5.10 to 6.3, and then the order by name ends where the token table starts.
    addresses = _relative(read, base - _aligned(4 * count, 8), base, count)
    place = _aligned(names.markers_end, 8)
    if addresses is None:  # 6.4 to 6.19
        base = _aligned(behind + 4 * count, 8)
        addresses = _relative(read, behind, base, count)
        place = base + 8
    is_placed = addresses is not None
    if addresses is None:  # 7.0
        addresses = _own_places(read, behind, count)
        place = _aligned(behind + 4 * count, 4)
    if addresses is None:
        return None
    order = read(place, 3 * count) if not place <= tokens.start < place + 3 * count else None
    text = bytes(names.data[: int(names.starts[-1])])
    return Tables(text, names.starts, tokens.texts, addresses, order or b"", is_placed)


def _relative(read: Read, place: int, base_place: int, count: int) -> NDArray[np.uint64] | None:
    """Return addresses from u32 offsets to a base, None where they do not come out sorted.

    Up to 6.14 those of x86-64 are negative, -1 - offset, but for per-CPU symbols, which are
    addresses themselves (CONFIG_KALLSYMS_ABSOLUTE_PERCPU).
    """
    data = read(place, 4 * count) if place >= 0 else None
    word = read(base_place, 8) if data is not None else None
    base = int.from_bytes(word or b"", "little")
    if data is None or base < 1 << 63 or base % 4096:
        return None
    offsets = np.frombuffer(data, "<u4").astype(np.uint64)
    if _is_sorted(offsets):
        return offsets + np.uint64(base)
    signed = np.frombuffer(data, "<i4").astype(np.int64)
    addresses = np.where(signed >= 0, offsets, np.uint64(base) + (-1 - signed).astype(np.uint64))
    return addresses if _is_sorted(addresses) else None


def _own_places(read: Read, place: int, count: int) -> NDArray[np.uint64] | None:
    """Return addresses from offsets each of which is relative to its own place."""
    data = read(place, 4 * count)
    if data is None:
        return None
    offsets = np.frombuffer(data, "<i4").astype(np.int64)
    addresses = offsets + np.arange(place, place + 4 * count, 4)
    if not _is_sorted(addresses) or addresses[-1] - addresses[0] < _MIN_DISTANCE * count:
        return None
    return addresses.astype(np.uint64)


def _is_sorted(values: NDArray[np.uint64] | NDArray[np.int64]) -> bool:
    return bool((values[1:] >= values[:-1]).all()) and values[0] != values[-1]


def _aligned(place: int, alignment: int) -> int:
    return -(-place // alignment) * alignment


def _read_up_to(read: Read, place: int, size: int) -> bytes:
    """Return the bytes from the place on; where not all are there half of them, and so on."""
    while size > 0:
        data = read(place, size)
        if data is not None:
            return data
        size = size // 2
    return b""
