"""Symbol tables for the builder, and for those who shall read what it builds."""

from __future__ import annotations

import json
import lzma
import re
from typing import TYPE_CHECKING

from memq.symbols.table_files import open_table
from memq.symbols.tables import Identity, ImageTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = re.compile(r"([0-9A-F]{32})-(\d+)\.json")
_WINDOWS_NAMES = {"unsigned long": "unsigned int", "long": "int"}
"""Names of base types that tables made from published headers have under C's names only."""


def table_of(path: Path) -> ImageTable:
    """Read a table (ISF); GUID and age are those of its name, where it has them."""
    found, table = _NAME.search(path.name), open_table(path)
    identity = None if found is None else Identity(found[1], int(found[2]))
    return ImageTable(table.types, table.rvas, path.name, identity)


def with_symbols(path: Path, rvas: Mapping[str, int], target: Path) -> Path:
    """Write a table that has no symbols with those that the builder chose."""
    document = json.loads(lzma.decompress(path.read_bytes()))
    document["symbols"] = {name: {"address": rva} for name, rva in rvas.items()}
    for name, other in _WINDOWS_NAMES.items():
        document["base_types"].setdefault(name, document["base_types"][other])
    target.write_text(json.dumps(document))
    return target
