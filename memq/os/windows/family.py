"""Who started whom, among all processes that are known.

A process keeps its parent's number only. Numbers are used again: the parent is who had the number
when the child was created, so that of several processes of one number it is the last that was
there before the child, and one that came after it is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, distinct_numbers, worst
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.processes import all_processes

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

_FAMILY = "process family"


@dataclass(frozen=True, slots=True)
class Family:
    """All known processes with their numbers, sorted so that parents are found at once."""

    addresses: Addresses
    """In the order of the sources."""
    parents: Addresses
    """Address of each one's parent, 0 where none is known."""
    reason: Reason
    """Why there may be more processes than are known; KNOWN if that is all."""
    order: Indexes
    keys: Array
    numbers: Array
    times: Array

    def parents_of(self, processes: Structs) -> tuple[Addresses, Statuses]:
        """Return the address of each process's parent, and why there is none."""
        wanted, created = _number(processes["InheritedFromUniqueProcessId"]), _created(processes)
        status = worst(wanted.statuses, created.statuses)
        places = _last_before(self, wanted.values, created.values)
        found = np.where(places >= 0, _at(self.addresses, self.order, places), np.uint64(0))
        found[found == processes.addresses] = 0
        missing = np.uint8(self.reason or Reason.NULL)
        own = np.where(found == 0, missing, np.uint8(0))
        reasons = own if status is None else np.where(status == 0, own, status)
        return np.where(reasons == 0, found, np.uint64(0)), reasons


def family(kernel: WindowsKernel, run: Run) -> Family:
    """Return all known processes and their parents, found once for each kernel."""
    found = kernel.facts.get(_FAMILY)
    if not isinstance(found, Family):
        found = kernel.facts[_FAMILY] = _found(kernel, run)
    return found


def _found(kernel: WindowsKernel, run: Run) -> Family:
    known = all_processes(kernel, run)
    processes = kernel.structs("_EPROCESS", known.addresses)
    number, created = _number(processes["UniqueProcessId"]), _created(processes)
    lost = worst(number.statuses, created.statuses)
    reason = known.cut.reason if known.cut is not None else Reason.KNOWN
    if lost is not None and lost.any():
        reason = reason or Reason(int(lost.max()))
    sound = np.flatnonzero(number.known & created.known)
    order = sound[np.lexsort((created.values[sound], number.values[sound]))]
    numbers = distinct_numbers(number.values[order])
    times = distinct_numbers(created.values[order])
    keys = _keys(numbers, times, number.values[order], created.values[order])
    nobody = np.zeros(0, np.uint64)
    half = Family(known.addresses, nobody, reason, order, keys, numbers, times)
    parents, _ = half.parents_of(processes)
    return Family(known.addresses, parents, reason, order, keys, numbers, times)


def _created(processes: Structs) -> Column:
    """Return when processes were created, in the kernel's units; those of the start have 0."""
    time = processes["CreateTime.QuadPart|CreateTime"]
    return Column(time.values.astype(np.int64), time.status)


def _number(pointer: Column) -> Column:
    """Return a number that the kernel keeps as a pointer; all alike, so that they compare."""
    return Column(pointer.values.astype(np.uint64), pointer.status)


def _keys(numbers: Array, times: Array, number: Array, time: Array) -> Array:
    """Mix the rank of a number with that of a time, so that one search finds both."""
    rank = np.searchsorted(times, time, "right")
    return np.searchsorted(numbers, number) * (len(times) + 1) + rank


def _last_before(family: Family, number: Array, time: Array) -> Indexes:
    """Return the place, in the sorted order, of the last with a number up to a time; -1: none."""
    keys = _keys(family.numbers, family.times, number, time)
    places = np.searchsorted(family.keys, keys, "right") - 1
    found = np.where(places >= 0, family.keys[places] if len(family.keys) else -1, -1)
    row = np.minimum(np.searchsorted(family.numbers, number), max(len(family.numbers) - 1, 0))
    has = family.numbers[row] == number if len(family.numbers) else np.zeros(len(number), bool)
    same = found // (len(family.times) + 1) == np.searchsorted(family.numbers, number)
    return np.where(has & same & (places >= 0), places, -1)


def _at(values: Addresses, order: Indexes, places: Indexes) -> Addresses:
    if not len(order):
        return np.zeros(len(places), np.uint64)
    return values[order[np.maximum(places, 0)]]
