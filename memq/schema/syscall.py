"""System calls: the tables by which the kernel answers user programs."""

from __future__ import annotations

from memq.schema.batch import ObjectType
from memq.schema.declare import shared
from memq.schema.kinds import Address, Boolean, Number, String


class Syscall(
    ObjectType,
    name="syscall",
    principal="syscall_object",
    identity=("table", "index"),
    example="syscall.Where(is_hooked).Select([index, name, symbol, module])",
):
    """One entry of a table of system calls."""

    @shared(shown=True)
    def index(self) -> Number:
        """Number of the system call: its place in the table."""
        return self.absent()

    @shared(shown=True)
    def name(self) -> String:
        """Name of the system call that belongs at this place; null for an unused number."""
        return self.absent()

    @shared(shown=True)
    def address(self) -> Address:
        """Address that the entry holds."""
        return self.absent()

    @shared(shown=True)
    def symbol(self) -> String:
        """Symbol at that address (name, or name+distance); null where no symbol is near."""
        return self.absent()

    @shared(shown=True)
    def module(self) -> String:
        """Which module the address lies in; `kernel` for the kernel's own image."""
        return self.absent()

    @shared(shown=True)
    def is_hooked(self) -> Boolean:
        """Whether the address is not the start of a system call's function in the kernel image."""
        return self.absent()
