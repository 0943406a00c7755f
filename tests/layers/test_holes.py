"""Holes of sparse files: searches may leave them out, and nothing else."""

from __future__ import annotations

import errno
import itertools
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import ImageError
from memq.layers import file as file_module
from memq.layers.file import DumpFile
from memq.layers.opening import open_physical
from memq.layers.physical import Extent, PhysicalMemory
from tests.synthetic.sparse import HoleFile, tells_holes, write_sparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PAGE = 4096
HALF = 1 << 20
SIZE = 4 * HALF + 77
PARTS = {PAGE: b"first", 2 * HALF + 3: b"second", 2 * HALF + 5 * PAGE: b"third"}


@pytest.fixture(params=[False, True], ids=["pread", "seeking"])
def sparse(tmp_path: Path, request: pytest.FixtureRequest) -> DumpFile:
    return DumpFile(write_sparse(tmp_path / "sparse", SIZE, PARTS), seeking=request.param)


def test_what_is_said_to_be_a_hole_reads_as_zeros(sparse: DumpFile) -> None:
    for offset in (0, 1, PAGE + 2, HALF, 2 * HALF, 2 * HALF + 5, 3 * HALF, SIZE - 1):
        following = sparse.data_from(offset)
        assert offset <= following <= SIZE
        assert not any(sparse.read(offset, following - offset))
        assert sparse.read(PAGE, 5) == b"first"


def test_holes_are_skipped_where_the_file_system_tells_them(
    sparse: DumpFile, tmp_path: Path
) -> None:
    if not tells_holes(tmp_path):
        pytest.skip("the file system does not tell holes")
    assert HALF < sparse.data_from(HALF) <= 2 * HALF + 3
    assert sparse.data_from(PAGE) == PAGE
    assert sparse.data_from(3 * HALF) == SIZE
    assert sparse.data_from(SIZE) == SIZE
    assert sparse.data_from(SIZE + 1) == SIZE


def test_a_system_that_knows_no_holes(sparse: DumpFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_module, "_SEEK_DATA", None)
    assert sparse.data_from(HALF) == HALF


def test_a_file_system_that_knows_no_holes(
    sparse: DumpFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> int:
        raise OSError(errno.EINVAL, "no such thing")

    monkeypatch.setattr(os, "lseek", refuse)
    assert sparse.data_from(HALF) == HALF


def test_the_end_of_a_file_that_shrinks_is_no_hole(tmp_path: Path, sparse: DumpFile) -> None:
    os.truncate(tmp_path / "sparse", PAGE + 5)
    assert sparse.data_from(HALF) == HALF
    memory = PhysicalMemory(sparse, "raw", [Extent(0, SIZE, 0)])
    with pytest.raises(ImageError, match="become shorter"):
        list(memory.pieces(0, SIZE, holes=False))


BLOCK = 512


@st.composite
def memories(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[Extent]]:
    """Runs of blocks of a file, empty or not, and extents that lie anyhow in it."""
    run = st.sampled_from([(0, 1), (0, 8), (0, 40), (1, 1), (1, 8)])
    runs = [(1, 1), *draw(st.lists(run, max_size=24))]
    size = sum(times for _, times in runs) * BLOCK
    lengths = st.sampled_from([1, 700, PAGE, 9 * PAGE, 99 * PAGE])
    edges = [0]
    while edges[-1] < size:
        edges.append(min(size, edges[-1] + draw(lengths)))
    extents = []
    address = draw(st.sampled_from([0, 5, 3 * PAGE, 3 * PAGE + 700]))
    for offset, end in draw(st.permutations(list(itertools.pairwise(edges)))):
        extents.append(Extent(address, address + end - offset, offset))
        address += end - offset + draw(st.sampled_from([0, 0, 3, PAGE]))
    return runs, extents


@settings(max_examples=100, deadline=None)
@given(
    memories(),
    st.sampled_from([0, 1000, 2 * PAGE]),
    st.sampled_from([PAGE, 3 * PAGE]),
    st.sampled_from([0, 9, PAGE]),
)
def test_nothing_but_pages_of_zeros_is_left_out(
    tmp_path_factory: pytest.TempPathFactory,
    memory: tuple[list[tuple[int, int]], list[Extent]], start: int, size: int, overlap: int,
) -> None:  # fmt: skip
    """By pages of memory, wherever they lie in the file; what is given is as it is read."""
    runs, extents = memory
    path = tmp_path_factory.getbasetemp() / "holes"
    blocks = bytes(BLOCK), b"\0" * (BLOCK - 9) + b"something"
    path.write_bytes(b"".join(blocks[which] * times for which, times in runs))
    with PhysicalMemory(HoleFile(path, BLOCK), "raw", extents) as physical:
        part = start, physical.limit
        wanted = list(_pages(physical.pieces(*part, PAGE, overlap), PAGE, overlap))
        found = list(_pages(physical.pieces(*part, size, overlap, holes=False), size, overlap))
    assert found == sorted(set(found))
    assert set(found) <= set(wanted)
    left_out = set(wanted) - set(found)
    assert not any(any(page[: PAGE - address % PAGE]) for address, page in left_out)


def _pages(
    pieces: Iterable[tuple[int, bytes]], size: int, overlap: int
) -> Iterator[tuple[int, bytes]]:
    """Cut pieces into pages, each with as many bytes of what follows."""
    for address, piece in pieces:
        own, at = min(len(piece), size - address % size), 0
        while at < own:
            following = min(own, at + PAGE - (address + at) % PAGE)
            yield address + at, piece[at : following + overlap]
            at = following


def test_pieces_that_are_no_pages_are_the_callers_fault(sparse: DumpFile) -> None:
    memory = PhysicalMemory(sparse, "raw", [Extent(0, SIZE, 0)])
    with pytest.raises(ValueError, match="whole pages"):
        next(memory.pieces(0, SIZE, 700, holes=False))


def test_holes_are_not_read(tmp_path: Path) -> None:
    path = write_sparse(tmp_path / "large", 1 << 40, {HALF: b"A", 1 << 39: b"B"})
    if not tells_holes(tmp_path):
        pytest.skip("the file system does not tell holes")
    with open_physical(path) as physical:
        assert physical.format == "raw"
        found = [
            address + piece.index(mark)
            for address, piece in physical.pieces(0, physical.limit, holes=False)
            for mark in (b"A", b"B")
            if mark in piece
        ]
        assert found == [HALF, 1 << 39]
        assert physical.bytes_read < 4 * HALF
        # They are memory all the same, and it is known what is in it.
        assert physical.read(1 << 38, 8) == bytes(8)
        assert physical.present == 1 << 40


def test_an_image_that_is_one_hole_is_refused_at_once(tmp_path: Path) -> None:
    path = write_sparse(tmp_path / "empty", 1 << 40 if tells_holes(tmp_path) else 1 << 21, {})
    with pytest.raises(ImageError, match="nothing but zeros"):
        open_physical(path)


def test_small_extents_are_read_without_being_asked_for(tmp_path: Path) -> None:
    """As many questions as extents would cost more than the reading of them."""
    path = tmp_path / "small"
    path.write_bytes(np.random.default_rng(3).bytes(64 * PAGE))
    extents = [Extent(2 * PAGE * n, 2 * PAGE * n + PAGE, PAGE * n) for n in range(64)]
    with PhysicalMemory(_Unasked(path), "raw", extents) as physical:
        size = 16 * PAGE
        pieces = list(physical.pieces(0, physical.limit, size, holes=False))
        assert pieces == list(physical.pieces(0, physical.limit, size))


class _Unasked(DumpFile):
    def data_from(self, offset: int) -> int:
        raise AssertionError(f"asked of {offset:#x}")
