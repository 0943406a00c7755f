"""Handle tables: entries of each era, up to three levels, and tables that are malformed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Reason
from memq.os.windows.handle_table import Handles, open_handles
from memq.run import Limits, Run
from memq.symbols.lists import Cuts
from tests.os.windows.small import PAGE, FlatSpace, Layouts, small_kernel

if TYPE_CHECKING:
    from memq.image import Image
    from tests.os.windows.images import WindowsImage


@dataclass(frozen=True)
class Era:
    """How a kernel packs an entry, written down a second time."""

    name: str
    word: int
    layouts: Layouts

    def entry(self, pointer: int, attributes: int, access: int) -> tuple[int, int]:
        """Return the two words of an entry that is in use."""
        if self.name == "x64 since 9200":
            bits = pointer % (1 << 48) >> 4
            return 1 | 77 << 1 | attributes << 17 | bits << 20, access | 1 << 25
        if self.name == "x86 since 9200":
            return 1 | attributes >> 1 << 1 | pointer, access | (attributes & 1) << 25 | 5 << 27
        return pointer | 1 | attributes & 6, access | (attributes & 1) << 25


def _layouts(word: int, entry: dict[str, tuple[int, ...]]) -> Layouts:
    table = {"NextHandleNeedingPool": (0, 4), "TableCode": (8, word)}
    return {"_HANDLE_TABLE": (32, table), "_HANDLE_TABLE_ENTRY": (2 * word, entry)}  # type: ignore[dict-item]


ERAS = [
    Era("x64 since 9200", 8, _layouts(8, {
        "Attributes": (0, 8, 17, 3), "ObjectPointerBits": (0, 8, 20, 44),
        "GrantedAccessBits": (8, 4, 0, 25),
    })),
    Era("x86 since 9200", 4, _layouts(4, {
        "Attributes": (0, 4, 1, 2), "ObjectPointerBits": (0, 4, 3, 29),
        "GrantedAccessBits": (4, 4, 0, 25), "ProtectFromClose": (4, 4, 25, 1),
    })),
    Era("x64 before", 8, _layouts(8, {"Object": (0, 8), "GrantedAccess": (8, 4)})),
    Era("x86 before", 4, _layouts(4, {"Object": (0, 4), "GrantedAccess": (4, 4)})),
]  # fmt: skip
NEW = ERAS[0]


class Tables:
    """Puts handle tables into memory."""

    def __init__(self, era: Era) -> None:
        self.era = era
        self.space = FlatSpace(era.word)
        self.kernel = small_kernel(self.space, era.layouts)
        self.per_page = PAGE // (2 * era.word)
        self.per_table = PAGE // era.word

    def leaf(self, used: dict[int, tuple[int, int, int]]) -> int:
        """Put a page of entries: pointer, attributes and access by index."""
        page = self.space.page()
        for index, what in used.items():
            self.space.put(page + index * 2 * self.era.word, *self.era.entry(*what))
        return page

    def pointers(self, below: dict[int, int]) -> int:
        page = self.space.page()
        for index, place in below.items():
            self.space.put(page + index * self.era.word, place)
        return page

    def table(self, place: int, level: int, pages: int = 1) -> int:
        at = self.space.page()
        self.space.write(at, (pages * self.per_page * 4).to_bytes(4, "little"))
        self.space.put(at + 8, place | level)
        return at

    def walk(self, *tables: int, limits: Limits | None = None) -> tuple[Handles, Cuts]:
        cuts = Cuts(len(tables))
        status = np.array([0 if place else Reason.NULL for place in tables], np.uint8)
        places = np.array(tables, np.uint64)
        structs = self.kernel.structs("_HANDLE_TABLE", places, status)
        run = Run(limits=limits or Limits())
        return open_handles(self.kernel, run, structs, cuts), cuts

    def object(self, number: int) -> int:
        return self.space.kernel_start + 0x0100_0000 + number * 0x40


@pytest.mark.parametrize("era", ERAS, ids=lambda era: era.name)
@given(
    used=st.dictionaries(
        st.integers(1, 255),
        st.tuples(st.integers(0, 1 << 20), st.integers(0, 7), st.integers(0, (1 << 25) - 1)),
        max_size=5,
    ),
    level=st.integers(0, 2),
)
def test_what_was_put_is_read(era: Era, used: dict[int, tuple[int, int, int]], level: int) -> None:
    tables = Tables(era)
    entries = {index: (tables.object(n), *rest) for index, (n, *rest) in used.items()}
    leaf = tables.leaf(entries)  # type: ignore[arg-type]
    first, place = 0, leaf
    if level:
        place, first = tables.pointers({0: tables.leaf({}), 3: leaf}), 3 * tables.per_page
    if level == 2:
        place, first = tables.pointers({1: place}), first + tables.per_table * tables.per_page
    found, cuts = tables.walk(0, tables.table(place, level, 1 + (level > 0)))
    assert not cuts.status.any()
    assert found.owner.tolist() == [1] * len(used)
    assert found.numbers.tolist() == [(first + index) * 4 for index in sorted(used)]
    assert [
        (pointer, attributes, access)
        for pointer, attributes, access in zip(
            found.objects.tolist(), found.attributes.tolist(), found.access.tolist(), strict=True
        )
    ] == [entries[index] for index in sorted(used)]
    assert found.entries.tolist() == [leaf + index * 2 * era.word for index in sorted(used)]


def test_the_first_entry_of_a_page_is_no_handle() -> None:
    tables = Tables(NEW)
    found, cuts = tables.walk(tables.table(tables.leaf({0: (tables.object(1), 0, 1)}), 0))
    assert (len(found.owner), cuts.status.tolist()) == (0, [0])


def test_tables_are_walked_beside_each_other() -> None:
    tables = Tables(NEW)
    leaves = [tables.leaf({n: (tables.object(n), 0, n)}) for n in range(1, 5)]
    middle = tables.pointers({0: leaves[1], 1: leaves[2]})
    found, cuts = tables.walk(
        tables.table(tables.pointers({0: middle}), 2, 2),
        tables.table(leaves[0], 0),
        0,
        tables.table(tables.pointers({0: leaves[3]}), 1),
    )
    assert found.owner.tolist() == [0, 0, 1, 3]
    assert found.access.tolist() == [2, 3, 1, 4]
    assert not cuts.status.any()


def test_a_page_that_is_there_twice_is_a_loop() -> None:
    tables = Tables(NEW)
    leaf = tables.leaf({1: (tables.object(1), 0, 1)})
    found, cuts = tables.walk(tables.table(tables.pointers({0: leaf, 7: leaf}), 1))
    assert (found.numbers.tolist(), cuts.status.tolist()) == ([4], [Reason.LOOP])


def test_a_table_of_pointers_that_leads_to_itself_ends() -> None:
    tables = Tables(NEW)
    page = tables.space.page()
    tables.space.put(page, *([page] * 128))
    found, cuts = tables.walk(tables.table(page, 2))
    assert cuts.status.tolist() == [Reason.LOOP]
    assert len(found.owner) <= tables.per_page


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0xFFFF_8000_7777_0000, Reason.NOT_IN_DUMP),
        (0xFFFF_8000_7777_0001, Reason.NOT_IN_DUMP),
        (0xFFFF_8000_7777_0002, Reason.NOT_IN_DUMP),
        (0xFFFF_8000_7777_0003, Reason.MALFORMED),
        (0xFFFF_8000_7777_0007, Reason.MALFORMED),
    ],
)
def test_a_table_that_cannot_be_is_cut(code: int, reason: Reason) -> None:
    tables = Tables(NEW)
    good = tables.table(tables.leaf({1: (tables.object(1), 0, 1)}), 0)
    found, cuts = tables.walk(tables.table(code & ~7, code & 7), good)
    assert found.owner.tolist() == [1]
    assert cuts.status.tolist() == [reason, 0]


def test_pointers_that_lead_nowhere_are_told_and_the_others_followed() -> None:
    tables = Tables(NEW)
    leaf = tables.leaf({1: (tables.object(1), 0, 1), 2: (0x1000, 0, 1)})
    one = tables.table(tables.pointers({0: 0x1234_5000, 1: leaf}), 1)
    other = tables.table(tables.leaf({2: (0x1000, 0, 1)}), 0)
    found, cuts = tables.walk(one, other)
    assert found.access.tolist() == [1]
    assert cuts.status.tolist() == [Reason.MALFORMED, Reason.MALFORMED]


def test_pages_that_the_kernel_counts_and_that_are_not_there() -> None:
    tables = Tables(NEW)
    leaf = tables.leaf({1: (tables.object(1), 0, 1)})
    table = tables.table(leaf, 0)
    tables.space.write(table, b"\xff\xff\xff\xff")
    found, cuts = tables.walk(table)
    assert (len(found.owner), cuts.status.tolist()) == (1, [Reason.MISCOUNTED])


def test_no_more_than_the_limit() -> None:
    tables = Tables(NEW)
    leaves = {n: tables.leaf({1: (tables.object(n), 0, 1)}) for n in range(4)}
    limits = Limits(children=3 * tables.per_page)
    found, cuts = tables.walk(tables.table(tables.pointers(leaves), 1, 4), limits=limits)
    assert (len(found.owner), cuts.status.tolist()) == (3, [Reason.LIMIT])


def test_the_table_of_all_processes_and_threads(windows: WindowsImage, opened: Image) -> None:
    kernel = opened.kernel
    place = np.array([kernel.space.word(kernel.symbol("PspCidTable"))], np.uint64)
    cuts = Cuts(1)
    found = open_handles(kernel, Run(), kernel.structs("_HANDLE_TABLE", place), cuts)
    pairs = zip(found.numbers.tolist(), found.objects.tolist(), strict=True)
    assert {str(number): f"{place:#x}" for number, place in pairs} == windows.truth["cid_table"]
    assert not cuts.status.any()
