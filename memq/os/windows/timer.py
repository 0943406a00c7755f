"""Timers that have been set (KTIMER), and deferred procedure calls that wait to run (KDPC).

Since 7 each processor has a table of timers of its own, and x64 hides the pointers to their DPCs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, is_among
from memq.errors import Reason
from memq.os.common import known_pointers
from memq.os.windows.base import WindowsObject
from memq.os.windows.ranges import Code, code_at
from memq.os.windows.timer_lists import decoded, queued_calls, timers
from memq.os.windows.times import duration_column
from memq.schema.batch import Context, Portion
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Duration, Name, Number, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.symbols.structs import Structs

KINDS = (8, 9)
"""Types of timers among dispatcher objects: one wakes all who wait, the other one of them."""


class Timer(
    WindowsObject,
    name="timer",
    principal="timer_object",
    example="timer.Where(routine != null && module == null)",
):
    """A timer of the kernel or of a driver that will expire."""

    struct = "_KTIMER"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the timers of each processor."""
        found = timers(context.kernel, context.run)
        rows = {"address": found.addresses, "processor": found.processor}
        yield Portion(cls(context, rows), found.cut)

    @field(shown=True)
    def address(self) -> Address:
        """Address of the kernel's structure (KTIMER)."""
        return self.address_column()

    @field()
    def processor(self) -> Number:
        """Number of the processor whose table has it; null before 7, which has one for all."""
        number = self.rows["processor"]
        return Column(number, np.where(number < 0, np.uint8(Reason.NULL), np.uint8(0)))

    @field(shown=True)
    def due_time(self) -> Duration:
        """When it expires, as time since the system was started."""
        due = duration_column(self.raw["DueTime.QuadPart|DueTime"])
        kind = self.raw["Header.Type"]
        wrong = kind.known & ~is_among(kind.values & 0x7F, np.array(KINDS))
        return due.but(due.known & wrong, Reason.MALFORMED)

    @field(shown=True)
    def period(self) -> Duration:
        """How often it expires from then on; 0 for once."""
        period = self.raw["Period"]
        return Column(period.values.astype(np.int64) * 1_000_000, period.status)

    @field()
    def is_signaled(self) -> Boolean:
        """Whether it has expired."""
        state = self.raw["Header.SignalState"]
        return Column(state.values != 0, state.status)

    @field()
    def dpc(self) -> Address:
        """Address of its deferred procedure call (KDPC); null where it has none."""
        return decoded(self.kernel, self.rows["address"], self.raw["Dpc"])

    @field(Cost.FOLLOW, shown=True)
    def routine(self) -> Address:
        """Address of the function that is called when it expires; null where there is none."""
        return Column(*known_pointers(self._calls()["DeferredRoutine"]))

    @field(Cost.FOLLOW)
    def context_address(self) -> Address:
        """What the function is given, mostly an address; null where it is nothing."""
        return Column(*known_pointers(self._calls()["DeferredContext"]))

    @field(Cost.WALK, shown=True)
    def module(self) -> Name:
        """Name of the loaded module that the function lies in; null for none."""
        return self.code.modules

    @field(Cost.WALK, shown=True)
    def symbol(self) -> String:
        """Symbol at the function (name, or name+distance); null where no symbol is near."""
        return self.code.symbols

    @property
    def code(self) -> Code:
        """What is at the functions."""
        return self.kept(
            "code", lambda: code_at(self.kernel, self.context.run, self.column("routine"))
        )

    def _calls(self) -> Structs:
        pointers = self.column("dpc")
        return self.kept("calls", lambda: self.raw.at(pointers, "_KDPC"))


class DeferredCall(
    WindowsObject,
    name="dpc",
    principal="dpc_object",
    example="dpc.Select([processor, routine, module])",
):
    """A deferred procedure call that waits on a processor."""

    struct = "_KDPC"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the queues of each processor."""
        found = queued_calls(context.kernel, context.run)
        rows = {"address": found.addresses, "processor": found.processor}
        yield Portion(cls(context, rows), found.cut)

    @field(shown=True)
    def address(self) -> Address:
        """Address of the kernel's structure (KDPC)."""
        return self.address_column()

    @field(shown=True)
    def processor(self) -> Number:
        """Number of the processor in whose queue it is."""
        return Column(self.rows["processor"])

    @field(shown=True)
    def routine(self) -> Address:
        """Address of the function that will be called."""
        return Column(*known_pointers(self.raw["DeferredRoutine"]))

    @field()
    def context_address(self) -> Address:
        """What the function is given, mostly an address; null where it is nothing."""
        return Column(*known_pointers(self.raw["DeferredContext"]))

    @field(Cost.WALK, shown=True)
    def module(self) -> Name:
        """Name of the loaded module that the function lies in; null for none."""
        return self.code.modules

    @field(Cost.WALK, shown=True)
    def symbol(self) -> String:
        """Symbol at the function (name, or name+distance); null where no symbol is near."""
        return self.code.symbols

    @property
    def code(self) -> Code:
        """What is at the functions."""
        return self.kept(
            "code", lambda: code_at(self.kernel, self.context.run, self.column("routine"))
        )
