"""What lies at addresses outside the kernel's image: which module, and which of its symbols.

A module keeps the table of its own symbols, an ELF symbol table (kernel/module/kallsyms.c).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from memq.column import distinct_numbers, text_column
from memq.node import dataclass
from memq.os.linux.module import Parts, module_list
from memq.os.module_ranges import ModuleRanges

if TYPE_CHECKING:
    from memq.column import Addresses, Text
    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

ADDRESS_LIMIT = (1 << 64) - 1
MAX_SYMBOLS = 1 << 17
MAX_NAME = 512


@dataclass(frozen=True, slots=True)
class Ranges(ModuleRanges):
    """Which module is where, and which symbols it has."""

    kernel: LinuxKernel

    def symbols(self, addresses: Addresses) -> list[tuple[str, int] | None]:
        """Return the last symbol of its module at or before each address, and the distance."""
        found: list[tuple[str, int] | None] = [None] * len(addresses)
        rows = self.index(addresses)
        for row in distinct_numbers(rows[rows >= 0]).tolist():
            table = SymbolTable(self.kernel, self.modules.take(np.array([row])))
            for place in np.flatnonzero(rows == row).tolist():
                found[place] = table.at(int(addresses[place]))
        return found

    def named(self, name: str) -> list[tuple[str, int]]:
        """Return module and address of each symbol of that name, in the order of the modules."""
        found = []
        for row, module in enumerate(self.labels.to_list()):
            table = SymbolTable(self.kernel, self.modules.take(np.array([row])))
            found += [(module or "", address) for address in table.find(name)]
        return found


def module_ranges(kernel: LinuxKernel, run: Run) -> Ranges:
    """Return where the modules on the kernel's list are; none where it has no such list."""
    none = np.zeros(0, np.uint64)
    if kernel.optional("modules") is None or kernel.types.struct("module") is None:
        modules = kernel.structs("module", none)
        nowhere = np.zeros(0, np.int64)
        return Ranges(none, none, nowhere, modules, text_column([]), None, kernel)
    walk = module_list(kernel, run)
    addresses = np.fromiter(walk, np.uint64)
    modules = kernel.structs("module", addresses)
    parts = Parts(modules)
    pieces = sorted(
        (start, min(start + size, ADDRESS_LIMIT), row)
        for base, length in zip(parts.bases, parts.sizes, strict=True)
        for row, (start, size, reason) in enumerate(
            zip(base.values.tolist(), length.values.tolist(), base.statuses.tolist(), strict=True)
        )
        if size > 0 and not reason
    )
    starts, ends, rows = zip(*pieces, strict=True) if pieces else ((), (), ())
    return Ranges(
        np.array(starts, np.uint64), np.array(ends, np.uint64), np.array(rows, np.int64),
        modules, modules.text("name"), walk.cut, kernel,
    )  # fmt: skip


class SymbolTable:
    """The symbols of one module."""

    def __init__(self, kernel: LinuxKernel, module: Structs) -> None:
        self.kernel = kernel
        table = module.follow("kallsyms", "mod_kallsyms")
        entry = kernel.types.struct("elf64_sym")
        count = table["num_symtab"]
        values: list[tuple[int, int]] = []
        if entry is not None and count.known.all() and 0 < count.values[0] <= MAX_SYMBOLS:
            first = table["symtab"].values.astype(np.uint64)
            distances = np.arange(count.values[0]) * entry.size
            places = first + distances.astype(np.uint64)
            symbols = kernel.structs("elf64_sym", places)
            value, name, section = symbols["st_value"], symbols["st_name"], symbols["st_shndx"]
            good = value.known & (section.values != 0) & (name.values != 0)
            values = sorted(
                zip(value.values[good].tolist(), name.values[good].tolist(), strict=True)
            )
        self.strings = int(table["strtab"].values[0])
        self.places = [value for value, _ in values]
        self.offsets = [offset for _, offset in values]

    def at(self, address: int) -> tuple[str, int] | None:
        """Return the last symbol at or before an address, and the distance to it."""
        place = bisect_right(self.places, address) - 1
        if place < 0:
            return None
        name = self._names(self.offsets[place : place + 1]).to_list()[0]
        return (name, address - self.places[place]) if name else None

    def find(self, name: str) -> list[int]:
        """Return the addresses of the symbols of that name."""
        names = self._names(self.offsets).to_list()
        return [place for place, own in zip(self.places, names, strict=True) if own == name]

    def _names(self, offsets: list[int]) -> Text:
        starts = [(self.strings + offset) & ADDRESS_LIMIT for offset in offsets]
        return self.kernel.space.text(np.array(starts, np.uint64), MAX_NAME)
