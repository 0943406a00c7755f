"""Shapes of what is made: records of one value, and series of something of each element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.places import RecordShape
from memq.eval.scope import Function, Partial
from memq.eval.series import PlaceSeries, Series, StageSeries
from memq.eval.stage_nodes import (
    ListItem,
    ObjectItem,
    SelectItem,
    SelectManyStage,
    SelectStage,
    ValueItem,
)
from memq.eval.terms import Term
from memq.output.records import RecordField
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from memq.errors import Span
    from memq.eval.bind import Binder
    from memq.eval.places import Place, Shape
    from memq.eval.scope import Found
    from memq.schema.kinds import ValueType


def bare_shape(type_: ValueType) -> RecordShape:
    """Return the shape of plain values."""
    return RecordShape((RecordField((), type_),), bare=True)


def text_keys(shape: Shape) -> frozenset[str]:
    """Return the keys of a record that are the texts of what was selected, and no names."""
    fields = shape.fields if isinstance(shape, RecordShape) else ()
    keys = (field.path[0] for field in fields if len(field.path) == 1)
    return frozenset(key for key in keys if not key.isidentifier())


def selected(series: Series, root: Place, items: tuple[SelectItem, ...], span: Span) -> Series:
    """Return the series of the records that are made of each element."""
    bare = len(items) == 1 and not items[0].path
    shape = RecordShape(tuple(item.field for item in items), bare, name_for(series.shape))
    return StageSeries(span, shape, series, SelectStage(root, items))


def name_for(shape: Shape) -> str:
    """Return what the elements are called that are selected from."""
    if isinstance(shape, RecordShape):
        return shape.of
    return getattr(shape, "type_name", "")


def projected(binder: Binder, series: Series, root: Place, found: Found, span: Span) -> Series:
    """Return the series of something of each element: a value, an object, or each of its own."""
    match found:
        case Term():
            return selected(series, root, (SelectItem((), ValueItem(found)),), span)
        case Series():
            return StageSeries(span, found.shape, series, SelectManyStage(root, found))
        case Partial(place, prefix):
            return selected(series, root, columns(place, prefix), span)
        case Function():
            raise TypeError("no function is something of an element")
        case _:
            raw = _plain_raw(found, span)
            if raw is not None:
                return selected(series, root, (SelectItem((), ValueItem(raw)),), span)
            return _projected_place(series, root, found, span)


def _plain_raw(found: Place, span: Span) -> Term | None:
    """Return something raw that is a plain value; a dot may still follow a pointer."""
    from memq.eval.functions import raw_value  # noqa: PLC0415

    raw = raw_value(found, span)
    return None if raw is None or raw.type.kind is Kind.ADDRESS else raw


def _projected_place(series: Series, root: Place, found: Place, span: Span) -> Series:
    """Return the series of an object of each element, or of all objects of a collection."""
    if getattr(found, "many", False):
        inner = PlaceSeries(span, found.shape, found)  # type: ignore[arg-type]
        return StageSeries(span, found.shape, series, SelectManyStage(root, inner))
    return selected(series, root, (SelectItem((), ObjectItem(found)),), span)


def columns(
    place: Place, prefix: tuple[str, ...] = (), path: tuple[str, ...] = ()
) -> tuple[SelectItem, ...]:
    """Return the columns of a record whose keys begin so, put under a path."""
    shape = place.shape
    items = []
    for number, field in enumerate(shape.fields if isinstance(shape, RecordShape) else ()):
        if field.path[: len(prefix)] == prefix:
            keys = (*path, *field.path[len(prefix) :])
            items.append(SelectItem(keys, column_item(place, number, field)))
    return tuple(items)


def column_item(place: Place, number: int, field: RecordField) -> ValueItem | ObjectItem | ListItem:
    """Return what selects a column of a record as it is."""
    from memq.errors import Span  # noqa: PLC0415
    from memq.eval.scope import column_at  # noqa: PLC0415

    found = column_at(place, number, field, Span(0, 0))
    if isinstance(found, Term):
        return ValueItem(found)
    if isinstance(found, Series):
        bare = isinstance(found.shape, RecordShape) and found.shape.bare
        return ListItem(found, place, (), bare)
    if isinstance(found, Partial | Function):
        raise TypeError("a column is none of these")
    return ObjectItem(found)
