"""Finding PDBs in the folders that debuggers keep them in, which `_NT_SYMBOL_PATH` names.

A symbol store has `ntkrnlmp.pdb/GUIDAGE/ntkrnlmp.pdb`; where its root has a file index2.txt, that
is below `nt/`, the first two letters. Servers are only named here: nothing is fetched.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import ImageError, SymbolError
from memq.layers.file import DumpFile
from memq.symbols.pdb import pdb_identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.symbols.tables import Identity

_NAME = re.compile(r"[\w+-][\w.+-]{0,99}\.pdb", re.ASCII | re.IGNORECASE)
_GUID = re.compile(r"[0-9A-F]{32}")
_TWO_TIERS = "index2.txt"
_POINTER = "file.ptr"
_MAX_PARTS = 100
"""Elements of a symbol path that are looked at."""
_MAX_LISTED = 1 << 18
"""Names in one folder that are looked through for one that differs in capitals only."""


class SymbolPath(NamedTuple):
    """Where to look, in the order of the path."""

    stores: tuple[Path, ...]
    """Roots of symbol stores; plain folders are also tried as such."""
    folders: tuple[Path, ...]
    """Folders in which PDBs lie by their names."""
    servers: tuple[str, ...]
    """Addresses that a debugger would fetch from."""


def parse_symbol_path(text: str) -> SymbolPath:
    """Take apart a path as debuggers have it: `srv*FOLDER*https://...;cache*FOLDER;FOLDER`.

    The stores that a debugger takes where none is named (`srv**...`) are not known here.
    """
    stores: list[Path] = []
    folders: list[Path] = []
    servers: list[str] = []
    for part in text.split(";")[:_MAX_PARTS]:
        first, *rest = (piece.strip().strip('"') for piece in part.split("*"))
        kind = first.lower()
        if kind == "symsrv":
            rest = rest[1:]  # the library that is to fetch
        elif kind not in {"srv", "cache"}:
            rest = [first, *rest]
        places = [piece for piece in rest if piece]
        remote = [piece for piece in places if re.match("https?://", piece, re.IGNORECASE)]
        local = [_path(piece) for piece in places if piece not in remote]
        servers += remote
        stores += local
        folders += [] if kind in {"symsrv", "srv", "cache"} else local
    return SymbolPath(tuple(stores), tuple(folders), tuple(dict.fromkeys(servers)))


def _path(piece: str) -> Path:
    try:
        return Path(piece).expanduser()
    except RuntimeError:  # there is no home of that name
        return Path(piece)


def database_name(told: str) -> str | None:
    """Return the file name of a PDB that an image names, None for what cannot be one.

    An image may name its PDB with a path of where it was built; nothing of that is looked at.
    """
    name = re.split(r"[/\\]", told)[-1]
    return name if _NAME.fullmatch(name) else None


def store_place(root: Path, name: str, identity: Identity) -> Path:
    """Return where in a store a PDB belongs; SymbolError for names that cannot be."""
    clean = database_name(name)
    if clean is None or not _GUID.fullmatch(identity.guid) or identity.age < 0:
        raise SymbolError("the image names no PDB that could be looked for; give one by --profile")
    tier = root / clean[:2].lower() if _is_file(root / _TWO_TIERS) else root
    return tier / clean / f"{identity.guid}{identity.age:X}" / clean


def find_pdb(name: str, identity: Identity, symbol_path: str) -> Path | None:
    """Return the PDB of an image from the folders of a symbol path, None if there is none.

    `name` is as the image has it. What is found is looked into: it is the right one, but for a
    compressed one (`.pd_`), of which only its place says so. SymbolError where nothing but a
    pointer to a file elsewhere (file.ptr) is found.
    """
    clean = database_name(name)
    if clean is None or not _GUID.fullmatch(identity.guid):
        return None
    path = parse_symbol_path(symbol_path)
    pointers: list[Path] = []
    for place in dict.fromkeys(_places(path, clean, identity)):
        found = find_file(place.parent, place.name)
        if found is not None and _fits(found, identity):
            return found
        pointer = find_file(place.parent, _POINTER) if place.name == clean else None
        pointers += [] if pointer is None else [pointer]
    if pointers:
        raise SymbolError(
            f"{pointers[0]}: says only where {clean} is; copy that file beside it, "
            "or name its folder in the symbol path"
        )
    return None


def find_file(folder: Path, name: str) -> Path | None:
    """Return the file in a folder, whatever its capitals and those of the folders above it."""
    exact = folder / name
    if _is_file(exact):
        return exact
    missing = [name]
    while not _is_folder(folder):
        if folder.parent == folder or len(missing) > 4:
            return None
        missing.append(folder.name)
        folder = folder.parent
    here = folder
    for wanted in reversed(missing):
        below = _child(here, wanted)
        if below is None:
            return None
        here = below
    return here if _is_file(here) else None


def _is_file(path: Path) -> bool:
    """Whether there is a file that one may see."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _child(folder: Path, name: str) -> Path | None:
    """Return what in the folder has this name but for capitals."""
    wanted = name.casefold()
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(_MAX_LISTED), entries, strict=False):
                if entry.name.casefold() == wanted:
                    return folder / entry.name
    except OSError:
        return None  # a folder that one may not look into has nothing in it for us
    return None


def _places(path: SymbolPath, name: str, identity: Identity) -> Iterator[Path]:
    """Yield where the PDB may be, the likelier first."""
    index = f"{identity.guid}{identity.age:X}"
    for root in path.stores:
        for tier in (root, root / name[:2].lower()):
            yield tier / name / index / name
            yield tier / name / index / f"{name[:-1]}_"
    for folder in path.folders:
        for below in (folder, folder / "symbols" / "pdb", folder / "pdb"):
            yield below / name


def _fits(path: Path, identity: Identity) -> bool:
    """Whether a file is the PDB that is sought, or compressed."""
    if path.name.endswith("_"):
        return True
    try:
        with DumpFile(path) as file:
            return pdb_identity(file) == identity
    except ImageError:
        return False
