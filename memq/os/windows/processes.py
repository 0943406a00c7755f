"""Where processes are found: the active list, the table of process numbers, the sessions' lists.

The active list is PsActiveProcessHead. PspCidTable is a handle table whose handles are the numbers
of processes and threads. Each session (_MM_SESSION_SPACE) lists its processes; it is reached from
any process that is in it, so that a session of which no process is known is not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import distinct_numbers, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import joined_cut, known_pointers
from memq.os.listwalk import ListWalk
from memq.os.windows.handle_table import open_handles
from memq.schema.batch import Cut
from memq.symbols.lists import Cuts, lists

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.column import Addresses, Indexes, Statuses
    from memq.layers.triage import TriagePart
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

ACTIVE_LIST, HANDLE_TABLE, SESSION_LIST = "active list", "handle table", "session list"
"""The sources in their order, under the names by which a kernel keeps what was found."""
SOURCES = (ACTIVE_LIST, HANDLE_TABLE, SESSION_LIST)
REFERRED = len(SOURCES)
"""How a process was come by: through another object. Lower numbers are places in SOURCES."""

CARVED = len(SOURCES) + 1
"""How a process was come by: by a search through memory."""

PROCESS_OBJECT = 3
"""ProcessObject in KOBJECTS: what the first byte of a process says it is (of a thread, 6)."""


@dataclass(frozen=True, slots=True)
class ProcessSet:
    """Addresses of processes, in the order of their source, and why it is not whole."""

    addresses: Addresses
    cut: Cut | None


def active_list(kernel: WindowsKernel, run: Run) -> ListWalk:
    """Return the walk over the list of active processes."""
    link = kernel.types.required("_EPROCESS").offset("ActiveProcessLinks")
    head = kernel.symbol("PsActiveProcessHead")
    return ListWalk(kernel, run, "list of active processes", head, link)


def source(kernel: WindowsKernel, run: Run, name: str) -> ProcessSet:
    """Return all that one of the sources knows, walked once for each kernel."""
    found = kernel.facts.get(name)
    if not isinstance(found, ProcessSet):
        found = kernel.facts[name] = _walked(kernel, run, name)
    return found


def _walked(kernel: WindowsKernel, run: Run, name: str) -> ProcessSet:
    if kernel.triage is not None:
        return _of_triage(kernel.triage.process if name == ACTIVE_LIST else None)
    walks: dict[str, Callable[[WindowsKernel, Run], ProcessSet]] = {
        ACTIVE_LIST: _walk_list,
        HANDLE_TABLE: _walk_table,
        SESSION_LIST: _walk_sessions,
    }
    return walks[name](kernel, run)


def _of_triage(process: TriagePart | None) -> ProcessSet:
    """Return the one process that a triage minidump has."""
    known = [process.address] if process is not None and process.address else []
    cut = Cut(Reason.NOT_IN_DUMP, "processes: a triage minidump has only the one that ran")
    return ProcessSet(np.array(known, np.uint64), cut)


def all_processes(kernel: WindowsKernel, run: Run) -> ProcessSet:
    """Return what all sources together know, each process once, in their order."""
    known = np.zeros(0, np.uint64)
    cuts = []
    for name in SOURCES:
        found = source(kernel, run, name)
        known = np.concatenate([known, found.addresses[~is_among(found.addresses, known)]])
        cuts.append(found.cut)
    return ProcessSet(known, joined_cut(cuts))


def _walk_list(kernel: WindowsKernel, run: Run) -> ProcessSet:
    walk = active_list(kernel, run)
    return ProcessSet(np.fromiter(walk, np.uint64), walk.cut)


def _walk_table(kernel: WindowsKernel, run: Run) -> ProcessSet:
    """Return the processes among what has a number in the kernel's table of them."""
    what = "table of process numbers"
    place = kernel.optional("PspCidTable")
    if place is None:
        reason = Reason.NOT_IN_KERNEL
        text = f"{what} not read: no symbol PspCidTable is known of this kernel"
        return ProcessSet(np.zeros(0, np.uint64), Cut(reason, text))
    pointer, status = kernel.space.words(np.array([place], np.uint64))
    # A null pointer is no empty table here: the kernel makes it before the first process.
    lost = np.where((status == 0) & (pointer == 0), np.uint8(Reason.MALFORMED), status)
    cuts = Cuts(1)
    cuts.mark(np.zeros(1, np.int64), lost, place)
    objects = open_handles(
        kernel, run, kernel.structs("_HANDLE_TABLE", pointer, lost), cuts
    ).objects
    kind = kernel.structs("_KPROCESS", objects)["Header.Type"]
    unread = np.flatnonzero(kind.statuses)
    cuts.mark(np.zeros(len(unread), np.int64), kind.statuses[unread], objects[unread])
    found = objects[kind.known & (kind.values == PROCESS_OBJECT)]
    return ProcessSet(each_once(found), _cut_of(cuts, 0, what))


def _walk_sessions(kernel: WindowsKernel, run: Run) -> ProcessSet:
    """Return the processes in the sessions of those that list and table know."""
    listed, table = (source(kernel, run, name) for name in (ACTIVE_LIST, HANDLE_TABLE))
    known = each_once(np.concatenate([listed.addresses, table.addresses]))
    pointers, status = known_pointers(kernel.structs("_EPROCESS", known)["Session"])
    spaces = session_spaces(kernel, distinct_numbers(pointers[status == 0]))
    if not spaces.has("ProcessList"):
        text = "session lists not read: no type _MM_SESSION_SPACE is known of this kernel"
        return ProcessSet(np.zeros(0, np.uint64), Cut(Reason.NOT_IN_KERNEL, text))
    link = kernel.types.required("_EPROCESS").offset("SessionProcessLinks")
    cuts = Cuts(len(spaces))
    found = lists(kernel.space, run, spaces.address_of("ProcessList"), cuts, link)
    broken = np.flatnonzero(cuts.status)
    cut = _cut_of(cuts, int(broken[0]), "session list") if len(broken) else None
    return ProcessSet(each_once(found.addresses), cut)


def session_spaces(
    kernel: WindowsKernel, addresses: Addresses, status: Statuses | None = None
) -> Structs:
    """Return what EPROCESS.Session points to; before Windows 10 its type is not said there."""
    layout = kernel.types.struct("_EPROCESS")
    member = None if layout is None else layout.find("Session")
    target = None if member is None else member.type.target()
    name = target.name if target is not None and target.kind == "struct" else "_MM_SESSION_SPACE"
    return kernel.structs(name, addresses, status)


def each_once(addresses: Addresses) -> Addresses:
    """Return the distinct addresses, in the order of their first appearance."""
    order = np.argsort(addresses, kind="stable")
    ordered = addresses[order]
    is_first = np.ones(len(ordered), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return addresses[np.sort(order[is_first])]


def equal_to(ordered: Addresses, wanted: Addresses) -> tuple[Indexes, Indexes]:
    """Return the places of all sorted values that are equal to one wanted, and which one that is.

    Those of the first come first.
    """
    starts = np.searchsorted(ordered, wanted)
    counts = np.searchsorted(ordered, wanted, "right") - starts
    owner = np.repeat(np.arange(len(wanted)), counts)
    before = np.cumsum(counts) - counts
    return np.arange(len(owner)) + np.repeat(starts - before, counts), owner


def _cut_of(cuts: Cuts, row: int, what: str) -> Cut | None:
    reason = Reason(int(cuts.status[row]))
    if reason is Reason.KNOWN:
        return None
    return Cut(reason, f"{what} cut short at {int(cuts.at[row]):#x}: {reason.text}")
