"""Drivers of triage minidumps, which have lists of their own in the place of the kernel's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, text_column, unknown
from memq.errors import Reason
from memq.os.windows.driver import DriverObject
from memq.os.windows.ranges import loaded_type
from memq.os.windows.unloaded_driver import UnloadedDriver
from memq.schema.batch import Cut, Portion
from memq.schema.declare import field
from memq.schema.kinds import Address, Boolean, Name, Number, Size, String, Time

if TYPE_CHECKING:
    from memq.column import Array
    from memq.layers.triage import TriageParts
    from memq.layers.triage_lists import TriageDriver as Entry
    from memq.layers.triage_lists import UnloadedDriver as UnloadedEntry
    from memq.schema.batch import Context
    from memq.symbols.structs import Structs


class TriageDriver(DriverObject):
    """A driver, as the dump's own list has it; the kernel's structures of it are not there."""

    @classmethod
    def listed(cls, context: Context) -> Portion:
        """Give the dump's list of drivers, and say so if it says that there were more."""
        parts: TriageParts = context.kernel.triage
        count = len(parts.drivers)
        nothing = np.zeros(count, np.uint64)
        rows: dict[str, Array] = {
            "module": np.arange(count, dtype=np.uint64),
            "object": nothing,
            "source": np.zeros(count, np.int64),
            "list status": np.zeros(count, np.uint8),
            "directory status": np.full(count, Reason.NOT_IN_DUMP, np.uint8),
        }
        cut = None
        if count < parts.driver_count:
            text = f"drivers cut short: the dump has {count} of {parts.driver_count}"
            cut = Cut(Reason.NOT_IN_DUMP, text)
        return Portion(cls(context, rows), cut)

    @field()
    def address(self) -> Address:
        return unknown(Reason.NOT_IN_DUMP, len(self))

    @field()
    def name(self) -> Name:
        return self._paths().map(lambda path: path.rpartition("\\")[2])

    @field()
    def path(self) -> Name:
        return self._paths()

    def _paths(self) -> Text:
        names = [one.name for one in self._told]
        lost = np.array([name is None for name in names], bool)
        return text_column(names).but(lost, Reason.MALFORMED)

    @field()
    def base(self) -> Address:
        return Column(np.array([one.base for one in self._told], np.uint64))

    @field()
    def size(self) -> Size:
        return Column(np.array([one.size for one in self._told], np.int64))

    @field()
    def timestamp(self) -> Number:
        return Column(np.array([one.time_stamp for one in self._told], np.int64))

    @field()
    def in_load_list(self) -> Boolean:
        return Column(np.ones(len(self), bool))

    @field()
    def in_object_directory(self) -> Boolean:
        return unknown(Reason.NOT_IN_DUMP, len(self))

    @field()
    def sources(self) -> String:
        return text_column(["load list"] * len(self))

    @property
    def modules(self) -> Structs:
        """Their entries of the load list, none of which is known to be there."""
        return self._lost(loaded_type(self.kernel))

    @property
    def _told(self) -> list[Entry]:
        drivers = self.kernel.triage.drivers if self.kernel.triage is not None else ()
        return [drivers[row] for row in self.rows["module"].tolist()]

    def _open(self) -> Structs:
        return self._lost(self.struct)

    def _lost(self, name: str) -> Structs:
        lost = np.full(len(self), Reason.NOT_IN_DUMP, np.uint8)
        return self.kernel.structs(name, np.zeros(len(self), np.uint64), lost)


class TriageUnloaded(UnloadedDriver):
    """A driver that is not loaded any more, as the dump's own list has it."""

    @classmethod
    def listed(cls, context: Context) -> Portion:
        """Give the dump's list, and say so if it says that there were more."""
        parts: TriageParts = context.kernel.triage
        count = len(parts.unloaded_drivers)
        rows = {"address": np.arange(count, dtype=np.uint64)}
        cut = None
        if count < parts.unloaded_count:
            text = f"unloaded drivers cut short: the dump has {count} of {parts.unloaded_count}"
            cut = Cut(Reason.NOT_IN_DUMP, text)
        return Portion(cls(context, rows), cut)

    @field()
    def address(self) -> Address:
        return unknown(Reason.NOT_IN_DUMP, len(self))

    @field()
    def name(self) -> Name:
        return text_column([one.name for one in self._told])

    @field()
    def base(self) -> Address:
        return Column(np.array([one.start for one in self._told], np.uint64))

    @field()
    def end(self) -> Address:
        return Column(np.array([one.end for one in self._told], np.uint64))

    @field()
    def size(self) -> Size:
        start, end = self.base, self.end
        return Column(end.values - start.values).but(end.values < start.values, Reason.MALFORMED)

    @field()
    def unload_time(self) -> Time:
        return unknown(Reason.NOT_IN_DUMP, len(self))

    @property
    def _told(self) -> list[UnloadedEntry]:
        drivers = self.kernel.triage.unloaded_drivers if self.kernel.triage is not None else ()
        return [drivers[row] for row in self.rows["address"].tolist()]
