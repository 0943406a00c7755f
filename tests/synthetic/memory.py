"""Builds small memories: page tables, structures, lists, strings, holes.

    kernel = VirtualMemory()                       # or VirtualMemory(X86_64_LA57): five levels
    node = Layout(24, {"link": (0, 16), "pid": (16, 4)})
    head = kernel.allocate(16)
    nodes = [kernel.struct(node, pid=pid) for pid in (1, 2, 3)]
    kernel.ring(head, nodes)                       # list_head: next, prev
    kernel.map(0xFFFFC90000000000, 3)              # three pages that are not neighbours physically
    kernel.write(0xFFFFC90000000FF0, b"over the edge of a page")
    kernel.remove(nodes[1], 4096)                  # its page is not in the dump
    space = kernel.open(tmp_path)

`allocate` and what builds on it give addresses in a direct map, as the kernel's own allocator does;
`open` writes a LiME file and opens that, so that holes are real. `Memory` and `PageTables` are the
two halves of it, for tests of paging itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from memq.layers.opening import open_physical
from memq.layers.paging import X86_64, PagingMode
from memq.layers.space import AddressSpace, DirectWindow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory

PAGE = 4096


class Memory:
    """Physical memory: pages that were written or allocated are there, all else is a hole."""

    def __init__(self, first: int = 0x10_0000) -> None:
        """`first` is the physical address of what is allocated first."""
        self.pages: dict[int, bytearray] = {}
        self.holes: list[tuple[int, int]] = []
        self.next = first

    def allocate(self, size: int = PAGE, align: int = PAGE) -> int:
        """Return the address of memory that nothing else has; it holds zeros."""
        address = self.next = -(-self.next // align) * align
        self.next += size
        self.write(address, bytes(size))
        return address

    def write(self, address: int, data: bytes) -> None:
        """Write bytes; the pages are there from then on."""
        while data:
            number, offset = divmod(address, PAGE)
            piece = data[: PAGE - offset]
            page = self.pages.setdefault(number, bytearray(PAGE))
            page[offset : offset + len(piece)] = piece
            address, data = address + len(piece), data[len(piece) :]

    def read(self, address: int, size: int) -> bytes:
        """Return what was written, holes or not; zero where nothing was."""
        found = bytearray()
        for number in range(address // PAGE, (address + size - 1) // PAGE + 1):
            found += self.pages.get(number, bytes(PAGE))
        return bytes(found[address % PAGE :][:size])

    def remove(self, address: int, size: int) -> None:
        """Make a hole, to the byte: what was there is not in the dump."""
        self.holes.append((address, address + size))

    def extents(self) -> list[tuple[int, int]]:
        """Return what is there as [start, end), sorted."""
        kept: list[tuple[int, int]] = []
        for number in sorted(self.pages):
            start, end = number * PAGE, (number + 1) * PAGE
            if kept and kept[-1][1] == start:
                start = kept.pop()[0]
            kept.append((start, end))
        for hole in self.holes:
            kept = [part for extent in kept for part in _without(extent, hole)]
        return kept

    def save_lime(self, path: Path) -> None:
        """Write a LiME file."""
        with path.open("wb") as file:
            for start, end in self.extents():
                file.write(struct.pack("<4sIQQ8x", b"EMiL", 1, start, end - 1))
                file.write(self.read(start, end - start))

    def save_raw(self, path: Path) -> None:
        """Write a raw file, in which holes are zeros."""
        with path.open("wb") as file:
            for start, end in self.extents():
                file.seek(start)
                file.write(self.read(start, end - start))

    def open(self, folder: Path, name: str = "synthetic.lime") -> PhysicalMemory:
        """Write a LiME file into the folder and open it."""
        self.save_lime(folder / name)
        return open_physical(folder / name)


class PageTables:
    """Page tables of any mode, made as they are needed."""

    def __init__(self, memory: Memory, mode: PagingMode, root: int | None = None) -> None:
        """`root`: tables that are there already; None allocates an empty root."""
        self.memory = memory
        self.mode = mode
        self.root = self._table(mode.levels[0].bits) if root is None else root

    def map(self, va: int, pa: int, size: int = PAGE, flags: int = 0) -> None:
        """Map a page of a size that a level of the mode has."""
        level = next(level for level in self.mode.levels if 1 << level.shift == size)
        self.set(va, size, pa | flags | level.present | level.leaf_value)

    def set(self, va: int, size: int, entry: int) -> None:
        """Set the entry of the level that has pages of this size: any number."""
        self.memory.write(self.place(va, size), entry.to_bytes(self.mode.entry_size, "little"))

    def place(self, va: int, size: int = PAGE) -> int:
        """Return the physical address of that entry, with tables made on the way down to it."""
        table = self.root & self.mode.root_mask
        for level, below in zip(self.mode.levels, (*self.mode.levels[1:], None), strict=True):
            index = va >> level.shift & (1 << level.bits) - 1
            place = table + index * self.mode.entry_size
            if 1 << level.shift == size or below is None:
                return place
            entry = int.from_bytes(self.memory.read(place, self.mode.entry_size), "little")
            if entry & level.present != level.present:
                entry = self._table(below.bits) | level.present
                entry |= level.leaf_mask & ~level.leaf_value  # arm64: a table has bit 1
                self.memory.write(place, entry.to_bytes(self.mode.entry_size, "little"))
            table = entry & self.mode.address_mask
        raise ValueError(f"{self.mode.name} has no pages of {size:#x} bytes")

    def _table(self, bits: int) -> int:
        return self.memory.allocate(self.mode.entry_size << bits)


class Place(Protocol):
    """Where a member is."""

    @property
    def offset(self) -> int:
        """Bytes from the structure's start."""

    @property
    def size(self) -> int:
        """Bytes."""


class StructLayout(Protocol):
    """What a structure is written by; a StructType of memq.symbols serves."""

    @property
    def size(self) -> int:
        """Bytes of the whole."""

    def find(self, path: str) -> Place | None:
        """Return where a member is."""


@dataclass(frozen=True)
class _Member:
    offset: int
    size: int


@dataclass(frozen=True)
class Layout:
    """A structure's size and its members as (offset, size)."""

    size: int
    members: Mapping[str, tuple[int, int]]

    def find(self, path: str) -> _Member | None:
        """Return where a member is."""
        return _Member(*self.members[path]) if path in self.members else None


class VirtualMemory:
    """Memory with page tables, a direct map at `base`, and pages mapped elsewhere."""

    def __init__(self, mode: PagingMode = X86_64, base: int | None = None) -> None:
        self.memory = Memory()
        self.mode = mode
        self.tables = PageTables(self.memory, mode)
        if base is None:
            base = 0xFF11_0000_0000_0000 if mode.sign_bit == 56 else 0xFFFF_8880_0000_0000
        self.base = base
        self.places: dict[int, int] = {}
        """Pages mapped outside the direct map: virtual page number to physical address."""

    def allocate(self, size: int, align: int = 8) -> int:
        """Return the direct map's address of memory that nothing else has."""
        return self.base + self.memory.allocate(size, align)

    def map(self, va: int, pages: int = 1) -> None:
        """Map fresh pages at a virtual address, no two of them neighbours in physical memory."""
        for page in range(pages):
            self.memory.next += PAGE
            self.point(va + page * PAGE, self.memory.allocate())

    def point(self, va: int, pa: int) -> None:
        """Map one page to a physical address."""
        self.tables.map(va, pa)
        self.places[va // PAGE] = pa

    def physical(self, va: int) -> int:
        """Return where an address lies."""
        page = self.places.get(va // PAGE)
        return va - self.base if page is None else page + va % PAGE

    def write(self, va: int, data: bytes) -> None:
        """Write bytes, also over the edges of pages."""
        while data:
            piece = data[: PAGE - va % PAGE]
            self.memory.write(self.physical(va), piece)
            va, data = va + len(piece), data[len(piece) :]

    def remove(self, va: int, size: int) -> None:
        """Take the bytes (of one page, unless it is the direct map) out of the dump."""
        self.memory.remove(self.physical(va), size)

    def u64(self, va: int, *numbers: int) -> None:
        """Write numbers of 8 bytes, one after the other."""
        self.write(va, b"".join(number.to_bytes(8, "little") for number in numbers))

    def string(self, text: str | bytes) -> int:
        """Return the address of a string that ends with NUL."""
        data = (text.encode() if isinstance(text, str) else text) + b"\0"
        va = self.allocate(len(data), 1)
        self.write(va, data)
        return va

    def struct(self, layout: StructLayout, **members: int | bytes) -> int:
        """Return the address of a new structure; `fill` also takes members of members ("a.b")."""
        va = self.allocate(layout.size, 64)
        self.fill(va, layout, members)
        return va

    def fill(self, va: int, layout: StructLayout, members: Mapping[str, int | bytes]) -> None:
        """Write members of the structure at an address: numbers, or bytes cut to the member."""
        for path, value in members.items():
            member = layout.find(path)
            if member is None:
                raise KeyError(path)
            self.write(va + member.offset, _packed(value, member.size))

    def ring(self, head: int, links: Sequence[int]) -> None:
        """Write a list_head and the links in the structures as one ring: next, then prev."""
        for at, following in _neighbours([head, *links]):
            self.u64(at, following)
            self.u64(following + 8, at)

    def open(self, folder: Path, *, is_direct: bool = True) -> AddressSpace:
        """Write the dump and open it; without `is_direct` there is no window, nor a direct map."""
        physical = self.memory.open(folder)
        windows = [DirectWindow(self.base, self.base + physical.limit, 0)] if is_direct else []
        return AddressSpace(physical, self.mode, self.tables.root, windows)


def _packed(value: int | bytes, size: int) -> bytes:
    if isinstance(value, int):
        return (value % (1 << 8 * size)).to_bytes(size, "little")
    return value[:size]


def _without(extent: tuple[int, int], hole: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield what a hole leaves of an extent."""
    (start, end), (low, high) = extent, hole
    for part in ((start, min(end, low)), (max(start, high), end)):
        if part[0] < part[1]:
            yield part


def _neighbours(ring: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(ring, [*ring[1:], ring[0]], strict=True)
