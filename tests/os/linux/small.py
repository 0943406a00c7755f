"""Kernels small enough to write by hand: C declarations, structures put at addresses, symbols.

Memory, page tables and all that reads them are the real ones; only the types are declared here and
the symbols are a dictionary. What is not put anywhere is not in the dump.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import numpy as np

from memq.layers.file import DumpFile
from memq.layers.paging import X86_64
from memq.layers.physical import Extent, PhysicalMemory
from memq.layers.space import AddressSpace, DirectWindow
from memq.run import Limits, Run
from memq.schema.batch import Context
from memq.symbols.structs import Structs
from memq.symbols.types import EnumType, Member, StructType, Type, Types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from memq.column import Addresses, Array, Statuses

BASE = 0xFFFF_8880_0000_0000
"""Where the kernel sees physical address 0."""
PAGE = 4096
PHYSICAL_LIMIT = 1 << 30

_DECLARATION = re.compile(r"struct (\w+) \{(.*?)\};", re.DOTALL)
_MEMBER = re.compile(r"(struct )?([\w ]+?)\s*(\**)\s*(\w+)((?:\[\d+\])*)")
_NUMBERS = {
    "char": (1, True), "short": (2, True), "int": (4, True), "long": (8, True),
    "unsigned char": (1, False), "unsigned short": (2, False), "unsigned int": (4, False),
    "unsigned long": (8, False),
}  # fmt: skip


class SmallTypes(Types):
    """Types declared as in C: structs of numbers, pointers, structs and arrays of these."""

    def __init__(self, source: str, constants: Mapping[str, int] | None = None) -> None:
        self.constants = dict(constants or {})
        self.layouts: dict[str, StructType] = {}
        for name, body in _DECLARATION.findall(source):
            self._declare(name, [line.strip() for line in body.split(";") if line.strip()])

    def struct(self, name: str) -> StructType | None:
        return self.layouts.get(name)

    def enum(self, name: str) -> EnumType | None:
        return None

    def enumerator(self, name: str) -> int | None:
        return self.constants.get(name)

    def names(self) -> Iterable[str]:
        return sorted(self.layouts)

    def _declare(self, name: str, lines: list[str]) -> None:
        members: dict[str, Member] = {}
        end = 0
        for line in lines:
            match = _MEMBER.fullmatch(line)
            if match is None:
                raise ValueError(line)
            type_ = self._type(bool(match[1]), match[2].strip(), len(match[3]), match[5])
            element = type_
            while element.kind == "array" and (inner := element.target()) is not None:
                element = inner
            alignment = min(element.size, 8) if element.kind != "struct" else 8
            end = -(-end // alignment) * alignment
            members[match[4]] = Member(match[4], end, type_)
            end += type_.size
        self.layouts[name] = StructType(name, "struct", -(-end // 8) * 8, members)

    def _type(self, is_struct: bool, name: str, stars: int, counts: str) -> Type:
        made = self._plain(is_struct, name, stars)
        for count in reversed(re.findall(r"\d+", counts)):
            element = made
            made = Type(
                "array", size=element.size * int(count), count=int(count),
                target_link=lambda element=element: element,  # type: ignore[misc]
            )  # fmt: skip
        return made

    def _plain(self, is_struct: bool, name: str, stars: int) -> Type:
        target = Type("void")
        if is_struct:
            size = self.layouts[name].size if name in self.layouts else 0
            target = Type("struct", name, size, layout_link=lambda: self.layouts.get(name))
        elif name != "void":
            size, signed = _NUMBERS[name]
            target = Type("char" if name == "char" else "int", name, size, signed)
        return Type("pointer", size=8, target_link=lambda: target) if stars else target


class SmallSymbols:
    """Symbols by name, and the other way round."""

    def __init__(self, table: Mapping[str, int]) -> None:
        self.table = dict(table)

    def symbols_at(self, addresses: Addresses) -> list[tuple[str, int] | None]:
        names = sorted((place, name) for name, place in self.table.items())
        places = [place for place, _ in names]
        found: list[tuple[str, int] | None] = []
        for address in addresses.tolist():
            at = bisect_right(places, address) - 1
            first = bisect_left(places, places[at]) if at >= 0 else 0
            found.append((names[first][1], address - places[first]) if at >= 0 else None)
        return found

    def names_at(self, address: int) -> list[str]:
        return sorted(name for name, place in self.table.items() if place == address)

    def after(self, address: int) -> int | None:
        return min((place for place in self.table.values() if place > address), default=None)


class SmallKernel:
    """A kernel under construction; `open_` makes a dump of what was put, and reads from that."""

    def __init__(self, types: SmallTypes, folder: Path) -> None:
        self.types = types
        self.folder = folder
        self.pages: dict[int, bytearray] = {0: bytearray(PAGE)}
        self.table: dict[str, int] = {}
        self.facts: dict[str, object] = {}
        self.banner = "Linux version 6.1.0-small (nobody@nowhere)"
        self.mode, self.root, self.phys_base, self.kaslr_shift = X86_64, 0, 0, 0
        self.next_page = PHYSICAL_LIMIT // 2

    # Building

    def write(self, address: int, data: bytes) -> None:
        """Put bytes at an address of the kernel."""
        for i, byte in enumerate(data):
            place = address - BASE + i
            self.pages.setdefault(place // PAGE, bytearray(PAGE))[place % PAGE] = byte

    def put(
        self, struct: str, address: int, members: Mapping[str, int | bytes] | None = None
    ) -> int:
        """Put a structure, of which all but the members given is zero, and return its address."""
        layout = self.types.layouts[struct]
        self.write(address, bytes(layout.size))
        for path, value in (members or {}).items():
            self.set(struct, address, path, value)
        return address

    def set(self, struct: str, address: int, path: str, value: int | bytes) -> None:
        """Change one member of a structure."""
        member = self.types.layouts[struct].member(path)
        if isinstance(value, bytes):
            data = value.ljust(member.size, b"\0")[: member.size]
        else:
            data = (value & (1 << member.size * 8) - 1).to_bytes(member.size, "little")
        self.write(address + member.offset, data)

    def offset(self, struct: str, path: str) -> int:
        """Return where in its structure a member is."""
        return self.types.layouts[struct].offset(path)

    def text(self, address: int, text: str | bytes) -> int:
        """Put a string with its NUL, and return its address."""
        self.write(address, (text.encode() if isinstance(text, str) else text) + b"\0")
        return address

    def chain(self, head: int, links: Iterable[int]) -> None:
        """Put the `next` pointers of a list: from the head over the links back to the head."""
        places = [head, *links]
        for place, following in zip(places, [*places[1:], head], strict=True):
            self.write(place, following.to_bytes(8, "little"))

    def map_user(self, root: int, address: int, data: bytes) -> None:
        """Put bytes at an address of a process whose top page table is at a physical address."""
        for start in range(address & -PAGE, address + len(data), PAGE):
            page = self._user_page(root, start)
            low, high = max(address, start), min(address + len(data), start + PAGE)
            self.write(BASE + page + low - start, data[low - address : high - address])

    def _user_page(self, root: int, address: int) -> int:
        table = root
        for shift in (39, 30, 21, 12):
            place = BASE + table + (address >> shift & 511) * 8
            entry = int.from_bytes(self._read(place, 8), "little")
            if not entry:
                self.next_page += PAGE
                self.write(BASE + self.next_page, bytes(PAGE))
                entry = self.next_page | 7
                self.write(place, entry.to_bytes(8, "little"))
            table = entry & ~0xFFF
        return table

    def _read(self, address: int, size: int) -> bytes:
        page, start = divmod(address - BASE, PAGE)
        return bytes(self.pages.get(page, bytearray(PAGE))[start : start + size])

    def lose(self, address: int) -> None:
        """Take the page that holds an address out of the dump."""
        self.pages.pop((address - BASE) // PAGE, None)

    # Reading

    def open_(self, limits: Limits | None = None) -> Context:
        """Write the dump, and return what batches of its objects are made with."""
        path = self.folder / "small.raw"
        numbers = sorted(self.pages)
        path.write_bytes(b"".join(self.pages[number] for number in numbers))
        extents = [Extent(n * PAGE, (n + 1) * PAGE, i * PAGE) for i, n in enumerate(numbers)]
        self.physical = PhysicalMemory(DumpFile(path), "raw", extents)
        window = DirectWindow(BASE, BASE + PHYSICAL_LIMIT, 0)
        self.space = AddressSpace(self.physical, self.mode, self.root, (window,))
        self.symbols = SmallSymbols(self.table)
        return Context(self, Run(limits=limits or Limits()))

    def structs(self, name: str, addresses: Addresses, status: Statuses | None = None) -> Structs:
        return Structs(self.space, self.types, self.types.struct(name), addresses, status)

    def symbol(self, name: str) -> int:
        return self.table[name]

    def optional(self, name: str) -> int | None:
        return self.table.get(name)

    @property
    def image(self) -> range:
        return range(self.table["_text"], self.table["_end"])


def addresses(*values: int) -> Array:
    """Return addresses as an array."""
    return np.array(values, np.uint64)
