"""The kernel itself: which one it is, of which machine, and when it was dumped."""

from __future__ import annotations

import numpy as np

from memq.column import Column, Text, constant, text_column, unknown
from memq.errors import Reason
from memq.schema.batch import ObjectType
from memq.schema.declare import shared
from memq.schema.kinds import Address, Duration, Name, Number, Size, String, Time


class Kernel(
    ObjectType,
    name="kernel",
    principal="kernel_object",
    example="kernel.Select({release: release, host: host_name, taken: dump_time, "
    "missing: memory_size - memory_present})",
):
    """The kernel that ran in this memory: there is exactly one."""

    @shared(shown=True)
    def name(self) -> String:
        """Name of the system, as `uname -s` says it."""
        return self.absent()

    @shared(shown=True)
    def release(self) -> String:
        """Which release of the system it is, as `uname -r` says it."""
        return self.absent()

    @shared()
    def version(self) -> String:
        """How and when this release was built, as `uname -v` says it."""
        return self.absent()

    @shared()
    def machine(self) -> String:
        """What processors it was built for, as `uname -m` says it."""
        return self.absent()

    @shared(shown=True)
    def host_name(self) -> Name:
        """Name of the machine on the network."""
        return self.absent()

    @shared()
    def domain_name(self) -> Name:
        """Name of the domain that the machine belongs to."""
        return self.absent()

    @shared(shown=True)
    def dump_time(self) -> Time:
        """When the dump was taken, in UTC: what the kernel's own clock said at that moment."""
        return self.absent()

    @shared()
    def boot_time(self) -> Time:
        """When the system was started, in UTC, by the same clock."""
        return self.absent()

    @shared(shown=True)
    def uptime(self) -> Duration:
        """How long the system had been running when the dump was taken."""
        return self.absent()

    @shared(shown=True)
    def processors(self) -> Number:
        """How many logical processors were in use."""
        return self.absent()

    @shared()
    def page_table_levels(self) -> Number:
        """Levels of its page tables: 4, or 5 with addresses of 57 bits."""
        return self.absent()

    @shared(("dtb",))
    def directory_table_base(self) -> Address:
        """Physical address of its own top page table."""
        return self.absent()

    @shared()
    def base(self) -> Address:
        """Address at which its image begins."""
        return self.absent()

    @shared()
    def physical_base(self) -> Address:
        """Physical address at which its image begins."""
        return self.absent()

    @shared(shown=True)
    def memory_size(self) -> Size:
        """Bytes of main memory that the kernel knows."""
        return self.absent()

    @shared()
    def memory_present(self) -> Size:
        """Bytes of that memory that are in the dump; what is beside it does not count."""
        return self.absent()

    @shared()
    def image_format(self) -> String:
        """Format of the dump's file: raw, LiME, ELF core."""
        return self.absent()

    # Its one row, for the systems' classes

    def _number(self, value: int | Reason) -> Column:
        """Return one number, or why it is not known, for each row."""
        count = len(self)
        return unknown(value, count) if isinstance(value, Reason) else constant(value, count)

    def _address(self, value: int) -> Column:
        if value < 0:
            return self._number(Reason.MALFORMED)
        return Column(np.full(len(self), value, np.uint64))

    def _text(self, value: str | Reason) -> Text:
        count = len(self)
        if isinstance(value, Reason):
            return Text(np.zeros(count, np.int64), np.full(count, value, np.uint8), ("",))
        return text_column([value] * count)
