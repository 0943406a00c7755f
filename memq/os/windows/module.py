"""Modules of processes, as the loader in each process's own memory lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from memq.column import Column, Text
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.loader import LISTS, Entries, Loader, entries
from memq.os.windows.module_images import images_of, joined
from memq.os.windows.strings import unicode_text
from memq.os.windows.times import time_column
from memq.os.windows.vad import VadObject
from memq.os.windows.wow64 import Either, layouts
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field, single
from memq.schema.kinds import Address, Boolean, Name, Number, Size, String, Time
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.os.windows.kernel import WindowsKernel
    from memq.schema.batch import Context, ObjectType
    from memq.symbols.structs import Structs

LOAD_REASONS = (
    "static dependency", "static forwarder dependency", "dynamic forwarder dependency",
    "delay-load dependency", "dynamic load", "as image", "as data", "enclave",
    "enclave dependency", "patch image",
)  # fmt: skip
"""LDR_DLL_LOAD_REASON, from 0 on."""
_STAYS = (0xFFFF, 0xFFFF_FFFF)
"""Counts of a module that is never unloaded: -1, in as many bits as they have."""


class LoadedModule(
    WindowsObject,
    name="module",
    principal="module_object",
    owner="process",
    identity=("root", "base", "address"),
    example="module.Where(!in_load_list).Select([process.pid, base, path])",
):
    """A program or library that a process has loaded."""

    struct = "_LDR_DATA_TABLE_ENTRY"

    @classmethod
    def of(cls, processes: ObjectType, native: Structs, wow64: Structs) -> Collection:
        """Return the modules of each process, whose two sorts of PEB are given.

        Those of the loader's lists come first, then images among the ranges of memory that no
        list has.
        """
        cuts = Cuts(len(processes))
        context = processes.context
        roots = native.roots if native.roots is not None else np.zeros(len(native), np.uint64)
        found = _native(context, native, cuts), _wow64(context, wow64, cuts)
        images = images_of(processes.collection("vad_object"), cuts)
        rows = joined(found[0], found[1], images)
        order = np.argsort(rows["owner"], kind="stable")
        rows = {name: values[order] for name, values in rows.items()}
        owner = rows.pop("owner")
        rows["root"] = roots[owner]
        children = cls(context, rows, parents=Reference(processes, owner))
        return Collection(children, owner, len(processes), *cuts.columns())

    @field()
    def address(self) -> Address:
        """Address of the loader's entry (LDR_DATA_TABLE_ENTRY); null for what no list has."""
        return self.address_column()

    @field(shown=True)
    def base(self) -> Address:
        """Address at which the module begins."""
        status = self.rows["base_status"]
        return Column(self.rows["base"], status if status.any() else None)

    @field(Cost.USER_MEMORY, shown=True)
    def size(self) -> Size:
        """Bytes that it takes, as the loader has it."""
        return self.entries.column(lambda entry: entry["SizeOfImage"])

    @field(Cost.USER_MEMORY, shown=True)
    def name(self) -> Name:
        """Name of its file."""
        return self.entries.text(
            lambda entry: unicode_text(self.kernel.space, entry, "BaseDllName")
        )

    @field(Cost.USER_MEMORY, shown=True)
    def path(self) -> Name:
        """Path of its file, as the loader has it."""
        return self.entries.text(
            lambda entry: unicode_text(self.kernel.space, entry, "FullDllName")
        )

    @field(Cost.USER_MEMORY)
    def entry_point(self) -> Address:
        """Address of the code that is called first; null where there is none."""
        entry = self.entries.column(lambda entry: entry["EntryPoint"])
        return entry.but(entry.known & (entry.values == 0), Reason.NULL)

    @field(Cost.USER_MEMORY)
    def timestamp(self) -> Number:
        """What its header gives as its time (TimeDateStamp); newer programs have a hash there."""
        return self.entries.column(lambda entry: entry["TimeDateStamp"])

    @field(Cost.USER_MEMORY)
    def load_time(self) -> Time:
        """When it was loaded, in UTC."""
        # LoadTime: since 7600
        ticks = self.entries.column(lambda entry: entry["LoadTime.QuadPart|LoadTime"])
        return time_column(ticks)

    @field(Cost.USER_MEMORY)
    def load_count(self) -> Number:
        """How often it is needed; -1 if it is never unloaded."""
        count = self.entries.column(self._count)
        stays = np.zeros(len(count), bool)
        for number in _STAYS:
            stays |= count.values == number
        return Column(np.where(stays, -1, count.values), count.status)

    @field(Cost.USER_MEMORY, choices=LOAD_REASONS)
    def load_reason(self) -> String:
        """What it was loaded for."""
        # LoadReason: since 9200
        reason = self.entries.column(lambda entry: entry["LoadReason"])
        is_named = (reason.values >= 0) & (reason.values < len(LOAD_REASONS))
        words = np.where(is_named, reason.values, 0)
        found = Text(words, reason.status, LOAD_REASONS)
        return found.but(found.known & ~is_named, Reason.NULL)

    @field()
    def in_load_list(self) -> Boolean:
        """Whether it is in the loader's list by order of loading."""
        return self._is_in(0)

    @field()
    def in_memory_list(self) -> Boolean:
        """Whether it is in the loader's list by place in memory."""
        return self._is_in(1)

    @field()
    def in_initialization_list(self) -> Boolean:
        """Whether it is in the list by order of initialization; a program itself never is."""
        return self._is_in(2)

    @field(Cost.WALK)
    def in_vad(self) -> Boolean:
        """Whether an image is mapped where it begins, as the kernel has it (its VADs)."""
        return Column(self.rows["vad"] != 0, self.rows["vad_status"])

    @field(Cost.WALK)
    def mapped_path(self) -> Name:
        """Path of the file that the kernel has mapped there; null where it has mapped none."""
        vads = cast("Reference", self.vad)
        return cast("Text", vads.batch.column("file_name").spread(vads.index, vads.status))

    @field()
    def is_wow64(self) -> Boolean:
        """Whether it is the loader of 32-bit code that lists it (WOW64)."""
        return Column(self.rows["is_wow64"])

    @single("vad")
    def vad(self) -> Reference:
        """The image's range of memory; null where none begins there."""
        rows = np.flatnonzero(self.rows["vad"] != 0)
        index = np.full(len(self), -1, np.int64)
        index[rows] = np.arange(len(rows))
        own = {"address": "vad", "space": "vad_space", "start": "base"}
        batch = VadObject(self.context, {name: self.rows[of][rows] for name, of in own.items()})
        status = np.where(index < 0, np.maximum(self.rows["vad_status"], Reason.NULL), 0)
        return Reference(batch, index, status.astype(np.uint8) if status.any() else None)

    @property
    def entries(self) -> Either:
        """The loader's entries."""
        return self.kept("entries", self._entries)

    def _entries(self) -> Either:
        kernel, which = self.kernel, self.rows["is_wow64"]
        addresses, status, roots = (self.rows[name] for name in ("address", "status", "root"))
        native = kernel.structs(self.struct, addresses[~which], status[~which], roots[~which])
        # Only the type of what these are is not the kernel's own.
        wow64 = kernel.structs(self.struct, addresses[which], None, roots[which])
        wow64 = wow64.at(Column(wow64.addresses), layouts(kernel).entry)
        native.check = wow64.check = self.context.check
        return Either(native, wow64, which)

    def _open(self) -> Structs:
        """Return the entries as the kernel's types have them; those of 32-bit code are null."""
        status = np.where(self.rows["is_wow64"], np.uint8(Reason.NULL), self.rows["status"])
        address, roots = self.rows["address"], self.rows["root"]
        return self.kernel.structs(self.struct, address, status, roots)

    def _count(self, entry: Structs) -> Column:
        # 9200 moved it to what modules that need each other share.
        if not entry.has("DdagNode"):
            return entry["LoadCount"]
        if entry.type is layouts(self.kernel).entry:
            return entry.at(entry["DdagNode"], layouts(self.kernel).node)["LoadCount"]
        return entry.follow("DdagNode", "_LDR_DDAG_NODE")["LoadCount"]

    def _is_in(self, number: int) -> Column:
        listed = self.rows["listed"][:, number]
        lost = np.where(listed, np.uint8(0), self.rows["list_lost"][:, number])
        return Column(listed, lost if lost.any() else None)


def _native(context: Context, blocks: Structs, cuts: Cuts) -> Entries:
    """Return what the loader of each process lists."""
    kernel: WindowsKernel = context.kernel
    data = kernel.types.struct("_PEB_LDR_DATA")
    entry = kernel.types.struct(LoadedModule.struct)
    if data is None or entry is None:
        cuts.mark(np.arange(len(blocks)), Reason.NOT_IN_KERNEL)
        lost = np.full((len(blocks), len(LISTS)), Reason.NOT_IN_KERNEL, np.uint8)
        return Entries.unknown(lost)
    loader = Loader.of(kernel.space, kernel.space.word_size, data, entry)
    return entries(loader, context.run, blocks.follow("Ldr", "_PEB_LDR_DATA"), cuts)


def _wow64(context: Context, blocks: Structs, cuts: Cuts) -> Entries:
    """Return what the loader of 32-bit code lists."""
    kernel: WindowsKernel = context.kernel
    layout = layouts(kernel)
    loader = Loader.of(kernel.space, 4, layout.loader, layout.entry)
    return entries(loader, context.run, blocks.at(blocks["Ldr"], layout.loader), cuts)
