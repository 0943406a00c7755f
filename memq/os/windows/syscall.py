"""System calls: the tables of functions by which the kernel and win32k answer user programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, is_among, text_column
from memq.errors import Reason
from memq.os.common import joined_text
from memq.os.windows.base import WindowsObject
from memq.os.windows.ranges import Code, code_at
from memq.os.windows.syscall_names import call_names, functions_of
from memq.os.windows.syscall_tables import OWN, TABLES, entries
from memq.schema.batch import Context, Portion
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Number, String
from memq.schema.syscall import Syscall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from memq.column import Array
    from memq.os.windows.kernel import WindowsKernel

TITLES = tuple(table.title for table in TABLES)
FEWEST = 200
"""Every kernel since NT 4 has more system calls; of fewer symbols it has no table, but exports."""


class SystemCall(Syscall, WindowsObject):
    """One entry of a table of system calls."""

    keys = frozenset(("index",))

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the kernel's own table, then win32k's."""
        kernel: WindowsKernel = context.kernel
        for number, table in enumerate(TABLES):
            found = entries(kernel, context.run, table)
            if found is None:
                context.run.note(
                    f"no symbol {table.symbol} is known: the system calls of {table.title} "
                    "are not found without it",
                    Reason.NOT_IN_KERNEL,
                )
                continue
            count = len(found.addresses)
            names = _names(kernel, found.addresses) if number == OWN else _no_names(count)
            rows: dict[str, Array] = {
                "table": np.full(count, number, np.int64),
                "index": np.arange(count, dtype=np.int64) + table.first,
                "address": found.addresses.values,
                "status": found.addresses.statuses,
                "arguments": found.arguments.values,
                "arguments status": found.arguments.statuses,
                "name": names,
            }
            yield Portion(cls(context, rows), found.cut)

    @classmethod
    def looked_up(cls, context: Context, name: str, value: int) -> Iterator[Portion]:
        """Give the entry of that index; its neighbours, too, tell what belongs there."""
        for portion in cls.portions(context):
            rows = np.flatnonzero(portion.batch.rows[name] == value)
            yield Portion(portion.batch.take(rows), portion.cut)

    @field()
    def index(self) -> Number:
        return Column(self.rows["index"])

    @field(shown=True, choices=TITLES)
    def table(self) -> String:
        """Which table it stands in: the kernel's own, or that of win32k for windows and drawing."""
        return Text(self.rows["table"], None, TITLES)

    @field()
    def address(self) -> Address:
        return self.address_column()

    @field()
    def name(self) -> String:
        names = self.rows["name"].tolist()
        return text_column([name or None for name in names]).but(
            np.array([not name for name in names], bool), Reason.NOT_IN_KERNEL
        )

    @field(Cost.FOLLOW)
    def symbol(self) -> String:
        symbols, names = self.code.symbols, self.column("name")
        at = self.kernel.symbols.addresses(name for name in names.to_list() if name)  # type: ignore[attr-defined]
        own = np.array([at.get(name, 0) for name in self.rows["name"].tolist()], np.uint64)
        # Where several functions are one, that which belongs there is meant.
        same = np.flatnonzero((own == self.rows["address"]) & (own != 0))
        everywhere = np.arange(len(self))
        named: Text = names.take(same)  # type: ignore[assignment]
        return joined_text(len(self), [(everywhere, symbols), (same, named)])

    @field(Cost.WALK)
    def module(self) -> String:
        return self.code.modules

    @field(Cost.FOLLOW)
    def is_hooked(self) -> Boolean:
        """Whether the address is not the start of a system call's function.

        In the kernel's table: of one of the kernel's image; in win32k's: whether it lies outside
        of win32k's own modules.
        """
        column = Column(np.where(self.rows["table"] == OWN, self._leads_away(), self._is_outside()))
        in_kernel = self.kernel.is_kernel_image(self.rows["address"])
        own = self.rows["table"] == OWN
        if len(self.kernel.symbols.with_prefix("Nt")) < FEWEST:
            column = column.but(own & in_kernel & column.values, Reason.NOT_IN_KERNEL)
        lost = self.code.modules.statuses > Reason.NULL
        reasons = np.where(lost & ~own, self.code.modules.statuses, np.uint8(0))
        return column.under(reasons).under(self.rows["status"])

    @field()
    def stack_arguments(self) -> Number:
        """How many of its arguments are copied from the caller's stack."""
        return Column(self.rows["arguments"], self.rows["arguments status"])

    @property
    def code(self) -> Code:
        """What is at the addresses."""
        return self.kept(
            "code", lambda: code_at(self.kernel, self.context.run, self.address_column())
        )

    def _leads_away(self) -> NDArray[np.bool_]:
        """Where no system call of the kernel begins."""
        starts = [address for _, address in self.kernel.symbols.with_prefix("Nt")]
        known = np.array(starts, np.uint64)
        inside = self.kernel.is_kernel_image(self.rows["address"])
        return ~(inside & is_among(self.rows["address"], known))

    def _is_outside(self) -> NDArray[np.bool_]:
        """Where no module of win32k is."""
        own = self.code.modules.test(lambda name: name.lower().startswith("win32k"))
        return ~(own.values & own.known)


def _names(kernel: WindowsKernel, addresses: Column) -> Array:
    known: list[int] = np.where(addresses.known, addresses.values, np.uint64(0)).tolist()
    names = call_names(functions_of(kernel), known)
    return np.array([name or "" for name in names], object)


def _no_names(count: int) -> Array:
    """Return no names: the symbols of win32k are in a table of its own."""
    return np.full(count, "", object)
