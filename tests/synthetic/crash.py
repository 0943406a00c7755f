"""Builds small Windows crash dumps of every kind, of 32 and of 64 bits.

Offsets stand here once more, so that the tests hold the reader to the format and not to itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE = 4096
FULL, SUMMARY, HEADER_ONLY, TRIAGE, BITMAP, KERNEL_BITMAP, AUTOMATIC, LIVE = range(1, 9)

# name: offset and size in 32-bit dumps, then in 64-bit ones
PLACES: dict[str, tuple[tuple[int, int] | None, tuple[int, int] | None]] = {
    "major_version": ((0x8, 4), (0x8, 4)),
    "minor_version": ((0xC, 4), (0xC, 4)),
    "directory_table_base": ((0x10, 4), (0x10, 8)),
    "pfn_database": ((0x14, 4), (0x18, 8)),
    "ps_loaded_module_list": ((0x18, 4), (0x20, 8)),
    "ps_active_process_head": ((0x1C, 4), (0x28, 8)),
    "machine": ((0x20, 4), (0x30, 4)),
    "processors": ((0x24, 4), (0x34, 4)),
    "bug_check": ((0x28, 4), (0x38, 4)),
    "pae_enabled": ((0x5C, 1), None),
    "kd_debugger_data_block": ((0x60, 4), (0x80, 8)),
    "dump_type": ((0xF88, 4), (0xF98, 4)),
    "required_dump_space": ((0xFA0, 8), (0xFA0, 8)),
    "system_time": ((0xFC0, 8), (0xFA8, 8)),
    "system_up_time": ((0xFB8, 8), (0x1030, 8)),
    "mini_dump_fields": ((0xF8C, 4), (0x1038, 4)),
    "secondary_data_state": ((0xF90, 4), (0x103C, 4)),
    "product_type": ((0xF94, 4), (0x1040, 4)),
    "suite_mask": ((0xF98, 4), (0x1044, 4)),
    "writer_status": ((0xF9C, 4), (0x1048, 4)),
    "kd_secondary_version": ((0x5D, 1), (0x104D, 1)),
    "attributes": (None, (0x1050, 4)),
    "boot_id": (None, (0x1054, 4)),
}
PARAMETERS = (0x2C, 0x40)
EXCEPTION = (0x7D0, 0xF00)
COMMENT = (0x820, 0xFB0)
DESCRIPTOR = (0x64, 0x88)


def page(number: int) -> bytes:
    """Content of page `number`: its number, mixed so that no page is zero."""
    return struct.pack("<Q", (number + 1) * 0x9E37_79B9_7F4A_7C15 % 2**64) * (PAGE // 8)


def header(wide: bool, kind: int, **members: int) -> bytearray:
    """A header in which nothing is told but the members given."""
    made = bytearray(b"PAGE" * ((8192 if wide else 4096) // 4))
    made[4:8] = b"DU64" if wide else b"DUMP"
    for name, value in {"dump_type": kind, **members}.items():
        place = PLACES[name][wide]
        assert place is not None, name
        made[place[0] : sum(place)] = value.to_bytes(place[1], "little")
    return made


def describe(
    made: bytearray,
    runs: Sequence[tuple[int, int]],
    count: int | None = None,
    pages: int | None = None,
) -> None:
    """Write runs of (first page, pages) into a header; the counts may lie."""
    wide = len(made) > PAGE
    count = len(runs) if count is None else count
    pages = sum(length for _, length in runs) if pages is None else pages
    at = DESCRIPTOR[wide]
    kind = "<I4xQ" if wide else "<II"
    struct.pack_into(kind, made, at, count, pages)
    at += struct.calcsize(kind)
    for run in runs:
        struct.pack_into("<QQ" if wide else "<II", made, at, *run)
        at += 16 if wide else 8


def full_dump(wide: bool, runs: Sequence[tuple[int, int]], **members: int) -> bytes:
    """A dump with runs of pages in its header."""
    made = header(wide, FULL, **members)
    describe(made, runs)
    return bytes(made) + b"".join(
        page(n) for first, count in runs for n in range(first, first + count)
    )


def bits(pages: Sequence[int], count: int) -> bytes:
    """A bitmap in which the bits of these pages are set."""
    made = bytearray((count + 7) // 8)
    for number in pages:
        made[number // 8] |= 1 << number % 8
    return bytes(made)


def bitmap_dump(
    wide: bool,
    pages: Sequence[int],
    count: int,
    kind: int = BITMAP,
    mark: bytes = b"SDMP",
    *,
    is_old: bool = False,
    told: Mapping[str, int] | None = None,
) -> bytes:
    """A dump with a bitmap of `count` bits; `told` are lies of its header: first, pages, bits."""
    made = header(wide, kind)
    bitmap = bits(pages, count)
    begin = (0x28 if wide else 0x20) if is_old else 0x38
    first = -(-(len(made) + begin + len(bitmap)) // PAGE) * PAGE
    says = {"first": first, "pages": len(pages), "bits": count, **(told or {})}
    behind = bytearray(first - len(made))
    behind[:8] = mark + b"DUMP"
    if is_old:
        struct.pack_into("<III", behind, 0xC, says["first"], says["bits"], says["pages"])
        struct.pack_into("<I", behind, 0x18, says["bits"])
    else:
        struct.pack_into("<QQQ", behind, 0x20, says["first"], says["pages"], says["bits"])
    behind[begin : begin + len(bitmap)] = bitmap
    return bytes(made + behind) + b"".join(page(number) for number in sorted(pages))


def live_dump(runs: Sequence[tuple[int, int]]) -> bytes:
    """A dump made while the system ran on: runs behind the header, the last one empty."""
    made = header(True, LIVE)
    table = b"".join(struct.pack("<QQ", *run) for run in [*runs, (0, 0)])
    first = -(-(len(made) + 0x30 + len(table)) // PAGE) * PAGE
    behind = bytearray(first - len(made))
    struct.pack_into("<I4s4s4xQQ", behind, 0, 0x40, b"RDMP", b"DUMP", first - 0x2020, first)
    behind[0x30 : 0x30 + len(table)] = table
    return bytes(made + behind) + b"".join(
        page(n) for begin, count in runs for n in range(begin, begin + count)
    )


@dataclass
class Triage:
    """A triage minidump in the making; addresses are full ones, also where they have 32 bits."""

    wide: bool = True
    blocks: list[tuple[int, bytes]] = field(default_factory=list)
    drivers: list[tuple[str, int, int]] = field(default_factory=list)
    unloaded: list[tuple[str, int, int]] = field(default_factory=list)
    process: bytes = b""
    thread: bytes = b""
    processor: bytes = b""
    stack: tuple[int, bytes] = (0, b"")
    debugger_data: tuple[int, bytes] = (0, b"")
    secondary: bytes = b""
    told: dict[str, int] = field(default_factory=dict)
    """Lies of the header, by the names of TRIAGE_DUMP's members."""

    _NAMES = (
        *("ServicePackBuild", "SizeOfDump", "ValidOffset", "ContextOffset", "ExceptionOffset"),
        *("MmOffset", "UnloadedDriversOffset", "PrcbOffset", "ProcessOffset", "ThreadOffset"),
        *("CallStackOffset", "SizeOfCallStack", "DriverListOffset", "DriverCount"),
        *("StringPoolOffset", "StringPoolSize", "BrokenDriverOffset", "TriageOptions"),
        *("TopOfStack", "DataPageAddress", "DataPageOffset", "DataPageSize"),
        *("DebuggerDataOffset", "DebuggerDataSize", "DataBlocksOffset", "DataBlocksCount"),
    )

    def build(self) -> bytes:
        """Return the file."""
        word = 8 if self.wide else 4
        head = header(self.wide, TRIAGE, kd_debugger_data_block=self.debugger_data[0])
        made = head + bytes(0x80)
        says = dict.fromkeys(self._NAMES, 0)

        def put(name: str, data: bytes) -> None:
            made.extend(bytes(-len(made) % 8))
            says[name] = len(made) if data else 0
            made.extend(data)

        put("UnloadedDriversOffset", self._unloaded(word))
        put("PrcbOffset", self.processor)
        put("ProcessOffset", self.process)
        put("ThreadOffset", self.thread)
        put("CallStackOffset", self.stack[1])
        put("DebuggerDataOffset", self.debugger_data[1])
        size = 0x90 if self.wide else 0x4C
        made.extend(bytes(-len(made) % 8))
        pool_at = len(made) + size * len(self.drivers)
        table, pool = self._drivers(pool_at)
        put("DriverListOffset", table)
        says["StringPoolOffset"] = len(made)
        made.extend(pool)
        table_at = len(made)
        made.extend(bytes(len(self.blocks) * (16 if self.wide else 12)))
        for number, (address, data) in enumerate(self.blocks):
            kind = "<QII" if self.wide else "<III"
            at = table_at + number * struct.calcsize(kind)
            struct.pack_into(kind, made, at, address, len(made), len(data))
            made.extend(data)
        says |= {
            "ValidOffset": len(made),
            "SizeOfDump": len(made) + 4,
            "SizeOfCallStack": len(self.stack[1]),
            "TopOfStack": self.stack[0],
            "DebuggerDataSize": len(self.debugger_data[1]),
            "DriverCount": len(self.drivers),
            "StringPoolSize": len(pool),
            "DataBlocksOffset": table_at,
            "DataBlocksCount": len(self.blocks),
        }
        made.extend(b"TRGD" + self.secondary)
        kind = "<18IQ16xQ6I" if self.wide else "<26I"
        struct.pack_into(kind, made, len(head), *(says | self.told).values())
        return bytes(made)

    def _unloaded(self, word: int) -> bytes:
        if not self.unloaded:
            return b""
        kind = "<HH12x24sQQ" if self.wide else "<HH4x24sII"
        rows = b"".join(
            struct.pack(kind, 2 * len(name), 2 * len(name), name.encode("utf-16-le"), start, end)
            for name, start, end in self.unloaded
        )
        return len(self.unloaded).to_bytes(word, "little") + rows

    def _drivers(self, pool_at: int) -> tuple[bytes, bytes]:
        table, pool = b"", b""
        for name, base, size in self.drivers:
            kind = "<I52xQ8xQ48xIxxxxI4x" if self.wide else "<I24xI4xI28xII"
            table += struct.pack(kind, pool_at + len(pool), base, size, base >> 12 & 0xFFFF, size)
            pool += struct.pack("<I", len(name)) + name.encode("utf-16-le") + b"\0\0"
        return table, pool
