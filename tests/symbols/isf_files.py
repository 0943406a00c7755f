"""Symbol tables in files, for tests that ask what only an ISF file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.symbols.isf import Isf
from memq.symbols.table_files import open_table

if TYPE_CHECKING:
    from pathlib import Path


def read_isf(path: Path) -> Isf:
    """Return what an ISF file says, compressed or not."""
    types = open_table(path).types
    assert isinstance(types, Isf)
    return types
