"""Binding of the methods that take a second series: sets, joins, Zip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval import checks, collection_checks, refusals
from memq.eval.chain_base import Base
from memq.eval.places import RecordShape, Root
from memq.eval.scope import Frame
from memq.eval.select import Selection
from memq.eval.series import Series, StageSeries
from memq.eval.stage_nodes import (
    PairStage,
    SelectItem,
    SetStage,
)
from memq.lang import ast

if TYPE_CHECKING:
    from memq.eval.terms import Term


class Pairs(Base):
    """Binds the methods that take a second series."""

    def other(self, node: ast.Call, frame: Frame | None) -> Series:
        """Bind the second series of a set or a join."""
        argument = node.arguments[0]
        found = self.binder.find(argument, frame)
        series = self.binder.series(found, argument)
        if series is None:
            name = node.target.name if isinstance(node.target, ast.Member) else ""
            raise refusals.no_collection(name, found, argument)
        return series

    def _set(self, operator: str, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        other = self.other(node, frame)
        collection_checks.need_same_shape(operator, series.shape, other.shape, node.arguments[0])
        if operator in ("Concat", "Union"):
            added = [
                set(self.binder.names.extras.get(self.binder.element(one), {}))
                for one in (series, other)
            ]
            collection_checks.need_added(operator, added[0] - added[1], node.arguments[0])
        if operator != "Concat":
            collection_checks.need_equality(series.shape, node)
        return self._kept(node, series, SetStage(operator, other))

    def concat(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Concat."""
        return self._set("Concat", series, node, frame)

    def union(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Union."""
        return self._set("Union", series, node, frame)

    def intersect(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Intersect."""
        return self._set("Intersect", series, node, frame)

    def except_(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Except."""
        return self._set("Except", series, node, frame)

    def _another(self, series: Series) -> Root:
        """Return one more variable for an element, with what `Let` added to it."""
        root = self.binder.variables.new(series.shape)
        extras = self.binder.names.extras
        extras[root] = extras.get(self.binder.element(series), {})
        return root

    def _join(self, operator: str, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        other = self.other(node, frame)
        roots = (self._another(series), self._another(other))
        left = self._side(roots[0], node.arguments[1], frame)
        right = self._side(roots[1], node.arguments[2], frame)
        checks.need_equal_keys(left, right, node.arguments[2])
        fold = left.type.ignores_case or right.type.ignores_case
        if operator == "AntiJoin":
            return self._kept(
                node, series, PairStage(operator, other, roots, left, right, (), fold)
            )
        items, bare = self._pair_items(roots, node.arguments[3:], frame)
        shape = RecordShape(tuple(item.field for item in items), bare, "")
        stage = PairStage(operator, other, roots, left, right, items, fold)
        return StageSeries(node.span, shape, series, stage)

    def _side(self, root: Root, argument: ast.Expression, frame: Frame | None) -> Term:
        inner, expression = self.binder.frame([root], argument, frame)
        return self.binder.single(expression, inner)

    def _pair_items(
        self, roots: tuple[Root, Root], arguments: tuple[ast.Expression, ...], frame: Frame | None
    ) -> tuple[tuple[SelectItem, ...], bool]:
        """Return the columns of a pair: what a lambda of two makes, else {left, right}."""
        if not arguments:
            items: list[SelectItem] = []
            for name, root in zip(("left", "right"), roots, strict=True):
                found = self.binder.names.whole(root, ast.Null().span)
                items += Selection(self.binder, Frame(root)).entry((name,), found)
            return tuple(items), False
        inner, expression = self.binder.frame(roots, arguments[0], frame)
        return Selection(self.binder, inner).items(expression)  # the columns of a pair

    def join(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Join."""
        return self._join("Join", series, node, frame)

    def left_join(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind LeftJoin."""
        return self._join("LeftJoin", series, node, frame)

    def anti_join(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind AntiJoin."""
        return self._join("AntiJoin", series, node, frame)

    def zip(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Zip."""
        other = self.other(node, frame)
        roots = (self._another(series), self._another(other))
        items, bare = self._pair_items(roots, node.arguments[1:], frame)
        shape = RecordShape(tuple(item.field for item in items), bare, "")
        return StageSeries(node.span, shape, series, PairStage("Zip", other, roots, items=items))
