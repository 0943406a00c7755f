"""Objects of one type that directories or handles lead to, and which of the two knows each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Column, Text, distinct_numbers, distinct_rows, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.listwalk import ListWalk
from memq.os.windows import pool_scan
from memq.os.windows.directories import directory_objects
from memq.os.windows.handle_table import open_handles
from memq.os.windows.objects import Objects, body_offset
from memq.schema.batch import Cut
from memq.symbols.lists import Cuts, lists

if TYPE_CHECKING:
    from memq.column import Array
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run

_FACT = "objects of all handles"
IN_DIRECTORY, IN_HANDLES, IN_VADS, CARVED = 1, 2, 4, 8
"""Bits: which sources know an object; files alone are known by VADs."""
SOURCES = {
    IN_DIRECTORY: "directory", IN_HANDLES: "handles", IN_VADS: "vads", CARVED: pool_scan.SOURCE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HandleObjects:
    """What any handle stands for, each object once."""

    addresses: Addresses
    types: Text
    cut: Cut | None


@dataclass(frozen=True, slots=True)
class KnownObjects:
    """Objects of one type: those in directories, in their order, then those of handles alone."""

    addresses: Addresses
    sources: Array
    cut: Cut | None


def known_objects(kernel: WindowsKernel, run: Run, kind: str) -> KnownObjects:
    """Return the objects of a type that directories or handles lead to."""
    listed, opened = directory_objects(kernel, run), handle_objects(kernel, run)
    named = listed.addresses[listed.of_type(kind)]
    named = named[np.sort(distinct_rows(named)[0])]
    is_kind = opened.types.test(lambda word: word == kind)
    held = opened.addresses[is_kind.values & is_kind.known]
    rest = held[~is_among(held, named)]
    sources = np.concatenate(
        [
            np.where(is_among(named, held), IN_DIRECTORY | IN_HANDLES, IN_DIRECTORY),
            np.full(len(rest), IN_HANDLES),
        ]
    )
    return KnownObjects(np.concatenate([named, rest]), sources, listed.cut or opened.cut)


def handle_objects(kernel: WindowsKernel, run: Run) -> HandleObjects:
    """Return what the handles in all tables stand for, found once."""
    found = kernel.facts.get(_FACT)
    if not isinstance(found, HandleObjects):
        found = kernel.facts[_FACT] = _find(kernel, run)
    return found


def _find(kernel: WindowsKernel, run: Run) -> HandleObjects:
    tables, cut = handle_tables(kernel, run)
    cuts = Cuts(len(tables))
    handles = open_handles(kernel, run, kernel.structs("_HANDLE_TABLE", tables), cuts)
    addresses = distinct_numbers(handles.objects) + np.uint64(body_offset(kernel))
    types = Objects(kernel, run, Column(addresses)).types
    for row in np.flatnonzero(cuts.status)[:1].tolist():
        reason = Reason(int(cuts.status[row]))
        cut = cut or Cut(reason, f"handle table at {int(tables[row]):#x}: {reason.text}")
    return HandleObjects(addresses, types, cut)


def handle_tables(kernel: WindowsKernel, run: Run) -> tuple[Addresses, Cut | None]:
    """Return all processes' handle tables: by the list of them, and by the list of processes.

    A process that is taken off its list still has its table on the other.
    """
    places, cut = _processes(kernel, run)
    processes = kernel.structs("_EPROCESS", places)
    own = processes["ObjectTable"]
    tables = distinct_numbers(own.values[own.known & (own.values != 0)].astype(np.uint64))
    if not len(tables):
        return tables, cut
    ring = kernel.types.required("_HANDLE_TABLE").offset("HandleTableList")
    cuts = Cuts(1)
    around = lists(kernel.space, run, tables[:1] + np.uint64(ring), cuts, ring)
    # The list's head is in the kernel's image, and in no table.
    others = around.addresses[~kernel.is_kernel_image(around.addresses + np.uint64(ring))]
    if cuts.status[0] and cut is None:
        reason = Reason(int(cuts.status[0]))
        cut = Cut(reason, f"list of handle tables cut short: {int(cuts.at[0]):#x}: {reason.text}")
    return distinct_numbers(np.concatenate([tables, others])), cut


def _processes(kernel: WindowsKernel, run: Run) -> tuple[Addresses, Cut | None]:
    """Return the active processes; where their list is not known, the first one alone."""
    head = kernel.optional("PsActiveProcessHead")
    if head is None:
        first = kernel.system_process
        return np.array([first] if first else [], np.uint64), None
    link = kernel.types.required("_EPROCESS").offset("ActiveProcessLinks")
    walk = ListWalk(kernel, run, "list of active processes", head, link)
    return np.fromiter(walk, np.uint64), walk.cut
