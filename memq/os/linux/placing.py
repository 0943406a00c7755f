"""From kallsyms' tables in physical memory to symbols at virtual addresses, and phys_base.

The page at which a kernel's constants start is known by its physical address, and symbols tell its
virtual one. From 7.0 on the tables tell only distances; then pointers in the table of system calls
to functions whose physical places are known tell the virtual addresses.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import SymbolError
from memq.os.linux.locate import KERNEL_MAP, PAGE, STEP
from memq.symbols.kallsyms import Kallsyms

if TYPE_CHECKING:
    from memq.layers.physical import PhysicalMemory
    from memq.os.linux.locate import Candidate
    from memq.symbols.kallsyms_tables import Tables

_CALLS = {
    0: "read", 1: "write", 2: "open", 3: "close", 8: "lseek", 9: "mmap", 10: "mprotect", 12: "brk",
    39: "getpid", 60: "exit",
}  # fmt: skip
"""System calls of x86-64 that every kernel has, by number."""
_MIN_AGREE = 5
"""How many of them must tell the same; a rootkit hooks some."""


def placed(physical: PhysicalMemory, tables: Tables, candidate: Candidate) -> tuple[Kallsyms, int]:
    """Return the symbols at their virtual addresses, and phys_base; SymbolError if none is told."""
    symbols = Kallsyms(tables)
    if tables.is_placed:
        return symbols, _base_by_page(symbols, candidate)
    phys_base = candidate.phys_base
    if phys_base is None:
        phys_base = _base_by_calls(physical, symbols)
    return Kallsyms(tables.moved(KERNEL_MAP - phys_base)), phys_base


def _base_by_page(symbols: Kallsyms, candidate: Candidate) -> int:
    """Compare where the constants start in memory with where the symbols say."""
    if candidate.page is not None:
        for name in ("sys_call_table", "__start_rodata"):
            address = symbols.address(name)
            if address is not None and address % STEP < PAGE:
                return candidate.page - (address - address % STEP) + KERNEL_MAP
    if candidate.phys_base is None:
        raise SymbolError("its symbols do not say where the kernel's constants start")
    return candidate.phys_base


def _base_by_calls(physical: PhysicalMemory, symbols: Kallsyms) -> int:
    """Compare pointers in the table of system calls with where the functions are in memory."""
    table = symbols.address("sys_call_table")
    data = physical.read(table, 8 * (max(_CALLS) + 1)) if table is not None else None
    if data is None:
        raise SymbolError("its symbols do not name the table of system calls")
    pointers = np.frombuffer(data, "<u8").tolist()
    names = {f"__x64_sys_{name}": number for number, name in _CALLS.items()}
    places = symbols.addresses(names)
    distances = Counter(pointers[names[name]] - place for name, place in places.items())
    distance, agree = max(distances.items(), key=lambda item: item[1], default=(0, 0))
    if agree < _MIN_AGREE or distance % STEP:
        raise SymbolError("its table of system calls does not hold the functions of its symbols")
    return KERNEL_MAP - distance
