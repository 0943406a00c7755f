"""Hives in memory: their cells, the map that finds them, and control blocks of keys."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.synthetic.windows.options import filetime
from tests.synthetic.windows.record import Record, ring
from tests.synthetic.windows.truth import Hex, HiveTruth, ValueTruth

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.objects import Objects, Thing
    from tests.synthetic.windows.process import Process
    from tests.synthetic.windows.space import Space

PAGE = 4096
VOLATILE = 0x8000_0000
NOTHING = 0xFFFF_FFFF
BIG = 0x3FD8
"""Bytes of a piece of a value that is too large for one cell."""

Values = dict[str, ValueTruth]


class Cells:
    """One bin of cells: of the stable or the volatile part of a hive."""

    def __init__(self, mark: int) -> None:
        self.mark = mark
        self.data = bytearray(0x20)

    def add(self, content: bytes) -> int:
        """Add a cell and return its index."""
        size = -(-(len(content) + 4) // 8) * 8
        index = len(self.data) | self.mark
        self.data += struct.pack("<i", -size) + content.ljust(size - 4, b"\0")
        return index

    def patch(self, index: int, offset: int, content: bytes) -> None:
        """Write into a cell that is there."""
        at = (index & ~VOLATILE) + 4 + offset
        self.data[at : at + len(content)] = content

    def bin(self) -> bytes:
        """Return the whole bin, with its header, up to a full page."""
        size = -(-len(self.data) // PAGE) * PAGE
        head = struct.pack("<4sIIQQI", b"hbin", 0, size, 0, 0, 0)
        rest = size - len(self.data)
        free = struct.pack("<i", rest) if rest >= 4 else b""
        return (head + bytes(self.data[len(head) :]) + free).ljust(size, b"\0")


class HiveCells:
    """Writes keys and values into cells."""

    def __init__(self, keys: Mapping[str, Values], volatile: Collection[str], time: int) -> None:
        self.parts = (Cells(0), Cells(VOLATILE))
        self.keys = keys
        self.volatile = volatile
        self.time = time
        self.indexes: dict[str, int] = {}
        self.root = self._key("", NOTHING)

    def _key(self, path: str, parent: int) -> int:
        cells = self.parts[path in self.volatile]
        name = (path.rpartition("\\")[2] or "ROOT").encode("latin-1")
        flags = 0x2C if not path else 0x20
        head = struct.pack("<2sHQII", b"nk", flags, self.time, 0, parent)
        body = head.ljust(0x48, b"\0") + struct.pack("<HH", len(name), 0) + name
        index = self.indexes[path] = cells.add(body)
        cells.patch(index, 0x1C, struct.pack("<II", NOTHING, NOTHING))
        cells.patch(index, 0x28, struct.pack("<III", NOTHING, NOTHING, NOTHING))
        self._values(cells, index, self.keys[path])
        self._children(cells, index, path)
        return index

    def _children(self, cells: Cells, index: int, path: str) -> None:
        start = path + "\\" if path else ""
        below = [
            key
            for key in self.keys
            if key and key.startswith(start) and "\\" not in key[len(start) :]
        ]
        for part, own in enumerate(self.parts):
            inside = sorted(key for key in below if (key in self.volatile) == bool(part))
            if not inside:
                continue
            places = [(self._key(key, index), _hash(key[len(start) :])) for key in inside]
            pairs = b"".join(struct.pack("<II", *pair) for pair in places)
            listed = own.add(struct.pack("<2sH", b"lh", len(inside)) + pairs)
            cells.patch(index, 0x14 + 4 * part, struct.pack("<I", len(inside)))
            cells.patch(index, 0x1C + 4 * part, struct.pack("<I", listed))

    def _values(self, cells: Cells, index: int, values: Values) -> None:
        if not values:
            return
        places = [self._value(cells, name, value) for name, value in values.items()]
        listed = cells.add(struct.pack(f"<{len(places)}I", *places))
        cells.patch(index, 0x24, struct.pack("<II", len(places), listed))

    def _value(self, cells: Cells, name: str, value: ValueTruth) -> int:
        data, size = value.data, len(value.data)
        if size <= 4:  # in place of the index, which the highest bit of the size says
            place, size = int.from_bytes(data.ljust(4, b"\0"), "little"), size | VOLATILE
        elif size > BIG:
            pieces = [cells.add(data[at : at + BIG]) for at in range(0, size, BIG)]
            listed = cells.add(struct.pack(f"<{len(pieces)}I", *pieces))
            place = cells.add(struct.pack("<2sHI", b"db", len(pieces), listed))
        else:
            place = cells.add(data)
        title = name.encode("latin-1")
        head = struct.pack("<2sHIIIHH", b"vk", len(title), size, place, value.type, bool(title), 0)
        return cells.add(head + title)


def _hash(name: str) -> int:
    value = 0
    for character in name.upper():
        value = (value * 37 + ord(character)) & 0xFFFF_FFFF
    return value


@dataclass
class Mounted:
    """A hive that is mounted: its structure, its cells, and where their two bins lie."""

    record: Record
    cells: HiveCells
    space: Space
    bins: list[int]

    def place(self, key: str) -> int:
        """Return the address of a key's node (its signature, `nk`)."""
        index = self.cells.indexes[key]
        return self.bins[index >> 31] + (index & ~VOLATILE) + 4

    def spoil(self, key: str, offset: int, value: int) -> None:
        """Write a number of four bytes into a key's node."""
        self.space.write(self.place(key) + offset, struct.pack("<I", value))


class Registry:
    """Mounts hives."""

    def __init__(self, kernel: Kernel, objects: Objects) -> None:
        self.kernel = kernel
        self.objects = objects
        self.hives: list[Mounted] = []
        self.blocks: dict[str, Record] = {}
        self.next_view = 0x1A2_D000_0000
        """Where the next hive goes in the process Registry (since 17134)."""

    def hive(
        self,
        mount: str,
        keys: Mapping[str, Values],
        *,
        file: str | None = None,
        volatile: Collection[str] = (),
        process: Process | None = None,
    ) -> Mounted:
        """Mount a hive; `keys` by their paths below its root, '' for the root itself.

        `process`: Registry, whose memory holds the cells; None: the kernel's paged pool does.
        """
        kernel = self.kernel
        full = {"": {}, **keys}
        cells = HiveCells(full, volatile, filetime(kernel.options.boot))
        record = kernel.new("_CMHIVE", "CM10", is_paged=True)
        record["Hive.Signature"] = 0xBEE0_BEE0
        record.offer({"Hive.StorageTypeCount": 2, "Hive.Version": 5})
        base = self._base_block(cells.root)
        record["Hive.BaseBlock"] = base
        space = kernel.space if process is None else process.space
        mounted = Mounted(record, cells, space, [])
        for number, part in enumerate(cells.parts):
            if number == 0 or volatile:
                mounted.bins.append(self._map(record, number, part.bin(), process))
        names = {"FileUserName": file, "FileFullPath": file, "HiveRootPath": mount}
        for member, text in names.items():
            if text is not None and record.has(member):
                kernel.text(record, member, text)
        self.hives.append(mounted)
        kernel.truth.hives.append(HiveTruth(Hex(record.address), mount, file, dict(full)))
        return mounted

    def _base_block(self, root: int) -> int:
        base = self.kernel.paged.allocate(PAGE, "CM25")
        block = self.kernel.record("_HBASE_BLOCK", base)
        block.fill({"Signature": b"regf", "Major": 1, "Minor": 5, "RootCell": root})
        return base

    def _map(self, hive: Record, number: int, data: bytes, process: Process | None) -> int:
        """Place a bin and write the map to its pages, one table of 512; return its address."""
        kernel, storage = self.kernel, f"Hive.Storage[{number}]"
        address = self._place(data, process)
        table = kernel.record(
            "_HMAP_TABLE", kernel.paged.allocate(kernel.size("_HMAP_TABLE"), "CM")
        )
        hive.fill({f"{storage}.Length": len(data), f"{storage}.SmallDir": table.address})
        hive[f"{storage}.Map"] = hive.at(f"{storage}.SmallDir")
        size = kernel.size("_HMAP_ENTRY")
        for page in range(len(data) // PAGE):
            entry = kernel.record("_HMAP_ENTRY", table.address + page * size)
            if entry.has("PermanentBinAddress"):  # since 10
                entry.fill({"PermanentBinAddress": address | 8 | (page == 0)})
                entry["BlockOffset"] = page * PAGE
            else:
                entry.fill({"BlockAddress": address + page * PAGE})
                entry["BinAddress"] = address | (page == 0)
        return address

    def _place(self, data: bytes, process: Process | None) -> int:
        space: Space = self.kernel.space
        if process is None:
            address = self.kernel.paged.allocate(max(len(data), PAGE), "CM31")
        else:
            space, address = process.space, self.next_view
            space.map(address, len(data) // PAGE)
            self.next_view += -(-len(data) // 0x20_0000) * 0x20_0000
        space.write(address, data)
        return address

    def key(self, path: str) -> Thing:
        """Add an open key, by its path from \\REGISTRY on: `MACHINE\\SYSTEM\\Select`."""
        thing = self.objects.create("Key", "_CM_KEY_BODY")
        thing.record.fill({"Type": 0x6B79_3032, "KeyControlBlock": self._block(path).address})
        thing.display = path
        return thing

    def _block(self, path: str) -> Record:
        """Return the control block of a key, made with those above it."""
        if path not in self.blocks:
            parent = self._block(path.rpartition("\\")[0]).address if path else 0
            name = (path.rpartition("\\")[2] or "REGISTRY").encode()
            block = self.kernel.new("_CM_KEY_CONTROL_BLOCK", "CMkb", is_paged=True)
            struct_name = "_CM_NAME_CONTROL_BLOCK"
            title = self.kernel.new(struct_name, "CMNb", is_paged=True, more=len(name))
            title.offer({"Compressed": 1})
            title["NameLength"] = len(name)
            self.kernel.space.write(title.at("Name"), name)
            block.fill({"ParentKcb": parent, "NameBlock": title.address})
            if self.hives:
                block["KeyHive"] = self.hives[0].record.address
            self.blocks[path] = block
        return self.blocks[path]

    def finish(self) -> None:
        """Write the list of hives."""
        head = self.kernel.image.address("CmpHiveListHead", 2 * self.kernel.word)
        if head is not None:
            ring(self.kernel.space, head, [hive.record.at("HiveList") for hive in self.hives])
