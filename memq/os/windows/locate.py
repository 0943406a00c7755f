"""Places at which a Windows kernel may be: page-table roots, and the image that they map.

x64: the first processor starts the others from a page below 1 MB that has the kernel's CR3
(PROCESSOR_START_BLOCK). And every root maps itself: one entry of its upper half leads back to it,
so that page tables can be reached as memory; on x86 it is always the same entry. Roots of exited
processes may lack their user half; whose root it is does not matter, as all map the kernel.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from memq.column import distinct_numbers, is_among
from memq.errors import Reason
from memq.layers.crash_header import MACHINE_ARM64
from memq.layers.mapped import mapped_pages
from memq.layers.paging import ARM64, X86, X86_64, X86_PAE
from memq.layers.space import AddressSpace
from memq.node import dataclass
from memq.os.windows.pe import KERNEL_NAMES, export_name, identity, parse_rsds, read_image
from memq.os.windows.stub import low_stub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Addresses
    from memq.layers.crash_header import CrashHeader
    from memq.layers.paging import PagingMode
    from memq.layers.physical import PhysicalMemory
    from memq.os.hints import Hints
    from memq.os.windows.pe import PeImage
    from memq.progress import Progress

PAGE = 4096
FIRST = 16 << 20
"""Bytes at the beginning in which System's root has been in every image so far."""
_KERNEL_ENTRY = 0x1F0
"""Of the top table: 512 GB from 0xfffff80000000000 on, in which every x64 kernel lies."""
MAX_IMAGES = 1 << 14
"""Images in the kernel's half that are looked at, under one root."""
MAX_TABLES = 1 << 13
"""Page tables of the kernel's half that are read under one root: those of 16 GB."""
MAX_ROOTS = 64
"""Roots that are tried of one search."""
_KERNELS = {
    X86_64.name: (0xFFFF_F800_0000_0000, 0xFFFF_F880_0000_0000),
    ARM64.name: (0xFFFF_F800_0000_0000, 0xFFFF_F880_0000_0000),
}
_X86_KERNELS = (0x8000_0000, 0xC000_0000)
"""Behind that are the page tables, the cache and the pools."""


@dataclass(frozen=True, slots=True)
class Root:
    """A page-table root, and what pointed to it."""

    source: str
    """In words, for messages."""
    mode: PagingMode
    root: int
    is_told: bool = False
    """Whether the dump's header, or who asks, says so."""


def quick_roots(physical: PhysicalMemory, hints: Hints) -> Iterator[Root]:
    """Yield the roots that cost next to nothing to find; if one is told, that one alone."""
    told, crash = hints.directory_table_base, physical.crash
    if told is not None:
        for mode in _modes(crash):
            yield Root(f"--dtb {told:#x} ({mode.name})", mode, told, is_told=True)
        return
    if crash is not None and crash.directory_table_base:
        root = crash.directory_table_base
        for mode in _modes(crash):
            yield Root(f"the header's page tables at {root:#x}", mode, root, is_told=True)
    stub = low_stub(physical)
    if stub is not None:
        source = f"the processors' start block at {stub[0]:#x}"
        yield Root(source, X86_64, stub[1], is_told=True)
    yield from _self_references(physical, 0, FIRST)


def searched_roots(physical: PhysicalMemory, progress: Progress) -> Iterator[Root]:
    """Yield the roots of the rest of memory, all of which is read."""
    with progress.step("looking for page tables"):
        yield from _self_references(physical, FIRST, physical.limit, progress)


def _modes(crash: CrashHeader | None) -> tuple[PagingMode, ...]:
    """Return the modes that a root may be of; a crash dump's header says which."""
    if crash is None:
        return X86_64, X86_PAE, X86
    if crash.is_64_bit:
        return (ARM64 if crash.machine == MACHINE_ARM64 else X86_64,)
    return {0: (X86,), 1: (X86_PAE,)}.get(crash.pae_enabled or 0, (X86_PAE, X86))


def _self_references(
    physical: PhysicalMemory, start: int, end: int, progress: Progress | None = None
) -> Iterator[Root]:
    """Yield the roots of [start, end): pages of x64 or x86 that lead to themselves."""
    counts = dict.fromkeys((X86_64.name, X86.name), MAX_ROOTS)
    upper: list[int] = []
    for place, data in physical.pieces(start, end, holes=False):
        if progress is not None:
            progress.tick(place, end)
        first = -place % PAGE
        whole = (len(data) - first) // PAGE
        if whole <= 0:
            continue
        words = np.frombuffer(data, "<u8", whole * 512, first).reshape(whole, 512)
        pages = np.uint64(place + first) + np.arange(whole, dtype=np.uint64) * np.uint64(PAGE)
        upper += _pae_tables(words, pages)
        for mode, found in (
            (X86_64, _x64_roots(words, pages, physical.limit)),
            (X86, _x86_roots(words, pages)),
        ):
            for page in found[: counts[mode.name]]:
                counts[mode.name] -= 1
                yield Root(f"the page table at {page:#x}, which leads to itself", mode, page)
    for root in _pae_roots(physical, upper[:MAX_ROOTS], start, end):
        yield Root(f"the table of page tables at {root:#x}", X86_PAE, root)


def _x64_roots(
    words: np.ndarray[tuple[int, int], np.dtype[np.uint64]], pages: Addresses, limit: int
) -> list[int]:
    """Return the pages that have a table of the kernel's range and one entry that leads back."""
    entry = words[:, _KERNEL_ENTRY]
    inside = entry & np.uint64(0x000F_FFFF_FFFF_F000) < limit
    # One whose kernel's range is itself is none, and would have us read it again and again.
    other = (entry ^ pages) & np.uint64(0x000F_FFFF_FFFF_F000) != 0
    rows = np.flatnonzero((entry & np.uint64(0x81) == 1) & inside & other)
    upper = words[rows, 256:] ^ pages[rows, None]
    back = (upper & np.uint64(0x000F_FFFF_FFFF_F083) == 3).any(axis=1)
    return [int(page) for page in pages[rows[back]].tolist()]


def _x86_roots(
    words: np.ndarray[tuple[int, int], np.dtype[np.uint64]], pages: Addresses
) -> list[int]:
    """Return the pages whose entry for 0xc0000000 leads back: page tables of x86 without PAE."""
    entry = words.view("<u4")[:, 0x300].astype(np.uint64)
    back = (entry ^ pages) & np.uint64(0xFFFF_F083) == 3
    return [int(page) for page in pages[back].tolist()]


def _pae_tables(
    words: np.ndarray[tuple[int, int], np.dtype[np.uint64]], pages: Addresses
) -> list[int]:
    """Return the pages whose fourth entry leads back: the upper of the four tables with PAE."""
    back = (words[:, 3] ^ pages) & np.uint64(0x000F_FFFF_FFFF_F083) == 3
    back &= (words[:, :3] & np.uint64(1) == 1).all(axis=1)
    return [int(page) for page in pages[back].tolist()]


def _pae_roots(physical: PhysicalMemory, upper: list[int], start: int, end: int) -> Iterator[int]:
    """Yield where four entries in a row lead to the same tables as one of these pages does."""
    if not upper:
        return
    wanted = np.array(upper, np.uint64) | np.uint64(1)
    for place, data in physical.pieces(start, min(end, 1 << 32), holes=False):
        first = -place % 32
        rows = np.frombuffer(data, "<u8", (len(data) - first) // 32 * 4, first).reshape(-1, 4)
        hits = is_among(rows[:, 3], wanted) & (rows & np.uint64(0xFFF) == 1).all(axis=1)
        for row in np.flatnonzero(hits)[:MAX_ROOTS].tolist():
            yield place + first + row * 32


_RECORD = re.compile(rb"RSDS(?s:.{20})ntkr[a-z]{2,6}\.pdb\0")
"""The record by which a kernel names its PDB."""


def record_of_kernel(physical: PhysicalMemory, progress: Progress) -> tuple[int, str] | None:
    """Return where a kernel's RSDS record lies and what it says, after a search of all memory.

    It proves no kernel that could be read, as it needs no page table; it tells that one was there.
    """
    with progress.step("looking for a Windows kernel's image"):
        for place, data in physical.pieces(0, physical.limit, overlap=64, holes=False):
            progress.tick(place, physical.limit)
            found = _RECORD.search(data)
            if found is not None:
                name, identity = parse_rsds(found[0])
                return place + found.start(), f"{name} {identity}"
    return None


def kernel_under(physical: PhysicalMemory, root: Root) -> tuple[PeImage, int | None] | None:
    """Return the kernel's image that a root maps, and its physical address; None if it maps none.

    Windows maps it by large pages where it can, so that these are looked through first.
    """
    space = AddressSpace(physical, root.mode, root.root)
    start, end = _X86_KERNELS if root.mode.word_size == 4 else _KERNELS[root.mode.name]
    pages = mapped_pages(physical, root.mode, root.root, start, end, most=MAX_TABLES)
    seen = 0
    for shift in distinct_numbers(pages.shifts)[::-1].tolist():
        of_size = pages.shifts == shift
        vas, places = _small(pages.addresses[of_size], pages.places[of_size], shift)
        data, there = physical.gather(places, 2)
        rows = np.flatnonzero(there & (data == np.frombuffer(b"MZ", np.uint8)).all(axis=1))
        for row in rows.tolist():
            seen += 1
            if seen > MAX_IMAGES:
                return None
            image = read_image(space, int(vas[row]))
            if image is not None and is_kernel(space, image):
                return image, int(places[row])
    return None


def kernel_at(physical: PhysicalMemory, root: Root, base: int) -> tuple[PeImage, int | None] | None:
    """Return the image at an address and its physical address; None if there is none."""
    space = AddressSpace(physical, root.mode, root.root)
    image, place = read_image(space, base), space.translate(base)
    return None if image is None else (image, None if isinstance(place, Reason) else place)


def is_kernel(space: AddressSpace, image: PeImage) -> bool:
    """Whether an image calls itself a kernel: where it exports, or in its RSDS record."""
    name = export_name(space, image)
    if name is not None:
        return name.lower() in KERNEL_NAMES
    record = identity(space, image)
    return record is not None and record[0].lower().startswith("ntkr")


def _small(vas: Addresses, places: Addresses, shift: int) -> tuple[Addresses, Addresses]:
    """Cut pages into those of 4 KB; of pages of 1 GB only the first 2 MB of each 2 MB's start."""
    step, count = (PAGE, 1 << shift - 12) if shift <= 22 else (2 << 20, 1 << shift - 21)
    steps = np.arange(count, dtype=np.uint64) * np.uint64(step)
    return (vas[:, None] + steps).reshape(-1), (places[:, None] + steps).reshape(-1)
