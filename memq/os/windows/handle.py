"""Handles of processes, as the kernel's handle tables have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, distinct_numbers
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_addresses
from memq.os.windows.access_rights import RIGHTS, RIGHTS_BY_TYPE
from memq.os.windows.base import WindowsObject
from memq.os.windows.handle_table import AUDIT, INHERIT, PROTECT_FROM_CLOSE, open_handles
from memq.os.windows.object_labels import labels
from memq.os.windows.objects import Objects, body_offset
from memq.os.windows.remembered import remembered
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field, single
from memq.schema.handle import Handle
from memq.schema.kinds import Address, Boolean, Flags, Name, Number, String
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.column import Array, Indexes, Statuses
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs

ATTRIBUTES = (
    ("PROTECT_FROM_CLOSE", PROTECT_FROM_CLOSE),
    ("INHERIT", INHERIT),
    ("AUDIT", AUDIT),
)

_LABELS = "labels of objects"


class HandleObject(
    Handle,
    WindowsObject,
    identity=("entry",),
    example='handle.Where(type == "Process" && granted_access.Has("PROCESS_VM_WRITE"))'
    ".Select([process.pid, process.name, name])",
):
    """A handle of a process: what it has opened, and what it may do with it."""

    @classmethod
    def of(cls, processes: ObjectType, tables: Structs) -> Collection:
        """Return the handles of each process, whose tables (_HANDLE_TABLE) are given."""
        cuts = Cuts(len(processes))
        context = processes.context
        kernel = context.kernel
        found = open_handles(kernel, context.run, tables, cuts)
        rows: dict[str, Array] = {
            "address": found.objects + np.uint64(body_offset(kernel)),
            "entry": found.entries,
            "table": tables.addresses[found.owner],
            "value": found.numbers,
            "access": found.access,
            "attributes": found.attributes,
        }
        children = cls(context, rows, parents=Reference(processes, found.owner))
        return Collection(children, found.owner, len(processes), *cuts.columns())

    @field()
    def address(self) -> Address:
        """Address of the object that it stands for, behind the object's header."""
        return self.address_column()

    @field(aliases=("handle_value",), shown=True)
    def value(self) -> Number:
        """Number by which the process knows it."""
        return Column(self.rows["value"])

    @field(Cost.FOLLOW, shown=True)
    def type(self) -> String:
        """What sort of object it stands for: File, Key, Process, Thread, Event, Section, ..."""
        return self.objects.types

    @field(names=RIGHTS, names_by=RIGHTS_BY_TYPE, shown=True)
    def granted_access(self) -> Flags:
        """What may be done through it: PROCESS_VM_WRITE, FILE_READ_DATA, DELETE, ...

        A name of one type's rights is of its handles alone: none of another type has it.
        """
        return Column(self.rows["access"])

    @field(Cost.WALK)
    def name(self) -> Name:
        return self.objects.labels()

    @field(Cost.FOLLOW)
    def object_name(self) -> Name:
        """Name that the object itself has, without the directories that it is in; often null."""
        return self.objects.names

    @field(names=ATTRIBUTES)
    def attributes(self) -> Flags:
        """How it was opened: whether it can be closed, is passed on, and its closing is logged."""
        return Column(self.rows["attributes"])

    @field()
    def is_inherited(self) -> Boolean:
        """Whether processes that its process starts get it, too."""
        return Column(self.rows["attributes"] & INHERIT != 0)

    @field(Cost.FOLLOW)
    def is_kernel_handle(self) -> Boolean:
        """Whether it is in the table of System, whose handles only the kernel can use."""
        system = self.kernel.system_process
        place = np.array([system or 0], np.uint64)
        table = self.kernel.structs("_EPROCESS", place)["ObjectTable"]
        known = np.repeat(table.statuses, len(self))
        return Column(self.rows["table"] == table.values[0], known if known.any() else None)

    @field(Cost.FOLLOW)
    def handle_count(self) -> Number:
        """How many handles to the same object the kernel counts, in all processes."""
        return self.objects.spread(self.objects.objects.handle_count)

    @field(Cost.FOLLOW)
    def pointer_count(self) -> Number:
        """How many references to the object the kernel counts; some are taken in advance."""
        return self.objects.spread(self.objects.objects.pointer_count)

    @field()
    def entry_address(self) -> Address:
        """Address of its entry in the table."""
        return Column(self.rows["entry"])

    @single("process")
    def target_process(self) -> Reference:
        """The process that it stands for; null where it stands for something else."""
        from memq.os.windows.process import ProcessObject  # noqa: PLC0415 - it imports this

        status = self.objects.not_of_type("Process")
        return ProcessObject.referred(self.context, Column(self.rows["address"], status))

    @property
    def objects(self) -> HandleTargets:
        """The objects that the handles stand for."""
        return self.kept("objects", self._objects)

    def _objects(self) -> HandleTargets:
        found, index = distinct_addresses(self.rows["address"])
        return HandleTargets(Objects(self.kernel, self.context.run, Column(found)), index)


@dataclass(frozen=True, slots=True)
class HandleTargets:
    """Objects of which each is there once, and for each handle which of them it stands for."""

    objects: Objects
    index: Indexes

    def take(self, index: Indexes) -> HandleTargets:
        """Return what some of the handles stand for."""
        return HandleTargets(self.objects, self.index[index])

    def spread(self, column: Column) -> Column:
        """Return a column of the objects, for the handles."""
        return column.take(self.index)

    @property
    def types(self) -> Text:
        """Names of the objects' types."""
        return self.objects.types.take(self.index)

    @property
    def names(self) -> Text:
        """The objects' own names."""
        return self.objects.names.take(self.index)

    def not_of_type(self, name: str) -> Statuses:
        """Return why handles do not stand for objects of one type; 0 for those that do."""
        types = self.types
        is_other = types.known & ~types.test(lambda word: word == name).values
        return np.where(is_other, np.uint8(Reason.NULL), types.statuses)

    def labels(self) -> Text:
        """Return what the objects are called; of those alone that a handle here stands for."""
        used = distinct_numbers(self.index)
        objects = self.objects if len(used) == len(self.objects) else self.objects.take(used)

        def find(rows: Indexes) -> Text:
            new = objects.take(rows)
            return labels(new.kernel, new.run, new, new.types)

        found = remembered(objects.kernel, _LABELS).of(objects.bodies, find)
        return found.take(np.searchsorted(used, self.index))
