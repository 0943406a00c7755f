"""Records as JSON, written from whole columns: no dictionary is made for a row.

What it promises, and how the values of each kind are written, stands in memq.output.forms.
"""

from __future__ import annotations

from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson

from memq.column import Text
from memq.errors import Cancelled, Reason
from memq.output.cells import clean_json, marked, plain_cells, worded
from memq.output.forms import QUOTED
from memq.output.records import Lists, Objects, slices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from memq.column import Column, Statuses
    from memq.output.records import Records
    from memq.schema.kinds import ValueType

Tree: TypeAlias = "dict[str, int | Tree]"
"""Keys of a record in their order: a column's number, or the keys of a record within."""

Part: TypeAlias = "str | list[str]"
"""A piece of every row: the same text in each, or one for each."""

Check: TypeAlias = "Callable[[], None] | None"
"""Asked between the pieces of what may be long; it raises where nobody wants it any more."""

_MANY = 1 << 14
"""Items; no more than so many are ever in the lists of records that are short."""


def encode(text: str) -> str:
    """Return a text as JSON, safe to be shown."""
    return clean_json(orjson.dumps(text).decode())


def encode_all(texts: Sequence[str]) -> list[str]:
    """Return texts as `encode` does, a tenth of the time each: as the lines of one list."""
    if not texts:
        return []
    # The ends of lines within texts are written as \\n: those between the items are the only ones.
    lines = clean_json(orjson.dumps(list(texts), option=orjson.OPT_INDENT_2).decode())
    return lines[len("[\n  ") : -len("\n]")].split(",\n  ")


def rows_of(records: Records, *, bare: bool = False, check: Check = None) -> list[str]:
    """Return each record as a JSON object; `bare`: each as the value of the first column."""
    rows: list[str] = []
    for number, piece in enumerate(slices([records])):
        if number and check is not None:
            check()
        rows += _rows(piece, check, bare=bare)
    return rows


def _rows(records: Records, check: Check, *, bare: bool) -> list[str]:
    """Return the records, which are few, as JSON."""
    if bare or (records.fields and not records.fields[0].path):
        return _bare(records, check)
    # Rows are joined out of columns: measured on 291,211 rows of five fields, a third of the time
    # that a template filled row by row takes.
    parts = _merged(_object(_tree(records), records, check))
    columns = [repeat(part, len(records)) if isinstance(part, str) else part for part in parts]
    return list(map("".join, zip(*columns, strict=True)))


def _merged(parts: Iterable[Part]) -> list[Part]:
    """Make one of texts that follow each other."""
    merged: list[Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, str) and isinstance(last, str):
            merged[-1] = last + part
        else:
            merged.append(part)
    return merged


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


def _object(tree: Tree, records: Records, check: Check) -> Iterator[Part]:
    """Yield the parts of one object a row, the objects within it included."""
    unknown: dict[str, Statuses] = {}
    cut: dict[str, Statuses] = {}
    before = "{"
    for key, what in tree.items():
        yield f"{before}{encode(key)}:"
        before = ","
        if isinstance(what, dict):
            yield from _object(what, records, check)
            continue
        column = plain(records.columns[what])
        if isinstance(column, Lists):
            yield list_values(column, check=check)
            if column.cut is not None:
                cut[key] = column.cut
        else:
            yield from _value(column, records.fields[what].type)
            if column.status is not None:
                unknown[key] = column.status
    if not tree:
        yield "{"
    yield from _reasons(records.length, {"_unknown": unknown, "_cut_short": cut})
    yield "}"


def _reasons(length: int, marks: dict[str, dict[str, Statuses]]) -> Iterator[list[str]]:
    """Yield what follows the fields of each object: why some are not known, or not whole."""
    for name, columns in marks.items():
        found: dict[int, list[str]] = {}
        for key, status in columns.items():
            for row in np.flatnonzero(status > Reason.NULL).tolist():
                reason = encode(Reason(int(status[row])).text)
                found.setdefault(row, []).append(f"{encode(key)}:{reason}")
        if found:
            tails = [""] * length
            for row, entries in found.items():
                tails[row] = f',"{name}":{{{",".join(entries)}}}'
            yield tails


def plain(column: Column | Lists | Objects) -> Column | Lists:
    """Return the column; there are no objects in records that are written."""
    if isinstance(column, Objects):
        raise TypeError("a column of objects cannot be written")
    return column


def _value(column: Column, type_: ValueType | None) -> Iterator[Part]:
    """Yield a column's JSON; where each row has a value, its quotes stand once."""
    if type_ is not None and type_.kind in QUOTED and column.status is None:
        yield from ('"', plain_cells(column, type_), '"')
    else:
        yield values(column, type_)


def values(column: Column, type_: ValueType | None) -> list[str]:
    """Return each value as JSON; null and unknown are both null."""
    if type_ is None:
        raise TypeError("a column of values has a type")
    if isinstance(column, Text):
        return worded(column, encode_all, instead="null")
    if column.values.dtype.kind == "f":
        result = [orjson.dumps(value).decode() for value in column.values.tolist()]
    else:
        result = plain_cells(column, type_)
        if type_.kind in QUOTED:
            result = [f'"{cell}"' for cell in result]
    return marked(result, column, "null", "null")


def _bare(records: Records, check: Check) -> list[str]:
    column = plain(records.columns[0])
    if isinstance(column, Lists):
        return list_values(column, marked=True, check=check)
    result = values(column, records.fields[0].type)
    if column.status is not None:
        for row in np.flatnonzero(column.status > Reason.NULL).tolist():
            result[row] = _instead("_unknown", int(column.status[row]))
    return result


def _instead(mark: str, reason: int) -> str:
    """Return what stands for a value, or for the rest of a list, where no record can say why."""
    return f'{{"{mark}":{encode(Reason(reason).text)}}}'


def list_values(lists: Lists, *, marked: bool = False, check: Check = None) -> list[str]:
    """Return each list as JSON; `marked`: one that is not whole ends in the reason."""
    items = rows_of(lists.records, bare=lists.bare, check=check)
    ask_if_many(check, len(items))
    starts = lists.starts.tolist()
    if not marked or lists.cut is None:
        found = [f"[{','.join(items[start:end])}]" for start, end in pairwise(starts)]
    else:
        rests = [[_instead("_cut_short", cut)] if cut else [] for cut in lists.cut.tolist()]
        found = [
            f"[{','.join(items[start:end] + rest)}]"
            for (start, end), rest in zip(pairwise(starts), rests, strict=True)
        ]
    ask_if_many(check, len(items))
    return found


def ask_if_many(check: Check, count: int) -> None:
    """Ask whether texts are still wanted that were made of very many; others are soon written."""
    if check is not None and count > _MANY:
        check()


def lines(batches: Iterable[Records], *, bare: bool, check: Check = None) -> Iterator[str]:
    """Yield JSON lines, many at a time."""
    for records in slices(batches):
        yield "\n".join(_rows(records, check, bare=bare)) + "\n"


def array(batches: Iterable[Records], *, bare: bool, check: Check = None) -> Iterator[str]:
    """Yield the pieces of one JSON array, a record a line, many at a time.

    Where the run was cancelled it holds what was found up to there, and says so at its end.
    """
    before = "[\n"
    try:
        for records in slices(batches):
            yield before + ",\n".join(_rows(records, check, bare=bare))
            before = ",\n"
    except Cancelled:
        yield f"{before}{_instead('_cut_short', Reason.STOPPED)}\n]\n"
        raise
    yield "[]\n" if before == "[\n" else "\n]\n"


def parsed(batches: Iterable[Records], *, bare: bool, check: Check = None) -> Iterator[Any]:
    """Yield what the JSON of each record says, as Python's own values."""
    for records in slices(batches):
        rows = _rows(records, check, bare=bare)
        for record in orjson.loads(f"[{','.join(rows)}]"):
            yield record
            if check is not None:
                check()
