"""Windows kernels small enough to write by hand: flat memory, types of a few members, no symbols.

What is not written is not in the dump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from memq.errors import Reason
from memq.os.windows.kernel import WindowsKernel
from memq.os.windows.pe import PeImage
from memq.os.windows.tables import Choice
from memq.symbols.tables import ImageSymbols
from memq.symbols.types import EnumType, Member, StructType, Type, Types, bitfield

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memq.column import Addresses, Indexes, Statuses
    from memq.layers.physical import PhysicalMemory
    from memq.layers.space import AddressSpace
    from memq.symbols.decode import Bytes

Place: TypeAlias = "tuple[int, int] | tuple[int, int, int, int] | str"
"""Offset and size of a number; of a bitfield also its first bit and width; `offset:struct`."""
Layouts: TypeAlias = "Mapping[str, tuple[int, Mapping[str, Place]]]"
PAGE = 4096
KERNEL = {8: 0xFFFF_8000_0000_0000, 4: 0x8000_0000}
IMAGE = {8: 0xFFFF_F800_0000_0000, 4: 0x8080_0000}


class SmallTypes(Types):
    """Structures of numbers, by their sizes and the places of their members."""

    def __init__(self, layouts: Layouts) -> None:
        self._layouts: dict[str, StructType] = {}
        for name, (size, members) in layouts.items():
            made = {member: self._member(member, place) for member, place in members.items()}
            self._layouts[name] = StructType(name, "struct", size, made)

    def _member(self, name: str, place: Place) -> Member:
        if isinstance(place, str):
            start, _, inner = place.partition(":")
            layout = self._layouts[inner]
            kind = Type("struct", inner, layout.size, layout_link=lambda: layout)
            return Member(name, int(start), kind)
        if len(place) == 4:
            offset, size, bit, width = place
            return bitfield(name, offset * 8 + bit, width, Type("int", "", size))
        offset, size = place
        if size > 8:
            word = Type("int", "", 8)
            return Member(
                name, offset, Type("array", "", size, count=size // 8, target_link=lambda: word)
            )
        return Member(name, offset, Type("int", "", size))

    def struct(self, name: str) -> StructType | None:
        return self._layouts.get(name)

    def enum(self, name: str) -> EnumType | None:
        return None

    def enumerator(self, name: str) -> int | None:
        return None

    def names(self) -> Iterable[str]:
        return sorted(self._layouts)


class FlatSpace:
    """Memory by virtual address, without page tables: pages that were written are there."""

    def __init__(self, word_size: int = 8) -> None:
        self.word_size = word_size
        self.kernel_start = KERNEL[word_size]
        self.next = KERNEL[word_size] + 0x10_0000
        self.pages: dict[int, bytearray] = {}

    def page(self) -> int:
        """Return the address of a fresh page of zeros."""
        self.next += 2 * PAGE
        self.pages[self.next // PAGE] = bytearray(PAGE)
        return self.next

    def write(self, va: int, data: bytes) -> None:
        for at, byte in enumerate(data, va):
            self.pages.setdefault(at // PAGE, bytearray(PAGE))[at % PAGE] = byte

    def put(self, va: int, *words: int) -> None:
        """Write pointers, one after the other."""
        self.write(va, b"".join(word.to_bytes(self.word_size, "little") for word in words))

    def read(self, va: int, size: int) -> bytes | None:
        pages = {at // PAGE for at in range(va, va + size)}
        if not pages <= self.pages.keys():
            return None
        return bytes(self.pages[at // PAGE][at % PAGE] for at in range(va, va + size))

    def word(self, va: int) -> int | None:
        data = self.read(va, self.word_size)
        return None if data is None else int.from_bytes(data, "little")

    def translate(self, va: int) -> int | Reason:
        return va if va // PAGE in self.pages else Reason.NOT_IN_DUMP

    def words(self, vas: Addresses) -> tuple[Addresses, Statuses]:
        data, status = self.gather(vas, self.word_size)
        return np.ascontiguousarray(data).view(f"<u{self.word_size}")[:, 0].astype(
            np.uint64
        ), status

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[Bytes, Statuses]:
        found = [self.read(va, size) for va in vas.tolist()]
        data = b"".join(bytes(size) if one is None else one for one in found)
        status = [Reason.NOT_IN_DUMP if one is None else 0 for one in found]
        return np.frombuffer(data, np.uint8).reshape(len(found), size), np.array(status, np.uint8)

    def gather_ranges(
        self, vas: Addresses, sizes: Indexes, limit: int, roots: Addresses | None = None
    ) -> tuple[list[bytes], Statuses]:
        pairs = zip(vas.tolist(), sizes.tolist(), strict=True)
        found = [self.read(va, min(size, limit)) for va, size in pairs]
        status = [Reason.NOT_IN_DUMP if one is None else 0 for one in found]
        return [one or b"" for one in found], np.array(status, np.uint8)


def small_kernel(
    space: FlatSpace, layouts: Layouts, symbols: Mapping[str, int] | None = None
) -> WindowsKernel:
    """Return a kernel of flat memory; symbols by their addresses."""
    base = IMAGE[space.word_size]
    rvas = {name: address - base for name, address in (symbols or {}).items()}
    return WindowsKernel(
        physical=cast("PhysicalMemory", None),
        space=cast("AddressSpace", space),
        image=PeImage(base, PAGE, 0, 0, space.word_size == 8, (), ()),
        physical_base=None,
        exports={},
        identity=None,
        build=None,
        choice=Choice(SmallTypes(layouts), {}, "made by hand", is_exact=True),
        symbols=ImageSymbols(base, rvas, base + PAGE),
    )
