"""Counts rows by MemProcFS, for a Python that has it: `DUMP process|vad|handle`.

Run as a program by benchmarks.windows, never imported.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def main() -> int:
    """Print the number of rows as JSON."""
    dump, what = sys.argv[1:3]
    api: Any = importlib.import_module("memprocfs")
    machine = api.Vmm(["-device", dump, "-disable-symbolserver"])
    processes = machine.process_list()
    rows = len(processes) if what == "process" else sum(_rows(one, what) for one in processes)
    sys.stdout.write(json.dumps(rows))
    return 0


def _rows(process: Any, what: str) -> int:
    try:
        return len(getattr(process.maps, what)())
    except RuntimeError:  # of some processes it has no such map
        return 0


if __name__ == "__main__":
    sys.exit(main())
