"""Binding of the methods of series; memq.eval.chain_methods declares them.

The same methods serve the whole query and every expression within it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval import checks, collection_checks, raw_refusals, refusals
from memq.eval.chain_pairs import Pairs
from memq.eval.chain_values import Values
from memq.eval.places import RawShape, RecordShape, step
from memq.eval.scope import Frame, Partial
from memq.eval.select import Selection, need_free
from memq.eval.series import Series, StageSeries
from memq.eval.shapes import columns, name_for, selected
from memq.eval.stage_nodes import (
    DEPTH,
    ChunkStage,
    DistinctStage,
    FlattenStage,
    GroupStage,
    Key,
    LetStage,
    OrderStage,
    ReverseStage,
    SelectItem,
    SelectManyStage,
    SkipStage,
    TakeStage,
    TreeStage,
    ValueItem,
    WhileStage,
)
from memq.eval.suggestions import method_name, method_span
from memq.eval.terms import NUMBER, Aggregate, Term
from memq.lang import ast, printer
from memq.output.records import RecordField

if TYPE_CHECKING:
    from memq.eval.series import Stage
    from memq.schema.kinds import ValueType

_MANY = 1 << 62
"""As many as nobody has."""


class Chain(Pairs, Values):
    """Binds the methods of series for one binder."""

    def take(self, series: Series, node: ast.Call, _frame: Frame | None) -> Series:
        """Bind Take."""
        return self._kept(node, series, TakeStage(self._number(node)))

    def skip(self, series: Series, node: ast.Call, _frame: Frame | None) -> Series:
        """Bind Skip."""
        return self._kept(node, series, SkipStage(self._number(node)))

    def _number(self, node: ast.Call) -> int:
        argument = node.arguments[0]
        if isinstance(argument, ast.Number):
            return min(argument.value, _MANY)
        found = None
        if isinstance(argument, ast.Name):
            found = self.binder.names.bare(None, argument.name, argument.span)
        value = getattr(found, "value", None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise QueryError(
                f"`{method_name(node)}` takes a whole number that is not negative.",
                span=argument.span,
                hint="It is written out, or a name that a `let` gave to one.",
            )
        return value

    def chunk(self, series: Series, node: ast.Call, _frame: Frame | None) -> Series:
        """Bind Chunk: lists of so many elements."""
        size = self._number(node)
        if not size:
            raise QueryError("A chunk has one element or more.", span=node.arguments[0].span)
        shape = RecordShape((RecordField((), None, series.shape),), True, name_for(series.shape))
        found = StageSeries(node.span, shape, series, ChunkStage(size))
        names = self.binder.names
        extras = names.extras.get(self.binder.element(series), {})
        names.item_extras[self.binder.element(found), 0] = extras
        return found

    def reverse(self, series: Series, node: ast.Call, _frame: Frame | None) -> Series:
        """Bind Reverse."""
        return self._kept(node, series, ReverseStage())

    def same(self, series: Series, _node: ast.Call, _frame: Frame | None) -> Series:
        """Bind ToList: a series is one already."""
        return series

    def take_while(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind TakeWhile."""
        condition = self.condition(series, node.arguments[0], frame)
        return self._kept(node, series, WhileStage(condition, skips=False))

    def skip_while(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind SkipWhile."""
        condition = self.condition(series, node.arguments[0], frame)
        return self._kept(node, series, WhileStage(condition, skips=True))

    def order(
        self, series: Series, node: ast.Call, frame: Frame | None, *, descending: bool = False
    ) -> Series:
        """Bind OrderBy."""
        return self._kept(
            node, series, OrderStage((self._order_key(series, node, frame, descending=descending),))
        )

    def _order_key(
        self, series: Series, node: ast.Call, frame: Frame | None, *, descending: bool
    ) -> Key:
        inner, expression = self._inner(series, node.arguments[0], frame)
        term = self.binder.term(expression, inner)
        checks.need_order(term)
        return Key(self.binder.element(series), term, descending)

    def order_descending(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind OrderByDescending."""
        return self.order(series, node, frame, descending=True)

    def then(
        self, series: Series, node: ast.Call, frame: Frame | None, *, descending: bool = False
    ) -> Series:
        """Bind ThenBy: one key more for the OrderBy before it."""
        if not isinstance(series, StageSeries) or not isinstance(series.stage, OrderStage):
            raise QueryError(
                f"`{method_name(node)}` follows an `OrderBy`, and there is none right before it.",
                span=method_span(node),
                hint="The first key is given by `OrderBy`, each further one by `ThenBy`.",
            )
        key = self._order_key(series, node, frame, descending=descending)
        stage = OrderStage((*series.stage.keys, key))
        found = StageSeries(node.span, series.shape, series.inner, stage)
        self.binder.elements[found] = self.binder.element(series)
        return found

    def then_descending(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind ThenByDescending."""
        return self.then(series, node, frame, descending=True)

    def distinct(self, series: Series, node: ast.Call, _frame: Frame | None) -> Series:
        """Bind Distinct."""
        collection_checks.need_equality(series.shape, node)
        return self._kept(node, series, DistinctStage())

    def distinct_by(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind DistinctBy."""
        key = Key(self.binder.element(series), self.key(series, node.arguments[0], frame))
        return self._kept(node, series, DistinctStage(key))

    def let(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Let: each entry of a record is a value more of each element."""
        if isinstance(series.shape, RawShape):
            raise raw_refusals.no_place_for_values(method_span(node))
        inner, expression = self._inner(series, node.arguments[0], frame)
        if not isinstance(expression, ast.Record) or not expression.entries:
            raise QueryError(
                "`Let` takes a record of names and values.",
                span=node.arguments[0].span,
                hint="Such as `Let({total: vad.size.Sum()})`.",
            )
        for entry in expression.entries:
            need_free(entry.name, entry.value)
            term = self.binder.single(entry.value, inner)
            series = self._with_value(series, node, entry.name, term)
            inner, _ = self._inner(series, node.arguments[0], frame)
        return series

    def _with_value(self, series: Series, node: ast.Call, name: str, term: Term) -> Series:
        root = self.binder.element(series)
        stage = LetStage(root, name, term)
        shape = series.shape
        if isinstance(shape, RecordShape):
            field = RecordField((name,), term.type)
            shape = replace(shape, fields=(*shape.fields, field), bare=False)
            return StageSeries(node.span, shape, series, stage)
        return self._with_more(node, series, stage, name, term.type)

    def _with_more(
        self, node: ast.Call, series: Series, stage: Stage, name: str, type_: ValueType
    ) -> Series:
        """Add a stage after which the same objects have one value more."""
        found = StageSeries(node.span, series.shape, series, stage)
        known = self.binder.names.extras.get(self.binder.element(series), {})
        self.binder.names.extras[self.binder.element(found)] = {**known, name: type_}
        return found

    def tree(self, series: Series, node: ast.Call, _frame: Frame | None) -> Series:
        """Bind Tree: by the sub-object that is of the elements' own type."""
        type_, part = collection_checks.need_parent(
            series.shape, self.binder.names.system, method_span(node)
        )
        root = self.binder.element(series)
        stage = TreeStage(root, step(root, part, type_))
        return self._with_more(node, series, stage, DEPTH, NUMBER)

    # Stages that make other elements

    def select(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Select."""
        inner, expression = self._inner(series, node.arguments[0], frame)
        items, bare = Selection(self.binder, inner).items(expression)
        shape = RecordShape(tuple(item.field for item in items), bare, name_for(series.shape))
        return replace(selected(series, self.binder.element(series), items, node.span), shape=shape)

    def select_many(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind SelectMany."""
        inner, expression = self._inner(series, node.arguments[0], frame)
        found = self.binder.find(expression, inner)
        many = self.binder.series(found, expression)
        if many is None:
            raise refusals.no_collection("SelectMany", found, expression)
        return self._many(node, series, many)

    def _many(self, node: ast.Call, series: Series, many: Series) -> Series:
        """Return the elements of another series of each element, with what `Let` added to those."""
        stage = SelectManyStage(self.binder.element(series), many)
        found = StageSeries(node.span, many.shape, series, stage)
        extras = self.binder.names.extras
        extras[self.binder.element(found)] = extras.get(self.binder.element(many), {})
        return found

    def flatten(self, series: Series, node: ast.Call, _frame: Frame | None) -> Series:
        """Bind Flatten: one element for each item of the lists that the elements are, or have."""
        shape = series.shape
        lists = []
        if isinstance(shape, RecordShape):
            lists = [n for n, one in enumerate(shape.fields) if one.type is None and one.many]
        if len(lists) != 1 or not isinstance(shape, RecordShape):
            raise refusals.no_single_list(shape, len(lists), method_span(node))
        (number,) = lists
        if shape.bare:
            root = self.binder.element(series)
            inner = self.binder.as_series(self.binder.names.whole(root, node.span))
            return self._many(node, series, inner)
        fields: list[RecordField] = []
        for place, one in enumerate(shape.fields):
            fields += flat_fields(one) if place == number else [one]
        found = RecordShape(tuple(fields), False, shape.of)
        return StageSeries(node.span, found, series, FlattenStage(number))

    def group(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind GroupBy: records of a key and its elements."""
        inner, expression = self._inner(series, node.arguments[0], frame)
        keys = self._group_keys(expression, inner)
        fields = (*(item.field for item in keys), RecordField(("items",), None, series.shape))
        shape = RecordShape(fields, False, name_for(series.shape))
        root = self.binder.element(series)
        found = StageSeries(node.span, shape, series, GroupStage(root, keys))
        extras = self.binder.names.extras.get(root, {})
        self.binder.names.item_extras[self.binder.element(found), len(keys)] = extras
        return found

    def _group_keys(self, node: ast.Expression, frame: Frame) -> tuple[SelectItem, ...]:
        """Return the columns of a key: one value, or those of a record or a list."""
        entries: list[tuple[tuple[str, ...], ast.Expression]]
        if isinstance(node, ast.Record):
            entries = [(("key", entry.name), entry.value) for entry in node.entries]
        elif isinstance(node, ast.ListLiteral):
            entries = [(("key", _last_name(item)), item) for item in node.items]
        else:
            entries = [(("key",), node)]
        for path, value in entries:
            need_free(path[-1], value)
        return tuple(
            SelectItem(path, ValueItem(self.binder.single(value, frame))) for path, value in entries
        )

    def count_by(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind CountBy: records of a key and how many elements have it."""
        grouped = self.group(series, node, frame)
        root = self.binder.element(grouped)
        items = self.binder.names.column(Partial(root), "items", node.span)
        many = self.binder.as_series(items)
        count = Aggregate(node.span, NUMBER, "Count", many, self.binder.element(many), None)
        keys = [item for item in columns(root) if item.path[0] == "key"]
        made = (*keys, SelectItem(("count",), ValueItem(count)))
        return selected(grouped, root, made, node.span)


def flat_fields(field: RecordField) -> list[RecordField]:
    """Return the columns that the items of a list get when the list is flattened."""
    item = field.item
    if isinstance(item, RecordShape):
        return [replace(one, path=(*field.path, *one.path)) for one in item.fields]
    return [replace(field, many=False)]


def _last_name(node: ast.Expression) -> str:
    return node.name if isinstance(node, ast.Member | ast.Name) else printer.write(node)
