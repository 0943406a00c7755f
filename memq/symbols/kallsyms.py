"""The kernel's symbols, from the table that the kernel carries about itself (kallsyms).

Names are compressed: each byte is a code for one of 256 short texts, and the first character that
comes out is the symbol's type letter, as nm writes it. Only what is asked for is decoded: a name by
its number, a number by a binary search over the order by name, or where a kernel has no such order
by a sum over each name's characters that is compared before anything is decoded.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import SymbolError
from memq.symbols.tables import Symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from memq.symbols.kallsyms_tables import Tables

MAX_NAME = 512
"""Characters of a name, KSYM_NAME_LEN of the kernel (128 before 6.1); the rest is cut off."""

_TYPE_LETTERS = bytes(range(ord("A"), ord("z") + 1)) + b"?-"
_MAX_TEXT = 256 << 20
"""Bytes of all names as text; kernels have 2 to 5 MB."""
_CODES_AT_ONCE = 1 << 15
_LINE_FEED, _NOTHING = 256, 257
"""Codes that the bytes of a length are read as: they stand ahead of a name."""


class Kallsyms:
    """The symbols of one kernel; those of its modules are not among them."""

    def __init__(self, tables: Tables) -> None:
        """Take tables that find_tables has checked."""
        self._names = tables.names
        self._tokens = tables.tokens
        self._starts = tables.starts.data
        self._start_array = tables.starts
        self._addresses = tables.addresses
        # Clang's link-time optimization names symbols so; for some years the order left that out.
        has_plain_names = not any(b"llvm" in token for token in tables.tokens)
        self._order_bytes = tables.order if has_plain_names else b""
        self._known: dict[str, int | None] = {}

    def __len__(self) -> int:
        return len(self._addresses)

    # By name

    def address(self, name: str) -> int | None:
        """Return the address of the symbol, None if there is none; the lowest of several."""
        return self.addresses((name,)).get(name)

    def addresses(self, names: Iterable[str]) -> dict[str, int]:
        """Return the addresses of those of the symbols that there are."""
        wanted = list(dict.fromkeys(names))
        new = [name for name in wanted if name not in self._known]
        if new:
            texts = {name.encode("utf-8", "surrogateescape"): name for name in new}
            # Known all at once: a search that is interrupted has found nothing, nor its absence.
            known: dict[str, int | None] = dict.fromkeys(new)
            order = self._order
            numbers = self._find_by_sum(texts) if order is None else self._find_in(order, texts)
            for text, number in numbers:
                known[texts[text]] = int(self._addresses[number])
            self._known.update(known)
        found = ((name, self._known[name]) for name in wanted)
        return {name: address for name, address in found if address is not None}

    def with_prefix(self, prefix: str) -> list[tuple[str, int]]:
        """Return (name, address) of all symbols whose names start so, by address.

        Costs as much as text() the first time.
        """
        wanted = prefix.encode("utf-8", "surrogateescape")
        found = list(re.finditer(rb"\n.(%b[^\n]*)" % re.escape(wanted), self._lines))
        places = np.array([match.start() for match in found], np.int64)
        addresses = self._addresses[np.searchsorted(self._line_starts, places)].tolist()
        names = [_text_of(match[1]) for match in found]
        return list(zip(names, addresses, strict=True))

    def matching(self, fits: Callable[[str], bool]) -> list[Symbol]:
        """Return all symbols whose names pass the test, by address; every name is asked about.

        Of several symbols with one name, this finds each; some 50 ms, and what the test takes.
        """
        lines, starts = self._lines, self._line_starts.tolist()
        found = []
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
            name = _text_of(lines[start + 2 : end])
            if fits(name):
                letter = _text_of(lines[start + 1 : start + 2])
                found.append(Symbol(int(self._addresses[number]), letter, name))
        return found

    def text(self) -> bytes:
        """Return all symbols as lines, by address: type letter and name."""
        return self._lines[1:] + b"\n"

    # By address

    def symbols_at(self, addresses: NDArray[np.uint64]) -> list[tuple[str, int] | None]:
        """Return for each address the symbol at or below it, and how far below it is.

        The first of several at one place, as the kernel does. None below the kernel's image, for
        whose lowest addresses the per-CPU symbols would stand, and behind its last symbol.
        """
        table = self._addresses
        below = np.searchsorted(table, addresses, "right") - 1
        inside = (below >= self._image_start) & (addresses <= table[-1])
        starts = table[np.maximum(below, 0)]
        first = np.searchsorted(table, starts)
        names: dict[int, str] = {}
        found: list[tuple[str, int] | None] = []
        distances = (np.asarray(addresses, np.uint64) - starts).tolist()
        for number, distance, good in zip(first.tolist(), distances, inside.tolist(), strict=True):
            if good and number not in names:
                names[number] = self._name(number)
            found.append((names[number], distance) if good else None)
        return found

    def names_at(self, address: int) -> list[str]:
        """Return all names of the very address."""
        return [self._name(number) for number in self._numbers_at(address)]

    def all_at(self, address: int) -> list[Symbol]:
        """Return all symbols at the very address, with their letters."""
        return [
            Symbol(address, _text_of(self._spelled(number)[:1]), self._name(number))
            for number in self._numbers_at(address)
        ]

    def after(self, address: int) -> int | None:
        """Return the lowest address above this one at which there is a symbol."""
        number = int(np.searchsorted(self._addresses, np.uint64(address), "right"))
        return int(self._addresses[number]) if number < len(self) else None

    def _numbers_at(self, address: int) -> range:
        place = np.uint64(address)
        first = int(np.searchsorted(self._addresses, place))
        return range(first, int(np.searchsorted(self._addresses, place, "right")))

    @cached_property
    def _image_start(self) -> int:
        """Number of the first symbol that is no per-CPU one."""
        return int(np.searchsorted(self._addresses, np.uint64(1 << 63)))

    # Names by number

    def _name(self, number: int) -> str:
        return _text_of(self._decode(number))

    def _decode(self, number: int) -> bytes:
        """Return a name without its type letter."""
        return self._spelled(number)[1:]

    def _spelled(self, number: int) -> bytes:
        """Return a name behind its type letter."""
        start, end = self._starts[number], self._starts[number + 1]
        start += 1 if start + self._names[start] + 1 == end else 2
        tokens = self._tokens
        codes = self._names[start : min(end, start + MAX_NAME)]
        return b"".join([tokens[code] for code in codes])[: MAX_NAME + 1]

    # Numbers by name

    @cached_property
    def _order(self) -> memoryview | None:
        """The symbols' numbers in the order of their names; None where there is no such table.

        It has every number once, and in some samples of it names rise.
        """
        count = len(self)
        if len(self._order_bytes) != 3 * count:
            return None
        digits = np.frombuffer(self._order_bytes, np.uint8).reshape(count, 3).astype(np.int64)
        order = digits[:, 0] << 16 | digits[:, 1] << 8 | digits[:, 2]
        if order.max() >= count or np.bincount(order, minlength=count).max() != 1:
            return None
        samples = [self._decode(number) for number in order[:: max(1, count // 16)].tolist()]
        return order.data if samples == sorted(samples) else None

    def _find_in(self, order: memoryview, names: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
        """Yield the names that there are, with their numbers: a binary search for each."""
        decoded: dict[int, bytes] = {}

        def name_of(number: int) -> bytes:
            name = decoded.get(number)
            if name is None:
                name = decoded[number] = self._decode(number)
            return name

        for name in names:
            place = bisect_left(order, name, key=name_of)
            if place < len(order) and name_of(order[place]) == name:
                yield name, order[place]

    def _find_by_sum(self, names: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
        """Yield the names that there are, with their numbers: those of equal sums are decoded."""
        weights = _weights()
        letters = weights[np.frombuffer(_TYPE_LETTERS, np.uint8)]
        sums = np.array([_sum_of(weights, name) for name in names], np.uint32)
        wanted = (sums[:, None] + letters).reshape(-1)
        low = np.zeros(1 << 16, bool)
        low[wanted & 0xFFFF] = True
        near = np.flatnonzero(low[self._sums & 0xFFFF])
        whole, left = set(wanted.tolist()), set(names)
        for number, total in zip(near.tolist(), self._sums[near].tolist(), strict=True):
            name = self._decode(number) if total in whole else None
            if name in left:
                left.remove(name)
                yield name, number

    @cached_property
    def _sums(self) -> NDArray[np.uint32]:
        """The sum of each name's characters' weights, type letter included; modulo 2**32."""
        weights = _weights()
        tokens = np.array([_sum_of(weights, token) for token in self._tokens], np.uint32)
        each = tokens[np.frombuffer(self._names, np.uint8)]
        first, second = self._length_bytes
        each[first] = 0
        each[second] = 0
        return np.add.reduceat(each, first, dtype=np.uint32)

    @cached_property
    def _length_bytes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the length bytes of the names are, and where the second ones of long names."""
        first = self._start_array[:-1]
        lengths = np.frombuffer(self._names, np.uint8)[first]
        return first, first[first + lengths + 1 != self._start_array[1:]] + 1

    # All names

    @cached_property
    def _lines(self) -> bytes:
        """All names, each with its type letter, and ahead of each a line feed."""
        texts = [*self._tokens, b"\n", b""]
        first, second = self._length_bytes
        codes = np.frombuffer(self._names, np.uint8).astype(np.uint16)
        codes[first] = _LINE_FEED
        codes[second] = _NOTHING
        lengths = np.array([len(text) for text in texts], np.int64)
        total = int(np.bincount(codes, minlength=len(texts)) @ lengths)
        if total > _MAX_TEXT:
            raise SymbolError(f"kallsyms is malformed: {total:,} bytes of names")
        pieces = _pieces(texts)
        out = np.empty(total + 256, np.uint8)
        at = 0
        for start in range(0, len(codes), _CODES_AT_ONCE):
            part = codes[start : start + _CODES_AT_ONCE]
            at += _store(out[at:], pieces, part, lengths.take(part))
        return out[:total].tobytes()

    @cached_property
    def _line_starts(self) -> NDArray[np.int64]:
        """Where the line feed ahead of each symbol is in `_lines`."""
        first, second = self._length_bytes
        lengths = np.array([len(token) for token in self._tokens], np.int64)
        each = lengths[np.frombuffer(self._names, np.uint8)]
        each[first] = 1
        each[second] = 0
        sizes = np.add.reduceat(each, first)
        return np.cumsum(sizes) - sizes


def _pieces(texts: list[bytes]) -> list[NDArray[np.uint64]]:
    """Return the first 8 bytes of each text as a number, the second 8 bytes, and so on."""
    parts = range(0, max(len(text) for text in texts), 8)
    joined = (b"".join(text[at : at + 8].ljust(8, b"\0") for text in texts) for at in parts)
    return [np.frombuffer(part, "<u8") for part in joined]


def _store(
    out: NDArray[np.uint8],
    pieces: list[NDArray[np.uint64]],
    codes: NDArray[np.uint16],
    lengths: NDArray[np.int64],
) -> int:
    """Write the texts of the codes one behind the other; return the bytes that they take.

    Each is stored as words of 8 bytes. What reaches beyond a text is overwritten by the one behind
    it; so the tails of long ones are stored before all heads, the farthest first.
    """
    words = np.ndarray((len(out) - 7,), "<u8", out, strides=(1,))
    ends = lengths.cumsum()
    places = ends - lengths
    for number in range(len(pieces) - 1, 0, -1):
        longer = np.flatnonzero(lengths > 8 * number)
        words[places[longer] + 8 * number] = pieces[number][codes[longer]]
    words[places] = pieces[0][codes]
    return int(ends[-1])


def _weights() -> NDArray[np.uint32]:
    """Return a number for each character that has nothing to do with those of its neighbours."""
    return np.array([zlib.crc32(bytes([character]) * 4) for character in range(256)], np.uint32)


def _sum_of(weights: NDArray[np.uint32], text: bytes) -> int:
    return int(weights[np.frombuffer(text, np.uint8)].sum(dtype=np.uint32))


def _text_of(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
