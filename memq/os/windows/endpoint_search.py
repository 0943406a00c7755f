"""The search for network endpoints, by the tags of the pools that they lie in.

Lists of them (the hash tables and port pools of tcpip.sys) begin in variables of that driver, whose
symbols no table has; so a search finds those that are open, and those that were closed and not
overwritten yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.column import distinct_rows
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.endpoints import TAGS, Endpoints, Proof
from memq.os.windows.kernel_frames import kernel_frames
from memq.os.windows.pool_tags import Allocations, PhysicalSpace, allocations, tag_number
from memq.os.windows.published import machine, published
from memq.schema.batch import Cut
from memq.symbols.structs import Structs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from memq.column import Addresses, Indexes
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.types import StructType

_FACT = "network endpoints"
_TABLE = "endpoints.txt"
_NEEDED = ("Family", "Local", "Pair", "TcpE", "TcpL", "UdpA")
"""Without one of which nothing is searched for: a build is known as a whole, or not."""


@dataclass(frozen=True, slots=True)
class FoundEndpoints:
    """All endpoints that memory holds, by their tags and addresses."""

    addresses: Addresses
    tags: Indexes
    """Places in TAGS."""
    layouts: Mapping[str, StructType]
    unmapped: int
    """How many more lie in frames that no address of the kernel shows."""
    cut: Cut | None


class _Tagged(NamedTuple):
    """What one tag leads to, as one layout has it."""

    layout: StructType
    addresses: Addresses
    unmapped: int
    whole: int
    """Of how many all that is asked holds."""


def found_endpoints(kernel: WindowsKernel, run: Run) -> FoundEndpoints:
    """Return the endpoints, searched for once for each kernel; what cannot be shown is noted."""
    found = kernel.facts.get(_FACT)
    if not isinstance(found, FoundEndpoints):
        found = kernel.facts[_FACT] = _find(kernel, run)
    if found.unmapped:
        count = f"{found.unmapped:,} more endpoint{'s' * (found.unmapped != 1)}"
        run.note(
            f"{count} in memory that no address of the kernel shows: left out", Reason.NOT_MAPPED
        )
    return found


def _find(kernel: WindowsKernel, run: Run) -> FoundEndpoints:
    layouts = published(kernel, _TABLE)
    why = _obstacle(kernel, layouts)
    if why is not None:
        nothing = np.zeros(0, np.uint64)
        return FoundEndpoints(nothing, nothing.astype(np.int64), {}, 0, why)
    tags = [tag for tag in TAGS if tag in layouts]
    hits = allocations(kernel, run)
    shared = {name: found[0] for name, found in layouts.items() if name not in tags}
    best = {}
    for tag in tags:
        own = hits.take(hits.tags == tag_number(tag))
        tried = [_Search(kernel, run, shared, one).search(own) for one in layouts[tag]]
        best[tag] = max(tried, key=lambda found: found.whole)
    return FoundEndpoints(
        np.concatenate([best[tag].addresses for tag in tags]),
        np.concatenate([np.full(len(best[tag].addresses), TAGS.index(tag)) for tag in tags]),
        {**shared, **{tag: found.layout for tag, found in best.items()}},
        sum(found.unmapped for found in best.values()),
        hits.cut,
    )


def _obstacle(kernel: WindowsKernel, known: Collection[str]) -> Cut | None:
    """Return why endpoints cannot be searched for, if so."""
    if kernel.triage is not None:
        return Cut(Reason.NOT_IN_DUMP, "a triage minidump has too little memory to be searched")
    if set(known).issuperset(_NEEDED):
        return None
    which = f"tcpip.sys on {machine(kernel)}, {kernel.release}"
    return Cut(Reason.NOT_IN_KERNEL, f"endpoints not searched for: no layouts of {which} are known")


class _Search:
    """The search for endpoints with one tag, by one layout."""

    def __init__(
        self,
        kernel: WindowsKernel,
        run: Run,
        shared: Mapping[str, StructType],
        layout: StructType,
    ) -> None:
        self._kernel = kernel
        self._run = run
        self._shared = shared
        self._layout = layout

    def search(self, hits: Allocations) -> _Tagged:
        """Return the endpoints among allocations; each once, however many addresses show it."""
        hits = hits.take(hits.sizes >= hits.header_size + self._layout.size)
        starts = hits.places + np.uint64(hits.header_size)
        rows, addresses = kernel_frames(self._kernel, self._run).addresses_of(starts)
        first, _ = distinct_rows(rows)
        rows, addresses = rows[first], addresses[first]
        proof = self._proof(addresses)
        is_mapped = np.zeros(len(starts), bool)
        is_mapped[rows] = True
        unmapped = self._proof(starts[~is_mapped], PhysicalSpace(self._kernel.physical))
        return _Tagged(
            self._layout,
            np.sort(addresses[proof.is_sound]),
            int(np.count_nonzero(unmapped.is_sound)),
            int(np.count_nonzero(proof.is_whole) + np.count_nonzero(unmapped.is_whole)),
        )

    def _proof(self, places: Addresses, space: PhysicalSpace | None = None) -> Proof:
        own = Structs(space or self._kernel.space, self._kernel.types, self._layout, places)
        own.check = self._run.check
        return Endpoints(self._kernel, self._shared, own).proof()
