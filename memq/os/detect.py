"""Which system a dump holds, and its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from memq.os.linux.kernel import find_kernel
from memq.os.linux.system import LINUX

if TYPE_CHECKING:
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory
    from memq.progress import Progress
    from memq.schema.declare import System


class Found(NamedTuple):
    """A system's declarations, and the kernel that its objects are read by."""

    system: System
    kernel: Any
    warnings: list[str]


def detect(physical: PhysicalMemory, progress: Progress, profile: Path | None = None) -> Found:
    """Find the kernel in physical memory; SymbolError in one line if there is none.

    `profile` is an ISF file, of which the types are taken instead of the dump's own.
    """
    types = None
    if profile is not None:
        from memq.symbols.isf import open_isf  # noqa: PLC0415 - seldom needed

        types = open_isf(profile, progress)
    kernel = find_kernel(physical, progress, types)
    return Found(LINUX, kernel, kernel.warnings)
