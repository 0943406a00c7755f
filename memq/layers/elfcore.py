"""ELF core files of whole machines: QEMU's dump-guest-memory, VirtualBox's, and /proc/vmcore.

Each PT_LOAD is a range of physical memory (p_paddr), of which p_filesz bytes are in the file. QEMU
puts the program headers after a section header (e_phoff 192) and writes e_ehsize 8: only what is
needed is looked at. Follows the System V gABI, chapter 5, and QEMU's dump/dump.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import ImageError
from memq.layers.physical import Extent, PhysicalMemory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.layers.file import DumpFile

MAGIC = b"\x7fELF"
_IDENT_64_LITTLE = b"\x7fELF\x02\x01"
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION_INFO = struct.Struct("<44xI16x")
_NOTE = struct.Struct("<III")

_TYPE_CORE = 4
_MACHINE_X86_64 = 62
_PN_XNUM = 0xFFFF
_PT_LOAD = 1
_PT_NOTE = 4

_MAX_SEGMENTS = 1 << 18
_MAX_NOTES = 1 << 20
"""Bytes of notes that are looked at: QEMU writes some 800 for each processor."""
_KERNEL_MAP = 0xFFFF_FFFF_8000_0000

_TYPES = {1: "an object file", 2: "a program", 3: "a program or library"}
_MACHINES = {3: "x86", 8: "MIPS", 21: "PowerPC", 22: "s390", 40: "ARM", 183: "ARM64", 243: "RISC-V"}


class _Segment(NamedTuple):
    type: int
    flags: int
    offset: int
    virtual: int
    physical: int
    file_size: int
    memory_size: int
    alignment: int

    @property
    def size(self) -> int:
        """Bytes of memory that are in the file."""
        return min(self.file_size, self.memory_size)

    @property
    def end(self) -> int:
        """First physical address behind what is in the file."""
        return self.physical + self.size


def probe(head: bytes, file: DumpFile) -> bool:
    """Whether the file is ELF of any kind; `open_` says so where it is not a core."""
    return head.startswith(MAGIC)


def open_(file: DumpFile) -> PhysicalMemory:
    """Open an x86-64 ELF core of physical memory; ImageError for any other ELF file."""
    segments = _segments(file)
    loads = [segment for segment in segments if segment.type == _PT_LOAD and segment.size]
    if not loads:
        raise ImageError(f"{file.path}: ELF core without any memory in it (no PT_LOAD)")
    if len(loads) > 1 and not any(segment.physical for segment in loads):
        raise ImageError(
            f"{file.path}: ELF core without physical addresses: a process's core, "
            "or a dump made with paging; dump the machine's physical memory"
        )
    for segment in loads:
        if segment.offset + segment.size >= 1 << 63:
            raise ImageError(f"{file.path}: damaged ELF core: a segment at {segment.offset:#x}")
    extents = [
        Extent(segment.physical, segment.end, segment.offset) for segment in _without_alias(loads)
    ]
    return PhysicalMemory(file, "ELF core", extents, notes=_notes(file, segments))


def _segments(file: DumpFile) -> list[_Segment]:
    """Read the program headers."""
    raw = file.read(0, _HEADER.size)
    if len(raw) < _HEADER.size:
        raise ImageError(f"{file.path}: ELF file that ends within its header")
    ident, kind, machine, _, _, phoff, shoff, _, _, entry, count, _, _, _ = _HEADER.unpack(raw)
    _check_kind(file, ident, kind, machine)
    if count == _PN_XNUM:  # gABI: the count did not fit, and stands in section 0's sh_info
        section = file.read(shoff, _SECTION_INFO.size)
        if len(section) < _SECTION_INFO.size:
            raise ImageError(f"{file.path}: damaged ELF core: no section header at {shoff:#x}")
        count = _SECTION_INFO.unpack(section)[0]
    if entry != _SEGMENT.size or count > _MAX_SEGMENTS:
        raise ImageError(
            f"{file.path}: damaged ELF core: {count:,} program headers of {entry} bytes each"
        )
    table = file.read(phoff, count * _SEGMENT.size)
    if len(table) < count * _SEGMENT.size:
        raise ImageError(f"{file.path}: ELF core that ends before its program headers do")
    return [_Segment(*fields) for fields in _SEGMENT.iter_unpack(table)]


def _check_kind(file: DumpFile, ident: bytes, kind: int, machine: int) -> None:
    """Refuse ELF files that are not x86-64 cores, and say what they are."""
    if not ident.startswith(_IDENT_64_LITTLE):
        width = "32-bit" if ident[4] == 1 else "big-endian" if ident[5] == 2 else "damaged"
        raise ImageError(f"{file.path}: {width} ELF file; memq reads x86-64 ELF cores")
    if kind != _TYPE_CORE:
        what = _TYPES.get(kind, f"of type {kind}")
        raise ImageError(f"{file.path}: ELF file, but {what}, not a core dump of a machine")
    if machine != _MACHINE_X86_64:
        name = _MACHINES.get(machine, f"machine {machine}")
        raise ImageError(f"{file.path}: ELF core of {name}; memq reads x86-64 ELF cores")


def _without_alias(loads: list[_Segment]) -> list[_Segment]:
    """Leave out the second copy of the kernel's image that /proc/vmcore has.

    crash_prepare_elf64_headers (kernel/crash_core.c) adds a segment for the kernel's text mapping,
    whose memory is also part of the segment of the RAM that it lies in.
    """
    plain = [segment for segment in loads if segment.virtual < _KERNEL_MAP]
    text = [segment for segment in loads if segment.virtual >= _KERNEL_MAP]
    if len(text) > 1:
        return loads
    return plain + [
        segment
        for segment in text
        if not any(
            other.physical <= segment.physical and segment.end <= other.end for other in plain
        )
    ]


def _notes(file: DumpFile, segments: list[_Segment]) -> dict[str, bytes]:
    """Return the first descriptor of each note by its owner's name: VMCOREINFO, CORE, QEMU."""
    notes: dict[str, bytes] = {}
    room = _MAX_NOTES
    for segment in segments:
        if segment.type == _PT_NOTE and segment.offset < 1 << 63:
            data = file.read(segment.offset, min(segment.file_size, room))
            room -= len(data)
            for name, descriptor in _each_note(data):
                notes.setdefault(name, descriptor)
    return notes


def _each_note(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (name, descriptor); both stand on 4-byte boundaries. Ends at what makes no sense."""
    at = 0
    while at + _NOTE.size <= len(data):
        name_size, size, _ = _NOTE.unpack_from(data, at)
        name_at = at + _NOTE.size
        begin = name_at + (name_size + 3 & ~3)
        if begin + size > len(data):
            return
        name = data[name_at : name_at + name_size].rstrip(b"\0")
        yield name.decode("ascii", "replace"), data[begin : begin + size]
        at = begin + (size + 3 & ~3)
