"""Raw structures and records as trees, of which each part is read when it is opened.

A node says what it is on one line, and gives its children when it is asked; nothing is read ahead.
All text is fit for a terminal.
"""

from __future__ import annotations

import itertools
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from memq.eval.raw_records import MAX_FIELDS, MAX_ITEMS
from memq.eval.raw_types import STRUCTURES, target_of, written
from memq.node import dataclass
from memq.output.cells import clean
from memq.output.humane import counted
from memq.symbols.decode import is_text
from memq.symbols.types import Member
from memq.ui.look.values import unknown_text, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from memq.eval.raw import RawBatch
    from memq.symbols.types import Type
    from memq.ui.look.addresses import Places

MAX_LEVELS = 64
"""Nodes in each other, pointers that were followed included."""
MAX_LINES = 10_000
"""Lines that a tree is printed with."""

_BRANCH, _LAST, _GOES_ON, _GAP = "├─ ", "└─ ", "│  ", "   "


@dataclass(slots=True, eq=False)
class Node:
    """One line of a tree, and what is below it."""

    label: str
    """Its name; empty for an element without one."""
    value: str
    """What it is: a value, a type, `? reason`."""
    summary: str = ""
    """What is said besides while it is closed."""
    detail: str = ""
    """Type and address, where there are such."""
    find_children: Callable[[], Sequence[Node]] | None = field(default=None, repr=False)
    """None for a node that has nothing below it."""
    leads_out: bool = False
    """Whether what is below is elsewhere in memory: a pointer."""

    @property
    def is_leaf(self) -> bool:
        """Whether there is nothing below it."""
        return self.find_children is None

    def children(self) -> Sequence[Node]:
        """Return what is below it, read when it is first asked for; MemqError if types are odd."""
        return self._children

    @cached_property
    def _children(self) -> Sequence[Node]:
        return () if self.find_children is None else self.find_children()

    def line(self, *, is_open: bool) -> str:
        """Return its line."""
        value = " ".join(filter(None, (self.value, "" if is_open else self.summary)))
        return ": ".join(filter(None, (self.label, value)))


# Raw structures


def node_of(places: Places, thing: RawBatch) -> Node:
    """Return the node of a batch of one thing; `places` names addresses, and is made once."""
    return _Maker(places).node("", thing, 0)


class _Maker:
    """Makes the nodes of raw things."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def node(self, label: str, part: RawBatch, level: int) -> Node:
        """Return the node of one thing; of its children nothing is read."""
        type_ = part.type
        name = clean(written(type_))
        address = part.address()
        unknown = unknown_text(address)
        detail = name if unknown else f"{name} at {self.places.marked(int(address.values[0]))}"
        if level >= MAX_LEVELS:
            return Node(clean(label), value_of(part, self.places), detail=detail)
        if type_.kind in STRUCTURES or type_.kind == "array":
            find = None if unknown else self._inside(part, level)
            if find is not None:
                shown = name if label else detail
                summary = value_of(part, self.places)
                return Node(clean(label), shown, summary, detail, find)
        find = self._behind(part, level) if type_.kind == "pointer" else None
        value = value_of(part, self.places)
        if find is not None:  # what it leads to is worth to be known before it is opened
            value = f"{name} {value}"
        return Node(clean(label), value, "", detail, find, leads_out=find is not None)

    def _inside(self, part: RawBatch, level: int) -> Callable[[], Sequence[Node]] | None:
        """Return how to find the members of a structure, or the elements of an array."""
        type_ = part.type
        if type_.kind == "array":
            element = type_.target()
            if is_text(part.place) or element is None or not element.size or not type_.count:
                return None
            return lambda: self._elements(part, element, 0, level)
        layout = type_.layout()
        if layout is None or not layout.members:
            return None
        return lambda: self._members(part, level)

    def _members(self, part: RawBatch, level: int) -> Sequence[Node]:
        layout = part.type.layout()
        members = {} if layout is None else layout.members
        shown = itertools.islice(members.items(), MAX_FIELDS)
        nodes = [self.node(name, part.part(member), level + 1) for name, member in shown]
        rest = len(members) - len(nodes)
        return [*nodes, Node("...", f"{rest:,} more")] if rest else nodes

    def _elements(self, part: RawBatch, element: Type, first: int, level: int) -> Sequence[Node]:
        """Return some elements, and below one more node the next ones."""
        count, size = part.type.count, element.size
        behind = min(count, first + MAX_ITEMS)
        places = [(n, Member("", n * size, element)) for n in range(first, behind)]
        nodes = [self.node(f"[{n}]", part.part(place), level + 1) for n, place in places]
        if behind < count:
            rest = Node("...", f"{count - behind:,} more")
            if level + 1 < MAX_LEVELS:
                rest.find_children = lambda: self._elements(part, element, behind, level + 1)
            nodes.append(rest)
        return nodes

    def _behind(self, part: RawBatch, level: int) -> Callable[[], Sequence[Node]] | None:
        """Return how to find what a pointer points to; None for null, unknown and untyped ones."""
        target = target_of(part.type)
        column = part.value()
        if target is None or unknown_text(column) or not column.values[0]:
            return None
        if target.kind in STRUCTURES and target.layout() is None:
            return None
        if target.kind == "char":  # its text is the value
            return None
        if target.kind in STRUCTURES:
            return lambda: self._members(part.deref(), level)
        return lambda: [self.node("*", part.deref(), level + 1)]


# Records


def record_nodes(records: Iterable[Any]) -> Iterator[Node]:
    """Yield a node for each record, or plain value, as memq.output.json has them."""
    for number, record in enumerate(records):
        yield _plain_node(f"[{number}]", record, 0)


def _plain_node(label: str, value: Any, level: int) -> Node:
    if level >= MAX_LEVELS or not isinstance(value, dict | list):
        return Node(clean(label), _plain(value))
    if isinstance(value, list):
        summary = f"[...] {counted(len(value), 'element')}"
        items = [(f"[{n}]", item) for n, item in enumerate(value)]
    else:
        items = [(key, item) for key, item in value.items() if key not in _NOTES]
        summary = f"{{...}} {counted(len(items), 'member')}"
    if not value:
        return Node(clean(label), "[]" if isinstance(value, list) else "{}")
    notes = value if isinstance(value, dict) else {}
    return Node(clean(label), "", summary, find_children=lambda: _below(items, notes, level + 1))


_NOTES = ("_unknown", "_cut_short")


def _below(
    items: Sequence[tuple[str, Any]], notes: Mapping[str, Any], level: int
) -> Sequence[Node]:
    """Return the nodes of members or elements, with what is not known of them."""
    unknown, cut = (notes.get(name) or {} for name in _NOTES)
    nodes = []
    for key, value in items:
        if key in unknown:
            nodes.append(Node(clean(key), clean(f"? {unknown[key]}")))
            continue
        nodes.append(_plain_node(key, value, level))
        if key in cut:
            nodes.append(Node("...", clean(str(cut[key]))))
    return nodes


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{clean(value)}"' if isinstance(value, str) else clean(str(value))


# Printed


def tree_lines(nodes: Iterable[Node], depth: int) -> Iterator[str]:
    """Yield the lines of trees, opened `depth` levels deep; pointers are not followed."""
    drawn = _drawn(nodes, depth)
    yield from itertools.islice(drawn, MAX_LINES)
    if next(drawn, None) is not None:
        yield f"... and more: {MAX_LINES:,} lines are shown at most"


def _drawn(nodes: Iterable[Node], depth: int) -> Iterator[str]:
    for node in nodes:
        is_open = depth > 0 and not node.is_leaf and not node.leads_out
        yield node.line(is_open=is_open)
        if is_open:
            yield from _below_lines(node, "", depth - 1)


def _below_lines(node: Node, start: str, depth: int) -> Iterator[str]:
    children = node.children()
    for number, child in enumerate(children):
        is_last = number == len(children) - 1
        is_open = depth > 0 and not child.is_leaf and not child.leads_out
        yield f"{start}{_LAST if is_last else _BRANCH}{child.line(is_open=is_open)}"
        if is_open:
            yield from _below_lines(child, start + (_GAP if is_last else _GOES_ON), depth - 1)
