"""Windows kernels' symbol tables, read and added to a profile pack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memq.profile.builds import build_in_name, likened_build
from memq.profile.mending import mended
from memq.profile.packing import Packed, joined, packed, read_pack, write_pack
from memq.symbols.table_files import open_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from memq.progress import Progress

_NO_BUILD = 0


def add_tables(folder: Path, paths: Iterable[Path], build: int | None, progress: Progress) -> int:
    """Add tables to the pack in a folder, which is made if it is not there; returns its number.

    `build`: that of all these tables; None: see memq.profile.builds.
    """
    paths = list(paths)
    new = []
    with progress.step("reading symbol tables"):
        for number, path in enumerate(paths):
            progress.tick(number, len(paths))
            new.append(_read(path, build, progress))
    with progress.step("writing the profile pack"):
        tables = _mended(joined(_with_builds([*read_pack(folder), *new])))
        write_pack(folder, tables)
    return len(tables)


def _read(path: Path, build: int | None, progress: Progress) -> Packed:
    """Read one table; without a sure build, it has none yet."""
    table = open_table(path, progress)
    if table.identity is not None and not table.identity.guid.strip("0"):
        # Of no image, but of published headers: a GUID of zeros.
        table = replace(table, identity=None)
    if build is not None:
        return packed(table, build, "given")
    named = build_in_name(path)
    return packed(table, named or _NO_BUILD, "named" if named else "likened")


def _with_builds(tables: list[Packed]) -> list[Packed]:
    """Give each table without a sure build the build that it is likest."""
    sure = {(one.bits, one.identity): one for one in tables if one.known != "likened"}
    found = []
    for table in tables:
        same = None if table.identity is None else sure.get((table.bits, table.identity))
        if table.known != "likened":
            found.append(table)
        elif same is not None:
            found.append(replace(table, build=same.build, known=same.known))
        else:
            others = [one for one in sure.values() if one.bits == table.bits and one.rvas]
            found.append(replace(table, build=likened_build(table, others)))
    return found


def _mended(tables: list[Packed]) -> list[Packed]:
    return [mended(one, tables) if one.identity is None else one for one in tables]
