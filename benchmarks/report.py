"""What memq itself takes for works, beside the bars that they have."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import NO_LIMIT, Cost, run, typical
from benchmarks.tables import HEADER, figures, line, same_rows, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.works import Work


def report(dump: Path, works: Sequence[Work], runs: int) -> None:
    """Print the table of a dump: each work is run so many times, in turns."""
    measured: dict[str, list[tuple[Cost, int]]] = {work.title: [] for work in works}
    for _ in range(runs):
        for work in works:
            measured[work.title].append(measure(dump, work))
    barred = any(work.bar is not None for work in works)
    lines = [f"{dump.name}, median of {runs}", line("", *HEADER, *(["bar"] if barred else []))]
    for work in works:
        costs, counts = zip(*measured[work.title], strict=True)
        cost = typical(costs)
        cells = figures(cost, same_rows(counts))
        told = verdict(cost, work.bar)
        lines.append(line(work.title, *cells) + (f"      {told}" if told else ""))
    sys.stdout.write("\n".join(lines) + "\n\n")


def measure(dump: Path, work: Work) -> tuple[Cost, int]:
    """Ask memq once; return what it cost, and how many rows there were."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "rows"
        outcome = run(work.command(dump), output, NO_LIMIT)
        if outcome.problem:
            raise SystemExit(f"memq on {dump}, {work.title}: {outcome.problem}")
        return outcome.cost, work.rows(output.read_bytes())
