"""Symbols that the kernel's own data gives away, for kernels of which no exact table is known.

Each is looked for in the parts of the image that hold no code, by what it must lead to; one of
which there are two candidates is not named. What only a name could tell (which of two arrays of
callbacks is which) stays unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import distinct_numbers, is_among
from memq.os.windows.processors import block_distance
from memq.os.windows.proof import HIVE_SIGNATURE
from memq.os.windows.ranges import loaded_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.column import Addresses
    from memq.os.windows.kernel import WindowsKernel
    from memq.symbols.structs import Structs

MAX_WORDS = 1 << 24
"""Words of an image that are looked at."""
MAX_CANDIDATES = 1 << 18
"""Pointers of one kind that are followed."""
MAX_ACTIVE = 1 << 20
"""Processes behind which the head of their list is no longer looked for."""
MIN_PROCESSORS = 32
"""Entries that the table of processors has at least: those of x86."""
_PAGE = 4096


def structural_symbols(kernel: WindowsKernel) -> dict[str, int]:
    """Return the RVAs of the symbols that are found so, by name."""
    data = _Data(kernel)
    finders: dict[str, Callable[[_Data], int | None]] = {
        "PsActiveProcessHead": _active_head,
        "PsLoadedModuleList": _module_head,
        "PspCidTable": _cid_table,
        "ObTypeIndexTable": _type_table,
        "CmpHiveListHead": _hive_head,
        "KiProcessorBlock": _processor_block,
        "KeServiceDescriptorTable": _service_tables,
        "MmUnloadedDrivers": _unloaded_drivers,
        "MmPhysicalMemoryBlock": _memory_block,
    }
    found: dict[str, int] = {}
    for name, finder in finders.items():
        place = finder(data)
        if place is not None:
            found[name] = place - kernel.image.base
    table = found.get("KeServiceDescriptorTable")
    services = None if table is None else kernel.space.word(kernel.image.base + table)
    if services is not None:
        found["KiServiceTable"] = services - kernel.image.base
    return found


class _Data:
    """The words of the image that are no code, and where each lies."""

    def __init__(self, kernel: WindowsKernel) -> None:
        self.kernel = kernel
        self.size = kernel.space.word_size
        pages = self._pages()
        data, status = kernel.space.gather(pages, _PAGE)
        per_page = _PAGE // self.size
        words = np.ascontiguousarray(data).view(f"<u{self.size}").reshape(-1, per_page)
        there = status == 0
        self.words = words[there].astype(np.uint64).reshape(-1)
        steps = np.arange(per_page, dtype=np.uint64) * np.uint64(self.size)
        self.places = (pages[there][:, None] + steps[None, :]).reshape(-1)
        inside = kernel.is_kernel_image(self.words)
        is_kernel = self.words >= np.uint64(kernel.space.kernel_start)
        aligned = self.words & np.uint64(self.size - 1) == 0
        self.is_inner = inside
        """Which words point into the image."""
        self.is_outer = is_kernel & ~inside & aligned
        """Which words point to the kernel's memory outside of it."""

    def _pages(self) -> Addresses:
        image = self.kernel.image
        parts = [one for one in image.sections if not one.is_executable]
        spans = [(one.rva, one.size) for one in parts] or [(0, image.size)]
        most = MAX_WORDS * self.size // _PAGE
        pages = [
            np.arange(rva & -_PAGE, min(rva + size, image.size), _PAGE, dtype=np.uint64)
            for rva, size in spans
        ]
        return np.concatenate(pages)[:most] + np.uint64(image.base)

    def outer(self) -> tuple[Addresses, Addresses]:
        """Return the pointers out of the image, and the place of each."""
        rows = np.flatnonzero(self.is_outer)[:MAX_CANDIDATES]
        return self.words[rows], self.places[rows]

    def structs(self, name: str, addresses: Addresses) -> Structs:
        """Return structures of a type."""
        return self.kernel.structs(name, addresses)


def _one(places: Addresses) -> int | None:
    """Return the only candidate; None if there are none, or several."""
    distinct = distinct_numbers(places)
    return int(distinct[0]) if len(distinct) == 1 else None


def _active_head(data: _Data) -> int | None:
    """The one node of the list of processes that lies in the image."""
    kernel = data.kernel
    process = kernel.system_process
    if process is None:
        return None
    image = range(kernel.image.base, kernel.image.end)
    node = process + kernel.types.required("_EPROCESS").offset("ActiveProcessLinks")
    for _ in range(MAX_ACTIVE):
        # Backwards: System is the first, so that the head is next to it.
        before = kernel.space.word(node + data.size)
        if before is None or before in image or before == node:
            return before if before is not None and before in image else None
        node = before
    return None


def _module_head(data: _Data) -> int | None:
    """A list whose first element is the kernel's own image, and leads back; exported since 6.0."""
    kernel = data.kernel
    name = loaded_type(kernel)
    link = kernel.types.required(name).offset("InLoadOrderLinks")
    firsts, places = data.outer()
    modules = data.structs(name, firsts - np.uint64(link))
    back, base, size = (
        modules[member] for member in ("InLoadOrderLinks.Blink", "DllBase", "SizeOfImage")
    )
    good = back.known & base.known & size.known & (back.values == places)
    good &= (base.values == kernel.image.base) & (size.values == kernel.image.size)
    return _one(places[good])


def _cid_table(data: _Data) -> int | None:
    """A pointer to a handle table whose handle 4 is the first process."""
    kernel = data.kernel
    entry, process = kernel.types.struct("_HANDLE_TABLE_ENTRY"), kernel.system_process
    if entry is None or process is None:
        return None
    pointers, places = data.outer()
    tables = data.structs("_HANDLE_TABLE", pointers)
    code = tables["TableCode"]
    at = code.values.astype(np.uint64)
    level = at & np.uint64(7)
    at = at & ~np.uint64(7)
    good = code.known & (level <= 2) & (at >= np.uint64(kernel.space.kernel_start))
    for depth in (1, 2):
        rows = np.flatnonzero(good & (level >= depth))
        below, status = kernel.space.words(at[rows])
        at[rows] = below
        good[rows] &= status == 0
    rows = np.flatnonzero(good)
    words, status = kernel.space.words(at[rows] + np.uint64(entry.size))
    hits = (status == 0) & is_among(_decoded(kernel, words), np.array([process], np.uint64))
    return _one(places[rows[hits]])


def _decoded(kernel: WindowsKernel, words: Addresses) -> Addresses:
    """Return what entries of the table of process numbers point to, as each era writes them."""
    entry = kernel.types.struct("_HANDLE_TABLE_ENTRY")
    member = entry.find("ObjectPointerBits") if entry is not None else None
    if member is None or member.bit_size is None:  # until 6.1: a pointer, the lowest bits flags
        return words & ~np.uint64(7)
    shift = member.offset * 8 + (member.bit_offset or 0)  # 17 and 20 bits since 6.3 and 10.0
    bits = words >> np.uint64(shift)
    kept = bits & np.uint64((1 << member.bit_size) - 1)
    upper = np.uint64((1 << 64) - (1 << member.bit_size + 4))
    return (kept << np.uint64(4)) | upper


def _type_table(data: _Data) -> int | None:
    """The table that has the exported types each at its own index."""
    kernel, starts = data.kernel, []
    if kernel.types.required("_OBJECT_TYPE").find("Index") is None:
        return None
    for name in ("PsProcessType", "PsThreadType", "IoFileObjectType"):
        variable = kernel.optional(name)
        type_ = None if variable is None else kernel.space.word(variable)
        if not type_:
            continue
        index = data.structs("_OBJECT_TYPE", np.array([type_], np.uint64))["Index"]
        if not index.known.all():
            continue
        back = np.uint64(int(index.values[0]) * data.size)
        starts.append(data.places[data.words == np.uint64(type_)] - back)
    if len(starts) < 2:
        return None
    common = starts[0]
    for others in starts[1:]:
        common = common[is_among(common, others)]
    return _one(common)


def _hive_head(data: _Data) -> int | None:
    """A list whose first and last elements are hives, and lead back."""
    kernel = data.kernel
    layout = kernel.types.struct("_CMHIVE")
    if layout is None:
        return None
    link = np.uint64(layout.offset("HiveList"))
    rows = np.flatnonzero(data.is_outer[:-1] & data.is_outer[1:])[:MAX_CANDIDATES]
    hives = data.structs("_CMHIVE", data.words[rows] - link)
    back, signature = hives["HiveList.Blink"], hives["Hive.Signature"]
    good = back.known & signature.known & (back.values == data.places[rows])
    return _one(data.places[rows[good & (signature.values == HIVE_SIGNATURE)]])


def _processor_block(data: _Data) -> int | None:
    """The first of a run of pointers to KPRCBs, each in a KPCR that knows its own address."""
    kernel = data.kernel
    layout = kernel.types.struct("_KPCR")
    if layout is None:
        return None
    own = "Self" if layout.has("Self") else "SelfPcr"  # x86
    # Until 6.1 the first processor's is part of the image.
    rows = np.flatnonzero(data.is_outer | data.is_inner)[:MAX_CANDIDATES]
    pointers, places = data.words[rows], data.places[rows]
    blocks = pointers - np.uint64(block_distance(layout))
    pcrs = data.structs("_KPCR", blocks)
    itself, current = pcrs[own], pcrs["CurrentPrcb" if layout.has("CurrentPrcb") else "Prcb"]
    good = itself.known & current.known & (itself.values == blocks) & (current.values == pointers)
    # Each of them has its own address in itself.
    starts = distinct_numbers(blocks[good])
    if not len(starts):
        return None
    inside = np.maximum(np.searchsorted(starts, places, "right"), 1) - 1
    good &= (places < starts[inside]) | (places - starts[inside] >= np.uint64(layout.size))
    found = places[good]
    # Several processors stand side by side; the first has number 0.
    firsts = found[~is_among(found - np.uint64(data.size), found)]
    if len(firsts) > 1:
        # A stack in the image has such pointers, too, but not behind each other and then nulls.
        firsts = firsts[[_is_alone(data, place, set(pointers[good].tolist())) for place in firsts]]
    numbers = data.structs("_KPRCB", pointers[good][is_among(found, firsts)])["Number"]
    return _one(firsts[numbers.known & (numbers.values == 0)])


def _is_alone(data: _Data, place: np.uint64, blocks: set[int]) -> bool:
    """Whether in a table of the least size there is nothing but these pointers, and nulls."""
    row = int(np.searchsorted(data.places, place))
    return set(data.words[row : row + MIN_PROCESSORS].tolist()) <= {0, *blocks}


def _service_tables(data: _Data) -> int | None:
    """A pointer into the image, null, a count of 200 to 999, and a pointer into the image."""
    words, inner = data.words, data.is_inner
    step = data.size
    rows = np.flatnonzero(inner[:-3] & (words[1:-2] == 0) & inner[3:])
    count = words[2:-1][rows]
    rows = rows[(count >= 200) & (count < 1000)]
    side_by_side = data.places[rows + 3] - data.places[rows] == 3 * step
    rows = rows[side_by_side]
    limits = words[rows + 2]
    targets = [
        _is_table(data, int(words[row]), int(limit))
        for row, limit in zip(rows.tolist()[:64], limits.tolist()[:64], strict=True)
    ]
    rows = rows[: len(targets)][np.array(targets, bool)] if targets else rows[:0]
    # The shadow table begins with the same entry; a second one follows there.
    plain = [row for row in rows.tolist() if not words[row + 4 : row + 5].any()]
    return _one(data.places[np.array(plain, np.int64)])


def _is_table(data: _Data, place: int, count: int) -> bool:
    """Whether entries at a place all lead into the image."""
    kernel = data.kernel
    raw = kernel.space.read(place, count * 4)
    if raw is None:
        return False
    if data.size == 8:
        # Distances from the table since Vista; the lowest bits count arguments on the stack.
        steps = (np.frombuffer(raw, "<i4") >> 4).astype(np.int64).view(np.uint64)
        inside = kernel.is_kernel_image(np.uint64(place) + steps)
    else:
        inside = kernel.is_kernel_image(np.frombuffer(raw, "<u4").astype(np.uint64))
    return bool(inside.sum() * 10 >= count * 9)  # hooks lead elsewhere


def _unloaded_drivers(data: _Data) -> int | None:
    """A pointer to records of name, start, end and time of which the first is plausible."""
    kernel, size = data.kernel, data.size
    pointers, places = data.outer()
    # _UNLOADED_DRIVERS: UNICODE_STRING Name; PVOID Start, End; LARGE_INTEGER Time
    heads, status = kernel.space.gather(pointers, 5 * 8 if size == 8 else 3 * 8)
    lengths = np.ascontiguousarray(heads[:, :4]).view("<u2")
    words = (
        np.ascontiguousarray(heads[:, size : size + 3 * size]).view(f"<u{size}").astype(np.uint64)
    )
    times = np.ascontiguousarray(heads[:, -8:]).view("<u8")[:, 0]
    half = np.uint64(kernel.space.kernel_start)
    good = (status == 0) & (lengths[:, 0] > 0) & (lengths[:, 0] % 2 == 0)
    good &= (lengths[:, 1] >= lengths[:, 0]) & (lengths[:, 1] <= 520)
    good &= (words[:, 0] >= half) & (words[:, 1] >= half) & (words[:, 2] > words[:, 1])
    good &= (words[:, 1] % _PAGE == 0) & (words[:, 2] - words[:, 1] < 1 << 28)
    good &= (times >> np.uint64(48) > 0x1B0) & (times >> np.uint64(48) < 0x240)  # 1996 to 2110
    return _one(places[good])


def _memory_block(data: _Data) -> int | None:
    """A pointer to runs of pages whose counts give the total that stands before them."""
    kernel = data.kernel
    layout, run = (
        kernel.types.struct(name)
        for name in ("_PHYSICAL_MEMORY_DESCRIPTOR", "_PHYSICAL_MEMORY_RUN")
    )
    if layout is None or run is None:
        return None
    pointers, places = data.outer()
    blocks = data.structs(layout.name, pointers)
    count, total = blocks["NumberOfRuns"], blocks["NumberOfPages"]
    good = count.known & total.known & (count.values > 0) & (count.values <= 64)
    good &= (total.values.astype(np.uint64) > 0) & (total.values.astype(np.uint64) < 1 << 40)
    rows = np.flatnonzero(good)
    sums = [
        _pages_in(data, int(pointers[row]) + layout.offset("Run"), int(count.values[row]), run.size)
        for row in rows.tolist()[:4096]
    ]
    fits = [
        row for row, pages in zip(rows.tolist(), sums, strict=False) if pages == total.values[row]
    ]
    return _one(places[np.array(fits, np.int64)])


def _pages_in(data: _Data, place: int, count: int, size: int) -> int | None:
    """Return the pages of so many runs; None if they are not in order."""
    raw = data.kernel.space.read(place, count * size)
    if raw is None:
        return None
    pairs = np.frombuffer(raw, f"<u{size // 2}").astype(np.uint64).reshape(-1, 2)
    ends = pairs[:, 0] + pairs[:, 1]
    return int(pairs[:, 1].sum()) if (pairs[1:, 0] >= ends[:-1]).all() else None
