"""Triage minidumps: pieces at virtual addresses, the parts beside them, and lists of drivers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import ImageError
from memq.layers.opening import open_physical
from memq.layers.paging import X86, X86_64
from memq.layers.space import AddressSpace, DirectWindow
from memq.layers.triage_lists import TriageDriver, UnloadedDriver
from tests.layers.windows_lab import plain
from tests.synthetic.crash import Triage

if TYPE_CHECKING:
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory
    from memq.layers.triage import TriagePart, TriageParts

START = 0xFFFF_8000_0000_0000
KERNEL = 0xFFFF_F803_1000_0000
WIDTHS = pytest.mark.parametrize("wide", [False, True], ids=["32", "64"])


def opened(tmp_path: Path, content: bytes) -> PhysicalMemory:
    path = tmp_path / "mini.dmp"
    path.write_bytes(content)
    return open_physical(path)


def parts_of(physical: PhysicalMemory) -> TriageParts:
    assert physical.crash is not None
    assert physical.crash.triage is not None
    return physical.crash.triage


def address_of(part: TriagePart | None) -> int | None:
    assert part is not None
    return part.address


def virtual(physical: PhysicalMemory) -> AddressSpace:
    """Virtual memory as the dump has it, without any page table."""
    start = parts_of(physical).window_start
    windows = [DirectWindow(start, 1 << 64, 0), DirectWindow(0, 1 << 47, 1 << 47)]
    return AddressSpace(physical, X86_64 if start else X86, 0, windows[: 2 if start else 1])


@WIDTHS
def test_blocks_and_parts(tmp_path: Path, wide: bool) -> None:
    word, base = (8, KERNEL) if wide else (4, 0x8123_4000)
    process, thread = base + 0x10_0000, base + 0x20_0000
    itself = struct.pack("<QQ" if wide else "<II", process + 8, process + 8)
    profile = struct.pack("<QQ" if wide else "<II", *[process + 8 + 2 * word] * 2)
    made = Triage(
        wide,
        blocks=[(base, b"first"), (base + 0x5000, bytes(range(200)))],
        process=b"\3\0\0\0\0\0\0\0" + itself + profile + b"process",
        thread=b"\6\0\0\0" + bytes(60) + b"thread",
        processor=bytes(word) + thread.to_bytes(word, "little") + b"processor" * 9,
        stack=(base + 0x30_0000, b"stack" * 100),
        debugger_data=(base + 0x40_0000, bytes(16) + b"KDBG" + bytes(300)),
        secondary=b"DumpBlob" + bytes(40),
    )
    made.blocks.append((base + 0x50_0000, made.processor))
    with opened(tmp_path, made.build()) as physical:
        assert physical.format == "Windows crash dump (triage)"
        assert physical.warnings == []
        parts, space = parts_of(physical), virtual(physical)
        assert parts.is_complete
        assert parts.block_count == 3
        assert space.read(base, 5) == b"first"
        assert space.read(base + 0x5000, 200) == bytes(range(200))
        assert space.read(base + 4, 2) is None
        assert (address_of(parts.process), address_of(parts.thread)) == (process, thread)
        assert (space.read(process + 8, 2 * word), space.read(thread + 64, 6)) == (
            itself,
            b"thread",
        )
        assert address_of(parts.processor) == base + 0x50_0000
        assert parts.call_stack is not None
        assert parts.call_stack[1:] == (500, base + 0x30_0000)
        assert space.read(base + 0x30_0000, 500) == b"stack" * 100
        assert space.read(base + 0x40_0010, 4) == b"KDBG"
        assert parts.secondary_data is not None
        assert parts.secondary_data.size == 48
        assert (parts.data_page, parts.memory_manager, parts.context) == (None, None, None)


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    with opened(tmp_path, Triage(blocks=[(KERNEL, b"only")]).build()) as physical:
        parts = parts_of(physical)
        assert (parts.processor, parts.process, parts.thread, parts.call_stack) == (None,) * 4
        assert (parts.debugger_data, parts.secondary_data, parts.broken_driver) == (None,) * 3
        assert (parts.drivers, parts.unloaded_drivers) == ((), ())
        assert physical.present == 4


def test_a_process_that_points_elsewhere_has_no_address(tmp_path: Path) -> None:
    made = Triage(blocks=[(KERNEL, b"x")], process=struct.pack("<5Q", 3, 1, 2, 3, 4))
    with opened(tmp_path, made.build()) as physical:
        assert address_of(parts_of(physical).process) is None


@WIDTHS
def test_drivers(tmp_path: Path, wide: bool) -> None:
    base = KERNEL if wide else 0x8040_0000
    path = "\\SystemRoot\\system32\\ntoskrnl.exe"
    made = Triage(
        wide,
        blocks=[(base, b"x")],
        drivers=[(path, base, 0x100_0000), ("é\u4e2d.sys", base + 0x5000_0000, 0x6000)],
        unloaded=[("dam.sys", base + 5, base + 9), ("exactly12.sy", base, base + 1)],
    )
    with opened(tmp_path, made.build()) as physical:
        parts = parts_of(physical)
        checks = [base >> 12 & 0xFFFF, base + 0x5000_0000 >> 12 & 0xFFFF]
        assert parts.drivers == (
            TriageDriver(path, base, 0x100_0000, checks[0], 0x100_0000),
            TriageDriver("é\u4e2d.sys", base + 0x5000_0000, 0x6000, checks[1], 0x6000),
        )
        assert (parts.driver_count, parts.unloaded_count) == (2, 2)
        assert parts.unloaded_drivers == (
            UnloadedDriver("dam.sys", base + 5, base + 9),
            UnloadedDriver("exactly12.sy", base, base + 1),
        )


def test_lists_that_lie(tmp_path: Path) -> None:
    made = Triage(
        blocks=[(KERNEL, b"abcd")],
        drivers=[("one.sys", KERNEL, 0x1000)],
        told={
            "DriverCount": 0xFFFF_FFFF,
            "DataBlocksCount": 0xFFFF_FFFF,
            "ValidOffset": 0,
            "StringPoolSize": 5,
            "BrokenDriverOffset": 0xFFFF_FFFF,
        },
    )
    with opened(tmp_path, made.build()) as physical:
        parts = parts_of(physical)
        assert not parts.is_complete
        assert parts.drivers[0].name is None
        assert parts.broken_driver is None
        words = " ".join(physical.warnings)
        assert "its last mark is missing" in words
        assert "counts 4,294,967,295 drivers" in words
        assert "counts 4,294,967,295 data blocks" in words
        assert virtual(physical).read(KERNEL, 4) == b"abcd"


def test_pieces_of_the_users_half_and_of_none(tmp_path: Path) -> None:
    made = Triage(blocks=[(0x7FF6_0000_1000, b"user"), (1 << 48, b"none"), (KERNEL, b"kernel")])
    with opened(tmp_path, made.build()) as physical:
        assert physical.warnings == [
            "1 pieces of memory lie at addresses that cannot be; they are left out"
        ]
        space = virtual(physical)
        assert (space.read(0x7FF6_0000_1000, 4), space.read(KERNEL, 6)) == (b"user", b"kernel")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), min_size=1, max_size=8))
def test_blocks_that_overlap(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]]
) -> None:
    """The later one holds, byte for byte."""
    expected: dict[int, int] = {}
    blocks = []
    for number, (place, size) in enumerate(places):
        blocks.append((KERNEL + place, bytes([number]) * size))
        expected |= dict.fromkeys(range(place, place + size), number)
    with opened(tmp_path_factory.getbasetemp(), Triage(blocks=blocks).build()) as physical:
        found: dict[int, int] = {}
        for address, piece in physical.pieces(0, physical.limit):
            found |= {address + START - KERNEL + at: byte for at, byte in enumerate(piece)}
        assert found == expected
        assert physical.warnings == []


def test_a_minidump_that_is_cut(tmp_path: Path) -> None:
    content = Triage(blocks=[(KERNEL, bytes(100)), (KERNEL + 4096, bytes(100))]).build()
    with opened(tmp_path, content[:-50]) as physical:
        assert "the file is cut short: 46 bytes of memory are not in it" in physical.warnings
        assert physical.present == 154
    with pytest.raises(ImageError, match="ends within its header"):
        opened(tmp_path, content[:0x2040])
    with pytest.raises(ImageError, match="without any memory in it"):
        opened(tmp_path, Triage().build())


@pytest.mark.parametrize(
    ("name", "drivers", "unloaded", "processors", "process"),
    [
        ("triage-win10-19041-x64.dmp", 151, 4, 16, 0xFFFF_C08B_DCE9_4180),
        ("triage-win11-22000-arm64.dmp", 245, 11, 8, 0xFFFF_BB8E_B169_0080),
    ],
)
def test_real_minidumps(
    name: str, drivers: int, unloaded: int, processors: int, process: int
) -> None:
    with open_physical(plain(f"triage/{name}")) as physical:
        assert physical.warnings == []
        assert physical.crash is not None
        parts, space, header = parts_of(physical), virtual(physical), physical.crash
        assert (len(parts.drivers), len(parts.unloaded_drivers)) == (drivers, unloaded)
        assert header.processors == processors
        assert parts.drivers[0].name == "\\SystemRoot\\system32\\ntoskrnl.exe"
        assert all(driver.name and driver.base >= START for driver in parts.drivers)
        debugger = header.kd_debugger_data_block
        assert debugger is not None
        assert space.read(debugger + 0x10, 4) == b"KDBG"
        assert space.u64(debugger + 0x18) == parts.drivers[0].base
        assert address_of(parts.process) == process
        thread, processor = address_of(parts.thread), address_of(parts.processor)
        assert thread is not None
        assert processor is not None
        assert space.u64(thread + 8) == thread + 8  # nobody waits for it
        assert space.u64(processor + 8) == thread
        stack = address_of(parts.call_stack)
        assert stack is not None
        assert space.read(stack, 64) is not None
        vas = np.arange(thread, thread + 0x400, 8, dtype=np.uint64)
        data, status = space.gather(vas, 8)
        assert not status.any()
        assert data.tobytes() == space.read(thread, 0x400)
