"""Making one column of two, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, Text
from memq.errors import Reason

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
    if {column.values.dtype.kind for column in columns} == {"i", "u"}:
        return _concatenate_integers([column.values for column in columns], status)
    return Column(np.concatenate([column.values for column in columns]), status)


def _concatenate_integers(arrays: Sequence[Array], status: NDArray[np.uint8] | None) -> Column:
    """Give signed and unsigned numbers one type; what it cannot hold is unknown."""
    if all(array.min(initial=0) >= 0 for array in arrays):
        return Column(np.concatenate([array.astype(np.uint64) for array in arrays]), status)
    large = np.concatenate([array > np.uint64(_SIGNED_MAXIMUM) for array in arrays])
    values = np.concatenate([array.astype(np.int64) for array in arrays])
    return Column(values, status).but(large, Reason.OVERFLOW)


def _concatenate_texts(columns: Sequence[Column], status: NDArray[np.uint8] | None) -> Text:
    seen: dict[str, int] = {}
    codes = []
    for column in columns:
        words = column.words if isinstance(column, Text) else ()
        table = np.array([seen.setdefault(word, len(seen)) for word in words], np.int64)
        codes.append(table[column.values] if len(table) else np.zeros(len(column), np.int64))
    return Text(np.concatenate(codes), status, list(seen))
