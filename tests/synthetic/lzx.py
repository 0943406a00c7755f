"""Packs bytes by LZX, for tests: every kind of block, repeated distances, translated calls.

Not tight, but all that the format has: what it makes is read by libarchive, too.
"""

from __future__ import annotations

import heapq
import itertools
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERBATIM, ALIGNED, RAW = 1, 2, 3
FRAME = 1 << 15
SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}
EXTRA = [0, 0, *(min(n // 2 - 1, 17) for n in range(2, 51))]
BASES = [sum(1 << extra for extra in EXTRA[:slot]) for slot in range(51)]
PRETREE = [4] * 12 + [5] * 8


class Match(NamedTuple):
    """A stretch that stood there before."""

    length: int
    slot: int
    extra: int


class Bits:
    """Writes bits, the highest first, in words of 16 bits with the low byte first."""

    def __init__(self) -> None:
        self.out = bytearray()
        self._value = self._count = 0

    def write(self, value: int, count: int) -> None:
        """Write a number of so many bits."""
        self._value, self._count = self._value << count | value, self._count + count
        while self._count >= 16:
            self._count -= 16
            self.out += struct.pack("<H", self._value >> self._count & 0xFFFF)

    def align(self, at_least: int = 0) -> None:
        """Fill up to a whole word."""
        self.write(0, max(-self._count % 16, 0) or (16 if at_least else 0))


def pack(
    data: bytes, blocks: Sequence[tuple[int, int]], window: int = 15, program: int = 0
) -> list[bytes]:
    """Return the bytes of each frame; `blocks` are kind and size, `program` translates calls."""
    return list(_Packer(translated(data, program), window).frames(blocks, program))


class _Packer:
    def __init__(self, data: bytes, window: int) -> None:
        self.data = data
        self.window = (1 << window) - 3
        self.bits = Bits()
        self.last = [1, 1, 1]
        self.lengths = {"main": [0] * (256 + 8 * SLOTS[window]), "length": [0] * 249}
        self.places: dict[bytes, int] = {}
        self.done = 0
        """Bytes of the frames that are whole."""

    def frames(self, blocks: Sequence[tuple[int, int]], program: int) -> Iterator[bytes]:
        self.bits.write(int(program > 0), 1)
        if program:
            self.bits.write(program, 32)
        at = done = 0
        for kind, size in blocks:
            for length in self._block(kind, at, at + size):
                yield bytes(self.bits.out[done : done + length])
                done += length
            at += size
        assert at == len(self.data)
        if done < len(self.bits.out) or self.bits._count:
            self.bits.align()
            yield bytes(self.bits.out[done:])

    def _block(self, kind: int, start: int, end: int) -> Iterator[int]:
        """Write a block; yield how long each frame is that ends in it."""
        runs = list(_runs(start, end))
        tokens = {} if kind == RAW else {run: list(self._tokens(*run)) for run in runs}
        self.bits.write(kind, 3)
        self.bits.write(end - start, 24)
        if kind == RAW:
            self.bits.align(at_least=1)
            self.bits.out += struct.pack("<3I", *self.last)
        codes = (
            {} if kind == RAW else self._trees(kind, [t for run in tokens.values() for t in run])
        )
        for run in runs:
            if kind == RAW:
                self.bits.out += self.data[run[0] : run[1]]
            for token in tokens.get(run, ()):
                self._token(token, codes)
            if run[1] % FRAME == 0 and run[1] < len(self.data):
                if kind != RAW:
                    self.bits.align()
                yield len(self.bits.out) - self.done
                self.done = len(self.bits.out)
        if kind == RAW and (end - start) & 1:
            self.bits.out += b"\0"

    def _tokens(self, at: int, end: int) -> Iterator[int | Match]:
        """Yield bytes and matches; nothing matches beyond the end."""
        data = self.data
        while at < end:
            key = data[at : at + 3]
            found = self.places.get(key, -1)
            self.places[key] = at
            length = 0
            if found >= 0 and at - found <= self.window:
                limit = min(257, end - at)
                while length < limit and data[found + length] == data[at + length]:
                    length += 1
            if length < 3:
                yield data[at]
                at += 1
                continue
            yield self._matched(at - found, length)
            for place in range(at + 1, at + length):
                self.places[data[place : place + 3]] = place
            at += length

    def _matched(self, distance: int, length: int) -> Match:
        last = self.last
        if distance in last:
            slot = last.index(distance)
            last[0], last[slot] = last[slot], last[0]
            return Match(length, slot, 0)
        self.last = [distance, last[0], last[1]]
        slot = max(slot for slot in range(3, 51) if BASES[slot] <= distance + 2)
        return Match(length, slot, distance + 2 - BASES[slot])

    def _trees(self, kind: int, tokens: Sequence[int | Match]) -> dict[str, list[str]]:
        counts = {"main": [0] * len(self.lengths["main"]), "length": [0] * 249, "aligned": [1] * 8}
        for token in tokens:
            counts["main"][_element(token)] += 1
            if isinstance(token, Match) and token.length >= 9:
                counts["length"][token.length - 9] += 1
        lengths = {name: _lengths(count) for name, count in counts.items()}
        if kind == ALIGNED:
            for length in lengths["aligned"]:
                self.bits.write(length, 3)
        main = self.lengths["main"]
        for start, end in ((0, 256), (256, len(main))):
            self._write_lengths(main[start:end], lengths["main"][start:end])
        self._write_lengths(self.lengths["length"], lengths["length"])
        self.lengths = {name: lengths[name] for name in ("main", "length")}
        names = ("main", "length", "aligned") if kind == ALIGNED else ("main", "length")
        return {name: codes_of(lengths[name]) for name in names}

    def _write_lengths(self, before: Sequence[int], now: Sequence[int]) -> None:
        for length in PRETREE:
            self.bits.write(length, 4)
        codes, at = codes_of(PRETREE), 0
        while at < len(now):
            value = now[at]
            others = (n for n, other in enumerate(now[at:]) if other != value)
            run = next(others, len(now) - at)
            symbol = (before[at] - now[at]) % 17
            if now[at] == 0 and run >= 20:
                self._coded(codes[18], min(run, 51) - 20, 5)
                at += min(run, 51)
            elif now[at] == 0 and run >= 4:
                self._coded(codes[17], run - 4, 4)
                at += run
            elif run >= 4:
                self._coded(codes[19], min(run, 5) - 4, 1)
                self._coded(codes[symbol])
                at += min(run, 5)
            else:
                self._coded(codes[symbol])
                at += 1

    def _coded(self, code: str, extra: int = 0, count: int = 0) -> None:
        self.bits.write(int(code, 2), len(code))
        self.bits.write(extra, count)

    def _token(self, token: int | Match, codes: dict[str, list[str]]) -> None:
        self._coded(codes["main"][_element(token)])
        if isinstance(token, int):
            return
        if token.length >= 9:
            self._coded(codes["length"][token.length - 9])
        extra = EXTRA[token.slot]
        if "aligned" in codes and extra >= 3:
            self.bits.write(token.extra >> 3, extra - 3)
            self._coded(codes["aligned"][token.extra & 7])
        else:
            self.bits.write(token.extra, extra)


def _element(token: int | Match) -> int:
    if isinstance(token, int):
        return token
    return 256 + token.slot * 8 + min(token.length - 2, 7)


def _runs(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a block where frames end."""
    edges = [start, *range((start // FRAME + 1) * FRAME, end, FRAME), end]
    return itertools.pairwise(edges)


def _lengths(counts: Sequence[int]) -> list[int]:
    """Return the lengths of a Huffman code: of two symbols at least, or of none."""
    heap: list[tuple[int, int, tuple[int, ...]]]
    heap = [(count, at, (at,)) for at, count in enumerate(counts) if count]
    if not heap:
        return [0] * len(counts)
    if len(heap) == 1:
        heap.append((0, -1, (0 if heap[0][1] else 1,)))
    lengths = [0] * len(counts)
    heapq.heapify(heap)
    while len(heap) > 1:
        (count, at, first), (more, _at, second) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in (*first, *second):
            lengths[symbol] += 1
        heapq.heappush(heap, (count + more, at, first + second))
    if max(lengths) > 16:  # flatter counts make a flatter code
        return _lengths([(count + 1) // 2 for count in counts])
    return lengths


def codes_of(lengths: Sequence[int]) -> list[str]:
    """Return the code of each symbol, as text of its bits."""
    codes, code, before = [""] * len(lengths), 0, 0
    for length, symbol in sorted((length, at) for at, length in enumerate(lengths) if length):
        code <<= length - before
        codes[symbol] = f"{code:0{length}b}"
        code, before = code + 1, length
    return codes


def translated(data: bytes, program: int) -> bytes:
    """Make targets out of the distances of calls, as packers do that are told a program's size."""
    changed = bytearray(data)
    for start in range(0, len(data) if program else 0, FRAME):
        end, at = min(start + FRAME, len(data)), start
        while end - start > 10:
            at = changed.find(b"\xe8", at, end - 10)
            if at < 0:
                break
            (distance,) = struct.unpack_from("<i", changed, at + 1)
            if -at <= distance < program - at:
                struct.pack_into("<i", changed, at + 1, distance + at)
            elif program - at <= distance < program:
                struct.pack_into("<i", changed, at + 1, distance - program)
            at += 5
    return bytes(changed)
