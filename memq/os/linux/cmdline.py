"""Command lines, read from the memory of many processes in one go (fs/proc/base.c, get_mm_cmdline).

The kernel remembers where the arguments stood at the start. A process may have written there since:
if the last byte is no longer 0, its title is what stands from the first argument to the next 0, a
page at most, beyond the arguments too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Indexes, Text, text_column, worst
from memq.errors import Reason

if TYPE_CHECKING:
    from memq.column import Addresses, Statuses
    from memq.os.linux.kernel import LinuxKernel
    from memq.symbols.structs import Structs

MAX_LENGTH = 1 << 21
"""Bytes of arguments; the kernel allows a quarter of the stack's limit, usually 2 MB."""
MAX_TOTAL = 1 << 26
MAX_LENGTH_OF_MANY = 1 << 17
"""What is read of each process if all together would be more than MAX_TOTAL."""
PAGE = 4096


def command_lines(kernel: LinuxKernel, spaces: Structs, roots: Column) -> Text:
    """Return the arguments of each process joined by spaces, zeros at their end left out."""
    start, end, settled = spaces["arg_start"], spaces["arg_end"], spaces["env_end"]
    status = worst(start.status, end.status, settled.status, roots.status)
    known = np.ones(len(spaces), bool) if status is None else status == 0
    sizes = np.where(end.values > start.values, end.values - start.values, np.uint64(0))
    sizes[(settled.values == 0) | ~known] = 0  # not far enough into exec to have arguments
    reasons = np.zeros(len(spaces), np.uint8) if status is None else status.copy()
    limit = MAX_LENGTH if sizes[sizes < MAX_LENGTH].sum() <= MAX_TOTAL else MAX_LENGTH_OF_MANY
    reasons[sizes > limit] = Reason.LIMIT
    rows = np.flatnonzero(known & (sizes > 0) & (sizes <= limit))
    lines: list[str | None] = [None if reason else "" for reason in reasons.tolist()]
    base = roots.values[rows].astype(np.uint64)
    data, read = _read(kernel, start.values[rows], sizes[rows].astype(np.int64), limit, base)
    reasons[rows] = read
    for row, raw in zip(rows.tolist(), data, strict=True):
        lines[row] = raw.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "backslashreplace")
    return text_column(lines, reasons if reasons.any() else None)


def _read(
    kernel: LinuxKernel, starts: Addresses, sizes: Indexes, limit: int, roots: Addresses
) -> tuple[list[bytes], Statuses]:
    """Read the arguments; of those that have become a title, the title."""
    data, status = kernel.space.gather_ranges(starts, sizes, limit, roots)
    status = status.copy()
    titles = np.array(
        [row for row, raw in enumerate(data) if raw[-1:] not in {b"", b"\0"}], np.int64
    )
    if len(titles):
        longest = np.full(len(titles), PAGE, np.int64)
        # Up to the end of a page if what comes after it cannot be read.
        left = PAGE - (starts[titles] % np.uint64(PAGE)).astype(np.int64)
        whole, missing = kernel.space.gather_ranges(starts[titles], longest, PAGE, roots[titles])
        part, reasons = kernel.space.gather_ranges(starts[titles], left, PAGE, roots[titles])
        for place, row in enumerate(titles.tolist()):
            found = part[place] if missing[place] else whole[place]
            data[row] = found.split(b"\0", 1)[0]
            status[row] = reasons[place] if missing[place] else 0
    return data, status
