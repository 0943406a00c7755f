"""Open and mapped files (struct file): few distinct ones behind many descriptors and mappings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Indexes, Text, distinct, distinct_rows
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import Distinct, distinct_structs
from memq.os.linux.paths import Paths, paths_of

if TYPE_CHECKING:
    from memq.os.linux.kernel import LinuxKernel
    from memq.schema.batch import Context
    from memq.symbols.structs import Structs

FMODE_BACKING = 1 << 25
"""include/linux/fs.h: the file is that of another file system behind an overlay."""

MINOR_BITS = 20


class Files:
    """Distinct files, each read at most once."""

    def __init__(
        self, kernel: LinuxKernel, context: Context, files: Structs, *, mapped: bool
    ) -> None:
        """With `mapped`, of a file behind an overlay the one that the process opened counts."""
        self.kernel = kernel
        self.context = context
        """Not the run: what is read of files is asked for by later runs, too."""
        self.files = files
        self.mapped = mapped

    @cached_property
    def _paths(self) -> Structs:
        """The files' `struct path`."""
        opened = self.files.embedded("f_path", "path")
        # def3ae83da02 (6.7): a mapping's file is the one below the overlay, and knows the other
        backing = self.kernel.types.struct("backing_file")
        if not self.mapped or backing is None or not backing.has("user_path"):
            return opened
        mode = self.files["f_mode"]
        is_backing = mode.known & (mode.values & mode.values.dtype.type(FMODE_BACKING) != 0)
        if not is_backing.any():
            return opened
        of_user = self.files.addresses + np.uint64(backing.offset("user_path"))
        addresses = np.where(is_backing, of_user, opened.addresses)
        return self.kernel.structs("path", addresses, self.files.status)

    @cached_property
    def paths(self) -> Paths:
        """What the files are called."""
        return paths_of(self.kernel, self.context.run, self._paths)

    @cached_property
    def inodes(self) -> Distinct:
        """The files' inodes."""
        if self._is_plain:
            return self._distinct("inode", self.files["f_inode"])
        dentries = self._distinct("dentry", self._paths["dentry"])
        return self._distinct("inode", dentries["d_inode"])

    def _distinct(self, name: str, pointers: Column) -> Distinct:
        return distinct_structs(self.kernel, name, pointers, self.context.check)

    @property
    def _is_plain(self) -> bool:
        """Whether every file is the one that the process opened, so that it knows the inode."""
        paths = self._paths.addresses
        return bool((paths == self.files.address_of("f_path")).all())

    @cached_property
    def devices(self) -> Text:
        """The devices that hold the files: `major:minor` in hex."""
        device = self._distinct("super_block", self.inodes["i_sb"])["s_dev"]
        rows, places = distinct_rows(device.values)
        mask = (1 << MINOR_BITS) - 1
        texts = (
            f"{number >> MINOR_BITS:02x}:{number & mask:02x}"
            for number in device.values[rows].tolist()
        )
        codes, words = distinct(texts)
        values = codes[places] if len(codes) else places
        return Text(values, device.status, words)


@dataclass(frozen=True, slots=True)
class FileColumn:
    """For each row the place of its file among distinct ones."""

    files: Files
    index: Indexes

    def take(self, index: Indexes) -> FileColumn:
        """Return the files of some of the rows; what was read of them is shared."""
        return FileColumn(self.files, self.index[index])

    @property
    def names(self) -> Text:
        """What the files are called; null where there is none."""
        return self.files.paths.names.take(self.index)

    @property
    def deleted(self) -> Column:
        """Whether /proc appends ` (deleted)`; false where there is no file."""
        column = self.files.paths.deleted.take(self.index)
        null = column.statuses == Reason.NULL
        return Column(column.values & ~null, np.where(null, np.uint8(0), column.statuses))

    @property
    def devices(self) -> Text:
        """The devices that hold the files; null where there is no file."""
        return self.files.devices.take(self.index)

    def of_inode(self, member: str) -> Column:
        """Return a member of the files' inodes; null where there is no file."""
        return self.files.inodes[member].take(self.index)

    def of_file(self, member: str) -> Column:
        """Return a member of the files themselves; null where there is none."""
        return self.files.files[member].take(self.index)


def file_column(
    kernel: LinuxKernel, context: Context, pointers: Column, *, mapped: bool
) -> FileColumn:
    """Return the files that a column points to."""
    found = distinct_structs(kernel, "file", pointers, context.check)
    return FileColumn(Files(kernel, context, found.structs, mapped=mapped), found.index)
