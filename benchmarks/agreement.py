"""Whether two programs give the same rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = tuple[Any, ...]


class Agreement(NamedTuple):
    """How many of one program's rows another lacks, and how many it has besides.

    A row that is told differently counts as both. `missing_row` and `extra_row` are one of each.
    """

    missing: int
    extra: int
    missing_row: Row | None = None
    extra_row: Row | None = None

    def __str__(self) -> str:
        """Say it in a table."""
        if not self.missing and not self.extra:
            return "agree"
        parts = [(self.missing, "missing"), (self.extra, "extra")]
        return "WRONG: " + ", ".join(f"{count} {word}" for count, word in parts if count)


def agreement(theirs: Iterable[Row], ours: Iterable[Row]) -> Agreement:
    """Hold a program's rows to memq's; their order says nothing, a row twice is two rows."""
    here, there = Counter(ours), Counter(theirs)
    missing, extra = here - there, there - here
    return Agreement(missing.total(), extra.total(), _first(missing), _first(extra))


def _first(rows: Counter[Row]) -> Row | None:
    return min(rows, key=repr, default=None)
