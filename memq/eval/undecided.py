"""What could not be decided, as records: each element by its default columns, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from memq.column import Column, Text
from memq.errors import Reason
from memq.eval.pairs import join
from memq.eval.scope import exact
from memq.output.records import RecordField, Records
from memq.schema.batch import ObjectType
from memq.schema.kinds import Kind, ValueType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.column import Truth
    from memq.run import Run

REASON = RecordField(("_undecided",), ValueType(Kind.STRING))
"""Under this key stands why an element could not be decided."""


def undecided(run: Run) -> Iterator[Records]:
    """Yield the undecided elements that a run has kept, those of one shape together."""
    shapes: dict[Any, list[Records]] = {}
    for batch, reasons in run.doubts:
        records = _plain(batch).with_column(REASON, _told(reasons))
        shapes.setdefault(records.fields, []).append(records)
    for alike in shapes.values():
        yield join(alike)


def _plain(batch: Any) -> Records:
    """Return the default columns of objects, or the columns of records that hold values."""
    if isinstance(batch, ObjectType):
        return _defaults(batch)
    if not isinstance(batch, Records):
        address = ValueType(Kind.ADDRESS)
        column = Column(batch.addresses, batch.status)
        return Records(len(batch), (RecordField(("address",), address),), (column,))
    pairs = list(zip(batch.fields, batch.columns, strict=True))
    values = [(_named(field), column) for field, column in pairs if isinstance(column, Column)]
    return _records(len(batch), values)


def _named(field: RecordField) -> RecordField:
    return field if field.path else replace(field, path=("value",))


def _defaults(batch: ObjectType) -> Records:
    fields = [f for f in batch.fields.values() if f.shown and not f.declared_only]
    return _records(
        len(batch),
        [
            (RecordField((f.name,), exact(f.value_type), aliases=f.aliases), batch.column(f.name))
            for f in fields
        ],
    )


def _records(length: int, pairs: Iterable[tuple[RecordField, Column]]) -> Records:
    fields, columns = zip(*pairs, strict=True) if pairs else ((), ())
    return Records(length, tuple(fields), tuple(columns))


def _told(reasons: Truth) -> Text:
    """Return each reason in words."""
    return Text(reasons.astype("int64"), None, tuple(_WORDS))


_WORDS = [Reason(code).text for code in range(len(Reason))]
