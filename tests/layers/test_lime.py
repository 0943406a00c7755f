"""LiME files: read, cut at every page, and damaged."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import ImageError
from memq.layers import lime
from memq.layers.opening import open_physical

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096


def page(number: int, size: int = PAGE) -> bytes:
    """Content of page `number`: its number, mixed so that no page is zero."""
    return struct.pack("<Q", (number + 1) * 0x9E3779B97F4A7C15 % 2**64) * (size // 8)


def memory(start: int, end: int) -> bytes:
    """Memory from start to end, pages filled from their numbers."""
    whole = b"".join(page(number) for number in range(start // PAGE, -(-end // PAGE)))
    return whole[start % PAGE : start % PAGE + end - start]


def header(first: int, last: int, version: int = 1) -> bytes:
    return struct.pack("<4sIQQQ", b"EMiL", version, first, last, 0)


def lime_file(ranges: list[tuple[int, int]]) -> bytes:
    """Ranges as [start, end), each with its content."""
    return b"".join(header(start, end - 1) + memory(start, end) for start, end in ranges)


RANGES = [(0x1000, 0x9FC00), (0x100000, 0x190000), (0x190000, 0x1A0000)]
CONTENT = lime_file(RANGES)


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "dump.bin"
    path.write_bytes(content)
    return path


def test_every_page_is_where_it_belongs(tmp_path: Path) -> None:
    with open_physical(write(tmp_path, CONTENT)) as physical:
        assert physical.format == "LiME"
        assert physical.warnings == []
        assert physical.starts.tolist() == [start for start, _ in RANGES]
        assert physical.ends.tolist() == [end for _, end in RANGES]
        numbers = np.arange(0x1B0, dtype=np.uint64)
        data, present = physical.gather(numbers * np.uint64(PAGE), PAGE)
        for number in numbers.tolist():
            whole = any(a <= number * PAGE and (number + 1) * PAGE <= b for a, b in RANGES)
            assert present[number] == whole
            assert data[number].tobytes() == (page(number) if whole else bytes(PAGE))


def test_a_range_may_end_inside_a_page(tmp_path: Path) -> None:
    with open_physical(write(tmp_path, CONTENT)) as physical:
        assert physical.read(0x9FC00 - 8, 8) == page(0x9F)[:8]
        assert physical.read(0x9FC00 - 4, 8) is None
        assert physical.read(0x9FC00, 1) is None


def test_ranges_that_touch_are_read_across(tmp_path: Path) -> None:
    with open_physical(write(tmp_path, CONTENT)) as physical:
        assert physical.read(0x190000 - 16, 32) == memory(0x190000 - 16, 0x190000 + 16)


@pytest.mark.parametrize("pages", range(1 << 20 >> 12))
def test_cut_at_every_page_it_opens_with_a_warning(tmp_path: Path, pages: int) -> None:
    size = pages * PAGE
    path = write(tmp_path, CONTENT[:size])
    if pages == 0:
        with pytest.raises(ImageError, match="is empty"):
            open_physical(path)
        return
    with open_physical(path) as physical:
        assert len(physical.warnings) == 1
        assert physical.warnings[0].startswith("the file is cut short")
        for address, piece in physical.pieces(0, physical.limit):
            assert piece == memory(address, address + len(piece))
        # All that the file still has is there, but for the headers.
        assert physical.present == size - 32 * (1 + (size > 32 + RANGES[0][1] - RANGES[0][0]))


def test_cut_inside_a_header(tmp_path: Path) -> None:
    first = 32 + RANGES[0][1] - RANGES[0][0]
    with open_physical(write(tmp_path, CONTENT[: first + 20])) as physical:
        assert physical.warnings == [
            "the file is cut short: 20 bytes of a LiME header stand at its end"
        ]
        assert physical.present == first - 32
    with pytest.raises(ImageError, match="without any memory"):
        open_physical(write(tmp_path, CONTENT[:20]))


def test_what_follows_the_last_range_is_warned_of(tmp_path: Path) -> None:
    with open_physical(write(tmp_path, CONTENT + bytes(100))) as physical:
        (warning,) = physical.warnings
        assert warning.startswith("no LiME header at 0x")
        assert "100 bytes" in warning


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header(0x2000, 0x1000) + bytes(PAGE), "from 0x2000 to 0x1000"),
        (header(0, 1 << 52) + bytes(PAGE), "from 0x0 to 0x1"),
        (header(0, 2**64 - 1) + bytes(PAGE), "from 0x0 to 0xf"),
        (header(2**64 - 1, 0) + bytes(PAGE), "to 0x0"),
        (header(0, PAGE - 1, 2) + bytes(PAGE), "version 2"),
        (header(0, PAGE - 1) + bytes(PAGE) + header(0x800, 0x17FF) + bytes(PAGE), "two ranges"),
        (b"".join(header(2 * n, 2 * n) + b"x" for n in range(1000)), "more than 500 ranges"),
    ],
)
def test_damage_is_one_line(
    tmp_path: Path, content: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lime, "_MAX_RANGES", 500)
    with pytest.raises(ImageError, match=message) as caught:
        open_physical(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_many_ranges_open(tmp_path: Path) -> None:
    ranges = [(n * 2 * PAGE, n * 2 * PAGE + 64) for n in range(3000)]
    with open_physical(write(tmp_path, lime_file(ranges))) as physical:
        addresses = np.arange(6000, dtype=np.uint64) * np.uint64(PAGE)
        data, present = physical.gather(addresses, 64)
        assert present.tolist() == [True, False] * 3000
        assert data[2 * 1234].tobytes() == page(2 * 1234)[:64]
