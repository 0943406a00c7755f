"""Names of files that stand in no directory: sockets, pipes, anonymous inodes, memory files.

The kernel asks a function of the dentry (`d_op->d_dname`) for them. Which function that is, its
symbol tells; what each of those functions prints is written down here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from memq.column import Text, text_column, worst
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_addresses, joined_text, known_pointers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memq.column import Array
    from memq.os.linux.kernel import LinuxKernel
    from memq.symbols.structs import Structs

MAX_NAME = 256

Maker: TypeAlias = "Callable[[LinuxKernel, Structs], Text]"


@dataclass(frozen=True, slots=True)
class FunctionNames:
    """For each dentry the name that its function prints."""

    names: Text
    is_named: NDArray[np.bool_]
    """Where there is such a function."""
    deleted: NDArray[np.bool_]
    """Where the function appends ` (deleted)` to it."""


def names_by_function(kernel: LinuxKernel, dentries: Structs) -> FunctionNames:
    """Return the names of those dentries that a function names."""
    functions = _functions(kernel, dentries)
    parts: list[tuple[Array, Text]] = []
    is_named, deleted = np.zeros(len(dentries), bool), np.zeros(len(dentries), bool)
    for name, rows in functions.items():
        maker, is_deleted = MAKERS[name]
        names = maker(kernel, dentries.take(rows))
        # It prints something of every dentry that is in order.
        parts.append((rows, names.but(names.statuses == Reason.NULL, Reason.MALFORMED)))
        is_named[rows], deleted[rows] = True, is_deleted
    return FunctionNames(joined_text(len(dentries), parts), is_named, deleted)


def _functions(kernel: LinuxKernel, dentries: Structs) -> dict[str, Array]:
    """Return for each function that is known the rows whose dentries it names."""
    operations, _ = known_pointers(dentries["d_op"])
    found, spread = distinct_addresses(operations)
    missing = np.where(found == 0, np.uint8(Reason.NULL), np.uint8(0))
    tables = kernel.structs("dentry_operations", found, missing)
    functions, status = known_pointers(tables["d_dname"])
    there = np.flatnonzero(status == 0)
    rows: dict[str, Array] = {}
    for place, symbol in zip(there, kernel.symbols.symbols_at(functions[there]), strict=True):
        if symbol is not None and symbol[1] == 0 and symbol[0] in MAKERS:
            more = np.flatnonzero(spread == place)
            rows[symbol[0]] = np.concatenate([rows.get(symbol[0], more[:0]), more])
    return rows


def _own_name(kernel: LinuxKernel, dentries: Structs) -> Text:
    pointer = dentries["d_name.name"]
    return kernel.space.text(pointer.values, MAX_NAME).under(pointer.status)


def _numbered(kind: str) -> Maker:
    """Return the maker of `kind:[inode number]`."""

    def make(kernel: LinuxKernel, dentries: Structs) -> Text:
        del kernel
        inode = dentries.follow("d_inode", "inode")["i_ino"]
        return text_column([f"{kind}:[{number}]" for number in inode.values.tolist()], inode.status)

    return make


def _anonymous(kernel: LinuxKernel, dentries: Structs) -> Text:
    return _own_name(kernel, dentries).map("anon_inode:{}".format)


def _simple(kernel: LinuxKernel, dentries: Structs) -> Text:
    return _own_name(kernel, dentries).map("/{}".format)


def _pidfd(kernel: LinuxKernel, dentries: Structs) -> Text:
    del kernel
    return text_column(["anon_inode:[pidfd]"] * len(dentries))


def _dma_buffer(kernel: LinuxKernel, dentries: Structs) -> Text:
    name = _own_name(kernel, dentries)
    pointer = dentries.follow("d_fsdata", "dma_buf")["name"]
    given = kernel.space.text(pointer.values, MAX_NAME).to_list()
    strings = [f"/{own}:{more or ''}" for own, more in zip(name.to_list(), given, strict=True)]
    return text_column(strings, worst(name.status, pointer.status))


def _namespace(kernel: LinuxKernel, dentries: Structs) -> Text:
    """Name a namespace: `net:[4026531840]`.

    What kind it is its operations say; in `d_fsdata` they are no more since 1fa08aece425 (6.9).
    """
    inodes = dentries.follow("d_inode", "inode")
    number = inodes["i_ino"]
    operations = inodes.follow("i_private", "ns_common")["ops"]
    pointer = kernel.structs("proc_ns_operations", *known_pointers(operations))["name"]
    kind = kernel.space.text(pointer.values, MAX_NAME).under(pointer.status)
    pairs = zip(kind.to_list(), number.values.tolist(), strict=True)
    return text_column([f"{name}:[{n}]" for name, n in pairs], worst(kind.status, number.status))


MAKERS: dict[str, tuple[Maker, bool]] = {
    "sockfs_dname": (_numbered("socket"), False),
    "pipefs_dname": (_numbered("pipe"), False),
    "anon_inodefs_dname": (_anonymous, False),
    "ns_dname": (_namespace, False),
    "pidfs_dname": (_pidfd, False),
    "simple_dname": (_simple, True),
    "dmabuffs_dname": (_dma_buffer, False),
}
"""What each function prints, and whether ` (deleted)` is part of it."""
