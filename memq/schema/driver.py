"""Code loaded into the kernel: Windows' drivers, Linux' modules."""

from __future__ import annotations

from memq.schema.batch import ObjectType
from memq.schema.declare import shared
from memq.schema.kinds import Address, Name, Size


class Driver(
    ObjectType,
    name="driver",
    principal="driver_object",
    example="driver.OrderByDescending(size).Take(5)",
):
    """A driver or kernel module, as the kernel's list of them knows it."""

    @shared(shown=True)
    def name(self) -> Name:
        """Name of the module."""
        return self.absent()

    @shared(shown=True)
    def base(self) -> Address:
        """Address at which its code begins."""
        return self.absent()

    @shared(shown=True)
    def size(self) -> Size:
        """Bytes of kernel memory that it takes."""
        return self.absent()

    @shared()
    def address(self) -> Address:
        """Address of the kernel's structure."""
        return self.absent()
