"""Binding of calls: functions, methods of values, methods of series; which of them is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.eval import functions, refusals
from memq.eval.calls import arguments, need_arguments
from memq.eval.chain import Chain
from memq.eval.chain_methods import SERIES_METHODS
from memq.eval.flag_names import where_named
from memq.eval.methods import method_of
from memq.eval.scope import Found, Frame, Function
from memq.eval.series import PiecesSeries, Series
from memq.eval.shapes import bare_shape, projected
from memq.eval.suggestions import signature
from memq.eval.terms import NULL, STRING, Constant, MethodCall, Term
from memq.lang import ast
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from memq.eval.bind import Binder
    from memq.eval.chain_ends import SeriesMethod


class Calls:
    """Binds calls for one binder."""

    def __init__(self, binder: Binder) -> None:
        self._binder = binder
        self._chain = Chain(binder)

    def find(self, node: ast.Call, frame: Frame | None) -> Found:
        """Return what a call gives."""
        target = node.target
        if isinstance(target, ast.Name):
            return self._function(node, target, frame)
        if not isinstance(target, ast.Member):
            raise refusals.no_function(target, frame, self._binder.names)
        found = self._binder.find(target.target, frame)
        operand = found if isinstance(found, Term) else functions.raw_value(found, target.span)
        if operand is not None:
            if operand.type.kind is Kind.NULL:
                return Constant(node.span, NULL, None)
            method = self._value_method(node, target, operand, frame)
            if method is not None:
                return method
            found = operand
        series = self._binder.series(found, target.target)
        method_ = SERIES_METHODS.get(target.name.lower())
        if series is not None and method_ is not None:
            return self._on_series(node, target, series, method_, frame)
        if series is not None:
            mapped = self._on_each(node, target, series, frame)
            if mapped is not None:
                return mapped
        raise refusals.no_method_here(found, series, target)

    # Functions

    def _function(self, node: ast.Call, target: ast.Name, frame: Frame | None) -> Found:
        own = self._binder.names.bare(frame, target.name, target.span)
        if isinstance(own, Function):
            return self._own_function(node, target, own, frame)
        declared = functions.FUNCTIONS.get(target.name)
        if declared is None:
            raise refusals.no_function(target, frame, self._binder.names)
        written = f"{declared.name}({declared.arguments})"
        need_arguments(node, declared.name, *declared.counts, written)
        return declared.bind(self._binder, node, frame)

    def _own_function(
        self, node: ast.Call, target: ast.Name, function: Function, frame: Frame | None
    ) -> Found:
        """Bind the body of a function where its parameters stand for the arguments."""
        parameters = function.node.parameters
        count, written = len(parameters), f"{target.name}({', '.join(parameters)})"
        need_arguments(node, target.name, count, count, written)
        values: dict[str, Found] = {}
        for parameter, argument in zip(parameters, node.arguments, strict=True):
            values[parameter] = self._binder.find(argument, frame)
        inner = Frame(None, values=values)
        names = self._binder.names
        lets = names.lets
        names.lets = dict(function.lets)
        try:
            return self._binder.find(function.node.body, inner)
        except QueryError as error:
            raise error.called(target.name, node.span) from None
        finally:
            names.lets = lets

    # Methods of values

    def _value_method(
        self, node: ast.Call, target: ast.Member, operand: Term, frame: Frame | None
    ) -> Found | None:
        """Bind a method that the value's type has; None if it has none of that name."""
        if operand.type.kind is Kind.STRING and target.name.lower() == "split":
            return self._split(node, operand, frame)
        method = method_of(operand.type.kind, target.name)
        if method is None:
            return None
        bound = arguments(node, method, operand.type, lambda one: self._binder.term(one, frame))
        type_ = method.result_type(operand.type)
        fold = operand.type.ignores_case
        call = MethodCall(node.span, type_, (operand, *bound), method.name, fold)
        if operand.type.names_by is None:
            return call
        written = tuple(self._binder.term(one, frame) for one in node.arguments)
        return where_named(self._binder.names, call, operand, written)

    def _split(self, node: ast.Call, operand: Term, frame: Frame | None) -> Series:
        need_arguments(node, "Split", 1, 1, "Split(separator)")
        argument = self._binder.term(node.arguments[0], frame)
        value = argument.value if isinstance(argument, Constant) else None
        if not isinstance(value, str) or not value:
            raise QueryError(
                "`Split` takes the text to split at, written out.",
                span=node.arguments[0].span,
                hint='Such as `Split(",")`.',
            )
        return PiecesSeries(node.span, bare_shape(STRING), operand, value)

    def _on_each(
        self, node: ast.Call, target: ast.Member, series: Series, frame: Frame | None
    ) -> Series | None:
        """Bind a method that each value of a series has; None if they have none of that name."""
        root = self._binder.element(series)
        value = self._binder.names.whole(root, target.span)
        operand = value if isinstance(value, Term) else functions.raw_value(value, target.span)
        found = None
        if operand is not None:
            found = self._value_method(node, target, operand, frame)
        if found is None:
            return None
        return self._binder.as_series(projected(self._binder, series, root, found, node.span))

    # Methods of series

    def _on_series(
        self,
        node: ast.Call,
        target: ast.Member,
        series: Series,
        method: SeriesMethod,
        frame: Frame | None,
    ) -> Found:
        need_arguments(node, method.name, *method.counts, signature(method.name))
        found: Found = getattr(self._chain, method.bind)(series, node, frame)
        return found
