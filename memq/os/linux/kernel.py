"""The Linux kernel of a dump, found without any file of symbols.

Everything comes out of the dump: symbols from kallsyms, types from BTF. Three ways lead there, and
each candidate proves itself or is refused with a reason: VMCOREINFO where the dump has it in a
note; the structure of the kernel's image; VMCOREINFO found in a search of all memory.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import SymbolError
from memq.node import dataclass
from memq.os.linux.addressing import SYMBOLS as ADDRESSING_SYMBOLS
from memq.os.linux.addressing import addressing_of
from memq.os.linux.locate import (
    KERNEL_MAP,
    hinted_candidate,
    page_candidates,
)
from memq.os.linux.placing import placed
from memq.os.linux.proof import prove
from memq.os.linux.sections import section_of
from memq.os.linux.vmcoreinfo import BANNER, MAX_SIZE, Vmcoreinfo, search
from memq.symbols.btf import Btf
from memq.symbols.kallsyms_tables import find_tables
from memq.symbols.structs import Structs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from memq.column import Addresses, Statuses
    from memq.layers.paging import PagingMode
    from memq.layers.physical import PhysicalMemory
    from memq.layers.space import AddressSpace
    from memq.os.linux.locate import Candidate
    from memq.os.linux.ranges import Ranges
    from memq.progress import Progress
    from memq.run import Run
    from memq.symbols.kallsyms import Kallsyms
    from memq.symbols.types import Types

LINKED_AT = 0xFFFF_FFFF_8100_0000
"""Where _text is without KASLR (CONFIG_PHYSICAL_START 16 MB, which no distribution changes)."""

_SYMBOLS = (
    *ADDRESSING_SYMBOLS, "_stext", "_etext", "__start_BTF", "__stop_BTF", "init_uts_ns",
    "vmcoreinfo_data", "vmcoreinfo_size",
)  # fmt: skip
"""Asked for at once: a kernel without an order by name is searched but once for all of them."""
_MAX_BTF = 16 << 20
"""BTF_MAX_SIZE: the kernel itself takes no more."""
_MAX_BANNER = 512
_TOLD = 3
"""Refused candidates of which an error tells the reasons."""


@dataclass(slots=True, eq=False)
class LinuxKernel:
    """A kernel that has proven itself, and what all that reads its objects needs."""

    physical: PhysicalMemory
    space: AddressSpace
    """The kernel's address space; user memory is read through it with other roots."""
    symbols: Kallsyms
    types: Types
    mode: PagingMode
    root: int
    """Physical address of the kernel's own top page table."""
    phys_base: int
    """Of the image: physical address = address - KERNEL_MAP + phys_base."""
    page_offset: int
    """Address at which physical address 0 is mapped."""
    banner: str
    """What /proc/version says."""
    info: Vmcoreinfo = field(default_factory=Vmcoreinfo)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    """What was found out once about this kernel, by whoever needs it again."""

    @property
    def release(self) -> str:
        """What uname -r says: the third word of the banner."""
        words = self.banner.split(maxsplit=3)
        return words[2] if len(words) > 2 else ""

    @property
    def vmcoreinfo(self) -> dict[str, str]:
        """The lines of this kernel's VMCOREINFO; empty where it has none."""
        return self.info.entries

    @property
    def is_five_level(self) -> bool:
        """Whether page tables have five levels."""
        return len(self.mode.levels) == 5

    @property
    def kaslr_shift(self) -> int:
        """How far the kernel's image is from where it was linked."""
        return self.symbol("_text") - LINKED_AT

    @property
    def image(self) -> range:
        """Addresses of the kernel's image."""
        return range(self.symbol("_text"), self.symbol("_end"))

    @property
    def text(self) -> range:
        """Addresses of the kernel's code; of what runs only at boot, and of modules, none."""
        return range(self.symbol("_stext"), self.symbol("_etext"))

    def is_kernel_text(self, addresses: Addresses) -> NDArray[np.bool_]:
        """Whether each address is in the kernel's own code."""
        text = self.text
        return (addresses >= np.uint64(text.start)) & (addresses < np.uint64(text.stop))

    def symbol(self, name: str) -> int:
        """Return a symbol's address; SymbolError that names it if this kernel has none such."""
        address = self.symbols.address(name)
        if address is None:
            raise SymbolError(f"this kernel ({self.release}) has no symbol {name}")
        return address

    def optional(self, name: str) -> int | None:
        """Return a symbol's address, None if this kernel has none such."""
        return self.symbols.address(name)

    def module_ranges(self, run: Run) -> Ranges:
        """Return where the modules on the kernel's list are; none where it has no such list."""
        from memq.os.linux.ranges import module_ranges  # noqa: PLC0415 - they are read through it

        return module_ranges(self, run)

    def section_of(self, address: int) -> str | None:
        """Return the section of the kernel's image that an address is in, None for no known one."""
        return section_of(self.symbols, address)

    def structs(self, name: str, addresses: Addresses, status: Statuses | None = None) -> Structs:
        """Return the structures of one type at the addresses, to be read by members."""
        return Structs(self.space, self.types, self.types.struct(name), addresses, status)


class Hunt:
    """The search for a Linux kernel in one dump, and why each candidate was refused.

    `types` are used instead of the kernel's own BTF. The quick ways take some 20 ms.
    """

    def __init__(self, physical: PhysicalMemory, progress: Progress, types: Types | None) -> None:
        self._physical = physical
        self._progress = progress
        self._types = types
        self._refused: list[str] = []
        self._warnings: list[str] = []
        self._seen: dict[str, int] = {}

    def quick(self) -> LinuxKernel | None:
        """Follow what the dump tells of itself, then the structure of the kernel's image."""
        with self._progress.step("looking for the Linux kernel"):
            return self.by_note() or self.by_structure()

    def by_note(self) -> LinuxKernel | None:
        """Follow the VMCOREINFO that came with the dump."""
        note = self._physical.notes.get("VMCOREINFO")
        if note is None:
            return None
        kernel = self._follow(Vmcoreinfo.parse(note), "the dump's VMCOREINFO note")
        if kernel is None:
            self._warnings.append(f"not used: {self._refused[-1]}")
        return kernel

    def by_structure(self) -> LinuxKernel | None:
        """Try every page that looks like the start of a kernel's constants."""
        candidates = page_candidates(self._physical)
        kernels = []
        for number, candidate in enumerate(candidates):
            self._progress.tick(number, len(candidates))
            kernel = self._try(candidate)
            if kernel is not None:
                kernels.append(kernel)
        for other in kernels[1:]:
            place = other.image.start - KERNEL_MAP + other.phys_base
            self._warnings.append(f"there is another kernel, {other.release}, at {place:#x}")
        if not kernels:
            return None
        kernels[0].warnings.extend(self._warnings)
        return kernels[0]

    def search(self) -> LinuxKernel | None:
        """Search all of memory for VMCOREINFO, at some 2 GB a second."""
        with self._progress.step("looking for the Linux kernel"):
            return self.by_search()

    def by_search(self) -> LinuxKernel | None:
        """Try the kernels to which VMCOREINFO in memory leads."""
        for place, info in search(self._physical, self._progress, self._seen):
            kernel = self._follow(info, f"VMCOREINFO at {place:#x}")
            if kernel is not None:
                kernel.warnings.extend(self._warnings)
                return kernel
        return None

    def account(self) -> str:
        """Say what was found, and why it is no kernel."""
        found = "no page looks like a kernel's, no VMCOREINFO leads to one"
        if self._refused:
            count = len(self._refused)
            candidates = "1 candidate" if count == 1 else f"{count} candidates"
            found = f"{candidates}, none a kernel's: {'; '.join(self._refused[:_TOLD])}"
        if "banner" in self._seen:
            return f"{found}; a Linux banner is at {self._seen['banner']:#x}"
        return found

    def _follow(self, info: Vmcoreinfo, source: str) -> LinuxKernel | None:
        """Try the place that a VMCOREINFO points to."""
        candidate = hinted_candidate(self._physical, info, source)
        if candidate is None:
            self._refused.append(f"{source} points to no place of this dump")
            return None
        return self._try(candidate, info)

    def _try(self, candidate: Candidate, info: Vmcoreinfo | None = None) -> LinuxKernel | None:
        """Return the kernel at the place if there is one; keep the reason if there is not."""
        try:
            kernel = _kernel_at(self._physical, candidate, self._types, info)
            prove(kernel)
        except SymbolError as error:
            self._refused.append(f"{candidate.source}: {error}")
            return None
        return kernel


def _kernel_at(
    physical: PhysicalMemory, candidate: Candidate, types: Types | None, info: Vmcoreinfo | None
) -> LinuxKernel:
    """Put together the kernel at a place, unproven; SymbolError says what is not there."""
    tables = find_tables(physical.read, candidate.start, candidate.end)
    symbols, phys_base = placed(physical, tables, candidate)
    known = symbols.addresses(_SYMBOLS)
    missing = [name for name in ("init_task", "linux_banner") if name not in known]
    if missing:
        raise SymbolError(f"its symbols do not name {missing[0]} (CONFIG_KALLSYMS_ALL is not set)")
    addressing = addressing_of(physical, known, phys_base)
    space = addressing.space
    text = (space.read(known["linux_banner"], _MAX_BANNER) or b"").partition(b"\0")[0]
    if not text.startswith(BANNER):
        raise SymbolError(f"its banner does not start with {BANNER.decode()!r}")
    return LinuxKernel(
        physical=physical,
        space=space,
        symbols=symbols,
        types=_types(space, known) if types is None else types,
        mode=addressing.mode,
        root=addressing.root,
        phys_base=phys_base,
        page_offset=addressing.page_offset,
        banner=_printable(text),
        info=_own_vmcoreinfo(space, known) if info is None else info,
        warnings=list(addressing.warnings),
    )


def _printable(text: bytes) -> str:
    """Return text of the dump as it may be shown on a terminal."""
    shown = text.decode("utf-8", "backslashreplace").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in shown)


def _types(space: AddressSpace, symbols: Mapping[str, int]) -> Btf:
    """Return the types that the kernel carries, checked to the ends of both their sections."""
    start, end = symbols.get("__start_BTF"), symbols.get("__stop_BTF")
    if start is None or end is None:
        raise SymbolError("it carries no types (no BTF); give them with --profile")
    size = end - start
    data = space.read(start, size) if 0 < size <= _MAX_BTF else None
    if data is None:
        raise SymbolError("the types that it carries (BTF) are not all in the dump")
    types = Btf(data)
    if types.size != size or not types.count:
        raise SymbolError(f"its types (BTF) have {types.size:,} bytes, their section {size:,}")
    return types


def _own_vmcoreinfo(space: AddressSpace, symbols: Mapping[str, int]) -> Vmcoreinfo:
    """Return the VMCOREINFO that the kernel's own pointer leads to."""
    place, length = symbols.get("vmcoreinfo_data"), symbols.get("vmcoreinfo_size")
    pointer = space.u64(place) if place is not None else None
    size = space.u64(length) if length is not None else None
    if not pointer or not size or size > MAX_SIZE:
        return Vmcoreinfo()
    return Vmcoreinfo.parse(space.read(pointer, size) or b"")
