"""Page walks: single addresses against what was mapped, many addresses against single ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import Reason
from memq.layers.paging import (
    ARM64,
    X86,
    X86_64,
    X86_64_LA57,
    X86_PAE,
    PagingMode,
    walk_many,
    walk_one,
)
from tests.synthetic.memory import PAGE, Memory, PageTables

if TYPE_CHECKING:
    from pathlib import Path

    from memq.column import Addresses, Statuses
    from memq.layers.paging import Resolver
    from memq.layers.physical import PhysicalMemory

GB, MB4, MB2 = 1 << 30, 1 << 22, 1 << 21
NX, GLOBAL, PAT_LARGE, PROT_NONE = 1 << 63, 1 << 8, 1 << 12, 1 << 8
MODES = [X86_64, X86_64_LA57]
KERNEL = 0xFFFF_FFFF_8123_4000
USER = 0x7F12_3456_7000


def one(
    physical: PhysicalMemory, mode: PagingMode, root: int, va: int, resolver: Resolver | None = None
) -> int | Reason:
    def read(address: int) -> int | None:
        data = physical.read(address, mode.entry_size)
        return None if data is None else int.from_bytes(data, "little")

    return walk_one(read, mode, root, va, resolver)


def many(
    physical: PhysicalMemory,
    mode: PagingMode,
    roots: int | list[int],
    vas: list[int],
    resolver: Resolver | None = None,
) -> list[int | Reason]:
    table = roots if isinstance(roots, int) else np.array(roots, np.uint64)
    pas, status = walk_many(physical, mode, table, np.array(vas, np.uint64), resolver)
    assert pas.dtype == np.uint64
    assert status.dtype == np.uint8
    assert not pas[status != 0].any()
    return [
        Reason(reason) if reason else pa
        for pa, reason in zip(pas.tolist(), status.tolist(), strict=True)
    ]


def both(physical: PhysicalMemory, tables: PageTables, va: int) -> int | Reason:
    """Translate by both ways; they must agree in type too."""
    found = one(physical, tables.mode, tables.root, va)
    (other,) = many(physical, tables.mode, tables.root, [va])
    assert (type(found), found) == (type(other), other)
    return found


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("va", [USER, KERNEL, 0, (1 << 64) - PAGE])
@pytest.mark.parametrize("size", [PAGE, MB2, GB])
def test_pages_of_all_sizes(tmp_path: Path, mode: PagingMode, va: int, size: int) -> None:
    memory = Memory()
    tables = PageTables(memory, mode)
    pa = 0x7_4000_0000
    tables.map(va, pa, size, NX | GLOBAL)
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, va | 0xABC) == pa | va & size - 1 | 0xABC
        outside = (va & -size) + size if va & -size < (1 << 64) - size else va - size
        assert both(physical, tables, outside) is Reason.PAGED_OUT


def test_bits_of_entries_that_are_no_address(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    # Protection keys and NX above, PAT and (reserved) bits between the flags and a 2 MB address.
    tables.set(USER, MB2, 0x4020_0000 | 0x7FF << 52 | NX | PAT_LARGE | 0xFE000 | 0xFFF)
    tables.set(KERNEL, PAGE, 0xF_FFFF_FFFF_F000 | NX | 0xFFF)
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, USER) == 0x4020_0000 | USER & MB2 - 1
        assert both(physical, tables, KERNEL + 1) == 0xF_FFFF_FFFF_F001


def test_root_as_the_register_has_it(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    tables.map(USER, 0x5000)
    with memory.open(tmp_path) as physical:
        for root in (tables.root | 0xFFF, tables.root | NX):  # PCID; no flush
            assert one(physical, X86_64, root, USER) == 0x5000
            assert many(physical, X86_64, root, [USER]) == [0x5000]
            assert many(physical, X86_64, [root], [USER]) == [0x5000]


@pytest.mark.parametrize(
    ("mode", "edge"), [(X86_64, 1 << 47), (X86_64_LA57, 1 << 56)], ids=["4", "5"]
)
def test_canonical_addresses(tmp_path: Path, mode: PagingMode, edge: int) -> None:
    memory = Memory()
    tables = PageTables(memory, mode)
    tables.map(edge - PAGE, 0x5000)
    tables.map((1 << 64) - edge, 0x6000)
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, edge - 1) == 0x5FFF
        assert both(physical, tables, edge) is Reason.MALFORMED
        assert both(physical, tables, (1 << 64) - edge - 1) is Reason.MALFORMED
        assert both(physical, tables, (1 << 64) - edge) == 0x6000
        assert one(physical, mode, tables.root, 1 << 64) is Reason.MALFORMED
        assert one(physical, mode, tables.root, -1) is Reason.MALFORMED


def test_missing_tables_and_missing_pages_differ(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    tables.map(USER, 0x5000)
    tables.map(KERNEL, 0x9_0000_0000)
    memory.remove(tables.place(USER) & -PAGE, PAGE)
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, USER) is Reason.NOT_IN_DUMP
        assert both(physical, tables, KERNEL) == 0x9_0000_0000  # that this is absent others say
        assert one(physical, X86_64, 0x9_0000_0000, USER) is Reason.NOT_IN_DUMP
        assert many(physical, X86_64, 0x9_0000_0000, [USER]) == [Reason.NOT_IN_DUMP]


def test_a_half_missing_entry(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    tables.map(USER, 0x5000)
    memory.remove(tables.place(USER) + 7, 1)
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, USER) is Reason.NOT_IN_DUMP


def test_a_table_that_is_its_own_entry(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    memory.write(tables.root, (tables.root | 1).to_bytes(8, "little") * 512)
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, USER | 5) == tables.root | 5


def test_nothing_to_walk(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    with memory.open(tmp_path) as physical:
        assert many(physical, X86_64, tables.root, []) == []
        assert many(physical, X86_64, [], []) == []


def test_pae(tmp_path: Path) -> None:
    memory = Memory()
    memory.allocate(96, 32)
    tables = PageTables(memory, X86_PAE, memory.allocate(32, 32))
    assert tables.root % PAGE == 96  # else the test would not see a mask that is too wide
    tables.map(0xC012_3000, 0x8_0000_5000, flags=NX)
    tables.map(0x4040_0000, 0x8_0020_0000, MB2)
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, 0xC012_3456) == 0x8_0000_5456
        assert both(physical, tables, 0x4040_1234) == 0x8_0020_1234
        assert both(physical, tables, 0x1_C012_3456) is Reason.MALFORMED
        assert both(physical, tables, 0xFFFF_FFFF_C012_3456) is Reason.MALFORMED


def test_x86_without_pae(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86)
    tables.map(0xFFFF_F000, 0xFFFF_E000)
    tables.map(0x8040_0000, 0x0140_0000, MB4)
    # PSE-36: bits 13 to 20 of what maps 4 MB are its address's bits 32 to 39; bit 12 is PAT.
    tables.set(0x8080_0000, MB4, 0x0180_0081 | 0x1F_E000 | PAT_LARGE)
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, 0xFFFF_FFFF) == 0xFFFF_EFFF
        assert both(physical, tables, 0x807F_FFFF) == 0x017F_FFFF
        assert both(physical, tables, 0x8081_2345) == 0xFF_0181_2345
        assert both(physical, tables, 0x7FFF_F000) is Reason.PAGED_OUT
        assert both(physical, tables, 1 << 32) is Reason.MALFORMED


@pytest.mark.parametrize("mode", [X86, X86_PAE, X86_64, ARM64], ids=lambda mode: mode.name)
def test_a_resolver_may_answer_with_any_address(tmp_path: Path, mode: PagingMode) -> None:
    """Such as that of a page in a page file, which lies above all that tables can name."""
    far = 0xC_3456_789A_B000

    def to_page_file(
        entries: Addresses, vas: Addresses, roots: Addresses, shift: int
    ) -> tuple[Addresses, Statuses]:
        return np.full(len(entries), far, np.uint64), np.zeros(len(vas), np.uint8)

    memory = Memory()
    tables = PageTables(memory, mode)
    tables.map(0x5000, 0x9000)
    tables.set(0x6000, PAGE, 0x7C0)
    with memory.open(tmp_path) as physical:
        vas = [0x5123, 0x6123]
        expected = [0x9123, far + 0x123]
        assert [one(physical, mode, tables.root, va, to_page_file) for va in vas] == expected
        assert many(physical, mode, tables.root, vas, to_page_file) == expected


def test_words_and_halves() -> None:
    assert [(mode.word_size, mode.kernel_start) for mode in (X86, X86_PAE)] == [(4, 1 << 31)] * 2
    assert [(mode.word_size, mode.kernel_start) for mode in (X86_64, ARM64)] == [(8, 1 << 63)] * 2


def test_arm64(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, ARM64)
    tables.map(0xFFFF_0000_1234_5000, 0x5000)
    tables.map(0xFFFF_8000_0020_0000, 0x4020_0000, MB2)
    tables.set(0xFFFF_8000_4000_0000, PAGE, 0x7001)  # bits 01 are no page in the last level
    with memory.open(tmp_path) as physical:
        assert both(physical, tables, 0xFFFF_0000_1234_5678) == 0x5678
        assert both(physical, tables, 0xFFFF_8000_0020_1234) == 0x4020_1234
        assert both(physical, tables, 0xFFFF_8000_4000_0000) is Reason.PAGED_OUT
        assert both(physical, tables, 0x7FFF_0000_1234_5678) is Reason.MALFORMED


class Kept:
    """A resolver for entries that have lost only their present bit; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, int, int]] = []

    def __call__(
        self, entries: Addresses, vas: Addresses, roots: Addresses, shift: int
    ) -> tuple[Addresses, Statuses]:
        asked = zip(entries.tolist(), vas.tolist(), roots.tolist(), strict=True)
        self.asked += [(entry, va, root, shift) for entry, va, root in asked]
        kept = entries & np.uint64(PROT_NONE) != 0
        return entries, np.where(kept, np.uint8(0), np.uint8(Reason.LIMIT))


def test_a_resolver_is_asked_for_entries_that_are_not_present(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    tables.set(USER, PAGE, 0x5000 | PROT_NONE)
    tables.set(USER + PAGE, PAGE, 0x6000)
    tables.set(USER + GB, MB2, 0x4020_0000 | PROT_NONE | 1 << 7)  # a large page
    far = USER + 4 * GB
    tables.map(far, 0x7000)
    table = tables.place(far) & -PAGE
    tables.set(far, MB2, table | PROT_NONE)  # a table that is not present
    vas = [USER + 1, USER + PAGE, USER + GB + 0x1234, far + 2, USER]
    with memory.open(tmp_path) as physical:
        scalar, columns = Kept(), Kept()
        expected = [
            0x5001,
            Reason.LIMIT,
            0x4020_0000 | (USER + 0x1234) & MB2 - 1,
            0x7002,
            0x5000,
        ]
        assert [one(physical, X86_64, tables.root, va, scalar) for va in vas] == expected
        assert many(physical, X86_64, tables.root, vas, columns) == expected
        assert set(scalar.asked) == set(columns.asked)
        root = tables.root
        kept = {(0x5000 | PROT_NONE, USER, root, 12), (table | PROT_NONE, far & -MB2, root, 21)}
        assert kept < set(columns.asked)
        assert both(physical, tables, USER) is Reason.PAGED_OUT


def test_each_level_is_read_once(tmp_path: Path) -> None:
    memory = Memory()
    tables = PageTables(memory, X86_64)
    vas = [KERNEL & -MB2 | page * PAGE for page in range(512)]
    for va in vas:
        tables.map(va, va & 0xFFF_F000)
    with memory.open(tmp_path) as physical:
        before = physical.reads
        found = many(physical, X86_64, tables.root, vas * 40)
        # Three entries for the upper levels, one span for the 512 entries of the last.
        assert physical.reads - before == 4
        assert found == [va & 0xFFF_F000 for va in vas] * 40


# Many against one

OFFSETS = [0, 1, 8, PAGE - 1, PAGE, MB2 - 1, MB2, GB - 1]
EDGES = [0, 1 << 47, (1 << 47) - PAGE, 1 << 56, (1 << 64) - (1 << 47), (1 << 64) - PAGE, KERNEL]


@st.composite
def addresses(draw: st.DrawFn) -> int:
    """A virtual address: mostly among few pages and tables, sometimes anywhere."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.integers(0, (1 << 64) - 1))
    base = draw(st.sampled_from([*EDGES, USER]))
    return (base + draw(st.sampled_from([0, 1, 2])) * draw(st.sampled_from(OFFSETS))) % (1 << 64)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Memory, PagingMode, list[int]]:
    """Several roots whose tables share, loop, are damaged, or are not there."""
    mode = draw(st.sampled_from([*MODES, ARM64, X86, X86_PAE]))
    bits = 8 * mode.word_size
    sizes = [1 << level.shift for level in mode.levels[-3:]]
    memory = Memory()
    tables = [PageTables(memory, mode) for _ in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()):  # page-table isolation: two roots with the same lower tables
        tables.append(PageTables(memory, mode, memory.allocate()))
        memory.write(tables[-1].root, memory.read(tables[0].root, PAGE))
    for _ in range(draw(st.integers(1, 12))):
        own, va = draw(st.sampled_from(tables)), draw(addresses()) % (1 << bits)
        size = draw(st.sampled_from([PAGE, PAGE, *sizes]))
        kind = draw(st.sampled_from(["page", "page", "any", "absent", "loop", "outside"]))
        known = sorted(memory.pages)
        pa = draw(st.sampled_from(known)) * PAGE
        entry = {
            "page": pa & -size,
            "any": draw(st.integers(0, (1 << 8 * mode.entry_size) - 1)),
            "absent": 0,
            "loop": pa | 3,
            "outside": 0xF000_0003 << mode.entry_size - 4,
        }[kind]
        if kind == "page":
            flags = draw(st.sampled_from([0, NX, NX | 0xFE000]))
            own.map(va, entry, size, flags % (1 << 8 * mode.entry_size))
        else:
            own.set(va, size, entry)
    if draw(st.booleans()):
        hole = draw(st.sampled_from(sorted(memory.pages))) * PAGE
        memory.remove(hole + draw(st.sampled_from([0, 0, 1000])), PAGE)
    roots = [own.root | draw(st.sampled_from([0, 0xFFF])) for own in tables]
    return memory, mode, [*roots, 0xF_0000_0000]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paging")


@settings(max_examples=150, deadline=None)
@given(
    world=worlds(),
    wanted=st.lists(
        st.tuples(addresses(), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40
    ),
    times=st.sampled_from([1, 3, 20]),
)
def test_many_walks_are_as_many_single_ones(
    folder: Path,
    world: tuple[Memory, PagingMode, list[int]],
    wanted: list[tuple[int, int, int]],
    times: int,
) -> None:
    memory, mode, roots = world
    bits = 8 * mode.word_size
    vas = [va % (1 << (bits if often else 64)) for va, _, often in wanted]  # few are not canonical
    own = [roots[number % len(roots)] for _, number, _ in wanted]
    with memory.open(folder) as physical:
        for resolver in (None, Kept()):
            through_one = [one(physical, mode, roots[0], va, resolver) for va in vas]
            assert many(physical, mode, roots[0], vas * times, resolver) == through_one * times
            each = [
                one(physical, mode, root, va, resolver) for root, va in zip(own, vas, strict=True)
            ]
            assert many(physical, mode, own * times, vas * times, resolver) == each * times
