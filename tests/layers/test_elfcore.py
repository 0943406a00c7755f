"""ELF cores: QEMU's odd order, the extended count, notes, truncation, and damage."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import ImageError
from memq.layers.opening import open_physical
from tests.layers.test_lime import PAGE, memory, page

if TYPE_CHECKING:
    from pathlib import Path

LOAD, NOTE = 1, 4
KERNEL_TEXT = 0xFFFF_FFFF_8100_0000


def segment(
    kind: int, offset: int, physical: int, file_size: int, memory_size: int, virtual: int = 0
) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, 7, offset, virtual, physical, file_size, memory_size, 0)


def note(name: bytes, descriptor: bytes) -> bytes:
    named = name + b"\0"
    head = struct.pack("<III", len(named), len(descriptor), 0)
    return head + named + bytes(-len(named) % 4) + descriptor + bytes(-len(descriptor) % 4)


def elf_header(
    count: int,
    phoff: int = 64,
    *,
    ident: bytes = b"\x7fELF\x02\x01\x01",
    kind: int = 4,
    machine: int = 62,
    entry: int = 56,
    shoff: int = 0,
    size: int = 64,
) -> bytes:
    fields = (kind, machine, 1, 0, phoff, shoff, 0, size, entry, count, 64, int(shoff > 0), 0)
    return struct.pack("<16sHHIQQQIHHHHHH", ident, *fields)


def elf_core(ranges: list[tuple[int, int]], notes: bytes = b"", *, extended: bool = False) -> bytes:
    """Make a core in QEMU's order: header, one section header, program headers, notes, memory."""
    count = len(ranges) + 1
    header = elf_header(0xFFFF if extended else count, 128, shoff=64, size=8)
    section = struct.pack("<44xI16x", count if extended else 0)
    offset = 128 + 56 * count
    segments = [segment(NOTE, offset, 0, len(notes), len(notes))]
    offset += len(notes)
    for start, end in ranges:
        segments.append(segment(LOAD, offset, start, end - start, end - start, start))
        offset += end - start
    content = b"".join(memory(start, end) for start, end in ranges)
    return header + section + b"".join(segments) + notes + content


RANGES = [(0, 0xA0000), (0xC0000, 0x160000), (0xFD000000, 0xFD010000)]
VMCOREINFO = b"OSRELEASE=6.1.0\nPAGESIZE=4096\n\0\0\0"
NOTES = note(b"CORE", bytes(336)) + note(b"QEMU", b"\1" * 440) + note(b"VMCOREINFO", VMCOREINFO)
CONTENT = elf_core(RANGES, NOTES)


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "dump.bin"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("extended", [False, True])
def test_every_page_is_where_it_belongs(tmp_path: Path, extended: bool) -> None:
    content = elf_core(RANGES, NOTES, extended=extended)
    with open_physical(write(tmp_path, content)) as physical:
        assert physical.format == "ELF core"
        assert physical.warnings == []
        assert list(zip(physical.starts.tolist(), physical.ends.tolist(), strict=True)) == RANGES
        numbers = [*range(0x170), *range(0xFCFFF, 0xFD012)]
        data, present = physical.gather(np.array(numbers, np.uint64) * np.uint64(PAGE), PAGE)
        for row, number in enumerate(numbers):
            there = any(start <= number * PAGE < end for start, end in RANGES)
            assert present[row] == there
            assert data[row].tobytes() == (page(number) if there else bytes(PAGE))


def test_notes_are_kept(tmp_path: Path) -> None:
    with open_physical(write(tmp_path, CONTENT)) as physical:
        assert physical.notes["VMCOREINFO"] == VMCOREINFO
        assert physical.notes["QEMU"] == b"\1" * 440


def test_damaged_notes_are_left(tmp_path: Path) -> None:
    for notes in (
        b"\xff" * 12,
        note(b"A", b"x") + struct.pack("<III", 8, 1 << 31, 0) + bytes(8),
        note(b"A", b"x") + b"\1\2\3",
        bytes(4096),
    ):
        with open_physical(write(tmp_path, elf_core(RANGES[:1], notes))) as physical:
            assert physical.notes.get("A", b"x") == b"x"
            assert "VMCOREINFO" not in physical.notes


def test_only_what_is_in_the_file_is_present(tmp_path: Path) -> None:
    """p_filesz < p_memsz: the rest would be zero in a program, and is not known in a dump."""
    content = elf_header(1) + segment(LOAD, 120, 0x1000, PAGE, 4 * PAGE) + page(1)
    with open_physical(write(tmp_path, content)) as physical:
        assert physical.read(0x1000, PAGE) == page(1)
        assert physical.read(0x2000, 1) is None
        assert physical.limit == 0x2000
        assert physical.warnings == []


def test_the_kernels_second_copy_in_vmcore_is_left_out(tmp_path: Path) -> None:
    segments = segment(LOAD, 176, 0x3000, PAGE, PAGE, KERNEL_TEXT)
    segments += segment(LOAD, 176 + PAGE, 0x1000, 8 * PAGE, 8 * PAGE, 0xFFFF_8880_0000_1000)
    content = elf_header(2) + segments + page(3) + memory(0x1000, 0x9000)
    with open_physical(write(tmp_path, content)) as physical:
        assert physical.starts.tolist() == [0x1000]
        assert physical.read(0x1000, 8 * PAGE) == memory(0x1000, 0x9000)


@pytest.mark.parametrize("pages", range(1 << 20 >> 12))
def test_cut_at_every_page(tmp_path: Path, pages: int) -> None:
    """It opens with a warning, or is refused in one line: where the headers are not whole."""
    path = write(tmp_path, CONTENT[: pages * PAGE])
    begin = CONTENT.index(memory(0, PAGE))
    if pages * PAGE <= begin:
        with pytest.raises(ImageError) as caught:
            open_physical(path)
        assert "\n" not in str(caught.value)
        return
    with open_physical(path) as physical:
        assert [warning[:21] for warning in physical.warnings] == ["the file is cut short"]
        assert physical.present == pages * PAGE - begin
        for address, piece in physical.pieces(0, physical.limit):
            assert piece == memory(address, address + len(piece))


@pytest.mark.parametrize("size", [4, 5, 20, 63, 64, 100, 150, 170])
def test_cut_inside_the_headers(tmp_path: Path, size: int) -> None:
    with pytest.raises(ImageError) as caught:
        open_physical(write(tmp_path, CONTENT[:size]))
    assert "\n" not in str(caught.value)


def two(first: bytes, second: bytes) -> bytes:
    return elf_header(2) + first + second + bytes(4 * PAGE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (two(segment(LOAD, 176, 0, PAGE, PAGE), segment(LOAD, 176, 0, PAGE, PAGE)), "process's"),
        (
            two(segment(LOAD, 176, 0, 2 * PAGE, 2 * PAGE), segment(LOAD, 176, PAGE, PAGE, PAGE)),
            "two ranges both hold the address 0x1000",
        ),
        (
            two(segment(LOAD, 176, 1 << 52, PAGE, PAGE), segment(LOAD, 176, PAGE, PAGE, PAGE)),
            "52 bits",
        ),
        (elf_header(1) + segment(LOAD, 2**64 - 8, PAGE, PAGE, PAGE), "a segment at 0xf"),
        (elf_header(1) + segment(LOAD, 120, PAGE, 2**64 - 1, 2**64 - 1), "damaged"),
        (elf_header(1) + segment(LOAD, 1 << 40, PAGE, PAGE, PAGE), "cut short"),
        (elf_header(1) + segment(NOTE, 120, 0, 0, 0), "no PT_LOAD"),
        (elf_header(0), "no PT_LOAD"),
        (elf_header(60000) + bytes(PAGE), "ends before its program headers"),
        (elf_header(1, 2**64 - 1), "ends before its program headers"),
        (elf_header(1, entry=32) + bytes(PAGE), "of 32 bytes"),
        (elf_header(0xFFFF, shoff=64) + b"\xff" * 64, "4,294,967,295 program headers"),
        (elf_header(0xFFFF, shoff=2**64 - 1), "no section header"),
        (elf_header(1, kind=2) + bytes(PAGE), "a program, not a core"),
        (elf_header(1, kind=0xFE00) + bytes(PAGE), "of type 65024"),
        (elf_header(1, machine=183) + bytes(PAGE), "core of ARM64"),
        (elf_header(1, machine=9999) + bytes(PAGE), "machine 9999"),
        (elf_header(1, ident=b"\x7fELF\x01\x01\x01") + bytes(PAGE), "32-bit"),
        (elf_header(1, ident=b"\x7fELF\x02\x02\x01") + bytes(PAGE), "big-endian"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        open_physical(write(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_one_segment_at_zero_is_memory(tmp_path: Path) -> None:
    content = elf_header(1) + segment(LOAD, 120, 0, PAGE, PAGE) + page(0)
    with open_physical(write(tmp_path, content)) as physical:
        assert physical.read(0, PAGE) == page(0)
