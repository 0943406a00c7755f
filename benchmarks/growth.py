"""Show how queries grow with the number of processes and with the size of the image.

    python -m benchmarks.growth [--linux FILE ...] [--runs N] [--processes N ...] [--sizes GB ...]

The same queries are asked of built machines with Windows of 100, 1,000 and 10,000 processes (they
are kept in the user's cache folder; the largest takes some minutes to build), of the dumps
of Linux that are given, and of both samples made 1, 4, 16 and 64 GB large, with nothing in what was
added. Whole processes are measured, in turns. `us above start` is what the processor took for each
of the objects beyond what the first process of the smallest image took; below each query stands
whether it grows as a straight line.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import platformdirs

from benchmarks.measuring import ROOT, Cost, unpacked
from benchmarks.report import measure
from benchmarks.straight import Point, shape
from benchmarks.tables import line
from benchmarks.windows_image import Size, build
from benchmarks.works import SAMPLE, WORKS, Work
from memq.layers.opening import open_physical
from tests.synthetic.rawcopy import RawCopy

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOWS_SAMPLE = ROOT / "samples" / "win10-19041.raw.xz"
HANDLES = 10
"""Of each process: enough for a machine, few enough to build 10,000 of them."""
FIRST, PROCESSES, RANGES, SEED = ASKED = tuple(
    next(work for work in WORKS if work.title == title)
    for title in ("first process", "all processes", "all VMAs", "seed query")
)


class Subject(NamedTuple):
    """An image, and how large it is in gigabytes where that is what grows."""

    path: Path
    gigabytes: int = 0


Measured = list[tuple[Cost, int]]
"""What the runs of one query of one image took, and how many rows each gave."""
Costs = dict[tuple[Subject, Work], Measured]


def main() -> int:
    """Print a table for each kind of growth."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--linux", nargs="*", type=Path, default=[], metavar="FILE")
    parser.add_argument("--processes", nargs="*", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--sizes", nargs="*", type=int, default=[1, 4, 16, 64], metavar="GB")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if options.linux:
        _report("Linux, by processes", [Subject(path) for path in options.linux], options.runs)
    if options.processes:
        machines = [Subject(_machine(count)) for count in options.processes]
        _report("Windows, by processes", machines, options.runs)
    for sample in (SAMPLE, WINDOWS_SAMPLE) if options.sizes else ():
        with tempfile.TemporaryDirectory() as folder:
            grown = _grown(sample, options.sizes, Path(folder))
            _report(f"{sample.stem}, by size", grown, options.runs)
    return 0


def _machine(processes: int) -> Path:
    """Return the built image, made if it is not there yet."""
    size = Size(processes, handles=HANDLES)
    folder = platformdirs.user_cache_path("memq") / "benchmarks"
    path = folder / f"windows-{'-'.join(map(str, size))}.raw"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        # In a process of its own: what is started from one as large counts its memory, too.
        with ProcessPoolExecutor(1, get_context("spawn")) as builder:
            builder.submit(build, part, size).result()
        part.rename(path)
    return path


def _grown(sample: Path, sizes: Sequence[int], folder: Path) -> list[Subject]:
    """Write a sample as raw memory of these sizes: at its addresses, all else being a hole."""
    subjects = []
    with open_physical(unpacked(sample, folder / "unpacked")) as memory:
        for size in sizes:
            path = folder / f"{size}GB.raw"
            RawCopy(memory, path)
            if path.stat().st_size > size << 30:
                raise SystemExit(f"{sample.name} is larger than {size} GB")
            os.truncate(path, size << 30)
            subjects.append(Subject(path, size))
    return subjects


def _report(title: str, subjects: Sequence[Subject], runs: int) -> None:
    """Measure all queries of all images in turns, and print the table."""
    costs: Costs = {(subject, work): [] for work in ASKED for subject in subjects}
    for _ in range(runs):
        for subject, work in costs:
            costs[subject, work].append(measure(subject.path, work))
    subjects = sorted(subjects, key=lambda one: _amount(costs, one, PROCESSES))
    head = line(f"{f'{title} ({runs} runs)':40}", "median", "least", "most", "", "us above")
    lines = [head, line(" " * 40, "wall s", "CPU s", "MB", "rows", "start")]
    for work in ASKED:
        lines += _of_query(costs, subjects, work)
    sys.stdout.write("\n".join(lines) + "\n\n")


def _of_query(costs: Costs, subjects: Sequence[Subject], work: Work) -> list[str]:
    """Return the lines of a query: one for each image, and what they amount to."""
    start = _seconds(costs[subjects[0], FIRST])
    lines, points = [], []
    for subject in subjects:
        measured = costs[subject, work]
        point = Point(_amount(costs, subject, work), _seconds(measured))
        above = "" if subject.gigabytes else f"{(point.seconds - start) / point.amount * 1e6:.1f}"
        label = f"{work.title}, {point.amount:,} {_unit(subject, work)}"
        wall = statistics.median(cost.wall for cost, _ in measured)
        memory = max(cost.memory for cost, _ in measured) >> 10
        figures = f"{wall:.2f}", f"{point.seconds:.2f}", str(memory), str(measured[0][1]), above
        lines.append(line(f"{label:40}", *figures))
        points.append(point)
    return [*lines, f"  {shape(points, _unit(subjects[0], work))}"]


def _seconds(measured: Measured) -> float:
    """Return the least that the processor did: all that comes on top of it is others' doing."""
    return min(cost.processor for cost, _ in measured)


def _amount(costs: Costs, subject: Subject, work: Work) -> int:
    """Return how much there is of what a query goes through."""
    return subject.gigabytes or costs[subject, RANGES if work is RANGES else PROCESSES][0][1]


def _unit(subject: Subject, work: Work) -> str:
    if subject.gigabytes:
        return "GB"
    return "VMAs" if work is RANGES else "processes"


if __name__ == "__main__":
    sys.exit(main())
