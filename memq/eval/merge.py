"""Making one column of two, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray


def where(condition: NDArray[np.bool_], yes: Column, no: Column) -> Column:
    """Return the rows of the one where the condition is true, of the other elsewhere."""
    status = np.where(condition, yes.statuses, no.statuses)
    if isinstance(yes, Text) and isinstance(no, Text):
        joined = concatenate([yes, no])
        rows = np.where(condition, np.arange(len(yes)), np.arange(len(yes)) + len(yes))
        return joined.take(rows)
    first, second = same_numbers(text_free(yes), text_free(no))
    return Column(np.where(condition, first, second), status)


def text_free(column: Column) -> Array:
    """Return a column's values; of texts (here always without a known value) zeros."""
    return np.zeros(len(column), np.int64) if isinstance(column, Text) else column.values


def same_numbers(first: Array, second: Array) -> tuple[Array, Array]:
    """Give two arrays one type that holds the numbers of both exactly, where there is one."""
    if first.dtype == second.dtype or {first.dtype.kind, second.dtype.kind} != {"i", "u"}:
        return first, second
    if not (len(first) and len(second)) or min(int(first.min()), int(second.min())) >= 0:
        return first.astype(np.uint64), second.astype(np.uint64)
    return first.astype(np.int64), second.astype(np.int64)


def concatenate(columns: list[Column]) -> Column:
    """Return the columns one below the other; texts get common words."""
    if len(columns) == 1:
        return columns[0]
    plain = all(column.status is None for column in columns)
    status = None if plain else np.concatenate([column.statuses for column in columns])
    if any(isinstance(column, Text) for column in columns):
        return _concatenate_texts(columns, status)
    kinds = {column.values.dtype.kind for column in columns}
    arrays = [column.values for column in columns]
    if kinds == {"i", "u"}:
        arrays = [array.astype(np.uint64) for array in arrays]
    return Column(np.concatenate(arrays), status)


def _concatenate_texts(columns: list[Column], status: NDArray[np.uint8] | None) -> Text:
    seen: dict[str, int] = {}
    codes = []
    for column in columns:
        words = column.words if isinstance(column, Text) else ()
        table = np.array([seen.setdefault(word, len(seen)) for word in words], np.int64)
        codes.append(table[column.values] if len(table) else np.zeros(len(column), np.int64))
    return Text(np.concatenate(codes), status, list(seen))
