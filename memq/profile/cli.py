"""The command memq-profile: makes profiles of kernels that do not tell their own types.

Exit status as memq's: 0, 1 a failure while running, 2 a bad command line, 3 a file that is no
table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from memq.errors import Cancelled, MemqError, SymbolError
from memq.printing import fail, say
from memq.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SUFFIXES = (".json", ".json.xz", ".json.gz", ".json.zst", ".pdb", ".pd_")
"""Files of a folder that are taken for tables."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit status."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
    except (Cancelled, KeyboardInterrupt):
        say("stopped")
        return 1
    except MemqError as error:
        return fail(error)
    except OSError as error:
        say(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="memq-profile", description="Make profiles of kernels that do not tell their types."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    windows = commands.add_parser("windows", help="add Windows kernels' tables to a profile pack")
    windows.add_argument(
        "tables",
        metavar="TABLE",
        nargs="+",
        type=Path,
        help="an ISF file, a PDB, or a folder",
    )
    windows.add_argument(
        "--build", metavar="NUMBER", type=int, help="the tables' build; else by name or likeness"
    )
    windows.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True)
    windows.set_defaults(run=_windows)
    listing = commands.add_parser("list", help="say what a pack holds; memq's own if none is given")
    listing.add_argument("pack", metavar="FOLDER", nargs="?", type=Path)
    listing.set_defaults(run=_list)
    linux = commands.add_parser("linux", help="make a profile of a kernel that has no BTF")
    linux.add_argument("vmlinux", metavar="VMLINUX", type=Path, help="the kernel, with DWARF")
    linux.add_argument("-o", "--output", metavar="FILE", type=Path, required=True)
    linux.set_defaults(run=_linux)
    return parser


def _windows(options: argparse.Namespace) -> None:
    from memq.profile.windows import add_tables  # noqa: PLC0415  the help needs none of it

    paths = [path for given in options.tables for path in _files(given)]
    if not paths:
        raise SymbolError(f"no symbol table is in {options.tables[0]}: give ISF files or PDBs")
    count = add_tables(options.output, paths, options.build, Progress(sys.stderr))
    say(f"{options.output}: {count} tables")


def _files(given: Path) -> Iterator[Path]:
    if not given.is_dir():
        yield given
        return
    yield from sorted(path for path in given.iterdir() if path.name.endswith(_SUFFIXES))


def _list(options: argparse.Namespace) -> None:
    from memq.symbols.store import ProfileStore  # noqa: PLC0415  the help needs none of it

    for entry in ProfileStore(options.pack).entries:
        identity = entry.identity or "types only"
        sys.stdout.write(f"{entry.build:6} {entry.bits} bit  {entry.known:8} {identity}\n")


def _linux(options: argparse.Namespace) -> None:
    from memq.symbols.dwarf import profile_of_vmlinux  # noqa: PLC0415  the help needs none of it

    profile = profile_of_vmlinux(options.vmlinux, Progress(sys.stderr))
    options.output.write_bytes(profile)
    say(f"{options.output}: {len(profile) >> 10} KB")
