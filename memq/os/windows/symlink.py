"""Symbolic links of the object manager (_OBJECT_SYMBOLIC_LINK), drive letters among them."""

from __future__ import annotations

from memq.errors import Reason
from memq.os.windows.known_base import KnownObject
from memq.os.windows.objects import directory_paths
from memq.os.windows.strings import unicode_text
from memq.os.windows.times import time_column
from memq.schema.declare import Cost, field
from memq.schema.kinds import Name, Time

_CALLBACK = 0x10
"""Flag: it leads to where a function of the kernel says, not to a text."""


class SymlinkObject(
    KnownObject,
    name="symlink",
    principal="symlink_object",
    example=r'symlink.Where(target.StartsWith("\\Device\\Harddisk")).Select([path, target])',
):
    """A symbolic link of the object manager, such as a drive letter."""

    struct = "_OBJECT_SYMBOLIC_LINK"
    kind = "SymbolicLink"

    @field(Cost.FOLLOW, shown=True)
    def target(self) -> Name:
        """What it leads to; null where a function of the kernel decides that."""
        target = unicode_text(self.kernel.space, self.raw, "LinkTarget")
        if not self.raw.has("Callback"):  # since 15063
            return target
        flags = self.raw["Flags"]
        return target.but(flags.known & (flags.values & _CALLBACK != 0), Reason.NULL)

    @field(shown=True)
    def create_time(self) -> Time:
        """When it was made, in UTC."""
        return time_column(self.raw["CreationTime.QuadPart|CreationTime"])

    @field(Cost.WALK)
    def directory(self) -> Name:
        """Full name of the directory that it is in; null where it is in none."""
        return directory_paths(self.kernel, self.context.run, self.objects.directories)
