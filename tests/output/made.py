"""Records made for tests: out of plain rows, and as JSON again by the most obvious way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from memq.column import Column, text_column
from memq.errors import Reason
from memq.output.records import Lists, RecordField, Records
from memq.schema.kinds import Kind, ValueType

Cell: TypeAlias = "int | str | Reason | Items"
"""A value, a list, or why there is none."""

_DTYPES = {Kind.ADDRESS: np.uint64, Kind.SIZE: np.uint64, Kind.BOOLEAN: np.bool_}


@dataclass(frozen=True)
class Items:
    """A list of rows, and why it is not whole (0: it is)."""

    rows: list[tuple[Cell, ...]]
    cut: int = 0


@dataclass(frozen=True)
class ListOf:
    """What lists hold: rows of these fields, or the plain values of the only one."""

    fields: tuple[Field, ...]
    bare: bool = False


@dataclass(frozen=True)
class Field:
    """A column: its keys, and the kind of its values."""

    path: tuple[str, ...]
    of: Kind | ListOf


def records(fields: tuple[Field, ...], rows: list[tuple[Cell, ...]]) -> Records:
    """Make Records of rows."""
    columns = tuple(
        _column(field.of, [row[number] for row in rows]) for number, field in enumerate(fields)
    )
    return Records(len(rows), described(fields), columns)


def described(fields: tuple[Field, ...]) -> tuple[RecordField, ...]:
    """Return the fields as records describe them."""
    return tuple(
        RecordField(f.path, ValueType(f.of) if isinstance(f.of, Kind) else None) for f in fields
    )


def one(kind: Kind, *cells: Cell, path: tuple[str, ...] = ("x",)) -> Records:
    """Make Records of one column."""
    return records((Field(path, kind),), [(cell,) for cell in cells])


def _column(of: Kind | ListOf, cells: list[Cell]) -> Column | Lists:
    if isinstance(of, ListOf):
        lists = [cell for cell in cells if isinstance(cell, Items)]
        starts = np.cumsum([0] + [len(each.rows) for each in lists])
        cut = np.array([each.cut for each in lists], np.uint8)
        items = records(of.fields, [row for each in lists for row in each.rows])
        return Lists(starts.astype(np.int64), items, of.bare, cut if cut.any() else None)
    reasons = [cell if isinstance(cell, Reason) else Reason.KNOWN for cell in cells]
    status = np.array(reasons, np.uint8)
    if of is Kind.STRING:
        strings = [cell if isinstance(cell, str) else "" for cell in cells]
        return text_column(strings).also(status)
    numbers = [cell if isinstance(cell, int | float) else 0 for cell in cells]
    numbers = [0 if isinstance(number, Reason) else number for number in numbers]
    dtype = np.float64 if of is Kind.FLOAT else _DTYPES.get(of, np.int64)
    return Column(np.array(numbers, dtype)).also(status)


# The obvious encoder


def trees(
    fields: tuple[Field, ...], rows: list[tuple[Cell, ...]], *, bare: bool = False
) -> list[Any]:
    """Return what the JSON of each row must hold."""
    if bare:
        return [_plain(fields[0].of, row[0]) for row in rows]
    return [_tree(fields, row) for row in rows]


def _tree(fields: tuple[Field, ...], row: tuple[Cell, ...]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    inside: list[dict[str, Any]] = [tree]
    marks: list[tuple[int, str, str, Reason]] = []
    for field, cell in zip(fields, row, strict=True):
        node = tree
        for key in field.path[:-1]:
            if key not in node:
                node[key] = {}
                inside.append(node[key])
            node = node[key]
        key = field.path[-1]
        node[key] = _value(field.of, cell)
        where = next(number for number, each in enumerate(inside) if each is node)
        if isinstance(cell, Reason) and cell > Reason.NULL:
            marks.append((where, "_unknown", key, cell))
        elif isinstance(cell, Items) and cell.cut:
            marks.append((where, "_cut_short", key, Reason(cell.cut)))
    for wanted in ("_unknown", "_cut_short"):
        for where, mark, key, reason in marks:
            if mark == wanted:
                inside[where].setdefault(mark, {})[key] = reason.text
    return tree


def _plain(of: Kind | ListOf, cell: Cell) -> Any:
    if isinstance(cell, Reason) and cell > Reason.NULL:
        return {"_unknown": cell.text}
    if isinstance(cell, Items) and cell.cut:
        return [*_value(of, cell), {"_cut_short": Reason(cell.cut).text}]
    return _value(of, cell)


def _value(of: Kind | ListOf, cell: Cell) -> Any:
    if isinstance(of, ListOf):
        assert isinstance(cell, Items)
        return trees(of.fields, cell.rows, bare=of.bare)
    if isinstance(cell, Reason):
        return None
    assert not isinstance(cell, Items)
    return cell if isinstance(cell, str) else _number(of, cell)


def _number(kind: Kind, number: int) -> Any:
    if kind is Kind.ADDRESS:
        return hex(number)
    if kind is Kind.TIME:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=number // 1000)
        return f"{moment.isoformat(timespec='microseconds')}Z"
    return Decimal(number) / 10**9 if kind is Kind.DURATION else number


# Strategies

HOSTILE = (
    "\x00\x07\x08\t\n\r\x1b\x7f\x84\x85\x9b\x9d\xa0\xad\u061c\u180e\u200b\u200e\u2028\u2029\u202a\u202e"
    "\u2066\u2069\u206a\u3164\ufeff"
    "\ufff9\ufffc\ufffd\U000e0041\U0001f600\u0301\u6f22\u00e9\"'\\%{}[],;=+-@|( a0?"
)
ATTACKS = ("\x1b[2J", "\x1b]0;owned\x07", "=cmd|' /C calc'!A0", "%s %(x)d {0}", "", "'", '"')
hostile_alphabet = st.sampled_from(HOSTILE)
hostile_texts = st.text(hostile_alphabet, max_size=8) | st.sampled_from(ATTACKS)

_int64 = st.integers(-(1 << 63) + 1, (1 << 63) - 1)
_uint64 = st.integers(0, (1 << 64) - 1)
_known: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.NUMBER: _int64,
    Kind.SIZE: _uint64,
    Kind.ADDRESS: _uint64,
    Kind.BOOLEAN: st.booleans(),
    Kind.STRING: hostile_texts,
    Kind.TIME: _int64,
    Kind.DURATION: _int64,
}
_lost = st.sampled_from([reason for reason in Reason if reason is not Reason.KNOWN])


def _cells(of: Kind | ListOf) -> st.SearchStrategy[Any]:
    if isinstance(of, ListOf):
        cuts = st.just(0) | _lost.filter(lambda reason: reason > Reason.NULL).map(int)
        return st.builds(Items, st.lists(_rows(of.fields), max_size=3), cuts)
    return _known[of] | _lost


def _rows(fields: tuple[Field, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*(_cells(field.of) for field in fields))


_kinds: st.SearchStrategy[Any] = st.sampled_from(list(_known))


def _fields(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Field, ...]]:
    """Some fields, none of which stands both for a value and for a record."""
    keys = st.sampled_from(["a", "b", "\x1b[2J", "%s", '"', "c.d"])
    paths = st.lists(
        st.lists(keys, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3, unique=True
    ).filter(_is_clear)
    return paths.flatmap(
        lambda chosen: st.tuples(*(st.builds(Field, st.just(path), of) for path in chosen))
    )


def _is_clear(paths: list[tuple[str, ...]]) -> bool:
    return not any(a != b and b[: len(a)] == a for a in paths for b in paths)


_lists = st.builds(ListOf, _fields(_kinds)) | _kinds.map(
    lambda kind: ListOf((Field((), kind),), bare=True)
)
fields = _fields(_kinds | _lists | st.builds(ListOf, _fields(_kinds | _lists)))
tables: st.SearchStrategy[tuple[tuple[Field, ...], list[tuple[Any, ...]]]] = fields.flatmap(
    lambda chosen: st.tuples(st.just(chosen), st.lists(_rows(chosen), max_size=4))
)
