"""Functions of drivers: with which of them each kind of request (IRP) is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.ranges import Code, code_at, module_ranges
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Name, Number, String
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs

NAMES = tuple(
    f"IRP_MJ_{name}"
    for name in (
        "CREATE", "CREATE_NAMED_PIPE", "CLOSE", "READ", "WRITE", "QUERY_INFORMATION",
        "SET_INFORMATION", "QUERY_EA", "SET_EA", "FLUSH_BUFFERS", "QUERY_VOLUME_INFORMATION",
        "SET_VOLUME_INFORMATION", "DIRECTORY_CONTROL", "FILE_SYSTEM_CONTROL", "DEVICE_CONTROL",
        "INTERNAL_DEVICE_CONTROL", "SHUTDOWN", "LOCK_CONTROL", "CLEANUP", "CREATE_MAILSLOT",
        "QUERY_SECURITY", "SET_SECURITY", "POWER", "SYSTEM_CONTROL", "DEVICE_CHANGE",
        "QUERY_QUOTA", "SET_QUOTA", "PNP",
    )
)  # fmt: skip
"""Names of the requests by number (wdm.h)."""


class MajorFunction(
    WindowsObject,
    name="major_function",
    principal="major_function_object",
    owner="driver",
    identity=("driver", "index"),
    example="major_function.Where(is_hooked).Select([driver.name, name, address])",
):
    """A function with which a driver answers one kind of request."""

    @classmethod
    def of(cls, drivers: ObjectType, objects: Structs) -> Collection:
        """Return the functions of each driver, whose objects (DRIVER_OBJECT) are given."""
        functions, status = objects.array("MajorFunction")
        cuts = Cuts(len(objects))
        if status is not None:
            cuts.mark(np.arange(len(objects)), status, objects.addresses)
            functions = functions[status == 0]
        known = np.arange(len(objects)) if status is None else np.flatnonzero(status == 0)
        owner = np.repeat(known, functions.shape[1])
        starts = objects["DriverStart"], objects["DriverSize"]
        rows = {
            "address": functions.astype(np.uint64).reshape(-1),
            "driver": objects.addresses[owner],
            "index": np.tile(np.arange(functions.shape[1]), len(known)),
            "start": starts[0].values.astype(np.uint64)[owner],
            "size": starts[1].values.astype(np.uint64)[owner],
            "range status": np.maximum(starts[0].statuses, starts[1].statuses)[owner],
        }
        children = cls(drivers.context, rows, parents=Reference(drivers, owner))
        return Collection(children, owner, len(drivers), *cuts.columns())

    @field(shown=True)
    def index(self) -> Number:
        """Number of the kind of request: its place in the driver's table."""
        return Column(self.rows["index"])

    @field(shown=True, choices=NAMES)
    def name(self) -> String:
        """Name of the kind of request: IRP_MJ_READ, ..."""
        index = self.rows["index"]
        text = Text(np.minimum(index, len(NAMES) - 1), None, NAMES)
        return text.but(index >= len(NAMES), Reason.NULL)

    @field(shown=True)
    def address(self) -> Address:
        """Address of the function."""
        return Column(self.rows["address"])

    @field(Cost.WALK, shown=True)
    def module(self) -> Name:
        """Name of the loaded module that the function lies in; null for none."""
        return self.code.modules

    @field(Cost.WALK, shown=True)
    def symbol(self) -> String:
        """Symbol at the address (name, or name+distance); null where no symbol is near."""
        return self.code.symbols

    @field(Cost.WALK)
    def is_foreign(self) -> Boolean:
        """Whether it lies neither in the driver nor in the kernel: in a port driver, or elsewhere.

        Class and port drivers answer for many others, so that this alone is no sign of a hook.
        """
        outside = ~(self._is_own() | self.kernel.is_kernel_image(self.rows["address"]))
        return Column(outside, np.where(outside, self.rows["range status"], np.uint8(0)))

    @field(Cost.WALK, shown=True)
    def is_hooked(self) -> Boolean:
        """Whether it lies neither in the driver nor in any module that the kernel has loaded."""
        ranges = module_ranges(self.kernel, self.context.run)
        address = self.rows["address"]
        outside = ranges.index(address) < 0
        outside &= ~(self._is_own() | self.kernel.is_kernel_image(address))
        column = Column(outside, np.where(outside, self.rows["range status"], np.uint8(0)))
        return column if ranges.cut is None else column.but(outside, ranges.cut.reason)

    @property
    def code(self) -> Code:
        """What is at the addresses."""
        return self.kept(
            "code", lambda: code_at(self.kernel, self.context.run, Column(self.rows["address"]))
        )

    def _is_own(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        distance = self.rows["address"] - self.rows["start"]  # wraps below the start
        return np.asarray(distance < self.rows["size"])
