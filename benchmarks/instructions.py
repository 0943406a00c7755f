"""Compare the instructions that queries take here with those at an earlier commit.

    python -m benchmarks.instructions

It fails where anything takes more than 30 % more. The earlier commit is where this branch left
origin/main; where there is no origin, or nothing new here, the first parent; $MEMQ_BASE names
another. Both answer the same queries on the same images, in the same run: the sample, and a small
machine with Windows that is built. The instructions are counted by valgrind's callgrind; without
it, or without the earlier commit, it says that nothing was compared, and does not fail. It takes
some two minutes on two processors.

What is counted is the whole process, most of which is its start. So where many rows are asked for,
what they take beyond the first is looked at by itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.callgrind import Checkout
from benchmarks.measuring import ROOT, unpacked
from benchmarks.revisions import NotComparedError, base_of, copy, export
from benchmarks.windows_image import Size, build
from benchmarks.works import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LIMIT = 0.3
"""How much more a query may take than at the earlier commit."""
NOTABLE = 0.02
"""Growth of a part is none to speak of below this share of what the whole took."""
MACHINE = Size(processes=100, ranges=150, handles=10)
_LINUX, _WINDOWS = "Linux", "Windows"


class Asked(NamedTuple):
    """A query, of a dump of one of the systems; `first` asks the same for the first row only."""

    title: str
    system: str = ""
    query: str = ""
    first: str = ""

    def arguments(self, dumps: Mapping[str, Path]) -> tuple[str, ...]:
        """Return what the program is run with."""
        if not self.query:
            return ("--help",)
        return (str(dumps[self.system]), "-e", self.query, "-o", "jsonl")


WORKS = (
    Asked("help"),
    Asked("first process", _LINUX, "process.Take(1)"),
    Asked("seed query", _LINUX, (ROOT / "samples" / "seed.mq").read_text("utf-8")),
    Asked("first VMA", _LINUX, "vad.Take(1)"),
    Asked("all VMAs", _LINUX, "vad", first="first VMA"),
    Asked("first descriptor", _LINUX, "handle.Take(1)"),
    Asked("all descriptors", _LINUX, "handle", first="first descriptor"),
    Asked("first range, Windows", _WINDOWS, "vad.Take(1)"),
    Asked("all ranges, Windows", _WINDOWS, "vad", first="first range, Windows"),
)


class Pair(NamedTuple):
    """What one query took at the earlier commit, which may not know it, and what it takes here."""

    base: int | None
    here: int


class Figure(NamedTuple):
    """A line of the table: a query, or a part of one; `whole` is what all of it took earlier."""

    title: str
    base: int
    here: int
    whole: int

    @property
    def growth(self) -> float:
        """How much more it takes now: 0.3 are 30 %."""
        return self.here / max(self.base, 1) - 1

    @property
    def is_regression(self) -> bool:
        """Whether that is too much."""
        grown = self.here - self.base
        return grown > LIMIT * max(self.base, 0) and grown > NOTABLE * self.whole


def main() -> int:
    """Print the table; 1 where something takes too much."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", help="what is in the titles of the queries to ask")
    works = [work for work in WORKS if parser.parse_args().only in work.title]
    try:
        commit = _base()
        counts = _counted(commit, works)
    except NotComparedError as why:
        sys.stdout.write(f"instructions not compared: {why}\n")
        return 0
    figures = list(judged(works, counts))
    sys.stdout.write("\n".join(table(figures, commit)) + "\n")
    for title in (title for title, pair in counts.items() if pair.base is None):
        sys.stdout.write(f"{title}: not compared, {commit[:12]} does not answer it\n")
    return int(any(figure.is_regression for figure in figures))


def _base() -> str:
    """Return the commit to compare with."""
    if shutil.which("valgrind") is None:
        raise NotComparedError("valgrind is not installed")
    try:
        return base_of(ROOT, os.environ.get("MEMQ_BASE"))
    except ValueError as error:
        raise SystemExit(f"MEMQ_BASE: {error}") from error


def _counted(commit: str, works: Sequence[Asked]) -> dict[str, Pair]:
    """Run all queries on both sides, as many at a time as there are processors."""
    with tempfile.TemporaryDirectory() as name:
        # Paths of the same lengths: they are instructions, too.
        folder = Path(name)
        base, here = (
            Checkout(folder / side, folder / f"{side}-state") for side in ("base", "here")
        )
        export(ROOT, commit, folder / "base")
        copy(ROOT, folder / "here")
        dumps = _dumps(folder)

        def pair(work: Asked) -> Pair:
            arguments = work.arguments(dumps)
            known = base.answers(arguments)
            if not here.answers(arguments):
                raise SystemExit(f"memq failed: {work.title}")
            return Pair(base.count(arguments) if known else None, here.count(arguments))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = pool.map(pair, works)
            return {work.title: count for work, count in zip(works, counts, strict=True)}


def _dumps(folder: Path) -> dict[str, Path]:
    """Return the images, by their systems."""
    machine = folder / "windows.raw"
    build(machine, MACHINE)
    return {_LINUX: unpacked(SAMPLE, folder / "unpacked"), _WINDOWS: machine}


def judged(works: Sequence[Asked], counts: Mapping[str, Pair]) -> Iterator[Figure]:
    """Give a figure for each query that both sides know, and for its rows beyond the first."""
    for work in works:
        base, here = counts[work.title]
        if base is None:
            continue
        yield Figure(work.title, base, here, base)
        first = counts.get(work.first, Pair(None, 0))
        if first.base is not None:
            rows = f"  {work.title}, beyond the first"
            yield Figure(rows, base - first.base, here - first.here, base)


def table(figures: Sequence[Figure], commit: str) -> list[str]:
    """Return the lines of the table, and one that says how it ended."""
    lines = [f"{'million instructions':42}{commit[:12]:>14}{'here':>10}{'growth':>10}"]
    for figure in figures:
        millions = f"{figure.base / 1e6:>14.1f}{figure.here / 1e6:>10.1f}"
        mark = "  TOO MUCH" if figure.is_regression else ""
        lines.append(f"{figure.title:42}{millions}{figure.growth:>+10.1%}{mark}")
    worse = [figure.title.strip() for figure in figures if figure.is_regression]
    if worse:
        return [*lines, f"more than {LIMIT:.0%} more than at {commit[:12]}: {'; '.join(worse)}"]
    return [*lines, f"nothing takes more than {LIMIT:.0%} more than at {commit[:12]}"]


if __name__ == "__main__":
    sys.exit(main())
