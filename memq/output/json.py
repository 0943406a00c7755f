"""Records as JSON, written from whole columns: no dictionary is made for a row.

Addresses are hex texts, numbers numbers, times ISO 8601. An unknown value is null, with the reason
under "_unknown"; a list that is not whole has its reason under "_cut_short".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import orjson

from memq.column import Text
from memq.errors import Reason
from memq.output.cells import clean_json, plain_cells
from memq.output.records import Lists
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memq.column import Column, Statuses
    from memq.output.records import Records
    from memq.schema.kinds import ValueType

Tree: TypeAlias = "dict[str, int | Tree]"
"""Keys of a record in their order: a column's number, or the keys of a record within."""

_QUOTED = (Kind.ADDRESS, Kind.TIME)


def encode(text: str) -> str:
    """Return a text as JSON, safe to be shown."""
    return clean_json(orjson.dumps(text).decode())


def rows_of(records: Records, *, bare: bool = False) -> list[str]:
    """Return each record as a JSON object; `bare`: each as the value of the first column."""
    if bare:
        return _bare(records)
    return _objects(_tree(records), records)


def _tree(records: Records) -> Tree:
    tree: Tree = {}
    for number, field in enumerate(records.fields):
        node = tree
        for key in field.path[:-1]:
            inner = node.setdefault(key, {})
            if isinstance(inner, int):
                raise TypeError(f"{field.path}: a key is both a value and a record")
            node = inner
        node[field.path[-1]] = number
    return tree


def _objects(tree: Tree, records: Records) -> list[str]:
    """Fill one template a record: its keys are written once, not once a row."""
    pieces, columns = [], []
    unknown: dict[str, Statuses] = {}
    cut: dict[str, Statuses] = {}
    for key, what in tree.items():
        pieces.append(f"{encode(key)}:".replace("%", "%%") + "%s")
        if isinstance(what, dict):
            columns.append(_objects(what, records))
            continue
        column = records.columns[what]
        if isinstance(column, Lists):
            columns.append(list_values(column))
            if column.cut is not None:
                cut[key] = column.cut
        else:
            columns.append(values(column, records.fields[what].type))
            if column.status is not None:
                unknown[key] = column.status
    tails = _tails(records.length, {"_unknown": unknown, "_cut_short": cut})
    if tails is not None:
        columns.append(tails)
    template = "{" + ",".join(pieces) + ("%s}" if tails is not None else "}")
    if not columns:
        return ["{}"] * records.length
    return [template % row for row in zip(*columns, strict=True)]


def _tails(length: int, marks: dict[str, dict[str, Statuses]]) -> list[str] | None:
    """Return what follows the columns of each record: the reasons of what is unknown in it."""
    tails: list[str] | None = None
    for name, columns in marks.items():
        for row, reasons in sorted(_reasons(columns).items()):
            tails = tails or [""] * length
            body = ",".join(f"{encode(key)}:{encode(reason.text)}" for key, reason in reasons)
            tails[row] += f',"{name}":{{{body}}}'
    return tails


def _reasons(columns: dict[str, Statuses]) -> dict[int, list[tuple[str, Reason]]]:
    found: dict[int, list[tuple[str, Reason]]] = {}
    for key, status in columns.items():
        for row in np.flatnonzero(status > Reason.NULL).tolist():
            found.setdefault(row, []).append((key, Reason(int(status[row]))))
    return found


def values(column: Column, type_: ValueType | None) -> list[str]:
    """Return each value as JSON; null and unknown are both null."""
    if type_ is None:
        raise TypeError("a column of values has a type")
    if isinstance(column, Text):
        words = [encode(word) for word in column.words] or ["null"]
        result = [words[code] for code in column.values.tolist()]
    elif column.values.dtype.kind == "f":
        result = [orjson.dumps(value).decode() for value in column.values.tolist()]
    else:
        result = plain_cells(column, type_)
        if type_.kind in _QUOTED:
            result = [f'"{cell}"' for cell in result]
    if column.status is not None:
        for row in np.flatnonzero(column.status).tolist():
            result[row] = "null"
    return result


def _bare(records: Records) -> list[str]:
    column = records.columns[0]
    if isinstance(column, Lists):
        return list_values(column)
    result = values(column, records.fields[0].type)
    if column.status is not None:
        for row in np.flatnonzero(column.status > Reason.NULL).tolist():
            result[row] = f'{{"_unknown":{encode(Reason(int(column.status[row])).text)}}}'
    return result


def list_values(lists: Lists) -> list[str]:
    items = rows_of(lists.items, bare=lists.bare)
    starts = lists.starts.tolist()
    return [
        f"[{','.join(items[start:end])}]" for start, end in zip(starts, starts[1:], strict=False)
    ]


def lines(batches: Iterable[Records], *, bare: bool) -> Iterable[str]:
    """Yield JSON lines, a batch at a time."""
    for records in batches:
        yield "\n".join(rows_of(records, bare=bare)) + "\n"


def array(batches: Iterable[Records], *, bare: bool) -> Iterable[str]:
    """Yield the pieces of one JSON array, a record a line, a batch at a time."""
    before = "[\n"
    for records in batches:
        yield before + ",\n".join(rows_of(records, bare=bare))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"
