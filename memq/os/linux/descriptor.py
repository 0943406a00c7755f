"""Open files of processes: descriptors in a files_struct, as /proc/PID/fd and fdinfo show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Array, Column, Indexes, Statuses, Text, worst
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import joined_text, known_pointers
from memq.os.linux.base import LinuxObject
from memq.os.linux.files import FileColumn, file_column
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.handle import Handle
from memq.schema.kinds import Address, Boolean, Flags, Name, Number, String
from memq.symbols.lists import KERNEL_HALF, Cuts, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs

MAX_DESCRIPTORS = 1 << 24
"""Places in one table. An administrator can allow more (nr_open); 2^20 is the usual limit."""

O_CLOEXEC = 0o2000000

OPEN_FLAGS = (
    ("O_WRONLY", 0o1), ("O_RDWR", 0o2), ("O_APPEND", 0o2000), ("O_NONBLOCK", 0o4000),
    ("O_DSYNC", 0o10000), ("O_ASYNC", 0o20000), ("O_DIRECT", 0o40000), ("O_LARGEFILE", 0o100000),
    ("O_DIRECTORY", 0o200000), ("O_NOFOLLOW", 0o400000), ("O_NOATIME", 0o1000000),
    ("O_CLOEXEC", O_CLOEXEC), ("O_SYNC", 0o4010000), ("O_PATH", 0o10000000),
    ("O_TMPFILE", 0o20200000),
)  # fmt: skip
"""include/uapi/asm-generic/fcntl.h, which x86 follows; arm64 has four of them elsewhere.

O_RDONLY is no flag: it is 0. O_CREAT, O_EXCL, O_NOCTTY and O_TRUNC are forgotten once a file is
open (do_dentry_open in fs/open.c).
"""

_KINDS = {
    0o140000: "socket", 0o120000: "symbolic link", 0o100000: "regular file",
    0o060000: "block device", 0o040000: "directory", 0o020000: "character device",
    0o010000: "fifo",
}  # fmt: skip
_FORMAT = 0o170000
_ANONYMOUS = "anon_inode:"


class Descriptor(Handle, LinuxObject):
    """A file descriptor of a process."""

    struct = "file"

    @classmethod
    def of(cls, processes: ObjectType, tables: Structs) -> Collection:
        """Return the descriptors of each process, whose tables (files_struct) are given."""
        cuts = Cuts(len(processes))
        context = processes.context
        found = _open_files(context.kernel, context.run, tables, cuts)
        rows: dict[str, Array] = {
            "address": found.files,
            "status": found.status,
            "table": tables.addresses[found.owner],
            "descriptor": found.numbers,
            "close_on_exec": found.close_on_exec,
        }
        children = cls(context, rows, parents=Reference(processes, found.owner))
        return Collection(children, found.owner, len(processes), *cuts.columns())

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure (struct file)."""
        return self.address_column()

    @field(aliases=("fd",), shown=True)
    def descriptor(self) -> Number:
        """Number by which the process knows the file."""
        return Column(self.rows["descriptor"])

    @field(Cost.WALK)
    def name(self) -> Name:
        return self.files.names

    @field(Cost.WALK)
    def is_deleted(self) -> Boolean:
        """Whether the open file has no name in its file system any more."""
        return self.files.deleted

    @field(Cost.WALK, shown=True)
    def kind(self) -> String:
        """What sort of file: regular file, directory, socket, ...; or eventpoll, bpf-map and such.

        Of an anonymous inode it is what the kernel calls it.
        """
        mode = self.files.of_inode("i_mode")
        formats = mode.values & _FORMAT
        words = [*_KINDS.values(), "other"]
        values = np.full(len(self), len(words) - 1, np.int64)
        for number, bits in enumerate(_KINDS):
            values[formats == bits] = number
        names = self.files.names
        # What has none of these formats is an anonymous inode, of which the name alone says more.
        is_lost = (values == len(words) - 1) & (names.statuses > Reason.NULL)
        plain = Text(
            values, worst(mode.status, np.where(is_lost, names.statuses, np.uint8(0))), words
        )
        is_anonymous = names.test(lambda name: name.startswith(_ANONYMOUS))
        rows = np.flatnonzero(is_anonymous.values & is_anonymous.known)
        if not len(rows):
            return plain
        own = names.take(rows).map(lambda name: name.removeprefix(_ANONYMOUS).strip("[]"))
        return joined_text(len(self), [(np.arange(len(self)), plain), (rows, own)])

    @field(Cost.FOLLOW)
    def flags(self) -> Number:
        """How it was opened (O_RDWR, O_APPEND, ...), as fdinfo has it: close-on-exec included."""
        flags = self.files.of_file("f_flags")
        closes = np.where(self.rows["close_on_exec"], O_CLOEXEC, 0)
        return Column(flags.values & ~O_CLOEXEC | closes, flags.status)

    @field(Cost.FOLLOW, names=OPEN_FLAGS)
    def open_flags(self) -> Flags:
        """The same as flags, to be asked by name: O_WRONLY, O_RDWR, O_APPEND, O_CLOEXEC."""
        return self.flags

    @field(Cost.FOLLOW)
    def mode(self) -> Number:
        """Type and permissions of the file's inode (st_mode)."""
        return self.files.of_inode("i_mode")

    @field(Cost.FOLLOW)
    def position(self) -> Number:
        """Where in the file the next read or write begins."""
        return self.files.of_file("f_pos")

    @field(Cost.FOLLOW)
    def inode(self) -> Number:
        """Number of the file's inode."""
        return self.files.of_inode("i_ino")

    @field(Cost.FOLLOW)
    def device(self) -> String:
        """Device that holds the file, `major:minor` in hex."""
        return self.files.devices

    @property
    def files(self) -> FileColumn:
        """The open files."""
        return self.kept("files", self._files)

    def _files(self) -> FileColumn:
        pointers = Column(self.rows["address"], self.rows["status"])
        return file_column(self.kernel, self.context, pointers, mapped=False)


@dataclass(frozen=True, slots=True)
class _Open:
    """Open files of many processes, by owner and number."""

    files: Addresses
    status: Statuses
    """Why a file's address is not known, although the table says that it is open."""
    numbers: Indexes
    close_on_exec: NDArray[np.bool_]
    owner: Indexes


def _open_files(kernel: LinuxKernel, run: Run, tables: Structs, cuts: Cuts) -> _Open:
    """Read the bitmaps of open descriptors of all tables, then the pointers of the open ones.

    A bit whose pointer is null stands for a file that is just being opened, and is none yet.
    """
    table = tables.follow("fdt", "fdtable")
    size, opened, files = table["max_fds"], table["open_fds"], table["fd"]
    parents = np.arange(len(tables))
    status = np.maximum(np.maximum(size.statuses, opened.statuses), files.statuses)
    cuts.mark(parents, status, table.addresses)
    good = status == 0
    absurd = good & ((size.values < 0) | (size.values > MAX_DESCRIPTORS) | (size.values % 64 != 0))
    cuts.mark(parents[absurd], Reason.MALFORMED, table.addresses[absurd])
    words = np.where(good & ~absurd, size.values // 64, 0)
    words = within(words, parents, run.limits.children // 64, cuts)
    owner = np.repeat(parents, words)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(words) - words, words)
    bits = _words(kernel, opened, owner, number, cuts)
    used = np.flatnonzero(bits)
    owner, number, bits = owner[used], number[used], bits[used]
    closing = _words(kernel, table["close_on_exec"], owner, number, cuts)
    word, bit = np.nonzero(_unpacked(bits))
    closes = _unpacked(closing)[word, bit].astype(bool)
    owner, number = owner[word], number[word] * 64 + bit
    pointers, lost = _read(kernel, files.values[owner].astype(np.uint64), number)
    odd = (lost == 0) & (pointers != 0) & (pointers < KERNEL_HALF)
    cuts.mark(owner[odd], Reason.MALFORMED, pointers[odd])
    there = ((pointers != 0) & ~odd) | (lost != 0)
    return _Open(pointers[there], lost[there], number[there], closes[there], owner[there])


def _words(
    kernel: LinuxKernel, bitmaps: Column, owner: Indexes, number: Indexes, cuts: Cuts
) -> Addresses:
    """Return words of the owners' bitmaps; one that cannot be read is 0, and said in cuts."""
    base, status = known_pointers(bitmaps)
    words, lost = _read(kernel, base[owner], number)
    at = base[owner] + number.astype(np.uint64) * np.uint64(8)
    cuts.mark(owner, np.maximum(status[owner], lost), at)
    return np.where(lost == 0, words, np.uint64(0))


def _read(kernel: LinuxKernel, bases: Addresses, numbers: Indexes) -> tuple[Addresses, Statuses]:
    """Return the word with each number of an array of words at each base."""
    data, status = kernel.space.gather(bases + numbers.astype(np.uint64) * np.uint64(8), 8)
    return data.view(np.uint64)[:, 0], status


def _unpacked(words: Addresses) -> NDArray[np.uint8]:
    """Return the bits of words, the lowest first: uint8[n, 64]."""
    data = np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8)
    return np.unpackbits(data, axis=1, bitorder="little")
