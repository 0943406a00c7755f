"""What the object types of Windows have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from memq.os.base import StructureType

if TYPE_CHECKING:
    from memq.os.windows.kernel import WindowsKernel


class WindowsObject(StructureType):
    """A batch of structures of a Windows kernel."""

    @property
    def kernel(self) -> WindowsKernel:
        """The kernel that the objects belong to."""
        return cast("WindowsKernel", self.context.kernel)
