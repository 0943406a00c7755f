"""Measure queries of Windows dumps: whole processes, from start to exit, caches of memq off.

    python -m benchmarks.windows                 built images, kept in the user's cache folder
    python -m benchmarks.windows DUMP [DUMP ...] these dumps

The built ones are a machine with 2,000 processes, 300,000 ranges and 400,000 handles, and the
sample made 4 GB and 64 GB large, with nothing in what was added. The first and the sample are also
asked of other programs, where `$MEMQ_MEMPROCFS` and `$MEMQ_VOLATILITY3` are the paths of Pythons
that have them, the latter with `--tables`, a folder of symbol tables (ISF) named by GUID and age.
The tables are those of `python -m benchmarks`; see docs/performance.md, too.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from benchmarks.compare import Turns, compare
from benchmarks.measuring import ROOT, unpacked
from benchmarks.options import parser
from benchmarks.questions import WINDOWS
from benchmarks.report import report
from benchmarks.windows_image import Size, build
from benchmarks.windows_peers import windows_peers
from benchmarks.works import Work

if TYPE_CHECKING:
    import argparse

SAMPLE = ROOT / "samples" / "win10-19041.raw.xz"
GROWN = (4 << 30, 64 << 30)
WORKS = (
    Work("first process", "process.First()"),
    Work("all processes", "process"),
    Work("all ranges", "vad"),
    Work("all handles", "handle"),
    Work("all threads", "thread"),
    Work("executable, anonymous", "vad.Where(is_executable && is_anonymous)"),
    Work("sums", "process.Select([pid, vad.size.Sum(), handle.Count()])"),
    Work("join", "vad.Join(handle, v => v.file_name, h => h.name).Count()"),
    Work("search for processes", "scan(process)"),
)
FIRST = (Work("first process", "process.First()"), Work("search", "scan(process).Count()"))


def main() -> int:
    """Print the tables."""
    options = _options()
    if options.dumps:
        for dump in options.dumps:
            _report(dump.resolve(), options)
        return 0
    folder = platformdirs.user_cache_path("memq") / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    _report(_machine(folder, Size(options.processes)), options)
    if options.only != "peers":
        for size in GROWN:
            report(_grown(folder, size), FIRST, options.runs)
    with tempfile.TemporaryDirectory() as place:
        _report(unpacked(SAMPLE, Path(place)), options)
    return 0


def _options() -> argparse.Namespace:
    found = parser("benchmarks.windows", __doc__)
    found.add_argument("--processes", type=int, default=Size().processes, help="of the built image")
    found.add_argument("--tables", type=Path, help="symbol tables (ISF) for volatility3")
    return found.parse_args()


def _report(dump: Path, options: argparse.Namespace) -> None:
    if options.only != "peers":
        report(dump, WORKS, options.runs)
    if options.only != "works":
        peers, absent = windows_peers(dump, options.tables)
        compare(dump, WINDOWS, peers, absent, Turns(options.runs, options.limit))


def _machine(folder: Path, size: Size) -> Path:
    """Return the built image, made if it is not there yet."""
    path = folder / f"windows-{size.processes}.raw"
    if not path.exists():
        part = path.with_suffix(".part")
        build(part, size)
        part.rename(path)
    return path


def _grown(folder: Path, size: int) -> Path:
    """Return the sample with nothing behind it, up to a size."""
    path = folder / f"sample-{size >> 30}GB.raw"
    if not path.exists():
        with tempfile.TemporaryDirectory() as place:
            shutil.copyfile(unpacked(SAMPLE, Path(place)), path)
        os.truncate(path, size)
    return path


if __name__ == "__main__":
    sys.exit(main())
