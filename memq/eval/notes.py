"""What is said of collections that are not whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text
from memq.errors import Reason

if TYPE_CHECKING:
    from memq.run import Run
    from memq.schema.batch import ObjectType
    from memq.schema.collection import Collection

_MOST = 20
"""Of one batch at most so many parents are named; the others are counted."""


def note_cuts(parents: ObjectType, name: str, view: Collection, run: Run) -> None:
    """Note for each parent whose collection was cut short what is missing, and where it ended."""
    if view.cut is None or not view.cut.any():
        return
    rows = np.flatnonzero(view.cut)
    titles = labels(parents.take(rows[:_MOST]))
    for row, title in zip(rows[:_MOST].tolist(), titles, strict=True):
        reason = Reason(int(view.cut[row]))
        place = int(view.cut_at[row]) if view.cut_at is not None else 0
        where = f" at {place:#x}" if place else ""
        run.note(f"{name} of {title} cut short: {reason.text}{where}", reason)
    if len(rows) > _MOST:
        run.note(f"{name} of {len(rows) - _MOST} more cut short", Reason.CUT_SHORT)


def labels(batch: ObjectType) -> list[str]:
    """Name objects by their type and their first default column."""
    field = next(f for f in batch.fields.values() if f.shown and not f.declared_only)
    column = batch.column(field.name)
    values = column.to_list() if isinstance(column, Text) else column.values.tolist()
    known = column.known.tolist()
    short = (*field.aliases, field.name)[0]
    return [
        f"{batch.type_name} with {short} {value if good else '?'}"
        for value, good in zip(values, known, strict=True)
    ]
