"""Raw values as text: what is at one place of the kernel's memory, on part of a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.column import Text
from memq.errors import Reason
from memq.eval.raw_records import column_of_leaf, leaves_of
from memq.eval.raw_types import STRUCTURES, value_type, written
from memq.output.cells import clean
from memq.output.humane import counted
from memq.symbols.decode import is_number
from memq.symbols.types import Member, Type, innermost

if TYPE_CHECKING:
    from memq.column import Column
    from memq.eval.raw import RawBatch
    from memq.symbols.types import StructType
    from memq.ui.look.addresses import Places

SHOWN = 8
"""Elements of an array that stand on a line."""
_SMALL = 16
"""Bytes of a structure that is written out where it stands, if it holds but one or two values."""
_LONGEST = 256
"""Characters of a text."""
_PLAIN = 4096
"""Numbers below this are not written in hex, too."""


def value_of(part: RawBatch, places: Places) -> str:
    """Return what is at one place: `? reason` where it could not be read, `null` for no place."""
    type_ = part.type
    if type_.kind in STRUCTURES:
        return _structure(part, places)
    if value_type(type_) is None and type_.kind == "array":
        return _array(part, places)
    if value_type(type_) is None:  # an int of 16 bytes, and what has no size
        (leaf,) = leaves_of(type_)
        column: Any = column_of_leaf(part, leaf)
    else:
        column = part.value()
    return unknown_text(column) or _single(type_, column, places) + _pointed_text(part, column)


def unknown_text(column: Any) -> str:
    """Return why a column of one row has no value; nothing if it has one."""
    reason = Reason.KNOWN if column.status is None else Reason(int(column.status[0]))
    if reason == Reason.KNOWN:
        return ""
    return "null" if reason == Reason.NULL else f"? {reason.text}"


def closed(layout: StructType | None) -> str:
    """Return how a structure looks whose members are not shown."""
    if layout is None:
        return "{...}"
    count = len(layout.members)
    if not count:
        return "{}"
    return f"{{...}} {counted(count, 'member')}"


def number_text(type_: Type, value: Any, places: Places) -> str:
    """Return a number as its type is read: pointers in hex, and enums by name."""
    if type_.kind == "pointer":
        return places.marked(int(value)) if value else "null"
    if type_.kind == "bool":
        return "true" if value else "false"
    if type_.kind == "float":
        return repr(float(value))
    number = int(value)
    if type_.kind == "enum":
        names = [name for name, constant in type_.constants().items() if constant == number]
        return f"{number} ({clean(names[0])})" if names else str(number)
    if number >> 47 == (1 << 64 >> 47) - 1:  # an address that is kept as a number
        return places.marked(number)
    return f"{number} ({number:#x})" if number >= _PLAIN else str(number)


def _single(type_: Type, column: Any, places: Places) -> str:
    """Return the known value of a column of one row."""
    if isinstance(column, Text):
        return _quoted(column) if type_.kind == "array" else column.to_list()[0] or ""
    return number_text(type_, column.values[0], places)


def _pointed_text(part: RawBatch, column: Column) -> str:
    """Return the text that a pointer to char points to."""
    target = part.type.target() if part.type.kind == "pointer" else None
    if target is None or target.kind != "char" or int(column.values[0]) >> 63 == 0:
        return ""
    text = part.text()
    return f" {unknown_text(text) or _quoted(text)}"


def _quoted(column: Text) -> str:
    text = clean(column.to_list()[0] or "")
    return f'"{text}"' if len(text) <= _LONGEST else f'"{text[:_LONGEST]}"...'


def _structure(part: RawBatch, places: Places) -> str:
    """Return a structure with its values if they are few, else how many there are."""
    layout = part.type.layout()
    if part.status is not None and (reason := unknown_text(part.address())):
        return reason
    if layout is None or not 0 < layout.size <= _SMALL or len(layout.members) > 2:
        return closed(layout)
    leaves = leaves_of(part.type)
    if len(leaves) > 2 or any(leaf.type is None or leaf.reason for leaf in leaves):
        return closed(layout)
    values = [(leaf.path, value_of(part.part(leaf.member), places)) for leaf in leaves]
    shown = ", ".join(f"{clean('.'.join(path))} {value}" for path, value in values)
    return f"{{{shown}}}"


def _array(part: RawBatch, places: Places) -> str:
    """Return the first elements of an array of numbers; of others, how many there are."""
    type_, element = part.type, part.type.target()
    if part.status is not None and (reason := unknown_text(part.address())):
        return reason
    if element is None or not element.size or not type_.count:
        return "[...]"
    number = innermost(element)
    if not is_number(Member("", 0, number)):
        return f"[...] {type_.count:,} x {clean(written(element))}"
    whole = type_.size // number.size
    count = min(whole, SHOWN)
    head = Type("array", "", number.size * count, count=count, target_link=lambda: number)
    values, status = part.home.array_of(Member("", part.place.offset, head))
    if status is not None and status[0]:
        return f"? {Reason(int(status[0])).text}"
    texts = [number_text(number, value, places) for value in values[0].tolist()]
    more = whole - count
    return f"[{', '.join(texts)}{f', +{more:,}' if more else ''}]"
