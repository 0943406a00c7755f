"""Mappings of address spaces (VMAs), as /proc/PID/maps shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, worst
from memq.errors import Reason
from memq.os.linux import vma_names
from memq.os.linux.base import LinuxObject
from memq.os.linux.files import FileColumn, file_column
from memq.os.linux.trees import mappings
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Flags, Name, Number, Size, String
from memq.schema.vad import Vad
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs

# include/linux/mm.h
VM_READ, VM_WRITE, VM_EXEC, VM_MAYSHARE = (np.uint64(bit) for bit in (0x1, 0x2, 0x4, 0x80))
FLAGS = (
    ("VM_READ", 0x1), ("VM_WRITE", 0x2), ("VM_EXEC", 0x4), ("VM_SHARED", 0x8),
    ("VM_MAYREAD", 0x10), ("VM_MAYWRITE", 0x20), ("VM_MAYEXEC", 0x40), ("VM_MAYSHARE", 0x80),
    ("VM_GROWSDOWN", 0x100), ("VM_UFFD_MISSING", 0x200), ("VM_PFNMAP", 0x400),
    ("VM_UFFD_WP", 0x1000), ("VM_LOCKED", 0x2000), ("VM_IO", 0x4000), ("VM_SEQ_READ", 0x8000),
    ("VM_RAND_READ", 0x1_0000), ("VM_DONTCOPY", 0x2_0000), ("VM_DONTEXPAND", 0x4_0000),
    ("VM_LOCKONFAULT", 0x8_0000), ("VM_ACCOUNT", 0x10_0000), ("VM_NORESERVE", 0x20_0000),
    ("VM_HUGETLB", 0x40_0000), ("VM_SYNC", 0x80_0000), ("VM_WIPEONFORK", 0x200_0000),
    ("VM_DONTDUMP", 0x400_0000), ("VM_SOFTDIRTY", 0x800_0000), ("VM_MIXEDMAP", 0x1000_0000),
    ("VM_HUGEPAGE", 0x2000_0000), ("VM_NOHUGEPAGE", 0x4000_0000), ("VM_MERGEABLE", 0x8000_0000),
)  # fmt: skip
"""Flags that have the same bit in all kernels from 5.10 to 6.12.

Not among them: 0x800, VM_DENYWRITE until 5.14 (removed in 8d0920bde5eb); 0x1000000 and from bit 32
on what each architecture uses for itself (VM_PAT, VM_PKEY_BIT0, VM_SHADOW_STACK); VM_UFFD_MINOR,
bit 37 since 7677f7fd8be7 and bit 38 since fb47a799cc5c; VM_DROPPABLE, which there is since
9651fcedf7b9; VM_SEALED, since 8be7258aad44. Their bits can be asked for by number.
"""
PROTECTIONS = ("---", "r--", "-w-", "rw-", "--x", "r-x", "-wx", "rwx")

PAGE_SHIFT = np.uint64(12)


class Vma(Vad, LinuxObject):
    """A mapped range of a process's address space."""

    struct = "vm_area_struct"

    @classmethod
    def of(cls, processes: ObjectType, spaces: Structs) -> Collection:
        """Return the mappings of each process, whose address spaces (mm_struct) are given."""
        cuts = Cuts(len(processes))
        context = processes.context
        found = mappings(context.kernel, context.run, spaces, cuts)
        rows = {
            "address": found.addresses,
            "space": spaces.addresses[found.owner],
            "start": found.starts,
        }
        children = cls(context, rows, parents=Reference(processes, found.owner))
        return Collection(children, found.owner, len(processes), *cuts.columns())

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure (vm_area_struct)."""
        return self.address_column()

    @field()
    def start(self) -> Address:
        return self.raw["vm_start"]

    @field()
    def end(self) -> Address:
        return self.raw["vm_end"]

    @field()
    def size(self) -> Size:
        start, end = self.raw["vm_start"], self.raw["vm_end"]
        column = Column(end.values - start.values, worst(start.status, end.status))
        return column.but(column.known & (end.values < start.values), Reason.MALFORMED)

    @field(names=FLAGS)
    def flags(self) -> Flags:
        """The kernel's flags of the mapping: VM_READ, VM_WRITE, VM_EXEC, VM_MAYSHARE and so on."""
        return self.raw["vm_flags"]

    @field(choices=PROTECTIONS)
    def protection(self) -> String:
        flags = self.raw["vm_flags"]
        return Text((flags.values & np.uint64(7)).astype(np.int64), flags.status, PROTECTIONS)

    @field()
    def is_readable(self) -> Boolean:
        return self._flag(VM_READ)

    @field()
    def is_writable(self) -> Boolean:
        return self._flag(VM_WRITE)

    @field()
    def is_executable(self) -> Boolean:
        return self._flag(VM_EXEC)

    @field()
    def is_shared(self) -> Boolean:
        return self._flag(VM_MAYSHARE)

    @field()
    def is_private(self) -> Boolean:
        shared = self._flag(VM_MAYSHARE)
        return Column(~shared.values, shared.status)

    @field()
    def is_anonymous(self) -> Boolean:
        # What has no file, but operations, was made by the kernel: [vdso], [vvar], [uprobes].
        file, operations = self.raw["vm_file"], self.raw["vm_ops"]
        nothing = (file.values == 0) & (operations.values == 0)
        return Column(nothing, worst(file.status, operations.status))

    @field(Cost.WALK)
    def file_name(self) -> Name:
        return self.files.names

    @field(Cost.WALK)
    def is_deleted(self) -> Boolean:
        return self.files.deleted

    @field()
    def offset(self) -> Size:
        """Where in the file the mapping begins, in bytes; null where no file is mapped."""
        pages, file = self.raw["vm_pgoff"], self.raw["vm_file"]
        column = Column(pages.values << PAGE_SHIFT, worst(pages.status, file.status))
        return column.but(column.known & (file.values == 0), Reason.NULL)

    @field(Cost.FOLLOW)
    def inode(self) -> Number:
        """Number of the mapped file's inode; null where no file is mapped."""
        return self.files.of_inode("i_ino")

    @field(Cost.FOLLOW)
    def device(self) -> String:
        """Device that holds the mapped file, `major:minor` in hex; null where no file is mapped."""
        return self.files.devices

    @field(Cost.WALK)
    def name(self) -> Name:
        return vma_names.names(self.kernel, self.raw, self.rows["space"], self.files)

    @property
    def files(self) -> FileColumn:
        """The mapped files."""
        return self.kept("files", self._files)

    def _files(self) -> FileColumn:
        return file_column(self.kernel, self.context, self.raw["vm_file"], mapped=True)

    def _flag(self, bit: np.uint64) -> Column:
        flags = self.raw["vm_flags"]
        return Column(flags.values & bit != 0, flags.status)
