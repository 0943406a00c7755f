"""Runs volatility3's command line: `volatility_rows.py [ARGUMENT ...]`, as `vol [ARGUMENT ...]`.

Run as a program by benchmarks.linux_peers, never imported. volatility3 2.28 ends linux.proc.Maps
with an AttributeError at the first mapping of a System V segment with the id 0: its inode's number
is 0, and volatility3 takes that for no inode. Here it takes such a mapping for a valid one, as it
does all others; nothing else is changed, so that its rows can be held to memq's.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any


def main() -> int:
    """Run it."""
    mapping = importlib.import_module("volatility3.framework.symbols.linux.extensions")
    kind = mapping.vm_area_struct
    kind.is_valid = tolerant(kind.is_valid)
    sys.argv[0] = "vol"  # its parser of arguments asks for the name
    importlib.import_module("volatility3.cli").main()
    return 0


def tolerant(is_valid: Any) -> Any:
    """Return the check, which takes a mapping whose file has no inode for valid."""

    def checked(self: Any) -> bool:
        try:
            return bool(is_valid(self))
        except AttributeError:
            return True

    return checked


if __name__ == "__main__":
    sys.exit(main())
