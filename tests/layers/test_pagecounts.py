"""Pages counted by ranges, held to a walk for each page; and tables that lie."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Reason
from memq.layers.pagecounts import PageCounts, Ranges, count_pages
from memq.layers.paging import X86, X86_64, X86_64_LA57, X86_PAE, PagingMode
from tests.synthetic.memory import PAGE, Memory, PageTables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory

MODES = [X86, X86_PAE, X86_64, X86_64_LA57]
WRITE, NO_EXECUTE = 1 << 1, 1 << 63
MOVING, PROTOTYPE = 1 << 11, 1 << 10
ABSENT = MOVING | PROTOTYPE, MOVING
MB2 = 1 << 21


def asked() -> None:
    """Nobody wants to stop."""


def counted(
    physical: PhysicalMemory,
    mode: PagingMode,
    roots: Sequence[int],
    ranges: Sequence[tuple[int, int, int]],
) -> PageCounts:
    """Count the pages of (owner, first, last)."""
    owner, first, last = (np.array(column) for column in zip(*ranges, strict=True))
    table = Ranges(
        np.array(roots, np.uint64),
        owner.astype(np.int64),
        first.astype(np.uint64),
        last.astype(np.uint64),
    )
    return count_pages(physical, mode, table, ABSENT, asked)


def rows(counts: PageCounts) -> list[tuple[int, int, int, int] | Reason]:
    columns = counts.present, counts.writable, counts.executable, counts.absent
    known = zip(*(column.tolist() for column in columns), strict=True)
    reasons = counts.status.tolist()
    return [Reason(code) if code else row for row, code in zip(known, reasons, strict=True)]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_counts_are_those_of_each_page(tmp_path: Path, mode: PagingMode) -> None:
    chance = random.Random(3)
    memory = Memory()
    spaces = [PageTables(memory, mode) for _ in range(3)]
    can_forbid = mode.entry_size == 8
    ranges, expected = [], []
    for owner, tables in enumerate(spaces):
        page = 16
        for _ in range(40):
            page += chance.choice([0, 1, 700, 5000])
            length = chance.choice([1, 3, 600])
            found = [0, 0, 0, 0]
            for number in range(page, page + length):
                kind = chance.randrange(8)
                if kind > 3:
                    continue
                flags = chance.choice([0, WRITE]) | chance.choice([0, NO_EXECUTE * can_forbid])
                if kind == 0:
                    tables.set(number * PAGE, PAGE, 0x5000 | chance.choice([0, PROTOTYPE]) | MOVING)
                    entry = tables.place(number * PAGE)
                    found[3] += not memory.read(entry, 2)[1] & PROTOTYPE >> 8
                else:
                    tables.map(number * PAGE, 0x5000, PAGE, flags)
                    found[0] += 1
                    found[1] += bool(flags & WRITE)
                    found[2] += not flags & NO_EXECUTE
            ranges.append((owner, page, page + length - 1))
            expected.append(tuple(found))
            page += length
    allow_writing(memory, mode, spaces)
    with memory.open(tmp_path) as physical:
        roots = [tables.root for tables in spaces]
        assert rows(counted(physical, mode, roots, ranges)) == expected


def allow_writing(memory: Memory, mode: PagingMode, spaces: Sequence[PageTables]) -> None:
    """Let all that leads to tables, or is a large page, be written (a PAE root has no such bit)."""
    for tables in spaces:
        level = [tables.root & mode.root_mask]
        for depth, bits in enumerate([each.bits for each in mode.levels[:-1]]):
            below = []
            for table in level:
                for index in range(1 << bits):
                    place = table + index * mode.entry_size
                    entry = int.from_bytes(memory.read(place, mode.entry_size), "little")
                    if entry & 1:
                        below.append(entry & mode.address_mask)
                        if depth or bits > 2:
                            data = (entry | WRITE).to_bytes(mode.entry_size, "little")
                            memory.write(place, data)
            level = below


def test_rights_are_those_of_all_levels(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    tables.map(0x1000, 0x5000, PAGE, WRITE)
    tables.map(MB2 + 0x1000, 0x5000, PAGE, WRITE)
    allow_writing(memory, X86_64, [tables])
    place = tables.place(MB2, MB2)
    entry = int.from_bytes(memory.read(place, 8), "little")
    memory.write(place, (entry & ~WRITE | NO_EXECUTE).to_bytes(8, "little"))
    with memory.open(tmp_path) as physical:
        counts = counted(physical, X86_64, [tables.root], [(0, 0, 511), (0, 512, 1023)])
    assert rows(counts) == [(1, 1, 1, 0), (1, 0, 0, 0)]


def test_a_large_page_may_lie_in_several_ranges(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    tables.map(MB2, 0x4000_0000, MB2, WRITE)
    tables.map(1 << 30, 0x8000_0000, 1 << 30, NO_EXECUTE)
    allow_writing(memory, X86_64, [tables])
    ranges = [(0, 500, 519), (0, 530, 530), (0, 1000, 1 << 18), (0, 1 << 30, 1 << 35)]
    with memory.open(tmp_path) as physical:
        found = rows(counted(physical, X86_64, [tables.root], ranges))
    assert found == [(8, 8, 8, 0), (1, 1, 1, 0), (25, 25, 24, 0), (0, 0, 0, 0)]


def test_a_table_that_is_missing_makes_its_ranges_unknown(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    for at in range(4):
        tables.map(at * MB2, 0x5000)
    memory.remove(tables.place(MB2) & -PAGE, PAGE)
    ranges = [(0, 0, 511), (0, 512, 513), (0, 600, 1024), (0, 1025, 1030), (0, 1536, 1540)]
    with memory.open(tmp_path) as physical:
        found = rows(counted(physical, X86_64, [tables.root, 0x7F00_0000], [*ranges, (1, 1, 9)]))
    missing = Reason.NOT_IN_DUMP
    assert found == [(1, 0, 1, 0), missing, missing, (0, 0, 0, 0), (1, 0, 1, 0), missing]


def test_tables_that_lead_to_themselves_end(tmp_path: Path) -> None:
    memory = Memory()
    root = memory.allocate()
    memory.write(root, (root | WRITE | 1).to_bytes(8, "little") * 512)
    with memory.open(tmp_path) as physical:
        everything = counted(physical, X86_64, [root], [(0, 0, (1 << 35) - 1)])
        little = counted(physical, X86_64, [root], [(0, 5, 7)])
    assert rows(everything) == [Reason.LIMIT]
    assert rows(little) in ([(3, 3, 3, 0)], [Reason.LIMIT])


def test_ranges_that_cannot_be_are_malformed(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    tables.map(0x5000, 0x5000)
    tables.map(MB2, 0x4000_0000, MB2)
    ranges = [(0, 0, 2000), (0, 4, 6), (0, 600, 700), (0, 3000, 2999), (0, 1 << 51, 1 << 52)]
    with memory.open(tmp_path) as physical:
        found = rows(counted(physical, X86_64, [tables.root], ranges))
    assert found == [*[Reason.MALFORMED] * 4, (0, 0, 0, 0)]


def test_nothing_is_asked_of_nothing(tmp_path: Path) -> None:
    memory = Memory()
    memory.allocate()
    with memory.open(tmp_path) as physical:
        none = np.zeros(0, np.uint64)
        table = Ranges(none, np.zeros(0, np.int64), none, none)
        assert rows(count_pages(physical, X86_64, table, ABSENT, asked)) == []
