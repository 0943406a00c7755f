"""What the object types have in common that directories and handles lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from memq.column import Column, text_column
from memq.os.windows import pool_scan
from memq.os.windows.base import WindowsObject
from memq.os.windows.directories import directory_objects
from memq.os.windows.known_objects import (
    CARVED,
    IN_DIRECTORY,
    IN_HANDLES,
    SOURCES,
    KnownObjects,
    handle_objects,
    known_objects,
)
from memq.os.windows.objects import Objects
from memq.schema.batch import Context, Portion
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Name, Number, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.schema.batch import Cut


class KnownObject(WindowsObject):
    """An object with a header, which directories or handles lead to."""

    kind: ClassVar[str] = ""
    """The kernel's name of the type of object."""
    can_be_carved = True

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give those in directories, level by level, then those that only handles lead to."""
        found = cls.known(context)
        rows = {"address": found.addresses, "sources": found.sources}
        yield Portion(cls(context, rows), found.cut)

    @classmethod
    def known(cls, context: Context) -> KnownObjects:
        """Return what is known to lead to such objects."""
        return known_objects(context.kernel, context.run, cls.kind)

    @classmethod
    def carved(cls, context: Context) -> Iterator[Portion]:
        """Give those that only the search for their pool tags finds."""
        found = pool_scan.carved_only(context, cls.kind, cls.known(context).addresses)
        sources = np.full(len(found.addresses), CARVED, np.int64)
        rows = {"address": found.addresses, "sources": sources}
        yield Portion(cls(context, rows), found.cut)

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure, behind the object's header."""
        return self.address_column()

    @field(Cost.FOLLOW, shown=True)
    def name(self) -> Name:
        """Name of its own, without the directories that it is in; null where it has none."""
        return self.objects.names

    @field(Cost.WALK)
    def path(self) -> Name:
        r"""Full name, from `\` on; null where it has no name."""
        return self.objects.paths

    @field(Cost.FOLLOW)
    def handle_count(self) -> Number:
        """How many handles to it the kernel counts, in all processes."""
        return self.objects.handle_count

    @field(Cost.WALK)
    def in_directory(self) -> Boolean:
        """Whether an object directory leads to it."""
        return self._is_in(IN_DIRECTORY, directory_objects(self.kernel, self.context.run).cut)

    @field(Cost.WALK)
    def in_handles(self) -> Boolean:
        """Whether a handle of any process leads to it."""
        return self._is_in(IN_HANDLES, handle_objects(self.kernel, self.context.run).cut)

    @field(Cost.SCAN)
    def in_pool_scan(self) -> Boolean:
        """Whether a search of memory for pool tags finds it; of what has ended, it may."""
        found = pool_scan.carved(self.kernel, self.context.run, self.kind)
        return found.holds(self.rows["address"])

    @field()
    def sources(self) -> String:
        """What leads to it, with commas between: directory, handles; pool scan for nothing else."""
        bits = self.rows["sources"].tolist()
        return text_column(
            [", ".join(word for bit, word in SOURCES.items() if one & bit) or None for one in bits]
        )

    def _is_in(self, source: int, cut: Cut | None) -> Column:
        """Whether a source has the objects; of those that it may have lost, unknown."""
        inside = self.rows["sources"] & source != 0
        return Column(inside) if cut is None else Column(inside).but(~inside, cut.reason)

    @property
    def objects(self) -> Objects:
        """What their headers tell."""
        return self.kept("objects", self._objects)

    def _objects(self) -> Objects:
        places = Column(self.rows["address"], self.rows.get("status"))
        return Objects(self.kernel, self.context.run, places)
