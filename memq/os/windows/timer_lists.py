"""The lists that timers and deferred procedure calls wait in, of all processors together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.column import Column
from memq.errors import Reason
from memq.os.common import known_pointers
from memq.os.windows.processors import processors
from memq.schema.batch import Cut
from memq.symbols.lists import Cuts, lists
from memq.symbols.types import innermost

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.os.windows.processors import Processors
    from memq.run import Run
    from memq.symbols.types import Member

MAX_HEADS = 512
"""Lists of timers until Vista; later ones have as many or fewer for each processor."""


class Waiting(NamedTuple):
    """What waits, and on which processor: -1 where it waits for all of them."""

    addresses: Addresses
    processor: Indexes
    cut: Cut | None = None


class Heads(NamedTuple):
    """Heads of lists, each with the processor that it is of."""

    addresses: Addresses
    processor: Indexes
    link: int
    """Where in the elements the link is that leads to the next one."""
    is_ring: bool = True


def timers(kernel: WindowsKernel, run: Run) -> Waiting:
    """Return the timers that are set, list by list."""
    link = kernel.types.required("_KTIMER").offset("TimerListEntry")
    block = kernel.types.required("_KPRCB")
    if block.has("TimerTable.TimerEntries"):
        found = processors(kernel)
        entries = block.member("TimerTable.TimerEntries")
        return _walked(kernel, run, _table_heads(kernel, found, entries, link), found.cut)
    place = kernel.optional("KiTimerTableListHead")
    if place is None:
        return _nothing("timers", Reason.NOT_IN_KERNEL)
    entry = kernel.types.struct("_KTIMER_TABLE_ENTRY") or kernel.types.required("_LIST_ENTRY")
    after = kernel.symbols.after(place)
    count = MAX_HEADS if after is None else min((after - place) // entry.size, MAX_HEADS)
    inner = entry.find("Entry")
    first = np.uint64(place + (0 if inner is None else inner.offset))
    heads = first + np.arange(count, dtype=np.uint64) * np.uint64(entry.size)
    return _walked(kernel, run, Heads(heads, np.full(count, -1), link), None)


def queued_calls(kernel: WindowsKernel, run: Run) -> Waiting:
    """Return the deferred procedure calls of the processors' queues, each in its order."""
    found = processors(kernel)
    block, queue = kernel.types.required("_KPRCB"), kernel.types.struct("_KDPC_DATA")
    link = kernel.types.required("_KDPC").offset("DpcListEntry")
    queues = block.find("DpcData")
    if queues is not None and queue is not None:
        # 9200 made singly linked lists of the rings.
        is_ring = not queue.has("DpcList")
        first = queues.offset + queue.offset("DpcListHead" if is_ring else "DpcList.ListHead")
        steps = range(first, first + queues.size, queue.size)
    elif block.has("DpcListHead"):  # XP has one queue
        is_ring, first = True, block.offset("DpcListHead")
        steps = range(first, first + 1)
    else:
        return _nothing("deferred procedure calls", Reason.NOT_IN_KERNEL)
    places = np.array(list(steps), np.uint64)
    heads = (found.blocks.addresses[:, None] + places).reshape(-1)
    owner = np.repeat(found.numbers, len(places))
    return _walked(kernel, run, Heads(heads, owner, link, is_ring), found.cut)


def _table_heads(kernel: WindowsKernel, found: Processors, entries: Member, link: int) -> Heads:
    """Return the heads of all lists of timers; since 19041 each table has two sets of them."""
    element = innermost(entries.type)
    count = entries.type.size // max(element.size, 1)
    inner = kernel.types.required("_KTIMER_TABLE_ENTRY").offset("Entry")
    steps = np.arange(count, dtype=np.uint64) * np.uint64(element.size)
    steps += np.uint64(entries.offset + inner)
    heads = (found.blocks.addresses[:, None] + steps).reshape(-1)
    return Heads(heads, np.repeat(found.numbers, count), link)


def _walked(kernel: WindowsKernel, run: Run, heads: Heads, cut: Cut | None) -> Waiting:
    """Walk the lists; one that was never begun has null links."""
    first, status = kernel.space.words(heads.addresses)
    cuts = Cuts(len(first))
    cuts.mark(np.arange(len(first)), status, heads.addresses)
    begun = np.where((status == 0) & (first != 0), heads.addresses, np.uint64(0))
    found = lists(kernel.space, run, begun, cuts, heads.link, is_ring=heads.is_ring)
    return Waiting(found.addresses, heads.processor[found.owner], cut or _cut(cuts.status))


def _cut(status: Statuses) -> Cut | None:
    lost = status[status > Reason.NULL]
    if not len(lost):
        return None
    reason = Reason(int(lost[0]))
    return Cut(reason, f"{len(lost)} lists of processors cut short: {reason.text}")


def _nothing(what: str, reason: Reason) -> Waiting:
    none = np.zeros(0, np.uint64)
    return Waiting(none, none.astype(np.int64), Cut(reason, f"{what}: {reason.text}"))


def decoded(kernel: WindowsKernel, addresses: Addresses, pointers: Column) -> Column:
    """Return where the DPCs of timers are; since 7 x64 mixes the pointers with two numbers."""
    values, status = known_pointers(pointers)
    if not kernel.is_64_bit or not kernel.types.required("_KPRCB").has("TimerTable"):
        return Column(values, status)
    places = [kernel.optional(name) for name in ("KiWaitNever", "KiWaitAlways")]
    if None in places:
        reason = np.where(status == 0, np.uint8(Reason.NOT_IN_KERNEL), status)
        return Column(values, reason)
    keys, lost = kernel.space.words(np.array(places, np.uint64))
    if lost.any():
        return Column(values, np.where(status == 0, lost.max(), status))
    never, always = keys
    turn = np.uint64(int(never) & 63)
    mixed = values ^ never
    mixed = (mixed << turn) | (mixed >> (np.uint64(64) - turn & np.uint64(63)))
    plain = (mixed ^ (addresses | np.uint64(0xFFFF << 48))).byteswap() ^ always
    status = np.where((status == 0) & (plain == 0), np.uint8(Reason.NULL), status)
    wrong = (status == 0) & (plain < np.uint64(kernel.space.kernel_start))
    return Column(plain, np.where(wrong, np.uint8(Reason.MALFORMED), status))
