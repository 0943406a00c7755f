"""System calls: the kernel's tables of functions that answer user programs.

Since 6.9 the kernel calls through a switch and keeps `sys_call_table` for those who trace; of
32-bit calls it has no table any more (1e3ad78334a6, which stable kernels took over).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Array, Column, Indexes, Statuses, Text, text_column
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_addresses, joined_text
from memq.os.data import data_text
from memq.os.linux.base import LinuxObject
from memq.os.linux.ranges import module_ranges
from memq.schema.batch import Context, Cut, Portion
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Number, String
from memq.schema.syscall import Syscall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run

MAX_ENTRIES = 4096
NEAR = 1 << 16
"""Bytes behind a symbol that may still be its function."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the kernel."""

    title: str
    symbol: str
    names: str
    """The file that has the names by number."""


TABLES = (
    Table("64-bit", "sys_call_table", "syscalls-x86_64.txt"),
    Table("32-bit", "ia32_sys_call_table", "syscalls-i386.txt"),
)

_FUNCTION = re.compile(r"(?:__(?:x64|ia32|x32)_)?(?:compat_)?sys_(\w+)")
"""fa697140f9a2 (4.17) gave the functions their prefixes."""


class SystemCall(Syscall, LinuxObject):
    """One entry of a table of system calls."""

    keys = frozenset(("index",))

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the tables that the kernel has, one portion each."""
        kernel: LinuxKernel = context.kernel
        for number, table in enumerate(TABLES):
            address = kernel.optional(table.symbol)
            if address is None:
                context.run.remark(f"this kernel has no table of {table.title} system calls")
                continue
            entries, status = _entries(kernel, address)
            rows: dict[str, Array] = {
                "table": np.full(len(entries), number, np.int64),
                "index": np.arange(len(entries), dtype=np.int64),
                "address": entries,
                "status": status,
            }
            yield Portion(cls(context, rows), _cut(table, status))

    @classmethod
    def looked_up(cls, context: Context, name: str, value: int) -> Iterator[Portion]:
        """Give the entry of that index in each table that has one.

        The tables are read whole, one gather each: only so it is known where they end, and whether
        something of them is missing.
        """
        for portion in cls.portions(context):
            rows = np.flatnonzero(portion.batch.rows[name] == value)
            yield Portion(portion.batch.take(rows), portion.cut)

    @field()
    def index(self) -> Number:
        return Column(self.rows["index"])

    @field(shown=True, choices=tuple(table.title for table in TABLES))
    def table(self) -> String:
        """Which table it stands in."""
        return Text(self.rows["table"], None, tuple(table.title for table in TABLES))

    @field()
    def address(self) -> Address:
        return self.address_column()

    @field(Cost.FOLLOW)
    def name(self) -> String:
        known = [_names(table.names) for table in TABLES]
        places = zip(
            self.rows["table"].tolist(), self.rows["index"].tolist(),
            self.targets.functions.to_list(), strict=True,
        )  # fmt: skip
        # What a kernel does not have is answered by sys_ni_syscall.
        names = [
            None if function == "ni_syscall" else known[table].get(index, function)
            for table, index, function in places
        ]
        return text_column(names, self.rows["status"])

    @field(Cost.FOLLOW)
    def symbol(self) -> String:
        return self.targets.symbols

    @field(Cost.WALK)
    def module(self) -> String:
        inside = np.flatnonzero(self.targets.is_inside)
        modules = module_ranges(self.kernel, self.context.run).names(self.rows["address"])
        own = text_column(["kernel"] * len(inside))
        everywhere = np.arange(len(self))
        return joined_text(len(self), [(everywhere, modules), (inside, own)]).under(
            self.rows["status"]
        )

    @field(Cost.FOLLOW)
    def is_hooked(self) -> Boolean:
        return Column(~self.targets.functions.known, self.rows["status"])

    @property
    def targets(self) -> Targets:
        """What the entries point to."""
        return self.kept("targets", lambda: _targets(self.kernel, self.context.run, self.rows))


@dataclass(frozen=True, slots=True)
class Targets:
    """What is at the addresses of entries."""

    symbols: Text
    functions: Text
    """The system call whose function begins there; null where none does."""
    is_inside: NDArray[np.bool_]
    """Whether it is in the kernel's image."""

    def take(self, index: Indexes) -> Targets:
        """Return the targets of the entries at the index."""
        return Targets(self.symbols.take(index), self.functions.take(index), self.is_inside[index])


def _targets(kernel: LinuxKernel, run: Run, rows: Mapping[str, Array]) -> Targets:
    found, index = distinct_addresses(rows["address"])
    start, end = kernel.optional("_text"), kernel.optional("_end")
    inside = np.ones(len(found), bool)
    if start is not None and end is not None:
        inside = (found >= np.uint64(start)) & (found < np.uint64(end))
    symbols: list[str | None] = []
    functions: list[str | None] = []
    near, elsewhere = _symbols(kernel, run, found, inside)
    for address, is_inside, symbol in zip(found.tolist(), inside.tolist(), near, strict=True):
        is_start = is_inside and symbol is not None and symbol[1] == 0
        names = kernel.symbols.names_at(address) if is_start else []
        own = [match for match in map(_FUNCTION.fullmatch, names) if match]
        own.sort(key=lambda match: match[1] != "ni_syscall")
        functions.append(own[0][1] if own else None)
        symbols.append(own[0][0] if own else _label(symbol))
    status = rows["status"]
    named = text_column(symbols).but(np.array([one is None for one in near]) & ~inside, elsewhere)
    return Targets(
        named.take(index).under(status),
        text_column(functions).take(index),
        inside[index],
    )


def _symbols(
    kernel: LinuxKernel, run: Run, addresses: Addresses, inside: NDArray[np.bool_]
) -> tuple[list[tuple[str, int] | None], Reason]:
    """Return the symbol at or before each address, of the kernel's image or else of its module.

    And why there is none for the others that lie outside: null, or not all modules are known.
    """
    elsewhere = Reason.NULL
    found = kernel.symbols.symbols_at(addresses)
    outside = np.flatnonzero(~inside)
    for row in outside.tolist():
        found[row] = None
    if len(outside):
        ranges = module_ranges(kernel, run)
        elsewhere = ranges.elsewhere
        for row, symbol in zip(outside.tolist(), ranges.symbols(addresses[outside]), strict=True):
            found[row] = symbol
    return [symbol if symbol and symbol[1] < NEAR else None for symbol in found], elsewhere


def _label(symbol: tuple[str, int] | None) -> str | None:
    """Write a symbol, and the distance to it, as the kernel's own messages do."""
    if symbol is None:
        return None
    name, distance = symbol
    return f"{name}+{distance:#x}" if distance else name


def _entries(kernel: LinuxKernel, address: int) -> tuple[Addresses, Statuses]:
    """Read a table: it ends at the next symbol, less the zeros before that."""
    after = kernel.symbols.after(address)
    count = MAX_ENTRIES if after is None else min((after - address) // 8, MAX_ENTRIES)
    places = np.uint64(address) + np.arange(count, dtype=np.uint64) * np.uint64(8)
    data, status = kernel.space.gather(places, 8)
    entries = data.view(np.uint64)[:, 0]
    used = np.flatnonzero((entries != 0) | (status != 0))
    length = int(used[-1]) + 1 if len(used) else 0
    return entries[:length], status[:length]


def _cut(table: Table, status: Statuses) -> Cut | None:
    """Say so if entries of the table could not be read."""
    lost = np.flatnonzero(status)
    if not len(lost):
        return None
    reason = Reason(int(status[lost[0]]))
    return Cut(reason, f"{table.symbol}: {len(lost)} entries: {reason.text}")


def _names(file: str) -> dict[int, str]:
    """Read which name belongs to which number."""
    text = data_text("linux", file)
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {int(number): name for number, name in lines}
