"""What the kernel tells all programs: KUSER_SHARED_DATA, and times that are kept in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, worst

if TYPE_CHECKING:
    from memq.symbols.structs import Structs

ADDRESSES = {8: 0xFFFF_F780_0000_0000, 4: 0xFFDF_0000}
"""Where it is in the kernel's half, by the size of pointers (SharedUserData in ntddk.h)."""


def system_time(shared: Structs, member: str) -> Column:
    """Return a KSYSTEM_TIME in units of 100 ns; its upper half comes first and last."""
    low, high = shared[f"{member}.LowPart"], shared[f"{member}.High1Time"]
    values = (high.values.astype(np.int64) << 32) | low.values.astype(np.int64)
    return Column(values, worst(low.status, high.status))
