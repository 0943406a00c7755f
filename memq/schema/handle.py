"""Open handles: Windows' handles, Linux' file descriptors."""

from __future__ import annotations

from memq.schema.batch import ObjectType
from memq.schema.declare import shared
from memq.schema.kinds import Address, Name


class Handle(
    ObjectType,
    name="handle",
    principal="handle_object",
    owner="process",
    identity=("table", "descriptor"),
    example='handle.Where(name.Contains("log")).Select([process.pid, process.name, name])',
):
    """Something that a process has opened."""

    @shared(shown=True)
    def name(self) -> Name:
        """What is open: on Linux as the links in /proc/PID/fd show it, without ` (deleted)`."""
        return self.absent()

    @shared()
    def address(self) -> Address:
        """Address of the kernel's structure of what is open."""
        return self.absent()
