"""Allocations of the kernel's pools, found by their tags in all of memory (_POOL_HEADER).

Before each allocation that is smaller than a page stands a header with its size and a tag of four
letters, which says what it is of. A freed one keeps both until the memory is used again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from memq.column import is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.pool_kinds import KINDS
from memq.schema.batch import Cut
from memq.symbols.structs import Structs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from memq.column import Addresses, Array, Indexes, Statuses
    from memq.layers.physical import PhysicalMemory
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.decode import Bytes

_FACT = "pool tags"
_PIECE = 1 << 20
"""Bytes that are searched at once: they stay in the processor's cache."""
_MOST = 1 << 22
"""Allocations that are taken; systems have some hundred thousand of objects."""
_PROTECTED = 0x8000_0000
"""Bit of a tag, until 7: whoever frees the allocation must know the tag."""


@dataclass(frozen=True, slots=True)
class Allocations:
    """Allocations with any of the wanted tags, by physical address."""

    places: Addresses
    """Physical addresses of their headers."""
    tags: Array
    """Without the bit that protects them."""
    sizes: Indexes
    """Bytes, the header included."""
    header_size: int
    cut: Cut | None = None

    def take(self, index: Array) -> Allocations:
        """Return those at the index, or that a mask marks."""
        places, tags, sizes = self.places[index], self.tags[index], self.sizes[index]
        return Allocations(places, tags, sizes, self.header_size, self.cut)


class _Wanted(NamedTuple):
    """Tags that are searched for, and the bits that are the same in all of them.

    Letters have many: among ten tags eleven bits, which one in thousands of words has. So all tags
    are looked for by two passes over the words, however many there are.
    """

    tags: NDArray[np.uint32]
    mask: np.uint32
    shared: np.uint32

    @classmethod
    def of(cls, tags: Sequence[int]) -> Self:
        """Find the bits; not the one that protects a tag."""
        every = np.array(sorted(tags), np.uint32)
        both = np.bitwise_and.reduce(every)
        mask = ~(both ^ np.bitwise_or.reduce(every)) & np.uint32(_PROTECTED - 1)
        return cls(every, mask, both & mask)


class PhysicalSpace:
    """Physical memory where structures are read from it, as no address leads to them."""

    def __init__(self, physical: PhysicalMemory) -> None:
        self._physical = physical

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[Bytes, Statuses]:
        """Return the bytes at physical addresses; whose memory they are is not asked."""
        del roots
        data, there = self._physical.gather(vas, size)
        return data, np.where(there, np.uint8(0), np.uint8(Reason.NOT_IN_DUMP))


def tag_number(tag: str) -> int:
    """Return the number that a tag of four letters is, without the bit that protects it."""
    return int.from_bytes(tag.encode("latin-1")[:4].ljust(4), "little") & ~_PROTECTED


def allocations(kernel: WindowsKernel, run: Run) -> Allocations:
    """Return the allocations of all that is searched for: one pass, made once for each kernel.

    Reading takes most of it, so that more tags cost next to nothing.
    """
    from memq.os.windows.endpoints import TAGS  # noqa: PLC0415 - of use where memory is searched

    found = kernel.facts.get(_FACT)
    if not isinstance(found, Allocations):
        tags = [tag_number(tag) for tag in (*KINDS, *TAGS)]
        found = kernel.facts[_FACT] = tagged(kernel, run, tags)
    return found


def tagged(kernel: WindowsKernel, run: Run, tags: Sequence[int]) -> Allocations:
    """Search all memory for allocations with the tags, in one pass."""
    layout = kernel.types.struct("_POOL_HEADER")
    nothing = np.zeros(0, np.uint64)
    if layout is None:
        why = Cut(Reason.NOT_IN_KERNEL, "pools not searched: no type _POOL_HEADER is known")
        return Allocations(nothing, nothing, np.zeros(0, np.int64), 0, why)
    step = 2 * kernel.space.word_size
    places, words, cut = _searched(kernel.physical, run, tags, layout.offset("PoolTag"), step)
    space = PhysicalSpace(kernel.physical)
    headers = Structs(space, kernel.types, layout, places)
    headers.check = run.check
    blocks = headers["BlockSize"]
    sizes = np.where(blocks.known, blocks.values, 0).astype(np.int64) * step
    return Allocations(places, words, sizes, layout.size, cut)


def _searched(
    physical: PhysicalMemory, run: Run, tags: Sequence[int], offset: int, step: int
) -> tuple[Addresses, Array, Cut | None]:
    """Return the headers' places and their tags."""
    wanted = _Wanted.of(tags)
    places: list[Addresses] = [np.zeros(0, np.uint64)]
    words: list[Array] = [np.zeros(0, np.uint32)]
    cut: Cut | None = None
    count = 0
    with run.progress.step("searching memory for pool tags"):
        for at, data in physical.pieces(0, physical.limit, _PIECE, holes=False):
            run.progress.tick(at, physical.limit)  # first: a check shows seconds
            run.check()
            skip = -at % step
            rows, found = _hits(data[skip:] if skip else data, wanted, offset, step)
            places.append(np.uint64(at + skip) + rows.astype(np.uint64) * np.uint64(step))
            words.append(found)
            count += len(rows)
            if count > _MOST:
                cut = Cut(Reason.LIMIT, f"search for pool tags cut short at {at:#x}: too many")
                break
    return np.concatenate(places), np.concatenate(words), cut


def _hits(
    data: bytes, wanted: _Wanted, offset: int, step: int
) -> tuple[Indexes, NDArray[np.uint32]]:
    """Return which of the headers that may stand in the bytes have a wanted tag, and the tags."""
    words = np.frombuffer(data, "<u4", len(data) // step * step // 4)
    tags = words[offset // 4 :: step // 4]
    rows = np.flatnonzero((tags & wanted.mask) == wanted.shared)
    found = tags[rows] & np.uint32(_PROTECTED - 1)
    is_hit = is_among(found, wanted.tags)
    return rows[is_hit], found[is_hit]
