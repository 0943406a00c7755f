"""Allocations of the kernel's pools that are larger than a page (_POOL_TRACKER_BIG_PAGES).

They have no header before them: the kernel keeps a table of them, in which a place is found by the
allocation's address. The lowest bit of the address is set where the place is free again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_addresses
from memq.os.windows.base import WindowsObject
from memq.schema.batch import Context, Cut, Portion
from memq.schema.declare import field
from memq.schema.kinds import Address, Boolean, Number, Size, String

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memq.column import Addresses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

_MOST = 1 << 22
"""Places of the table; 64 GB of memory have some hundred thousand."""
_AT_ONCE = 1 << 16
_FREE = np.uint64(1)
_PROTECTED = np.uint64(0x8000_0000)
_PAGED = 1
"""Bit of POOL_TYPE that all paged pools have."""
_PAGE = 4096
_WHAT = "table of big allocations"


class BigPool(
    WindowsObject,
    name="big_pool",
    principal="big_pool_object",
    identity=("entry",),
    example="big_pool.GroupBy(tag).Select({tag: key, bytes: items.Sum(size)})",
):
    """An allocation of the kernel's pools that is larger than a page."""

    struct = "_POOL_TRACKER_BIG_PAGES"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give what is allocated, in the order of the kernel's table."""
        kernel: WindowsKernel = context.kernel
        places, cut = _places(kernel)
        for start in range(0, len(places), _AT_ONCE):
            context.check()
            entries = kernel.structs(cls.struct, places[start : start + _AT_ONCE])
            address = entries["Va"]
            cut = cut or _lost(entries)
            used = address.known & (address.values != 0) & (address.values & _FREE == 0)
            yield Portion(cls(context, {"entry": entries.addresses[used]}))
        yield Portion(cls.nothing(context), cut)

    @field()
    def address(self) -> Address:
        """Address of the allocation."""
        return self.raw["Va"]

    @field(shown=True)
    def tag(self) -> String:
        """Four letters that say what it is of, as whoever allocated it gave them."""
        key = self.raw["Key"]
        found, index = distinct_addresses(key.values.astype(np.uint64) & ~_PROTECTED)
        words = [int(tag).to_bytes(8, "little")[:4].decode("latin-1") for tag in found.tolist()]
        return Text(index, key.status, words or [""])

    @field(shown=True)
    def size(self) -> Size:
        """Bytes that were asked for; whole pages before Vista."""
        if self.raw.has("NumberOfBytes"):
            return self.raw["NumberOfBytes"]
        pages = self.raw["NumberOfPages"]
        return Column(pages.values.astype(np.uint64) * np.uint64(_PAGE), pages.status)

    @field(shown=True)
    def is_paged(self) -> Boolean:
        """Whether its pages may be paged out."""
        kind = self.raw["PoolType"]  # since 6.1
        return Column(kind.values & _PAGED != 0, kind.status)

    @field()
    def pool_type(self) -> Number:
        """Which pool it is from, by number (POOL_TYPE)."""
        return self.raw["PoolType"]

    @field()
    def entry_address(self) -> Address:
        """Address of its place in the kernel's table."""
        return Column(self.rows["entry"])

    def _open(self) -> Structs:
        found = self.kernel.structs(self.struct, self.rows["entry"])
        found.check = self.context.check
        return found


@dataclass(frozen=True, slots=True)
class Starts:
    """Where big allocations with wanted tags begin, also those that are free again."""

    addresses: Addresses
    tags: Addresses
    cut: Cut | None


def big_starts(kernel: WindowsKernel, run: Run, tags: Sequence[int]) -> Starts:
    """Return the allocations with the tags, in one pass over the table."""
    places, cut = _places(kernel)
    wanted, starts, found = np.array(tags, np.uint64), [places[:0]], [places[:0]]
    for start in range(0, len(places), _AT_ONCE):
        run.check()
        entries = kernel.structs(BigPool.struct, places[start : start + _AT_ONCE])
        cut = cut or _lost(entries)
        address, key = entries["Va"], entries["Key"]
        own = key.values.astype(np.uint64) & ~_PROTECTED
        rows = np.flatnonzero(address.known & key.known & is_among(own, wanted))
        starts.append(address.values[rows].astype(np.uint64) & ~_FREE)
        found.append(own[rows])
    return Starts(np.concatenate(starts), np.concatenate(found), cut)


def _lost(entries: Structs) -> Cut | None:
    """Say which is the first place of the table that cannot be read, if there is one."""
    address = entries["Va"]
    for row in np.flatnonzero(~address.known)[:1].tolist():
        reason = Reason(int(address.statuses[row]))
        return Cut(reason, f"{_WHAT}: {int(entries.addresses[row]):#x}: {reason.text}")
    return None


def _places(kernel: WindowsKernel) -> tuple[Addresses, Cut | None]:
    """Return where the places of the table are, and why they may not be all."""
    nothing = np.zeros(0, np.uint64)
    table, count = (kernel.optional(f"PoolBigPageTable{rest}") for rest in ("", "Size"))
    layout = kernel.types.struct(BigPool.struct)
    if table is None or count is None or layout is None:
        why = f"{_WHAT} not read: no symbol PoolBigPageTable is known of this kernel"
        return nothing, Cut(Reason.NOT_IN_KERNEL, why)
    start, size = kernel.space.word(table), kernel.space.word(count)
    if start is None or size is None:
        return nothing, Cut(Reason.NOT_IN_DUMP, f"{_WHAT}: {Reason.NOT_IN_DUMP.text}")
    steps = np.arange(min(size, _MOST), dtype=np.uint64) * np.uint64(layout.size)
    cut = Cut(Reason.LIMIT, f"{_WHAT} cut short: {size:,} places") if size > _MOST else None
    return np.uint64(start) + steps, cut
