"""Private memory of processes, and where in it a word stands that marks a structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import is_among, ragged
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.vad_lookup import learn, roots_of
from memq.os.windows.vad_trees import PRIVATE, vads_of
from memq.schema.batch import Cut
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run

_PAGE = 4096
_MOST = 1 << 16
"""Pages that are looked at: 256 MB, most of which stacks have only reserved."""
_AT_ONCE = 256
_MOST_HITS = 1 << 14
"""Places that are taken; services.exe has some dozen."""
_STEP = 8
"""Allocations of heaps begin at multiples of it."""
_NOTHING = (Reason.NULL, Reason.NOT_MAPPED, Reason.DEMAND_ZERO)
"""Why pages hold nothing: nobody has written there."""


@dataclass(frozen=True, slots=True)
class PrivatePages:
    """Pages that can be read, each with the page tables of its process."""

    addresses: Addresses
    roots: Addresses
    cut: Cut | None
    lost: Reason
    """Why there are more that cannot be read; KNOWN if there are not."""


def private_pages(kernel: WindowsKernel, run: Run, processes: Addresses) -> PrivatePages:
    """Return the pages of processes' private VADs."""
    learn(kernel, processes)
    base = roots_of(kernel, processes)
    cuts = Cuts(len(processes))
    vads = vads_of(kernel, run, kernel.structs("_EPROCESS", processes), cuts)
    private = kernel.structs("_MMVAD_SHORT", vads.addresses)[PRIVATE]
    vads = vads.take(private.known & (private.values != 0) & base.known[vads.owner])
    counts = np.minimum(vads.last - vads.first, np.uint64(_MOST)).astype(np.int64) + 1
    starts = np.minimum(np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]), _MOST)
    rows, owner = ragged(starts, np.arange(len(counts)))
    numbers = vads.first[owner] + (rows - starts[owner]).astype(np.uint64)
    addresses, roots = numbers * np.uint64(_PAGE), base.values[vads.owner[owner]]
    _, status = kernel.space.translate_many(addresses, roots)
    lost = status[(status > 0) & ~is_among(status, np.array(_NOTHING))]
    reasons = np.concatenate([np.zeros(1, np.uint8), cuts.status, lost])
    is_there = status == 0
    return PrivatePages(
        addresses[is_there], roots[is_there], _cut(counts), Reason(int(reasons.max()))
    )


def tagged_places(
    kernel: WindowsKernel, run: Run, pages: PrivatePages, tag: bytes
) -> tuple[Addresses, Addresses]:
    """Return where a tag of four letters stands, and the page tables of the processes.

    No more than _MOST_HITS: memory that somebody has filled with the tag tells nothing.
    """
    wanted = np.frombuffer(tag, "<u4")[0]
    found, roots = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
    for start in range(0, len(pages.addresses), _AT_ONCE):
        run.check()
        part = slice(start, start + _AT_ONCE)
        data, _ = kernel.space.gather(pages.addresses[part], _PAGE, pages.roots[part])
        words = np.ascontiguousarray(data).view("<u4")[:, :: _STEP // 4]
        rows, places = np.nonzero(words == wanted)
        found.append(pages.addresses[part][rows] + (places * _STEP).astype(np.uint64))
        roots.append(pages.roots[part][rows])
        if sum(map(len, found)) > _MOST_HITS:
            break
    return np.concatenate(found)[:_MOST_HITS], np.concatenate(roots)[:_MOST_HITS]


def _cut(counts: Addresses) -> Cut | None:
    total = int(counts.sum())
    if total <= _MOST:
        return None
    return Cut(Reason.LIMIT, f"only the first {_MOST:,} of {total:,} private pages are searched")
