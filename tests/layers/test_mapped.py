"""What a root maps: pages of each size, those that only a resolver finds, missing tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Reason
from memq.layers.mapped import mapped_pages
from memq.layers.paging import X86, X86_64, X86_PAE
from tests.synthetic.memory import PAGE, Memory, PageTables

if TYPE_CHECKING:
    from pathlib import Path

    from memq.column import Addresses, Statuses
    from memq.layers.paging import PagingMode

UPPER = (1 << 64) - (1 << 47)
IN_TRANSITION, PAGED_OUT = 0x800, 0x400


def resolver(
    entries: Addresses, vas: Addresses, roots: Addresses, shift: int
) -> tuple[Addresses, Statuses]:
    """Find pages in transition where their entries say; all others are in a page file."""
    assert shift == 12
    assert len(vas) == len(roots) == len(entries)
    status = np.where(entries & np.uint64(IN_TRANSITION) != 0, 0, Reason.PAGED_OUT)
    return entries & ~np.uint64(PAGE - 1), status.astype(np.uint8)


@pytest.mark.parametrize(
    ("mode", "start", "end", "large"),
    [
        (X86_64, UPPER, 1 << 64, 1 << 21),
        (X86_PAE, 1 << 31, 1 << 32, 1 << 21),
        (X86, 1 << 31, 1 << 32, 1 << 22),
    ],
    ids=["x64", "pae", "x86"],
)
def test_pages_of_each_size_are_given(
    tmp_path: Path, mode: PagingMode, start: int, end: int, large: int
) -> None:
    memory = Memory()
    tables = PageTables(memory, mode)
    place = memory.allocate()
    tables.map(start, place)
    tables.map(start + 2 * large, 4 * large, large)
    tables.map(0x40_0000, place)  # in the other half
    mapped = mapped_pages(memory.open(tmp_path), mode, tables.root, start, end)
    assert mapped.addresses.tolist() == [start + 2 * large, start]
    assert mapped.places.tolist() == [4 * large, place]
    assert mapped.shifts.tolist() == [large.bit_length() - 1, 12]
    assert mapped.is_whole


def test_pages_that_are_in_memory_without_being_present(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    present, in_transition = memory.allocate(), memory.allocate()
    tables.map(UPPER, present)
    tables.set(UPPER + PAGE, PAGE, in_transition | IN_TRANSITION)
    tables.set(UPPER + 2 * PAGE, PAGE, PAGED_OUT)
    tables.set(UPPER + 3 * PAGE, PAGE, 1 << 50 | IN_TRANSITION)  # behind all memory: a page file
    physical = memory.open(tmp_path)
    plain = mapped_pages(physical, X86_64, tables.root, UPPER, 1 << 64)
    assert plain.addresses.tolist() == [UPPER]
    found = mapped_pages(physical, X86_64, tables.root, UPPER, 1 << 64, resolver)
    assert found.addresses.tolist() == [UPPER, UPPER + PAGE]
    assert found.places.tolist() == [present, in_transition]


def test_a_table_that_is_missing_is_told(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    tables.map(UPPER, memory.allocate())
    tables.set(UPPER + (1 << 30), 1 << 30, 1 << 40 | 1)
    mapped = mapped_pages(memory.open(tmp_path), X86_64, tables.root, UPPER, 1 << 64)
    assert mapped.addresses.tolist() == [UPPER]
    assert not mapped.is_whole
