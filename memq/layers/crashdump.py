"""Windows crash dumps: full (runs of pages), with a bitmap, live, and triage minidumps.

The header (crash_header.py) says of which kind a dump is, and what stands behind it is marked once
more; where the two differ, the mark is believed. Runs of a full dump are in the header itself
(PHYSICAL_MEMORY_DESCRIPTOR), those of a live dump (RDMP) behind it; in either, the pages of all
runs follow each other in the file.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import ImageError
from memq.layers import crash_header
from memq.layers.crash_bitmap import SIGNATURES, Runs, read_bitmap
from memq.layers.crash_header import is_crash_dump, read_header
from memq.layers.extents import first_overlap, in_order, layered
from memq.layers.physical import ADDRESS_LIMIT, PhysicalMemory
from memq.layers.triage import read_triage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memq.layers.crash_header import CrashHeader
    from memq.layers.extents import Rows
    from memq.layers.file import DumpFile

_PAGE = 4096
_NAMES = {
    crash_header.FULL: "full",
    crash_header.SUMMARY: "kernel",
    crash_header.BITMAP_FULL: "bitmap",
    crash_header.BITMAP_KERNEL: "kernel bitmap",
    crash_header.AUTOMATIC: "automatic",
    crash_header.LIVE_KERNEL: "live, kernel",
    crash_header.LIVE_KERNEL_AND_USER: "live, kernel and user",
    crash_header.LIVE_COMPLETE: "live, complete",
}
_LIVE_MARK = b"\x40\0\0\0RDMPDUMP"
_LIVE_HEADER = struct.Struct("<16xQQ")
"""RDMP: bytes of what stands before the pages, and the offset of the first page."""
_LIVE_RUNS = 0x30
_MOST_LIVE_RUNS = 1 << 20

_RUN_32 = struct.Struct("<II")
_RUN_64 = struct.Struct("<QQ")
_DESCRIPTOR_32 = (struct.Struct("<II"), 0x64, 0x320)
_DESCRIPTOR_64 = (struct.Struct("<I4xQ"), 0x88, 0x348)
"""Counts of runs and of pages, where they are, and where what follows the runs begins."""
_FAR = 1 << 62
"""No file is so long; offsets that pass it are cut to it, so that they fit 64 bits."""


def probe(head: bytes, file: DumpFile) -> bool:
    """Whether the file begins as a crash dump of 32 or 64 bits."""
    return is_crash_dump(head)


def open_(file: DumpFile) -> PhysicalMemory:
    """Open a crash dump of any kind; what its header says is the `crash` of the memory."""
    header = read_header(file)
    if header.dump_type == crash_header.TRIAGE:
        parts, extents, warnings = read_triage(file, header)
        header = dataclasses.replace(header, triage=parts)
        return PhysicalMemory(file, _format("triage"), extents, warnings, crash=header)
    kind = (
        crash_header.FULL if header.dump_type is None else header.dump_type
    )  # before Windows 2000
    name = _NAMES.get(kind, f"type {kind}")
    runs = _read_runs(file, header)
    rows = _sound(runs)
    return PhysicalMemory(file, _format(name), rows, runs.warnings, crash=header)


def _format(name: str) -> str:
    return f"Windows crash dump ({name})"


def _read_runs(file: DumpFile, header: CrashHeader) -> Runs:
    """Read which pages there are, in the way of the dump's kind."""
    mark = file.read(header.size, len(_LIVE_MARK))
    if mark.startswith(SIGNATURES):
        return read_bitmap(file, header.size, header.word_size)
    if mark == _LIVE_MARK:
        return _live(file, header)
    if header.dump_type == crash_header.HEADER_ONLY:
        raise ImageError(f"{file.path}: Windows crash dump of a header only, without any memory")
    if header.dump_type not in (crash_header.FULL, None):
        raise ImageError(
            f"{file.path}: damaged Windows crash dump: of type {header.dump_type}, "
            f"and what should say which pages it has is not at {header.size:#x}"
        )
    return _full(file, header)


def _full(file: DumpFile, header: CrashHeader) -> Runs:
    """Read the runs that the header holds; it has room for 43 of them, or for 86."""
    counts, at, end = _DESCRIPTOR_64 if header.is_64_bit else _DESCRIPTOR_32
    run = _RUN_64 if header.is_64_bit else _RUN_32
    data = file.read(at, end - at)
    count, pages = counts.unpack_from(data)
    room = (len(data) - counts.size) // run.size
    warnings = []
    if count > room:
        warnings.append(
            f"the dump's header counts {count:,} runs of pages, and has room for {room}"
        )
    begin = counts.size
    table = data[begin : begin + min(count, room) * run.size]
    runs = _laid_out(run.iter_unpack(table), header.size)
    told = sum(end - start for start, end, _ in runs) // _PAGE
    if told != pages:
        warnings.append(f"the dump's header counts {pages:,} pages, and its runs have {told:,}")
    return _checked(file, runs, warnings)


def _live(file: DumpFile, header: CrashHeader) -> Runs:
    """Read the runs of a dump that was made while the system ran on; the last one is empty."""
    told = file.read(header.size, _LIVE_HEADER.size)
    if len(told) < _LIVE_HEADER.size:
        raise ImageError(f"{file.path}: Windows crash dump that ends within its header")
    _, first_page = _LIVE_HEADER.unpack(told)
    begin = header.size + _LIVE_RUNS
    room = max(min(first_page, file.size) - begin, 0) // _RUN_64.size
    warnings = []
    if room > _MOST_LIVE_RUNS:
        warnings.append(
            f"the dump has room for {room:,} runs of pages; {_MOST_LIVE_RUNS:,} are read"
        )
    table = file.read(begin, min(room, _MOST_LIVE_RUNS) * _RUN_64.size)
    pairs = np.frombuffer(table, np.uint64).reshape(-1, 2)
    empty = np.flatnonzero(pairs[:, 1] == 0)
    pairs = pairs[: empty[0]] if len(empty) else pairs
    return _checked(file, _laid_out(pairs.tolist(), first_page), warnings)


def _laid_out(runs: Iterable[Iterable[int]], offset: int) -> list[tuple[int, int, int]]:
    """Place runs of (first page, count) one after the other in the file."""
    placed = []
    for first, count in runs:
        placed.append((first * _PAGE, (first + count) * _PAGE, min(offset, _FAR)))
        offset += count * _PAGE
    return placed


def _checked(file: DumpFile, runs: list[tuple[int, int, int]], warnings: list[str]) -> Runs:
    """Leave out, with a warning, what cannot be an address; the file's end others look to."""
    kept = [run for run in runs if run[1] <= ADDRESS_LIMIT]
    for start, end, _ in [run for run in runs if run[1] > ADDRESS_LIMIT][:1]:
        warnings.append(
            f"{len(runs) - len(kept)} runs of pages pass 52 bits, such as that from {start:#x} "
            f"to {end:#x}; they are not read"
        )
    if not kept:
        raise ImageError(
            f"{file.path}: damaged Windows crash dump: it says of no page that it has it"
        )
    return Runs(np.array(kept, np.int64), warnings)


def _sound(runs: Runs) -> Rows:
    """Return disjoint rows; where runs of a damaged dump overlap, the earlier one is believed."""
    rows = in_order(runs.rows)
    twice = first_overlap(rows)
    if twice is None:
        return rows
    runs.warnings.append(
        f"two runs of pages both hold the address {twice:#x}, and maybe more; the first is read"
    )
    return np.array(layered([tuple(row) for row in runs.rows[::-1].tolist()]), np.int64)
