"""Main memory as the kernel knows it: the ranges that /proc/iomem calls System RAM.

They stand in the tree of resources below `iomem_resource` (kernel/resource.c), which is walked by
`child` and `sibling`. What lies within such a range (Kernel code, Crash kernel) is part of it, and
not looked at.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import Reason
from memq.layers.physical import ADDRESS_LIMIT
from memq.symbols.lists import reason_at

if TYPE_CHECKING:
    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run
    from memq.symbols.types import Member

MAX_RESOURCES = 1 << 16
"""Resources that are looked at; a large server has some thousand."""
IORESOURCE_SYSTEM_RAM = 0x0100_0200
"""IORESOURCE_MEM and IORESOURCE_SYSRAM, which only main memory has (since 9babd5c8caa4, 4.6)."""

_FOUND = "main memory"
"""Under which name a kernel keeps what was found."""


class MainMemory(NamedTuple):
    """Ranges [start, end) of physical addresses, in their order."""

    ranges: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Bytes of all ranges."""
        return sum(end - start for start, end in self.ranges)


def main_memory(kernel: LinuxKernel, run: Run) -> MainMemory | Reason:
    """Return the ranges of main memory, or why not all of them are known; found once."""
    found = kernel.facts.get(_FOUND)
    if not isinstance(found, MainMemory | Reason):
        found = kernel.facts[_FOUND] = _main_memory(kernel, run)
    return found


def _main_memory(kernel: LinuxKernel, run: Run) -> MainMemory | Reason:
    root, layout = kernel.optional("iomem_resource"), kernel.types.struct("resource")
    if root is None or layout is None:
        return Reason.NOT_IN_KERNEL
    names = ("start", "end", "flags", "sibling", "child")
    members = [member for member in map(layout.find, names) if member is not None]
    if len(members) < len(names):
        return Reason.NOT_IN_KERNEL
    found = _ranges(kernel, run, root, layout.size, members)
    return found if isinstance(found, Reason) else _checked(found)


def _ranges(
    kernel: LinuxKernel, run: Run, root: int, size: int, members: list[Member]
) -> list[tuple[int, int]] | Reason:
    """Walk the tree; one resource that cannot be read may be, or lead to, any memory."""
    found, seen, waiting = [], set[int](), [root]
    while waiting:
        address = waiting.pop()
        if address in seen:
            return Reason.LOOP
        if len(seen) == MAX_RESOURCES:
            return Reason.LIMIT
        run.check()
        seen.add(address)
        data = kernel.space.read(address, size)
        if data is None:
            return reason_at(kernel.space, address, size)
        numbers = [int.from_bytes(data[part.offset : part.end], "little") for part in members]
        start, last, flags, sibling, child = numbers
        is_memory = flags & IORESOURCE_SYSTEM_RAM == IORESOURCE_SYSTEM_RAM
        if is_memory:
            found.append((start, last + 1))
        waiting += [place for place in (sibling, 0 if is_memory else child) if place]
    return found


def _checked(found: list[tuple[int, int]]) -> MainMemory | Reason:
    """Return the ranges in their order, if they can be those of a machine."""
    if not found:
        return Reason.NOT_IN_KERNEL
    found.sort()
    overlap = any(following < end for (_, end), (following, _) in pairwise(found))
    if overlap or any(not start < end <= ADDRESS_LIMIT for start, end in found):
        return Reason.MALFORMED
    return MainMemory(tuple(found))
