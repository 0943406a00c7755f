"""What processes know of themselves: fields that are read through their own page tables."""

from __future__ import annotations

import numpy as np

from memq.column import Column, Text
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.peb import Block, native_block, parameter_text, wow64_block, wow64_pointers
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Name, String
from memq.schema.process import Process


class ProcessMemory(Process, WindowsObject):
    """A process, as far as its own memory tells of it, and how that memory is reached."""

    struct = "_EPROCESS"

    @field(Cost.USER_MEMORY)
    def command_line(self) -> String:
        """Command line as the process's own memory has it (process parameters)."""
        return self._parameter("CommandLine")

    @field(Cost.USER_MEMORY)
    def peb_image_path(self) -> Name:
        """Path of its file, as its own memory has it: it may write there what it likes."""
        return self._parameter("ImagePathName")

    @field(Cost.USER_MEMORY, aliases=("cwd",))
    def current_directory(self) -> Name:
        """Current directory, as the process's own memory has it."""
        return self._parameter("CurrentDirectory.DosPath")

    @field(Cost.USER_MEMORY)
    def window_title(self) -> String:
        """Title for its first window, as it was started with."""
        return self._parameter("WindowTitle")

    @field(Cost.USER_MEMORY)
    def desktop(self) -> Name:
        """Window station and desktop that it was started on."""
        return self._parameter("DesktopInfo")

    @field()
    def directory_table_base(self) -> Address:
        """Physical address of its top page table, as the kernel runs with it."""
        # An array of two until 6000, the second for what are process-specific kernel pages.
        return self._table("Pcb.DirectoryTableBase|Pcb.DirectoryTableBase[0]")

    @field()
    def user_directory_table_base(self) -> Address:
        """Physical address of the top page table that its own code runs with; null if the same."""
        base = self.raw["Pcb.UserDirectoryTableBase"]
        # 0 or 1 stand for one root for both (KVA shadow is off, or off for it).
        return self._table("Pcb.UserDirectoryTableBase").but(
            base.known & (base.values <= 1), Reason.NULL
        )

    @field()
    def peb(self) -> Address:
        """Address of its PEB; null for what has no memory of its own."""
        return self.pointer_column("Peb")

    @field(Cost.USER_MEMORY)
    def peb_image_base(self) -> Address:
        """Where its program lies, as the PEB has it: other than section_base if it was hollowed."""
        return self.block.block["ImageBaseAddress"]

    @field()
    def is_wow64(self) -> Boolean:
        """Whether it runs 32-bit code on 64-bit Windows."""
        pointer = wow64_pointers(self.kernel, self.raw)
        return Column(pointer.values != 0, pointer.status)

    @property
    def block(self) -> Block:
        """The process environment blocks."""
        roots = self.column("directory_table_base")
        return self.kept("block", lambda: native_block(self.kernel, self.raw, roots))

    @property
    def wow64_block(self) -> Block:
        """The process environment blocks of 32-bit code."""
        roots = self.column("directory_table_base")
        return self.kept("wow64_block", lambda: wow64_block(self.kernel, self.raw, roots))

    def _parameter(self, member: str) -> Text:
        return parameter_text(self.kernel.space, self.block.parameters, member)

    def _table(self, member: str) -> Column:
        base = self.raw[member]
        values = base.values.astype(np.uint64) & np.uint64(self.kernel.mode.root_mask)
        return Column(values, base.status).but(base.known & (values == 0), Reason.NULL)
