"""Writes rows by MemProcFS as JSON lines, for a Python that has it: `DUMP process|vad|handle`.

Run as a program by benchmarks.windows_peers, never imported.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = {"vad": ("start", "end", "protection"), "handle": ("handle", "type")}


def main() -> int:
    """Write the rows: the process's id, and its name or what a map says."""
    dump, what = sys.argv[1:3]
    api: Any = importlib.import_module("memprocfs")
    machine = api.Vmm(["-device", dump, "-disable-symbolserver"])
    for process in machine.process_list():
        for values in [(process.name,)] if what == "process" else _rows(process, what):
            sys.stdout.write(json.dumps([process.pid, *values]) + "\n")
    return 0


def _rows(process: Any, what: str) -> Iterator[tuple[Any, ...]]:
    try:
        entries = getattr(process.maps, what)()
    except RuntimeError:  # of some processes it has no such map
        return
    for entry in entries:
        yield tuple(entry[column] for column in _COLUMNS[what])


if __name__ == "__main__":
    sys.exit(main())
