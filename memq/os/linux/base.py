"""What the object types of Linux have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from memq.os.base import StructureType

if TYPE_CHECKING:
    from memq.os.linux.kernel import LinuxKernel


class LinuxObject(StructureType):
    """A batch of structures of a Linux kernel."""

    @property
    def kernel(self) -> LinuxKernel:
        """The kernel that the objects belong to."""
        return cast("LinuxKernel", self.context.kernel)
