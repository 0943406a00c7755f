"""Making one column of two, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SIGNED_MAXIMUM = (1 << 63) - 1


def where(condition: NDArray[np.bool_], yes: Column, no: Column) -> Column:
    """Return the rows of the one where the condition is true, of the other elsewhere."""
    rows = np.arange(len(yes), dtype=np.int64)
    return concatenate([yes, no]).take(np.where(condition, rows, rows + len(yes)))


def concatenate(columns: Sequence[Column]) -> Column:
    """Return the columns one below the other; texts get common words."""
    if len(columns) == 1:
        return columns[0]
    plain = all(column.status is None for column in columns)
    status = None if plain else np.concatenate([column.statuses for column in columns])
    if any(isinstance(column, Text) for column in columns):
        return _concatenate_texts(columns, status)
    arrays = [column.values for column in columns]
    if {array.dtype.kind for array in arrays} == {"i", "u"}:
        common = _common_type(arrays)
        arrays = [array.astype(common) for array in arrays]
    return Column(np.concatenate(arrays), status)


def _common_type(arrays: Sequence[Array]) -> type:
    """Return the type that holds signed and unsigned numbers: Python's own where no other does."""
    if all(array.min(initial=0) >= 0 for array in arrays):
        return np.uint64
    return np.int64 if all(array.max(initial=0) <= _SIGNED_MAXIMUM for array in arrays) else object


def _concatenate_texts(columns: Sequence[Column], status: NDArray[np.uint8] | None) -> Text:
    seen: dict[str, int] = {}
    codes = []
    for column in columns:
        words = column.words if isinstance(column, Text) else ()
        table = np.array([seen.setdefault(word, len(seen)) for word in words], np.int64)
        codes.append(table[column.values] if len(table) else np.zeros(len(column), np.int64))
    return Text(np.concatenate(codes), status, list(seen))
