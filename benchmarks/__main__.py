"""Measure queries as a user feels them: whole processes, from start to exit, caches of memq off.

    python -m benchmarks                 the sample, unpacked
    python -m benchmarks DUMP [DUMP ...] these dumps

The first table has what memq takes for each query, the median of a number of runs in turns: wall
and CPU seconds, the most memory that was resident, the rows; and the bar of those that have one,
which is meant for a guest of 4 GB (1,870 processes, 291,000 mappings).

The second has the same three questions to memq and to each program that is installed beside it:
volatility3 (`$MEMQ_VOLATILITY3`, a Python that has it; `--isf`, the kernel's symbol table) and
drgn (`$MEMQ_DRGN`, the program; `--vmlinux`, the kernel with debug data). Rows are held to memq's,
one by one: a fast wrong answer is WRONG. What is slow is run once, and ended after `--limit`
seconds. drgn reads no raw memory: an ELF core of the same memory is written once, into the user's
cache folder.

Needs a system with wait4 (Linux, macOS).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from benchmarks.compare import Turns, compare
from benchmarks.linux_peers import linux_peers
from benchmarks.measuring import unpacked
from benchmarks.options import parser
from benchmarks.questions import LINUX
from benchmarks.report import report
from benchmarks.works import HELP, SAMPLE, WORKS

if TYPE_CHECKING:
    import argparse


def main() -> int:
    """Print the tables."""
    options = _options()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cores = platformdirs.user_cache_path("memq") / "benchmarks"
        dumps = [(dump.resolve(), cores) for dump in options.dumps]
        for dump, kept in dumps or [(unpacked(SAMPLE, folder), folder)]:
            if options.only != "peers":
                report(dump, (HELP, *WORKS), options.runs)
            if options.only != "works":
                _compare(dump, options, folder, kept)
    return 0


def _options() -> argparse.Namespace:
    found = parser("benchmarks", __doc__)
    found.add_argument("--isf", type=Path, help="symbol table of the kernel, for volatility3")
    found.add_argument("--vmlinux", type=Path, help="the kernel with debug data, for drgn")
    return found.parse_args()


def _compare(dump: Path, options: argparse.Namespace, folder: Path, cores: Path) -> None:
    cores.mkdir(parents=True, exist_ok=True)
    peers, absent = linux_peers(dump, options.isf, options.vmlinux, folder, cores)
    turns = Turns(options.runs, options.limit)
    compare(dump, LINUX, peers, absent, turns)


if __name__ == "__main__":
    sys.exit(main())
