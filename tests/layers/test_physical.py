"""Physical memory over random extents: every way to read it says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import ImageError
from memq.layers.file import DumpFile
from memq.layers.physical import Extent, PhysicalMemory

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096


class Model:
    """The same memory as a dictionary of its bytes: slow, and beyond doubt."""

    def __init__(self, content: bytes, extents: list[Extent]) -> None:
        self.bytes = {
            address: content[extent.offset + address - extent.start]
            for extent in extents
            for address in range(extent.start, extent.end)
        }

    def read(self, address: int, size: int) -> bytes | None:
        found = [self.bytes.get(address + i) for i in range(size)]
        return None if None in found else bytes(byte for byte in found if byte is not None)


@st.composite
def layouts(draw: st.DrawFn) -> list[Extent]:
    """Extents with holes, some that touch, some of those also adjacent in the file."""
    extents = []
    address = draw(st.sampled_from([0, 0, 5, PAGE]))
    offset = 0
    for _ in range(draw(st.integers(1, 6))):
        address += draw(st.sampled_from([0, 0, 1, 7, 300]))
        offset += draw(st.sampled_from([0, 0, 32]))
        size = draw(st.integers(1, 400))
        extents.append(Extent(address, address + size, offset))
        address += size
        offset += size
    return draw(st.permutations(extents))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("physical") / "content"
    path.write_bytes(np.random.default_rng(9).bytes(1 << 16))
    return path


def memory(path: Path, extents: list[Extent]) -> PhysicalMemory:
    return PhysicalMemory(DumpFile(path), "raw", extents)


ADDRESS = st.one_of(st.integers(0, 5000), st.integers(1, 300).map(lambda n: 2**64 - n))


@settings(max_examples=150, deadline=None)
@given(layouts(), st.lists(ADDRESS, max_size=60), st.integers(1, 60))
def test_every_way_to_read_agrees(
    path: Path, extents: list[Extent], addresses: list[int], size: int
) -> None:
    model = Model(path.read_bytes(), extents)
    expected = [model.read(address, size) for address in addresses]
    given_addresses = np.array(addresses, np.uint64)
    with memory(path, extents) as physical:
        assert [physical.read(address, size) for address in addresses] == expected
        present = [row is not None for row in expected]
        assert physical.holds(given_addresses, size).tolist() == present
        rows = [row if row is not None else bytes(size) for row in expected]
        for times in (1, 30):  # few are read one by one, many are gathered
            data, there = physical.gather(np.tile(given_addresses, times), size)
            assert there.tolist() == present * times
            assert data.shape == (len(rows) * times, size)
            assert [row.tobytes() for row in data] == rows * times
        assert physical.present == len(model.bytes)
        assert physical.limit == max(model.bytes) + 1


@settings(max_examples=150, deadline=None)
@given(
    layouts(), st.integers(-10, 3000), st.integers(0, 3000), st.integers(1, 500), st.integers(0, 40)
)
def test_pieces_are_all_that_is_present(
    path: Path, extents: list[Extent], start: int, length: int, size: int, overlap: int
) -> None:
    model = Model(path.read_bytes(), extents)
    end = start + length
    seen: dict[int, int] = {}
    last = -1
    with memory(path, extents) as physical:
        assert physical.present_in(start, end) == sum(start <= at < end for at in model.bytes)
        for address, piece in physical.pieces(start, end, size, overlap):
            assert last < address
            assert start <= address
            assert address + len(piece) <= end
            assert 0 < len(piece) <= size + overlap
            assert piece == model.read(address, len(piece))
            own = min(len(piece), size - address % size)
            # The overlap is cut only where the memory or the question ends.
            following = address + len(piece)
            assert len(piece) == own + overlap or following == end or following not in model.bytes
            for at in range(address, address + own):
                seen[at] = seen.get(at, 0) + 1
            last = address
    # A piece in which a stretch ends counts only bytes that are there; none is left out.
    assert set(seen) == {at for at in model.bytes if start <= at < end}
    assert set(seen.values()) <= {1}


def test_a_pattern_over_the_edge_of_a_piece_is_found_once(tmp_path: Path) -> None:
    content = bytearray(3 * PAGE)
    content[PAGE - 3 : PAGE + 3] = b"MARKER"
    path = tmp_path / "image"
    path.write_bytes(content)
    with memory(path, [Extent(0, PAGE, 0), Extent(PAGE, 3 * PAGE, PAGE)]) as physical:
        found = [
            address + piece.find(b"MARKER")
            for address, piece in physical.pieces(0, physical.limit, PAGE, 5)
            if b"MARKER" in piece
        ]
    assert found == [PAGE - 3]


def test_extents_that_follow_each_other_are_one(path: Path) -> None:
    with memory(path, [Extent(0, PAGE, 32), Extent(PAGE, 9000, 32 + PAGE)]) as physical:
        assert physical.starts.tolist() == [0]
        assert physical.ends.tolist() == [9000]
        assert physical.offsets.tolist() == [32]
        physical.read(PAGE - 4, 8)
        assert physical.reads == 1


def test_scalar_reads_touch_only_what_is_asked(path: Path) -> None:
    with memory(path, [Extent(0, 1 << 16, 0)]) as physical:
        physical.read(100, 8)
        physical.gather(np.array([0, 5000, 9000], np.uint64), 16)
        assert (physical.reads, physical.bytes_read) == (4, 8 + 3 * 16)
        assert physical.read(1 << 16, 1) is None
        assert physical.read(0, -1) is None
        assert physical.read(0, 0) == b""
        assert physical.reads == 4


def test_huge_sizes_allocate_nothing(path: Path) -> None:
    with memory(path, [Extent(0, PAGE, 0), Extent(PAGE, 2 * PAGE, 3 * PAGE)]) as physical:
        assert physical.read(0, 1 << 62) is None
        assert physical.read(PAGE - 1, 1 << 80) is None
        assert physical.read(1 << 80, 8) is None
        assert physical.read(-20, 8) is None
        assert physical.read(-4, 8) is None


def test_holds_knows_the_edges(path: Path) -> None:
    addresses = np.array([0, 1, 2**64 - 8, PAGE - 8, PAGE - 7], np.uint64)
    with memory(path, [Extent(1, PAGE, 0)]) as physical:
        assert physical.holds(addresses, 8).tolist() == [False, True, False, True, False]
        assert physical.holds(addresses, PAGE).tolist() == [False] * 5


def test_overlaps_are_refused(path: Path) -> None:
    with pytest.raises(ImageError, match="two ranges both hold the address 0xfff"):
        memory(path, [Extent(0, PAGE, 0), Extent(PAGE - 1, 2 * PAGE, PAGE)])


@pytest.mark.parametrize(("start", "end"), [(5, 4), (0, (1 << 52) + 1), (1 << 60, (1 << 60) + 1)])
def test_impossible_addresses_are_refused(path: Path, start: int, end: int) -> None:
    with pytest.raises(ImageError, match="cannot be"):
        memory(path, [Extent(0, 1, 0), Extent(start, end, PAGE)])


def test_what_is_beyond_the_end_of_the_file_is_absent(path: Path) -> None:
    size = 1 << 16
    extents = [
        Extent(0, PAGE, size - 100),
        Extent(8192, 8192 + PAGE, size + 5),
        Extent(5000, 6000, 0),
    ]
    with memory(path, extents) as physical:
        assert physical.warnings == [
            "the file is cut short: 8,092 of 9,192 bytes of memory are not in it"
        ]
        assert physical.ends.tolist() == [100, 6000]
        assert physical.read(92, 8) is not None
        assert physical.read(93, 8) is None
    with pytest.raises(ImageError, match="without any memory in it: it is cut short"):
        memory(path, extents[1:2])


def test_will_need_leaves_out_what_is_absent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    with memory(path, [Extent(PAGE, 2 * PAGE, 0)]) as physical:
        monkeypatch.setattr(physical.file, "will_need", lambda offsets, _: asked.extend(offsets))
        physical.will_need(np.array([0, PAGE, 2 * PAGE - 100], np.uint64), 200)
    assert asked == [0]
