"""What can be said of a series before anything is read: whether elements may be undecided."""

from __future__ import annotations

from memq.eval.series import Series, SharedSeries, SourceSeries, StageSeries
from memq.eval.stage_nodes import (
    FlattenStage,
    LetStage,
    ReverseStage,
    SelectManyStage,
    SelectStage,
    SkipStage,
    TakeStage,
    WhereStage,
)


def is_certain(series: Series) -> bool:
    """Whether no element of a series is ever undecided: it passes no condition."""
    while isinstance(series, StageSeries | SharedSeries):
        if isinstance(series, StageSeries) and not isinstance(
            series.stage, TakeStage | SkipStage | LetStage | SelectStage
        ):
            return False
        series = series.inner
    return isinstance(series, SourceSeries)


def goes_by_place(series: Series) -> bool:
    """Whether a series that is certain leaves out elements by how many stand before them.

    Where others are missing, which may stand anywhere, it is not certain after all.
    """
    while isinstance(series, StageSeries | SharedSeries):
        if isinstance(series, StageSeries) and isinstance(series.stage, TakeStage | SkipStage):
            return True
        series = series.inner
    return False


def only_adds(series: Series) -> bool:
    """Whether an element more at the beginning never changes or removes one at the end."""
    while isinstance(series, StageSeries | SharedSeries):
        if isinstance(series, StageSeries) and not isinstance(series.stage, _ADDING):
            break
        series = series.inner
    return is_certain(series)


_ADDING = (WhereStage, SelectStage, LetStage, SelectManyStage, FlattenStage, ReverseStage)
