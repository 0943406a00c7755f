"""Writes PDB files, record by record, for tests that need one without Microsoft's.

    b = PdbBuilder()
    flags = b.bit_field(b.ULONG, width=3, position=4)
    node = b.declare("_NODE")
    b.structure("_NODE", 16, [("Next", b.pointer(node), 0), ("Flags", flags, 8)])
    b.public("PsActiveProcessHead", section=1, offset=0x10)
    content = b.build()

`old=True` writes names as before 2002: counted, not ended by a zero.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0"
GUID = bytes.fromhex("78563412BC9AF0DE0123456789ABCDEF")
GUID_TEXT = "123456789ABCDEF00123456789ABCDEF"
FIELD_LIST, INDEX, STRUCTURE, UNION, ENUM, ARRAY = 0x1203, 0x1404, 0x1505, 0x1506, 0x1507, 0x1503
MEMBER, ENUMERATE, BASE_CLASS = 0x150D, 0x1502, 0x1400
PUBLIC, GLOBAL = 0x110E, 0x110D
OLD = {
    STRUCTURE: 0x1005, UNION: 0x1006, ENUM: 0x1007, ARRAY: 0x1003, MEMBER: 0x1405,
    ENUMERATE: 0x0403, PUBLIC: 0x1009, GLOBAL: 0x1008,
}  # fmt: skip
NO_STREAM = 0xFFFF


@dataclass
class PdbBuilder:
    """Types and symbols, in the order in which they are written."""

    age: int = 1
    machine: int = 0x8664
    old: bool = False
    block_size: int = 512
    sections: tuple[int, ...] = (0x1000, 0x5000)
    """Where each begins in the image."""
    sections_before: tuple[int, ...] = ()
    """And where before the image was rearranged, as told by `moves`."""
    moves: tuple[tuple[int, int], ...] = ()
    file_age: int | None = None
    """The age of the file itself, where it was written to again."""
    symbols: bytearray = field(default_factory=bytearray)
    records: list[bytes] = field(default_factory=list)

    CHAR, UCHAR, WCHAR, LONG, ULONG, UQUAD = 0x70, 0x20, 0x71, 0x12, 0x22, 0x77
    SIGNED_CHAR, BOOL, VOID_POINTER = 0x10, 0x30, 0x603

    def record(self, kind: int, body: bytes) -> int:
        """Write a record as given; return its number."""
        body += bytes(0xF0 | left for left in range(-len(body) % 4, 0, -1))
        self.records.append(struct.pack("<HH", len(body) + 2, kind) + body)
        return 0x1000 + len(self.records) - 1

    def name(self, name: str) -> bytes:
        """Encode a name."""
        raw = name.encode()
        return bytes([len(raw)]) + raw if self.old else raw + b"\0"

    def pointer(self, target: int, attributes: int = 8 << 13 | 0x0C) -> int:
        """Write a pointer."""
        return self.record(0x1002, struct.pack("<II", target, attributes))

    def modifier(self, target: int) -> int:
        """Write const volatile of a type."""
        return self.record(0x1001, struct.pack("<IH", target, 3))

    def bit_field(self, type_: int, width: int, position: int) -> int:
        """Write the type of a bitfield."""
        return self.record(0x1205, struct.pack("<IBB", type_, width, position))

    def function(self) -> int:
        """Write a function without parameters."""
        return self.record(0x1008, struct.pack("<IBBHI", 3, 0, 0, 0, 0))

    def array(self, element: int, size: int) -> int:
        """Write an array of `size` bytes."""
        body = struct.pack("<II", element, self.UQUAD) + number(size) + self.name("")
        return self.record(self.kind(ARRAY), body)

    def kind(self, kind: int) -> int:
        """Return the kind that is written for one of today."""
        return OLD.get(kind, kind) if self.old else kind

    def member(self, name: str, type_: int, offset: int) -> bytes:
        """Return a member, for a list."""
        head = struct.pack("<HHI", self.kind(MEMBER), 3, type_)
        return padded(head + number(offset) + self.name(name))

    def enumerate(self, name: str, value: int) -> bytes:
        """Return a constant, for a list."""
        return padded(struct.pack("<HH", self.kind(ENUMERATE), 3) + number(value) + self.name(name))

    def field_list(self, *items: bytes, following: int | None = None) -> int:
        """Write a list of members, which may go on in another."""
        more = b"" if following is None else struct.pack("<HHI", INDEX, 0, following)
        return self.record(FIELD_LIST, b"".join(items) + more)

    def declare(self, name: str, kind: int = STRUCTURE) -> int:
        """Write the declaration of a struct or union that is defined later."""
        return self._struct(name, 0, 0, kind, 0x80, "")

    def structure(
        self, name: str, size: int, members: Sequence[tuple[str, int, int]] | int,
        *, kind: int = STRUCTURE, key: str = "",
    ) -> int:  # fmt: skip
        """Write a struct or union; its members as name, type and offset, or the list's number."""
        if not isinstance(members, int):
            members = self.field_list(*(self.member(*member) for member in members))
        return self._struct(name, size, members, kind, 0x200 if key else 0, key)

    def enum(self, name: str, underlying: int, **values: int) -> int:
        """Write an enum."""
        members = self.field_list(*(self.enumerate(*value) for value in values.items()))
        head = struct.pack("<HHII", len(values), 0, underlying, members)
        return self.record(self.kind(ENUM), head + self.name(name))

    def public(self, name: str, section: int, offset: int, kind: int = PUBLIC) -> None:
        """Write a symbol."""
        body = struct.pack("<HIIH", self.kind(kind), 2, offset, section) + self.name(name)
        body += bytes(-(len(body) + 2) % 4)
        self.symbols += struct.pack("<H", len(body)) + body

    def build(self) -> bytes:
        """Return the file's content."""
        return container(self.streams(), self.block_size)

    def streams(self) -> list[bytes]:
        """Return the content of all streams."""
        types = b"".join(self.records)
        last = 0x1000 + len(self.records)
        tpi = struct.pack("<5I", 20040203, 56, 0x1000, last, len(types)) + bytes(36) + types
        info = struct.pack("<III", 20000404, 0, self.file_age or self.age) + GUID
        moves = b"".join(struct.pack("<II", *move) for move in self.moves)
        headers = [_headers(places) for places in (self.sections, self.sections_before)]
        return [b"", info, tpi, self._dbi(), bytes(self.symbols), headers[0], moves, headers[1]]

    def _dbi(self) -> bytes:
        debug = [NO_STREAM] * 11
        debug[5] = 5
        if self.moves:
            debug[4], debug[10] = 6, 7
        parts = [b"modules!", b"", b"map!", b"", b"", b"ec!!"]
        lengths = [len(part) for part in parts]
        head = struct.pack("<iII6H", -1, 19990903, self.age, 0, 0, 0, 0, 4, 0)
        head += struct.pack("<5iIii", *lengths[:5], 0, 2 * len(debug), lengths[5])
        head += struct.pack("<HHI", 0, self.machine, 0)
        return head + b"".join(parts) + struct.pack(f"<{len(debug)}H", *debug)

    def _struct(
        self, name: str, size: int, members: int, kind: int, properties: int, key: str
    ) -> int:
        head = struct.pack("<HHI", 0, properties, members)
        head += b"" if kind == UNION else bytes(8)
        tail = self.name(key) if key else b""
        return self.record(self.kind(kind), head + number(size) + self.name(name) + tail)


def number(value: int) -> bytes:
    """Encode a number in the shortest of CodeView's ways."""
    if 0 <= value < 0x8000:
        return struct.pack("<H", value)
    for kind, form, low, high in (
        (0x8000, "b", -0x80, 0x80), (0x8001, "h", -0x8000, 0x8000), (0x8002, "H", 0, 0x10000),
        (0x8003, "i", -(1 << 31), 1 << 31), (0x8004, "I", 0, 1 << 32),
        (0x8009, "q", -(1 << 63), 1 << 63), (0x800A, "Q", 0, 1 << 64),
    ):  # fmt: skip
        if low <= value < high:
            return struct.pack(f"<H{form}", kind, value)
    raise ValueError(value)


def padded(item: bytes) -> bytes:
    """Fill an item of a list up to four bytes, as compilers do."""
    return item + bytes(0xF0 | left for left in range(-len(item) % 4, 0, -1))


def container(streams: Sequence[bytes | None], block_size: int) -> bytes:
    """Return a file of these streams; None is one that was deleted.

    Their blocks are laid backwards, so that nothing that reads them can take them for one piece.
    """
    blocks: list[bytes] = []
    lists = []
    for stream in streams:
        pieces = _pieces(stream or b"", block_size)
        numbers = list(range(len(blocks), len(blocks) + len(pieces)))
        blocks += reversed(pieces)
        lists.append([number + 3 for number in reversed(numbers)])
    sizes = [0xFFFFFFFF if stream is None else len(stream) for stream in streams]
    words = [len(streams), *sizes, *(number for numbers in lists for number in numbers)]
    directory = struct.pack(f"<{len(words)}I", *words)
    pieces = _pieces(directory, block_size)
    places = [3 + len(blocks) + at for at in range(len(pieces))]
    blocks += pieces
    maps = _pieces(struct.pack(f"<{len(places)}I", *places), block_size)
    map_places = [3 + len(blocks) + at for at in range(len(maps))]
    blocks += maps
    head = struct.pack("<32s5I", MAGIC, block_size, 1, 3 + len(blocks), len(directory), 0)
    head += struct.pack(f"<{len(map_places)}I", *map_places)
    return head.ljust(3 * block_size, b"\0") + b"".join(blocks)


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size].ljust(size, b"\0") for at in range(0, len(data), size)]


def _headers(places: Sequence[int]) -> bytes:
    """Return section headers that say where each section begins."""
    form = struct.Struct("<8sII24x")
    return b"".join(form.pack(b".text", 0x1000, place) for place in places)
