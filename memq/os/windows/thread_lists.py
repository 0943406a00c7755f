"""The lists that know the threads of processes, walked for all processes at once, and joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_addresses
from memq.symbols.lists import Cuts, Found, lists

if TYPE_CHECKING:
    from memq.column import Addresses, Array, Indexes, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

LISTS = {
    "process": ("ThreadListHead", "ThreadListEntry"),
    "scheduler": ("Pcb.ThreadListHead", "Tcb.ThreadListEntry"),
}
"""Lists of threads: where in EPROCESS the head is, and in ETHREAD the link."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Threads of many processes, by owner: first in the order of one list, then of the next."""

    addresses: Addresses
    owner: Indexes
    listed: dict[str, Column]
    """Whether each is on a list; unknown where that list ended too early to tell."""
    cuts: Cuts
    ended: dict[str, Cuts]
    """Why each list of each process is not whole."""


def listed_threads(kernel: WindowsKernel, run: Run, processes: Structs) -> Listed:
    """Return the threads of each process (EPROCESS) that any of the lists has."""
    cuts = Cuts(len(processes))
    found: list[Found] = []
    ended: list[Cuts] = []
    for head, link in LISTS.values():
        own = Cuts(len(processes))
        found.append(_walked(kernel, run, processes, head, link, own))
        cuts.mark(np.arange(len(processes)), own.status, own.at)
        ended.append(own)
    found.append(_crashed(kernel, processes))
    addresses = np.concatenate([one.addresses for one in found])
    owner = np.concatenate([one.owner for one in found])
    source = np.repeat(np.arange(len(found)), [len(one.owner) for one in found])
    first, group = _groups(addresses, owner)
    listed = {}
    for number, name in enumerate(LISTS):
        inside = np.zeros(len(first), bool)
        inside[group[source == number]] = True
        lost = np.where(inside, np.uint8(0), ended[number].status[owner[first]])
        listed[name] = Column(inside, lost if lost.any() else None)
    order = np.lexsort((first, owner[first]))
    rows = first[order]
    listed = {name: column.take(order) for name, column in listed.items()}
    return Listed(addresses[rows], owner[rows], listed, cuts, dict(zip(LISTS, ended, strict=True)))


def _places_of(threads: Addresses, owner: Indexes, found: Listed) -> Indexes:
    """Return where each thread of an owner stands among the listed ones; -1 where it does not."""
    first, group = _groups(
        np.concatenate([found.addresses, threads]), np.concatenate([found.owner, owner])
    )
    places = np.full(len(first), -1, np.int64)
    places[group[: len(found.owner)]] = np.arange(len(found.owner))
    return places[group[len(found.owner) :]]


def listed_by(
    kernel: WindowsKernel, run: Run, threads: Addresses, owners: Addresses, nobody: Statuses
) -> dict[str, Column]:
    """Return whether each thread is on a list of its process; `nobody`: why it has none.

    One that has none any more (NULL) is on no list.
    """
    processes, owner = distinct_addresses(owners)
    places = np.where(processes != 0, np.uint8(0), np.uint8(Reason.NULL))
    found = listed_threads(kernel, run, kernel.structs("_EPROCESS", processes, places))
    index = _places_of(threads, owner, found)
    columns = {}
    for name, column in found.listed.items():
        rows = np.flatnonzero(index >= 0)
        inside = np.zeros(len(threads), bool)
        inside[rows] = column.values[index[rows]]
        without = np.where(nobody > Reason.NULL, nobody, np.uint8(0))
        lost = np.where(owners == 0, without, found.ended[name].status[owner])
        columns[name] = Column(inside, np.where(inside, np.uint8(0), lost))
    return columns


def _crashed(kernel: WindowsKernel, processes: Structs) -> Found:
    """Return the thread that a triage minidump has, whatever lists lead to it."""
    parts = kernel.triage
    told = None if parts is None else (parts.process, parts.thread)
    process, thread = told or (None, None)
    if process is None or thread is None or not process.address or not thread.address:
        return Found(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    owner = np.flatnonzero(processes.addresses == np.uint64(process.address))
    return Found(np.full(len(owner), thread.address, np.uint64), owner)


def _walked(
    kernel: WindowsKernel, run: Run, processes: Structs, head: str, link: str, cuts: Cuts
) -> Found:
    """Walk one list of each process; one that has not been begun has null links."""
    layout = kernel.types.struct("_ETHREAD")
    member = None if layout is None else layout.find(link)
    if member is None or not processes.has(head):
        cuts.mark(np.arange(len(processes)), Reason.NOT_IN_KERNEL)
        return Found(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    first = processes[f"{head}.Flink"]
    cuts.mark(np.arange(len(processes)), first.statuses, processes.addresses)
    is_walked = first.known & (first.values != 0)
    heads = np.where(is_walked, processes.address_of(head), np.uint64(0))
    return lists(kernel.space, run, heads, cuts, member.offset)


def _groups(addresses: Addresses, owner: Indexes) -> tuple[Indexes, Array]:
    """Return the first row of each distinct pair, and for each row which pair it is."""
    order = np.lexsort((np.arange(len(owner)), addresses, owner))
    sorted_addresses, sorted_owner = addresses[order], owner[order]
    new = np.ones(len(order), bool)
    new[1:] = (sorted_addresses[1:] != sorted_addresses[:-1]) | (
        sorted_owner[1:] != sorted_owner[:-1]
    )
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    return order[new], group
