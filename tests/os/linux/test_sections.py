"""Sections of the kernel's image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.layers.opening import open_physical
from memq.os.linux.sections import SECTIONS, section_of
from memq.progress import Progress
from tests.os.linux.finding import find_kernel

if TYPE_CHECKING:
    from tests.lab import Dump


def test_sections_of_well_known_symbols(dump: Dump) -> None:
    with open_physical(dump.path) as physical:
        kernel = find_kernel(physical, Progress())
        found = {
            name: section_of(kernel.symbols, kernel.symbol(name))
            for name in ("schedule", "linux_banner", "init_task", "start_kernel", "cpu_number",
                         "saved_command_line", "setup_arch", "jiffies_64", "_end")
            if kernel.optional(name) is not None
        }  # fmt: skip
        edges = [kernel.symbols.addresses(edges) for _, *edges in SECTIONS]
        assert (
            section_of(kernel.symbols, 1 << 63)
            is section_of(kernel.symbols, kernel.image.start - 1)
            is None
        )
    assert found["schedule"] == ".text"
    assert found["linux_banner"] == ".rodata"
    assert found["init_task"] == ".data"
    assert found["start_kernel"] == found["setup_arch"] == ".init.text"
    assert found.get("cpu_number", "per-CPU") == "per-CPU"
    assert found["_end"] is None
    assert all(len(each) == 2 for each in edges), "each symbol at an edge is in this kernel"
