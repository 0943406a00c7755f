"""Allocations of the kernel's pools, found by their tags in all of memory (_POOL_HEADER).

Before each allocation that is smaller than a page stands a header with its size and a tag of four
letters, which says what it is of. A freed one keeps both until the memory is used again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.node import dataclass
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
    wanted = np.array(sorted(tags), np.uint32)
    places: list[Addresses] = [np.zeros(0, np.uint64)]
    words: list[Array] = [np.zeros(0, np.uint32)]
    cut: Cut | None = None
    done = count = 0
    with run.progress.step("searching memory for pool tags"):
        for at, data in physical.pieces(0, physical.limit, _PIECE):
            run.check()
            run.progress.tick(done, physical.present)
            skip = -at % step
            rows, found = _hits(data[skip:] if skip else data, wanted, offset, step)
            places.append(np.uint64(at + skip) + rows.astype(np.uint64) * np.uint64(step))
            words.append(found)
            done, count = done + len(data), count + len(rows)
            if count > _MOST:
                cut = Cut(Reason.LIMIT, f"search for pool tags cut short at {at:#x}: too many")
                break
    return np.concatenate(places), np.concatenate(words), cut


def _hits(
    data: bytes, wanted: NDArray[np.uint32], offset: int, step: int
) -> tuple[Indexes, NDArray[np.uint32]]:
    """Return which of the headers that may stand in the bytes have a wanted tag, and the tags."""
    words = np.frombuffer(data, "<u4", len(data) // step * step // 4)
    tags = words[offset // 4 :: step // 4] & np.uint32(_PROTECTED - 1)
    is_hit = np.zeros(len(tags), bool)
    for tag in wanted:
        is_hit |= tags == tag
    rows = np.flatnonzero(is_hit)
    return rows, tags[rows]
