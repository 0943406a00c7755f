"""Binding of whole queries: a source followed by methods becomes a Plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval import checks, refusals
from memq.eval.advice import warnings_of
from memq.eval.bind import Binder
from memq.eval.plan import (
    Condition,
    DistinctStage,
    Ending,
    OrderStage,
    Plan,
    SelectManyStage,
    SelectStage,
    SkipStage,
    Source,
    Stage,
    TakeStage,
    Through,
    WhereStage,
)
from memq.eval.scope import Frame, RecordShape, Shape
from memq.eval.select import Selection, defaults
from memq.eval.terms import Root, Step, named
from memq.eval.usage import with_usage
from memq.lang import ast, hints
from memq.lang.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from memq.schema.batch import ObjectType
    from memq.schema.declare import System


def bind_query(text: str, system: System) -> Plan:
    """Parse a query, check it against a system's declarations, and return its plan."""
    try:
        return Pipeline(system, text).bind(_only(parse(text)))
    except QueryError as error:
        raise error.at(text) from None


def _only(query: ast.Query) -> ast.Expression:
    """Return the one query of a text."""
    first, *others = query.statements
    if others or isinstance(first, ast.Let):
        raise QueryError(
            "One query is expected: `let`, and several in one text, are not possible yet.",
            span=first.span,
        )
    return first


@dataclass(frozen=True, slots=True)
class Partly:
    """A pipeline as far as it is bound."""

    plan: Plan
    root: Root


class Pipeline:
    """Binds the methods of a pipeline, one after the other."""

    def __init__(self, system: System, text: str) -> None:
        """`text` is where the spans of what is bound stand; warnings repeat it."""
        self.system = system
        self.text = text
        self.binder = Binder(system)
        self.warnings: dict[str, None] = {}

    def bind(self, node: ast.Expression) -> Plan:
        """Bind a query from its source to its last method."""
        calls: list[tuple[ast.Call, ast.Member]] = []
        while isinstance(node, ast.Call) and isinstance(node.target, ast.Member):
            calls.append((node, node.target))
            node = node.target.target
        partly = self._source(node)
        for call, target in reversed(calls):
            partly = self._method(partly, call, target)
        plan = replace(partly.plan, warnings=tuple(self.warnings))
        return with_usage(self._shown(plan, partly.root))

    def _source(self, node: ast.Expression) -> Partly:
        type_ = self.system.objects.get(node.name) if isinstance(node, ast.Name) else None
        if type_ is None:
            raise refusals.unknown_source(node, self.system.objects)
        plan = Plan(Source(type_, self._through(type_)), (), type_, None)
        return Partly(plan, self.binder.variables.new(type_))

    def _through(self, type_: type[ObjectType]) -> Through | None:
        """Return the owners' collection that a type's objects come from, if they have owners."""
        if not type_.owner_type:
            return None
        owner = self.system.objects[type_.owner_type]
        part = next(p for p in owner.subobjects.values() if p.many and p.item == type_.type_name)
        return Through(owner, part.name, part.cost)

    def _method(self, partly: Partly, call: ast.Call, target: ast.Member) -> Partly:
        methods = self._methods()
        found = next((name for name in methods if name.lower() == target.name.lower()), None)
        if found is None:
            near = hints.did_you_mean(hints.nearest(target.name, methods))
            raise QueryError(
                f"A query has no method `{target.name}`.",
                span=target.name_span,
                hint=near or f"It has {checks.listed(methods)}.",
            )
        if partly.plan.ending is not None:
            raise QueryError(
                f"`{partly.plan.ending.operator}` gives one value; nothing can follow it.",
                span=target.name_span,
            )
        return methods[found](partly, call)

    def _methods(self) -> Mapping[str, Callable[[Partly, ast.Call], Partly]]:
        return {
            "Where": self._where,
            "Select": self._select,
            "SelectMany": self._select_many,
            "Take": self._take,
            "Skip": self._skip,
            "OrderBy": self._order,
            "OrderByDescending": self._order_descending,
            "Distinct": self._distinct,
            "Count": self._count,
            "First": self._first,
            "Any": self._any,
            "All": self._all,
        }

    def _inner(self, partly: Partly, argument: ast.Expression) -> tuple[Frame, ast.Expression]:
        return self.binder.inner(partly.root, partly.plan.shape, argument, None)

    def _condition(self, partly: Partly, argument: ast.Expression) -> Condition:
        frame, expression = self._inner(partly, argument)
        predicate = self.binder.condition(expression, frame)
        self.warnings.update(dict.fromkeys(warnings_of(predicate, self.text)))
        return Condition(partly.root, predicate)

    def _where(self, partly: Partly, call: ast.Call) -> Partly:
        checks.need_count(call, 1)
        condition = self._condition(partly, call.arguments[0])
        stages = partly.plan.stages
        if stages and isinstance(stages[-1], WhereStage):
            joined = WhereStage((*stages[-1].conditions, condition))
            return replace(partly, plan=replace(partly.plan, stages=(*stages[:-1], joined)))
        return _with(partly, WhereStage((condition,)))

    def _select(self, partly: Partly, call: ast.Call) -> Partly:
        checks.need_count(call, 1)
        frame, expression = self._inner(partly, call.arguments[0])
        items, bare = Selection(self.binder, frame).items(expression)
        shape = partly.plan.shape
        of = shape.of if isinstance(shape, RecordShape) else shape.type_name
        records = RecordShape(tuple(item.field for item in items), bare, of)
        return self._onward(partly, SelectStage(partly.root, items), records)

    def _select_many(self, partly: Partly, call: ast.Call) -> Partly:
        checks.need_count(call, 1)
        frame, expression = self._inner(partly, call.arguments[0])
        place = self.binder.find(expression, frame)
        if not isinstance(place, Step) or not place.many:
            raise refusals.no_collection("SelectMany", place, expression)
        return self._onward(partly, SelectManyStage(partly.root, place), place.type)

    def _onward(self, partly: Partly, stage: Stage, shape: Shape) -> Partly:
        """Add a stage after which the elements are others."""
        plan = replace(partly.plan, stages=(*partly.plan.stages, stage), shape=shape)
        return Partly(plan, self.binder.variables.new(shape))

    def _number(self, call: ast.Call) -> int:
        checks.need_count(call, 1)
        argument = call.arguments[0]
        if not isinstance(argument, ast.Number):
            raise QueryError("A whole number is expected here.", span=argument.span)
        return min(argument.value, 1 << 62)

    def _take(self, partly: Partly, call: ast.Call) -> Partly:
        return _with(partly, TakeStage(self._number(call)))

    def _skip(self, partly: Partly, call: ast.Call) -> Partly:
        return _with(partly, SkipStage(self._number(call)))

    def _order(self, partly: Partly, call: ast.Call, *, descending: bool = False) -> Partly:
        checks.need_count(call, 1)
        frame, expression = self._inner(partly, call.arguments[0])
        key = self.binder.term(expression, frame)
        if named(key):
            raise QueryError(
                "Elements cannot be ordered by a collection's field: each has many of it.",
                span=expression.span,
                hint="Order by something of which each has one, such as a `Count()`.",
            )
        return _with(partly, OrderStage(partly.root, key, descending))

    def _order_descending(self, partly: Partly, call: ast.Call) -> Partly:
        return self._order(partly, call, descending=True)

    def _distinct(self, partly: Partly, call: ast.Call) -> Partly:
        checks.need_count(call, 0)
        shape = partly.plan.shape
        if isinstance(shape, RecordShape) and any(field.type is None for field in shape.fields):
            raise QueryError(
                "Lists have no equality; `Distinct` takes records of values.",
                span=call.span,
                hint="`SelectMany` makes one record of each item instead of a list.",
            )
        return _with(partly, DistinctStage())

    def _ending(self, operator: str, partly: Partly, call: ast.Call) -> Partly:
        if len(call.arguments) > 1:
            checks.need_count(call, 1)
        condition = self._condition(partly, call.arguments[0]) if call.arguments else None
        if condition is not None and operator in ("Count", "First"):
            partly, condition = self._where(partly, call), None
        return replace(partly, plan=replace(partly.plan, ending=Ending(operator, condition)))

    def _count(self, partly: Partly, call: ast.Call) -> Partly:
        return self._ending("Count", partly, call)

    def _first(self, partly: Partly, call: ast.Call) -> Partly:
        return self._ending("First", partly, call)

    def _any(self, partly: Partly, call: ast.Call) -> Partly:
        return self._ending("Any", partly, call)

    def _all(self, partly: Partly, call: ast.Call) -> Partly:
        checks.need_count(call, 1)
        return self._ending("All", partly, call)

    def _shown(self, plan: Plan, root: Root) -> Plan:
        """Say by which columns objects are shown, if objects come out."""
        if isinstance(plan.shape, RecordShape):
            return plan
        return replace(plan, shown=SelectStage(root, tuple(defaults(self.binder, root))))


def _with(partly: Partly, stage: Stage) -> Partly:
    """Add a stage after which the elements are of the same shape."""
    return replace(partly, plan=replace(partly.plan, stages=(*partly.plan.stages, stage)))
