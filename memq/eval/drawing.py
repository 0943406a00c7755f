"""Which answers a table draws as a tree: those that come in the order that `Tree` gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.places import RecordShape
from memq.eval.rules_walk import stages_of
from memq.eval.series import Series, StageSeries
from memq.eval.stage_nodes import DEPTH, LetStage, SelectStage, TakeStage, TreeStage
from memq.output.lines import Lines

if TYPE_CHECKING:
    from memq.eval.plan import Plan

_KEEPING = (SelectStage, LetStage, TakeStage)
"""Stages behind which elements still stand as in a tree, those at the end perhaps left out."""


def lines_of(plan: Plan) -> Lines | None:
    """Return how a plan's records are drawn as a tree; None if they do not come as one.

    Of whole objects the depth is no column beside the lines, which show it.
    """
    result = plan.result
    if not isinstance(result, Series):
        return None
    stages = [node.stage for node in stages_of(result) if isinstance(node, StageSeries)]
    place = next((n for n, one in enumerate(stages) if not isinstance(one, _KEEPING)), None)
    if place is None or not isinstance(stages[place], TreeStage):
        return None
    # A query may have called something else so since.
    is_shown = isinstance(result.shape, RecordShape) or any(
        isinstance(one, LetStage) and one.name == DEPTH for one in stages[:place]
    )
    return Lines(None if is_shown else DEPTH)
