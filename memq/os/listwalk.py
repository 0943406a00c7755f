"""Walks along one doubly linked list with a head, and batches of what is found.

It is walked element by element through scalar reads, which for a list of processes is faster than
columns and lets a query that takes three elements stop after three; many lists at once are in
memq.symbols.lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from memq.node import dataclass
from memq.schema.batch import Cut
from memq.symbols.lists import Chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.column import Addresses
    from memq.errors import Reason
    from memq.layers.space import AddressSpace
    from memq.run import Run


class OfSpace(Protocol):
    """A kernel, as far as its memory is read."""

    @property
    def space(self) -> AddressSpace:
        """The kernel's address space."""


BATCHES = (16, 64, 256)
"""Sizes of the batches of a source: small first, so that the first rows are there at once."""


@dataclass(slots=True)
class ListWalk:
    """The structures of one doubly linked list, from first to last.

    `head` is the address of the list's head, `offset` that of the link in the structures. After the
    iteration `cut` says whether it ended before it was back at the head.
    """

    kernel: OfSpace
    run: Run
    what: str
    """What the list is, for people: `task list`."""
    head: int
    offset: int
    cut: Cut | None = None

    def __iter__(self) -> Iterator[int]:
        chain = Chain(self.kernel.space, self.run, self.head, self.head)
        for link in chain:
            yield link - self.offset
        if chain.reason is not None:
            self.cut = Cut(chain.reason, self._text(chain, chain.reason))

    def _text(self, chain: Chain, reason: Reason) -> str:
        place, link = chain.place, chain.following
        where = f"{place:#x}" if link is None else f"{link:#x}, named by {place:#x}"
        count = len(chain.seen)
        return f"{self.what} cut short after {count} elements: {where}: {reason.text}"


def batched(addresses: Iterable[int]) -> Iterator[Addresses]:
    """Give the addresses in batches of growing size."""
    sizes = iter(BATCHES)
    size = next(sizes)
    batch: list[int] = []
    for address in addresses:
        batch.append(address)
        if len(batch) == size:
            yield np.array(batch, np.uint64)
            batch, size = [], next(sizes, size)
    if batch:
        yield np.array(batch, np.uint64)
