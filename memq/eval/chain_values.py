"""Binding of the methods that give one value, or one of the elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval import checks, collection_checks
from memq.eval.chain_base import Base
from memq.eval.places import RecordShape
from memq.eval.shapes import projected
from memq.eval.terms import BOOLEAN, FLOAT, NUMBER, Aggregate, Fold, Reduction, Term
from memq.output.records import RecordField
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from memq.eval.scope import Found, Frame
    from memq.eval.series import Series
    from memq.lang import ast


class Values(Base):
    """Binds the methods that give one value, or one of the elements."""

    def _aggregate(
        self, operator: str, series: Series, node: ast.Call, frame: Frame | None
    ) -> Term:
        root, body = self.binder.element(series), None
        if node.arguments:
            condition = self.condition(series, node.arguments[0], frame)
            body = condition.predicate
        type_ = NUMBER if operator == "Count" else BOOLEAN
        return Aggregate(node.span, type_, operator, series, root, body)

    def count(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind Count."""
        return self._aggregate("Count", series, node, frame)

    def any(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind Any."""
        return self._aggregate("Any", series, node, frame)

    def all(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind All."""
        return self._aggregate("All", series, node, frame)

    def none(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind None."""
        return self._aggregate("None", series, node, frame)

    def contains(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind Contains: whether a value is among those of a series."""
        left = self.binder.term(node.arguments[0], frame)
        type_ = collection_checks.value_type(series, node)
        checks.need_element(left, type_, node.arguments[0])
        return self.binder.membership(node, left, series)

    def _values(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Return the values that are added up: the elements, or what an argument makes of each."""
        if not node.arguments:
            return series
        inner, expression = self._inner(series, node.arguments[0], frame)
        found = self.binder.find(expression, inner)
        term = self.binder.as_term(found, expression)
        checks.need_single(term)
        return projected(self.binder, series, self.binder.element(series), term, node.span)

    def _fold(self, operator: str, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        values = self._values(series, node, frame)
        type_ = collection_checks.value_type(values, node)
        collection_checks.need_fold(operator, type_, node)
        if operator == "Average" and type_.kind is not Kind.DURATION:
            type_ = FLOAT
        elif operator == "Sum" and type_.kind not in (Kind.SIZE, Kind.DURATION, Kind.FLOAT):
            type_ = NUMBER
        return Fold(node.span, type_, operator, values)

    def sum(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind Sum."""
        return self._fold("Sum", series, node, frame)

    def min(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind Min."""
        return self._fold("Min", series, node, frame)

    def max(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind Max."""
        return self._fold("Max", series, node, frame)

    def average(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind Average."""
        return self._fold("Average", series, node, frame)

    def aggregate(self, series: Series, node: ast.Call, frame: Frame | None) -> Term:
        """Bind Aggregate(seed, (so_far, element) => ...)."""
        seed = self.binder.term(node.arguments[0], frame)
        checks.need_single(seed)
        field = RecordField((), seed.type)
        so_far = self.binder.variables.new(RecordShape((field,), bare=True))
        element = self.binder.element(series)
        inner, expression = self.binder.frame((so_far, element), node.arguments[1], frame)
        body = self.binder.single(expression, inner)
        checks.need_steady(seed, body)
        return Reduction(node.span, checks.common(seed, body), series, seed, so_far, element, body)

    # One of the elements

    def _pick(self, operator: str, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        if node.arguments:
            series = self.where(series, node, frame)
        return self.binder.pick(operator, series, node)

    def first(self, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        """Bind First."""
        return self._pick("First", series, node, frame)

    def first_or_null(self, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        """Bind FirstOrNull."""
        return self._pick("FirstOrNull", series, node, frame)

    def last(self, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        """Bind Last."""
        return self._pick("Last", series, node, frame)

    def only(self, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        """Bind Single."""
        return self._pick("Single", series, node, frame)

    def element_at(self, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        """Bind ElementAt."""
        index = self.binder.single(node.arguments[0], frame)
        checks.need_whole(index)
        return self.binder.pick("ElementAt", series, node, index)

    def _extreme(self, operator: str, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        key = self.key(series, node.arguments[0], frame)
        return self.binder.pick(operator, series, node, key, self.binder.element(series))

    def min_by(self, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        """Bind MinBy."""
        return self._extreme("MinBy", series, node, frame)

    def max_by(self, series: Series, node: ast.Call, frame: Frame | None) -> Found:
        """Bind MaxBy."""
        return self._extreme("MaxBy", series, node, frame)
