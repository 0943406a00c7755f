"""The kernel as an object of queries: which build it is, its clock, its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.column import Array, Column, Text, worst
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.pe import DEBUG
from memq.os.windows.registry import lookup as registry
from memq.os.windows.registry.lookup import tree_of
from memq.os.windows.shared_data import ADDRESSES, system_time
from memq.os.windows.strings import utf16_text
from memq.os.windows.times import duration_column, time_column
from memq.schema.batch import Context, Portion
from memq.schema.declare import Cost, field
from memq.schema.kernel import Kernel
from memq.schema.kinds import Address, Boolean, Duration, Name, Number, Size, String, Time
from memq.symbols.lists import reason_at

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCTS = {1: "workstation", 2: "domain controller", 3: "server"}
"""NT_PRODUCT_TYPE in ntddk.h."""
MACHINES = {0x14C: "x86", 0x8664: "x86-64", 0xAA64: "arm64"}
"""IMAGE_FILE_MACHINE_*."""
_VERSIONS = (
    (10240, "10.0"), (9600, "6.3"), (9200, "6.2"), (7600, "6.1"), (6000, "6.0"), (3790, "5.2"),
    (2600, "5.1"), (2195, "5.0"),
)  # fmt: skip
"""Versions by their first builds, the latest first."""
MAX_RUNS = 256
"""Stretches of main memory; the kernel itself has room for fewer."""
_MAX_LAB = 128
_PAGE = 4096


class _Memory(NamedTuple):
    """Main memory, as the kernel knows it."""

    ranges: list[tuple[int, int]]
    size: int


class KernelObject(Kernel, WindowsObject):
    """The kernel that ran in this memory: there is exactly one."""

    struct = "_KUSER_SHARED_DATA"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the one kernel, known by the page that it shares with all programs."""
        place = ADDRESSES[context.kernel.space.word_size]
        rows: dict[str, Array] = {"address": np.array([place], np.uint64)}
        yield Portion(cls(context, rows))

    @field()
    def address(self) -> Address:
        """Address of what it tells all programs: a KUSER_SHARED_DATA."""
        return self.address_column()

    @field()
    def name(self) -> String:
        """Name of the system: Windows."""
        return self._text("Windows")

    @field()
    def release(self) -> String:
        """Version and build, as `ver` says them: 10.0.19041."""
        major, minor, build = self._version("Major"), self._version("Minor"), self.kernel.build
        if build is None:
            return self._text(Reason.NOT_IN_DUMP)
        if not isinstance(major, Reason) and not isinstance(minor, Reason):
            return self._text(f"{major}.{minor}.{build}")
        version = next((name for first, name in _VERSIONS if build >= first), None)
        return self._text(Reason.NOT_IN_DUMP if version is None else f"{version}.{build}")

    @field(shown=True)
    def build(self) -> Number:
        """Number of the build."""
        build = self.kernel.build
        return self._number(Reason.NOT_IN_DUMP if build is None else build)

    @field(Cost.FOLLOW)
    def version(self) -> String:
        """How and when this build was made, as the kernel has it (NtBuildLabEx, NtBuildLab)."""
        place = self.kernel.optional("NtBuildLabEx") or self.kernel.optional("NtBuildLab")
        if place is None:
            return self._text(Reason.NOT_IN_KERNEL)
        return self.kernel.space.text(np.full(len(self), place, np.uint64), _MAX_LAB)

    @field()
    def machine(self) -> String:
        """What processors it was built for: x86-64, x86 or arm64."""
        name = MACHINES.get(self.kernel.image.machine)
        return self._text(Reason.MALFORMED if name is None else name)

    @field(choices=tuple(PRODUCTS.values()))
    def product(self) -> String:
        """Whether it is a workstation, a server or a domain controller."""
        kind = self.raw["NtProductType"]
        words = list(PRODUCTS.values())
        known = (kind.values >= 1) & (kind.values <= len(words))
        values = np.where(known, kind.values - 1, 0).astype(np.int64)
        return Text(values, kind.status, words).but(kind.known & ~known, Reason.MALFORMED)

    @field()
    def system_root(self) -> String:
        r"""Folder of the system, C:\Windows as a rule."""
        layout = self.kernel.types.struct(self.struct)
        member = None if layout is None else layout.find("NtSystemRoot")
        if member is None:
            return self._text(Reason.NOT_IN_KERNEL)
        places = Column(self.rows["address"] + np.uint64(member.offset))
        return utf16_text(self.kernel.space, places, np.full(len(self), member.size, np.int64))

    @field(Cost.WALK)
    def host_name(self) -> Name:
        """Name of the machine on the network, as its registry has it (ComputerName)."""
        tree = tree_of(self.kernel, self.context.run)
        return self._text(Reason.NOT_IN_KERNEL if tree is None else registry.host_name(tree))

    @field(Cost.WALK)
    def domain_name(self) -> Name:
        """Name of the domain of the network, as its registry has it (Tcpip's parameters)."""
        tree = tree_of(self.kernel, self.context.run)
        return self._text(Reason.NOT_IN_KERNEL if tree is None else registry.domain_name(tree))

    @field()
    def dump_time(self) -> Time:
        """When the dump was taken, in UTC: by a crash dump's header, else by the kernel's clock."""
        crash = self.kernel.physical.crash
        if crash is not None and crash.system_time:
            return time_column(Column(np.full(len(self), crash.system_time, np.int64)))
        return time_column(system_time(self.raw, "SystemTime"))

    @field(Cost.FOLLOW)
    def boot_time(self) -> Time:
        """When the system was started, in UTC: by a crash dump's header, else by the kernel."""
        crash = self.kernel.physical.crash
        if crash is not None and crash.system_time and crash.system_up_time:
            ticks = crash.system_time - crash.system_up_time
            return time_column(Column(np.full(len(self), ticks, np.int64)))
        place = self.kernel.optional("KeBootTime")
        if place is not None:
            data, status = self.kernel.space.gather(np.full(len(self), place, np.uint64), 8)
            return time_column(Column(data.view(np.int64)[:, 0], status if status.any() else None))
        now, since = self._clocks()
        return time_column(Column(now.values - since.values, worst(now.status, since.status)))

    @field(Cost.FOLLOW)
    def uptime(self) -> Duration:
        """How long the system had been running when the dump was taken, time asleep included."""
        now, boot = self.column("dump_time"), self.column("boot_time")
        return Column(now.values - boot.values, worst(now.status, boot.status))

    @field(Cost.FOLLOW)
    def interrupt_time(self) -> Duration:
        """What the clock of interrupts said, which begins with the system."""
        return duration_column(self._clocks()[1])

    @field()
    def processors(self) -> Number:
        crash = self.kernel.physical.crash
        if crash is not None and crash.processors:
            return self._number(crash.processors)
        count = self.raw["ActiveProcessorCount"]  # since 6.1
        if count.known.all() and count.values.all():
            return count
        place = self.kernel.optional("KeNumberProcessors")
        data = None if place is None else self.kernel.space.read(place, 1)
        return self._number(Reason.NOT_IN_KERNEL if data is None else data[0])

    @field()
    def page_table_levels(self) -> Number:
        """Levels of its page tables: 4 on x86-64, 3 with PAE, 2 without."""
        return self._number(len(self.kernel.mode.levels))

    @field()
    def directory_table_base(self) -> Address:
        return self._address(self.kernel.root)

    @field()
    def base(self) -> Address:
        """Address at which its image (ntoskrnl.exe) begins."""
        return self._address(self.kernel.image.base)

    @field()
    def physical_base(self) -> Address:
        place = self.kernel.physical_base
        return self._number(Reason.NOT_IN_DUMP) if place is None else self._address(place)

    @field()
    def image_size(self) -> Size:
        """Bytes of its image in memory."""
        return self._number(self.kernel.image.size)

    @field()
    def pdb_name(self) -> String:
        """Name of the symbol file that belongs to it; null where its image names none."""
        found = self.kernel.identity
        return self._text(self._no_identity() if found is None else found[0])

    @field()
    def pdb_identity(self) -> String:
        """GUID and age of that file, by which symbol servers know it."""
        found = self.kernel.identity
        return self._text(self._no_identity() if found is None else str(found[1]))

    @field()
    def symbols(self) -> String:
        """Where types and symbols were taken from."""
        return self._text(self.kernel.choice.source)

    @field()
    def has_exact_symbols(self) -> Boolean:
        """Whether types and symbols are those of this very build of the kernel's file."""
        return Column(np.full(len(self), self.kernel.choice.is_exact))

    @field()
    def active_process_head(self) -> Address:
        """Address of the head of the list of active processes (PsActiveProcessHead)."""
        return self._symbol("PsActiveProcessHead")

    @field()
    def loaded_module_list(self) -> Address:
        """Address of the head of the list of loaded modules (PsLoadedModuleList)."""
        return self._symbol("PsLoadedModuleList")

    @field()
    def debugger_data(self) -> Address:
        """Address of what is kept for debuggers (KdDebuggerDataBlock); memq does without it."""
        crash = self.kernel.physical.crash
        if crash is None or not crash.kd_debugger_data_block:
            return self._symbol("KdDebuggerDataBlock")
        return self._address(crash.kd_debugger_data_block)

    @field()
    def bug_check(self) -> Address:
        """Number of the bug check that a crash dump was written for; null for other dumps."""
        crash = self.kernel.physical.crash
        if crash is None or crash.bug_check is None:
            return self._number(Reason.NULL)
        return self._address(crash.bug_check)

    @field(Cost.FOLLOW)
    def memory_size(self) -> Size:
        """Bytes of main memory that the kernel knows (MmPhysicalMemoryBlock)."""
        found = self._memory()
        return self._number(found if isinstance(found, Reason) else found.size)

    @field(Cost.FOLLOW)
    def memory_present(self) -> Size:
        found = self._memory()
        if isinstance(found, Reason):
            return self._number(found)
        physical = self.kernel.physical
        return self._number(sum(physical.present_in(start, end) for start, end in found.ranges))

    @field()
    def image_format(self) -> String:
        return self._text(self.kernel.physical.format)

    def _no_identity(self) -> Reason:
        """Why there is no symbol file: the image has no debug directory, or it is not here."""
        _, size = self.kernel.image.directory(DEBUG)
        return Reason.NOT_IN_DUMP if size else Reason.NULL

    def _symbol(self, name: str) -> Column:
        place = self.kernel.optional(name)
        return self._number(Reason.NOT_IN_KERNEL) if place is None else self._address(place)

    def _version(self, part: str) -> int | Reason:
        """Return a part of the version, of a type that all kernels have."""
        column = self.raw[f"Nt{part}Version"]
        status = int(column.statuses[0])
        return Reason(status) if status else int(column.values[0])

    def _clocks(self) -> tuple[Column, Column]:
        """Return the time, and the time since the start, both in units of 100 ns."""
        return system_time(self.raw, "SystemTime"), system_time(self.raw, "InterruptTime")

    def _memory(self) -> _Memory | Reason:
        """Return main memory: PHYSICAL_MEMORY_DESCRIPTOR, of page numbers and counts."""
        kernel = self.kernel
        pointer = kernel.optional("MmPhysicalMemoryBlock")
        layout = kernel.types.struct("_PHYSICAL_MEMORY_DESCRIPTOR")
        if pointer is None or layout is None:
            return Reason.NOT_IN_KERNEL
        place = kernel.space.word(pointer)
        if not place:
            return reason_at(kernel.space, pointer)
        block = kernel.structs(layout.name, np.array([place], np.uint64))
        count, pages = block["NumberOfRuns"], block["NumberOfPages"]
        status = int(np.maximum(count.statuses, pages.statuses)[0])
        if status:
            return Reason(status)
        if not 0 < int(count.values[0]) <= MAX_RUNS:
            return Reason.MALFORMED
        return self._runs(place + layout.offset("Run"), int(count.values[0]))

    def _runs(self, place: int, count: int) -> _Memory | Reason:
        kernel = self.kernel
        layout = kernel.types.required("_PHYSICAL_MEMORY_RUN")
        places = np.uint64(place) + np.arange(count, dtype=np.uint64) * np.uint64(layout.size)
        runs = kernel.structs(layout.name, places)
        first, pages = runs["BasePage"], runs["PageCount"]
        status = int(np.maximum(first.statuses, pages.statuses).max())
        if status:
            return Reason(status)
        pairs = zip(first.values.tolist(), pages.values.tolist(), strict=True)
        ranges = [(page * _PAGE, (page + length) * _PAGE) for page, length in pairs]
        if any(end > 1 << 52 for _, end in ranges):
            return Reason.MALFORMED
        return _Memory(ranges, sum(end - start for start, end in ranges))
