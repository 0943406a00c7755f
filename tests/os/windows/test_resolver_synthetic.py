"""Entries that are not present, in memory made for it: each form, and what no kernel writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from memq.errors import Reason
from memq.layers.file import DumpFile
from memq.layers.paging import X86_64, PagingMode
from memq.layers.space import AddressSpace
from memq.os.windows.resolver import pte_resolver
from memq.symbols.btf import Btf
from tests.synthetic.btf import BtfBuilder
from tests.synthetic.memory import PAGE, Memory, PageTables

if TYPE_CHECKING:
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory
    from memq.os.windows.kernel import WindowsKernel

USER, POOL = 0x7FF6_0000_0000, 0xFFFF_D700_4000_0000
MASK = 1 << 45
PROTOTYPE, MOVING, KEPT, WRITTEN, RESERVED = 1 << 10, 1 << 11, 1 << 4, 1 << 2, 1 << 1
MASK_PLACE = 0xFFFF_F800_0000_0000


def types() -> Btf:
    c = BtfBuilder()
    c.struct(
        "_MMPTE_SOFTWARE",
        {
            "Valid": "u64 : 1", "PageFileReserved": "u64 : 1", "PageFileAllocated": "u64 : 1",
            "ColdPage": "u64 : 1", "SwizzleBit": "u64 : 1", "Protection": "u64 : 5",
            "Prototype": "u64 : 1", "Transition": "u64 : 1", "PageFileLow": "u64 : 4",
            "Unused": "u64 : 16", "PageFileHigh": "u64 : 32",
        },
    )  # fmt: skip
    c.struct("_MMPTE_TRANSITION", {"Low": "u64 : 12", "PageFrameNumber": "u64 : 36"})
    c.struct("_MMPTE_PROTOTYPE", {"Low": "u64 : 16", "ProtoAddress": "u64 : 48"})
    return Btf(c.build())


@dataclass
class Kernel:
    """What a resolver asks of a kernel."""

    physical: PhysicalMemory
    space: AddressSpace
    types: Btf
    mode: PagingMode
    root: int
    symbols: dict[str, int]
    facts: dict[str, object] = field(default_factory=dict)

    def optional(self, name: str) -> int | None:
        return self.symbols.get(name)


class Machine:
    """Memory in which a page of pool holds prototype entries."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.tables = PageTables(self.memory, X86_64)
        self.pool = self.memory.allocate()
        self.tables.map(POOL, self.pool)
        self.mask = self.memory.allocate()
        self.tables.map(MASK_PLACE, self.mask)
        self.memory.write(self.mask, MASK.to_bytes(8, "little"))
        self.count = 0

    def page(self, text: bytes) -> int:
        """Return the physical address of a page that begins so."""
        place = self.memory.allocate()
        self.memory.write(place, text)
        return place

    def prototype(self, entry: int) -> int:
        """Return the virtual address of a new prototype entry."""
        self.count += 1
        self.memory.write(self.pool + 8 * self.count, entry.to_bytes(8, "little"))
        return POOL + 8 * self.count

    def read(
        self, folder: Path, entries: list[int], *, knows_mask: bool = True, page_file: bytes = b""
    ) -> list[bytes | Reason]:
        """Return the first bytes of user pages that have these entries."""
        for at, entry in enumerate(entries):
            self.tables.set(USER + at * PAGE, PAGE, entry)
        with self.memory.open(folder) as physical:
            if page_file:
                (folder / "pagefile").write_bytes(page_file)
                physical.add_page_files([DumpFile(folder / "pagefile")])
            space = AddressSpace(physical, X86_64, self.tables.root)
            symbols = {"MiInvalidPteMask": MASK_PLACE} if knows_mask else {}
            made = Kernel(physical, space, types(), X86_64, self.tables.root, symbols)
            kernel = cast("WindowsKernel", cast("Any", made))
            space.resolver = pte_resolver(kernel)
            vas = np.arange(len(entries), dtype=np.uint64) * np.uint64(PAGE) + np.uint64(USER)
            data, status = space.gather(np.tile(vas, 70), 4)
            few = [space.gather(vas[at : at + 1], 4) for at in range(len(vas))]
        assert [one[1][0] for one in few] == status[: len(vas)].tolist()
        assert [bytes(one[0][0]) for one in few] == [bytes(row) for row in data[: len(vas)]]
        rows = zip(data[: len(vas)], status.tolist(), strict=False)
        return [Reason(code) if code else bytes(row) for row, code in rows]


def pointer(address: int, low: int = 0) -> int:
    """Return an entry that leads to a prototype entry."""
    return (address & (1 << 48) - 1) << 16 | PROTOTYPE | low


def test_each_form(tmp_path: Path) -> None:
    machine = Machine()
    page = machine.page(b"here")
    entries = [
        page | MOVING | MASK,
        page | MOVING | KEPT,
        0x80,
        0,
        2 << 32 | WRITTEN | MASK,
        3 << 32 | WRITTEN | KEPT,
        2 << 32 | 5 << 12 | WRITTEN | KEPT,
        9 << 32 | WRITTEN | KEPT,
        2 << 32 | KEPT | RESERVED,
        2 << 32 | KEPT,
    ]
    files = bytes(2 * PAGE) + b"two.".ljust(PAGE) + b"3333".ljust(PAGE)
    assert machine.read(tmp_path, entries, page_file=files) == [
        b"here", b"here", Reason.DEMAND_ZERO, Reason.NOT_MAPPED, b"two.", b"3333",
        Reason.IN_PAGE_FILE_5, Reason.NOT_IN_DUMP, Reason.PAGED_OUT, b"two.",
    ]  # fmt: skip
    assert machine.read(tmp_path, entries)[4:7] == [
        Reason.IN_PAGE_FILE_0, Reason.IN_PAGE_FILE_0, Reason.IN_PAGE_FILE_5
    ]  # fmt: skip


def test_behind_prototypes(tmp_path: Path) -> None:
    machine = Machine()
    page = machine.page(b"here")
    kinds = [
        page | 1, page | MOVING | KEPT, 0x4321_0000 | PROTOTYPE, 0x80, 0, 7 << 32 | WRITTEN | KEPT
    ]  # fmt: skip
    entries = [pointer(machine.prototype(kind), 0x4E0) for kind in kinds]
    assert machine.read(tmp_path, entries) == [
        b"here", b"here", Reason.IN_FILE, Reason.DEMAND_ZERO, Reason.NOT_MAPPED,
        Reason.IN_PAGE_FILE_0,
    ]  # fmt: skip


def test_pointers_that_lead_nowhere(tmp_path: Path) -> None:
    machine = Machine()
    own = machine.prototype(0)
    entries = [pointer(USER), pointer(own + 4), pointer(POOL + PAGE), pointer(own)]
    machine.memory.write(machine.pool + own - POOL, pointer(own).to_bytes(8, "little"))
    assert machine.read(tmp_path, entries) == [
        Reason.MALFORMED, Reason.MALFORMED, Reason.NOT_MAPPED, Reason.IN_FILE
    ]  # fmt: skip


def test_pool_may_be_in_transition_but_not_behind_prototypes_itself(tmp_path: Path) -> None:
    machine = Machine()
    page = machine.page(b"here")
    entry = pointer(machine.prototype(page | 1))
    machine.tables.set(POOL, PAGE, machine.pool | MOVING | KEPT)
    assert machine.read(tmp_path, [entry]) == [b"here"]
    machine.tables.set(POOL, PAGE, entry)
    assert machine.read(tmp_path, [entry]) == [Reason.PAGED_OUT]


def test_a_pointer_in_which_the_kernel_set_bits(tmp_path: Path) -> None:
    machine = Machine()
    place = machine.prototype(machine.page(b"here") | 1)
    assert not pointer(place) & MASK
    assert machine.read(tmp_path, [pointer(place) | MASK]) == [b"here"]
    assert machine.read(tmp_path, [pointer(place) | MASK | KEPT]) == [Reason.NOT_MAPPED]
    there = POOL | 1 << 29
    machine.tables.map(there, machine.pool)
    machine.tables.set(POOL, PAGE, 0)
    turned = pointer(place - POOL + there) ^ MASK
    assert machine.read(tmp_path, [turned, turned | KEPT]) == [b"here", Reason.NOT_MAPPED]


def test_without_the_mask_frames_alone_are_sure(tmp_path: Path) -> None:
    machine = Machine()
    page = machine.page(b"here")
    entries = [page | MOVING | MASK, 2 << 32 | WRITTEN | MASK, 2 << 32 | WRITTEN | KEPT, 0x80]
    assert machine.read(tmp_path, entries, knows_mask=False) == [
        b"here", Reason.PAGED_OUT, Reason.IN_PAGE_FILE_0, Reason.DEMAND_ZERO
    ]  # fmt: skip


def test_tables_may_be_in_transition(tmp_path: Path) -> None:
    machine = Machine()
    far = USER + (1 << 30)
    machine.tables.map(far, machine.page(b"here"))
    table = machine.tables.place(far) & -PAGE
    machine.tables.set(far, 1 << 21, table | MOVING | KEPT)
    # Read through a page whose entry is that one: the table is found, and the page in it.
    with machine.memory.open(tmp_path) as physical:
        space = AddressSpace(physical, X86_64, machine.tables.root)
        symbols = {"MiInvalidPteMask": MASK_PLACE}
        made = Kernel(physical, space, types(), X86_64, machine.tables.root, symbols)
        space.resolver = pte_resolver(cast("WindowsKernel", cast("Any", made)))
        assert space.read(far, 4) == b"here"
