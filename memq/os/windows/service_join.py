"""Services that the registry has and those that services.exe has, put together by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.column import Column, Text
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import joined_text
from memq.os.windows.processes import REFERRED, all_processes
from memq.schema.collection import Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memq.column import Indexes, Statuses
    from memq.os.windows.service_records import FoundRecords, Records
    from memq.schema.batch import Context


class Matched(NamedTuple):
    """Services: those of the keys first, then those of records that are of no key."""

    record: Indexes
    """The place of each one's record (-1: none)."""
    is_registered: NDArray[np.bool_]
    """Whether there is a key of the name; of several records of one name the first is the key's."""
    doubt: Statuses
    """Why that is not known."""
    lost: Statuses
    """Why one without a record may have one all the same."""


def matched(keys: Text, records: Text | None, doubt: Reason) -> Matched:
    """Put keys and records together, by names without case; `doubt`: why there may be more keys."""
    titles = [name.casefold() if name is not None else None for name in keys.to_list()]
    names = [] if records is None else records.to_list()
    places: dict[str, int] = {}
    for number, name in enumerate(names):
        if name is not None:
            places.setdefault(name.casefold(), number)
    own = [-1 if title is None else places.pop(title, -1) for title in titles]
    rest = sorted(set(range(len(names))) - set(own))
    registered = set(titles)
    has_key = [(names[number] or "").casefold() in registered for number in rest]
    why = np.zeros(0, np.uint8) if records is None else records.statuses[rest]
    # A key whose name is not known may be a record's, and the other way round.
    nameless = int(keys.statuses.max(initial=0))
    unsure = np.where(why > 0, why, np.uint8(doubt or nameless))
    lost = np.where(np.array(own) < 0, np.maximum(keys.statuses, why.max(initial=0)), np.uint8(0))
    return Matched(
        np.array(own + rest, np.int64),
        np.array([True] * len(own) + has_key, bool),
        np.concatenate([np.zeros(len(own), np.uint8), np.where(has_key, np.uint8(0), unsure)]),
        np.concatenate([lost, np.zeros(len(rest), np.uint8)]),
    )


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """The records of services, for each service its place among those found (-1: none)."""

    found: FoundRecords
    index: Indexes
    lost: Statuses
    """Why one without a record may have one all the same."""

    def number(self, read: Callable[[Records], Column]) -> Column:
        """Return what the records have as numbers."""
        rows, own = self._own()
        if own is None:
            return Column(np.zeros(len(self.index), np.int64), self._missing())
        column = read(own)
        values, status = np.zeros(len(self.index), column.values.dtype), self._missing()
        values[rows], status[rows] = column.values, column.statuses
        return Column(values, status)

    def text(self, read: Callable[[Records], Text]) -> Text:
        """Return what the records have as text."""
        rows, own = self._own()
        nothing = np.flatnonzero(self.index < 0)
        empty = Text(np.zeros(len(nothing), np.int64), self._missing()[nothing], ("",))
        parts = [(nothing, empty)] if own is None else [(nothing, empty), (rows, read(own))]
        return joined_text(len(self.index), parts)

    def exist(self) -> Column:
        """Whether there is a record; where there may be more than were found, not known."""
        is_one = self.index >= 0
        return Column(is_one, np.where(is_one, np.uint8(0), self._why))

    def _own(self) -> tuple[Indexes, Records | None]:
        rows = np.flatnonzero(self.index >= 0)
        records = self.found.records
        return rows, records.take(self.index[rows]) if records is not None and len(rows) else None

    @property
    def _why(self) -> Statuses:
        """Why each may have a record that is not known."""
        cut = self.found.cut
        return np.maximum(self.lost, np.uint8(self.found.lost if cut is None else cut.reason))

    def _missing(self) -> Statuses:
        """Return why there is nothing of each service without a record."""
        return np.maximum(self._why, np.uint8(Reason.NULL))


def processes_by_number(context: Context, numbers: Column) -> Reference:
    """Return the processes that have the numbers; of several of one the first that is known."""
    from memq.os.windows.process import ProcessObject  # noqa: PLC0415 - as objects do

    known = all_processes(context.kernel, context.run)
    own = context.kernel.structs("_EPROCESS", known.addresses)["UniqueProcessId"]
    place = dict(zip(own.values[::-1].tolist(), range(len(own) - 1, -1, -1), strict=True))
    found = [place.get(number, -1) for number in numbers.values.tolist()]
    index = np.where(numbers.known, np.array(found, np.int64), -1)
    missing = Reason.NULL if known.cut is None else known.cut.reason
    lost = np.where(index < 0, np.uint8(missing), np.uint8(0))
    status = np.where(numbers.known, lost, numbers.statuses)
    return Reference(ProcessObject.at(context, known.addresses, REFERRED), index, status)
