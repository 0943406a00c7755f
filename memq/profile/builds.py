"""Of which build a symbol table is: no table says it.

Sure is what a file's name says (`ntkrnlmp-10.0.19041.329-...`), or who makes the pack. Otherwise a
table is likened to those whose build is sure: how many of its structs are, member for member, those
of the other. On 201 tables without a name this parted the builds in the numbers that are known of
them; near builds (19041, 20348, 22000) differ in a tenth of their structs, tables of one build in a
few hundredths. It is a likeness, no proof, and a build that is not among the sure ones is taken for
the nearest that is: the index says `likened`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.errors import SymbolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from memq.profile.packing import Packed

_VERSION = re.compile(r"(?<![\d.])(?:5\.[12]|6\.[0-3]|10\.0)\.(\d{4,5})\.\d{1,5}(?!\.?\d)")
_LEAST = 0.6
"""Part of the structs that must be the same; builds that follow each other have 0.7 and more."""


def build_in_name(path: Path) -> int | None:
    """Return the build that the name of a file tells."""
    match = _VERSION.search(path.name)
    return int(match[1]) if match else None


def likened_build(table: Packed, sure: Iterable[Packed]) -> int:
    """Return the build of the table whose types are the likest; SymbolError if none is like it."""
    likest = max(((_likeness(table.lines, one.lines), one.build) for one in sure), default=(0.0, 0))
    if likest[0] < _LEAST:
        name = table.identity or "the types without an image"
        raise SymbolError(f"{name}: no table of a known build is like it: give --build NUMBER")
    return likest[1]


def _likeness(lines: Mapping[str, str], other: Mapping[str, str]) -> float:
    """Return which part of the structs that both have are the same."""
    both = [key for key in lines if key in other and key.startswith("s ")]
    return sum(lines[key] == other[key] for key in both) / max(1, len(both))
