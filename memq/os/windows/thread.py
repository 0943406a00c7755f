"""Threads of processes: ETHREADs, each of which two lists of its process should know.

The executive has one (EPROCESS.ThreadListHead), the scheduler another (KPROCESS.ThreadListHead).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from memq.column import Array, Column, Text, worst
from memq.errors import Reason
from memq.os.common import joined_text, known_pointers, words_by_number
from memq.os.windows import pool_scan
from memq.os.windows.base import WindowsObject, handle_number
from memq.os.windows.processes import all_processes
from memq.os.windows.ranges import Code, code_at
from memq.os.windows.strings import unicode_text
from memq.os.windows.thread_lists import LISTS, listed_by, listed_threads
from memq.os.windows.thread_owners import known_processes, owning_processes
from memq.os.windows.times import time_column
from memq.os.windows.token import IMPERSONATION_LEVELS
from memq.os.windows.user_modules import user_modules
from memq.schema.batch import Context, Portion
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Name, Number, String, Time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs

C = TypeVar("C", bound=Column)

STATES = (
    "initialized", "ready", "running", "standby", "terminated", "waiting", "transition",
    "deferred ready", "waiting for a gate", "waiting for its process",
)  # fmt: skip
"""KTHREAD_STATE by number; nothing waits for gates any more since 9200."""
WAITING = STATES.index("waiting")

WAIT_REASONS = (
    "Executive", "FreePage", "PageIn", "PoolAllocation", "DelayExecution", "Suspended",
    "UserRequest", "WrExecutive", "WrFreePage", "WrPageIn", "WrPoolAllocation",
    "WrDelayExecution", "WrSuspended", "WrUserRequest", "WrEventPair", "WrQueue",
    "WrLpcReceive", "WrLpcReply", "WrVirtualMemory", "WrPageOut", "WrRendezvous",
    "WrKeyedEvent", "WrTerminated", "WrProcessInSwap", "WrCpuRateControl", "WrCalloutStack",
    "WrKernel", "WrResource", "WrPushLock", "WrMutex", "WrQuantumEnd", "WrDispatchInt",
    "WrPreempted", "WrYieldExecution", "WrFastMutex", "WrGuardedMutex", "WrRundown",
    "WrAlertByThreadId", "WrDeferredPreempt", "WrPhysicalFault", "WrIoRing", "WrMdlCache",
)  # fmt: skip
"""KWAIT_REASON by number, which has only grown; 14 is spare since 9600."""


class Thread(
    WindowsObject,
    name="thread",
    principal="thread_object",
    owner="process",
    identity=("process", "address"),
    example="thread.Where(start_module == null).Select([process.name, tid, start_address])",
):
    """A thread of a process."""

    struct = "_ETHREAD"
    can_be_carved = True

    @classmethod
    def carved(cls, context: Context) -> Iterator[Portion]:
        """Give the threads that no process's lists have, but the search for their pool tags."""
        kernel, run = context.kernel, context.run
        processes = kernel.structs("_EPROCESS", all_processes(kernel, run).addresses)
        known = listed_threads(kernel, run, processes).addresses
        found = pool_scan.carved_only(context, "Thread", known)
        owners, lost = owning_processes(kernel, found.addresses)
        rows: dict[str, Array] = {"address": found.addresses, "process": owners}
        # The lists of processes that only such a search finds were not asked yet.
        for name, column in listed_by(kernel, run, found.addresses, owners, lost).items():
            rows |= {f"{name} list": column.values, f"{name} status": column.statuses}
        yield Portion(cls(context, rows, parents=known_processes(context, owners)), found.cut)

    @classmethod
    def of(cls, processes: ObjectType, structs: Structs) -> Collection:
        """Return the threads of each process, whose EPROCESSes are given."""
        context = processes.context
        found = listed_threads(context.kernel, context.run, structs)
        rows: dict[str, Array] = {
            "address": found.addresses,
            "process": structs.addresses[found.owner],
            **{f"{name} list": column.values for name, column in found.listed.items()},
            **{f"{name} status": column.statuses for name, column in found.listed.items()},
        }
        children = cls(context, rows, parents=Reference(processes, found.owner))
        return Collection(children, found.owner, len(processes), *found.cuts.columns())

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure (ETHREAD)."""
        return self.address_column()

    @field(aliases=("tid",), shown=True)
    def thread_id(self) -> Number:
        """Number of the thread."""
        return handle_number(self.raw["Cid.UniqueThread"])

    @field(aliases=("pid",), shown=True)
    def process_id(self) -> Number:
        """Number of the process that the thread says it belongs to."""
        return handle_number(self.raw["Cid.UniqueProcess"])

    @field(Cost.FOLLOW)
    def name(self) -> String:
        """Name that the program gave it (since 14393); null for most."""
        return unicode_text(self.kernel.space, self.raw.follow("ThreadName"))

    @field(choices=STATES, shown=True)
    def state(self) -> String:
        """What it does: running, waiting, terminated, ..."""
        return words_by_number(self.raw["Tcb.State"], STATES)

    @field(choices=WAIT_REASONS, shown=True)
    def wait_reason(self) -> String:
        """Why it waits, as the kernel calls it (KWAIT_REASON); null where it does not wait."""
        state = self.raw["Tcb.State"]
        reason = words_by_number(self.raw["Tcb.WaitReason"], WAIT_REASONS)
        return reason.but(state.known & (state.values != WAITING), Reason.NULL).under(state.status)

    @field(shown=True)
    def start_address(self) -> Address:
        """Where it began; for a user's thread a function of ntdll since 6.0."""
        return self.pointer_column("StartAddress")

    @field(Cost.WALK)
    def start_module(self) -> Name:
        """Name of the module that start_address lies in; null for none."""
        return self._modules("start_address")

    @field(Cost.WALK)
    def start_symbol(self) -> String:
        """Symbol at start_address, where that is the kernel's; null where no symbol is near."""
        return self._code("start_address").symbols

    @field(shown=True)
    def win32_start_address(self) -> Address:
        """The function that the program gave to the new thread; null where it gave none."""
        return self.pointer_column("Win32StartAddress")

    @field(Cost.WALK, shown=True)
    def win32_start_module(self) -> Name:
        """Name of the module that win32_start_address lies in; null for none."""
        return self._modules("win32_start_address")

    @field()
    def create_time(self) -> Time:
        """When it was created, in UTC."""
        ticks = self.raw["CreateTime.QuadPart|CreateTime"]
        layout = self.raw.type
        time, low = (layout.find(n) if layout else None for n in ("CreateTime", "NestedFaultCount"))
        if time is not None and low is not None and low.offset == time.offset:
            # Until 2600 three bits stood below it.
            ticks = Column(ticks.values.astype(np.uint64) >> np.uint64(3), ticks.status)
        return time_column(ticks)

    @field()
    def exit_time(self) -> Time:
        """When it ended, in UTC; null while it has not."""
        time = time_column(self.raw["ExitTime.QuadPart|ExitTime"])
        # Until it ends, its place is that of a list (KeyedWaitChain).
        ended = self.raw["Tcb.State"]
        return time.but(ended.known & (ended.values != STATES.index("terminated")), Reason.NULL)

    @field()
    def exit_status(self) -> Number:
        """What it ended with, an NTSTATUS; 259 (pending) while it has not."""
        status = self.raw["ExitStatus"]
        return Column(status.values.astype(np.int64) & 0xFFFF_FFFF, status.status)

    @field()
    def priority(self) -> Number:
        """Priority with which it runs, 0 to 31."""
        return self.raw["Tcb.Priority"]

    @field()
    def base_priority(self) -> Number:
        """Priority that it falls back to, 0 to 31."""
        return self.raw["Tcb.BasePriority"]

    @field()
    def suspend_count(self) -> Number:
        """How often it was suspended and not resumed since."""
        return self.raw["Tcb.SuspendCount"]

    @field()
    def context_switches(self) -> Number:
        """How often a processor began to run it."""
        return self.raw["Tcb.ContextSwitches"]

    @field()
    def teb(self) -> Address:
        """Address of its TEB in the process's memory; null for threads of the kernel."""
        return self.pointer_column("Tcb.Teb")

    @field()
    def stack_base(self) -> Address:
        """Where its stack in the kernel begins; it grows downwards."""
        return self.pointer_column("Tcb.StackBase")

    @field()
    def stack_limit(self) -> Address:
        """Lowest address of its stack in the kernel."""
        return self.pointer_column("Tcb.StackLimit")

    @field(Cost.FOLLOW)
    def user_instruction_pointer(self) -> Address:
        """Where in its program it entered the kernel; null where it did not come from one."""
        frame = self.raw.follow("Tcb.TrapFrame", "_KTRAP_FRAME")
        pointer, ring = frame["Rip|Eip"], frame["SegCs"]
        column = Column(pointer.values.astype(np.uint64), worst(pointer.status, ring.status))
        return column.but(column.known & (ring.values & 3 != 3), Reason.NULL)

    @field()
    def is_system_thread(self) -> Boolean:
        """Whether it runs in the kernel only."""
        return self._flag("Tcb.SystemThread|SystemThread")

    @field()
    def is_terminated(self) -> Boolean:
        """Whether it has been told to end."""
        return self._flag("Terminated")

    @field()
    def is_hidden_from_debugger(self) -> Boolean:
        """Whether debuggers get no events of it (HideFromDebugger)."""
        return self._flag("HideFromDebugger")

    @field()
    def breaks_on_termination(self) -> Boolean:
        """Whether the system stops when it ends."""
        return self._flag("BreakOnTermination")

    @field()
    def is_impersonating(self) -> Boolean:
        """Whether it acts for somebody else than its process does."""
        if self.raw.has("ActiveImpersonationInfo"):
            return self._flag("ActiveImpersonationInfo")
        pointer = self.raw["ImpersonationInfo"]  # until 6.0; null where there is none
        return Column(pointer.values != 0, pointer.status)

    @field(Cost.FOLLOW)
    def impersonation_token(self) -> Address:
        """Address of the token that it acts with; null where it does not impersonate."""
        if self.raw.has("ClientSecurity"):
            token = self.raw["ClientSecurity.ImpersonationToken"]
            # The lowest three bits are the level, and whether only what is enabled counts.
            values = token.values.astype(np.uint64) & ~np.uint64(7)
            column = Column(*known_pointers(Column(values, token.status)))
        else:
            column = Column(*known_pointers(self.raw.follow("ImpersonationInfo")["Token"]))
        return self._while_impersonating(column)

    @field(Cost.FOLLOW, choices=IMPERSONATION_LEVELS)
    def impersonation_level(self) -> String:
        """How far it may act for somebody else; null where it does not impersonate."""
        if self.raw.has("ClientSecurity"):
            number = self.raw["ClientSecurity.ImpersonationData"]
            number = Column(number.values.astype(np.uint64) & np.uint64(3), number.status)
        else:
            number = self.raw.follow("ImpersonationInfo")["ImpersonationLevel"]
        return self._while_impersonating(words_by_number(number, IMPERSONATION_LEVELS))

    @field(Cost.WALK)
    def in_process_list(self) -> Boolean:
        """Whether it is on its process's list of threads (EPROCESS.ThreadListHead)."""
        return self._listed("process")

    @field(Cost.WALK)
    def in_scheduler_list(self) -> Boolean:
        """Whether it is on the scheduler's list for its process (KPROCESS.ThreadListHead)."""
        return self._listed("scheduler")

    @field(Cost.SCAN)
    def in_pool_scan(self) -> Boolean:
        """Whether a search of memory for pool tags finds it; of what has ended, it may."""
        found = pool_scan.carved(self.kernel, self.context.run, "Thread")
        return found.holds(self.rows["address"])

    @field(Cost.WALK)
    def sources(self) -> String:
        """What knows it: process list, scheduler list; pool scan where only a search does."""
        code = sum(
            self.rows[f"{name} list"].astype(np.int64) << bit for bit, name in enumerate(LISTS)
        )
        words = [
            ", ".join(f"{name} list" for bit, name in enumerate(LISTS) if number >> bit & 1)
            or pool_scan.SOURCE
            for number in range(1 << len(LISTS))
        ]
        lost = worst(*(self._listed(name).status for name in LISTS))
        return Text(np.asarray(code, np.int64), lost, words)

    def _listed(self, name: str) -> Column:
        return Column(self.rows[f"{name} list"], self.rows[f"{name} status"])

    def _flag(self, member: str) -> Column:
        flag = self.raw[member]
        return Column(flag.values != 0, flag.status)

    def _while_impersonating(self, column: C) -> C:
        active = self.column("is_impersonating")
        return column.but(active.known & ~active.values, Reason.NULL).under(
            np.where(active.statuses > Reason.NULL, active.statuses, np.uint8(0))
        )

    def _code(self, name: str) -> Code:
        """Return what is at addresses of the kernel's half; those of users are null."""
        return self.kept(f"{name} code", lambda: self._kernel_code(self.column(name)))

    def _kernel_code(self, addresses: Column) -> Code:
        values, status = known_pointers(addresses)
        half = np.uint64(self.kernel.space.kernel_start)
        status = np.where((status == 0) & (values < half), np.uint8(Reason.NULL), status)
        return code_at(self.kernel, self.context.run, Column(values, status))

    def _modules(self, name: str) -> Text:
        """Return the module of each address: a loaded one, or the file that is mapped there."""
        values, status = known_pointers(self.column(name))
        half = np.uint64(self.kernel.space.kernel_start)
        users = np.flatnonzero((status == 0) & (values < half))
        others = np.flatnonzero((status != 0) | (values >= half))
        kernels = self._code(name).modules.take(others)
        if not len(users) or self.parents is None:
            return joined_text(len(self), [(others, kernels)])
        owner = Reference(self.parents.batch, self.parents.index[users])
        return joined_text(
            len(self), [(others, kernels), (users, user_modules(owner, values[users]))]
        )
