"""What the object types of Windows have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from memq.column import Column
from memq.os.base import StructureType
from memq.os.common import known_pointers

if TYPE_CHECKING:
    from memq.os.windows.kernel import WindowsKernel


class WindowsObject(StructureType):
    """A batch of structures of a Windows kernel."""

    @property
    def kernel(self) -> WindowsKernel:
        """The kernel that the objects belong to."""
        return cast("WindowsKernel", self.context.kernel)

    def pointer_column(self, member: str) -> Column:
        """Return a pointer of the structures as a field; null where it leads nowhere."""
        return Column(*known_pointers(self.raw[member]))


def handle_number(pointer: Column) -> Column:
    """Return a number that the kernel keeps as a pointer (HANDLE)."""
    return Column(pointer.values.astype(np.int64), pointer.status)
