"""Virtual memory of the kernel and of processes, and the pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows.record import Record
from tests.synthetic.windows.tables import NO_EXECUTE, PAGE, PRESENT_WRITE, USER, PageTables

if TYPE_CHECKING:
    from memq.layers.paging import PagingMode
    from memq.symbols.types import StructType
    from tests.synthetic.memory import Memory


class Space:
    """Virtual memory: its page tables, and where each page of it lies."""

    def __init__(self, memory: Memory, mode: PagingMode) -> None:
        self.memory = memory
        self.mode = mode
        self.word = mode.word_size
        self.tables = PageTables(memory, mode)
        self.places: dict[int, int] = {}
        """Virtual page number to physical address."""

    def map(self, va: int, pages: int = 1, *, is_code: bool = False) -> None:
        """Map fresh pages, where none are yet."""
        for number in range(va // PAGE, va // PAGE + pages):
            if number not in self.places:
                self.point(number * PAGE, self.memory.allocate(), is_code=is_code)

    def point(self, va: int, pa: int, *, is_code: bool = False) -> None:
        """Map one page to a physical address."""
        user = USER if va < self.mode.kernel_start else 0
        guard = 0 if is_code or self.mode.entry_size == 4 else NO_EXECUTE
        self.tables.set(va, pa | PRESENT_WRITE | user | guard)
        self.places[va // PAGE] = pa

    def physical(self, va: int) -> int:
        """Return where an address lies; KeyError if it is not mapped."""
        return self.places[va // PAGE] + va % PAGE

    def write(self, va: int, data: bytes) -> None:
        """Write bytes to mapped pages, also over their edges."""
        while data:
            piece = data[: PAGE - va % PAGE]
            self.memory.write(self.physical(va), piece)
            va, data = va + len(piece), data[len(piece) :]

    def read(self, va: int, size: int) -> bytes:
        """Return what is there."""
        found = b""
        while size > 0:
            count = min(size, PAGE - va % PAGE)
            found += self.memory.read(self.physical(va), count)
            va, size = va + count, size - count
        return found

    def put(self, va: int, data: bytes) -> None:
        """Write bytes, with pages made where there are none."""
        self.map(va, (va % PAGE + len(data) + PAGE - 1) // PAGE)
        self.write(va, data)

    def pointer(self, va: int, *values: int) -> None:
        """Write pointers, one after the other."""
        self.write(va, b"".join(value.to_bytes(self.word, "little") for value in values))


class Pool:
    """A pool: blocks with headers, none over the edge of a page; large ones whole pages."""

    def __init__(self, space: Space, base: int, header: StructType, *, in_use: int) -> None:
        self.space = space
        self.header = header
        self.next = base
        self.pool_type = in_use
        """PoolType of a block in use, which says of which pool it is; 0 is one of a free block."""
        self.unit = 2 * space.word
        self.previous = 0
        self.big: list[tuple[int, bytes, int]] = []
        """Address, tag and size of allocations that are whole pages."""

    def allocate(self, size: int, tag: str, *, is_free: bool = False) -> int:
        """Return the address of a block of zeros, its header before it."""
        head = self.header.size
        total = -(-(size + head) // self.unit) * self.unit
        if total > PAGE:
            return self._allocate_pages(size, tag)
        if self.next % PAGE + total > PAGE or self.next % PAGE == 0:
            self.next = -(-self.next // PAGE) * PAGE
            self.previous = 0
        self.space.map(self.next)
        record = Record(self.space, self.next, self.header)
        record.fill(
            {
                "PreviousSize": self.previous // self.unit,
                "BlockSize": total // self.unit,
                "PoolType": 0 if is_free else self.pool_type,
                "PoolTag": tag.encode("latin-1"),
            }
        )
        address = self.next + head
        self.next, self.previous = self.next + total, total
        return address

    def _allocate_pages(self, size: int, tag: str) -> int:
        self.next = -(-self.next // PAGE) * PAGE
        address, pages = self.next, -(-size // PAGE)
        self.space.map(address, pages)
        self.next += pages * PAGE
        self.previous = 0
        self.big.append((address, tag.encode("latin-1"), pages * PAGE))
        return address
