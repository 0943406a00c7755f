"""Mappings of a process's address space: Windows' VADs, Linux' VMAs."""

from __future__ import annotations

from memq.schema.batch import ObjectType
from memq.schema.declare import shared
from memq.schema.kinds import Address, Boolean, Name, Size, String


class Vad(
    ObjectType,
    name="vad",
    principal="vad_object",
    owner="process",
    identity=("space", "start"),
    example="vad.Where(is_writable && is_executable).Select([process.pid, start, end, name])",
):
    """A mapped range of a process's address space."""

    @shared(shown=True)
    def start(self) -> Address:
        """First address."""
        return self.absent()

    @shared(shown=True)
    def end(self) -> Address:
        """First address after the range."""
        return self.absent()

    @shared()
    def size(self) -> Size:
        """Length in bytes."""
        return self.absent()

    @shared(shown=True)
    def protection(self) -> String:
        """What the mapping allows; on Linux the first three letters of /proc/PID/maps."""
        return self.absent()

    @shared()
    def is_readable(self) -> Boolean:
        """Whether the mapping may be read."""
        return self.absent()

    @shared()
    def is_writable(self) -> Boolean:
        """Whether the mapping may be written."""
        return self.absent()

    @shared()
    def is_executable(self) -> Boolean:
        """Whether the mapping may be executed."""
        return self.absent()

    @shared(shown=True)
    def is_shared(self) -> Boolean:
        """Whether writes reach others who map the same (Linux: VM_MAYSHARE, `s` in maps)."""
        return self.absent()

    @shared()
    def is_private(self) -> Boolean:
        """The opposite of is_shared."""
        return self.absent()

    @shared()
    def is_anonymous(self) -> Boolean:
        """Whether no file is mapped and the kernel gave no special mapping such as [vdso]."""
        return self.absent()

    @shared(shown=True)
    def file_name(self) -> Name:
        """Path of the mapped file, as the process sees it; null where no file is mapped."""
        return self.absent()

    @shared(shown=True)
    def name(self) -> Name:
        """What /proc/PID/maps shows: the file, [heap], [stack], [vdso]; null if nothing."""
        return self.absent()

    @shared()
    def is_deleted(self) -> Boolean:
        """Whether the mapped file has no name in its file system any more."""
        return self.absent()
