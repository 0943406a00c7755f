"""A case that is asked in the query language, as a dump is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.pipeline import bind_query, node_of
from memq.eval.result import Result
from memq.hunt.case_objects import CASE
from memq.hunt.case_rows import CaseRows
from memq.image import Answer
from memq.output.humane import counted
from memq.run import Run
from memq.schema.batch import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.hunt.case import Case
    from memq.progress import Progress


def ask_case(
    case: Case, text: str, parameters: Mapping[str, object], run: Run | None = None
) -> Answer:
    """Check a query of a case, and return its answer; QueryError if it is not right."""
    values = {name: node_of(value) for name, value in parameters.items()}
    plan = bind_query(text, CASE, None, values)
    return Answer(Result(plan, Context(CaseRows(case.file), run or Run())))


class OpenCase:
    """A case by itself, where otherwise a dump is asked; who has opened the case closes it."""

    system = CASE

    def __init__(self, case: Case, progress: Progress) -> None:
        self.case = case
        self.progress = progress
        self.kernel = CaseRows(case.file)
        self.warnings: list[str] = []

    def ask(self, text: str, parameters: Mapping[str, object]) -> Answer:
        """Check a query with parameters of any name, and return its answer."""
        return ask_case(self.case, text, parameters, Run(self.progress))

    @property
    def summary(self) -> str:
        """What was opened, in a line."""
        runs, images = (self.case.file.one(sql) for sql in (_RUNS, _IMAGES))
        found = counted(self.case.count(), "finding")
        return (
            f"{self.case.name}: a case, {found}, {counted(runs, 'run')}, {counted(images, 'dump')}"
        )

    def close(self) -> None:
        """Leave the case open: a session goes on with it on another dump."""


_RUNS = "SELECT count(*) FROM runs"
_IMAGES = "SELECT count(*) FROM images"
