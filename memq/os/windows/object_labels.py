"""What objects are called, each as its type shows it: files, keys, processes, threads, others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text, text_column, worst
from memq.os.common import joined_text
from memq.os.windows.file_names import file_names
from memq.os.windows.key_names import key_paths
from memq.os.windows.objects import Objects, rows_by_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

    Label = Callable[[WindowsKernel, Run, Structs], Text]


def labels(kernel: WindowsKernel, run: Run, objects: Objects, types: Text) -> Text:
    """Return what objects are called, by their types; null where one has no name."""
    bodies = objects.bodies
    parts = []
    plain = types.known
    for name, rows in rows_by_type(types).items():
        if name in _SPECIAL:
            struct, label = _SPECIAL[name]
            structs = kernel.structs(struct, bodies[rows], objects.status[rows])
            structs.check = run.check
            parts.append((rows, label(kernel, run, structs)))
            plain[rows] = False
    rest = np.flatnonzero(plain)
    parts.append((rest, objects.take(rest).paths))
    lost = np.flatnonzero(~types.known)
    parts.append((lost, Text(np.zeros(len(lost), np.int64), types.statuses[lost], ("",))))
    return joined_text(len(types), parts)


def _key_label(kernel: WindowsKernel, run: Run, keys: Structs) -> Text:
    return key_paths(kernel, run, keys["KeyControlBlock"])


def _process_label(kernel: WindowsKernel, run: Run, processes: Structs) -> Text:
    """`notepad.exe Pid 4388`."""
    names, number = processes.text("ImageFileName"), processes["UniqueProcessId"]
    pairs = zip(names.to_list(), number.values.tolist(), strict=True)
    words = [f"{name} Pid {pid}" for name, pid in pairs]
    return text_column(words, worst(names.status, number.status))


def _thread_label(kernel: WindowsKernel, run: Run, threads: Structs) -> Text:
    """`Tid 148 Pid 340`."""
    thread, process = threads["Cid.UniqueThread"], threads["Cid.UniqueProcess"]
    pairs = zip(thread.values.tolist(), process.values.tolist(), strict=True)
    words = [f"Tid {tid} Pid {pid}" for tid, pid in pairs]
    return text_column(words, worst(thread.status, process.status))


_SPECIAL: dict[str, tuple[str, Label]] = {
    "File": ("_FILE_OBJECT", file_names),
    "Key": ("_CM_KEY_BODY", _key_label),
    "Process": ("_EPROCESS", _process_label),
    "Thread": ("_ETHREAD", _thread_label),
}
"""Types whose objects are called by what is in them: the structure, and how."""
