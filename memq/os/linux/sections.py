"""Sections of the kernel's image, by the symbols that stand at their edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memq.symbols.kallsyms import Kallsyms

# include/asm-generic/sections.h and arch/x86/kernel/vmlinux.lds.S
SECTIONS = (
    (".text", "_stext", "_etext"),
    (".rodata", "__start_rodata", "__end_rodata"),
    (".init.text", "_sinittext", "_einittext"),
    (".init", "__init_begin", "__init_end"),
    (".data", "_sdata", "_edata"),
    (".bss", "__bss_start", "__bss_stop"),
    (".brk", "__brk_base", "__brk_limit"),
    ("per-CPU", "__per_cpu_start", "__per_cpu_end"),
)
"""Name, first symbol, the symbol behind it; where one lies in another, the inner one comes first.

Addresses in the last are counted from where each processor has its own variables.
"""


def section_of(symbols: Kallsyms, address: int) -> str | None:
    """Return the section of the kernel's image that an address is in, None for no known one."""
    edges = symbols.addresses(name for _, *names in SECTIONS for name in names)
    for name, first, behind in SECTIONS:
        if first in edges and edges[first] <= address < edges.get(behind, 0):
            return name
    return None
