"""The kernel's list of hives (CMHIVE), and the maps that say where their blocks are.

From 1803 on (17134), bins are views of sections in the Registry process's own memory; its page
tables show them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, worst
from memq.errors import Reason
from memq.node import dataclass
from memq.os.listwalk import ListWalk
from memq.os.windows.proof import HIVE_SIGNATURE
from memq.os.windows.registry.cells import BLOCK, VOLATILE, Blocks
from memq.os.windows.vad_lookup import roots_of
from memq.schema.batch import Cut

if TYPE_CHECKING:
    from memq.column import Addresses, Array, Indexes, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

HIVES = "registry hives"
"""Under which name the kernel's facts keep them."""
MAX_HIVES = 1 << 14
MAX_BLOCKS = 1 << 21
"""Blocks of all hives together: 8 GB; a kernel's hives are some hundred MB."""
_TABLE = 512
"""Entries of an HMAP_TABLE."""
_FLAGS = np.uint64(0xF)
"""Bits of a bin's address that are flags."""
_ROOT_CELL = 0x20
"""Where the first cell of a storage is, behind the head of the first bin."""


@dataclass(frozen=True, slots=True, eq=False)
class Hives:
    """All hives that the kernel lists, in its order."""

    structs: Structs
    blocks: Blocks
    cut: Cut | None
    roots: Array
    """The cell of each hive's root key."""

    def __len__(self) -> int:
        return len(self.structs)

    @property
    def addresses(self) -> Addresses:
        """Where the structures of the hives are."""
        return self.structs.addresses

    def numbers_of(self, addresses: Array) -> Indexes:
        """Return the number of the hive at each address, -1 for none."""
        known = {address: number for number, address in enumerate(self.addresses.tolist())}
        return np.array([known.get(one, -1) for one in addresses.tolist()], np.int64)


def hives_of(kernel: WindowsKernel, run: Run) -> Hives:
    """Return the kernel's hives, found once; SymbolError where it is not known where they are."""
    known = kernel.facts.get(HIVES)
    if isinstance(known, Hives):
        return known
    link = kernel.types.required("_CMHIVE").offset("HiveList")
    walk = ListWalk(kernel, run, "list of hives", kernel.symbol("CmpHiveListHead"), link)
    addresses: list[int] = []
    cut = None
    for address in walk:
        if len(addresses) == MAX_HIVES:
            cut = Cut(Reason.LIMIT, f"list of hives cut short after {MAX_HIVES:,} elements")
            break
        addresses.append(address)
    structs = kernel.structs("_CMHIVE", np.array(addresses, np.uint64))
    found = Hives(structs, _blocks(kernel, run, structs), cut or walk.cut, _root_cells(structs))
    kernel.facts[HIVES] = found
    return found


def _root_cells(hives: Structs) -> Array:
    """Return the cell of each root key, as the base block has it, else the first that there is."""
    block = hives.follow("Hive.BaseBlock")
    root, signature = block["RootCell"], block["Signature"]
    stable = hives["Hive.Storage[0].Length"]
    first = np.where(stable.known & (stable.values == 0), _ROOT_CELL | VOLATILE, _ROOT_CELL)
    good = root.known & signature.known & (signature.values == int.from_bytes(b"regf", "little"))
    return np.where(good, root.values, first).astype(np.int64)


# The map


def _blocks(kernel: WindowsKernel, run: Run, hives: Structs) -> Blocks:
    """Read the maps of all hives."""
    parts = [_storage(hives, number) for number in range(2)]
    counts = np.stack([count for count, _, _ in parts], 1).reshape(-1)
    counts = np.where(np.cumsum(counts) > MAX_BLOCKS, 0, counts)
    maps = np.stack([pointers for _, pointers, _ in parts], 1).reshape(-1)
    status = np.stack([reasons for _, _, reasons in parts], 1).reshape(-1)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    storage = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    number = np.arange(len(storage), dtype=np.int64) - starts[storage]
    addresses, reasons = _mapped(kernel, maps[storage], status[storage], number)
    addresses, reasons = _flat(hives, storage, number, addresses, reasons)
    is_user = (addresses < np.uint64(kernel.space.kernel_start)) & (reasons == 0)
    roots = np.zeros(len(hives), np.uint64)
    if is_user.any():
        roots = _registry_roots(kernel, run, hives)
    return Blocks(kernel.space, addresses, reasons, starts, roots)


def _storage(hives: Structs, number: int) -> tuple[Indexes, Addresses, Statuses]:
    """Return how many blocks a storage of each hive has, where its directory is, and Reasons."""
    length = storage_length(hives, number)
    # ReactOS has one list of all blocks of a storage.
    pointer = hives[f"Hive.Storage[{number}].BlockList|Hive.Storage[{number}].Map"]
    signature = hives["Hive.Signature"]
    is_hive = ~signature.known | (signature.values == HIVE_SIGNATURE)
    status = np.maximum(length.statuses, pointer.statuses)
    status = np.where(is_hive, status, np.uint8(Reason.MALFORMED))
    sizes = length.values.astype(np.int64)
    counts = np.where(status == 0, (sizes + BLOCK - 1) // BLOCK, 0)
    return np.minimum(counts, VOLATILE // BLOCK), pointer.values.astype(np.uint64), status


def storage_length(hives: Structs, number: int) -> Column:
    """Return the bytes of a storage of each hive; ReactOS counts blocks."""
    length = hives[f"Hive.Storage[{number}].Length"]
    if not hives.has(f"Hive.Storage[{number}].BlockList"):
        return length
    return Column(length.values.astype(np.int64) * BLOCK, length.status)


def _mapped(
    kernel: WindowsKernel, maps: Addresses, status: Statuses, number: Indexes
) -> tuple[Addresses, Statuses]:
    """Return where blocks are, by the number of each in its storage, and Reasons.

    The directory has a pointer for each 512 blocks; that of a small storage is one pointer beside
    the map, which the map then points to.
    """
    layout = kernel.types.required("_HMAP_ENTRY")
    if kernel.types.required("_DUAL").has("BlockList"):  # ReactOS: no directory
        steps = (number * layout.size).astype(np.uint64)
        return _block_addresses(kernel.structs(layout.name, maps + steps, status))
    word, table = kernel.space.word_size, number // _TABLE
    places = maps + (table * word).astype(np.uint64)
    # Neighbours share their table.
    change = np.ones(len(places), bool)
    change[1:] = places[1:] != places[:-1]
    pointers, reasons = kernel.space.words(places[change])
    reasons = np.where((reasons == 0) & (pointers == 0), np.uint8(Reason.MALFORMED), reasons)
    index = np.cumsum(change) - 1
    steps = (number % _TABLE * layout.size).astype(np.uint64)
    lost = np.maximum(status, reasons[index])
    return _block_addresses(kernel.structs(layout.name, pointers[index] + steps, lost))


def _block_addresses(entries: Structs) -> tuple[Addresses, Statuses]:
    """Return where the blocks of entries of a map are; one that is not mapped is paged out."""
    if entries.has("PermanentBinAddress"):  # 10240
        permanent, offset = entries["PermanentBinAddress"], entries["BlockOffset"]
        bins = permanent.values.astype(np.uint64) & ~_FLAGS
        status = worst(permanent.status, offset.status)
        if entries.has("TemporaryBinAddress"):  # until 16299
            temporary = entries["TemporaryBinAddress"].values.astype(np.uint64) & ~_FLAGS
            bins = np.where(bins == 0, temporary, bins)
        found = Column(bins + offset.values.astype(np.uint64), status)
    else:
        found = entries["BlockAddress"]
        bins = found.values.astype(np.uint64)
    lost = found.but(found.known & (bins == 0), Reason.PAGED_OUT)
    return lost.values.astype(np.uint64), lost.statuses


def _flat(
    hives: Structs,
    storage: Indexes,
    number: Indexes,
    addresses: Addresses,
    status: Statuses,
) -> tuple[Addresses, Statuses]:
    """Return the blocks also of hives without a map, which lie in one piece behind their head."""
    flat, base, pointer = hives["Hive.Flat"], hives["Hive.BaseBlock"], hives["Hive.Storage[0].Map"]
    is_flat = flat.known & base.known & pointer.known & (flat.values != 0) & (pointer.values == 0)
    rows = is_flat[storage // 2] & (storage % 2 == 0)
    steps = ((number + 1) * BLOCK).astype(np.uint64)
    whole = base.values.astype(np.uint64)[storage // 2] + steps
    return np.where(rows, whole, addresses), np.where(rows, np.uint8(0), status)


# The process that has the views


def _registry_roots(kernel: WindowsKernel, run: Run, hives: Structs) -> Addresses:
    """Return the page tables for each hive by which its blocks in user memory are read."""
    tuples = hives.follow("Hive.ViewMap.ProcessTuple")
    owners = tuples["ProcessReference"]
    own = roots_of(kernel, owners.values.astype(np.uint64)).under(owners.status)
    roots = np.where(own.known, own.values, np.uint64(0))
    if (roots == 0).any():
        roots = np.where(roots == 0, np.uint64(_registry_process(kernel, run)), roots)
    return roots


def _registry_process(kernel: WindowsKernel, run: Run) -> int:
    """Return the page tables of the Registry process, 0 where it is not found."""
    layout = kernel.types.required("_EPROCESS")
    place = kernel.optional("CmpRegistryProcess")
    process = None if place is None else kernel.space.word(place)
    if not process:
        link, head = layout.offset("ActiveProcessLinks"), kernel.symbol("PsActiveProcessHead")
        listed = list(ListWalk(kernel, run, "list of active processes", head, link))
        structs = kernel.structs(layout.name, np.array(listed, np.uint64))
        names, parents = structs.text("ImageFileName"), structs["InheritedFromUniqueProcessId"]
        is_own = names.test(lambda name: name == "Registry").values & names.known
        rows = np.flatnonzero(is_own & parents.known & (parents.values == 4))
        process = listed[rows[0]] if len(rows) else None
    root = kernel.space.word(process + layout.offset("Pcb.DirectoryTableBase")) if process else None
    return (root or 0) & kernel.mode.root_mask
