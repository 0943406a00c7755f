"""Binding of Select: which columns the records get, under which keys, and which are lists."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from memq.errors import QueryError
from memq.eval.bind import Binder, spelled
from memq.eval.plan import ListItem, SelectItem, ValueItem
from memq.eval.scope import Frame, RecordShape
from memq.eval.terms import (
    And,
    FieldTerm,
    Not,
    Or,
    Place,
    Step,
    Term,
    collections_on,
    depth_of,
    named,
)
from memq.lang import ast, printer
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


Keys: TypeAlias = tuple[str, ...]


RESERVED = {"_unknown", "_cut_short"}
"""Keys of records that hold the reasons of what is not known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a Select names: its keys, and the value, or the object to be shown whole."""

    path: Keys
    what: Term | Place
    renamed: bool
    node: ast.Expression

    @property
    def is_path(self) -> bool:
        """Whether its keys are the names of a path, as it is written."""
        return not self.renamed and spelled(self.node) is not None


class Selection:
    """Binds the argument of one Select."""

    def __init__(self, binder: Binder, frame: Frame) -> None:
        self.binder = binder
        self.frame = frame

    def items(self, node: ast.Expression) -> tuple[tuple[SelectItem, ...], bool]:
        """Return the columns, and whether the result is plain values."""
        match node:
            case ast.ListLiteral():
                asked = [self._asked(item) for item in node.items]
            case ast.Record():
                asked = [
                    Asked((entry.name,), self._what(entry.value), True, entry.value)
                    for entry in node.entries
                ]
            case _:
                one = self._asked(node)
                bare = not isinstance(one.what, Place) or one.what.type is None
                if bare:
                    one = Asked((), one.what, True, node)
                return self._grouped([one], frozenset()), bare
        if not asked:
            raise QueryError(
                "Nothing is selected.", span=node.span, hint="Name what is wanted: `[pid, name]`."
            )
        for one in asked:
            if RESERVED & set(one.path):
                raise QueryError(
                    f"`{one.path[-1]}` is what output marks missing values with.",
                    span=one.node.span,
                    hint="Choose another name.",
                )
        return self._grouped(asked, frozenset()), False

    def _asked(self, node: ast.Expression) -> Asked:
        what = self._what(node)
        path = spelled(node)
        if path is None:
            return Asked((printer.write(node),), what, False, node)
        own = path[0] in self._own_names()
        # A plain value has no other name than the element's.
        keys = path[1:] if own and (len(path) > 1 or isinstance(what, Place)) else path
        return Asked(keys, what, False, node)

    def _own_names(self) -> set[str | None]:
        """The names of the current element, which are dropped from the keys."""
        shape = self.frame.shape
        name = shape.of if isinstance(shape, RecordShape) else shape.type_name
        return {self.frame.parameter} if self.frame.parameter else {name}

    def _what(self, node: ast.Expression) -> Term | Place:
        found = self.binder.find(node, self.frame)
        return self.binder.field_term(*found, node.span) if isinstance(found, tuple) else found

    def _grouped(self, asked: Sequence[Asked], settled: frozenset[Step]) -> tuple[SelectItem, ...]:
        """Put what is asked of one collection into one list, under the first spelling."""
        items: dict[Keys, SelectItem] = {}
        lists: dict[tuple[Step, Keys | None], list[Asked]] = {}
        keys: dict[tuple[Step, Keys | None], Keys] = {}
        for one in asked:
            place = self._collection(one, settled)
            if place is None:
                for item in self._plain(one):
                    items.setdefault(item.path, item)
                continue
            key, inner = self._keys(one, place)
            group = (place, None if one.is_path else key)
            if group not in lists:
                keys[group] = key
                items.setdefault(key, SelectItem(key, ListItem(place, (), bare=False)))
            lists.setdefault(group, []).append(
                Asked(inner, one.what, one.renamed or not inner, one.node)
            )
        for group, members in lists.items():
            place = group[0]
            bare = any(member.renamed and not isinstance(member.what, Place) for member in members)
            inner_items = self._grouped(members, settled | collections_on(place))
            items[keys[group]] = SelectItem(keys[group], ListItem(place, inner_items, bare))
        return tuple(items.values())

    def _collection(self, one: Asked, settled: frozenset[Step]) -> Step | None:
        """Return the outermost collection that is not yet settled; None for a single value."""
        if isinstance(one.what, Place):
            free = collections_on(one.what) - settled
        elif isinstance(one.what, And | Or | Not):
            return None
        else:
            free = named(one.what) - settled
            condition = one.what.type.kind is Kind.BOOLEAN and not isinstance(one.what, FieldTerm)
            if condition:
                return None
        ordered = sorted(free, key=depth_of)
        for outer, inner in pairwise(ordered):
            if outer not in collections_on(inner):
                raise QueryError(
                    "This names two collections, and there are no pairs of their elements here.",
                    span=one.node.span,
                    hint="Make elements of the one first: `SelectMany` does.",
                )
        return ordered[0] if ordered else None

    def _keys(self, one: Asked, place: Step) -> tuple[Keys, Keys]:
        """Cut a path's keys into those up to the collection and those within its elements."""
        if not one.is_path:
            return one.path, ()
        within, node = 0, one.node
        while isinstance(node, ast.Member) and not self._leads_to(node, place):
            within, node = within + 1, node.target
        # Behind a principal sub-object's name, the path is still at the place before it.
        while isinstance(node, ast.Member) and self._leads_to(node.target, place):
            within, node = within + 1, node.target
        cut = len(one.path) - within
        return one.path[:cut], one.path[cut:]

    def _leads_to(self, node: ast.Expression, place: Step) -> bool:
        return self.binder.find(node, self.frame) == place

    def _plain(self, one: Asked) -> Iterable[SelectItem]:
        """Make columns of a value, or of the default fields of a whole object."""
        if isinstance(one.what, Term):
            yield SelectItem(one.path, ValueItem(one.what))
            return
        if one.what.type is None:
            raise QueryError(
                "The whole record has no place within a record.",
                span=one.node.span,
                hint="Name its columns.",
            )
        yield from defaults(self.binder, one.what, one.path)


def defaults(binder: Binder, place: Place, path: Keys = ()) -> list[SelectItem]:
    """Return the default columns of an object, flat, under their long names."""
    nowhere = ast.Null().span
    fields = place.type.fields.values() if place.type else ()
    return [
        SelectItem((*path, field.name), ValueItem(binder.field_term(place, field, nowhere)))
        for field in fields
        if field.shown and not field.declared_only
    ]
