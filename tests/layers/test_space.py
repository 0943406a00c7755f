"""Address spaces: what was written is read, by every way; what is not there has a reason."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Reason
from memq.layers.opening import open_physical
from memq.layers.paging import X86_64, X86_64_LA57
from memq.layers.space import MAX_BYTES, MAX_READ, MAX_ROW, AddressSpace, DirectWindow
from tests.synthetic.memory import PAGE, Layout, Memory, PageTables, VirtualMemory
from tests.synthetic.reading import array, rows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.layers.paging import PagingMode
    from tests.lab import Dump

AREA = 0xFFFF_C900_0000_0000
MANY = 100
"""Rows enough for the ways of many."""
TOP = (1 << 64) - PAGE


@pytest.fixture
def kernel() -> VirtualMemory:
    """Memory with four scattered pages at AREA, filled with numbers, and a hole after them."""
    made = VirtualMemory()
    made.map(AREA, 4)
    made.write(AREA, bytes(range(256)) * (PAGE // 64))
    return made


# The helper itself


@pytest.mark.parametrize("mode", [X86_64, X86_64_LA57], ids=["4", "5"])
def test_structures_and_rings(tmp_path: Path, mode: PagingMode) -> None:
    kernel = VirtualMemory(mode)
    node = Layout(24, {"link": (0, 16), "pid": (16, 4), "last": (20, 4)})
    head = kernel.allocate(16)
    nodes = [kernel.struct(node, pid=pid, last=-1) for pid in (5, 6, 7)]
    kernel.ring(head, nodes)
    space = kernel.open(tmp_path)
    at, pids = head, []
    while (at := space.u64(at) or 0) != head:
        pids.append((space.u32(at + 16), space.u32(at + 20)))
        assert space.u64(space.u64(at + 8) or 0) == at
    assert pids == [(5, 0xFFFF_FFFF), (6, 0xFFFF_FFFF), (7, 0xFFFF_FFFF)]
    with pytest.raises(KeyError):
        kernel.struct(node, name=b"none such")


def test_raw_files_have_zeros_for_holes(tmp_path: Path) -> None:
    memory = Memory()
    memory.write(0x1000, b"first")
    memory.write(0x5000, b"last")
    memory.save_raw(tmp_path / "raw")
    assert (tmp_path / "raw").read_bytes().rstrip(b"\0") == (
        bytes(0x1000) + b"first" + bytes(0x4000 - 5) + b"last"
    )


# Few and many


def test_reading_over_pages(tmp_path: Path, kernel: VirtualMemory) -> None:
    space = kernel.open(tmp_path)
    whole = bytes(range(256)) * 64
    assert space.read(AREA, 4 * PAGE) == whole
    for offset, size in ((0, 1), (PAGE - 3, 8), (PAGE + 5, 2 * PAGE), (3, 0)):
        expected = whole[offset : offset + size]
        assert space.read(AREA + offset, size) == expected
        assert rows(space, [AREA + offset] * MANY, size) == [expected] * MANY
        assert rows(space, [AREA + offset], size) == [expected]
    assert space.u64(AREA + PAGE - 4) == int.from_bytes(whole[PAGE - 4 : PAGE + 4], "little")
    assert space.u32(AREA + PAGE - 2) == int.from_bytes(whole[PAGE - 2 : PAGE + 2], "little")


def test_reasons(tmp_path: Path, kernel: VirtualMemory) -> None:
    kernel.remove(AREA + PAGE, PAGE)
    space = kernel.open(tmp_path)
    cases = [
        (AREA, bytes(range(8))),
        (AREA + PAGE - 4, Reason.NOT_IN_DUMP),
        (AREA + PAGE, Reason.NOT_IN_DUMP),
        (AREA + 4 * PAGE - 4, Reason.PAGED_OUT),
        (0x1000, Reason.PAGED_OUT),
        (1 << 47, Reason.MALFORMED),
        ((1 << 64) - 4, Reason.PAGED_OUT),
        (kernel.base + (1 << 40), Reason.PAGED_OUT),
    ]
    vas = [va for va, _ in cases]
    assert rows(space, vas, 8) == [found for _, found in cases]
    assert rows(space, vas * 20, 8) == [found for _, found in cases] * 20
    for va, found in cases:
        assert space.read(va, 8) == (None if isinstance(found, Reason) else found)
        assert (space.u64(va) is None) == isinstance(found, Reason)
    assert space.translate(1 << 47) is Reason.MALFORMED
    assert isinstance(space.translate(AREA + PAGE), int)
    assert not isinstance(space.translate(AREA + PAGE), Reason)


def test_long_rows_with_a_hole(tmp_path: Path, kernel: VirtualMemory) -> None:
    kernel.remove(AREA + 2 * PAGE + 100, 1)
    space = kernel.open(tmp_path)
    whole = bytes(range(256)) * 64
    for times in (1, MANY):
        # To the byte: a row may end at the hole and begin behind it, but not have it inside.
        vas = [AREA, AREA + 99, AREA + 100, AREA + PAGE - 1, AREA + 2 * PAGE + 101]
        size = 2 * PAGE + 1
        found = [whole[:size], whole[99 : 99 + size], *[Reason.NOT_IN_DUMP] * 2, Reason.PAGED_OUT]
        assert rows(space, vas * times, size) == found * times
        assert rows(space, [AREA + 2 * PAGE + 101], PAGE) == [whole[101 : 101 + PAGE]]


def test_rows_that_pass_the_last_address(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    kernel.map(TOP)
    kernel.map(0)
    kernel.write(TOP, b"x" * PAGE)
    space = kernel.open(tmp_path)
    va = (1 << 64) - 4
    for times in (1, MANY):
        assert rows(space, [va] * times, 4) == [b"xxxx"] * times
        assert rows(space, [va] * times, 5) == [Reason.MALFORMED] * times
        data, status = space.gather_ranges(array(*[va] * times), np.full(times, 9), 10)
        assert set(data) == {b""}
        assert set(status.tolist()) == {Reason.MALFORMED}
        text = space.text(array(*range(va, va - times, -1)), MANY + 5)
        assert text.to_list() == [None] * times
        assert set(text.statuses.tolist()) == {Reason.MALFORMED}
        assert list(text.words) == [""]


# Windows


def test_windows_need_no_tables(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    va = kernel.allocate(3 * PAGE)
    kernel.write(va, bytes(range(256)) * 48)
    space = kernel.open(tmp_path)
    assert space.translate(va + 5) == va - kernel.base + 5
    before = space.physical.reads
    assert space.read(va + 10, 2 * PAGE) == (bytes(range(256)) * 48)[10 : 10 + 2 * PAGE]
    assert space.u64(va) is not None
    assert space.physical.reads - before == 2
    assert rows(space, [va + 1] * MANY, PAGE)[7] == (bytes(range(256)) * 48)[1 : PAGE + 1]
    walked = kernel.open(tmp_path, is_direct=False)
    assert walked.read(va, 8) is None


def test_a_window_ends_where_its_last_page_does(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    va = kernel.allocate(2 * PAGE, PAGE)
    kernel.write(va, b"w" * 2 * PAGE)
    kernel.map(va + PAGE)  # what follows the window is mapped to another page
    kernel.write(va + PAGE, b"p" * PAGE)
    physical = kernel.memory.open(tmp_path)
    window = DirectWindow(va + 10, va + PAGE - 10, va + 10 - kernel.base)
    space = AddressSpace(physical, X86_64, kernel.tables.root, [window])
    for times in (1, MANY):
        assert rows(space, [va] * times, 2) == [b"ww"] * times
        assert rows(space, [va + PAGE - 2] * times, 4) == [b"wwpp"] * times
        assert rows(space, [va] * times, PAGE + 2) == [b"w" * PAGE + b"pp"] * times
        assert rows(space, [va - 1] * times, 4) == [Reason.PAGED_OUT] * times
    assert space.read(va + PAGE - 2, 4) == b"wwpp"


def test_the_first_window_counts(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    for letter in (b"a", b"b", b"c"):
        kernel.write(kernel.allocate(PAGE, PAGE), letter * PAGE)
    first = kernel.memory.next - 3 * PAGE
    physical = kernel.memory.open(tmp_path)
    windows = [
        DirectWindow(TOP, 1 << 64, first),
        DirectWindow(TOP - PAGE, 1 << 64, first + PAGE),
    ]
    space = AddressSpace(physical, X86_64, 0, windows)
    for times in (1, MANY):
        # The third row lies whole only in the second window, which is as good.
        vas = [TOP, TOP - PAGE, TOP - 2] * times
        assert rows(space, vas, 4) == [b"aaaa", b"bbbb", b"bbcc"] * times
        pas, status = space.translate_many(array(*vas))
        assert pas.tolist() == [first, first + PAGE, first + 2 * PAGE - 2] * times
        assert not status.any()


@pytest.mark.parametrize(
    "window",
    [
        DirectWindow(0x1000, 0x2000, 0x10),
        DirectWindow(-0x1000, 0x2000, 0),
        DirectWindow(0, (1 << 64) + 1, 0),
        DirectWindow(0x1800, 0x2000, -0x800),
    ],
)
def test_windows_that_cannot_be(tmp_path: Path, window: DirectWindow) -> None:
    physical = VirtualMemory().memory.open(tmp_path)
    with pytest.raises(ValueError, match="no window"):
        AddressSpace(physical, X86_64, 0, [window])


def test_windows_do_not_hold_for_other_roots(tmp_path: Path) -> None:
    kernel = VirtualMemory()
    va = kernel.allocate(PAGE, PAGE)
    kernel.write(va, b"kernel")
    tables = PageTables(kernel.memory, X86_64)
    other = kernel.memory.allocate()
    tables.map(va, other)
    space = kernel.open(tmp_path)
    for times in (1, MANY):
        assert rows(space, [va] * times, 6) == [b"kernel"] * times
        assert rows(space, [va] * times, 6, [tables.root] * times) == [bytes(6)] * times
        pas, _ = space.translate_many(array(*[va] * times), array(*[tables.root] * times))
        assert set(pas.tolist()) == {other}


# Many processes


def processes(kernel: VirtualMemory, number: int, va: int) -> list[int]:
    """Map two pages at the same place of each process, over whose edge its number is written."""
    roots = []
    for process in range(number):
        tables = PageTables(kernel.memory, kernel.mode)
        for page in range(2):
            pa = kernel.memory.allocate()
            tables.map(va + page * PAGE, pa)
            text = f"process {process}".encode() + b"\0"
            kernel.memory.write(*((pa + PAGE - 4, text[:4]) if page == 0 else (pa, text[4:])))
        roots.append(tables.root)
    return roots


@pytest.mark.parametrize("number", [3, MANY])
def test_memory_of_many_processes(tmp_path: Path, number: int) -> None:
    kernel = VirtualMemory()
    place = 0x7FFE_0000_0000
    roots = processes(kernel, number, place)
    space = kernel.open(tmp_path)
    vas, base = [place + PAGE - 4] * number, array(*roots)
    expected = [f"process {process}" for process in range(number)]
    assert space.text(array(*vas), 64, base).to_list() == expected
    sizes = np.array([len(text) for text in expected], np.int64)
    data, status = space.gather_ranges(array(*vas), sizes, 100, base)
    assert data == [text.encode() for text in expected]
    assert not status.any()
    found = rows(space, vas, 9, roots)
    assert found == [text.encode()[:9] for text in expected]
    pas, status = space.translate_many(array(*vas), base)
    assert len(set(pas.tolist())) == number
    alone = AddressSpace(space.physical, X86_64, roots[-1])
    assert alone.read(vas[-1], len(expected[-1])) == expected[-1].encode()


# Ranges


def test_ranges_of_all_sizes(tmp_path: Path, kernel: VirtualMemory) -> None:
    whole = bytes(range(256)) * 64
    space = kernel.open(tmp_path)
    places = [(0, 0), (5, 1), (PAGE - 1, 2), (17, 3 * PAGE), (0, 4 * PAGE), (9, -4), (1, 5 * PAGE)]
    for times in (1, MANY):
        vas = array(*[AREA + at for at, _ in places] * times)
        sizes = np.array([size for _, size in places] * times)
        data, status = space.gather_ranges(vas, sizes, 4 * PAGE)
        expected = [whole[at : at + max(size, 0)] for at, size in places]
        expected[-1] = b""  # cut to the limit it still reaches one byte too far
        assert data == expected * times
        assert status.tolist() == [0, 0, 0, 0, 0, 0, Reason.PAGED_OUT] * times
        data, status = space.gather_ranges(vas, sizes, 3)
        assert data == [whole[at : at + min(3, max(size, 0))] for at, size in places] * times
        assert not status.any()


def test_the_first_missing_page_says_why(tmp_path: Path, kernel: VirtualMemory) -> None:
    kernel.remove(AREA + 3 * PAGE, PAGE)
    kernel.map(AREA + 5 * PAGE)
    kernel.remove(AREA + 5 * PAGE, PAGE)
    space = kernel.open(tmp_path)
    absent, paged = Reason.NOT_IN_DUMP, Reason.PAGED_OUT
    for times in (1, MANY):
        vas = [AREA + 3 * PAGE + 5, AREA + 4 * PAGE + 5, AREA + 2 * PAGE] * times
        sizes = np.array([PAGE, PAGE, 4 * PAGE] * times)
        _, status = space.gather_ranges(array(*vas), sizes, MAX_READ)
        assert status.tolist() == [absent, paged, absent] * times
        assert rows(space, vas, PAGE + 1) == [absent, paged, absent] * times


def test_no_ranges(tmp_path: Path, kernel: VirtualMemory) -> None:
    space = kernel.open(tmp_path)
    data, status = space.gather_ranges(array(), np.zeros(0, np.int64), 10)
    assert data == status.tolist() == []


# Sizes that nobody means


@pytest.mark.parametrize("size", [-1, MAX_ROW + 1, 1 << 62])
def test_absurd_rows(tmp_path: Path, kernel: VirtualMemory, size: int) -> None:
    space = kernel.open(tmp_path)
    for times in (1, MANY):
        vas = array(*[AREA] * times)
        with pytest.raises(ValueError, match="more than can be read"):
            space.gather(vas, size)
        with pytest.raises(ValueError, match="more than can be read"):
            space.text(vas, size)


def test_absurd_reads(tmp_path: Path, kernel: VirtualMemory) -> None:
    space = kernel.open(tmp_path)
    large = DirectWindow(kernel.base, kernel.base + (1 << 40), 0)
    space = AddressSpace(space.physical, X86_64, kernel.tables.root, [large])
    for va in (AREA, kernel.base):
        for size in (-1, MAX_READ + 1, 1 << 70):
            with pytest.raises(ValueError, match="to be read at once"):
                space.read(va, size)
    vas = array(*[AREA] * MANY)
    with pytest.raises(ValueError, match="more than can be read"):
        space.gather(np.zeros(MAX_BYTES // MAX_ROW + 1, np.uint64), MAX_ROW)
    with pytest.raises(ValueError, match="more than can be read"):
        space.gather_ranges(vas, np.full(MANY, 1 << 40), MAX_READ)
    with pytest.raises(ValueError, match="more than can be read"):
        space.gather_ranges(vas, np.full(MANY, 5), MAX_READ + 1)


# Real page tables


def test_a_kernel_is_where_its_own_page_tables_say(dump: Dump) -> None:
    registers = dump.record.text("registers.txt")
    (root, control), *_ = re.findall(r"CR3=([0-9a-f]+) CR4=([0-9a-f]+)", registers)
    checked = json.loads(dump.record.files["selfcheck.json"])
    mode = X86_64_LA57 if int(control, 16) >> 12 & 1 else X86_64
    assert (mode is X86_64_LA57) == ("la57" in dump.guest)
    with open_physical(dump.path) as physical:
        space = AddressSpace(physical, mode, int(root, 16))
        text, base = int(checked["_text va"], 16), int(checked["page_offset_base"], 16)
        assert space.translate(text) == int(checked["_text pa"], 16)
        numbers = np.random.default_rng(5).integers(0, physical.limit, 2000).astype(np.uint64)
        pas, status = space.translate_many(np.uint64(base) + numbers)
        # Memory that the firmware has is not mapped by the kernel.
        assert np.isin(status, [Reason.KNOWN, Reason.PAGED_OUT]).all()
        assert (status == Reason.KNOWN).mean() > 0.9
        assert (pas == numbers)[status == Reason.KNOWN].all()
        for number, reason in zip(numbers[:100].tolist(), status.tolist(), strict=False):
            found = space.translate(base + number)
            assert found == (Reason(reason) if reason else number)
