"""Plans: a whole bound query. A plan holds nothing of a dump."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.node import dataclass

if TYPE_CHECKING:
    from memq.eval.places import Place, RecordShape
    from memq.eval.series import Series
    from memq.eval.stage_nodes import SelectStage
    from memq.eval.terms import Term


@dataclass(frozen=True, slots=True)
class Plan:
    """A query: a series, or one value (a term) or one object (a place).

    `shown` makes records that can be written of what comes out: objects by their default columns.
    """

    result: Series | Term | Place
    records: RecordShape
    """The records that come out at the end."""
    shown: SelectStage | None = None
    warnings: tuple[str, ...] = ()
    """What is allowed and rarely meant."""
    rules: tuple[str, ...] = ()
    """Names of the rules (memq.eval.rules) that changed it."""
