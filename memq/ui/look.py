"""A close look at the kernel: the functions behind `.dt`, `.symbol` and `.x`."""

from __future__ import annotations

from memq.ui.hexdump import hexdump
from memq.ui.layouts import layout
from memq.ui.symbols import symbol

__all__ = ["hexdump", "layout", "symbol"]
