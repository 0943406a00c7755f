"""Symbol tables in files of any kind, PDB or ISF, compressed or not; and volatility3's folders.

What a file is, its content says.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from memq.errors import SymbolError
from memq.layers.file import DumpFile
from memq.layers.opening import wrapping
from memq.progress import Progress
from memq.symbols import msf
from memq.symbols.cab import MAGIC as CABINET
from memq.symbols.cab import unpack_cab
from memq.symbols.cache import database_name, find_file
from memq.symbols.isf import Isf
from memq.symbols.pdb import read_pdb
from memq.symbols.tables import ImageTable

if TYPE_CHECKING:
    from memq.symbols.msf import Source
    from memq.symbols.tables import Identity

MAX_FILE = 512 << 20
"""Bytes of an ISF file or of a cabinet; of a PDB only what is needed is read."""


def open_table(path: Path | str, progress: Progress | None = None) -> ImageTable:
    """Read a symbol table; ImageError if the file cannot be read, SymbolError if it is none."""
    path, progress = Path(path), Progress() if progress is None else progress
    with DumpFile(path) as file:
        kind = wrapping(file.read(0, 8))
        try:
            if kind is None:
                return _read(file, path, progress)
            from memq.layers import compress  # noqa: PLC0415  slow to import, seldom needed

            unpacked = compress.unpack(file, kind, progress, _check_start)
            with DumpFile(unpacked, path) as content:
                return _read(content, path, progress)
        except SymbolError as error:
            raise SymbolError(f"{path}: {error}") from error


def find_isf(folder: Path, name: str, identity: Identity) -> Path | None:
    """Return an image's ISF file from a folder as volatility3 has it, None if there is none.

    FOLDER/windows/ntkrnlmp.pdb/GUID-AGE.json, or without `windows`, or without the PDB's name;
    compressed by xz or gzip, or not at all. `name` is as the image has it.
    """
    clean = database_name(name)
    for tier in (folder / "windows", folder):
        for below in (tier,) if clean is None else (tier / clean, tier):
            for ending in (".json.xz", ".json.gz", ".json"):
                found = find_file(below, f"{identity}{ending}")
                if found is not None:
                    return found
    return None


def _read(source: Source, path: Path, progress: Progress) -> ImageTable:
    """Read a table that is not wrapped in xz, gzip or zstd."""
    head = source.read(0, 64)
    if head.startswith(b"Microsoft C/C++"):
        return read_pdb(source, f"PDB {path.name}")
    if source.size > MAX_FILE:
        raise SymbolError(f"a symbol table of {source.size >> 20} MB is not read")
    if head.startswith(CABINET):
        with progress.step(f"unpacking {path.name}"):
            unpacked = unpack_cab(source.read(0, source.size), progress)
        return read_pdb(msf.Unpacked(unpacked), f"PDB {path.name}")
    if not head.lstrip().startswith(b"{"):
        raise SymbolError("no symbol table: give an ISF file (JSON) or a PDB")
    table = Isf(source.read(0, source.size))
    return ImageTable(table, table.symbols, f"ISF {path.name}", table.identity, None, True)


def _check_start(head: bytes) -> None:
    """Refuse to unpack what will be no symbol table."""
    if not head.lstrip().startswith((b"{", b"Microsoft C/C++", CABINET)):
        raise SymbolError("no symbol table is in it, neither an ISF file (JSON) nor a PDB")
