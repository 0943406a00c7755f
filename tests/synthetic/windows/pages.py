"""Pages of a process in each state that its page tables know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows.record import Record
from tests.synthetic.windows.tables import LARGE, NO_EXECUTE, PAGE, PRESENT_WRITE, USER
from tests.synthetic.windows.truth import Hex, PageTruth

if TYPE_CHECKING:
    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.process import Process
    from tests.synthetic.windows.vads import Vad

READ_WRITE = 4 << 5
"""Protection in an entry that is not valid, at bit 5 in all builds."""
PROTOTYPE, TRANSITION = 1 << 10, 1 << 11
SWIZZLE = 1 << 4
"""SwizzleBit: the entry is not mixed with the mask of invalid entries."""
IN_VAD = 0xFFFF_FFFF_0000
"""In place of a prototype's address: the node of the range knows it."""


class Scratch:
    """Room for one entry of a page table."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.word = size

    def write(self, va: int, data: bytes) -> None:
        """Write bytes."""
        self.data[va : va + len(data)] = data

    def read(self, va: int, size: int) -> bytes:
        """Return bytes."""
        return bytes(self.data[va : va + size])


class Entries:
    """Makes entries of page tables in the words of the build."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.size = kernel.space.mode.entry_size
        self.mask = self._swizzle()

    def _swizzle(self) -> int:
        """Return what entries that are not valid are mixed with; written once (since 10, 17134)."""
        state = self.kernel.types.struct("_MI_SYSTEM_INFORMATION")
        member = None if state is None else state.find("Hardware.InvalidPteMask")
        software = self.kernel.types.struct("_MMPTE_SOFTWARE")
        if state is None or member is None or software is None or not software.has("SwizzleBit"):
            return 0
        place = self.kernel.image.address("MiState", state.size)
        if place is None:
            return 0
        mask = 1 << 45
        self.kernel.space.write(place + member.offset, mask.to_bytes(8, "little"))
        return mask

    def _mixed(self, entry: int, *, is_plain: bool) -> int:
        """Return an entry as it is kept: mixed with the mask, or marked as plain."""
        if is_plain and self.mask:
            return entry | SWIZZLE
        return entry ^ self.mask

    def transition(self, pa: int, *, is_plain: bool = False) -> int:
        """Return the entry of a page that is on its way out, and still in memory."""
        return self._mixed(pa | READ_WRITE | TRANSITION, is_plain=is_plain)

    def in_page_file(self, number: int, page: int, *, is_plain: bool = False) -> int:
        """Return the entry of a page that is in a page file."""
        scratch = Scratch(self.size)
        software = self.kernel.types.struct("_MMPTE_SOFTWARE")
        if software is not None and software.size == self.size:
            record = Record(scratch, 0, software)
            record.fill({"PageFileLow": number, "PageFileHigh": page, "Protection": 4})
            record.offer({"PageFileAllocated": 1})  # since 8
            return self._mixed(int.from_bytes(scratch.data, "little"), is_plain=is_plain)
        return page << 32 | READ_WRITE | number << 1  # PAE, with a table of a kernel without it

    def prototype(self, address: int) -> int:
        """Return the entry that leads to another, in the kernel's memory."""
        if self.kernel.word == 8:
            return (address & (1 << 48) - 1) << 16 | PROTOTYPE  # never mixed
        if self.size == 8:
            return address << 32 | PROTOTYPE
        raise ValueError("x86 without PAE has prototypes relative to the pool: not built")


class Pages:
    """Gives a process pages."""

    def __init__(self, kernel: Kernel, process: Process, entries: Entries) -> None:
        self.kernel = kernel
        self.process = process
        self.entries = entries
        self.tables = process.space.tables

    def present(self, va: int, data: bytes) -> None:
        """Add a page that is in memory."""
        self.process.space.put(va, data.ljust(PAGE, b"\0"))
        self._note(va, "present", data)

    def large(self, va: int, data: bytes) -> None:
        """Add a large page: of 2 MB, or of 4 MB without PAE."""
        size = 1 << self.kernel.space.mode.levels[-2].shift
        pa = self._content(data, size)
        guard = NO_EXECUTE if self.entries.size == 8 else 0
        self.tables.set(va, pa | PRESENT_WRITE | USER | LARGE | guard, size)
        self._note(va, "large", data)

    def transition(self, va: int, data: bytes, *, is_plain: bool = False) -> None:
        """Add a page that is in memory, but not valid any more."""
        self.tables.set(va, self.entries.transition(self._content(data), is_plain=is_plain))
        self._note(va, "transition", data)

    def in_page_file(
        self, va: int, data: bytes, number: int, page: int, *, is_plain: bool = False
    ) -> None:
        """Add a page that is in a page file."""
        self.tables.set(va, self.entries.in_page_file(number, page, is_plain=is_plain))
        self._store(data, number, page)
        self._note(va, "pagefile", data, number, page)

    def shared(
        self,
        va: int,
        data: bytes,
        vad: Vad,
        *,
        state: str = "present",
        place: tuple[int, int] = (0, 0),
        is_in_vad: bool = False,
    ) -> None:
        """Add a page of a mapped range, by its prototype entry.

        `state` is that of the prototype: present, transition or pagefile (then `place` is number
        and page). `is_in_vad`: the process's entry says only that the range's node knows it.
        """
        area, size = vad.area, self.entries.size
        if area is None:
            raise ValueError("a private range has no prototypes")
        at = area.prototypes + (va - vad.truth.start) // PAGE * size
        if state == "pagefile":
            entry = self.entries.in_page_file(*place)
            self._store(data, *place)
        elif state == "transition":
            entry = self.entries.transition(self._content(data))
        else:
            entry = self._content(data) | PRESENT_WRITE
        self.kernel.space.write(at, entry.to_bytes(size, "little"))
        self.tables.set(va, self.entries.prototype(IN_VAD if is_in_vad else at))
        self._note(va, f"prototype {state}", data, *place)

    def demand_zero(self, va: int) -> None:
        """Add a page that nobody has written to: zeros, when it is asked for."""
        self.tables.set(va, READ_WRITE)
        self._note(va, "demand zero", b"")

    def _content(self, data: bytes, size: int = PAGE) -> int:
        pa = self.kernel.memory.allocate(size, size)
        self.kernel.memory.write(pa, data)
        return pa

    def _store(self, data: bytes, number: int, page: int) -> None:
        self.kernel.page_files.setdefault(number, {})[page] = data.ljust(PAGE, b"\0")

    def _note(self, va: int, state: str, data: bytes, number: int = 0, page: int = 0) -> None:
        truth = PageTruth(self.process.truth.pid, Hex(va), state, data, number, page)
        self.kernel.truth.pages.append(truth)
