"""The kernel's tables of system calls: its own, and win32k's, which is mapped in sessions only.

Each table is described by where it is, how many entries it has, and where the sizes of arguments
are (KSERVICE_TABLE_DESCRIPTOR).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.processes import active_list
from memq.os.windows.ranges import module_ranges
from memq.os.windows.undocumented import POINTER, layout, structs
from memq.os.windows.vad_lookup import roots_of
from memq.schema.batch import Cut

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run

MAX_ENTRIES = 4096
"""A number has 12 bits for the place in a table."""
_NOWHERE = np.uint64(0)
_WIDTH = 4
OWN = 0
"""The place of the kernel's own table, among TABLES and among the descriptors."""
MEMBERS = {"Base": POINTER, "Count": POINTER, "Limit": "u32", "Number": POINTER}


@dataclass(frozen=True, slots=True)
class Table:
    """One table, as it was described."""

    title: str
    symbol: str
    place: int
    """Which of the descriptors at the symbol it is."""
    first: int
    """Number of the call at its first place."""


TABLES = (
    Table("kernel", "KeServiceDescriptorTable", 0, 0),
    Table("win32k", "KeServiceDescriptorTableShadow", 1, 0x1000),
)


@dataclass(frozen=True, slots=True)
class Entries:
    """What stands in a table: addresses, and how many arguments lie on the stack."""

    addresses: Column
    arguments: Column
    cut: Cut | None = None


def entries(kernel: WindowsKernel, run: Run, table: Table) -> Entries | None:
    """Return what stands in a table; None where it is not known where that is."""
    symbol = kernel.optional(table.symbol)
    if symbol is None:
        return None
    struct = layout(kernel, "_KSERVICE_TABLE_DESCRIPTOR", MEMBERS)
    place = np.array([symbol + table.place * struct.size], np.uint64)
    found = structs(kernel, struct, place)
    base, limit, sizes = found["Base"], found["Limit"], found["Number"]
    status = int(np.maximum(base.statuses, limit.statuses)[0])
    start, count = int(base.values[0]), int(limit.values[0])
    if not status and (start < kernel.space.kernel_start or not 0 < count <= MAX_ENTRIES):
        status = Reason.MALFORMED
    if status:
        return _nothing(table, Reason(status))
    roots = None
    if table.place != OWN:
        root = root_that_maps(kernel, run, start)
        if root is None:
            return _nothing(table, Reason.NOT_IN_DUMP)
        roots = np.full(count, root, np.uint64)
    place_of = np.uint64(start) + np.arange(count, dtype=np.uint64) * np.uint64(_WIDTH)
    data, lost = kernel.space.gather(place_of, _WIDTH, roots)
    if kernel.is_64_bit:
        raw = np.ascontiguousarray(data).view("<i4")[:, 0].astype(np.int64)
        addresses, arguments = _decoded(kernel, run, start, raw), Column(raw & 15, lost)
    else:
        addresses = np.ascontiguousarray(data).view("<u4")[:, 0].astype(np.uint64)
        arguments = _sizes(kernel, sizes, count, roots)
    return Entries(Column(addresses, lost), arguments, _cut(table, lost))


def _cut(table: Table, status: Statuses) -> Cut | None:
    """Say so if entries of the table could not be read."""
    lost = np.flatnonzero(status)
    if not len(lost):
        return None
    reason = Reason(int(status[lost[0]]))
    return Cut(reason, f"{table.symbol}: {len(lost)} entries: {reason.text}")


def _nothing(table: Table, reason: Reason) -> Entries:
    none = Column(np.zeros(0, np.uint64))
    return Entries(none, none, Cut(reason, f"{table.symbol}: {reason.text}"))


def _decoded(kernel: WindowsKernel, run: Run, start: int, raw: Indexes) -> Addresses:
    """Return the addresses: the lowest four bits are masked, since Vista shifted out.

    Masked, the distances of a later kernel are sixteen times what they are, and lead out of the
    module that the table is in; shifted, those of an earlier one stay in it.
    """
    origin = np.int64(start - (1 << 64))
    shifted: Addresses = (origin + (raw >> 4)).astype(np.uint64)
    masked: Addresses = (origin + (raw & ~np.int64(15))).astype(np.uint64)
    first, last = _module(kernel, run, start)
    inside = [int(((way >= first) & (way < last)).sum()) for way in (shifted, masked)]
    return masked if inside[1] and inside[1] >= inside[0] else shifted


def _module(kernel: WindowsKernel, run: Run, address: int) -> tuple[np.uint64, np.uint64]:
    """Return where the module of an address begins and ends; nothing where it lies in none."""
    image = kernel.image
    if image.base <= address < image.end:
        return np.uint64(image.base), np.uint64(image.end)
    ranges = module_ranges(kernel, run)
    (row,) = ranges.index(np.array([address], np.uint64)).tolist()
    place = np.flatnonzero(ranges.rows == row)
    return (ranges.starts[place[0]], ranges.ends[place[0]]) if row >= 0 else (_NOWHERE, _NOWHERE)


def _sizes(kernel: WindowsKernel, sizes: Column, count: int, roots: Addresses | None) -> Column:
    """Return the numbers of arguments of x86: a byte each that has their size."""
    if not sizes.known[0] or int(sizes.values[0]) < kernel.space.kernel_start:
        reason = int(sizes.statuses[0]) or int(Reason.MALFORMED)
        return Column(np.zeros(count, np.int64), np.full(count, reason, np.uint8))
    places = np.uint64(int(sizes.values[0])) + np.arange(count, dtype=np.uint64)
    data, status = kernel.space.gather(places, 1, roots)
    return Column(data[:, 0].astype(np.int64) // 4, status)


def root_that_maps(kernel: WindowsKernel, run: Run, address: int) -> int | None:
    """Return the page-table root of the first process that maps an address of its session."""
    if kernel.optional("PsActiveProcessHead") is None:
        return None
    base = roots_of(kernel, np.fromiter(active_list(kernel, run), np.uint64))
    roots = base.values[base.known]
    _, status = kernel.space.translate_many(np.full(len(roots), address, np.uint64), roots)
    found = np.flatnonzero((status == 0) & (roots != 0))
    return int(roots[found[0]]) if len(found) else None
