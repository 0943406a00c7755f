"""Crash dumps with memory: every kind is read, and what a header says is told as it stands."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import ImageError
from memq.layers import crash_bitmap
from memq.layers.crash_header import CrashException, CrashHeader
from memq.layers.opening import open_physical
from tests.synthetic import crash
from tests.synthetic.crash import PAGE, page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory

WIDTHS = pytest.mark.parametrize("wide", [False, True], ids=["32", "64"])
PAGES = [1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 100, 101]


def opened(tmp_path: Path, content: bytes) -> PhysicalMemory:
    path = tmp_path / "memory.dmp"
    path.write_bytes(content)
    return open_physical(path)


def refused(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        opened(tmp_path, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def crash_of(physical: PhysicalMemory) -> CrashHeader:
    assert physical.crash is not None
    return physical.crash


def holds_exactly(physical: PhysicalMemory, pages: Sequence[int]) -> None:
    """Its memory is these pages with their own content, and no other."""
    assert physical.present == len(pages) * PAGE
    assert physical.limit == (max(pages) + 1) * PAGE
    found = {}
    for address, piece in physical.pieces(0, physical.limit, PAGE):
        found[address // PAGE] = piece
    assert found == {number: page(number) for number in pages}


@WIDTHS
def test_full(tmp_path: Path, wide: bool) -> None:
    runs = [(1, 3), (16, 2), (100, 5)]
    with opened(tmp_path, crash.full_dump(wide, runs)) as physical:
        assert physical.format == "Windows crash dump (full)"
        assert physical.warnings == []
        holds_exactly(physical, [n for first, count in runs for n in range(first, first + count)])
        assert crash_of(physical).is_64_bit == wide
        assert crash_of(physical).triage is None


def test_a_dump_of_no_kind_is_a_full_one(tmp_path: Path) -> None:
    """As of systems that had only one kind, and did not write it down."""
    content = crash.full_dump(False, [(1, 3)], dump_type=int.from_bytes(b"PAGE", "little"))
    with opened(tmp_path, content) as physical:
        assert physical.format == "Windows crash dump (full)"
        assert crash_of(physical).dump_type is None
        holds_exactly(physical, [1, 2, 3])


@WIDTHS
@pytest.mark.parametrize(
    ("kind", "mark", "name"),
    [
        (crash.BITMAP, b"SDMP", "bitmap"),
        (crash.BITMAP, b"FDMP", "bitmap"),
        (crash.KERNEL_BITMAP, b"SDMP", "kernel bitmap"),
        (crash.AUTOMATIC, b"SDMP", "automatic"),
        (crash.SUMMARY, b"SDMP", "kernel"),
        (77, b"SDMP", "type 77"),
    ],
)
def test_bitmaps(tmp_path: Path, wide: bool, kind: int, mark: bytes, name: str) -> None:
    with opened(tmp_path, crash.bitmap_dump(wide, PAGES, 105, kind, mark)) as physical:
        assert physical.format == f"Windows crash dump ({name})"
        assert physical.warnings == []
        holds_exactly(physical, PAGES)


@WIDTHS
def test_bitmaps_of_older_kernel_dumps(tmp_path: Path, wide: bool) -> None:
    content = crash.bitmap_dump(wide, PAGES, 105, crash.SUMMARY, is_old=True)
    with opened(tmp_path, content) as physical:
        assert physical.warnings == []
        holds_exactly(physical, PAGES)


def test_live(tmp_path: Path) -> None:
    with opened(tmp_path, crash.live_dump([(5, 2), (9, 1), (300, 4)])) as physical:
        assert physical.format == "Windows crash dump (live, kernel)"
        assert physical.warnings == []
        holds_exactly(physical, [5, 6, 9, 300, 301, 302, 303])


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 300), min_size=1), st.integers(301, 420), st.sampled_from([1, 3, 64]))
def test_any_bitmap(
    tmp_path_factory: pytest.TempPathFactory, pages: set[int], count: int, chunk: int
) -> None:
    """Against one bit after the other; also where runs cross the pieces that are looked at."""
    folder = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crash_bitmap, "_CHUNK", chunk)
        with opened(folder, crash.bitmap_dump(True, sorted(pages), count)) as physical:
            assert physical.warnings == []
            holds_exactly(physical, sorted(pages))


# The header


@WIDTHS
def test_nothing_told_is_nothing_known(tmp_path: Path, wide: bool) -> None:
    content = crash.header(wide, crash.FULL)
    crash.describe(content, [(0, 1)])
    with opened(tmp_path, bytes(content) + page(0)) as physical:
        header = crash_of(physical)
        told = {name for name in crash.PLACES if getattr(header, name) is not None}
        assert told == {"dump_type"}
        assert header.bug_check_parameters == (None,) * 4
        assert (header.comment, header.version_user) == (None, None)
        assert (header.exception, header.context) == (None, None)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.data())
def test_each_member_at_its_extremes(
    tmp_path_factory: pytest.TempPathFactory, wide: bool, data: st.DataObject
) -> None:
    names = [name for name in crash.PLACES if crash.PLACES[name][wide] and name != "dump_type"]
    members = {}
    for name in data.draw(st.lists(st.sampled_from(names), unique=True)):
        place = crash.PLACES[name][wide]
        assert place is not None
        most = (1 << 8 * place[1]) - 1
        extremes = [0, 1, most, most >> 1, (most >> 1) + 1]
        members[name] = data.draw(st.one_of(st.sampled_from(extremes), st.integers(0, most)))
    content = crash.full_dump(wide, [(4, 2)], **members)
    with opened(tmp_path_factory.getbasetemp(), content) as physical:
        fill = b"PAGE" * 2
        for name in names:
            offset, size = crash.PLACES[name][wide] or (0, 0)
            untouched = int.from_bytes(fill[offset % 4 :][:size], "little")
            expected = members.get(name, untouched)
            found = getattr(crash_of(physical), name)
            assert found == (None if expected == untouched else expected), name
        holds_exactly(physical, [4, 5])


@WIDTHS
def test_exception_parameters_and_comment(tmp_path: Path, wide: bool) -> None:
    made = crash.header(wide, crash.FULL)
    crash.describe(made, [(0, 1)])
    word = "Q" if wide else "I"
    struct.pack_into(f"<4{word}", made, crash.PARAMETERS[wide], 1, 2, 3, 0x8000_0000)
    layout = f"<II{word}{word}I{'4x' if wide else ''}2{word}"
    address = 0xFFFF_F800_1234_5678 if wide else 0x8123_4567
    struct.pack_into(layout, made, crash.EXCEPTION[wide], 0xC0000005, 1, 0, address, 2, 8, 9)
    made[crash.COMMENT[wide] : crash.COMMENT[wide] + 6] = b"made\0\0"
    with opened(tmp_path, bytes(made) + page(0)) as physical:
        header = crash_of(physical)
        assert header.bug_check_parameters == (1, 2, 3, 0x8000_0000)
        assert header.exception == CrashException(0xC0000005, 1, address, (8, 9))
        assert header.comment == "made"


def test_parameters_of_an_exception_are_bounded(tmp_path: Path) -> None:
    made = crash.header(True, crash.FULL)
    crash.describe(made, [(0, 1)])
    struct.pack_into("<IIQQI", made, crash.EXCEPTION[True], 1, 0, 0, 5, 0xFFFF_FFFF)
    with opened(tmp_path, bytes(made) + page(0)) as physical:
        exception = crash_of(physical).exception
        assert exception is not None
        assert len(exception.parameters) == 15


# Lies


@WIDTHS
def test_counts_of_runs_that_lie(tmp_path: Path, wide: bool) -> None:
    made = crash.header(wide, crash.FULL)
    crash.describe(made, [(1, 2)], pages=77)
    with opened(tmp_path, bytes(made) + page(1) + page(2)) as physical:
        assert physical.warnings == ["the dump's header counts 77 pages, and its runs have 2"]
        holds_exactly(physical, [1, 2])
    crash.describe(made, [(1, 2), (0, 0)], count=(1 << 32) - 1)
    with opened(tmp_path, bytes(made) + page(1) + page(2)) as physical:
        assert "runs of pages, and has room for" in physical.warnings[0]


@WIDTHS
def test_runs_that_overlap(tmp_path: Path, wide: bool) -> None:
    made = crash.header(wide, crash.FULL)
    crash.describe(made, [(2, 3), (4, 2)])
    content = bytes(made) + b"".join(page(number) for number in (2, 3, 4, 99, 5))
    with opened(tmp_path, content) as physical:
        (warning,) = physical.warnings
        assert "two runs of pages both hold the address 0x4000" in warning
        holds_exactly(physical, [2, 3, 4, 5])


def test_runs_beyond_what_an_address_can_be(tmp_path: Path) -> None:
    made = crash.header(True, crash.FULL)
    crash.describe(made, [(1, 1), (1 << 63, 5), (2, 1 << 62)])
    with opened(tmp_path, bytes(made) + page(1)) as physical:
        assert "2 runs of pages pass 52 bits" in physical.warnings[0]
        holds_exactly(physical, [1])
    crash.describe(made, [(1 << 63, 1)])
    assert "says of no page that it has it" in refused(tmp_path, bytes(made) + page(1))


@WIDTHS
def test_runs_beyond_the_file(tmp_path: Path, wide: bool) -> None:
    content = crash.full_dump(wide, [(1, 3), (16, 2)])
    with opened(tmp_path, content[: -2 * PAGE - 100]) as physical:
        (warning,) = physical.warnings
        assert warning.startswith("the file is cut short: 8,292 of 20,480 bytes")
        assert physical.present == 3 * PAGE - 100


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"pages": 3}, ["the dump's header counts 3 pages, and its bitmap 15"]),
        ({"bits": 1 << 63}, ["speaks of 9,223,372,036,854,775,808 pages, and there is room for"]),
        ({"bits": 16}, ["the dump's header counts 15 pages, and its bitmap 7"]),
    ],
)
def test_bitmaps_that_lie(tmp_path: Path, told: dict[str, int], expected: list[str]) -> None:
    with opened(tmp_path, crash.bitmap_dump(True, PAGES, 105, told=told)) as physical:
        assert len(physical.warnings) == len(expected)
        for warning, words in zip(physical.warnings, expected, strict=True):
            assert words in warning
        for number in PAGES[:7]:
            assert physical.read(number * PAGE, PAGE) == page(number)


def test_a_bitmap_that_says_more_than_the_file_has(tmp_path: Path) -> None:
    content = crash.bitmap_dump(True, PAGES, 105)
    with opened(tmp_path, content[: -5 * PAGE]) as physical:
        assert physical.warnings == [
            "the file is cut short: 20,480 of 61,440 bytes of memory are not in it"
        ]
        holds_exactly(physical, PAGES[:-5])


@pytest.mark.parametrize("told", [{"first": 0}, {"bits": 0}, {"first": 1 << 63}])
def test_a_bitmap_without_size(tmp_path: Path, told: dict[str, int]) -> None:
    content = crash.bitmap_dump(True, PAGES, 105, told=told)
    assert "its bitmap has no size" in refused(tmp_path, content)


def test_a_huge_bitmap_is_read_in_pieces_and_costs_little(tmp_path: Path) -> None:
    """Of a sparse file; what is unpacked of it is never more than a piece."""
    count = 1 << 29  # 64 MB of bitmap, 2 TB of memory
    content = crash.bitmap_dump(True, [1], 8, told={"bits": count, "first": 0x2038 + count // 8})
    path = tmp_path / "huge.dmp"
    with path.open("wb") as file:
        file.write(content[: 3 * PAGE])
        file.seek(0x2038 + count // 8)
        file.write(page(1))
    with open_physical(path) as physical:
        assert physical.warnings == []
        holds_exactly(physical, [1])


def test_a_bitmap_of_too_many_ranges_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_bitmap, "_MOST_RUNS", 3)
    with opened(tmp_path, crash.bitmap_dump(True, PAGES, 105)) as physical:
        assert "has more than 3 ranges; those beyond 0x11000 are not read" in physical.warnings[0]
        holds_exactly(physical, PAGES[:8])


def test_what_has_no_memory(tmp_path: Path) -> None:
    assert "of a header only" in refused(tmp_path, bytes(crash.header(True, crash.HEADER_ONLY)))
    content = bytes(crash.header(True, crash.KERNEL_BITMAP)) + bytes(PAGE)
    assert "what should say which pages it has is not at 0x2000" in refused(tmp_path, content)
    made = crash.header(True, crash.FULL)
    crash.describe(made, [])
    assert "says of no page" in refused(tmp_path, bytes(made) + page(0))


def test_many_runs_are_many_extents(tmp_path: Path) -> None:
    """Every other page: as many extents as pages, looked up as any."""
    pages = list(range(0, 4000, 2))
    with opened(tmp_path, crash.bitmap_dump(True, pages, 4000)) as physical:
        assert len(physical.starts) == len(pages)
        addresses = np.arange(0, 4000 * PAGE, PAGE, dtype=np.uint64)
        data, there = physical.gather(addresses, 8)
        assert there.tolist() == [number % 2 == 0 for number in range(4000)]
        assert [row.tobytes() for row in data[there]] == [page(number)[:8] for number in pages]
