"""arm64: the kernel's half goes through one root, the lower half through each process's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.layers.paging import ARM64
from memq.layers.space import AddressSpace
from tests.synthetic.memory import PAGE, Memory, PageTables

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = 0xFFFF_8000_1234_5000
USER = 0x7FF6_1234_5000


def test_each_half_has_its_root(tmp_path: Path) -> None:
    memory = Memory()
    kernel, own, other = (PageTables(memory, ARM64) for _ in range(3))
    pages = [memory.allocate() for _ in range(4)]
    for number, page in enumerate(pages):
        memory.write(page, bytes([number]) * PAGE)
    kernel.map(KERNEL, pages[0])
    own.map(USER, pages[1])
    other.map(USER, pages[2])
    own.map(KERNEL, pages[3])  # TTBR0 has nothing to say of this half
    with memory.open(tmp_path) as physical:
        space = AddressSpace(physical, ARM64, own.root, kernel_root=kernel.root)
        assert space.read(KERNEL, 1) == b"\0"
        assert space.read(USER, 1) == b"\1"
        assert space.translate(KERNEL + PAGE) is Reason.PAGED_OUT
        for times in (1, 100):  # few are walked one by one
            vas = np.array([KERNEL, USER, KERNEL + PAGE] * times, np.uint64)
            data, status = space.gather(vas, 1)
            assert data[:, 0].tolist() == [0, 1, 0] * times
            assert status.tolist() == [0, 0, Reason.PAGED_OUT] * times
            roots = np.full(len(vas), other.root, np.uint64)
            data, status = space.gather(vas, 1, roots)
            assert data[:, 0].tolist() == [0, 2, 0] * times
            assert status.tolist() == [0, 0, Reason.PAGED_OUT] * times


def test_without_a_second_root_there_is_one(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, ARM64)
    tables.map(KERNEL, memory.allocate())
    with memory.open(tmp_path) as physical:
        assert AddressSpace(physical, ARM64, tables.root).read(KERNEL, 4) == bytes(4)
