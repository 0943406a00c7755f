"""VADs: the ranges of a process's address space as the memory manager keeps them (_MMVAD)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, distinct_numbers, text_column, worst
from memq.errors import Reason
from memq.os.common import distinct_addresses
from memq.os.windows import protections, vad_pages
from memq.os.windows.base import WindowsObject
from memq.os.windows.vad_files import VadFiles
from memq.os.windows.vad_lookup import learn, roots_of
from memq.os.windows.vad_trees import PAGE_SHIFT, PRIVATE, page_numbers, vads_of
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Name, Number, Size, String
from memq.schema.vad import Vad
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.os.windows.vad_pages import CountColumns
    from memq.symbols.structs import Structs

TYPES = (
    "none", "physical", "image", "awe", "write_watch", "large_pages", "rotate",
    "large_page_section",
)  # fmt: skip
"""By VadType (MI_VAD_TYPE)."""
IMAGE, PHYSICAL = 2, 1
KINDS = ("private", "mapped", "image")
OLD_TYPES = (
    ("PhysicalMapping", PHYSICAL), ("ImageMap", IMAGE), ("UserPhysicalPages", 3),
    ("WriteWatch", 4), ("LargePages", 5),
)  # fmt: skip
"""Flags that 5.1 has instead of a type."""
_HIGH_CHARGE = np.uint64(31)
"""_MMVAD_FLAGS1.CommitCharge has so many bits."""
_ONE = np.uint64(1)


class VadObject(Vad, WindowsObject):
    """A range of a process's address space, as its tree of VADs has it."""

    struct = "_MMVAD"

    @classmethod
    def of(cls, processes: WindowsObject) -> Collection:
        """Return the VADs of each process, by start."""
        context, kernel = processes.context, processes.kernel
        cuts = Cuts(len(processes))
        learn(kernel, processes.raw.addresses)
        found = vads_of(kernel, context.run, processes.raw, cuts)
        rows = {
            "address": found.addresses,
            "space": processes.raw.addresses[found.owner],
            "start": found.first << PAGE_SHIFT,
        }
        children = cls(context, rows, parents=Reference(processes, found.owner))
        return Collection(children, found.owner, len(processes), *cuts.columns())

    @field()
    def address(self) -> Address:
        """Address of the kernel's structure (_MMVAD or _MMVAD_SHORT)."""
        return self.address_column()

    @field()
    def start(self) -> Address:
        first = self.first
        return Column(first.values << PAGE_SHIFT, first.status)

    @field()
    def end(self) -> Address:
        last = self.last
        return Column(last.values + _ONE << PAGE_SHIFT, last.status)

    @field()
    def size(self) -> Size:
        first, last = self.first, self.last
        column = Column(
            last.values - first.values + _ONE << PAGE_SHIFT, worst(first.status, last.status)
        )
        return column.but(column.known & (last.values < first.values), Reason.MALFORMED)

    @field(choices=tuple(protections.NAMES))
    def protection(self) -> String:
        """What the range was reserved with (PAGE_*); its pages may have got another one since."""
        code = self.short["u.VadFlags.Protection"]
        return Text(protections.CODES[code.values & 31], code.status, protections.NAMES)

    @field()
    def is_readable(self) -> Boolean:
        """Whether the protection that it was reserved with allows reading."""
        return self._allows(protections.READABLE)

    @field()
    def is_writable(self) -> Boolean:
        """Whether the protection that it was reserved with allows writing, copied or not."""
        return self._allows(protections.WRITABLE)

    @field()
    def is_executable(self) -> Boolean:
        """Whether the protection that it was reserved with allows executing."""
        return self._allows(protections.EXECUTABLE)

    @field()
    def is_shared(self) -> Boolean:
        """Whether it is a view of a section, which others can map too (PrivateMemory not set)."""
        private = self._private
        return Column(~private.values, private.status)

    @field()
    def is_private(self) -> Boolean:
        """Whether its memory is the process's own (PrivateMemory): the opposite of is_shared."""
        return self._private

    @field()
    def is_anonymous(self) -> Boolean:
        """Whether there is neither a file nor a device's memory behind it."""
        file, kind = self.files.pointers, self._type
        missing = np.where(file.statuses == Reason.NULL, np.uint8(0), file.statuses)
        nothing = (file.statuses == Reason.NULL) & (kind.values != PHYSICAL)
        return Column(nothing, worst(missing, kind.status))

    @field(choices=KINDS, shown=True)
    def kind(self) -> String:
        """Whether it is private memory, an image, or another section's view (mapped)."""
        private, kind = self._private, self._type
        code = np.where(private.values, 0, np.where(kind.values == IMAGE, 2, 1))
        return Text(code.astype(np.int64), worst(private.status, kind.status), KINDS)

    @field(choices=TYPES)
    def type(self) -> String:
        """The memory manager's type of it (VadType)."""
        kind = self._type
        return Text(kind.values & 7, kind.status, TYPES)

    @field()
    def committed(self) -> Size:
        """What it is charged for, in bytes (CommitCharge); of an image what is written to."""
        # 8: VadFlags1 beside the flags; 8.1: CommitChargeHigh
        charge = self.short["u1.VadFlags1.CommitCharge|u.VadFlags.CommitCharge"]
        pages = charge.values.astype(np.uint64)
        if self.short.has("CommitChargeHigh"):
            pages |= self.short["CommitChargeHigh"].values.astype(np.uint64) << _HIGH_CHARGE
        return Column(pages << PAGE_SHIFT, charge.status)

    @field()
    def tag(self) -> String:
        """Tag of the pool's block that it lies in: VadS, VadF, Vad, Vadl, each of four letters."""
        header = self.kernel.types.struct("_POOL_HEADER")
        if header is None:
            return self.absent()
        addresses = self.rows["address"] - np.uint64(header.size)
        number = self.kernel.structs("_POOL_HEADER", addresses, self.rows.get("status"))["PoolTag"]
        known = distinct_numbers(number.values)
        # The highest bit says that the block is protected, and is no part of the tag.
        words = [(int(one) & 0x7FFF_FFFF).to_bytes(4, "little").decode("latin-1") for one in known]
        index = np.searchsorted(known, number.values).astype(np.int64)
        return text_column(words).take(index).under(number.status)

    @field(Cost.FOLLOW)
    def control_area(self) -> Address:
        """Address of its section's control area (_CONTROL_AREA); null for private memory."""
        return self.files.areas

    @field(Cost.FOLLOW)
    def file_object(self) -> Address:
        """Address of the file that is mapped (_FILE_OBJECT); null where none is."""
        return self.files.pointers

    @field()
    def first_prototype(self) -> Address:
        """Address of the first prototype entry (_MMPTE) of its section; null for private memory."""
        return self._of_section("FirstPrototypePte")

    @field(Cost.WALK)
    def file_name(self) -> Name:
        """Name of the mapped file on its device; null where no file is mapped."""
        return self.file_names

    @field(Cost.WALK)
    def name(self) -> Name:
        """Name of the mapped file; null where no file is mapped."""
        return self.file_names

    @field(Cost.WALK)
    def is_deleted(self) -> Boolean:
        """Whether the mapped file is to be deleted once nobody has it open (DeletePending)."""
        return self.files.deleted

    @field(Cost.USER_MEMORY)
    def has_pe_header(self) -> Boolean:
        """Whether it begins with `MZ` and has a PE signature where that leads to."""
        asked = self.start, self.size, self._roots
        found = vad_pages.has_pe_header(self.kernel.space, *asked)
        # What is private and was never used has nothing in it; a section's page may be elsewhere.
        unused = (found.statuses == Reason.NOT_MAPPED) | (found.statuses == Reason.DEMAND_ZERO)
        private = self._private
        known = unused & private.known & private.values
        return Column(found.values, np.where(known, np.uint8(0), found.statuses))

    @field(Cost.WALK)
    def present_pages(self) -> Number:
        """How many of its pages the page tables map right now, in pages of 4 KB."""
        return self.counts.column("present")

    @field(Cost.WALK)
    def writable_pages(self) -> Number:
        """How many of its pages are present, and may be written by all levels of page tables."""
        return self.counts.right("writable")

    @field(Cost.WALK)
    def executable_pages(self) -> Number:
        """How many of its pages are present, and may be executed by all levels of page tables."""
        return self.counts.right("executable")

    @field(Cost.WALK)
    def transition_pages(self) -> Number:
        """How many of its pages are not present, but in memory still (on their way out or in)."""
        return self.counts.transition

    @property
    def short(self) -> Structs:
        """The part that every VAD has."""
        return self.kept("short", self._short)

    @property
    def first(self) -> Column:
        """Number of the first page."""
        return self.kept("first", lambda: page_numbers(self.short, "StartingVpn"))

    @property
    def last(self) -> Column:
        """Number of the last page."""
        return self.kept("last", lambda: page_numbers(self.short, "EndingVpn"))

    @property
    def file_names(self) -> Text:
        """What the mapped files are called."""
        return self.kept("file names", lambda: self.files.names)

    @property
    def files(self) -> VadFiles:
        """The mapped files."""
        return self.kept("files", lambda: VadFiles.of(self.kernel, self.context, self._of_section))

    @property
    def counts(self) -> CountColumns:
        """What the page tables say."""
        return self.kept("counts", self._counts)

    def _counts(self) -> CountColumns:
        asked = self._roots, self.first, self.last
        return vad_pages.page_counts(self.kernel, *asked, self.context.check)

    @property
    def _roots(self) -> Column:
        return self.kept("roots", self._read_roots)

    def _read_roots(self) -> Column:
        found, index = distinct_addresses(self.rows["space"])
        return roots_of(self.kernel, found).take(index)

    def _short(self) -> Structs:
        addresses, status = self.rows["address"], self.rows.get("status")
        found = self.kernel.structs("_MMVAD_SHORT", addresses, status)
        found.check = self.context.check
        return found

    def _of_section(self, member: str) -> Column:
        """Return a pointer that only views of sections have."""
        # Private memory's VAD is a short one: what lies behind it is another block.
        private = self._private
        status = np.where(private.known & private.values, np.uint8(Reason.NULL), private.statuses)
        found = self.kernel.structs("_MMVAD", self.rows["address"], status)[member]
        return found.but(found.known & (found.values == 0), Reason.NULL)

    @property
    def _private(self) -> Column:
        flag = self.short[PRIVATE]
        return Column(flag.values != 0, flag.status)

    @property
    def _type(self) -> Column:
        if self.short.has("u.VadFlags.VadType"):  # 5.2
            return self.short["u.VadFlags.VadType"]
        first = self.short["u.VadFlags.ImageMap"]
        kind = np.zeros(len(self), np.int64)
        for name, number in OLD_TYPES:
            kind[self.short[f"u.VadFlags.{name}"].values != 0] = number
        return Column(kind, first.status)

    def _allows(self, codes: frozenset[int]) -> Column:
        code = self.short["u.VadFlags.Protection"]
        table = np.array([number in codes for number in range(8)])
        return Column(table[code.values & 7], code.status)
