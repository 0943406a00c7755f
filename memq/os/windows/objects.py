"""Objects of the object manager: what stands before each object's body (_OBJECT_HEADER)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Array, Column, Text, text_column, worst
from memq.errors import Reason
from memq.os.common import distinct_addresses, known_pointers
from memq.os.windows.object_names import MAX_PATH, SEPARATOR, Named, paths
from memq.os.windows.object_types import type_names
from memq.os.windows.strings import unicode_text

if TYPE_CHECKING:
    from memq.column import Indexes, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

_CREATOR, _NAME = 1, 2
"""Bits of InfoMask: what stands before the header, the nearest first."""


def body_offset(kernel: WindowsKernel) -> int:
    """Return how far behind its header an object itself begins; 0 where no header is known."""
    header = kernel.types.struct("_OBJECT_HEADER")
    return 0 if header is None else header.offset("Body")


class Objects:
    """Many objects, as columns; each column is made when it is asked for."""

    def __init__(self, kernel: WindowsKernel, run: Run, bodies: Column) -> None:
        """`bodies` are the addresses of the objects themselves; a null one is no object."""
        self.kernel = kernel
        self.run = run
        self.bodies, self.status = known_pointers(bodies)
        headers = self.bodies - np.uint64(body_offset(kernel))
        self.headers = kernel.structs("_OBJECT_HEADER", headers, self.status)
        self.headers.check = run.check

    def take(self, rows: Indexes) -> Objects:
        """Return the objects at the rows."""
        taken = Objects(self.kernel, self.run, Column(self.bodies[rows], self.status[rows]))
        taken.headers = self.headers.take(rows)
        return taken

    def __len__(self) -> int:
        return len(self.bodies)

    @cached_property
    def types(self) -> Text:
        """Names of their types."""
        return type_names(self.kernel, self.run, self.headers)

    @property
    def pointer_count(self) -> Column:
        """How many references the kernel counts; of 10240 on those that are prepaid, too."""
        return self.headers["PointerCount"]

    @property
    def handle_count(self) -> Column:
        """How many handles are open to each."""
        return self.headers["HandleCount"]

    @property
    def names(self) -> Text:
        """Their own names; null where an object has none."""
        return self.named.names

    @property
    def directories(self) -> Column:
        """Addresses of the directories that they are in; null where they are in none."""
        return self.named.parents

    @cached_property
    def named(self) -> Named:
        """Names and directories."""
        infos = self._name_infos()
        return Named(unicode_text(self.kernel.space, infos, "Name"), infos["Directory"])

    @cached_property
    def paths(self) -> Text:
        r"""Full names: of an object that is in no directory its own, `\` is the root's."""
        named = self.named
        above = directory_paths(self.kernel, self.run, named.parents)
        return joined_paths(above, named.names)

    def _name_infos(self) -> Structs:
        """Return what tells the names (_OBJECT_HEADER_NAME_INFO); null where there is none."""
        headers = self.headers
        if headers.has("NameInfoOffset"):  # until Vista
            back = headers["NameInfoOffset"]
            has_name = back.values != 0
        else:
            mask = headers["InfoMask"]
            parts = (f"_OBJECT_HEADER_{name}_INFO" for name in ("CREATOR", "NAME"))
            layouts = [self.kernel.types.struct(part) for part in parts]
            sizes = [0 if layout is None else layout.size for layout in layouts]
            behind = np.where(mask.values & _CREATOR != 0, sizes[0], 0)
            back = Column(behind + sizes[1], mask.status)
            has_name = mask.values & _NAME != 0
        status = back.but(back.known & ~has_name, Reason.NULL).status
        places = headers.addresses - back.values.astype(np.uint64)
        infos = self.kernel.structs("_OBJECT_HEADER_NAME_INFO", places, status)
        infos.check = self.run.check
        return infos


def directory_paths(kernel: WindowsKernel, run: Run, directories: Column) -> Text:
    """Return the full names of directories, by the addresses of the objects themselves."""

    def read(places: Addresses) -> Named:
        named = Objects(kernel, run, Column(places)).named
        # One without a name is in none, and what is in it is named from there on.
        unnamed = named.names.statuses == Reason.NULL
        status = np.where(unnamed, np.uint8(0), named.names.statuses)
        names = text_column([name or "" for name in named.names.to_list()], status)
        return Named(names, named.parents.but(unnamed, Reason.NULL))

    return paths(run, directories, read)


def joined_paths(above: Text, names: Text) -> Text:
    """Return names with the paths before them, row by row; where there is no path, the names."""
    is_bare = above.statuses == Reason.NULL
    status = worst(np.where(is_bare, np.uint8(0), above.statuses), names.status)
    # Each pair of path and name once.
    key = np.where(is_bare, -1, above.values) * len(names.words) + names.values
    found, index = distinct_addresses(key.astype(np.int64).view(np.uint64))
    before = [path.rstrip(SEPARATOR) + SEPARATOR for path in above.words]
    words = [""] * len(found)
    for number, pair in enumerate(found.view(np.int64).tolist()):
        path, name = divmod(pair, max(len(names.words), 1))
        word = names.words[name] if names.words else ""
        words[number] = word if path < 0 else before[path] + word if word else above.words[path]
    text = text_column(words)
    text = text.but(np.fromiter(map(len, words), np.int64, len(words)) > MAX_PATH, Reason.LIMIT)
    return text.take(index).under(status)


def bodies_of(kernel: WindowsKernel, headers: Addresses, status: Statuses | None = None) -> Column:
    """Return the addresses of the objects behind headers."""
    return Column(headers + np.uint64(body_offset(kernel)), status)


def rows_by_type(types: Text) -> dict[str, Array]:
    """Return the rows of each type."""
    known = types.known
    return {
        word: rows
        for code, word in enumerate(types.words)
        if len(rows := np.flatnonzero(known & (types.values == code)))
    }
