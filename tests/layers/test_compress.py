"""Compressed dumps: unpacked once, bounded, sparse; damage and bombs are told in one line."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import shutil
import struct
import sys
import time
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zstandard

from memq.errors import ImageError
from memq.layers import compress
from memq.layers.opening import open_physical
from memq.progress import Progress
from tests.layers.test_lime import PAGE, lime_file, memory

if TYPE_CHECKING:
    from collections.abc import Callable

RANGES = [(0x1000, 0x9FC00), (0x100000, 0x180000)]
CONTENT = lime_file(RANGES)


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


KINDS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstd,
    "xz": lzma.compress,
    "gzip": gzip.compress,
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("MEMQ_CACHE_DIR", str(folder))
    return folder


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "no-extension"
    path.write_bytes(content)
    return path


def cached(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def refused(path: Path, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        open_physical(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_unpacked_once(
    tmp_path: Path, cache: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, KINDS[kind](CONTENT))
    with open_physical(path) as physical:
        assert physical.format == "LiME"
        assert physical.path == path
        assert physical.read(0x100000, 0x80000) == memory(0x100000, 0x180000)
    (unpacked,) = cached(cache)
    assert unpacked.read_bytes() == CONTENT
    monkeypatch.setattr(compress, "_unpack_to", None)
    again = tmp_path / "another name"
    path.rename(again)
    with open_physical(again) as physical:
        assert physical.read(0x100000, 8) == memory(0x100000, 0x100008)


def test_another_content_is_unpacked_anew(tmp_path: Path, cache: Path) -> None:
    open_physical(write(tmp_path, zstd(CONTENT))).close()
    other = lime_file([(0x2000, 0x3000)])
    with open_physical(write(tmp_path, zstd(other))) as physical:
        assert physical.starts.tolist() == [0x2000]
    assert len(cached(cache)) == 2


def test_several_members_and_padding(tmp_path: Path, kind: str, cache: Path) -> None:
    """As pigz, pxz and pzstd write them; xz pads with zeros, also over the edge of a chunk."""
    make = KINDS[kind]
    middle = len(CONTENT) // 3
    padding = bytes(1 << 17)
    content = make(CONTENT[:middle]) + make(b"") + padding + make(CONTENT[middle:]) + padding
    open_physical(write(tmp_path, content)).close()
    assert cached(cache)[0].read_bytes() == CONTENT


def test_pzstds_skippable_frames(tmp_path: Path, cache: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"size"
    open_physical(write(tmp_path, skipped + zstd(CONTENT))).close()
    assert cached(cache)[0].read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="NTFS makes holes only when it is asked to")
def test_zeros_are_left_as_holes(tmp_path: Path, cache: Path, kind: str) -> None:
    content = lime_file([(0x1000, 0x2000)]) + bytes(0)
    zeros = 20 << 20
    content += struct.pack("<4sIQQQ", b"EMiL", 1, 0x100000, 0x100000 + zeros + 99, 0)
    content += bytes(zeros) + b"\1" * 100
    open_physical(write(tmp_path, KINDS[kind](content))).close()
    (unpacked,) = cached(cache)
    assert unpacked.read_bytes() == content
    assert unpacked.stat().st_blocks * 512 < 1 << 20


@pytest.mark.parametrize("tail", [0, 1, PAGE - 1, PAGE, PAGE + 1])
def test_zeros_at_the_end_are_counted(tmp_path: Path, cache: Path, tail: int) -> None:
    content = lime_file([(0, PAGE)]) + bytes(tail)
    open_physical(write(tmp_path, gzip.compress(content))).close()
    assert cached(cache)[0].read_bytes() == content


def test_cut_short(tmp_path: Path, cache: Path, kind: str) -> None:
    whole = KINDS[kind](np.random.default_rng(1).bytes(100_000))
    for size in (12, 30, 5000, len(whole) - 1):
        refused(write(tmp_path, whole[:size]), "cut short|damaged")
    assert cached(cache) == []


def test_damaged(tmp_path: Path, cache: Path, kind: str) -> None:
    whole = bytearray(KINDS[kind](CONTENT))
    refused(write(tmp_path, bytes(whole) + b"rubbish" * 3), f"damaged {kind} file|cut short")
    if kind != "zstd":  # a small zstd frame may have no checksum
        whole[len(whole) // 2] ^= 0xFF
        refused(write(tmp_path, bytes(whole)), "damaged")
    assert cached(cache) == []


def test_wrapped_in_wrapped(tmp_path: Path, cache: Path, kind: str) -> None:
    for inner, make in KINDS.items():
        refused(write(tmp_path, KINDS[kind](make(CONTENT))), f"compressed twice \\({inner} within")
    assert cached(cache) == []


def test_what_is_no_dump_is_refused_before_all_of_it_is_unpacked(
    tmp_path: Path, cache: Path, kind: str
) -> None:
    make = KINDS[kind]
    refused(write(tmp_path, make(b"just words, " * 1000)), "text file")
    refused(write(tmp_path, make(b"hibr" + bytes(PAGE))), "Windows hibernation file")
    refused(write(tmp_path, make(b"")), "is empty")
    assert cached(cache) == []


def test_bombs(tmp_path: Path, cache: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than the limit is refused while it is unpacked."""
    monkeypatch.setattr(compress, "_ALWAYS_ALLOWED", 4 << 20)
    monkeypatch.setattr(compress, "_RATIO", 3)
    content = b"\1" + bytes(6 << 20)
    refused(write(tmp_path, KINDS[kind](content)), "more than 4,194,304 bytes")
    assert cached(cache) == []


def test_a_zstd_bomb_that_says_so_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compress._SparseWriter, "write", None)
    header = b"\x28\xb5\x2f\xfd" + b"\xc0" + b"\x58" + struct.pack("<Q", 1 << 40)
    refused(write(tmp_path, header + bytes(PAGE)), "more than 67,108,864 bytes")


def test_a_zstd_bomb_that_does_not_say_so(tmp_path: Path, cache: Path) -> None:
    """Blocks of 128 KB from four bytes each: 2 GB from 64 KB, and no gigabytes on the way."""
    resource = pytest.importorskip("resource")
    head = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x58"  # no content size, window 2 MB
    block = struct.pack("<I", (0 << 24) | (0x20000 << 3) | (1 << 1))[:3] + b"\1"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(write(tmp_path, head + block * (1 << 14)), "more than 67,108,864 bytes")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 400 << (10 if sys.platform != "darwin" else 20)
    assert cached(cache) == []


def test_windows_and_memory_are_bounded(tmp_path: Path) -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=28, compression_level=1)
    stream = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    refused(write(tmp_path, stream.compress(CONTENT) + stream.flush()), "damaged zstd.*memory")
    refused(write(tmp_path, _xz_with_large_dictionary()), "damaged xz.*[Mm]emory")


def _xz_with_large_dictionary() -> bytes:
    """Make a stream whose header asks for 1 GB, without an encoder that needs it."""
    small = bytearray(lzma.compress(CONTENT, preset=0))
    # Behind the stream's 12 bytes: header's size, flags, filter's id, 1, dictionary, padding, CRC.
    size = (small[12] + 1) * 4
    small[12 + 4] = 36  # (2 | 0) << (36 // 2 + 11): 1 GB
    small[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(small[12 : 12 + size - 4]))
    return bytes(small)


def test_a_full_disk(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=1 << 30, used=1 << 30, free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    refused(write(tmp_path, zstd(CONTENT)), "no room.*1 MB free.*MEMQ_CACHE_DIR")
    assert cached(cache) == []


def test_a_cache_that_cannot_be_written(tmp_path: Path, cache: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    refused(write(tmp_path, zstd(CONTENT)), "cannot be unpacked into .*MEMQ_CACHE_DIR")


def test_what_an_interrupted_run_left_is_removed(tmp_path: Path, cache: Path) -> None:
    folder = cache / "unpacked"
    folder.mkdir(parents=True)
    old, new = folder / "old.part", folder / "new.part"
    for part in (old, new):
        part.write_bytes(b"x")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    open_physical(write(tmp_path, zstd(CONTENT))).close()
    assert not old.exists()
    assert new.exists()


def test_an_interrupt_leaves_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(compress._SparseWriter, "finish", stop)
    with pytest.raises(KeyboardInterrupt):
        open_physical(write(tmp_path, zstd(CONTENT)))
    assert cached(cache) == []


def test_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMQ_CACHE_DIR")
    assert compress.cache_folder().name in {"memq", "Cache"}
    monkeypatch.setenv("MEMQ_CACHE_DIR", "elsewhere")
    assert compress.cache_folder() == Path("elsewhere")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_and_erased(tmp_path: Path) -> None:
    terminal = Terminal()
    path = write(tmp_path, gzip.compress(CONTENT))
    open_physical(path, Progress(terminal, delay=0)).close()
    shown = terminal.getvalue()
    assert "unpacking no-extension 0%" in shown
    assert shown.rsplit("\r", 1)[1] == ""
    assert "\n" not in shown
