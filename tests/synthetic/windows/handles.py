"""Handle tables of each era, of one to three levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows.record import Record, ring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.synthetic.windows.kernel import Kernel

PAGE = 4096
STEP = 4
"""Handles count by four."""


class HandleTable:
    """A handle table: handle to (address, granted access)."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.record = kernel.new("_HANDLE_TABLE", "Obtb", is_paged=True)
        self.entries: dict[int, Record] = {}
        """The entry of each handle, once the table is written."""
        self.entry_size = kernel.size("_HANDLE_TABLE_ENTRY")
        self.per_page = PAGE // self.entry_size

    def write(self, targets: Mapping[int, tuple[int, int]], level: int | None = None) -> int:
        """Write all entries; return the level, the least that does unless it is given."""
        pages = {handle // STEP // self.per_page for handle in targets} | {0}
        pointers = PAGE // self.kernel.word
        least = 0 if max(pages) == 0 else 1 if max(pages) < pointers else 2
        level = least if level is None else level
        leaves = {page: self._page() for page in sorted(pages)}
        for handle, (address, access) in targets.items():
            page, index = divmod(handle // STEP, self.per_page)
            place = leaves[page] + index * self.entry_size
            entry = self.kernel.record("_HANDLE_TABLE_ENTRY", place)
            write_entry(entry, address, access)
            self.entries[handle] = entry
        self._write_levels(leaves, level)
        self._write_counts(len(targets), (max(leaves) + 1) * self.per_page * STEP)
        return level

    def _write_levels(self, leaves: dict[int, int], level: int) -> None:
        tables = leaves
        for _ in range(level):
            tables = self._level_above(tables)
        self.record["TableCode"] = tables[0] | level

    def _level_above(self, tables: dict[int, int]) -> dict[int, int]:
        per_page = PAGE // self.kernel.word
        above: dict[int, int] = {}
        for number, address in tables.items():
            table = above.setdefault(number // per_page, 0) or self._page()
            above[number // per_page] = table
            place = table + number % per_page * self.kernel.word
            self.kernel.space.pointer(place, address)
        return above

    def _write_counts(self, count: int, limit: int) -> None:
        self.record.offer(
            {
                "HandleCount": count,
                "FreeLists[0].HandleCount": count,  # since 8
                "NextHandleNeedingPool": limit,
            }
        )

    def _page(self) -> int:
        return self.kernel.paged.allocate(PAGE, "Obtb")


def write_entry(entry: Record, address: int, access: int) -> None:
    """Write what a handle leads to: an object's header, or in PspCidTable its body."""
    if entry.has("ObjectPointerBits"):  # since 8, x64
        entry.fill({"Unlocked": 1, "RefCnt": 0x7FFF, "ObjectPointerBits": address >> 4})
    else:
        entry["Object|InfoTable"] = address | 1
    entry["GrantedAccessBits|GrantedAccess"] = access


def link_tables(kernel: Kernel, tables: list[HandleTable]) -> None:
    """Write the kernel's list of handle tables; its head may be a variable without a name."""
    links = [table.record.at("HandleTableList") for table in tables]
    head = kernel.image.address("HandleTableListHead", 2 * kernel.word)
    if head is None:
        head = kernel.paged.allocate(2 * kernel.word, "Obtb")
    ring(kernel.space, head, links)
