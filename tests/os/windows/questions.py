"""Questions to a built scene: a query, and the rows that must answer it by the scene's truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.synthetic.windows.truth import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.os.windows.built import Built
    from tests.synthetic.windows.scene import Scene

Row = dict[str, Any]
Rows = list[Row]


@dataclass(frozen=True)
class Question:
    """A query with the rows that answer it, each known by its first value."""

    query: str
    rows: Callable[[Scene], Rows]

    def differences(self, built: Built, *, may_lack: bool = False) -> list[str]:
        """Say what an image's rows have or lack; unknown values are right where they may be.

        Where the truth has nothing, a value may be unknown; with `may_lack` each may, and rows may
        be missing, if a note says so.
        """
        left, wrong = self.rows(built.scene), []
        for row in built.rows(self.query):
            unknown = row.get("_unknown", {})
            same = (
                one
                for one in left
                if all(
                    (row[name] == value and (name not in unknown or value is None))
                    or (may_lack and name in unknown)
                    for name, value in one.items()
                )
            )
            found = next(same, None)
            if found is None:
                wrong.append(f"not built: {row}")
            else:
                left.remove(found)
        may_miss = may_lack and built.notes[self.query]
        return wrong + ([] if may_miss else [f"not found: {row}" for row in left])


def address(value: int) -> str | None:
    """Return an address as a result has it."""
    return hex(value) if value else None


def moment(time: datetime | None) -> str | None:
    """Return a time as a result has it."""
    text = plain(time)
    return None if text is None else str(text).replace(" ", "T", 1).replace(" UTC", "Z")
