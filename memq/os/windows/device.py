"""Devices of drivers (DEVICE_OBJECT), each with what is attached to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.errors import Reason
from memq.os.common import known_pointers
from memq.os.windows.base import WindowsObject
from memq.os.windows.objects import Objects
from memq.os.windows.strings import unicode_text
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Name, Number
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs

MAX_DEVICES = 1 << 14
"""Devices of one driver, and those that are stacked on each other."""


class Device(
    WindowsObject,
    name="device",
    principal="device_object",
    owner="driver",
    identity=("driver", "address"),
    example="device.Where(attached_device != null).Select([name, attached_driver])",
):
    """A device that a driver has made."""

    struct = "_DEVICE_OBJECT"

    @classmethod
    def of(cls, drivers: ObjectType, objects: Structs) -> Collection:
        """Return the devices of each driver, whose objects (DRIVER_OBJECT) are given."""
        cuts = Cuts(len(objects))
        context = drivers.context
        found, owner = _chains(context.kernel, context.run, objects["DeviceObject"], cuts)
        rows = {"address": found, "driver": objects.addresses[owner]}
        children = cls(context, rows, parents=Reference(drivers, owner))
        return Collection(children, owner, len(drivers), *cuts.columns())

    @field(shown=True)
    def address(self) -> Address:
        """Address of the kernel's structure (DEVICE_OBJECT)."""
        return self.address_column()

    @field(Cost.FOLLOW, shown=True)
    def name(self) -> Name:
        """Its name in the object directory; null for most devices in a stack."""
        return Objects(self.kernel, self.context.run, self.address_column()).names

    @field(shown=True)
    def device_type(self) -> Number:
        """What sort of device (FILE_DEVICE_...): 7 a disk, 8 a file system, 34 unknown."""
        return self.raw["DeviceType"]

    @field()
    def flags(self) -> Number:
        """Its flags (DO_...)."""
        return self.raw["Flags"]

    @field()
    def characteristics(self) -> Number:
        """Its characteristics (FILE_REMOVABLE_MEDIA, FILE_DEVICE_SECURE_OPEN, ...)."""
        return self.raw["Characteristics"]

    @field(shown=True)
    def attached_device(self) -> Address:
        """Address of the device that stands on it and sees its requests first; null for none."""
        return Column(*known_pointers(self.raw["AttachedDevice"]))

    @field(Cost.FOLLOW, shown=True)
    def attached_driver(self) -> Name:
        r"""Name of the driver of the device that stands on it: `\Driver\kbdclass`."""
        above = self.raw.follow("AttachedDevice", "_DEVICE_OBJECT")
        driver = above.follow("DriverObject", "_DRIVER_OBJECT")
        return unicode_text(self.kernel.space, driver, "DriverName")


def _chains(
    kernel: WindowsKernel, run: Run, first: Column, cuts: Cuts
) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Follow the devices of all drivers together, from each to the next of its driver."""
    owner = np.arange(len(first))
    link, found, owners = first, [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    seen: set[tuple[int, int]] = set()
    while len(owner):
        run.check()
        places, status = known_pointers(link)
        cuts.mark(owner, status, places)
        going = status == 0
        owner, places = owner[going], places[going]
        pairs = list(zip(owner.tolist(), places.tolist(), strict=True))
        again = np.array([pair in seen for pair in pairs], bool)
        cuts.mark(owner[again], Reason.LOOP, places[again])
        if len(found) > MAX_DEVICES:
            cuts.mark(owner[~again], Reason.LIMIT, places[~again])
            break
        seen.update(pairs)
        owner, places = owner[~again], places[~again]
        found.append(places)
        owners.append(owner)
        link = kernel.structs("_DEVICE_OBJECT", places)["NextDevice"]
    joined, of = np.concatenate(found), np.concatenate(owners)
    order = np.argsort(of, kind="stable")
    return joined[order], of[order]
