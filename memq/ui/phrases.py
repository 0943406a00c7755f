"""What a menu says of things: a word for what it is, and the first sentence of its help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.functions import raw_type
from memq.eval.places import RawShape, RecordShape, Step
from memq.eval.raw_types import written
from memq.eval.scope import Function, Partial
from memq.eval.series import ListSeries, Series, SourceSeries
from memq.eval.terms import Constant, FieldTerm, Term
from memq.output.cells import clean
from memq.output.reference.words import cost_name, summary
from memq.schema.declare import Cost, Field, SubObject
from memq.ui.matching import Entry

if TYPE_CHECKING:
    from memq.eval.places import Place, Shape
    from memq.eval.scope import Found
    from memq.schema.declare import Part, System

_DEAR = (Cost.USER_MEMORY, Cost.WALK, Cost.SCAN)


def sentence(doc: str) -> str:
    """Return the first sentence of a help text."""
    first, stop, _ = doc.partition(". ")
    return first + stop.strip()


def about(word: str, part: Part) -> str:
    """Return what a field or a sub-object is, what it costs if that is much, and its help."""
    cost = f" ({cost_name(part.cost)})" if part.cost in _DEAR else ""
    return f"{word}{cost}: {sentence(part.doc)}"


def of_part(name: str, part: Part) -> Entry:
    """Return the entry of a field or of a sub-object, under its name or another one."""
    if isinstance(part, Field):
        word, kind = part.value_type.kind.value, "field"
    elif isinstance(part, SubObject) and part.many:
        word, kind = f"all its {part.item}", "collection"
    else:
        word, kind = getattr(part, "item", "object"), "object"
    is_other = name not in (part.name, part.name.removesuffix("_object"))
    return Entry(name, name, f"= {part.name}" if is_other else about(word, part), kind)


def of_found(name: str, found: Found, system: System) -> Entry:
    """Return the entry of what a name means at a place."""
    match found:
        case FieldTerm():
            return of_part(name, found.field)
        case Constant():
            return Entry(name, name, f"{found.type.kind.value}: {_short(found.value)}", "value")
        case Term():
            return Entry(name, name, found.type.kind.value, "value")
        case SourceSeries():
            return Entry(name, name, summary(found.type), "source")
        case Series():
            word = "list" if isinstance(found, ListSeries) else "series"
            return Entry(name, name, f"{word} of {_elements(found.shape)}", "name")
        case Function():
            shown = f"{name}({', '.join(found.node.parameters)})"
            return Entry(name, shown, "function", "function")
        case Partial():
            return Entry(name, name, "record", "name")
        case _:
            return _of_place(name, found, system)


def _of_place(name: str, place: Place, system: System) -> Entry:
    if isinstance(place.shape, RawShape):
        return Entry(name, name, written(raw_type(place)), "name")
    if isinstance(place, Step) and place.parent.type is not None:
        part = place.parent.type.subobjects.get(place.name)
        if part is not None:
            return of_part(name, part)
    type_ = place.type
    meta = "" if type_ is None else f"this {type_.type_name}: {summary(type_)}"
    return Entry(name, name, meta, "object")


def _elements(shape: Shape) -> str:
    if isinstance(shape, RawShape):
        return written(shape.type)
    if isinstance(shape, RecordShape):
        return "values" if shape.bare else "records"
    return f"{shape.type_name} objects"


def _short(value: object) -> str:
    text = clean(str(value))
    return text if len(text) <= 40 else f"{text[:37]}..."
