"""Builds small hives: cells as hive files have them, in blocks that lie apart in memory.

hive = HiveBuilder()
value = hive.value("Path", 1, "C:".encode("utf-16-le"))
inner = hive.key("Run", values=[value])
hive.root = hive.key("ROOT", below=[inner])
tree = tree_of(hive.opened(tmp_path))
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from memq.column import text_column
from memq.os.windows.registry.cells import BLOCK, VOLATILE, Blocks
from memq.os.windows.registry.hives import Hives
from memq.os.windows.registry.paths import nothing_yet
from memq.os.windows.registry.tree import Tree
from memq.run import Run
from memq.symbols.structs import Structs
from tests.synthetic.memory import VirtualMemory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NO_CELL = 0xFFFF_FFFF
PLACE = 0xFFFF_C900_0000_0000
COMPRESSED, EXIT = 0x20, 0x2


class HiveBuilder:
    """The stable storage of one hive, and its volatile one."""

    def __init__(self) -> None:
        self.parts = [bytearray(0x20), bytearray(0x20)]
        self.root = NO_CELL
        self.lost: list[int] = []
        """Numbers of stable blocks that are not in the dump."""

    def cell(self, content: bytes, *, volatile: bool = False) -> int:
        """Add a cell, and return its place."""
        part = self.parts[volatile]
        place = len(part)
        size = -(-(len(content) + 4) // 8) * 8
        part += struct.pack("<i", -size) + content.ljust(size - 4, b"\0")
        return place | (VOLATILE if volatile else 0)

    def skip(self, to: int) -> None:
        """Let the next stable cell begin so many bytes into a block."""
        part = self.parts[0]
        part += bytes((to - len(part)) % BLOCK)

    def key(
        self,
        name: str | bytes,
        *,
        below: Sequence[int] = (),
        values: Sequence[int] = (),
        kind: bytes = b"lf",
        flags: int = COMPRESSED,
        listed: int | None = None,
        counted: int | None = None,
        volatile: bool = False,
    ) -> int:
        """Add a key with what is below it, whose cells come to name it as theirs."""
        raw = name if isinstance(name, bytes) else name.encode("latin-1")
        keys = self.list_of(kind, below) if listed is None else listed
        count = len(below) if counted is None else counted
        array = self.cell(struct.pack(f"<{len(values)}I", *values)) if values else NO_CELL
        head = struct.pack(
            "<2sHQII4I2I", b"nk", flags, 133_000_000_000_000_000, 0, NO_CELL,
            count, 0, keys, NO_CELL, len(values), array,
        )  # fmt: skip
        tail = struct.pack("<II5IHH", NO_CELL, NO_CELL, 0, 0, 0, 0, 0, len(raw), 0)
        place = self.cell(head + tail + raw, volatile=volatile)
        for one in below:
            self.patch(one, 0x10, struct.pack("<I", place))
        return place

    def list_of(self, kind: bytes, cells: Sequence[int]) -> int:
        """Add a list of keys, or with `ri` one of lists."""
        if not cells:
            return NO_CELL
        wide = kind in (b"lf", b"lh")
        body = b"".join(struct.pack("<II" if wide else "<I", c, *((0,) * wide)) for c in cells)
        return self.cell(kind + struct.pack("<H", len(cells)) + body)

    def patch(self, cell: int, offset: int, content: bytes) -> None:
        """Write over what a cell holds."""
        start = (cell & ~VOLATILE) + 4 + offset
        self.parts[cell >> 31][start : start + len(content)] = content

    def value(self, name: str, kind: int, data: bytes, *, inline: bool = False) -> int:
        """Add a value; long data is put into segments."""
        size, raw = len(data), name.encode("latin-1")
        if inline:
            size, place = size | 0x8000_0000, int.from_bytes(data.ljust(4, b"\0"), "little")
        elif size > 16344:
            pieces = [self.cell(data[at : at + 16344]) for at in range(0, size, 16344)]
            listed = self.cell(struct.pack(f"<{len(pieces)}I", *pieces))
            place = self.cell(struct.pack("<2sHI", b"db", len(pieces), listed))
        else:
            place = self.cell(data)
        head = struct.pack("<2sHIIIHH", b"vk", len(raw), size, place, kind, 1, 0)
        return self.cell(head + raw)

    def opened(self, folder: Path) -> Hives:
        """Write the hive into memory, and open it as the only one."""
        return opened_hives(folder, [self])


def opened_hives(folder: Path, hives: Sequence[HiveBuilder]) -> Hives:
    """Write hives into memory, each block on a page of its own, and open them."""
    memory = VirtualMemory()
    addresses: list[int] = []
    counts: list[int] = []
    for hive in hives:
        first = len(addresses)
        for storage in hive.parts:
            part = storage.ljust(-(-len(storage) // BLOCK) * BLOCK, b"\0")
            numbers = range(len(part) // BLOCK) if len(storage) > 0x20 else range(0)
            counts.append(len(numbers))
            for number in numbers:
                # Neighbours in the hive are none in memory.
                addresses.append(PLACE + 2 * BLOCK * len(addresses))
                memory.map(addresses[-1])
                memory.write(addresses[-1], bytes(part[number * BLOCK :][:BLOCK]))
        for number in hive.lost:
            memory.remove(addresses[first + number], BLOCK)
    space = memory.open(folder)
    starts = np.cumsum([0, *counts]).astype(np.int64)
    places = np.array(addresses, np.uint64)
    roots = np.full(len(hives), space.root, np.uint64)
    blocks = Blocks(space, places, np.zeros(len(places), np.uint8), starts, roots)
    own = np.array([address_of(number) for number in range(len(hives))], np.uint64)
    structs = Structs(space, None, None, own)  # type: ignore[arg-type]
    return Hives(structs, blocks, None, np.array([hive.root for hive in hives], np.int64))


def address_of(number: int) -> int:
    """Return where the structure of a hive is said to be; nothing of it is there."""
    return 0xFFFF_8000_0000_0000 + number * BLOCK


def tree_of(hives: Hives, run: Run | None = None) -> Tree:
    """Return the tree of one hive, which hangs at the top."""
    return Tree(None, run or Run(), hives, text_column(["\\REGISTRY"]), nothing_yet())  # type: ignore[arg-type]
