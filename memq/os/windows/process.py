"""Processes, known by their EPROCESS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Column, Text, distinct, is_among, worst
from memq.errors import Reason
from memq.os.common import distinct_addresses, joined_cut, known_pointers, references_to
from memq.os.listwalk import BATCHES, batched
from memq.os.windows import mitigations, pool_scan
from memq.os.windows.base import handle_number
from memq.os.windows.family import family
from memq.os.windows.handle_table import open_handles
from memq.os.windows.process_memory import ProcessMemory
from memq.os.windows.processes import (
    ACTIVE_LIST,
    CARVED,
    REFERRED,
    SOURCES,
    ProcessSet,
    active_list,
    all_processes,
    equal_to,
    session_spaces,
    source,
)
from memq.os.windows.strings import unicode_text
from memq.os.windows.times import time_column
from memq.schema.batch import Context, Portion
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field, many, single
from memq.schema.kinds import Address, Boolean, Flags, Name, Number, Size, String, Time
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXITING = 0x4
"""ProcessExiting in EPROCESS.Flags."""
_RUNNING = 0x103
"""STATUS_PENDING, which stands for no exit status."""


class ProcessObject(ProcessMemory):
    """A process, as the kernel's own lists and tables know it."""

    can_be_carved = True

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the list of active processes, then what only the other sources know."""
        known, cuts = np.zeros(0, np.uint64), []
        if context.kernel.triage is None:
            walk = active_list(context.kernel, context.run)
            for addresses in batched(walk):
                context.run.check()
                known = np.concatenate([known, addresses])
                yield Portion(cls.at(context, addresses, 0))
            context.kernel.facts.setdefault(ACTIVE_LIST, ProcessSet(known, walk.cut))
        for number, name in enumerate(SOURCES):
            found = source(context.kernel, context.run, name)
            rest = found.addresses[~is_among(found.addresses, known)]
            known = np.concatenate([known, rest])
            cuts.append(found.cut)
            for start in range(0, len(rest), BATCHES[-1]):
                yield Portion(cls.at(context, rest[start : start + BATCHES[-1]], number))
        cut = joined_cut(cuts)
        if cut is not None:
            yield Portion(cls.at(context, np.zeros(0, np.uint64), REFERRED), cut)

    @classmethod
    def carved(cls, context: Context) -> Iterator[Portion]:
        """Give the processes that only the search for their pool tags finds."""
        known = all_processes(context.kernel, context.run).addresses
        found = pool_scan.carved_only(context, "Process", known)
        yield Portion(cls.at(context, found.addresses, CARVED), found.cut)

    @classmethod
    def at(cls, context: Context, addresses: Addresses, source_number: int) -> ProcessObject:
        """Return the processes at the addresses; the number is where they were come by."""
        sources = np.full(len(addresses), source_number, np.int8)
        return cls(context, {"address": addresses, "source": sources})

    @classmethod
    def referred(cls, context: Context, pointers: Column) -> Reference:
        """Return the processes that a column of other objects points to."""
        return references_to(pointers, lambda found: cls.at(context, found, REFERRED))

    @field()
    def address(self) -> Address:
        return self.address_column()

    @field()
    def process_id(self) -> Number:
        return handle_number(self.raw["UniqueProcessId"])

    @field()
    def parent_process_id(self) -> Number:
        return handle_number(self.raw["InheritedFromUniqueProcessId"])

    @field()
    def name(self) -> Name:
        """Name of its program's file, cut to 14 bytes (ImageFileName)."""
        return self.raw.text("ImageFileName")

    @field(Cost.FOLLOW)
    def image_path(self) -> Name:
        """Path of the file that it was made of, as the kernel took note of it for audits."""
        name = "SeAuditProcessCreationInfo.ImageFileName"
        found = self.raw.follow(name, "_OBJECT_NAME_INFORMATION")
        return unicode_text(self.kernel.space, found, "Name")

    @field()
    def create_time(self) -> Time:
        return time_column(self.raw["CreateTime.QuadPart|CreateTime"])

    # The types of its parts are imported when a query asks for them.

    @many("vad")
    def vad_object(self) -> Collection:
        """Its mapped ranges of memory, by start."""
        from memq.os.windows.vad import VadObject  # noqa: PLC0415 - as above

        return VadObject.of(self)

    @many("handle")
    def handle_object(self) -> Collection:
        """Its handles, by number."""
        from memq.os.windows.handle import HandleObject  # noqa: PLC0415 - as above

        return HandleObject.of(self, self.raw.follow("ObjectTable"))

    @field()
    def exit_time(self) -> Time:
        """When the process ended, in UTC; null while it runs."""
        return time_column(self.raw["ExitTime.QuadPart|ExitTime"])

    @field()
    def exit_status(self) -> Number:
        """What it ended with (an NTSTATUS, or what it says itself); null while it runs."""
        status = self.raw["ExitStatus"]
        code = status.values & 0xFFFF_FFFF
        return Column(code, status.status).but(status.known & (code == _RUNNING), Reason.NULL)

    @field(Cost.FOLLOW)
    def session_id(self) -> Number:
        """Number of its session; null for what is in none."""
        pointers, status = known_pointers(self.raw["Session"])
        found, index = distinct_addresses(np.where(status == 0, pointers, np.uint64(0)))
        return session_spaces(self.kernel, found)["SessionId"].take(index).under(status)

    @field()
    def thread_count(self) -> Number:
        return self.raw["ActiveThreads"]

    @field(Cost.WALK)
    def handle_count(self) -> Number:
        """How many handles it has open; null once it has ended."""
        tables = self.raw.follow("ObjectTable", "_HANDLE_TABLE")
        if tables.has("HandleCount"):
            return tables["HandleCount"]
        # 9200 shares the count out among lists of free entries, and does not say how many.
        cuts = Cuts(len(self))
        handles = open_handles(self.kernel, self.context.run, tables, cuts)
        counts = np.bincount(handles.owner, minlength=len(self))
        return Column(counts, worst(tables.status, cuts.status))

    @field()
    def priority(self) -> Number:
        """Priority that its threads start from."""
        return self.raw["Pcb.BasePriority"]

    @field()
    def virtual_size(self) -> Size:
        """Bytes of address space that it has taken."""
        return self.raw["VirtualSize"]

    @field()
    def peak_virtual_size(self) -> Size:
        """The most bytes of address space that it has had."""
        return self.raw["PeakVirtualSize"]

    @field()
    def cycle_time(self) -> Number:
        """Cycles that processors spent on it."""
        return self.raw["Pcb.CycleTime"]  # since 6000

    @field()
    def section_base(self) -> Address:
        """Where the kernel mapped its program."""
        return self.pointer_column("SectionBaseAddress")

    @field()
    def protection(self) -> String:
        """Protection as PsProtectedSignerWinTcb-Light; null where there is none."""
        return mitigations.texts(self.raw)

    @field(choices=mitigations.LEVELS)
    def protection_level(self) -> String:
        """How far other processes are kept out."""
        return mitigations.levels(self.raw)

    @field(choices=mitigations.SIGNERS)
    def protection_signer(self) -> String:
        """Who must have signed what it loads."""
        return mitigations.signers(self.raw)

    @field(names=mitigations.PROCESS_FLAGS)
    def flags(self) -> Flags:
        """The kernel's flags of the process (EPROCESS.Flags)."""
        return self.raw["Flags"]

    @field(names=mitigations.MITIGATIONS)
    def mitigation_flags(self) -> Flags:
        """What it may not do, so that exploits have it harder (MitigationFlags)."""
        return self.raw["MitigationFlags"]  # since 16299

    @field(names=mitigations.MORE_MITIGATIONS)
    def mitigation_flags2(self) -> Flags:
        """More of what it may not do (MitigationFlags2)."""
        return self.raw["MitigationFlags2"]

    @field()
    def is_exiting(self) -> Boolean:
        """Whether its end has begun."""
        return self._flag(_EXITING)

    @field()
    def job(self) -> Address:
        """Address of the job that it is in; null for none."""
        return self.pointer_column("Job")

    @field(Cost.WALK)
    def in_active_list(self) -> Boolean:
        """Whether it is on the kernel's list of active processes."""
        return self._is_in(0)

    @field(Cost.WALK)
    def in_handle_table(self) -> Boolean:
        """Whether the kernel's table of process numbers knows it (PspCidTable)."""
        return self._is_in(1)

    @field(Cost.WALK)
    def in_session_list(self) -> Boolean:
        """Whether the list of a session's processes has it."""
        return self._is_in(2)

    @field(Cost.SCAN)
    def in_pool_scan(self) -> Boolean:
        """Whether a search of memory for pool tags finds it; of what has ended, it may."""
        found = pool_scan.carved(self.kernel, self.context.run, "Process")
        return found.holds(self.rows["address"])

    @field(Cost.WALK)
    def sources(self) -> String:
        """Which of the kernel's lists and tables know it; pool scan where only a search does."""
        columns = [self.column(f"in_{name.replace(' ', '_')}") for name in SOURCES]
        columns.append(Column(self.rows["source"] == CARVED))
        bits = sum((each.values.astype(np.int64) << n for n, each in enumerate(columns)), start=0)
        codes, words = distinct(_joined(number) for number in range(1 << len(columns)))
        return Text(codes[bits], worst(*(each.status for each in columns)), words)

    @single("process")
    def parent(self) -> Reference:
        """The process that had the parent's number when this one was created; null if none did."""
        parents = family(self.kernel, self.context.run).parents_of(self.raw)
        return self.referred(self.context, Column(*parents))

    @many("process")
    def children(self) -> Collection:
        """The known processes whose parent it is, in the order of their sources."""
        known = family(self.kernel, self.context.run)
        born = np.flatnonzero(known.parents != 0)
        order = born[np.argsort(known.parents[born], kind="stable")]
        rows, owner = equal_to(known.parents[order], self.rows["address"])
        cuts = Cuts(len(self))
        cuts.mark(np.arange(len(self)), self.address_column().statuses)
        cuts.mark(np.arange(len(self)), known.reason)
        children = self.at(self.context, known.addresses[order[rows]], REFERRED)
        return Collection(children, owner, len(self), *cuts.columns())

    @many("thread")
    def thread_object(self) -> Collection:
        """Its threads, in the order of its list of them."""
        from memq.os.windows.thread import Thread  # noqa: PLC0415 - as above

        return Thread.of(self, self.raw)

    @single("token")
    def token_object(self) -> Reference:
        """For whom it acts, and what it may."""
        from memq.os.windows.token import Token  # noqa: PLC0415 - as above

        return Token.of_processes(self.context, self.rows["address"])

    @many("module")
    def module_object(self) -> Collection:
        """What it has loaded, as the loader in its own memory lists it."""
        from memq.os.windows.module import LoadedModule  # noqa: PLC0415 - as above

        return LoadedModule.of(self, self.block.block, self.wow64_block.block)

    @many("socket", Cost.SCAN)
    def socket_object(self) -> Collection:
        """Its network endpoints, found by a search of all memory."""
        from memq.os.windows.socket import Socket  # noqa: PLC0415 - as above

        return Socket.of_processes(self.context, self.rows["address"])

    @many("environment")
    def environment_object(self) -> Collection:
        """Its environment variables, in the order of its own memory."""
        from memq.os.windows.environment import EnvironmentVariable  # noqa: PLC0415 - as above

        own, wow64 = self.block.parameters, self.wow64_block.parameters
        return EnvironmentVariable.of(self, own, wow64)

    def _flag(self, bit: int) -> Column:
        flags = self.raw["Flags"]
        return Column(flags.values & bit != 0, flags.status)

    def _is_in(self, number: int) -> Column:
        """Whether the processes are in a source; not asked where that is how they were come by."""
        come_by = self.rows["source"]
        if (come_by == number).all():
            return Column(np.ones(len(self), bool))
        found = source(self.kernel, self.context.run, SOURCES[number])
        inside = (come_by == number) | is_among(self.rows["address"], found.addresses)
        column = Column(inside).under(self.rows.get("status"))
        return column if found.cut is None else column.but(~inside, found.cut.reason)


def _joined(bits: int) -> str:
    names = (*SOURCES, pool_scan.SOURCE)
    return ", ".join(name for number, name in enumerate(names) if bits >> number & 1)
