"""Interrupts: the table of each processor that says which function answers which (IDT).

Its entries are the processor's own (Intel SDM volume 3, 6.11 and 6.14.1). An interrupt of a device
is answered by a few instructions that lead to an interrupt object, which has the driver's function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text
from memq.errors import Reason
from memq.os.common import known_pointers
from memq.os.windows.base import WindowsObject
from memq.os.windows.processors import processors
from memq.os.windows.ranges import Code, code_at
from memq.schema.batch import Context, Cut, Portion
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Name, Number, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Addresses, Array, Indexes, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.os.windows.processors import Processors

VECTORS = 256
INTERRUPT_OBJECT = 22
"""IO_TYPE_INTERRUPT: Type of each KINTERRUPT."""
TASK_GATE = 5
TYPES = {TASK_GATE: "task gate", 14: "interrupt gate", 15: "trap gate"}
"""Types of entries that a table may have."""


class Interrupt(
    WindowsObject,
    name="interrupt",
    principal="interrupt_object",
    identity=("processor", "vector"),
    example="interrupt.Where(vector < 32).Select([processor, vector, symbol])",
):
    """An entry of a processor's table of interrupts."""

    struct = "_KINTERRUPT"
    keys = frozenset(("vector",))

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the tables of all processors, by their numbers."""
        kernel: WindowsKernel = context.kernel
        found = processors(kernel)
        tables, status = known_pointers(found.interrupt_tables)
        size = 16 if kernel.is_64_bit else 8
        row = np.repeat(np.arange(len(tables)), VECTORS)
        vector = np.tile(np.arange(VECTORS), len(tables))
        data, lost = kernel.space.gather(
            tables[row] + vector.astype(np.uint64) * np.uint64(size), size
        )
        reasons = np.where(status[row] != 0, status[row], lost)
        rows: dict[str, Array] = {
            "processor": found.numbers[row],
            "vector": vector,
            "address": _handlers(np.ascontiguousarray(data), is_64_bit=kernel.is_64_bit),
            "status": reasons,
            "selector": _shorts(data, 2),
            "attributes": _shorts(data, 4),
        }
        rows["object"], rows["object status"] = _objects(kernel, found, row, rows)
        yield Portion(cls(context, rows), _cut(found.cut, reasons))

    @classmethod
    def looked_up(cls, context: Context, name: str, value: int) -> Iterator[Portion]:
        """Give the entries of one vector."""
        for portion in cls.portions(context):
            rows = np.flatnonzero(portion.batch.rows[name] == value)
            yield Portion(portion.batch.take(rows), portion.cut)

    @field(shown=True)
    def processor(self) -> Number:
        """Number of the processor whose table it is."""
        return Column(self.rows["processor"])

    @field(shown=True)
    def vector(self) -> Number:
        """Number of the interrupt: its place in the table."""
        return Column(self.rows["vector"])

    @field(shown=True)
    def address(self) -> Address:
        """Address of the code that the processor goes on with; null for one that is not used.

        A task gate has none: the processor goes on with another task, by the segment.
        """
        column = self.address_column()
        has_code = self._is_present() & (self._kind() != TASK_GATE)
        return column.but(column.known & ~has_code, Reason.NULL)

    @field(Cost.WALK, shown=True)
    def module(self) -> Name:
        """Name of the loaded module that the code lies in; null for none."""
        return self.code.modules

    @field(Cost.WALK, shown=True)
    def symbol(self) -> String:
        """Symbol at the address (name, or name+distance); null where no symbol is near."""
        return self.code.symbols

    @field()
    def selector(self) -> Number:
        """Number of the code segment that it runs in."""
        return Column(self.rows["selector"], self.rows["status"])

    @field(choices=tuple(TYPES.values()))
    def type(self) -> String:
        """What the entry is to the processor: interrupt gate, trap gate, task gate."""
        kind = self._kind()
        words = tuple(TYPES.values())
        values = np.full(len(self), -1, np.int64)
        for number, bits in enumerate(TYPES):
            values[kind == bits] = number
        text = Text(np.maximum(values, 0), self.rows["status"], words)
        text = text.but(text.known & ~self._is_present(), Reason.NULL)
        return text.but(text.known & (values < 0), Reason.MALFORMED)

    @field()
    def privilege_level(self) -> Number:
        """Least privilege from which programs may raise it: 3 for those that users may."""
        return Column(self.rows["attributes"] >> 13 & 3, self.rows["status"])

    @field()
    def stack_index(self) -> Number:
        """Which stack of its own it runs on (x64); 0 for none."""
        if not self.kernel.is_64_bit:
            return Column(np.zeros(len(self), np.int64), self.rows["status"])
        return Column(self.rows["attributes"] & 7, self.rows["status"])

    @field()
    def is_present(self) -> Boolean:
        """Whether the entry is in use."""
        return Column(self._is_present(), self.rows["status"])

    @field()
    def object_address(self) -> Address:
        """Address of the interrupt object (KINTERRUPT) that it leads to; null for none."""
        return Column(self.rows["object"], self.rows["object status"])

    @field(Cost.FOLLOW)
    def service_routine(self) -> Address:
        """Address of the driver's function that the interrupt object has; null for none."""
        objects = self.kernel.structs(
            self.struct, self.rows["object"], self.column("object_address").status
        )
        return Column(*known_pointers(objects["ServiceRoutine"]))

    @field(Cost.WALK)
    def service_module(self) -> Name:
        """Name of the loaded module that the driver's function lies in; null for none."""
        return code_at(self.kernel, self.context.run, self.column("service_routine")).modules

    @property
    def code(self) -> Code:
        """What is at the addresses."""
        return self.kept(
            "code", lambda: code_at(self.kernel, self.context.run, self.column("address"))
        )

    def _kind(self) -> Array:
        return np.asarray(self.rows["attributes"] >> 8 & 31)

    def _is_present(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.asarray(self.rows["attributes"] >> 15 & 1 == 1)


def _shorts(data: Array, offset: int) -> Array:
    part = np.ascontiguousarray(data[:, offset : offset + 2])
    return part.view("<u2")[:, 0].astype(np.int64)


def _handlers(data: Array, *, is_64_bit: bool) -> Addresses:
    """Put the addresses together, of which an entry has the lowest 16 bits by themselves."""
    parts = _shorts(data, 0) | _shorts(data, 6) << 16
    address = parts.astype(np.uint64)
    if is_64_bit:
        high = np.ascontiguousarray(data[:, 8:12]).view("<u4")[:, 0].astype(np.uint64)
        address |= high << np.uint64(32)
    return np.asarray(address)


def _objects(
    kernel: WindowsKernel, found: Processors, row: Indexes, rows: dict[str, Array]
) -> tuple[Addresses, Statuses]:
    """Return the interrupt object of each entry, 0 for none: what is none has another type."""
    objects, status = found.blocks.array("InterruptObject")
    code = kernel.types.required("_KINTERRUPT").find("DispatchCode")
    if objects.shape[1] >= VECTORS:  # x64 since 7
        places = objects[row, rows["vector"]].astype(np.uint64)
        lost = np.zeros(len(places), np.uint8) if status is None else status[row]
    elif code is not None:  # the instructions stand in the object itself
        places, lost = rows["address"] - np.uint64(code.offset), rows["status"]
    else:
        nothing = np.zeros(len(rows["vector"]), np.uint64)
        return nothing, np.full(len(nothing), Reason.NOT_IN_KERNEL, np.uint8)
    low = places < np.uint64(kernel.space.kernel_start)
    lost = np.where((lost == 0) & low, np.uint8(Reason.NULL), lost)
    kind = kernel.structs("_KINTERRUPT", places, lost)["Type"]
    is_object = kind.known & (kind.values == INTERRUPT_OBJECT)
    reasons = np.where(kind.known & ~is_object, np.uint8(Reason.NULL), kind.statuses)
    return np.where(is_object, places, np.uint64(0)), reasons


def _cut(cut: Cut | None, status: Array) -> Cut | None:
    lost = status[status != 0]
    if cut is not None or not len(lost):
        return cut
    reason = Reason(int(lost[0]))
    return Cut(reason, f"interrupts: {len(lost)} entries: {reason.text}")
