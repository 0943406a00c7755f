"""Windows' times as columns: units of 100 ns since 1601-01-01 UTC (FILETIME)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.errors import Reason

if TYPE_CHECKING:
    from memq.column import Array

EPOCH = 116_444_736_000_000_000
"""1970-01-01 in such units."""
_LAST = EPOCH + 92_233_720_368_547_758
"""The last that nanoseconds since 1970 in 64 bits can say, in 2262."""


def time_column(column: Column) -> Column:
    """Return times in nanoseconds since 1970; 0 is null, what cannot be told is malformed."""
    raw = column.values.astype(np.uint64)
    inside = (raw >= np.uint64(2 * EPOCH - _LAST)) & (raw <= np.uint64(_LAST))
    values = np.where(inside, (raw.astype(np.int64) - EPOCH) * 100, 0)
    is_null = column.known & (raw == 0)
    found = Column(values, column.status).but(is_null, Reason.NULL)
    return found.but(found.known & ~inside, Reason.MALFORMED)


def nanoseconds(ticks: int) -> int:
    """Return one time in nanoseconds since 1970."""
    return (ticks - EPOCH) * 100


def duration_column(column: Column) -> Column:
    """Return durations in units of 100 ns as nanoseconds."""
    raw = column.values.astype(np.int64)
    inside = np.abs(raw) <= (1 << 63) // 100 - 1
    values: Array = np.where(inside, raw, 0) * 100
    return Column(values, column.status).but(column.known & ~inside, Reason.MALFORMED)
