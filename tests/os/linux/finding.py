"""The Linux kernel of a dump, for tests that need no more of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import SymbolError
from memq.os.linux.kernel import Hunt, LinuxKernel

if TYPE_CHECKING:
    from memq.layers.physical import PhysicalMemory
    from memq.progress import Progress
    from memq.symbols.types import Types


def find_kernel(
    physical: PhysicalMemory, progress: Progress, types: Types | None = None
) -> LinuxKernel:
    """Find the kernel by whichever way leads to it; SymbolError if none does."""
    hunt = Hunt(physical, progress, types)
    kernel = hunt.quick() or hunt.search()
    if kernel is None:
        raise SymbolError(f"{physical.path}: no Linux kernel found: {hunt.account()}")
    return kernel
