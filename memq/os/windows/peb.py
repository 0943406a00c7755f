"""What processes say of themselves in their own memory: PEB and process parameters.

A process may write there what it likes; what the kernel holds is in EPROCESS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Column, worst
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import known_pointers
from memq.os.windows.strings import utf16_text
from memq.os.windows.wow64 import layouts

if TYPE_CHECKING:
    from memq.column import Indexes, Statuses, Text
    from memq.layers.space import AddressSpace
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.lists import Cuts
    from memq.symbols.structs import Structs

NORMALIZED = 1
"""RTL_USER_PROC_PARAMS_NORMALIZED: pointers are addresses, not offsets from the structure."""
MAX_ENVIRONMENT = 1 << 20
"""Bytes of one environment; programs can make larger ones, but none is known to."""
MAX_ENVIRONMENTS = 1 << 28
"""Bytes of all environments that are read together."""
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Block:
    """Process environment blocks, one for each process, and what they lead to."""

    block: Structs
    parameters: Structs

    def take(self, index: Indexes) -> Block:
        """Return the blocks of some of the processes."""
        return Block(self.block.take(index), self.parameters.take(index))


def native_block(kernel: WindowsKernel, processes: Structs, roots: Column) -> Block:
    """Return the PEB of each process; those of processes without user memory are null."""
    places, status = known_pointers(processes["Peb"])
    reasons = np.where(status == 0, roots.statuses, status)
    block = kernel.structs("_PEB", places, reasons, roots.values.astype(np.uint64))
    name = "_RTL_USER_PROCESS_PARAMETERS"
    return Block(block, block.follow("ProcessParameters", name))


def wow64_block(kernel: WindowsKernel, processes: Structs, roots: Column) -> Block:
    """Return the PEB that 32-bit code has beside the native one; null where there is none."""
    layout = layouts(kernel)
    places, status = known_pointers(wow64_pointers(kernel, processes))
    reasons = np.where(status == 0, roots.statuses, status)
    block = kernel.structs("_PEB", places, reasons, roots.values.astype(np.uint64))
    block = block.at(Column(places, reasons), layout.block)
    return Block(block, block.at(block["ProcessParameters"], layout.parameters))


def wow64_pointers(kernel: WindowsKernel, processes: Structs) -> Column:
    """Return the address of each process's 32-bit PEB, 0 where it runs no 32-bit code."""
    if not kernel.is_64_bit:
        return Column(np.zeros(len(processes), np.uint64))
    # 10586 renamed it, and gave it a type.
    name = "WoW64Process" if processes.has("WoW64Process") else "Wow64Process"
    member = processes.type.find(name) if processes.type is not None else None
    target = member.type.target() if member is not None else None
    if target is None or target.kind != "struct":
        return processes[name]
    inner = processes.follow(name)["Peb|Wow64"]
    is_native = processes[name].known & (processes[name].values == 0)
    status = np.where(is_native, np.uint8(0), inner.statuses)
    return Column(np.where(is_native, np.uint64(0), inner.values.astype(np.uint64)), status)


def parameter_text(space: AddressSpace, parameters: Structs, member: str) -> Text:
    """Return a string of the process parameters; null where it is empty."""
    length, buffer = parameters[f"{member}.Length"], parameters[f"{member}.Buffer"]
    flags, size = parameters["Flags"], parameters["MaximumLength"]
    places = buffer.values.astype(np.uint64)
    within = (places != 0) & (places < size.values.astype(np.uint64))
    is_offset = flags.known & (flags.values & NORMALIZED == 0) & within
    places = np.where(is_offset, places + parameters.addresses, places)
    status = worst(length.status, buffer.status)
    return utf16_text(space, Column(places, status), length.values, parameters.roots)


def environments(
    kernel: WindowsKernel, run: Run, parameters: Structs, cuts: Cuts
) -> tuple[Addresses, list[bytearray]]:
    """Return where each environment begins, and what there is of it up to its end.

    It ends with an empty string. Read a page of all at once, as one may end before what is missing.
    """
    places, status = known_pointers(parameters["Environment"])
    rows = np.arange(len(parameters))
    cuts.mark(rows, status, parameters.addresses)
    found = [bytearray() for _ in rows]
    reading = _Reading(places, *_sizes(parameters), found)
    rows, total = rows[status == 0], 0
    while len(rows):
        run.check()
        rows, read = reading.page(kernel, parameters.roots, rows, cuts)
        total += read
        if total > MAX_ENVIRONMENTS:
            cuts.mark(rows, Reason.LIMIT, places[rows])
            break
    return places, found


def _sizes(parameters: Structs) -> tuple[Indexes, Statuses]:
    """Return how many bytes each environment has at most, and how reading ends there."""
    size = parameters["EnvironmentSize"]  # since 6000
    told = size.values.astype(np.uint64)
    use = size.known & (told > 0) & (told <= MAX_ENVIRONMENT)
    sizes = np.where(use, told, np.uint64(MAX_ENVIRONMENT)).astype(np.int64)
    return sizes, np.where(use, np.uint8(Reason.NULL), np.uint8(Reason.LIMIT))


@dataclass(frozen=True, slots=True)
class _Reading:
    """Environments that are being read."""

    places: Addresses
    sizes: Indexes
    ends: Statuses
    """Why nothing is read beyond the size; NULL where that is where it ends."""
    found: list[bytearray]

    def page(
        self, kernel: WindowsKernel, roots: Addresses | None, rows: Indexes, cuts: Cuts
    ) -> tuple[Indexes, int]:
        """Read on to the next page's edge; return the rows that have not ended, and the bytes."""
        done = np.array([len(self.found[row]) for row in rows.tolist()], np.int64)
        starts = self.places[rows] + done.astype(np.uint64)
        rest = _PAGE - (starts % np.uint64(_PAGE)).astype(np.int64)
        counts = np.minimum(rest, self.sizes[rows] - done)
        own = None if roots is None else roots[rows]
        data, status = kernel.space.gather_ranges(starts, counts, _PAGE, own)
        cuts.mark(rows, status, starts)
        going = []
        for row, piece, begun in zip(rows.tolist(), data, done.tolist(), strict=True):
            self.found[row] += piece
            if piece and not _has_ended(self.found[row], begun):
                going.append(row)
        left = np.array(going, np.int64)
        full = np.array([len(self.found[row]) >= self.sizes[row] for row in going], bool)
        cuts.mark(left[full], self.ends[left[full]], self.places[left[full]])
        return left[~full] if len(left) else left, int(counts.sum())


def _has_ended(block: bytearray, begun: int) -> bool:
    """Whether there is an empty string in what was read since `begun`."""
    place = block.find(b"\0\0\0\0", max(begun - 4, 0))
    while place >= 0 and place % 2:
        place = block.find(b"\0\0\0\0", place + 1)
    return place >= 0
