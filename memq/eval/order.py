"""Order and equality of elements: what OrderBy, Distinct, GroupBy and the sets go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from memq.column import Array, Column, Indexes, Text
from memq.errors import Reason
from memq.merge import concatenate
from memq.output.records import Lists, Objects, Records
from memq.schema.batch import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memq.run import Run
    from memq.schema.kinds import ValueType

_WIDE = 4
"""Numbers that are up to so many times as large as their count are not numbered anew."""


def ranked(values: Array) -> tuple[Array, Indexes]:
    """Return the distinct values, sorted, and for each value its place among them."""
    order = np.argsort(values)
    ordered = values[order]
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.cumsum(first) - 1
    return ordered[first], ranks


def ranks(key: Column, *, fold: bool = False) -> Indexes:
    """Return for each row where its value stands among all; of rows without a value anything."""
    if not isinstance(key, Text):
        return ranked(key.values)[1]
    words = [word.casefold() if fold else word for word in key.words]
    place = {word: rank for rank, word in enumerate(sorted(set(words)))}
    table = np.array([place[word] for word in words] or [0], np.int64)
    return np.asarray(table[key.values])


def sort_keys(key: Column, *, descending: bool, fold: bool = False) -> list[Array]:
    """Return what rows are sorted by, the last first (np.lexsort): null smallest, unknown last."""
    rank = ranks(key, fold=fold)
    status = key.statuses
    rank = np.where(status == Reason.NULL, -1, rank)
    unknown = status > Reason.NULL
    rank = np.where(unknown, 0, -rank if descending else rank)
    return [rank, unknown]


def leading(key: Column, count: int, *, descending: bool, fold: bool = False) -> Indexes:
    """Return the rows among which the first so many by a key are, those equal to the last included.

    All rows where that takes as long as sorting them.
    """
    values = ranks(key, fold=fold) if isinstance(key, Text) else key.values
    every = np.arange(len(values), dtype=np.int64)
    if values.dtype.kind not in "iub" or not 0 < count < len(values):
        return every
    null, unknown = key.statuses == Reason.NULL, key.statuses > Reason.NULL
    place = np.where(unknown, 3, np.where(null, 2 if descending else 0, 1))
    before = np.cumsum(np.bincount(place, minlength=4))
    edge = int(np.searchsorted(before, count))
    chosen = place <= edge
    if edge == 1:
        known = np.flatnonzero(place == 1)
        wanted = count - int(before[0])
        at = len(known) - wanted if descending else wanted - 1
        bound = np.partition(values[known], at)[at]
        is_first = values[known] >= bound if descending else values[known] <= bound
        chosen[known] = is_first
    return every[chosen]


# Equality


def codes(batches: Sequence[Any], run: Run) -> list[Indexes]:
    """Give equal elements of some batches of one shape equal numbers.

    Objects are equal by what they are known by, records by their values; null equals null, what is
    unknown equals only itself.
    """
    run.check()
    lengths = [len(batch) for batch in batches]
    numbers = combined(_columns(batches, run), sum(lengths), run)
    return np.split(numbers, np.cumsum(lengths)[:-1])


def combined(parts: Iterable[Indexes], length: int, run: Run) -> Indexes:
    """Number the rows of several codes from 0: rows of which all are equal get one number."""
    result = np.zeros(length, np.int64)
    for part in parts:
        run.check()
        low = part - part.min(initial=0)
        if low.max(initial=0) > _WIDE * length:
            _, low = ranked(part)
            run.check()
        result = ranked(result * (int(low.max(initial=0)) + 1) + low)[1]
    return result


def _columns(batches: Sequence[Any], run: Run) -> Iterable[Indexes]:
    first = batches[0]
    if isinstance(first, ObjectType):
        for name in first.identity:
            yield ranked(np.concatenate([batch.rows[name] for batch in batches]))[1]
    elif isinstance(first, Records):
        for number, field in enumerate(first.fields):
            columns = [batch.columns[number] for batch in batches]
            yield from _record_codes(columns, field.type, run)
    else:
        yield ranked(np.concatenate([batch.addresses for batch in batches]))[1]


def _record_codes(
    columns: Sequence[Column | Lists | Objects], type_: ValueType | None, run: Run
) -> Iterable[Indexes]:
    values = [column for column in columns if isinstance(column, Column)]
    objects = [column for column in columns if isinstance(column, Objects)]
    if values:
        fold = type_ is not None and type_.ignores_case
        yield code_of(values, fold=fold)
    elif objects:
        yield _object_codes(objects, run)


def code_of(columns: Sequence[Column], *, fold: bool = False) -> Indexes:
    """Number the values of columns one below the other; each unknown has a number of its own."""
    column = concatenate(columns)
    known = ranks(column, fold=fold)
    status = column.statuses
    result = np.where(status == Reason.NULL, -1, known)
    return _apart(result, status > Reason.NULL)


def _object_codes(columns: Sequence[Objects], run: Run) -> Indexes:
    batches = [column.batch for column in columns]
    numbers = [
        np.append(code, -1)[column.index]
        for code, column in zip(codes(batches, run), columns, strict=True)
    ]
    statuses = [
        np.zeros(len(column), np.uint8) if column.status is None else column.status
        for column in columns
    ]
    return _apart(np.concatenate(numbers), np.concatenate(statuses) > Reason.NULL)


def _apart(numbers: Indexes, unknown: Array) -> Indexes:
    """Give each of the rows marked a number that no other row has."""
    rows = np.flatnonzero(unknown)
    result = numbers.astype(np.int64)
    result[rows] = int(result.max(initial=0)) + 1 + np.arange(len(rows))
    return result


def firsts(codes_: Indexes, owner: Indexes, run: Run) -> tuple[Indexes, Indexes]:
    """Return the first row of each distinct code within each owner, in order, and each row's place.

    The second array has for each row the position, among the first rows, of the one it equals.
    """
    code = combined([owner, codes_], len(owner), run)
    run.check()
    return first_rows(code)


def first_rows(code: Indexes) -> tuple[Indexes, Indexes]:
    """Return the first row of each code, in order, and for each row which of these is like it."""
    heads = np.zeros(int(code.max(initial=-1)) + 1, np.int64)
    # Where a code is set more than once, the row that is set last stays: the first one.
    heads[code[::-1]] = np.arange(len(code) - 1, -1, -1)
    by_row = np.argsort(heads)
    place = np.empty(len(heads), np.int64)
    place[by_row] = np.arange(len(heads))
    return heads[by_row], place[code]
