"""Hives: the files that the registry is made of, as the kernel has loaded them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.registry.hives import Hives, hives_of, storage_length
from memq.os.windows.registry.mounts import mounts_of
from memq.os.windows.registry.nodes import Nodes
from memq.os.windows.strings import fixed_text, unicode_text
from memq.os.windows.times import time_column
from memq.schema.batch import Context, Portion
from memq.schema.collection import Reference
from memq.schema.declare import Cost, field, single
from memq.schema.kinds import Address, Boolean, Name, Size, Time

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hive(
    WindowsObject,
    name="hive",
    principal="hive_object",
    example="hive.Select([path, file_name, size])",
):
    """A hive of the registry: a tree of keys that hangs at one place in the whole."""

    struct = "_CMHIVE"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the kernel's list of hives."""
        hives = hives_of(context.kernel, context.run)
        yield Portion(cls.all(context, hives), hives.cut)

    @classmethod
    def all(cls, context: Context, hives: Hives) -> Hive:
        """Return all hives as objects."""
        numbers = np.arange(len(hives), dtype=np.int64)
        return cls(context, {"address": hives.addresses, "number": numbers})

    @property
    def hives(self) -> Hives:
        """All hives of the kernel."""
        return hives_of(self.kernel, self.context.run)

    @property
    def roots(self) -> Nodes:
        """The root keys, in their cells."""
        numbers = self.rows["number"]
        return self.kept("roots", lambda: Nodes(self.hives, numbers, self.hives.roots[numbers]))

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure (CMHIVE)."""
        return self.address_column()

    @field(Cost.WALK, shown=True)
    def path(self) -> Name:
        r"""Where it hangs: `\REGISTRY\MACHINE\SYSTEM`; null where nothing says so."""
        mounts = mounts_of(self.kernel, self.hives, self.context.run)
        return mounts.take(self.rows["number"])

    @field(Cost.FOLLOW, shown=True)
    def name(self) -> Name:
        """Path of its file as it was opened (FileFullPath); null for those without one."""
        return unicode_text(self.kernel.space, self.raw, "FileFullPath")

    @field(Cost.FOLLOW, shown=True)
    def file_name(self) -> Name:
        """Path of its file by the name of its volume (FileUserName); null for those without one."""
        return unicode_text(self.kernel.space, self.raw, "FileUserName")

    @field(Cost.FOLLOW)
    def base_name(self) -> Name:
        """The end of its file's path, as the hive itself has it: at most 31 letters."""
        data, status = self.raw.follow("Hive.BaseBlock").bytes_of("FileName")
        text = fixed_text([row.tobytes() for row in data], status)
        return text.but(text.known & text.test(lambda word: not word).values, Reason.NULL)

    @field(shown=True)
    def size(self) -> Size:
        """Bytes of its keys and values that are kept in its file."""
        return self._length(0)

    @field()
    def volatile_size(self) -> Size:
        """Bytes of its keys and values that are in memory only."""
        return self._length(1)

    @field()
    def is_volatile(self) -> Boolean:
        """Whether all of it is in memory only, without a file."""
        size = self._length(0)
        return Column(size.values == 0, size.status)

    @field(Cost.FOLLOW, shown=True)
    def last_write_time(self) -> Time:
        """When its root key was last changed, in UTC."""
        return time_column(self.roots.number(4, 8))

    @field(Cost.WALK)
    def is_in_registry_process(self) -> Boolean:
        """Whether bins of it are in the Registry process, as most are from 1803 on."""
        blocks, numbers = self.hives.blocks, self.rows["number"]
        is_user = (blocks.addresses < np.uint64(blocks.space.kernel_start)) & (blocks.status == 0)
        total = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_user)])
        starts = blocks.starts[2 * numbers], blocks.starts[2 * numbers + 2]
        return Column(total[starts[1]] > total[starts[0]])

    @single("registry")
    def root_key(self) -> Reference:
        """Its root key."""
        from memq.os.windows.registry.keys import RegistryKey  # noqa: PLC0415 - it has a hive

        keys = RegistryKey.of(self.context, self.roots)
        return Reference(keys, np.arange(len(self), dtype=np.int64))

    def _length(self, storage: int) -> Column:
        return storage_length(self.raw, storage)
