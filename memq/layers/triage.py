"""Triage minidumps: no physical memory, but pieces of virtual memory around the crash.

TRIAGE_DUMP, behind the crash dump's header: the processor's record (KPRCB), the process and thread
that it ran, their stack, the debugger's block (KDBG), lists of drivers, and some hundreds of data
blocks, each with its virtual address.

What has a virtual address is served as physical memory, at its distance from `window_start`: for 64
bits from the lower end of the kernel's half, so that the user's half follows at 1 << 47.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from memq.errors import ImageError
from memq.layers.extents import layered
from memq.layers.physical import Extent
from memq.layers.triage_lists import StringPool, read_drivers, read_unloaded
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memq.layers.crash_header import CrashHeader
    from memq.layers.file import DumpFile
    from memq.layers.triage_lists import TriageDriver, UnloadedDriver

WINDOW_START = {4: 0, 8: 0xFFFF_8000_0000_0000}
"""By the size of a pointer, the virtual address that is served at physical address 0."""
_WINDOW_BITS = 48

Blocks: TypeAlias = np.ndarray[tuple[int], np.dtype[Any]]
"""Records of address, offset and size: the table of data blocks."""

_LARGEST_PART = 1 << 20
_MOST_BLOCKS = 1 << 16
_VALID = b"TRGD"
_BLOB = b"DumpBlob"
_KDBG_TAG = (0x10, b"KDBG")
_ALIGNMENT = 16
_MOST_PROCESSORS = 1 << 12
_ALIKE = 64
"""So many bytes tell the records of two processors apart: the threads that they run are in them."""


class _Told(NamedTuple):
    """TRIAGE_DUMP: offsets in the file, sizes, counts."""

    service_pack_build: int
    size: int
    valid: int
    context: int
    exception: int
    memory_manager: int
    unloaded: int
    processor: int
    process: int
    thread: int
    stack: int
    stack_size: int
    drivers: int
    driver_count: int
    pool: int
    pool_size: int
    broken_driver: int
    options: int
    top_of_stack: int
    data_page_address: int
    data_page: int
    data_page_size: int
    debugger_data: int
    debugger_data_size: int
    blocks: int
    block_count: int


_TOLD = {4: struct.Struct("<26I"), 8: struct.Struct("<18IQ16xQ6I")}
_BLOCK = {
    4: np.dtype([("address", "<u4"), ("offset", "<u4"), ("size", "<u4")]),
    8: np.dtype([("address", "<u8"), ("offset", "<u4"), ("size", "<u4")]),
}


class TriagePart(NamedTuple):
    """A piece of the file, and the virtual address that it had, where that is known."""

    offset: int
    size: int
    address: int | None = None


@dataclass(frozen=True, slots=True)
class TriageParts:
    """What a triage minidump holds besides data blocks; parts that it has not are None.

    The file does not say how large the records are: they reach at most to the next part.
    """

    window_start: int
    """The virtual address that lies at physical address 0."""
    is_complete: bool
    """Whether the mark is there that is written last."""
    service_pack_build: int
    options: int
    processor: TriagePart | None
    """The KPRCB of the processor that wrote the dump."""
    process: TriagePart | None
    """The EPROCESS that it ran."""
    thread: TriagePart | None
    """The ETHREAD that it ran."""
    call_stack: TriagePart | None
    debugger_data: TriagePart | None
    """The KDBG, in the clear."""
    context: TriagePart | None
    exception: TriagePart | None
    memory_manager: TriagePart | None
    """Sums of the memory manager's (DUMP_MM_STORAGE)."""
    data_page: TriagePart | None
    secondary_data: TriagePart | None
    """What drivers added of their own, behind the rest (DumpBlob)."""
    drivers: tuple[TriageDriver, ...]
    driver_count: int
    """How many there are, or so the dump says."""
    unloaded_drivers: tuple[UnloadedDriver, ...]
    unloaded_count: int
    broken_driver: str | None
    block_count: int


def read_triage(file: DumpFile, header: CrashHeader) -> tuple[TriageParts, list[Extent], list[str]]:
    """Read what there is: the parts, where their memory lies, and what is odd about the file."""
    word = header.word_size
    form = _TOLD[word]
    data = file.read(header.size, form.size)
    if len(data) < form.size:
        raise ImageError(f"{file.path}: triage minidump that ends within its header")
    told = _Told(*form.unpack(data))
    blocks = _blocks(file, told, word)
    parts = _parts(file, header, told, blocks)
    warnings = list(_odd(parts, len(blocks)))
    return parts, _extents(file, parts, blocks, warnings), warnings


def _odd(parts: TriageParts, blocks: int) -> Iterable[str]:
    """Say what is missing of the lists."""
    if not parts.is_complete:
        yield "the minidump was not written to its end: its last mark is missing"
    for count, told, what in (
        (len(parts.drivers), parts.driver_count, "drivers"),
        (len(parts.unloaded_drivers), parts.unloaded_count, "unloaded drivers"),
        (blocks, parts.block_count, "data blocks"),
    ):
        if count != told:
            yield f"the minidump counts {told:,} {what}, and {count:,} can be read"


def _blocks(file: DumpFile, told: _Told, word: int) -> Blocks:
    """Read the table of data blocks, as far as it is in the file."""
    kind = _BLOCK[word]
    data = file.read(told.blocks, min(told.block_count, _MOST_BLOCKS) * kind.itemsize)
    return np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind)


def _parts(
    file: DumpFile,
    header: CrashHeader,
    told: _Told,
    blocks: Blocks,
) -> TriageParts:
    word = header.word_size
    sizes = _Sizes(file, told)
    pool = StringPool(file, told.pool, told.pool_size)
    unloaded, unloaded_count = (
        read_unloaded(file, told.unloaded, word) if told.unloaded else ((), 0)
    )
    processor = sizes.part(told.processor)
    return TriageParts(
        window_start=WINDOW_START[word],
        is_complete=file.read(told.valid, len(_VALID)) == _VALID,
        service_pack_build=told.service_pack_build,
        options=told.options,
        processor=_placed(processor, _address_of_copy(file, processor, blocks)),
        process=_process(file, sizes.part(told.process), word),
        thread=_placed(sizes.part(told.thread), _current_thread(file, processor, word)),
        call_stack=sizes.part(told.stack, told.stack_size, told.top_of_stack),
        debugger_data=_debugger_data(file, header, told, sizes),
        context=sizes.part(told.context),
        exception=sizes.part(told.exception),
        memory_manager=sizes.part(told.memory_manager),
        data_page=sizes.part(told.data_page, told.data_page_size, told.data_page_address),
        secondary_data=_secondary(file, told),
        drivers=read_drivers(file, told.drivers, told.driver_count, word, pool),
        driver_count=told.driver_count,
        unloaded_drivers=unloaded,
        unloaded_count=unloaded_count,
        broken_driver=pool.name(told.broken_driver) if told.broken_driver else None,
        block_count=told.block_count,
    )


class _Sizes:
    """Bounds parts by where the next one begins, and by the file's end."""

    def __init__(self, file: DumpFile, told: _Told) -> None:
        self._starts = sorted(
            {
                *(told.valid, told.context, told.exception, told.memory_manager, told.unloaded),
                *(told.processor, told.process, told.thread, told.stack, told.drivers, told.pool),
                *(told.data_page, told.debugger_data, told.blocks, file.size),
            }
        )
        self._end = file.size

    def part(
        self, offset: int, size: int | None = None, address: int | None = None
    ) -> TriagePart | None:
        """Return a part, as large as it is said to be or as there is room; None for none."""
        if not 0 < offset < self._end or size == 0:
            return None
        if size is None:
            size = next(start for start in self._starts if start > offset) - offset
        return TriagePart(offset, min(size, _LARGEST_PART, self._end - offset), address)


def _placed(part: TriagePart | None, address: int | None) -> TriagePart | None:
    return None if part is None else part._replace(address=address)


def _word(data: bytes, at: int, word: int) -> int | None:
    member = data[at : at + word]
    return int.from_bytes(member, "little") if len(member) == word else None


def _address_of_copy(
    file: DumpFile,
    processor: TriagePart | None,
    blocks: Blocks,
) -> int | None:
    """Find the data block that holds the same record: records of all processors are among them."""
    if processor is None:
        return None
    wanted = file.read(processor.offset, _ALIKE)
    short = processor.size - blocks["size"].astype(np.int64)  # of a part, which reaches to the next
    same = blocks[(short >= 0) & (short < _ALIGNMENT)][:_MOST_PROCESSORS]
    places = zip(same["address"].tolist(), same["offset"].tolist(), strict=True)
    found = [address for address, offset in places if file.read(offset, _ALIKE) == wanted]
    return found[0] if len(found) == 1 else None


def _current_thread(file: DumpFile, processor: TriagePart | None, word: int) -> int | None:
    """Return KPRCB.CurrentThread, which is its second word everywhere."""
    return None if processor is None else _word(file.read(processor.offset, 2 * word), word, word)


def _process(file: DumpFile, part: TriagePart | None, word: int) -> TriagePart | None:
    """Place the process by its own lists: an empty list points to itself.

    KPROCESS begins with a dispatcher header, whose WaitListHead is at 8, and ProfileListHead
    follows it; both are empty but for a process that is waited for or profiled.
    """
    if part is None:
        return None
    data = file.read(part.offset, 8 + 4 * word)
    for at in (8, 8 + 2 * word):
        following, before = _word(data, at, word), _word(data, at + word, word)
        if following and following == before:
            return part._replace(address=following - at)
    return part


def _debugger_data(
    file: DumpFile, header: CrashHeader, told: _Told, sizes: _Sizes
) -> TriagePart | None:
    """Return the KDBG, if it is one; the crash dump's header has its address."""
    part = sizes.part(told.debugger_data, told.debugger_data_size, header.kd_debugger_data_block)
    offset, tag = _KDBG_TAG
    is_one = part is not None and file.read(part.offset + offset, len(tag)) == tag
    return part if is_one else None


def _secondary(file: DumpFile, told: _Told) -> TriagePart | None:
    is_one = file.read(told.size, len(_BLOB)) == _BLOB
    return TriagePart(told.size, file.size - told.size) if is_one else None


def _extents(
    file: DumpFile,
    parts: TriageParts,
    blocks: Blocks,
    warnings: list[str],
) -> list[Extent]:
    """Place all that has a virtual address.

    Where pieces overlap, data blocks hold rather than parts and later ones rather than earlier
    ones: they were written in this order, and the system may still have run.
    """
    known = [parts.processor, parts.process, parts.thread, parts.call_stack]
    known += [parts.debugger_data, parts.data_page]
    pieces = [
        (part.address, part.offset, part.size)
        for part in known
        if part is not None and part.address is not None
    ]
    pieces += zip(*(blocks[each].tolist() for each in ("address", "offset", "size")), strict=True)
    rows, missing, odd = [], 0, 0
    for address, offset, size in pieces:
        there = max(min(size, file.size - offset), 0)
        missing += size - there
        start = address - parts.window_start & (1 << 64) - 1
        if start + there > 1 << _WINDOW_BITS:
            odd += 1
        elif there:
            rows.append((start, start + there, offset))
    if missing:
        warnings.append(f"the file is cut short: {missing:,} bytes of memory are not in it")
    if odd:
        warnings.append(
            f"{odd:,} pieces of memory lie at addresses that cannot be; they are left out"
        )
    return [Extent(*row) for row in layered(rows)]
