"""Services and drivers, as the registry of the running control set configures them.

What services.exe keeps of each (its state, its process) is in that process's own memory, in records
whose layout changes with builds and is in no public table; it is not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, text_column
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.registry.keys import RegistryKey
from memq.os.windows.registry.lookup import Datum, Found, control_set, key_at, values_of
from memq.os.windows.registry.nodes import Nodes
from memq.os.windows.registry.tree import Tree
from memq.os.windows.times import time_column
from memq.schema.batch import Context, Cut, Portion
from memq.schema.collection import Reference
from memq.schema.declare import Cost, field, single
from memq.schema.kinds import Address, Boolean, Flags, Name, String, Time
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
_OWN = (
    "Type", "Start", "ErrorControl", "ImagePath", "DisplayName", "Description", "ObjectName",
    "Group", "DelayedAutostart", "ServiceDll",
)  # fmt: skip
_PARAMETERS = "parameters"


class Service(
    WindowsObject,
    name="service",
    principal="service_object",
    identity=("hive", "cell"),
    example='service.Where(start_type == "boot").Select([name, image_path])',
):
    """A service or driver that the registry configures."""

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the keys below Services of the control set that the system runs with."""
        tree = Tree.of(context.kernel, context.run)
        path = f"{control_set(tree)}\\Services"
        above, cut = _key(tree, path)
        cuts = Cuts(len(above))
        found, _ = tree.children(above, cuts)
        if cuts.status.any():
            reason = Reason(int(cuts.status.max()))
            cut = Cut(reason, f"keys below {path}: cut short: {reason.text}")
        yield Portion(cls.of(context, found), cut)

    @classmethod
    def of(cls, context: Context, keys: Nodes) -> Service:
        """Return the services that keys configure."""
        addresses, status = keys.hives.blocks.places(keys.hive, keys.cell, skip=4)
        rows: dict[str, Array] = {"address": addresses, "status": status}
        return cls(context, {**rows, "hive": keys.hive, "cell": keys.cell})

    @property
    def nodes(self) -> Nodes:
        """The keys of the services."""
        tree = Tree.of(self.kernel, self.context.run)
        return self.kept("nodes", lambda: Nodes(tree.hives, self.rows["hive"], self.rows["cell"]))

    @property
    def settings(self) -> _Settings:
        """The values of the keys."""
        return self.kept("settings", lambda: _Settings.of(self.nodes, self.context))

    @field(Cost.FOLLOW, shown=True)
    def name(self) -> Name:
        """Name of the service: that of its key."""
        return self.nodes.names()

    @field(Cost.WALK)
    def display_name(self) -> String:
        """Name for people (DisplayName); `@file,-number` where a file has it in all languages."""
        return self._text("DisplayName")

    @field(Cost.WALK)
    def description(self) -> String:
        """What it is for (Description)."""
        return self._text("Description")

    @field(Cost.WALK, shown=True, choices=STARTS)
    def start_type(self) -> String:
        """When it is started: boot, system, automatic, manual or disabled (Start)."""
        return self._choice("Start", STARTS)

    @field(Cost.WALK, names=TYPES)
    def service_type(self) -> Flags:
        """What it is: SERVICE_KERNEL_DRIVER, SERVICE_WIN32_OWN_PROCESS and so on (Type)."""
        return self._number("Type")

    @field(Cost.WALK, shown=True)
    def is_driver(self) -> Boolean:
        """Whether it is code of the kernel, a driver of devices or file systems."""
        kind = self._number("Type")
        return Column(kind.values & DRIVERS != 0, kind.status)

    @field(Cost.WALK, shown=True)
    def image_path(self) -> Name:
        """What is run, or loaded (ImagePath); null where it is left to the name."""
        return self._text("ImagePath")

    @field(Cost.WALK, shown=True)
    def service_dll(self) -> Name:
        """Library that a process for many services loads (ServiceDll); null for others."""
        own, inner = self._text("ServiceDll"), self.settings.text(_PARAMETERS, "ServiceDll")
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
        return self._choice("ErrorControl", ERRORS)

    @field(Cost.WALK)
    def is_delayed(self) -> Boolean:
        """Whether an automatic start waits until others have started; null where not said."""
        number = self._number("DelayedAutostart")
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
        keys = RegistryKey.of(self.context, self.nodes)
        return Reference(keys, np.arange(len(self), dtype=np.int64))

    def _text(self, name: str) -> Text:
        return self.settings.text("", name)

    def _number(self, name: str) -> Column:
        found = [datum.number for datum in self.settings.data("", name)]
        values = [0 if isinstance(one, Reason) else one for one in found]
        status = np.array([one if isinstance(one, Reason) else 0 for one in found], np.uint8)
        return Column(np.array(values, np.uint64).astype(np.int64), status)

    def _choice(self, name: str, words: Sequence[str]) -> Text:
        number = self._number(name)
        inside = number.known & (number.values >= 0) & (number.values < len(words))
        found = Text(np.where(inside, number.values, 0), number.status, words)
        return found.but(number.known & ~inside, Reason.MALFORMED)


class _Settings:
    """The values of services' keys, and of the keys below them that are named Parameters."""

    def __init__(self, parts: dict[str, tuple[Found, Array]], lost: Array) -> None:
        """For each part, what was found, and for each service its row there (-1: none).

        `lost` says why a service may have keys below it that were not found.
        """
        self._parts = parts
        self._lost = lost

    @classmethod
    def of(cls, keys: Nodes, context: Context) -> _Settings:
        """Read the values of services' keys."""
        tree = Tree.of(context.kernel, context.run)
        limit = context.run.limits.children
        cuts = Cuts(len(keys))
        below, owner = tree.children(keys, cuts)
        named = below.names().test(lambda name: name.casefold() == _PARAMETERS)
        rows = np.flatnonzero(named.known & named.values)
        index = np.full(len(keys), -1, np.int64)
        index[owner[rows]] = np.arange(len(rows))
        parts = {
            "": (values_of(keys, _OWN, limit), np.arange(len(keys))),
            _PARAMETERS: (values_of(below.take(rows), ("ServiceDll",), limit), index),
        }
        return cls(parts, cuts.status)

    def take(self, index: Array) -> _Settings:
        """Return those of some of the services."""
        parts = {name: (found, own[index]) for name, (found, own) in self._parts.items()}
        return _Settings(parts, self._lost[index])

    def data(self, part: str, name: str) -> list[Datum]:
        """Return a value of each service."""
        found, index = self._parts[part]
        missing = [Datum(0, b"", int(lost) or int(Reason.NULL)) for lost in self._lost.tolist()]
        return [
            none if row < 0 else found.of(row, name)
            for row, none in zip(index.tolist(), missing, strict=True)
        ]

    def text(self, part: str, name: str) -> Text:
        """Return a value of each service as text."""
        texts = [datum.text for datum in self.data(part, name)]
        status = np.array([one if isinstance(one, Reason) else 0 for one in texts], np.uint8)
        return text_column([None if isinstance(one, Reason) else one for one in texts], status)


def _key(tree: Tree, path: str) -> tuple[Nodes, Cut | None]:
    """Return the key at a path, or none and why."""
    found = key_at(tree, path)
    if not isinstance(found, Reason):
        return found, None
    reason = Reason.NOT_IN_DUMP if found is Reason.NULL else found
    nothing = tree.roots(np.zeros(0, np.int64))
    return nothing, Cut(reason, f"services: {path} is not found: {reason.text}")
