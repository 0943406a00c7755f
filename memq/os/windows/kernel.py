"""The Windows kernel of a dump.

Page tables lead to its image, the image's exports to the first process and the list of modules,
and its RSDS record to the table of types and symbols. Each candidate proves itself or is refused
with a reason.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.errors import Reason, SymbolError
from memq.layers.space import AddressSpace
from memq.node import dataclass
from memq.os.windows import pe
from memq.os.windows.locate import (
    Root,
    kernel_at,
    kernel_under,
    quick_roots,
    record_of_kernel,
    searched_roots,
)
from memq.os.windows.proof import prove
from memq.os.windows.resolver import pte_resolver
from memq.os.windows.shared_data import ADDRESSES
from memq.os.windows.structural import structural_symbols
from memq.os.windows.tables import Choice, Question, choices
from memq.symbols.structs import Structs
from memq.symbols.tables import ImageSymbols

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from memq.column import Addresses, Statuses
    from memq.layers.paging import PagingMode
    from memq.layers.physical import PhysicalMemory
    from memq.layers.triage import TriageParts
    from memq.os.hints import Hints
    from memq.os.windows.pe import PeImage
    from memq.os.windows.ranges import Ranges
    from memq.progress import Progress
    from memq.run import Run
    from memq.symbols.tables import Identity
    from memq.symbols.types import Types

ADVICE = "its PDB, or an ISF file of it, would have it: give it with --profile"
_TOLD = 3
"""Refused candidates of which an error tells the reasons."""
_BUILD = 0xFFFF
"""Bits of NtBuildNumber that are the build; the upper ones tell free from checked."""


@dataclass(slots=True, eq=False)
class WindowsKernel:
    """A kernel that has proven itself, and what all that reads its objects needs."""

    physical: PhysicalMemory
    space: AddressSpace
    """The kernel's address space, as System sees it; user memory is read with other roots."""
    image: PeImage
    physical_base: int | None
    """Physical address at which the image begins."""
    exports: dict[str, int]
    """RVAs of what the image exports."""
    identity: tuple[str, Identity] | None
    """Name and identity of the PDB that belongs to the image."""
    build: int | None
    choice: Choice
    """Where types and symbols come from."""
    symbols: ImageSymbols
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    """What was found out once about this kernel, by whoever needs it again."""
    _is_searched: bool = False

    @property
    def types(self) -> Types:
        """The layouts of its structures."""
        return self.choice.types

    @property
    def mode(self) -> PagingMode:
        """How it translates addresses."""
        return self.space.mode

    @property
    def root(self) -> int:
        """Physical address of System's top page table."""
        return self.space.root

    @property
    def is_64_bit(self) -> bool:
        """Whether its pointers have eight bytes."""
        return self.space.word_size == 8

    @property
    def release(self) -> str:
        """The number of its build, for messages."""
        return "of an unknown build" if self.build is None else f"build {self.build}"

    @property
    def triage(self) -> TriageParts | None:
        """What a triage minidump has; None for every other dump."""
        crash = self.physical.crash
        return None if crash is None else crash.triage

    @property
    def system_process(self) -> int | None:
        """Address of the first process's EPROCESS; None where that cannot be read."""
        place = self.optional("PsInitialSystemProcess")
        return (self.space.word(place) or None) if place is not None else None

    def is_kernel_image(self, addresses: Addresses) -> NDArray[np.bool_]:
        """Whether each address is in the kernel's image."""
        start, end = np.uint64(self.image.base), np.uint64(self.image.end)
        return (addresses >= start) & (addresses < end)

    def symbol(self, name: str) -> int:
        """Return a symbol's address; SymbolError that names it if it is not known."""
        address = self.optional(name)
        if address is None:
            advice = "" if self.choice.has_all_symbols else f"; {ADVICE}"
            raise SymbolError(f"no symbol {name} is known of this kernel ({self.release}){advice}")
        return address

    def optional(self, name: str) -> int | None:
        """Return a symbol's address, None if it is not known.

        Without an exact table, what the exports do not name is looked for once, in the image.
        """
        address = self.symbols.address(name)
        may_search = not self.choice.is_exact and self.triage is None
        if address is None and may_search and not self._is_searched:
            self._is_searched = True
            found = structural_symbols(self)
            known = {**found, **self.symbols.rvas}
            self.symbols = ImageSymbols(self.image.base, known, self.image.end)
            address = self.symbols.address(name)
        return address

    def module_ranges(self, run: Run) -> Ranges:
        """Return where the modules on the list of loaded ones are."""
        from memq.os.windows.ranges import module_ranges  # noqa: PLC0415 - read through it

        return module_ranges(self, run)

    def section_of(self, address: int) -> str | None:
        """Return the section of the kernel's image that an address is in, None for no known one."""
        distance = address - self.image.base
        return next(
            (one.name for one in self.image.sections if one.rva <= distance < one.rva + one.size),
            None,
        )

    def structs(
        self,
        name: str,
        addresses: Addresses,
        status: Statuses | None = None,
        roots: Addresses | None = None,
    ) -> Structs:
        """Return the structures of one type at the addresses; user memory with roots."""
        return Structs(self.space, self.types, self.types.struct(name), addresses, status, roots)


class Hunt:
    """The search for a Windows kernel in one dump, and why each candidate was refused."""

    def __init__(self, physical: PhysicalMemory, progress: Progress, hints: Hints) -> None:
        self._physical = physical
        self._progress = progress
        self._hints = hints
        self._refused: list[str] = []
        self._advice: dict[str, None] = {}
        self._tried: set[tuple[int | None, int | Reason | None]] = set()

    def quick(self) -> WindowsKernel | None:
        """Try what is told of the dump, and what the first megabytes have."""
        return self._first(quick_roots(self._physical, self._hints))

    def search(self) -> WindowsKernel | None:
        """Try all page tables of the dump, but where it is told which it is."""
        if self._hints.directory_table_base is not None:
            return None
        return self._first(searched_roots(self._physical, self._progress))

    def account(self) -> str:
        """Say what was found, and why it is no kernel."""
        if not self._refused:
            text = "no page tables lead to a kernel's image"
            found = record_of_kernel(self._physical, self._progress)
            if found is None:
                return text
            return f"{text}, although one of {found[1]} lies at {found[0]:#x}"
        reasons = dict.fromkeys(self._refused)
        count = len(reasons)
        candidates = "1 candidate" if count == 1 else f"{count} candidates"
        told = [*list(reasons)[:_TOLD], *list(self._advice)[:1]]
        return f"{candidates}, none a kernel's: {'; '.join(told)}"

    def _first(self, roots: Iterable[Root]) -> WindowsKernel | None:
        for root in roots:
            kernel = self._try(root)
            if kernel is not None:
                return kernel
        return None

    def _try(self, root: Root) -> WindowsKernel | None:
        """Return the kernel that a root leads to; keep the reason if it leads to none."""
        base = self._hints.kernel_base
        if base is None:
            found = kernel_under(self._physical, root)
        else:
            found = kernel_at(self._physical, root, base)
        if found is None:
            if root.is_told or base is not None:
                where = "a kernel's image" if base is None else f"an image at {base:#x}"
                self._refused.append(f"{root.source} does not map {where}")
            return None
        image, place = found
        space = AddressSpace(self._physical, root.mode, root.root)
        candidate = _Found(space, image, place, pe.exports(space, image), pe.identity(space, image))
        # What remains of a root may map the kernel and not the first process: others are tried.
        mark = (place, candidate.process_place())
        if mark in self._tried:
            return None
        self._tried.add(mark)
        return self._proven(root, candidate)

    def _proven(self, root: Root, found: _Found) -> WindowsKernel | None:
        """Return the kernel with the first types that it proves itself with."""
        image = found.image
        where = f"the kernel at {image.base:#x} under {root.source}"
        try:
            for choice in choices(self._hints, found.question(), self._progress):
                kernel = found.kernel(choice)
                try:
                    kernel.space = _system_space(kernel, image.base)
                    prove(kernel)
                    kernel.space.resolver = pte_resolver(kernel)
                except SymbolError as error:
                    self._refused.append(f"{where}: {error} (by {choice.source})")
                    if not choice.is_exact:
                        self._advice[found.question().advice] = None
                    continue
                return kernel
        except SymbolError as error:
            self._refused.append(f"{where}: {error}")
        return None


class _Found(NamedTuple):
    """A kernel's image, of which types and symbols are not known yet."""

    space: AddressSpace
    image: PeImage
    place: int | None
    exports: dict[str, int]
    identity: tuple[str, Identity] | None

    @property
    def build(self) -> int | None:
        """The number of the build: what NtBuildNumber holds, else what is told to programs."""
        rva = self.exports.get("NtBuildNumber")
        number = None if rva is None else self.space.u32(self.image.base + rva)
        if number is None or not number & _BUILD:
            # KUSER_SHARED_DATA.NtBuildNumber, since 10240; zero before.
            number = self.space.u32(ADDRESSES[self.space.word_size] + 0x260)
        return (number & _BUILD or None) if number is not None else None

    def process_place(self) -> int | Reason | None:
        """Return where this root has the first process; None where that is not exported."""
        rva = self.exports.get("PsInitialSystemProcess")
        process = None if rva is None else self.space.word(self.image.base + rva)
        return None if process is None else self.space.translate(process)

    def question(self) -> Question:
        """Return what types and symbols are chosen by."""
        return Question(self.identity, self.build, self.exports, self.space.word_size)

    def kernel(self, choice: Choice) -> WindowsKernel:
        """Return the kernel as these types and symbols have it, unproven."""
        rvas = {**self.exports, **choice.rvas}
        symbols = ImageSymbols(self.image.base, rvas, self.image.end, choice.has_all_symbols)
        return WindowsKernel(
            physical=self.space.physical,
            space=self.space,
            image=self.image,
            physical_base=self.place,
            exports=self.exports,
            identity=self.identity,
            build=self.build,
            choice=choice,
            symbols=symbols,
            warnings=list(choice.warnings),
        )


def _system_space(kernel: WindowsKernel, base: int) -> AddressSpace:
    """Return the address space of System, whose page tables map all of the kernel."""
    process, layout = kernel.system_process, kernel.types.required("_EPROCESS")
    if process is None:
        raise SymbolError("PsInitialSystemProcess leads to no process in this dump")
    root = kernel.space.word(process + layout.offset("Pcb.DirectoryTableBase"))
    if root is None:
        raise SymbolError("the first process is not in the dump")
    # The lowest bits are a PCID, or what remains of where a PAE root lies in its page.
    root &= kernel.mode.root_mask
    space = AddressSpace(kernel.physical, kernel.mode, root)
    if isinstance(space.translate(base), Reason) or space.translate(base) != kernel.space.translate(
        base
    ):
        raise SymbolError(f"the first process's page tables at {root:#x} do not map the kernel")
    return space
