"""Positioned reads: what is read, what is short, and what happens when the file changes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import ImageError
from memq.layers import file as file_module
from memq.layers.file import DumpFile

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 3 * (1 << 20) + 77
CONTENT = np.random.default_rng(5).bytes(SIZE)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "content"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(params=[False, True], ids=["pread", "seeking"])
def file(path: Path, request: pytest.FixtureRequest) -> DumpFile:
    return DumpFile(path, seeking=request.param)


def rows(offsets: list[int], size: int) -> list[bytes]:
    return [CONTENT[offset : offset + size] for offset in offsets]


def test_read(file: DumpFile) -> None:
    assert file.size == SIZE
    assert file.read(0, 16) == CONTENT[:16]
    assert file.read(1_234_567, 1 << 20) == CONTENT[1_234_567 : 1_234_567 + (1 << 20)]
    assert (file.reads, file.bytes_read) == (2, 16 + (1 << 20))


def test_read_is_short_at_the_end(file: DumpFile) -> None:
    assert file.read(SIZE - 3, 10) == CONTENT[-3:]
    assert file.read(SIZE, 10) == b""
    assert file.read(1 << 70, 10) == b""
    assert file.read(0, 0) == b""
    assert file.read(SIZE - 1, 1 << 60) == CONTENT[-1:]


@pytest.mark.parametrize("count", [0, 1, 299, 300, 5000])
@pytest.mark.parametrize("size", [1, 8, 33, 4096])
def test_gather_is_read_one_by_one(file: DumpFile, count: int, size: int) -> None:
    offsets = np.random.default_rng(count).integers(0, SIZE - size + 1, count).astype(np.uint64)
    gathered = file.gather(offsets, size)
    assert gathered.shape == (count, size)
    assert gathered.dtype == np.uint8
    assert [row.tobytes() for row in gathered] == rows(offsets.tolist(), size)
    gathered[:] = 0  # it belongs to the caller


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_gather_spans(path: Path, data: st.DataObject) -> None:
    """Whatever lies close, doubled, sorted or over a window's edge."""
    size = data.draw(st.sampled_from([1, 8, 100, 3000]))
    edge = st.integers(-4000, 4000).map(lambda n: (1 << 20) + n)
    offset = st.one_of(st.integers(0, SIZE - size), edge, st.sampled_from([0, SIZE - size]))
    offsets = data.draw(st.lists(offset, min_size=1, max_size=60)) * 20
    if data.draw(st.booleans()):
        offsets.sort()
    with DumpFile(path) as file:
        gathered = file._gather_spans(np.array(offsets, np.uint64), size)
    assert [row.tobytes() for row in gathered] == rows(offsets, size)


def test_gather_reads_neighbours_once(file: DumpFile) -> None:
    offsets = np.arange(0, 1 << 20, 8, dtype=np.uint64)
    file.gather(offsets, 8)
    assert (file.reads, file.bytes_read) == (1, 1 << 20)


def test_gather_leaves_out_what_lies_between(file: DumpFile) -> None:
    offsets = np.arange(400, dtype=np.uint64) * 4096
    file.gather(offsets, 8)
    assert (file.reads, file.bytes_read) == (400, 3200)


def test_gather_beyond_the_end_is_the_callers_fault(file: DumpFile) -> None:
    with pytest.raises(ValueError, match="beyond the end"):
        file.gather(np.array([SIZE - 7], np.uint64), 8)


def test_gather_holds_little(path: Path) -> None:
    """Joined spans are held 1 MB at a time, never the whole file."""
    spans = file_module._Spans(np.arange(0, SIZE - 8, 512, dtype=np.int64), 8)
    assert max(spans.bytes_of(window) for window in spans.windows()) <= 2 << 20
    assert len(spans.windows()) >= SIZE >> 20


@pytest.mark.parametrize("seeking", [False, True])
def test_a_file_that_shrinks_is_an_error(tmp_path: Path, seeking: bool) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(bytes(1 << 20))
    with DumpFile(path, seeking=seeking) as file:
        os.truncate(path, 4096)
        assert file.read(0, 4096) == bytes(4096)
        for few_or_many in (10, 1000):
            with pytest.raises(ImageError, match="become shorter"):
                file.gather(np.arange(few_or_many, dtype=np.uint64) * 1000, 8)
        with pytest.raises(ImageError, match="become shorter"):
            file.read(4000, 200)
        with pytest.raises(ImageError, match="become shorter"):
            file.read(1 << 19, 8)


def test_a_file_that_grows_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"abc")
    with DumpFile(path) as file:
        path.write_bytes(b"abcdef")
        assert file.read(0, 100) == b"abc"


def test_large_reads_that_come_in_parts_are_put_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux hands out at most 2 GB at a time; here 1000 bytes."""
    whole = file_module._pread
    if whole is None:
        pytest.skip("no pread here")
    monkeypatch.setattr(file_module, "_pread", lambda fd, n, at: whole(fd, min(n, 1000), at))
    with DumpFile(path) as file:
        assert file.read(5, 4321) == CONTENT[5:4326]


def test_an_error_of_the_system_is_one_line(path: Path) -> None:
    file = DumpFile(path)
    file.close()
    file.close()
    with pytest.raises(ImageError, match="cannot be read") as caught:
        file.read(0, 1)
    assert "\n" not in str(caught.value)
    with pytest.raises(ImageError, match="cannot be read"):
        file.gather(np.zeros(1, np.uint64), 1)


def test_a_file_that_is_forgotten_is_closed(path: Path) -> None:
    file = DumpFile(path)
    descriptor = file._fd
    del file
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="No such file"):
        DumpFile(tmp_path / "nothing")
    with pytest.raises(ImageError, match="is a folder"):
        DumpFile(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ImageError, match="not a regular file"):
        DumpFile(pipe)


def test_messages_name_the_file_that_the_user_gave(path: Path, tmp_path: Path) -> None:
    given_path = tmp_path / "dump.xz"
    file = DumpFile(path, given_path)
    assert file.path == given_path
    file.close()
    with pytest.raises(ImageError, match=r"dump\.xz: "):
        file.read(0, 1)


def test_will_need_is_advice_only(file: DumpFile, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(file_module, "_advise", lambda _fd, *place: asked.append(place))
    offsets = np.array([0, 1 << 20], np.uint64)
    file.will_need(offsets, 4096)
    assert [place[:2] for place in asked] == [(0, 4096), (1 << 20, 4096)]
    monkeypatch.setattr(file_module, "_advise", None)
    file.will_need(offsets, 4096)
    assert file.read(0, 4) == CONTENT[:4]
