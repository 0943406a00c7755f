"""Order and equality of elements: OrderBy's permutation, Distinct's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Indexes, Text
from memq.errors import Reason
from memq.output.records import Lists, Records
from memq.schema.batch import ObjectType

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence


def permutation(key: Column, *, descending: bool, fold: bool = False) -> Indexes:
    """Return the stable order of a key: null smallest, unknown last in both directions."""
    rank = _ranks(key, fold=fold)
    status = key.statuses
    rank[status == Reason.NULL] = -1
    if descending:
        rank = -rank
    unknown = status > Reason.NULL
    rank[unknown] = 0
    return np.lexsort((rank, unknown)).astype(np.int64)


def _ranks(key: Column, *, fold: bool) -> Indexes:
    if not isinstance(key, Text):
        _, ranks = np.unique(key.values, return_inverse=True)
        return ranks.astype(np.int64)
    words = [word.casefold() if fold else word for word in key.words]
    place = {word: rank for rank, word in enumerate(sorted(set(words)))}
    table = np.array([place[word] for word in words] or [0], np.int64)
    return np.asarray(table[key.values])


def keys(batch: ObjectType | Records) -> Iterator[Hashable]:
    """Yield for each element what it is equal to others by; an unknown equals only itself."""
    if isinstance(batch, ObjectType):
        arrays = [batch.rows[name].tolist() for name in batch.identity]
        yield from zip(*arrays, strict=True)
        return
    columns = [
        _plain(column, fold=field.type is not None and field.type.ignores_case)
        for field, column in zip(batch.fields, batch.columns, strict=True)
        if not isinstance(column, Lists)
    ]
    yield from zip(*columns, strict=True)


def _plain(column: Column, *, fold: bool) -> Sequence[Hashable]:
    if isinstance(column, Text) and fold:
        column = column.map(str.casefold)
    values: list[Hashable]
    values = list(column.to_list()) if isinstance(column, Text) else column.values.tolist()
    if column.status is not None:
        for row in np.flatnonzero(column.status).tolist():
            values[row] = None if column.status[row] == Reason.NULL else object()
    return values
