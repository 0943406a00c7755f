"""Processes: what both systems know of them."""

from __future__ import annotations

from memq.schema.batch import ObjectType
from memq.schema.declare import shared
from memq.schema.kinds import Address, Boolean, Name, Number, String, Time


class Process(
    ObjectType,
    name="process",
    principal="process_object",
    example="process.Where(vad.is_executable && vad.is_anonymous).Select([pid, name, vad.start])",
):
    """A process, as the kernel's own lists and tables know it."""

    @shared(("pid",), shown=True)
    def process_id(self) -> Number:
        """Number of the process (of a Linux thread group: its leader's)."""
        return self.absent()

    @shared(("ppid",), shown=True)
    def parent_process_id(self) -> Number:
        """Number of the process that the kernel holds to be the parent."""
        return self.absent()

    @shared(shown=True)
    def name(self) -> Name:
        """Short name: `comm` of the thread-group leader on Linux, ImageFileName on Windows."""
        return self.absent()

    @shared(("cmdline",), shown=True)
    def command_line(self) -> String:
        """Arguments as the process's memory has them, joined by spaces; null without any."""
        return self.absent()

    @shared(("exe",), shown=True)
    def image_path(self) -> Name:
        """Path of the file that the process runs; null where it runs none."""
        return self.absent()

    @shared(shown=True)
    def create_time(self) -> Time:
        """When the process was created, in UTC."""
        return self.absent()

    @shared(("dtb",))
    def directory_table_base(self) -> Address:
        """Physical address of its top page table; null without user memory."""
        return self.absent()

    @shared(("threads",))
    def thread_count(self) -> Number:
        """How many threads the kernel counts in it."""
        return self.absent()

    @shared()
    def address(self) -> Address:
        """Address of the kernel's structure (task_struct, EPROCESS)."""
        return self.absent()

    @shared()
    def is_kernel_thread(self) -> Boolean:
        """Whether it runs in the kernel only."""
        return self.absent()
