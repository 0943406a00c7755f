"""Columns made of plain values, and read back: None is null, a Reason is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from memq.column import Column, Text, text_column
from memq.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

Value: TypeAlias = str | int | bool | None


def column(values: Sequence[Value]) -> Column:
    """Make a Text if there is a string among the values, else a column of numbers."""
    reasons = [Reason.NULL if v is None else v if isinstance(v, Reason) else 0 for v in values]
    status = np.array(reasons, np.uint8) if any(reasons) else None
    if any(isinstance(value, str) for value in values):
        return text_column([v if isinstance(v, str) else None for v in values], status)
    plain = [0 if v is None or isinstance(v, Reason | str) else v for v in values]
    return Column(np.array(plain, np.uint64 if max(plain, default=0) >= 1 << 63 else None), status)


def values(found: Column) -> list[Any]:
    """Return what a column holds."""
    plain = found.to_list() if isinstance(found, Text) else found.values.tolist()
    reasons = found.statuses.tolist()
    assert len(plain) == len(reasons)
    return [
        value if not reason else None if reason == Reason.NULL else Reason(reason)
        for value, reason in zip(plain, reasons, strict=True)
    ]
