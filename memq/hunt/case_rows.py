"""Rows of a case as columns: what the objects of a case are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from memq.column import Column, text_column
from memq.errors import Reason
from memq.hunt.case_file import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from memq.column import Text
    from memq.hunt.case_file import CaseFile

C = TypeVar("C", bound=Column)
MOST_ROWS = 1 << 20
"""Rows of one sort that are read."""
MOST_TEXT = 1 << 28
"""Characters of texts in them, all together."""
_SECOND = 10**9

QUERIES: Mapping[str, str] = {
    "finding": """SELECT findings.number AS id, title, rules.id AS rule_id, version, level, tags,
  status, note, evidence, first_run, last_run, gone_run, marked, latest.run AS latest_run,
  first.began AS first_seen, last.began AS last_seen, name, fingerprint, system, host
FROM findings
LEFT JOIN rules ON rules.number = findings.rule
LEFT JOIN images ON images.number = findings.image
LEFT JOIN runs AS first ON first.number = first_run
LEFT JOIN runs AS last ON last.number = last_run
LEFT JOIN (SELECT image, max(number) AS run FROM runs GROUP BY image) AS latest
  ON latest.image = findings.image
ORDER BY findings.number""",
    "run": """SELECT runs.number AS id, began, ended, state, memq, attack, parameters,
  name, fingerprint, format, size, system, release, host, taken
FROM runs LEFT JOIN images ON images.number = runs.image ORDER BY runs.number""",
    "outcome": """SELECT run, outcome, rows, undecided, reason, title, rules.id AS rule_id, version,
  level, tags, name, fingerprint
FROM outcomes LEFT JOIN rules ON rules.number = rule LEFT JOIN runs ON runs.number = run
LEFT JOIN images ON images.number = runs.image ORDER BY run, rule""",
}
"""What is read for each type of object: names of columns, and the order that queries keep."""


class Rows:
    """Rows that were read at once, by the names of their columns. A file may hold anything."""

    def __init__(self, columns: Mapping[str, Sequence[Any]], *, is_cut: bool) -> None:
        self.is_cut = is_cut
        """Whether there are more than were read."""
        self._columns = columns
        self._made: dict[str, Column] = {}

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def text(self, name: str, change: Callable[[str], str | None] | None = None) -> Text:
        """Return a column of texts; each of them changed, if `change` says how."""
        values = [None if one is None else text_of(one) for one in self._columns[name]]
        if change is not None:
            values = [None if one is None else change(one) for one in values]
        return text_column(values)

    def number(self, name: str) -> Column:
        """Return a column of whole numbers; what is none is malformed."""
        return numbers_of(self._columns[name])

    def time(self, name: str) -> Column:
        """Return a column of times."""
        return numbers_of(self._columns[name], _SECOND)

    def moment(self, name: str) -> Column:
        """Return a column of times that are written as JSON has them."""
        return numbers_of([_nanoseconds(one) for one in self._columns[name]])

    def values(self, name: str) -> Sequence[Any]:
        """Return what stands in a column."""
        return self._columns[name]

    def kept(self, key: str, make: Callable[[], C]) -> C:
        """Return a column that was made before, else make it."""
        if key not in self._made:
            self._made[key] = make()
        return cast("C", self._made[key])


def numbers_of(values: Sequence[Any], factor: int = 1) -> Column:
    """Return whole numbers, each so many times, as a column.

    None is null; what is no number, or one that does not fit 64 bits, is malformed.
    """
    most = (1 << 63) // factor
    status = np.zeros(len(values), np.uint8)
    found = np.zeros(len(values), np.int64)
    for place, value in enumerate(values):
        if value is None:
            status[place] = Reason.NULL
        elif type(value) is int and -most < value < most:
            found[place] = value * factor
        else:
            status[place] = Reason.MALFORMED
    return Column(found, status if status.any() else None)


def _nanoseconds(value: Any) -> Any:
    """Return nanoseconds since 1970 of a time as JSON has it; None where there is none."""
    text = text_of(value)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text  # which is no number
    whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(whole.timestamp()) * _SECOND + whole.microsecond * 1000


class CaseRows:
    """What stands in a case, read once for each type of object: a query sees one state of it.

    It stands where a dump's objects have their kernel; of types and symbols it has none.
    """

    def __init__(self, file: CaseFile) -> None:
        self._file = file
        self._read: dict[str, Rows] = {}

    def of(self, name: str) -> Rows:
        """Return the rows of a type of objects, by its name."""
        if name not in self._read:
            self._read[name] = self._fetched(QUERIES[name])
        return self._read[name]

    def forget(self) -> None:
        """Read all anew: something has changed."""
        self._read.clear()

    def _fetched(self, sql: str) -> Rows:
        names, found = self._file.table(sql)
        rows: list[tuple[Any, ...]] = []
        left = MOST_TEXT
        is_cut = False
        for row in found:
            left -= sum(len(value) for value in row if isinstance(value, str | bytes))
            if left < 0 or len(rows) == MOST_ROWS:
                is_cut = True
                break
            rows.append(row)
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        return Rows(dict(zip(names, columns, strict=True)), is_cut=is_cut)
