"""Binding of Select: which columns the records get, under which keys, and which are lists."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from memq.errors import QueryError
from memq.eval import collection_checks, functions, refusals
from memq.eval.bind_paths import spelled
from memq.eval.places import (
    Place,
    RawShape,
    RecordShape,
    Root,
    Step,
    collections_on,
    ordered,
)
from memq.eval.reading import named
from memq.eval.scope import Found, Frame, Function, Partial
from memq.eval.series import ColumnSeries, PlaceSeries, Series
from memq.eval.shapes import column_item, columns
from memq.eval.stage_nodes import ListItem, ObjectItem, RawItem, SelectItem, ValueItem
from memq.eval.terms import And, FieldTerm, Not, Or, Term
from memq.lang import ast, printer
from memq.node import dataclass
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memq.eval.bind import Binder


Keys: TypeAlias = tuple[str, ...]


RESERVED = {"_unknown", "_cut_short"}
"""Keys of records that hold the reasons of what is not known."""


def need_free(key: str, node: ast.Expression) -> None:
    """Refuse a key that has a meaning of its own in every record."""
    if key in RESERVED:
        raise QueryError(
            f"`{key}` is the key under which output says what is not known.",
            span=node.span,
            hint="Choose another name.",
        )


_ITEM = "\0item"
"""The parameter of an item of a list in a record; no query can write such a name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a Select names: its keys, and what it is."""

    path: Keys
    what: Term | Place | Series | Partial
    renamed: bool
    node: ast.Expression

    @property
    def is_path(self) -> bool:
        """Whether its keys are the names of a path, as it is written."""
        return not self.renamed and spelled(self.node) is not None

    @property
    def is_whole(self) -> bool:
        """Whether it is an object, and no value."""
        return not isinstance(self.what, Term)


class Selection:
    """Binds the argument of one Select."""

    def __init__(self, binder: Binder, frame: Frame) -> None:
        self.binder = binder
        self.frame = frame

    def items(self, node: ast.Expression) -> tuple[tuple[SelectItem, ...], bool]:
        """Return the columns, and whether the result is plain values."""
        match node:
            case ast.ListLiteral():
                asked = [one for item in node.items for one in self._asked(item)]
            case ast.Record():
                asked = list(self._entries(node, ()))
            case _:
                return self._alone(node)
        if not asked:
            raise QueryError(
                "Nothing is selected.", span=node.span, hint="Name what is wanted: `[pid, name]`."
            )
        for one in asked:
            for key in one.path:
                need_free(key, one.node)
        return self._grouped(asked, frozenset()), False

    def _alone(self, node: ast.Expression) -> tuple[tuple[SelectItem, ...], bool]:
        """Bind one expression, which gives plain values, objects or lists."""
        found = self._what(node)
        if isinstance(found, Partial):
            return columns(found.place, found.prefix), False
        return self._grouped([Asked((), found, True, node)], frozenset()), True

    def entry(self, path: Keys, found: Found) -> tuple[SelectItem, ...]:
        """Return the columns of one thing under a key."""
        if isinstance(found, Function):
            raise TypeError("a function is no value")
        if isinstance(found, Partial):
            return columns(found.place, found.prefix, path)
        return self._grouped([Asked(path, found, True, ast.Null())], frozenset())

    def _entries(self, node: ast.Record, prefix: Keys) -> Iterable[Asked]:
        """Yield what a record names; a record within it has the keys of both."""
        for entry in node.entries:
            path = (*prefix, entry.name)
            if isinstance(entry.value, ast.Record):
                yield from self._entries(entry.value, path)
            else:
                yield from self._spread(Asked(path, self._what(entry.value), True, entry.value))

    def _asked(self, node: ast.Expression) -> Iterable[Asked]:
        what = self._what(node)
        path = spelled(node)
        if path is None:
            yield from self._spread(Asked((printer.write(node),), what, False, node))
            return
        # Of two parameters neither is the element.
        own = path[0] == self.frame.name and self.frame.has_bare_names
        # A plain value has no other name than the element's,
        # nor has a structure, which has no default columns.
        is_alone = isinstance(what, Term) or functions.is_raw(what)
        keys = path[1:] if own and (len(path) > 1 or not is_alone) else path
        yield from self._spread(Asked(keys, what, False, node))

    def _spread(self, one: Asked) -> Iterable[Asked]:
        """Yield the columns of a part of a record, or the thing itself."""
        if not isinstance(one.what, Partial):
            yield one
            return
        for item in columns(one.what.place, one.what.prefix, one.path):
            yield Asked(item.path, _found(item), True, one.node)

    def _what(self, node: ast.Expression) -> Term | Place | Series | Partial:
        found = self.binder.find(node, self.frame)
        if isinstance(found, Function):
            raise refusals.not_called(node)
        return found

    def _grouped(self, asked: Sequence[Asked], settled: frozenset[Step]) -> tuple[SelectItem, ...]:
        """Put what is asked of one collection into one list, under the first spelling."""
        items: dict[Keys, SelectItem] = {}
        lists: dict[tuple[Step, Keys | None], list[Asked]] = {}
        keys: dict[tuple[Step, Keys | None], Keys] = {}
        columns_: dict[Keys, list[Asked]] = {}
        for one in asked:
            if one.is_path and isinstance(one.what, Series):
                key, inner = self._series_keys(one)
                items.setdefault(key, SelectItem(key, _whole_list(self.binder, one.what)))
                columns_.setdefault(key, []).append(Asked(inner, one.what, False, one.node))
                continue
            place = self._collection(one, settled)
            if place is None:
                for item in self._plain(one):
                    items.setdefault(item.path, item)
                continue
            key, inner = self._keys(one, place)
            group = (place, None if one.is_path else key)
            if group not in lists:
                keys[group] = key
                items.setdefault(key, SelectItem(key, _list_of(place, (), bare=False)))
            lists.setdefault(group, []).append(
                Asked(inner, one.what, one.renamed or not inner, one.node)
            )
        for group, members in lists.items():
            items[keys[group]] = SelectItem(keys[group], self._list(group[0], members, settled))
        for key, members in columns_.items():
            items[key] = SelectItem(key, self._list_in_record(members))
        return tuple(items.values())

    def _list(self, place: Step, members: Sequence[Asked], settled: frozenset[Step]) -> ListItem:
        """Return the list of a collection's elements, or of something of each."""
        if all(member.what == place and not member.path for member in members):
            return _list_of(place, (), bare=False)
        bare = any(member.renamed and not member.is_whole for member in members)
        inner = self._grouped(members, settled | collections_on(place))
        return _list_of(place, inner, bare=bare)

    def _series_keys(self, one: Asked) -> tuple[Keys, Keys]:
        """Cut a path's keys into those up to a list in a record, and those within its items."""
        within, node = 0, one.node
        while isinstance(node, ast.Member) and isinstance(
            self.binder.find(node.target, self.frame), Series
        ):
            within, node = within + 1, node.target
        cut = len(one.path) - within
        return one.path[:cut], one.path[cut:]

    def _list_in_record(self, members: Sequence[Asked]) -> ListItem:
        """Return a list in a record, whole, or something of each of its items."""
        node: ast.Expression = members[0].node
        for _ in members[0].path:
            node = node.target if isinstance(node, ast.Member) else node
        found = self.binder.as_series(self.binder.find(node, self.frame))
        if any(not member.path for member in members):
            return _whole_list(self.binder, found)
        root = self.binder.element(found)
        inner = Selection(self.binder, Frame(root, _ITEM, self.frame))
        asked = [one for member in members for one in inner.behind(member)]
        return ListItem(found, root, inner._grouped(asked, frozenset()), bare=False)

    def behind(self, member: Asked) -> Iterable[Asked]:
        """Yield what the rest of a path, behind a list, means of one of its items."""
        node: ast.Expression = ast.Name(_ITEM)
        for name in member.path:
            node = ast.Member(node, name, span=member.node.span)
        return self._spread(Asked(member.path, self._what(node), False, node))

    def _collection(self, one: Asked, settled: frozenset[Step]) -> Step | None:
        """Return the outermost collection that is not yet settled; None for a single value."""
        what = one.what
        if isinstance(what, Series | Partial | And | Or | Not):
            return None
        if isinstance(what, Term):
            if what.type.kind is Kind.BOOLEAN and not isinstance(what, FieldTerm):
                return None
            free = named(what) - settled
        else:
            free = collections_on(what) - settled
        found = ordered(free)
        for outer, inner in pairwise(found):
            if outer not in collections_on(inner):
                raise collection_checks.two_collections(outer, inner, one.node)
        return found[0] if found else None

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
        """Make columns of a value, a list or a whole object."""
        what = one.what
        if isinstance(what, Partial):
            raise TypeError("a record was spread before")
        raw = None if isinstance(what, Series) else functions.raw_value(what, one.node.span)
        if raw is not None:
            yield SelectItem(one.path, ValueItem(raw))
        elif isinstance(what, Term):
            yield SelectItem(one.path, ValueItem(what))
        elif isinstance(what, Series):
            yield SelectItem(one.path, _whole_list(self.binder, what))
        elif one.path or one.renamed:
            yield SelectItem(one.path, ObjectItem(what))
        else:
            yield from defaults(self.binder, what, one.path)


def _found(item: SelectItem) -> Term | Place | Series:
    match item.what:
        case ValueItem(term):
            return term
        case ObjectItem(place):
            return place
        case ListItem(series):
            return series
        case RawItem():
            raise TypeError("what is written is selected no more")


def _whole_list(binder: Binder, series: Series) -> ListItem:
    bare = isinstance(series.shape, RecordShape) and series.shape.bare
    return ListItem(series, binder.element(series), (), bare)


def _list_of(place: Step, items: tuple[SelectItem, ...], *, bare: bool) -> ListItem:
    series = PlaceSeries(ast.Null().span, place.type, place)
    return ListItem(series, place, items, bare)


# What is shown of objects


def defaults(binder: Binder, place: Place, path: Keys = ()) -> list[SelectItem]:
    """Return the default columns of an object, flat, under their long names."""
    nowhere = ast.Null().span
    fields = place.type.fields.values() if place.type else ()
    items = [
        SelectItem(
            (*path, field.name),
            ValueItem(binder.names.field_term(place, field, nowhere)),
            field.aliases,
        )
        for field in fields
        if field.shown and not field.declared_only
    ]
    for name in binder.names.extras.get(place, {}):
        found = binder.names.member(place, name, nowhere)
        if isinstance(found, Term):
            items.append(SelectItem((*path, name), ValueItem(found)))
    return items


def shown(binder: Binder, root: Root) -> tuple[SelectItem, ...] | None:
    """Return the columns by which elements are written; None where they can be as they are."""
    shape = root.shape
    if isinstance(shape, RawShape):
        return functions.raw_columns(root)
    if not isinstance(shape, RecordShape):
        return tuple(defaults(binder, root))
    if not _has_objects(shape):
        return None
    items: list[SelectItem] = []
    for number, field in enumerate(shape.fields):
        what = column_item(root, number, field)
        if isinstance(what, ObjectItem):
            items += _shown_object(binder, what.place, field.path)
        elif isinstance(what, ListItem):
            items.append(SelectItem(field.path, _shown_list(binder, what)))
        else:
            items.append(SelectItem(field.path, what, field.aliases))
    return tuple(items)


def _shown_object(binder: Binder, place: Place, path: Keys) -> list[SelectItem]:
    if isinstance(place.shape, RawShape):
        return list(functions.raw_columns(place, path))
    return defaults(binder, place, path)


def _shown_list(binder: Binder, item: ListItem) -> ListItem:
    """Return a list whose items can be written."""
    series = item.series
    if not isinstance(series, ColumnSeries):
        raise TypeError("a list that is shown is a column")
    variable = binder.variables.new(series.shape)
    inner = shown(binder, variable)
    if inner is None:
        return ListItem(series, variable, (), item.bare)
    bare = len(inner) == 1 and not inner[0].path
    return ListItem(series, variable, inner, bare)


def _has_objects(shape: RecordShape) -> bool:
    """Whether anywhere in records there is an object, which cannot be written as it is."""
    return any(
        field.type is None
        and (field.is_object or not isinstance(field.item, RecordShape) or _has_objects(field.item))
        for field in shape.fields
    )
