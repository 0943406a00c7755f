"""A profile pack, made of tables, and what is in one already.

The pack is a function of the tables alone, not of the order in which they came: each time, all of
it is written anew. Of each kernel, the table with the most types is the base that the others'
layouts stand on.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from memq.node import dataclass
from memq.profile.wanted import SYMBOLS
from memq.profile.written import layout_lines
from memq.symbols.layouts import OVERLAY
from memq.symbols.pack_files import INDEX, INDEX_HEAD, Entry, Names, pack, read_index
from memq.symbols.store import SAME_KERNEL, ProfileStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from memq.column import Array
    from memq.symbols.tables import Identity, ImageTable

_SYMBOL = re.compile("|".join(SYMBOLS))
_HELD = re.compile(r"(?:\[\d+\])*[su]([^\s{]+)")
FOLDERS = ("layouts", "names", "symbols")


@dataclass(frozen=True, slots=True)
class Packed:
    """What the pack keeps of one table."""

    identity: Identity | None
    build: int
    known: str
    """How the build is known (see Entry)."""
    head: str
    """The first line of a layout."""
    lines: Mapping[str, str]
    """The lines of its types, by kind and name."""
    rvas: Mapping[str, int]

    @property
    def bits(self) -> int:
        """Bits of a pointer."""
        return 8 * int(self.head[-1])

    @property
    def key(self) -> tuple[int, int, str]:
        """What there is one table of: an image, or a build's types without an image."""
        return self.build, self.bits, str(self.identity or "")


def packed(table: ImageTable, build: int, known: str) -> Packed:
    """Return what the pack keeps of a table."""
    head, lines = layout_lines(table.types)
    rvas = {n: rva for n, rva in table.rvas.items() if n.isascii() and _SYMBOL.fullmatch(n)}
    return Packed(table.identity, build, known, head, lines, rvas)


def read_pack(folder: Path) -> list[Packed]:
    """Return what is in a pack; nothing where there is none yet."""
    if not (folder / INDEX).exists():
        return []
    store = ProfileStore(folder)
    return [_unpacked(store, entry) for entry in read_index(folder)]


def _unpacked(store: ProfileStore, entry: Entry) -> Packed:
    table = None if entry.identity is None else store.table(entry.identity)
    types = store.types(entry)
    rvas = {} if table is None else table.rvas
    return Packed(entry.identity, entry.build, entry.known, types.head, types.lines(), rvas)


def joined(tables: Iterable[Packed]) -> list[Packed]:
    """Return each table once: of two of one image, the one that has more; in the pack's order."""
    best: dict[tuple[int, int, str], Packed] = {}
    for table in tables:
        old = best.get(table.key)
        if old is None or _worth(table) > _worth(old):
            best[table.key] = table
    return [best[key] for key in sorted(best)]


def _worth(table: Packed) -> tuple[int, int, int, str]:
    known = ("likened", "named", "given").index(table.known)
    return len(table.lines), len(table.rvas), known, "\n".join(sorted(table.lines.values()))


def write_pack(folder: Path, tables: Iterable[Packed]) -> None:
    """Write a pack of these tables, in place of what is in the folder."""
    files: dict[str, bytes] = {}
    kernels: dict[tuple[int, int], list[Packed]] = defaultdict(list)
    builds: dict[int, list[Packed]] = defaultdict(list)
    for table in joined(tables):
        kernels[SAME_KERNEL.get(table.build, table.build), table.bits].append(table)
        if table.identity is not None:
            builds[table.build].append(table)
    entries = []
    for (build, bits), members in kernels.items():
        entries += _layouts(files, f"{build}-{bits}", members)
    for build, members in builds.items():
        _symbols(files, str(build), members)
    _remove_old(folder, files)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(content))
    (folder / INDEX).write_bytes("\n".join([INDEX_HEAD, *map(str, entries), ""]).encode("ascii"))


def _remove_old(folder: Path, files: Mapping[str, bytes]) -> None:
    for kind in FOLDERS:
        for path in (folder / kind).glob("*.z"):
            if f"{kind}/{path.name}" not in files:
                path.unlink()


def _layouts(files: dict[str, bytes], name: str, tables: list[Packed]) -> list[Entry]:
    """Add the files of one kernel's layouts; returns the index's entries of its tables."""
    base = max(tables, key=lambda one: (bool(one.rvas), len(one.lines), str(one.identity)))
    text = "\n".join([base.head, *(base.lines[key] for key in sorted(base.lines)), ""])
    files[f"layouts/{name}.z"] = text.encode("ascii")
    entries = []
    for table in tables:
        overlay = "" if table.lines == base.lines else _overlay(base, table)
        digest = hashlib.sha256(f"{name}\n{overlay}".encode()).hexdigest()[:12] if overlay else ""
        if overlay:
            files[f"layouts/{digest}.z"] = overlay.encode("ascii")
        entries.append(Entry(table.identity, table.build, table.bits, table.known, name, digest))
    return entries


def _overlay(base: Packed, table: Packed) -> str:
    """Write what is different in a table."""
    structs = sorted(key for key in base.lines if key.startswith("s "))
    own = sum(1 << number for number, key in enumerate(structs) if key in table.lines)
    other = {key for key, line in table.lines.items() if base.lines.get(key) != line}
    missing = [key for key in structs if key not in table.lines]
    wrong = _holding(base, missing, other)
    lines = [f"- {key[2:]}" for key in wrong] + [table.lines[key] for key in sorted(other)]
    return "\n".join([OVERLAY, f"own {own:x}", *lines, ""])


def _holding(base: Packed, structs: list[str], other: set[str]) -> list[str]:
    """Return which of the structs hold, in whatever depth, something that is different."""
    held = {key: {f"s {m[1]}" for m in _held(base.lines[key])} for key in structs}
    wrong: set[str] = set()
    while found := {k for k, inner in held.items() if k not in wrong and inner & (other | wrong)}:
        wrong |= found
    return sorted(wrong)


def _held(line: str) -> Iterable[re.Match[str]]:
    return filter(None, map(_HELD.fullmatch, line.split(" ")[3:]))


def _symbols(files: dict[str, bytes], name: str, tables: list[Packed]) -> None:
    """Add the files of one build's symbols."""
    first: dict[str, int] = {}
    for table in tables:
        for symbol, rva in table.rvas.items():
            first.setdefault(symbol, rva)
    order = sorted(first, key=lambda symbol: (first[symbol], symbol))
    names = Names(order, np.array([first[symbol] for symbol in order], np.int64))
    files[f"names/{name}.z"] = names.written()
    for table in tables:
        files[f"symbols/{table.identity}.z"] = names.written_table(*_column(order, table.rvas))


def _column(order: list[str], rvas: Mapping[str, int]) -> tuple[Array, Array]:
    has = np.array([name in rvas for name in order], bool)
    return has, np.array([rvas[name] for name in order if name in rvas], np.int64)
