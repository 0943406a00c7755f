"""Where the kernel keeps the functions that drivers have asked it to call, and what is there.

Most of these structures are in no symbol table: those of bug checks are in wdm.h, the others are
known from what many have seen. Where one was changed, the kernel has another symbol for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.column import Column, Text, text_column
from memq.errors import Reason
from memq.os.common import known_pointers
from memq.os.listwalk import ListWalk
from memq.os.windows.object_types import object_types
from memq.os.windows.strings import unicode_text
from memq.os.windows.undocumented import LINKS, POINTER, STRING, layout, structs
from memq.schema.batch import Cut
from memq.symbols.lists import Cuts, lists

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from memq.column import Addresses, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

MAX_PLACES = 64
"""Places of an array of functions to notify; 8 until Vista."""
MAX_COMPONENT = 64
SHUTDOWN = 16
"""IRP_MJ_SHUTDOWN."""
_NOTHING = np.zeros(0, np.uint64)


class Found(NamedTuple):
    """Functions of one kind, the structures that lead to them, and what more is said of each."""

    functions: Column
    blocks: Addresses
    details: Text
    cut: Cut | None = None


def in_array(kernel: WindowsKernel, _run: Run, symbol: str) -> Found:
    """Read an array of fast references to blocks, each of which has a function."""
    place, size = kernel.symbol(symbol), kernel.space.word_size
    after = kernel.symbols.after(place)
    count = MAX_PLACES if after is None else min((after - place) // size, MAX_PLACES)
    words, status = kernel.space.words(_steps(place, count, size))
    # The lowest bits count references: four where a block is aligned to 16 bytes, else three.
    blocks = words & ~np.uint64(2 * size - 1)
    rows = np.flatnonzero((blocks != 0) | (status != 0))
    members = {"Rundown": POINTER, "Function": POINTER, "Context": POINTER}
    found = _blocks(kernel, members, blocks[rows], status[rows])
    return Found(found["Function"], blocks[rows], _no_details(len(rows)), _lost(status, symbol))


def one_function(kernel: WindowsKernel, _run: Run, symbol: str) -> Found:
    """Read a single pointer to a function."""
    place = np.array([kernel.symbol(symbol)], np.uint64)
    words, status = kernel.space.words(place)
    rows = np.flatnonzero((words != 0) | (status != 0))
    return Found(Column(words[rows], status[rows]), place[rows], _no_details(len(rows)))


def registry(kernel: WindowsKernel, run: Run, symbol: str) -> Found:
    """Walk the list of registry callbacks, which are called in the order of their altitudes."""
    members = {
        "Links": LINKS, "PreCallListCount": "u32", "Pad": "u32", "Cookie": "u64",
        "CallerContext": POINTER, "Function": POINTER, "Altitude": STRING,
    }  # fmt: skip
    found, cut = _ring(kernel, run, symbol, members)
    altitudes = unicode_text(kernel.space, found, "Altitude")
    details = altitudes.map(lambda altitude: f"altitude {altitude}")
    return Found(found["Function"], found.addresses, details, cut)


def bug_check(kernel: WindowsKernel, run: Run, symbol: str) -> Found:
    """Walk the list of those to be called when the system stops (KBUGCHECK_CALLBACK_RECORD)."""
    members = {
        "Links": LINKS, "Function": POINTER, "Buffer": POINTER, "Length": "u32",
        "Component": POINTER,
    }  # fmt: skip
    return _with_component(kernel, run, symbol, members)


def bug_check_reason(kernel: WindowsKernel, run: Run, symbol: str) -> Found:
    """Walk a list of those who add to a dump (KBUGCHECK_REASON_CALLBACK_RECORD)."""
    members = {"Links": LINKS, "Function": POINTER, "Component": POINTER}
    return _with_component(kernel, run, symbol, members)


def file_system(kernel: WindowsKernel, run: Run, symbol: str) -> Found:
    """Walk the list of those who want to know of new file systems."""
    members = {"Links": LINKS, "Driver": POINTER, "Function": POINTER}
    found, cut = _ring(kernel, run, symbol, members)
    return Found(found["Function"], found.addresses, _driver_names(kernel, found["Driver"]), cut)


def shutdown(kernel: WindowsKernel, run: Run, symbol: str) -> Found:
    """Walk a list of devices whose drivers are asked to shut down (IRP_MJ_SHUTDOWN)."""
    found, cut = _ring(kernel, run, symbol, {"Links": LINKS, "Device": POINTER})
    devices = found.at(found["Device"], "_DEVICE_OBJECT")
    pointers = devices["DriverObject"]
    functions = devices.at(pointers, "_DRIVER_OBJECT")[f"MajorFunction[{SHUTDOWN}]"]
    return Found(functions, found.addresses, _driver_names(kernel, pointers), cut)


def singly(kernel: WindowsKernel, run: Run, symbol: str) -> Found:
    """Walk a list that ends in a null; each element has the next one and its function."""
    cuts = Cuts(1)
    heads = np.array([kernel.symbol(symbol)], np.uint64)
    walked = lists(kernel.space, run, heads, cuts, 0, is_ring=False)
    members = {"Next": POINTER, "Function": POINTER}
    found = _blocks(kernel, members, walked.addresses)
    cut = _lost(cuts.status, symbol)
    return Found(found["Function"], found.addresses, _no_details(len(found)), cut)


def debug_print(kernel: WindowsKernel, run: Run, symbol: str) -> Found:
    """Walk the list of those who read what is printed for debuggers."""
    found, cut = _ring(kernel, run, symbol, {"Links": LINKS, "Function": POINTER})
    return Found(found["Function"], found.addresses, _no_details(len(found)), cut)


def of_objects(kernel: WindowsKernel, run: Run, _symbol: str) -> Found:
    """Walk the lists that the types of objects have (OBJECT_TYPE.CallbackList, since Vista)."""
    types = object_types(kernel, run)
    rows = np.flatnonzero(types.addresses != 0)
    layouts = kernel.structs("_OBJECT_TYPE", types.addresses[rows])
    if not layouts.has("CallbackList"):
        return Found(Column(_NOTHING), _NOTHING, _no_details(0))
    cuts = Cuts(len(rows))
    first = layouts["CallbackList.Flink"]
    cuts.mark(np.arange(len(rows)), first.statuses, layouts.addresses)
    is_walked = first.known & (first.values != 0)
    heads = np.where(is_walked, layouts.address_of("CallbackList"), np.uint64(0))
    walked = lists(kernel.space, run, heads, cuts, 0)
    members = {
        "Links": LINKS, "Operations": "u32", "Enabled": "u32", "Entry": POINTER,
        "Type": POINTER, "PreOperation": POINTER, "PostOperation": POINTER,
    }  # fmt: skip
    found = _blocks(kernel, members, walked.addresses)
    names = types.names.take(rows[walked.owner])
    return _both_operations(kernel, found, names, _lost(cuts.status, "callbacks of object types"))


def _both_operations(kernel: WindowsKernel, found: Structs, names: Text, cut: Cut | None) -> Found:
    """Return what is called before and what after handles are made, each that there is."""
    entries = structs(
        kernel,
        layout(kernel, "_CALLBACK_ENTRY", {"V": "u32", "Context": POINTER, "Altitude": STRING}),
        *known_pointers(found["Entry"]),
    )
    altitudes = unicode_text(kernel.space, entries, "Altitude")
    heights = altitudes.to_list()
    # What it is called for and when is not all known where one of the parts is not.
    worst_of = np.maximum(names.statuses, altitudes.statuses)
    lost = np.where(worst_of > Reason.NULL, worst_of, np.uint8(0))
    functions, blocks, details, reasons = [], [], [], []
    for when in ("PreOperation", "PostOperation"):
        column = found[when]
        rows = np.flatnonzero(~column.known | (column.values != 0))
        functions.append(column.take(rows))
        blocks.append(found.addresses[rows])
        reasons.append(lost[rows])
        details += [
            f"{name or 'object'}, {when.removesuffix('Operation').lower()}"
            + (f", altitude {heights[row]}" if heights[row] else "")
            for row, name in zip(rows.tolist(), names.take(rows).to_list(), strict=True)
        ]
    values = np.concatenate([column.values for column in functions])
    status = np.concatenate([column.statuses for column in functions])
    told = text_column(details).under(np.concatenate(reasons))
    return Found(Column(values, status), np.concatenate(blocks), told, cut)


def _with_component(
    kernel: WindowsKernel, run: Run, symbol: str, members: Mapping[str, str]
) -> Found:
    found, cut = _ring(kernel, run, symbol, members)
    pointer = found["Component"]
    names = kernel.space.text(pointer.values.astype(np.uint64), MAX_COMPONENT)
    return Found(found["Function"], found.addresses, names.under(pointer.status), cut)


def _driver_names(kernel: WindowsKernel, pointers: Column) -> Text:
    found = kernel.structs("_DRIVER_OBJECT", *known_pointers(pointers))
    return unicode_text(kernel.space, found, "DriverName")


def _ring(
    kernel: WindowsKernel, run: Run, symbol: str, members: Mapping[str, str]
) -> tuple[Structs, Cut | None]:
    """Walk a list whose links stand first in its elements."""
    head = kernel.symbol(symbol)
    if not kernel.space.word(head):  # never begun
        _, status = kernel.space.words(np.array([head], np.uint64))
        return _blocks(kernel, members, _NOTHING), _lost(status, symbol)
    walk = ListWalk(kernel, run, symbol, head, 0)
    return _blocks(kernel, members, np.fromiter(walk, np.uint64)), walk.cut


def _blocks(
    kernel: WindowsKernel,
    members: Mapping[str, str],
    addresses: Addresses,
    status: Statuses | None = None,
) -> Structs:
    return structs(kernel, layout(kernel, "callback", members), addresses, status)


def _steps(start: int, count: int, size: int) -> Addresses:
    return np.uint64(start) + np.arange(count, dtype=np.uint64) * np.uint64(size)


def _no_details(count: int) -> Text:
    return Text(np.zeros(count, np.int64), np.full(count, Reason.NULL, np.uint8), ("",))


def _lost(status: Statuses, what: str) -> Cut | None:
    lost = status[status > Reason.NULL]
    if not len(lost):
        return None
    reason = Reason(int(lost[0]))
    return Cut(reason, f"{what} cut short: {reason.text}")


class Kind(NamedTuple):
    """One kind of callbacks: where they are, and how they are read."""

    title: str
    read: Callable[[WindowsKernel, Run, str], Found]
    symbols: tuple[str, ...]
    """Each of these that the kernel has is read; the first is that of the latest kernels."""


KINDS = (
    Kind("process", in_array, ("PspCreateProcessNotifyRoutine",)),
    Kind("thread", in_array, ("PspCreateThreadNotifyRoutine",)),
    Kind("thread end", one_function, ("PspLegoNotifyRoutine",)),
    Kind("image", in_array, ("PspLoadImageNotifyRoutine",)),
    Kind("registry", registry, ("CallbackListHead",)),  # since Vista
    Kind("registry", in_array, ("CmpCallBackVector",)),
    Kind("object", of_objects, ()),
    Kind("bug check", bug_check, ("KeBugCheckCallbackListHead",)),
    Kind("bug check reason", bug_check_reason, (
        "KeBugCheckReasonCallbackListHead", "KeBugCheckAddRemovePagesCallbackListHead",
        "KeBugCheckAddPagesCallbackListHead",
    )),
    Kind("nmi", singly, ("KiNmiCallbackListHead",)),
    Kind("file system", file_system, ("IopFsNotifyChangeQueueHead",)),
    Kind("shutdown", shutdown, ("IopNotifyShutdownQueueHead",)),
    Kind("last chance shutdown", shutdown, ("IopNotifyLastChanceShutdownQueueHead",)),
    Kind("logon session end", singly, (
        "SeFileSystemNotifyRoutinesHead", "SeFileSystemNotifyRoutinesExHead",
    )),
    Kind("debug print", debug_print, ("RtlpDebugPrintCallbackList",)),
)  # fmt: skip
TITLES = tuple(dict.fromkeys(kind.title for kind in KINDS))
