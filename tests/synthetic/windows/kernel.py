"""What all parts of a machine share: memory, types, image and pools."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.synthetic.memory import Memory
from tests.synthetic.windows.kernel_image import KernelImage
from tests.synthetic.windows.record import Record
from tests.synthetic.windows.space import Pool, Space
from tests.synthetic.windows.tables import MODES
from tests.synthetic.windows.truth import BigPoolTruth, Hex, Truth

if TYPE_CHECKING:
    from memq.symbols.tables import ImageTable
    from tests.synthetic.windows.options import Options

PAGE = 4096
FIRST = 0x1A_D000
"""Physical address of what is made first, the root of System: about where loaders put it."""


class Kernel:
    """The kernel's memory, without anything in it."""

    def __init__(self, table: ImageTable, options: Options) -> None:
        self.types = table.types
        self.options = options
        self.random = random.Random(options.seed)
        self.memory = Memory(FIRST)
        self.space = Space(self.memory, MODES[options.paging])
        self.word = self.space.word
        base, nonpaged, paged = options.bases
        self.image = KernelImage(self.space, table, options, base)
        header = self.types.required("_POOL_HEADER")
        self.nonpaged = Pool(self.space, nonpaged, header, in_use=2 if options.is_vista else 1)
        self.paged = Pool(self.space, paged, header, in_use=3 if options.is_vista else 2)
        self.truth = Truth()
        self.page_files: dict[int, dict[int, bytes]] = {}
        """Content of pages that are in page files, by the file's number and the page's."""

    def size(self, name: str) -> int:
        """Return the size of a structure."""
        return self.types.required(name).size

    def record(self, name: str, address: int, space: Space | None = None) -> Record:
        """Return the structure of this name at an address, the kernel's or a process's."""
        return Record(self.space if space is None else space, address, self.types.required(name))

    def new(self, name: str, tag: str, *, is_paged: bool = False, more: int = 0) -> Record:
        """Return a new structure in a pool, with `more` bytes behind it."""
        pool = self.paged if is_paged else self.nonpaged
        return self.record(name, pool.allocate(self.size(name) + more, tag))

    def variable(self, symbol: str, name: str) -> Record | None:
        """Return a structure that is a variable of the kernel's; None if it has no such."""
        address = self.image.address(symbol, self.size(name))
        return None if address is None else self.record(name, address)

    def text(self, record: Record, member: str, text: str) -> None:
        """Write an _UNICODE_STRING, its characters in the paged pool."""
        record.text(member, text, self.paged.allocate(2 * len(text) + 2, "Strg"))

    def fast(self, address: int, count: int = 7) -> int:
        """Return an _EX_FAST_REF: the lowest bits count references."""
        return address | (count & (15 if self.word == 8 else 7))


def write_big_pools(kernel: Kernel) -> None:
    """Write the table of allocations that are whole pages; free places have bit 0 set."""
    name = "_POOL_TRACKER_BIG_PAGES"
    if kernel.types.struct(name) is None:
        return
    pools = ((kernel.nonpaged, False), (kernel.paged, True))
    found = [(*one, is_paged) for pool, is_paged in pools for one in list(pool.big)]
    count, size = 2 * len(found) + 2, kernel.size(name)
    table = kernel.nonpaged.allocate(max(count * size, PAGE), "Pool")
    for number in range(count):
        record = kernel.record(name, table + number * size)
        if number % 2 or number // 2 >= len(found):
            record["Va"] = 1
            continue
        address, tag, length, is_paged = found[number // 2]
        record.fill({"Va": address, "Key": tag})
        record["NumberOfBytes|NumberOfPages"] = (
            length if record.has("NumberOfBytes") else length // PAGE
        )
        record.offer({"PoolType": int(is_paged)})
        truth = BigPoolTruth(Hex(address), tag.decode("latin-1"), length, is_paged)
        kernel.truth.bigpools.append(truth)
    kernel.image.set("PoolBigPageTable", table)
    kernel.image.set("PoolBigPageTableSize", count)
