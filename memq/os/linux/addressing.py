"""The kernel's address space: its page tables, how many levels they have, and what needs no walk.

Two parts of it are linear, and are read without page tables: the kernel's image, which is mapped at
KERNEL_MAP - phys_base, and all physical memory, mapped at page_offset. See
Documentation/arch/x86/x86_64/mm.rst of the kernel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memq.errors import Reason, SymbolError
from memq.layers.paging import X86_64, X86_64_LA57
from memq.layers.space import AddressSpace, DirectWindow
from memq.node import dataclass
from memq.os.linux.locate import KERNEL_MAP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memq.layers.paging import PagingMode
    from memq.layers.physical import PhysicalMemory

SYMBOLS = (
    "_text", "_end", "init_top_pgt", "swapper_pg_dir", "init_task", "linux_banner",
    "__pgtable_l5_enabled", "sme_me_mask", "page_offset_base",
)  # fmt: skip
"""What is asked of the kernel's symbols here."""

_PAGE_OFFSET = {X86_64.name: 0xFFFF_8880_0000_0000, X86_64_LA57.name: 0xFF11_0000_0000_0000}
"""Where physical memory is mapped if that is not randomized (CONFIG_RANDOMIZE_MEMORY)."""
_MAX_IMAGE = 1 << 30
"""KERNEL_IMAGE_SIZE with KASLR."""
_SAMPLES = 8
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Addressing:
    """How the kernel's addresses are translated."""

    space: AddressSpace
    mode: PagingMode
    root: int
    """Physical address of the top page table."""
    page_offset: int
    warnings: tuple[str, ...] = ()


def addressing_of(
    physical: PhysicalMemory, symbols: Mapping[str, int], phys_base: int
) -> Addressing:
    """Return how the kernel with these symbols translates; SymbolError where it does not.

    The mode is the one in which the kernel's own page tables lead to its image. With page-table
    isolation too, the kernel's half is all in init_top_pgt.
    """
    image = _image(physical, symbols, phys_base)
    table = symbols.get("init_top_pgt", symbols.get("swapper_pg_dir"))  # 65ade2f872b4, 4.13
    if table is None:
        raise SymbolError("the symbols do not name the kernel's page tables")
    root = table - KERNEL_MAP + phys_base
    for mode in _modes(physical, symbols, phys_base):
        walked = AddressSpace(physical, mode, root)
        if _leads_to(walked, image, symbols):
            break
    else:
        raise SymbolError(f"the page tables at {root:#x} do not lead to the kernel's image")
    inner = AddressSpace(physical, mode, root, windows=(image,))
    place = symbols.get("page_offset_base")
    page_offset = (inner.u64(place) if place else None) or _PAGE_OFFSET[mode.name]
    if page_offset % _PAGE or not _is_direct(walked, physical, page_offset):
        warning = "physical memory is not mapped where the kernel says; pages are walked instead"
        return Addressing(inner, mode, root, page_offset, (warning,))
    memory = DirectWindow(page_offset, page_offset + physical.limit, 0)
    space = AddressSpace(physical, mode, root, windows=(image, memory))
    return Addressing(space, mode, root, page_offset)


def _image(physical: PhysicalMemory, symbols: Mapping[str, int], phys_base: int) -> DirectWindow:
    """Return where the kernel's image is: from _text to _end, sane and inside the dump."""
    start, end = symbols.get("_text"), symbols.get("_end")
    if start is None or end is None:
        raise SymbolError("the symbols do not say where the kernel starts and ends")
    place = start - KERNEL_MAP + phys_base
    sane = KERNEL_MAP <= start < end <= start + _MAX_IMAGE and (place - start) % _PAGE == 0
    if not (sane and 0 <= place < physical.limit):
        raise SymbolError(
            f"a kernel from {start:#x} to {end:#x}, at {place:#x} of memory, cannot be"
        )
    return DirectWindow(start, end, place)


def _modes(
    physical: PhysicalMemory, symbols: Mapping[str, int], phys_base: int
) -> Iterator[PagingMode]:
    """Yield four and five levels, first what the kernel says it uses.

    With memory encryption (AMD's SME) one bit of each entry says so, and is no address.
    """

    def number(name: str, size: int) -> int:
        place = symbols[name] - KERNEL_MAP + phys_base if name in symbols else -1
        return int.from_bytes((physical.read(place, size) if place >= 0 else None) or b"", "little")

    encrypted = number("sme_me_mask", 8)
    modes = [
        replace(mode, address_mask=mode.address_mask & ~encrypted) for mode in (X86_64, X86_64_LA57)
    ]
    yield from reversed(modes) if number("__pgtable_l5_enabled", 4) else modes


def _leads_to(space: AddressSpace, image: DirectWindow, symbols: Mapping[str, int]) -> bool:
    """Whether a walk of the page tables finds the image where it is."""
    known = [symbols[name] for name in ("init_task", "linux_banner") if name in symbols]
    return all(space.translate(va) == va - image.start + image.physical for va in known)


def _is_direct(space: AddressSpace, physical: PhysicalMemory, page_offset: int) -> bool:
    """Whether, of some pages of physical memory, those that are mapped are mapped in order."""
    starts = [-(-start // _PAGE) * _PAGE for start in physical.starts.tolist()[:_SAMPLES]]
    ends = [(end - 1) // _PAGE * _PAGE for end in physical.ends.tolist()[:_SAMPLES]]
    found = [(place, space.translate(page_offset + place)) for place in (*starts, *ends)]
    mapped = [place == to for place, to in found if not isinstance(to, Reason)]
    return bool(mapped) and all(mapped)
