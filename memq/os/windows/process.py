"""Processes, known by their EPROCESS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Column
from memq.os.listwalk import ListWalk, batched
from memq.os.windows.base import WindowsObject
from memq.os.windows.thread import Thread
from memq.os.windows.times import time_column
from memq.schema.batch import Context, Portion
from memq.schema.declare import field, many
from memq.schema.kinds import Address, Name, Number, Time
from memq.schema.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.schema.collection import Collection

LISTED = 0
"""How a process was come by: from the list of active processes."""


class ProcessObject(Process, WindowsObject):
    """A process, as the kernel's own lists and tables know it."""

    struct = "_EPROCESS"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the list of active processes."""
        kernel = context.kernel
        link = kernel.types.required("_EPROCESS").offset("ActiveProcessLinks")
        head = kernel.symbol("PsActiveProcessHead")
        walk = ListWalk(kernel, context.run, "list of active processes", head, link)
        for addresses in batched(walk):
            context.run.check()
            yield Portion(cls.at(context, addresses, LISTED))
        if walk.cut is not None:
            yield Portion(cls.at(context, np.zeros(0, np.uint64), LISTED), walk.cut)

    @classmethod
    def at(cls, context: Context, addresses: Addresses, source: int) -> ProcessObject:
        """Return the processes at the addresses."""
        sources = np.full(len(addresses), source, np.int8)
        return cls(context, {"address": addresses, "source": sources})

    @field()
    def address(self) -> Address:
        return self.address_column()

    @field()
    def process_id(self) -> Number:
        return _number(self.raw["UniqueProcessId"])

    @field()
    def parent_process_id(self) -> Number:
        return _number(self.raw["InheritedFromUniqueProcessId"])

    @field()
    def name(self) -> Name:
        """Name of its program's file, cut to 14 bytes (ImageFileName)."""
        return self.raw.text("ImageFileName")

    @field()
    def create_time(self) -> Time:
        return time_column(self.raw["CreateTime.QuadPart|CreateTime"])

    @field()
    def directory_table_base(self) -> Address:
        """Physical address of its top page table, as the kernel runs with it."""
        base = self.raw["Pcb.DirectoryTableBase"]
        mask = np.uint64(self.kernel.mode.root_mask)
        return Column(base.values.astype(np.uint64) & mask, base.status)

    @many("thread")
    def thread_object(self) -> Collection:
        """Its threads, in the order of its list of them."""
        return Thread.of(self, self.raw)


def _number(pointer: Column) -> Column:
    """Return a number that the kernel keeps as a pointer (HANDLE)."""
    return Column(pointer.values.astype(np.int64), pointer.status)
