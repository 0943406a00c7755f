"""The kernel as an object of queries: its names (struct uts_namespace), its clock, its memory."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.os.linux.base import LinuxObject
from memq.os.linux.clock import clock_of
from memq.os.linux.locate import KERNEL_MAP
from memq.os.linux.module import taint_letters
from memq.os.linux.ram import main_memory
from memq.schema.batch import Context, Portion
from memq.schema.declare import Cost, field
from memq.schema.kernel import Kernel
from memq.schema.kinds import Address, Duration, Name, Number, Size, String, Time
from memq.symbols.lists import reason_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.column import Array, Column
    from memq.os.linux.clock import Clock
    from memq.os.linux.ram import MainMemory

MAX_COMMAND_LINE = 4096
"""COMMAND_LINE_SIZE is 2048 on x86; what a bootloader adds (bootconfig) may make it longer."""
_BOOT_ID_SIZE = 16


class KernelObject(Kernel, LinuxObject):
    """The kernel that ran in this memory: there is exactly one."""

    struct = "uts_namespace"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the one kernel, known by the structure that names it."""
        address = context.kernel.optional("init_uts_ns")
        status = Reason.NOT_IN_KERNEL if address is None else Reason.KNOWN
        rows: dict[str, Array] = {
            "address": np.array([address or 0], np.uint64),
            "status": np.array([status], np.uint8),
        }
        yield Portion(cls(context, rows))

    @field()
    def address(self) -> Address:
        """Address of the structure that has its names: `init_uts_ns`, a uts_namespace."""
        return self.address_column()

    @field()
    def name(self) -> String:
        return self.raw.text("name.sysname")

    @field()
    def release(self) -> String:
        return self.raw.text("name.release")

    @field()
    def version(self) -> String:
        return self.raw.text("name.version")

    @field()
    def machine(self) -> String:
        return self.raw.text("name.machine")

    @field()
    def host_name(self) -> Name:
        """Name of the machine, as `uname -n` says it; other UTS namespaces may have other names."""
        return self.raw.text("name.nodename")

    @field()
    def domain_name(self) -> Name:
        """Name of its NIS domain; `(none)` where nobody has set one."""
        return self.raw.text("name.domainname")

    @field()
    def banner(self) -> String:
        """What /proc/version says: release, who built it, with which compiler, and when."""
        return self._text(self.kernel.banner)

    @field(Cost.FOLLOW, aliases=("cmdline",))
    def command_line(self) -> String:
        """Options that it was started with, as /proc/cmdline says them."""
        pointer = self._read("saved_command_line", 8)
        if isinstance(pointer, Reason):
            return self._text(pointer)
        addresses = np.full(len(self), int.from_bytes(pointer, "little"), np.uint64)
        return self.kernel.space.text(addresses, MAX_COMMAND_LINE)

    @field(Cost.FOLLOW)
    def taints(self) -> String:
        """What has tainted it, as letters: P proprietary, O out of tree, E unsigned module, ..."""
        bits = self._read("tainted_mask", 8)
        if isinstance(bits, Reason):
            return self._text(bits)
        return self._text(taint_letters(int.from_bytes(bits, "little")))

    @field(Cost.FOLLOW)
    def boot_id(self) -> String:
        """Number of this boot, as the journal has it (_BOOT_ID); null if nobody has asked yet."""
        found = self._read("sysctl_bootid", _BOOT_ID_SIZE)
        if isinstance(found, Reason):
            return self._text(found)
        return self._text(str(uuid.UUID(bytes=found)) if any(found) else Reason.NULL)

    @field(Cost.FOLLOW)
    def dump_time(self) -> Time:
        """When the dump was taken, in UTC: what the kernel's own clock said at that moment.

        The clock is as of its last tick: some milliseconds before, or some seconds where all
        processors slept. A dump that a running system takes of itself has the time at which this
        page of it was written.
        """
        return self._of_clock(lambda clock: clock.now)

    @field(Cost.FOLLOW)
    def boot_time(self) -> Time:
        return self._of_clock(lambda clock: clock.boot)

    @field(Cost.FOLLOW)
    def uptime(self) -> Duration:
        """How long the system had been running when the dump was taken, suspensions included."""
        return self._of_clock(lambda clock: clock.uptime)

    @field(Cost.FOLLOW)
    def processors(self) -> Number:
        """How many logical processors were online."""
        # 5aec01b834fd (4.5) made the mask a variable of its own
        layout = self.kernel.types.struct("cpumask")
        if layout is None:
            return self._number(Reason.NOT_IN_KERNEL)
        mask = self._read("__cpu_online_mask", layout.size)
        return self._number(mask if isinstance(mask, Reason) else _bits(mask))

    @field()
    def page_table_levels(self) -> Number:
        return self._number(len(self.kernel.mode.levels))

    @field()
    def directory_table_base(self) -> Address:
        return self._address(self.kernel.root)

    @field()
    def base(self) -> Address:
        """Address at which its image begins (`_text`)."""
        return self._address(self.kernel.image.start)

    @field()
    def physical_base(self) -> Address:
        return self._address(self.kernel.image.start - KERNEL_MAP + self.kernel.phys_base)

    @field()
    def kaslr_shift(self) -> Address:
        """How far its image lies from where it was linked; 0x0 where it was not moved."""
        return self._address(self.kernel.kaslr_shift)

    @field(Cost.WALK)
    def memory_size(self) -> Size:
        """Bytes of main memory: what /proc/iomem calls System RAM."""
        found = self._main_memory()
        return self._number(found if isinstance(found, Reason) else found.size)

    @field(Cost.WALK)
    def memory_present(self) -> Size:
        found = self._main_memory()
        if isinstance(found, Reason):
            return self._number(found)
        physical = self.kernel.physical
        return self._number(sum(physical.present_in(start, end) for start, end in found.ranges))

    @field()
    def image_format(self) -> String:
        return self._text(self.kernel.physical.format)

    def _main_memory(self) -> MainMemory | Reason:
        return main_memory(self.kernel, self.context.run)

    def _of_clock(self, tell: Callable[[Clock], int]) -> Column:
        found = clock_of(self.kernel)
        return self._number(found if isinstance(found, Reason) else tell(found))

    def _read(self, symbol: str, size: int) -> bytes | Reason:
        """Return the bytes at a symbol, or why they are not known."""
        address = self.kernel.optional(symbol)
        if address is None:
            return Reason.NOT_IN_KERNEL
        data = self.kernel.space.read(address, size)
        return reason_at(self.kernel.space, address, size) if data is None else data


def _bits(mask: bytes) -> int:
    """How many bits are set."""
    return int.from_bytes(mask, "little").bit_count()
