"""Drivers that have been unloaded: the kernel remembers the last fifty (MmUnloadedDrivers)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.strings import unicode_text
from memq.os.windows.times import time_column
from memq.os.windows.undocumented import POINTER, STRING, layout, structs
from memq.schema.batch import Context, Cut, Portion
from memq.schema.declare import field
from memq.schema.kinds import Address, Name, Size, Time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.os.windows.kernel import WindowsKernel
    from memq.symbols.structs import Structs
    from memq.symbols.types import StructType

COUNT = 50
"""Places in the kernel's array, since NT 5; the next to be written follows the latest."""
MEMBERS = {"Name": STRING, "StartAddress": POINTER, "EndAddress": POINTER, "CurrentTime": "u64"}


class UnloadedDriver(
    WindowsObject,
    name="unloaded_driver",
    principal="unloaded_driver_object",
    example="unloaded_driver.OrderByDescending(unload_time).Take(5)",
):
    """A driver that is not loaded any more."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give those that the kernel remembers, the latest first."""
        kernel: WindowsKernel = context.kernel
        if kernel.triage is not None:
            from memq.os.windows.triage_objects import TriageUnloaded  # noqa: PLC0415 - one of it

            yield TriageUnloaded.listed(context)
            return
        place = kernel.optional("MmUnloadedDrivers")
        if place is None:
            context.run.note(
                "where the unloaded drivers are remembered is not known", Reason.NOT_IN_KERNEL
            )
            yield Portion(cls.nothing(context))
            return
        words, status = kernel.space.words(np.array([place], np.uint64))
        if status[0] or not words[0]:
            cut = _cut(Reason(int(status[0]))) if status[0] else None
            yield Portion(cls.nothing(context), cut)
            return
        places = _places(kernel, int(words[0]))
        found = structs(kernel, _layout(kernel), places)
        length = found["Name.Length"]
        used = np.flatnonzero(~length.known | (length.values != 0))
        lost = np.flatnonzero(~length.known)
        cut = _cut(Reason(int(length.statuses[lost[0]]))) if len(lost) else None
        yield Portion(cls(context, {"address": places[used]}), cut)

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure (UNLOADED_DRIVERS)."""
        return self.address_column()

    @field(shown=True)
    def name(self) -> Name:
        """Name of the driver's file."""
        return unicode_text(self.kernel.space, self.raw, "Name")

    @field(shown=True)
    def base(self) -> Address:
        """Address at which its code began."""
        return self.raw["StartAddress"]

    @field(shown=True)
    def end(self) -> Address:
        """First address after its code."""
        return self.raw["EndAddress"]

    @field()
    def size(self) -> Size:
        """Bytes of kernel memory that it took."""
        start, end = self.raw["StartAddress"], self.raw["EndAddress"]
        column = Column(end.values - start.values, start.status).under(end.status)
        return column.but(column.known & (end.values < start.values), Reason.MALFORMED)

    @field(shown=True)
    def unload_time(self) -> Time:
        """When it was unloaded, in UTC."""
        return time_column(self.raw["CurrentTime"])

    def _open(self) -> Structs:
        return structs(self.kernel, _layout(self.kernel), self.rows["address"])


def _layout(kernel: WindowsKernel) -> StructType:
    return layout(kernel, "_UNLOADED_DRIVERS", MEMBERS)


def _places(kernel: WindowsKernel, first: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return the places of the array, that which was written last first."""
    following = kernel.optional("MmLastUnloadedDriver")
    number = (kernel.space.u32(following) or 0) if following is not None else 0
    index = (number - 1 - np.arange(COUNT)) % COUNT
    size = np.uint64(_layout(kernel).size)
    return np.uint64(first) + index.astype(np.uint64) * size


def _cut(reason: Reason) -> Cut:
    return Cut(reason, f"unloaded drivers cut short: {reason.text}")
