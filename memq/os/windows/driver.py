r"""Drivers: what the kernel has loaded, and the objects of drivers that it has started.

The list of loaded modules (PsLoadedModuleList) and the object directories know of them
independently of each other: an object belongs to the module that begins where it says that it
begins (DriverStart). An object without a module is of a driver that is hidden, has been unloaded,
or was made by the kernel itself; a module without an object is a library, or no driver yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, worst
from memq.os.common import joined_cut, joined_text, known_pointers
from memq.os.windows import pool_scan
from memq.os.windows.base import WindowsObject
from memq.os.windows.device import Device
from memq.os.windows.driver_objects import directory_drivers
from memq.os.windows.major_function import MajorFunction
from memq.os.windows.ranges import loaded_type, module_list
from memq.os.windows.strings import unicode_text
from memq.schema.batch import Context, Portion
from memq.schema.declare import Cost, field, many
from memq.schema.driver import Driver
from memq.schema.kinds import Address, Boolean, Name, Number, Size, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Addresses, Array, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.schema.batch import Cut
    from memq.schema.collection import Collection
    from memq.symbols.structs import Structs

SOURCES = ("load list", "object directory")
_IN_DIRECTORY, _CARVED = 1, 2
"""How a driver's object was come by; 0 where it has none."""


class DriverObject(
    Driver,
    WindowsObject,
    identity=("module", "object"),
    example="driver.Where(!in_load_list).Select([name, base, size, object_name])",
):
    """A driver or another module of the kernel, as the load list or the object directory has it."""

    struct = "_DRIVER_OBJECT"
    can_be_carved = True

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the loaded modules in the kernel's order, then the objects that have no module."""
        kernel: WindowsKernel = context.kernel
        if kernel.triage is not None:
            from memq.os.windows.triage_objects import TriageDriver  # noqa: PLC0415 - a kind of it

            yield TriageDriver.listed(context)
            return
        walk = module_list(kernel, context.run)
        modules = np.fromiter(walk, np.uint64)
        found = directory_drivers(kernel, context.run)
        rows = _joined(kernel, modules, found.addresses)
        rows["source"] = np.where(rows["object"] != 0, _IN_DIRECTORY, 0)
        cut = joined_cut([walk.cut, found.cut])
        yield Portion(cls._with_cuts(context, rows, walk.cut, found.cut), cut)

    @classmethod
    def carved(cls, context: Context) -> Iterator[Portion]:
        """Give the objects that no directory has, but the search for their pool tags."""
        kernel: WindowsKernel = context.kernel
        listed = directory_drivers(kernel, context.run)
        found = pool_scan.carved_only(context, "Driver", listed.addresses)
        walk = module_list(kernel, context.run)
        rows = _joined(kernel, np.fromiter(walk, np.uint64), found.addresses)
        own = np.flatnonzero(rows["object"])
        rows = {name: row[own] for name, row in rows.items()}
        rows["source"] = np.full(len(own), _CARVED)
        yield Portion(cls._with_cuts(context, rows, walk.cut, listed.cut), found.cut)

    @classmethod
    def _with_cuts(
        cls, context: Context, rows: dict[str, Array], modules: Cut | None, objects: Cut | None
    ) -> DriverObject:
        """Return a batch of rows that know why a source may not have them."""
        for name, cut in (("list status", modules), ("directory status", objects)):
            reason = 0 if cut is None else int(cut.reason)
            rows[name] = np.full(len(rows["module"]), reason, np.uint8)
        return cls(context, rows)

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure: its entry of the load list, else its object."""
        module = self.rows["module"]
        return Column(np.where(module != 0, module, self.rows["object"]))

    @field()
    def name(self) -> Name:
        r"""Name of its file; of one that is not on the load list, the last part of object_name."""
        last = self._object_name().map(lambda path: path.rpartition("\\")[2])
        return self._text(unicode_text(self.kernel.space, self.modules, "BaseDllName"), last)

    @field()
    def base(self) -> Address:
        # What the kernel made itself has no place of its own (PnpManager, RAW).
        return Column(
            *known_pointers(self._number(self.modules["DllBase"], self.raw["DriverStart"]))
        )

    @field()
    def size(self) -> Size:
        return self._number(self.modules["SizeOfImage"], self.raw["DriverSize"])

    @field(Cost.FOLLOW)
    def path(self) -> Name:
        r"""Path of its file, as the system was told to load it (`\SystemRoot\...`)."""
        return unicode_text(self.kernel.space, self.modules, "FullDllName")

    @field(Cost.WALK, shown=True)
    def in_load_list(self) -> Boolean:
        """Whether the kernel's list of loaded modules has it."""
        return self._known_by(self.rows["module"] != 0, "list status")

    @field(Cost.WALK, shown=True)
    def in_object_directory(self) -> Boolean:
        r"""Whether an object in `\Driver` or `\FileSystem` begins where it does."""
        return self._known_by(self.rows["source"] == _IN_DIRECTORY, "directory status")

    @field(Cost.SCAN)
    def in_pool_scan(self) -> Boolean:
        """Whether a search of memory for pool tags finds its object; null where it has none."""
        found = pool_scan.carved(self.kernel, self.context.run, "Driver")
        places, status = self._places("object")
        return found.holds(places).under(status)

    @field(Cost.WALK)
    def sources(self) -> String:
        """What knows it: load list, object directory; pool scan where only a search does."""
        names = (SOURCES[1], pool_scan.SOURCE)
        words = ("", *names, SOURCES[0], *(f"{SOURCES[0]}, {name}" for name in names))
        code = self.rows["source"] + np.where(self.rows["module"] != 0, len(names) + 1, 0)
        known = (self.column("in_load_list"), self.column("in_object_directory"))
        return Text(code.astype(np.int64), worst(*(each.status for each in known)), words)

    @field()
    def object_address(self) -> Address:
        """Address of its object (DRIVER_OBJECT); null where it has none."""
        return Column(*self._places("object"))

    @field(Cost.FOLLOW, shown=True)
    def object_name(self) -> Name:
        r"""Name of its object, as the object itself has it: `\Driver\Tcpip`."""
        return self._object_name()

    @field(Cost.FOLLOW)
    def service_key(self) -> Name:
        r"""Name of the registry key of its service, below `Services`."""
        extension = self.raw.follow("DriverExtension", "_DRIVER_EXTENSION")
        return unicode_text(self.kernel.space, extension, "ServiceKeyName")

    @field()
    def init_address(self) -> Address:
        """Address of the function that started it (DriverInit)."""
        return self._function("DriverInit")

    @field()
    def unload_address(self) -> Address:
        """Address of the function that ends it; null where it cannot be unloaded."""
        return self._function("DriverUnload")

    @field()
    def start_io_address(self) -> Address:
        """Address of its StartIo function; null for most."""
        return self._function("DriverStartIo")

    @field()
    def object_flags(self) -> Number:
        """Flags of its object (DRVO_...)."""
        return self.raw["Flags"]

    @field()
    def entry_point(self) -> Address:
        """Address of its entry point, as its file's header had it; null where it has none."""
        return Column(*known_pointers(self.modules["EntryPoint"]))

    @field()
    def load_count(self) -> Number:
        """How many hold it, as the load list counts."""
        return self.modules["LoadCount|ObsoleteLoadCount"]

    @field()
    def load_flags(self) -> Number:
        """Flags of its entry of the load list (LDRP_...)."""
        return self.modules["Flags"]

    @field()
    def timestamp(self) -> Number:
        """What its file's header has as time stamp: seconds since 1970, or a hash of the file."""
        return self.modules["TimeDateStamp"]

    @many("major_function")
    def major_function_object(self) -> Collection:
        """The functions with which it answers requests, by their number; none without object."""
        return MajorFunction.of(self, self.raw)

    @many("device")
    def device_object(self) -> Collection:
        """Its devices, the latest first; none without object."""
        return Device.of(self, self.raw)

    @property
    def modules(self) -> Structs:
        """Their entries of the load list; null where it does not have them."""
        return self.kept("modules", lambda: self._structs(loaded_type(self.kernel), "module"))

    def _open(self) -> Structs:
        return self._structs(self.struct, "object")

    def _structs(self, name: str, row: str) -> Structs:
        found = self.kernel.structs(name, *self._places(row))
        found.check = self.context.check
        return found

    def _places(self, row: str) -> tuple[Addresses, Statuses]:
        """Return addresses; where there is none, and may be one beyond a cut, it is unknown."""
        places, status = known_pointers(Column(self.rows[row]))
        lost = self.rows["list status" if row == "module" else "directory status"]
        return places, np.where((places == 0) & (lost != 0), lost, status)

    def _object_name(self) -> Text:
        return unicode_text(self.kernel.space, self.raw, "DriverName")

    def _known_by(self, inside: Array, status: str) -> Column:
        lost = np.where(inside, np.uint8(0), self.rows[status])
        return Column(inside, lost if lost.any() else None)

    def _function(self, member: str) -> Column:
        return Column(*known_pointers(self.raw[member]))

    def _number(self, module: Column, own: Column) -> Column:
        """Return what the load list says, of what is not on it what the object says."""
        listed = self.rows["module"] != 0
        values = np.where(listed, module.values.astype(np.uint64), own.values.astype(np.uint64))
        return Column(values, np.where(listed, module.statuses, own.statuses))

    def _text(self, module: Text, own: Text) -> Text:
        listed = np.flatnonzero(self.rows["module"] != 0)
        others = np.flatnonzero(self.rows["module"] == 0)
        return joined_text(len(self), [(listed, module.take(listed)), (others, own.take(others))])


def _joined(kernel: WindowsKernel, modules: Addresses, objects: Addresses) -> dict[str, Array]:
    """Return pairs of module and object, 0 for none: the modules' order first."""
    bases = _known(kernel.structs(loaded_type(kernel), modules)["DllBase"])
    first: dict[int, int] = {}
    for row, base in enumerate(bases):
        if base:
            first.setdefault(base, row)
    own: list[list[int]] = [[] for _ in range(len(modules))]
    rest: list[int] = []
    starts = _known(kernel.structs("_DRIVER_OBJECT", objects)["DriverStart"])
    for place, start in zip(objects.tolist(), starts, strict=True):
        (own[first[start]] if start in first else rest).append(place)
    pairs = [
        (module, place)
        for module, places in zip(modules.tolist(), own, strict=True)
        for place in places or [0]
    ]
    pairs += [(0, place) for place in rest]
    table = np.array(pairs, np.uint64).reshape(-1, 2)
    return {"module": table[:, 0].copy(), "object": table[:, 1].copy()}


def _known(column: Column) -> list[int]:
    """Return addresses, 0 for those that are not known."""
    values: list[int] = np.where(column.known, column.values, np.uint64(0)).tolist()
    return values
