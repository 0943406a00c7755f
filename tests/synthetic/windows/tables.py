"""Page tables as Windows has them: with a reference to themselves, and one kernel half for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.layers.paging import X86_64, Level, PagingMode

if TYPE_CHECKING:
    from tests.synthetic.memory import Memory

PAGE = 4096
PRESENT_WRITE = 0x63
"""Present, writable, accessed, dirty."""
USER = 0x04
LARGE = 0x80
NO_EXECUTE = 1 << 63

_PRESENT, _LARGE = 1, 1 << 7
_4_KB = Level(shift=12, bits=9, present=_PRESENT, leaf_mask=0, leaf_value=0)
X86 = PagingMode(
    name="x86",
    levels=(
        Level(shift=22, bits=10, present=_PRESENT, leaf_mask=_LARGE, leaf_value=_LARGE),
        Level(shift=12, bits=10, present=_PRESENT, leaf_mask=0, leaf_value=0),
    ),
    entry_size=4,
    address_mask=0xFFFFF000,
    root_mask=0xFFFFF000,
    sign_bit=32,
    upper_half=False,
    word_size=4,
    kernel_start=0x8000_0000,
)
X86_PAE = PagingMode(
    name="x86 with PAE",
    levels=(
        Level(shift=30, bits=2, present=_PRESENT, leaf_mask=0, leaf_value=1),
        Level(shift=21, bits=9, present=_PRESENT, leaf_mask=_LARGE, leaf_value=_LARGE),
        _4_KB,
    ),
    entry_size=8,
    address_mask=(1 << 52) - (1 << 12),
    root_mask=0xFFFFFFE0,
    sign_bit=32,
    upper_half=False,
    word_size=4,
    kernel_start=0x8000_0000,
)
MODES = {"x64": X86_64, "x86": X86, "pae": X86_PAE}
"""By the names that `Options.paging` takes."""


class PageTables:
    """The tables below one root."""

    def __init__(self, memory: Memory, mode: PagingMode, root: int | None = None) -> None:
        self.memory = memory
        self.mode = mode
        self.root = memory.allocate() if root is None else root
        if mode is X86_PAE and root is None:
            for index in range(4):
                self.write(self.root + index * 8, memory.allocate() | _PRESENT)

    def read(self, place: int) -> int:
        """Return the entry at a physical address."""
        return int.from_bytes(self.memory.read(place, self.mode.entry_size), "little")

    def write(self, place: int, entry: int) -> None:
        """Write the entry at a physical address."""
        kept = entry & (1 << 8 * self.mode.entry_size) - 1
        self.memory.write(place, kept.to_bytes(self.mode.entry_size, "little"))

    def set(self, va: int, entry: int, size: int = PAGE) -> None:
        """Set the entry of a page of this size to any number."""
        self.write(self.place(va, size), entry)

    def place(self, va: int, size: int = PAGE) -> int:
        """Return where that entry is; the tables on the way down to it are made."""
        user = USER if va < self.mode.kernel_start else 0
        table = self.root & self.mode.root_mask
        for level in self.mode.levels:
            index = va >> level.shift & (1 << level.bits) - 1
            place = table + index * self.mode.entry_size
            if 1 << level.shift == size:
                return place
            entry = self.read(place)
            if not entry & _PRESENT:
                entry = self.memory.allocate() | PRESENT_WRITE | user
                self.write(place, entry)
            table = entry & self.mode.address_mask
        raise ValueError(f"{self.mode.name} has no pages of {size:#x} bytes")

    def refer_to_itself(self, index: int) -> None:
        """Make the entries by which Windows edits page tables; `index` is of x64's root."""
        if self.mode is X86_PAE:
            tables = [self.read(self.root + 8 * i) & self.mode.address_mask for i in range(4)]
            for number, table in enumerate(tables):
                self.write(tables[3] + number * 8, table | PRESENT_WRITE)
        else:
            index = 0x300 if self.mode is X86 else index
            self.write(self.root + index * self.mode.entry_size, self.root | PRESENT_WRITE)

    def share_kernel_half(self, other: PageTables) -> None:
        """Take over the upper half of other tables, as every process has it."""
        half = PAGE // 2
        if self.mode is X86_PAE:
            for index in (2, 3):
                here, there = (
                    tables.read(tables.root + index * 8) & self.mode.address_mask
                    for tables in (self, other)
                )
                self.memory.write(here, self.memory.read(there, PAGE))
        else:
            self.memory.write(self.root + half, self.memory.read(other.root + half, half))
