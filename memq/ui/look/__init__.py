"""A close look at the kernel: the functions behind `.dt`, `.symbol` and `.x`."""

from __future__ import annotations

from memq.ui.look.hexdump import hexdump
from memq.ui.look.layouts import layout
from memq.ui.look.symbols import symbol

__all__ = ["hexdump", "layout", "symbol"]
