"""What the binding of all methods of series has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.advice import warnings_of
from memq.eval.series import Series, Stage, StageSeries
from memq.eval.stage_nodes import (
    Condition,
    WhereStage,
)

if TYPE_CHECKING:
    from memq.eval.bind import Binder
    from memq.eval.scope import Frame
    from memq.eval.terms import Term
    from memq.lang import ast


class Base:
    """What the binding of all methods of series has in common."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder

    # Stages that keep the elements

    def _kept(self, node: ast.Call, series: Series, stage: Stage) -> Series:
        """Add a stage after which the elements are the same ones, under the same variable."""
        found = StageSeries(node.span, series.shape, series, stage)
        self.binder.elements[found] = self.binder.element(series)
        return found

    def _inner(
        self, series: Series, argument: ast.Expression, frame: Frame | None
    ) -> tuple[Frame, ast.Expression]:
        return self.binder.frame([self.binder.element(series)], argument, frame)

    def condition(self, series: Series, argument: ast.Expression, frame: Frame | None) -> Condition:
        """Bind a condition over the elements of a series."""
        inner, expression = self._inner(series, argument, frame)
        predicate = self.binder.condition(expression, inner)
        self.binder.warnings.update(dict.fromkeys(warnings_of(predicate, self.binder.text)))
        return Condition(self.binder.element(series), predicate)

    def key(self, series: Series, argument: ast.Expression, frame: Frame | None) -> Term:
        """Bind one value for each element of a series."""
        inner, expression = self._inner(series, argument, frame)
        return self.binder.single(expression, inner)

    def where(self, series: Series, node: ast.Call, frame: Frame | None) -> Series:
        """Bind Where; adjacent ones are one stage."""
        condition = self.condition(series, node.arguments[0], frame)
        if isinstance(series, StageSeries) and isinstance(series.stage, WhereStage):
            joined = WhereStage((*series.stage.conditions, condition))
            found = StageSeries(node.span, series.shape, series.inner, joined)
            self.binder.elements[found] = self.binder.element(series)
            return found
        return self._kept(node, series, WhereStage((condition,)))
