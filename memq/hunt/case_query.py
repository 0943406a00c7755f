"""A case that is asked in the query language, as a dump is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from memq.eval.pipeline import bind_query, node_of
from memq.eval.result import Result
from memq.hunt.case import Case
from memq.hunt.case_objects import CASE
from memq.hunt.case_rows import CaseRows
from memq.image import Answer
from memq.run import Run
from memq.schema.batch import Context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from memq.progress import Progress


def ask_case(
    case: Case, text: str, parameters: Mapping[str, object], run: Run | None = None
) -> Answer:
    """Check a query of a case, and return its answer; QueryError if it is not right."""
    values = {name: node_of(value) for name, value in parameters.items()}
    plan = bind_query(text, CASE, None, values)
    return Answer(Result(plan, Context(CaseRows(case.file), run or Run())))


class OpenCase:
    """A case by itself, where otherwise a dump is asked."""

    def __init__(self, path: Path, progress: Progress) -> None:
        """Raise CaseError for what is no case."""
        self.progress = progress
        self.warnings: list[str] = []
        self._case = Case(path)

    def ask(self, text: str, parameters: Mapping[str, object]) -> Answer:
        """Check a query with parameters of any name, and return its answer."""
        return ask_case(self._case, text, parameters, Run(self.progress))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._case.close()
