"""Threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.synthetic.windows.options import filetime
from tests.synthetic.windows.record import ring
from tests.synthetic.windows.truth import Hex, ThreadTruth

if TYPE_CHECKING:
    from datetime import datetime

    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.objects import Objects, Thing
    from tests.synthetic.windows.record import Record

STACK = 0x6000
WAITING, TERMINATED = 5, 4
THREAD_OBJECT = 6
"""Type in the header of every dispatcher object that is a thread."""


@dataclass
class Thread:
    """One thread: its object, and the truth about it."""

    thing: Thing
    truth: ThreadTruth

    @property
    def record(self) -> Record:
        """The _ETHREAD."""
        return self.thing.record

    def link(self, member: str) -> int:
        """Return the address of its link in one of the process's two lists."""
        return self.record.at(member)


def make_thread(
    kernel: Kernel, objects: Objects, process: int, truth: ThreadTruth, *, is_free: bool = False
) -> Thread:
    """Make a thread of a process; `truth.offset` is set to its address."""
    thing = objects.create("Thread", "_ETHREAD", is_free=is_free)
    record = thing.record
    truth.offset = Hex(record.address)
    thing.display = f"Tid {truth.tid} Pid {truth.pid}"
    is_dead = truth.exit_time is not None
    record.fill(
        {
            "Tcb.Header.Type": THREAD_OBJECT,
            "Tcb.Header.SignalState": int(is_dead),
            "Tcb.State": TERMINATED if is_dead else truth.state,
            "Tcb.WaitReason": truth.wait_reason,
            "Tcb.Teb": truth.teb,
            "Tcb.Priority": 9,
            "Tcb.BasePriority": 8,
            "Cid.UniqueProcess": truth.pid,
            "Cid.UniqueThread": truth.tid,
            "StartAddress": truth.start,
            "Win32StartAddress": truth.win32_start,
            "CreateTime": _created(record, truth.create_time),
            "ExitTime": filetime(truth.exit_time),
        }
    )
    truth.state = record["Tcb.State"]
    record.offer({"Tcb.Process": process, "Tcb.ApcState.Process": process})
    record.offer({"ThreadsProcess": process, "CrossThreadFlags": int(is_dead)})
    _set_stack(kernel, record)
    ring(kernel.space, record.at("Tcb.Header.WaitListHead"), [])
    return Thread(thing, truth)


def _created(record: Record, time: datetime) -> int:
    """Return the creation time as the build has it: XP has three bits of its own below it."""
    low = record.find("NestedFaultCount")
    has_bits = low is not None and record.address + low.offset == record.at("CreateTime")
    return filetime(time) << 3 if has_bits else filetime(time)


def _set_stack(kernel: Kernel, record: Record) -> None:
    top = 0xFFFF_F880_0300_0000 if kernel.word == 8 else 0xF700_0000
    top += len(kernel.truth.threads) * 2 * STACK
    record.fill({"Tcb.InitialStack": top, "Tcb.StackLimit": top - STACK})
    record.offer({"Tcb.StackBase": top, "Tcb.KernelStack": top - 0x300})
