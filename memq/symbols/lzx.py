"""LZX, by which cabinets are packed tightest: Huffman codes in 16-bit words, matches far back.

Format: [MS-PATCH] section 2, and [MS-CAB]; where they differ from what Microsoft's tools write, the
tools are followed: blocks of aligned offsets have the lengths of that code first. About 2 MB/s.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import SymbolError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}
"""How many ranges of distances there are, by the bits of the farthest one."""
_EXTRA = [0, 0, *(min(number // 2 - 1, 17) for number in range(2, 51))]
"""Bits that tell the place within each range."""
_BASES = [sum(1 << extra for extra in _EXTRA[:slot]) - 2 for slot in range(51)]
"""The shortest distance of each range; of the first three the last distances take the place."""
_VERBATIM, _ALIGNED, _RAW = 1, 2, 3
_LENGTHS = 249
_MAX_CODE = 16
_FRAME = 1 << 15
_MAX_TRANSLATED = 1 << 15
"""Frames in which calls are translated at most."""
_MAX_SMALL = 1000
"""Blocks of less than 1 KB: each costs as much time as 20 KB."""
_WORD = 64
"""Bits that are taken up at a time."""
_MASKS = [(1 << bits) - 1 for bits in range(_WORD + 1)]
_DAMAGED = "damaged cabinet: its LZX data does not hold; copy or fetch it again"


class Lzx:
    """One stream, unpacked frame by frame."""

    def __init__(self, data: bytes, window_bits: int) -> None:
        """Take up the stream; SymbolError for a window that there is not."""
        if window_bits not in _SLOTS:
            raise SymbolError(f"damaged cabinet: LZX with a window of {window_bits} bits")
        self._data = data
        padded = data + bytes(-len(data) % 8 + 16)
        self._words = np.frombuffer(padded, "<u2").byteswap().view(">u8").tolist()
        self._next = self._bits = self._buffer = 0
        self._out = bytearray()
        self._last = [1, 1, 1]
        """The last distances, the latest first."""
        self._kind = self._left = 0
        """Kind of the block, and how many bytes of it are still to come."""
        self._was_odd = False
        """Whether a byte fills up the block of raw bytes that has just ended."""
        self._begun = 0
        self._main_lengths = [0] * (256 + 8 * _SLOTS[window_bits])
        self._length_lengths = [0] * _LENGTHS
        self._main: list[int] = []
        self._length: list[int] = []
        self._aligned: list[int] = []
        self._translated = -1
        """Size of the program whose calls were translated; 0 for none, -1 before that is read."""

    def frame(self, size: int) -> bytes:
        """Return the next `size` bytes, up to 32 KB; only the last frame may be shorter."""
        if self._translated < 0:
            self._translated = self._read(16) << 16 | self._read(16) if self._read(1) else 0
        start = len(self._out)
        end = start + size
        while len(self._out) < end:
            if not self._left:
                self._begin_block()
            before = len(self._out)
            run = min(self._left, end - before)
            if self._kind == _RAW:
                self._copy(run)
            else:
                self._decode(before + run)
            self._left -= len(self._out) - before
        if self._kind != _RAW:  # each frame of codes ends with a whole word
            self._bits -= self._bits & 15
        frame = bytes(self._out[start:])
        is_translated = self._translated and start < _MAX_TRANSLATED * _FRAME and size > 10
        return self._untranslate(frame, start) if is_translated else frame

    # Bits

    def _fill(self) -> None:
        """Take up the next word; SymbolError behind the end."""
        if self._next >= len(self._words):
            raise SymbolError(_DAMAGED)
        self._buffer = (self._buffer & _MASKS[self._bits]) << _WORD | self._words[self._next]
        self._next += 1
        self._bits += _WORD

    def _read(self, count: int) -> int:
        """Return the next bits, at most 24, as a number."""
        if self._bits < count:
            self._fill()
        self._bits -= count
        return self._buffer >> self._bits & _MASKS[count]

    def _symbol(self, table: Sequence[int]) -> int:
        """Return the next symbol of a code."""
        if self._bits < _MAX_CODE:
            self._fill()
        entry = table[self._buffer >> (self._bits - _MAX_CODE) & 0xFFFF]
        if not entry:
            raise SymbolError(_DAMAGED)
        self._bits -= entry & 31
        return entry >> 5

    # Blocks

    def _begin_block(self) -> None:
        """Read a block's header, and the codes that it brings."""
        if self._was_odd:
            self._seek(self._place() + 1)
            self._was_odd = False
        self._kind = self._read(3)
        self._left = self._read(16) << 8 | self._read(8)
        self._begun += 1
        if self._begun > _MAX_SMALL + len(self._out) // 1024:
            raise SymbolError(_DAMAGED)
        if self._kind not in {_VERBATIM, _ALIGNED, _RAW} or not self._left:
            raise SymbolError(_DAMAGED)
        if self._kind == _RAW:
            self._begin_raw()
            return
        if self._kind == _ALIGNED:
            self._aligned = _table([self._read(3) for _ in range(8)])
        self._read_lengths(self._main_lengths, 0, 256)
        self._read_lengths(self._main_lengths, 256, len(self._main_lengths))
        self._read_lengths(self._length_lengths, 0, _LENGTHS)
        self._main, self._length = _table(self._main_lengths), _table(self._length_lengths)

    def _begin_raw(self) -> None:
        """Read the distances before raw bytes, which follow one to sixteen bits that fill up."""
        if self._bits & 15:
            self._bits -= self._bits & 15
        else:
            self._read(16)
        place = self._place()
        if place + 12 > len(self._data):
            raise SymbolError(_DAMAGED)
        self._last = list(struct.unpack_from("<3I", self._data, place))
        self._seek(place + 12)
        self._was_odd = bool(self._left & 1)

    def _copy(self, count: int) -> None:
        place = self._place()
        if place + count > len(self._data):
            raise SymbolError(_DAMAGED)
        self._out += self._data[place : place + count]
        self._seek(place + count)

    def _place(self) -> int:
        """Return where in the data the next bits are, which must start a byte."""
        return self._next * 8 - self._bits // 8

    def _seek(self, place: int) -> None:
        """Go on at a place in the data.

        Behind an odd number of raw bytes only raw bytes are read, or the byte that fills up.
        """
        self._next, beyond = divmod(place, 8)
        self._buffer = self._bits = 0
        if beyond:
            self._fill()
            self._bits -= beyond * 8

    def _read_lengths(self, lengths: list[int], start: int, end: int) -> None:
        """Read how long codes are, told as differences to those of the block before."""
        table = _table([self._read(4) for _ in range(20)])
        at = start
        while at < end:
            symbol, count = self._symbol(table), 1
            if symbol == 17:
                count, value = 4 + self._read(4), 0
            elif symbol == 18:
                count, value = 20 + self._read(5), 0
            else:
                if symbol == 19:
                    count, symbol = 4 + self._read(1), self._symbol(table)
                value = (lengths[at] - symbol) % 17
            if at + count > end or symbol > 18:
                raise SymbolError(_DAMAGED)
            lengths[at : at + count] = [value] * count
            at += count

    def _decode(self, end: int) -> None:
        """Unpack codes until `end` bytes are out."""
        out, main, bits, buffer = self._out, self._main, self._bits, self._buffer
        while len(out) < end:
            if bits < _MAX_CODE:
                self._bits, self._buffer = bits, buffer
                self._fill()
                bits, buffer = self._bits, self._buffer
            entry = main[buffer >> (bits - _MAX_CODE) & 0xFFFF]
            bits -= entry & 31
            if entry < 256 << 5 and entry:
                out.append(entry >> 5)
                continue
            if not entry:
                raise SymbolError(_DAMAGED)
            self._bits, self._buffer = bits, buffer
            length, distance = self._match((entry >> 5) - 256)
            bits, buffer = self._bits, self._buffer
            start = len(out) - distance
            if start < 0 or distance <= 0 or len(out) + length > end:
                raise SymbolError(_DAMAGED)
            piece = out[start : start + length]
            if distance < length:  # it overlaps what it makes
                piece = (piece * (length // distance + 1))[:length]
            out += piece
        self._bits, self._buffer = bits, buffer

    def _match(self, element: int) -> tuple[int, int]:
        """Return length and distance of the match that an element of the main code begins."""
        slot, length = element >> 3, (element & 7) + 2
        if length == 9:
            length += self._symbol(self._length)
        last = self._last
        if slot < 3:
            last[0], last[slot] = last[slot], last[0]
            return length, last[0]
        extra, distance = _EXTRA[slot], _BASES[slot]
        if self._kind == _ALIGNED and extra >= 3:
            distance += self._read(extra - 3) << 3
            distance += self._symbol(self._aligned)
        else:
            distance += self._read(extra)
        self._last = [distance, last[0], last[1]]
        return length, distance

    def _untranslate(self, frame: bytes, start: int) -> bytes:
        """Turn the targets of calls (0xE8) in a frame into distances again, as they were."""
        changed, at, size = bytearray(frame), 0, self._translated
        while True:
            at = frame.find(b"\xe8", at, len(frame) - 10)
            if at < 0:
                return bytes(changed)
            place = start + at
            (target,) = struct.unpack_from("<i", changed, at + 1)
            if -place <= target < size:
                distance = target - place if target >= 0 else target + size
                struct.pack_into("<i", changed, at + 1, distance)
            at += 5


def _table(lengths: Sequence[int]) -> list[int]:
    """Return, for each 16 bits, symbol and length of the code that they begin with.

    0 where no code does so: a code may be empty, but not have more words than there are.
    """
    used = np.array(lengths, np.int64)
    symbols = np.flatnonzero(used)
    symbols = symbols[np.argsort(used[symbols], kind="stable")]
    table = np.repeat(symbols << 5 | used[symbols], 1 << (_MAX_CODE - used[symbols]))
    if len(table) > 1 << _MAX_CODE:
        raise SymbolError(_DAMAGED)
    entries: list[int] = np.append(table, np.zeros((1 << _MAX_CODE) - len(table), int)).tolist()
    return entries
