"""Writes kallsyms' tables as scripts/kallsyms.c does, in each order and encoding that there was."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Symbol(NamedTuple):
    """A symbol: its address, type letter and name."""

    address: int
    letter: str
    name: str


@dataclass(frozen=True)
class Layout:
    """How a kernel lays out and encodes its tables."""

    name: str
    is_old_order: bool = False
    """Addresses first and token tables last; otherwise count and names first."""
    has_order: bool = True
    """Whether there are seqs_of_names."""
    has_wide_lengths: bool = True
    addresses: str = "percpu"
    """percpu: negative offsets, or addresses; base: u32 offsets; place: relative to themselves."""
    alignment: int = 8


LAYOUTS = (
    Layout("5.10", is_old_order=True, has_order=False, has_wide_lengths=False),
    Layout("5.10 arm64", is_old_order=True, has_order=False, addresses="base"),
    Layout("6.1", is_old_order=True, has_order=False),
    Layout("6.2", is_old_order=True),
    Layout("6.4"),
    Layout("6.15", addresses="base"),
    Layout("7.0", addresses="place", alignment=4),
)
AHEAD = 640 << 10
KERNEL = 0xFFFF_FFFF_A200_0000
"""Address of _text: the base of all offsets."""
VIRTUAL = KERNEL + 0x180_0000


@dataclass(frozen=True)
class Image:
    """Memory with tables in it, from `start` on."""

    start: int
    data: bytes
    places: dict[str, int]
    """Where each table is."""

    def read(self, place: int, size: int) -> bytes | None:
        """Read as a dump does."""
        at = place - self.start
        return self.data[at : at + size] if at >= 0 and at + size <= len(self.data) else None

    @property
    def end(self) -> int:
        """First place behind the memory."""
        return self.start + len(self.data)

    def changed(self, place: int, new: bytes) -> Image:
        """Return memory that differs from a place on."""
        at = place - self.start
        return Image(self.start, self.data[:at] + new + self.data[at + len(new) :], self.places)


def write(
    symbols: Sequence[Symbol],
    layout: Layout,
    start: int = 0x550_0000,
    before: bytes = b"",
) -> Image:
    """Write the tables of the symbols, which are sorted by address, behind the bytes `before`.

    Ahead of those is other memory, as there is in kernels.

    Place-relative addresses are counted as if `start` were at the address VIRTUAL.
    """
    tokens = token_table(symbols)
    tables = _tables(symbols, layout, tokens)
    new = ["num_syms", "names", "markers", "token_table", "token_index"]
    places_first = ["offsets", "relative_base"]
    order = [*places_first, *new] if layout.is_old_order else [*new, *places_first, "seqs_of_names"]
    if layout.is_old_order:
        order.insert(order.index("token_table"), "seqs_of_names")
    data = bytearray(b"\x5a" * AHEAD + before)
    places = {}
    for name in order:
        if not tables[name]:
            continue
        data += bytes(-len(data) % layout.alignment)
        places[name] = start + len(data)
        if name == "offsets" and layout.addresses == "place":
            tables[name] = _place_relative(symbols, VIRTUAL + places[name] - start)
        data += tables[name]
    return Image(start, bytes(data) + b"\xa5" * (32 << 10), places)


def _tables(symbols: Sequence[Symbol], layout: Layout, tokens: list[bytes]) -> dict[str, bytes]:
    """The content of every table; place-relative offsets are zeros still."""
    names = bytearray()
    markers = []
    for number, symbol in enumerate(symbols):
        if number % 256 == 0:
            markers.append(len(names))
        names += compressed(symbol, tokens, is_wide=layout.has_wide_lengths)
    ends = [0]
    for token in tokens:
        ends.append(ends[-1] + len(token) + 1)
    by_name = sorted(range(len(symbols)), key=lambda n: (symbols[n].name.encode(), n))
    has_base = layout.addresses != "place"
    return {
        "num_syms": struct.pack("<I", len(symbols)),
        "names": bytes(names),
        "markers": struct.pack(f"<{len(markers)}I", *markers),
        "token_table": b"".join(token + b"\0" for token in tokens),
        "token_index": struct.pack("<256H", *ends[:-1]),
        "offsets": b"".join(_offset(symbol.address, layout) for symbol in symbols),
        "relative_base": struct.pack("<Q", KERNEL) if has_base else b"",
        "seqs_of_names": b"".join(n.to_bytes(3, "big") for n in by_name)
        if layout.has_order
        else b"",
    }


def _offset(address: int, layout: Layout) -> bytes:
    if layout.addresses == "place":
        return bytes(4)
    if layout.addresses == "base":
        return struct.pack("<I", address - KERNEL)
    is_absolute = address < 1 << 31
    return struct.pack("<i", address if is_absolute else KERNEL - 1 - address)


def _place_relative(symbols: Sequence[Symbol], place: int) -> bytes:
    offsets = (symbol.address - place - 4 * number for number, symbol in enumerate(symbols))
    return b"".join(struct.pack("<i", offset) for offset in offsets)


def token_table(symbols: Sequence[Symbol]) -> list[bytes]:
    """256 tokens: single characters at their own codes, frequent pieces of names at all others."""
    texts = [symbol.letter.encode() + symbol.name.encode() for symbol in symbols]
    used = set(b"0123456789").union(*texts)
    pieces: Counter[bytes] = Counter()
    for text in texts[:2000]:
        for size in (2, 3, 4, 6, 9, 17):
            pieces.update(text[at : at + size] for at in range(len(text) - size + 1))
    frequent = [piece for piece, _ in pieces.most_common(256)]
    frequent += [b"no%d" % number for number in range(256 - len(frequent))]
    free = iter(frequent)
    return [bytes([code]) if code in used else next(free) for code in range(256)]


def compressed(symbol: Symbol, tokens: list[bytes], *, is_wide: bool) -> bytes:
    """A name's length and codes; the length in two bytes where it has more than 7 bits."""
    text = symbol.letter.encode() + symbol.name.encode()
    codes = bytearray()
    by_text = {token: code for code, token in enumerate(tokens)}
    at = 0
    while at < len(text):
        size = next(s for s in (17, 9, 6, 4, 3, 2, 1) if text[at : at + s] in by_text)
        piece = text[at : at + size]
        codes.append(by_text[piece])
        at += len(piece)
    length = len(codes)
    if is_wide and length > 0x7F:
        return bytes([length & 0x7F | 0x80, length >> 7]) + codes
    return bytes([length]) + codes
