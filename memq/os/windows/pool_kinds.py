"""Kinds of objects that a search of the pools finds, and what shows that something is one.

The tag of an object's allocation is the first four letters of its type's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.os.windows.times import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memq.column import Array, Column, Statuses
    from memq.symbols.structs import Structs

    Mask = NDArray[np.bool_]
    Check = Callable[[Structs], Mask]

_LATEST = 0x0300_0000_0000_0000
"""In 100 ns since 1601: after 2200."""
_LOCKED = 0x80
"""Bit of a dispatcher object's type: somebody holds its lock."""


def _dispatcher(member: str, wanted: int) -> Check:
    """Return a check of what the first byte of a dispatcher object says it is (KOBJECTS)."""

    def check(objects: Structs) -> Mask:
        kind = objects[f"{member}Header.Type"]
        return np.asarray(kind.known & (kind.values & ~_LOCKED == wanted))

    return check


def _input_output(wanted: int) -> Check:
    """Return a check of what the first number of an object of the I/O manager says it is."""

    def check(objects: Structs) -> Mask:
        kind, size = objects["Type"], objects["Size"]
        return np.asarray(kind.known & (kind.values == wanted) & (size.values > 0))

    return check


def _is_process(objects: Structs) -> Mask:
    number, created = objects["UniqueProcessId"], objects["CreateTime.QuadPart|CreateTime"]
    times = created.values.astype(np.int64)
    is_sound = _dispatcher("Pcb.", 3)(objects) & _is_number(number)
    # The first process, which the system begins with, may have none.
    return np.asarray(is_sound & ((times == 0) | (times >= EPOCH) & (times < _LATEST)))


def _is_thread(objects: Structs) -> Mask:
    threads, processes = objects["Cid.UniqueThread"], objects["Cid.UniqueProcess"]
    is_sound = _dispatcher("Tcb.", 6)(objects) & _is_number(threads) & _is_number(processes)
    # What a processor does when it has nothing to do has no number, and stands in no list either.
    return np.asarray(is_sound & (threads.values != 0))


def _is_link(objects: Structs) -> Mask:
    created = objects["CreationTime.QuadPart|CreationTime"]
    times = created.values.astype(np.int64)
    return np.asarray(created.known & (times >= EPOCH) & (times < _LATEST))


def _is_number(column: Column) -> Mask:
    """Whether a column may be numbers of processes or threads, which go by fours."""
    values: Array = column.values.astype(np.uint64)
    status: Statuses = column.statuses
    return np.asarray((status == 0) & (values & np.uint64(3) == 0) & (values < 1 << 32))


KINDS: dict[str, tuple[str, Check]] = {
    "Process": ("_EPROCESS", _is_process),
    "Thread": ("_ETHREAD", _is_thread),
    "Driver": ("_DRIVER_OBJECT", _input_output(4)),
    "File": ("_FILE_OBJECT", _input_output(5)),
    "Mutant": ("_KMUTANT", _dispatcher("", 2)),
    "SymbolicLink": ("_OBJECT_SYMBOLIC_LINK", _is_link),
}
"""What is searched for, by the kernel's names of types: the structure, and what it must look like.
"""
