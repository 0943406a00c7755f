"""Records of services that services.exe keeps in its own memory (SERVICE_RECORD).

No symbol table has them. Heads with the tag `serH` lead to them, each of them to the one before it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, distinct_numbers, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import known_pointers
from memq.os.windows.private_memory import PrivatePages, private_pages, tagged_places
from memq.os.windows.processes import all_processes
from memq.os.windows.published import machine, published
from memq.os.windows.strings import text_to_nul
from memq.schema.batch import Cut
from memq.symbols.structs import Structs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from memq.column import Addresses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.types import StructType

STATES = (
    "stopped", "start pending", "stop pending", "running", "continue pending", "pause pending",
    "paused",
)  # fmt: skip
"""SERVICE_STOPPED (1) to SERVICE_PAUSED in winsvc.h."""
PROCESSES = 0x30
"""Types that run in a process: SERVICE_WIN32_OWN_PROCESS, SERVICE_WIN32_SHARE_PROCESS."""
_FACT = "service records"
_TABLE = "service-records.txt"
_NEEDED = ("Header", "Record", "Process")
_PROGRAM = "services.exe"
_TAG = b"serH"
_KNOWN_TYPES, _LAST_ORDER, _LAST_START, _STOPPED = 0x3FF, 0xFFFF, 4, 1
_MOST = 1 << 14
"""Records that are taken; systems have some hundred."""
_MAX_NAME = 2 * 257
"""Bytes of a name and its end; the manager of services takes no longer ones."""
_MAX_PATH = 1 << 11


class Records:
    """Records, as columns; each column is made when it is asked for."""

    def __init__(
        self, kernel: WindowsKernel, layouts: Mapping[str, StructType], own: Structs
    ) -> None:
        """`own` are the records themselves, each with the page tables of its process."""
        self._kernel = kernel
        self._layouts = layouts
        self.own = own

    def take(self, index: NDArray[np.int64]) -> Records:
        """Return some of the records."""
        return Records(self._kernel, self._layouts, self.own.take(index))

    @cached_property
    def name(self) -> Text:
        """Name of the service, which is also that of its key."""
        return self._text("name")

    @property
    def display_name(self) -> Text:
        """Name for people."""
        return self._text("display_name")

    @property
    def state(self) -> Text:
        """Whether it runs."""
        number = self.own["state"]
        inside = (number.values >= 1) & (number.values <= len(STATES))
        found = Text(np.where(inside, number.values - 1, 0), number.status, STATES)
        return found.but(number.known & ~inside, Reason.MALFORMED)

    @property
    def process_id(self) -> Column:
        """Number of the process that it runs in; null for drivers, and where it does not run."""
        number = self._processes["number"]
        return Column(number.values.astype(np.int64), number.status)

    @property
    def path(self) -> Text:
        """What runs of it: the command line of its process, or the name of the driver's object."""
        found, status = known_pointers(self.own["driver"])
        path = self._processes["path"]
        is_process = self._is_process
        places = np.where(is_process, path.values.astype(np.uint64), found)
        reasons = np.where(is_process, path.statuses, status)
        running = Column(places, reasons).under(self._stopped)
        return text_to_nul(self._kernel.space, running, _MAX_PATH, self.own.roots)

    def sound(self) -> NDArray[np.bool_]:
        """Tell which of the structures are records: all their numbers are such, and the name."""
        own = self.own
        order, kind, start = own["order"].values, own["type"].values, own["start"].values
        good = self.state.known & (order <= _LAST_ORDER) & (start <= _LAST_START)
        good &= (kind != 0) & (kind & ~_KNOWN_TYPES == 0)
        return np.asarray(good & own["name"].known & self._is_named)

    @property
    def _is_named(self) -> NDArray[np.bool_]:
        """Whether the names can be such; those that cannot be read can."""
        plausible = self.name.test(str.isprintable)
        lost = plausible.statuses
        cannot = (lost == Reason.NULL) | (lost == Reason.MALFORMED) | (lost == Reason.NOT_MAPPED)
        return np.asarray(np.where(lost == 0, plausible.values, ~cannot))

    @property
    def _is_process(self) -> NDArray[np.bool_]:
        kind = self.own["type"]
        return np.asarray(kind.known & (kind.values & PROCESSES != 0))

    @property
    def _stopped(self) -> NDArray[np.uint8]:
        state = self.own["state"]
        return np.where(state.known & (state.values == _STOPPED), np.uint8(Reason.NULL), 0)

    @cached_property
    def _processes(self) -> Structs:
        """What runs each; null where nothing does."""
        places, status = known_pointers(self.own["process"])
        none = self._stopped | np.where(self._is_process, np.uint8(0), np.uint8(Reason.NULL))
        status = np.where(none > 0, none, status)
        own = self.own
        layout = self._layouts["Process"]
        return Structs(own.space, own.types, layout, places, status, own.roots)

    def _text(self, member: str) -> Text:
        return text_to_nul(self._kernel.space, self.own[member], _MAX_NAME, self.own.roots)


@dataclass(frozen=True, slots=True)
class FoundRecords:
    """All records, each once, by their order in the list; and why there may be more."""

    records: Records | None
    cut: Cut | None
    lost: Reason
    """Why pages could not be searched that records may be on; KNOWN if all could."""


def service_records(kernel: WindowsKernel, run: Run) -> FoundRecords:
    """Return the records, searched for once for each kernel."""
    found = kernel.facts.get(_FACT)
    if not isinstance(found, FoundRecords):
        found = kernel.facts[_FACT] = _find(kernel, run)
    return found


def _find(kernel: WindowsKernel, run: Run) -> FoundRecords:
    known = published(kernel, _TABLE)
    if not set(known).issuperset(_NEEDED):
        which = f"services.exe on {machine(kernel)}, {kernel.release}"
        why = f"service records not searched for: no layouts of {which} are known"
        return _nothing(Cut(Reason.NOT_IN_KERNEL, why))
    processes = all_processes(kernel, run).addresses
    names = kernel.structs("_EPROCESS", processes).text("ImageFileName")
    is_one = names.test(lambda name: name.casefold() == _PROGRAM)
    rows = np.flatnonzero(is_one.known & is_one.values)
    if not len(rows):
        why = f"service records not searched for: no process {_PROGRAM} is known"
        return _nothing(Cut(Reason.NOT_IN_DUMP, why))
    pages = private_pages(kernel, run, processes[rows])
    return _Search(kernel, run, {name: known[name][0] for name in _NEEDED}).search(pages)


def _nothing(cut: Cut) -> FoundRecords:
    return FoundRecords(None, cut, cut.reason)


class _Search:
    """The search for records in the memory of services.exe."""

    def __init__(self, kernel: WindowsKernel, run: Run, layouts: Mapping[str, StructType]) -> None:
        self._kernel = kernel
        self._run = run
        self._layouts = layouts
        self._cut: Cut | None = None

    def search(self, pages: PrivatePages) -> FoundRecords:
        """Return what the heads in the pages lead to."""
        places, roots = tagged_places(self._kernel, self._run, pages, _TAG)
        links = self._structs("Header", places, roots)["record"]
        owners = distinct_numbers(roots)
        found = [
            self._chains(links.values[links.known & (roots == root)].astype(np.uint64), int(root))
            for root in owners
        ]
        counts = [len(one) for one in found]
        if not sum(counts):
            why = f"no service records found in the memory of {_PROGRAM}"
            return _nothing(Cut(pages.lost or Reason.NOT_IN_DUMP, why))
        records = self._records(np.concatenate(found), np.repeat(owners, counts))
        order = np.argsort(records.own["order"].values, kind="stable")
        return FoundRecords(records.take(order), self._cut or pages.cut, pages.lost)

    def _chains(self, front: Addresses, root: int) -> Addresses:
        """Follow all heads of one process together, each record once."""
        seen = np.zeros(0, np.uint64)
        while len(front) and len(seen) < _MOST:
            self._run.check()
            front = distinct_numbers(front[front != 0])
            front = front[~is_among(front, seen)]
            records = self._records(front, np.full(len(front), root, np.uint64))
            rows = np.flatnonzero(records.sound())
            seen = np.concatenate([seen, front[rows]])
            previous = records.own["previous"].take(rows)
            self._mark(front[~records.own["state"].known], records.own["state"])
            front = previous.values[previous.known].astype(np.uint64)
        if len(front):
            self._cut = Cut(Reason.LIMIT, f"service records cut short after {len(seen):,}")
        return seen

    def _mark(self, lost: Addresses, column: Column) -> None:
        """Say where a chain leads to what cannot be read."""
        if len(lost) and self._cut is None:
            reason = Reason(int(column.statuses[~column.known][0]))
            where = f"at {int(lost[0]):#x}: {reason.text}"
            self._cut = Cut(reason, f"service records cut short {where}")

    def _records(self, places: Addresses, roots: Addresses) -> Records:
        return Records(self._kernel, self._layouts, self._structs("Record", places, roots))

    def _structs(self, name: str, places: Addresses, roots: Addresses) -> Structs:
        kernel, layout = self._kernel, self._layouts[name]
        found = Structs(kernel.space, kernel.types, layout, places, None, roots)
        found.check = self._run.check
        return found
