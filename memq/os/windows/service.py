"""Services and drivers: what the registry configures, and what services.exe keeps of each.

The keys are those of the running control set. The records of services.exe have a service's state
and process; one that has a record and no key was taken out of the registry while it was known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, text_column, worst
from memq.errors import Reason
from memq.os.common import joined_cut, joined_text
from memq.os.windows.base import WindowsObject
from memq.os.windows.registry.cells import NO_CELL
from memq.os.windows.registry.keys import RegistryKey
from memq.os.windows.registry.lookup import control_set, key_at
from memq.os.windows.registry.nodes import Nodes
from memq.os.windows.registry.tree import Tree
from memq.os.windows.service_join import OwnRecords, matched, processes_by_number
from memq.os.windows.service_records import STATES, FoundRecords, Records, service_records
from memq.os.windows.service_settings import PARAMETERS, Settings
from memq.os.windows.times import time_column
from memq.schema.batch import Context, Cut, Portion
from memq.schema.collection import Reference
from memq.schema.declare import Cost, field, single
from memq.schema.kinds import Address, Boolean, Flags, Name, Number, String, Time
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from memq.column import Array

STARTS = ("boot", "system", "automatic", "manual", "disabled")
"""SERVICE_BOOT_START to SERVICE_DISABLED in winnt.h."""
TYPES = (
    ("SERVICE_KERNEL_DRIVER", 0x1), ("SERVICE_FILE_SYSTEM_DRIVER", 0x2), ("SERVICE_ADAPTER", 0x4),
    ("SERVICE_RECOGNIZER_DRIVER", 0x8), ("SERVICE_WIN32_OWN_PROCESS", 0x10),
    ("SERVICE_WIN32_SHARE_PROCESS", 0x20), ("SERVICE_USER_SERVICE", 0x40),
    ("SERVICE_USERSERVICE_INSTANCE", 0x80), ("SERVICE_INTERACTIVE_PROCESS", 0x100),
    ("SERVICE_PKG_SERVICE", 0x200),
)  # fmt: skip
"""winnt.h."""
DRIVERS = 0xB
"""Types that are code of the kernel."""
ERRORS = ("ignore", "normal", "severe", "critical")
"""SERVICE_ERROR_IGNORE and so on, in winnt.h."""
SERVICES_EXE, REGISTRY = "services.exe", "registry"


class Service(
    WindowsObject,
    name="service",
    principal="service_object",
    identity=("hive", "cell", "record"),
    example='service.Where(start_type == "boot").Select([name, image_path])',
):
    """A service or driver, of which the registry or services.exe knows."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the keys below Services, then the records of services that have no key."""
        tree = Tree.of(context.kernel, context.run)
        current, lost = control_set(tree)
        path = f"{current}\\Services"
        above, cut = _key(tree, path)
        unsure = (
            Cut(lost, f"services: whether {path} are the running ones is not known: {lost.text}")
            if lost
            else None
        )
        cuts = Cuts(len(above))
        found, _ = tree.children(above, cuts)
        if cuts.status.any():
            reason = Reason(int(cuts.status.max()))
            cut = Cut(reason, f"keys below {path}: cut short: {reason.text}")
        known = service_records(context.kernel, context.run)
        cuts_of_keys = joined_cut([unsure, cut])
        doubt = Reason.KNOWN if cuts_of_keys is None else cuts_of_keys.reason
        yield Portion(cls.of(context, found, known, doubt), joined_cut([cuts_of_keys, known.cut]))

    @classmethod
    def of(cls, context: Context, keys: Nodes, known: FoundRecords, doubt: Reason) -> Service:
        """Return the services that keys configure or records are of, those of one name as one.

        `doubt` is why there may be more keys.
        """
        found = matched(keys.names(), None if known.records is None else known.records.name, doubt)
        more = len(found.record) - len(keys)
        hive = np.concatenate([keys.hive, np.zeros(more, np.int64)])
        cell = np.concatenate([keys.cell, np.full(more, NO_CELL)])
        addresses, status = keys.hives.blocks.places(hive, cell, skip=4)
        rows: dict[str, Array] = {"address": addresses, "status": status, "hive": hive}
        named = {"is_registered": found.is_registered, "doubt": found.doubt, "lost": found.lost}
        return cls(context, {**rows, "cell": cell, "record": found.record, **named})

    @property
    def nodes(self) -> Nodes:
        """The keys of the services."""
        tree = Tree.of(self.kernel, self.context.run)
        return self.kept("nodes", lambda: Nodes(tree.hives, self.rows["hive"], self.rows["cell"]))

    @property
    def settings(self) -> Settings:
        """The values of the keys."""
        return self.kept("settings", lambda: Settings.of(self.nodes, self.context))

    @property
    def records(self) -> OwnRecords:
        """What services.exe has of them."""
        found = service_records(self.kernel, self.context.run)
        return OwnRecords(found, self.rows["record"], self.rows["lost"])

    @field(Cost.FOLLOW, shown=True)
    def name(self) -> Name:
        """Name of the service: that of its key, else that in its record."""
        return self._or(self.nodes.names(), lambda own: own.name)

    @field(Cost.WALK)
    def display_name(self) -> String:
        """Name for people (DisplayName); `@file,-number` where a file has it in all languages."""
        return self._or(self._text("DisplayName"), lambda own: own.display_name)

    @field(Cost.WALK)
    def description(self) -> String:
        """What it is for (Description)."""
        return self._text("Description")

    @field(Cost.WALK, shown=True, choices=STARTS)
    def start_type(self) -> String:
        """When it is started: boot, system, automatic, manual or disabled (Start)."""
        return self._named(self._numbers("Start", "start"), STARTS)

    @field(Cost.WALK, shown=True, choices=STATES)
    def state(self) -> String:
        """Whether it runs, as services.exe has it; null where that has no record of it."""
        return self.records.text(lambda own: own.state)

    @field(Cost.WALK, shown=True)
    def process_id(self) -> Number:
        """Number of the process that it runs in; null for drivers, and while it does not run."""
        return self.records.number(lambda own: own.process_id)

    @single("process", Cost.WALK)
    def process(self) -> Reference:
        """The process that it runs in; null for drivers, and while it does not run."""
        return processes_by_number(self.context, self.column("process_id"))

    @field(Cost.WALK)
    def running_path(self) -> Name:
        """What runs of it, as services.exe has it: a command line, or a driver's object."""
        return self.records.text(lambda own: own.path)

    @field(Cost.WALK)
    def in_registry(self) -> Boolean:
        """Whether a key configures it; if not, it was hidden or deleted while it was known."""
        return Column(self.rows["is_registered"], self.rows["doubt"])

    @field(Cost.WALK)
    def in_service_records(self) -> Boolean:
        """Whether services.exe has a record of it."""
        return self.records.exist()

    @field(Cost.WALK)
    def sources(self) -> String:
        """What knows it: registry, services.exe, with commas between."""
        known, both = self.column("in_registry"), f"{REGISTRY}, {SERVICES_EXE}"
        codes = known.values + 2 * (self.rows["record"] >= 0).astype(np.int64)
        status = worst(known.status, self.column("in_service_records").status)
        return Text(codes - 1, status, (REGISTRY, SERVICES_EXE, both))

    @field(Cost.WALK)
    def record_address(self) -> Address:
        """Address of its record in the memory of services.exe; null where there is none."""
        return self.records.number(lambda own: Column(own.own.addresses))

    @field(Cost.WALK, names=TYPES)
    def service_type(self) -> Flags:
        """What it is: SERVICE_KERNEL_DRIVER, SERVICE_WIN32_OWN_PROCESS and so on (Type)."""
        return self._numbers("Type", "type")

    @field(Cost.WALK, shown=True)
    def is_driver(self) -> Boolean:
        """Whether it is code of the kernel, a driver of devices or file systems."""
        kind = self._numbers("Type", "type")
        return Column(kind.values & DRIVERS != 0, kind.status)

    @field(Cost.WALK, shown=True)
    def image_path(self) -> Name:
        """What is run, or loaded (ImagePath); null where it is left to the name."""
        return self._text("ImagePath")

    @field(Cost.WALK, shown=True)
    def service_dll(self) -> Name:
        """Library that a process for many services loads (ServiceDll); null for others."""
        own, inner = self._text("ServiceDll"), self.settings.text(PARAMETERS, "ServiceDll")
        texts = zip(inner.to_list(), own.to_list(), strict=True)
        words = [deep if deep is not None else shallow for deep, shallow in texts]
        status = np.maximum(inner.statuses, own.statuses)
        known = np.array([word is not None for word in words], bool)
        return text_column(words, np.where(known, 0, status).astype(np.uint8))

    @field(Cost.WALK)
    def object_name(self) -> String:
        """Account that it runs as, of a driver the driver's object (ObjectName)."""
        return self._text("ObjectName")

    @field(Cost.WALK)
    def group(self) -> String:
        """Group that it is started with (Group)."""
        return self._text("Group")

    @field(Cost.WALK, choices=ERRORS)
    def error_control(self) -> String:
        """What is done where it fails to start: ignore, normal, severe, critical."""
        return self._named(self.settings.number("", "ErrorControl"), ERRORS)

    @field(Cost.WALK)
    def is_delayed(self) -> Boolean:
        """Whether an automatic start waits until others have started; null where not said."""
        number = self.settings.number("", "DelayedAutostart")
        return Column(number.values != 0, number.status)

    @field()
    def last_write_time(self) -> Time:
        """When its key was last changed, in UTC."""
        return time_column(self.nodes.number(4, 8))

    @field()
    def address(self) -> Address:
        """Address of the node of its key (CM_KEY_NODE)."""
        return self.address_column()

    @single("registry")
    def key_object(self) -> Reference:
        """The key that configures it."""
        rows = np.flatnonzero(self.rows["cell"] != NO_CELL)
        index = np.full(len(self), -1, np.int64)
        index[rows] = np.arange(len(rows))
        status = np.where(index < 0, np.uint8(Reason.NULL), np.uint8(0))
        return Reference(RegistryKey.of(self.context, self.nodes.take(rows)), index, status)

    def _text(self, name: str) -> Text:
        return self.settings.text("", name)

    def _numbers(self, name: str, member: str) -> Column:
        """Return a value of the keys; of what has none what its record has."""
        found, rows = self.settings.number("", name), self._keyless
        if not len(rows):
            return found
        own = self.records.number(lambda records: records.own[member]).take(rows)
        values, status = found.values.copy(), found.statuses.copy()
        values[rows], status[rows] = own.values, own.statuses
        return Column(values, status)

    def _or(self, found: Text, read: Callable[[Records], Text]) -> Text:
        """Return a text of the keys; of what has none that of its record."""
        others = self._keyless
        if not len(others):
            return found
        rows = np.flatnonzero(self.rows["cell"] != NO_CELL)
        own = self.records.text(read).take(others)
        return joined_text(len(self), [(rows, found.take(rows)), (others, own)])

    @property
    def _keyless(self) -> Array:
        return np.flatnonzero(self.rows["cell"] == NO_CELL)

    def _named(self, number: Column, words: Sequence[str]) -> Text:
        inside = number.known & (number.values >= 0) & (number.values < len(words))
        found = Text(np.where(inside, number.values, 0), number.status, words)
        return found.but(number.known & ~inside, Reason.MALFORMED)


def _key(tree: Tree, path: str) -> tuple[Nodes, Cut | None]:
    """Return the key at a path, or none and why."""
    found = key_at(tree, path)
    if not isinstance(found, Reason):
        return found, None
    reason = Reason.NOT_IN_DUMP if found is Reason.NULL else found
    nothing = tree.roots(np.zeros(0, np.int64))
    return nothing, Cut(reason, f"services: {path} is not found: {reason.text}")
