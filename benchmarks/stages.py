"""Measure where the time of a query goes: CPU milliseconds of each stage, the least of many runs.

    python -m benchmarks.stages [DUMP ...]

Each work of `python -m benchmarks` is run in processes of its own, with nothing written: imports,
opening the dump, binding the query, walking with all columns; then, all but the imports and the
opening again, with JSON lines. What is imported late, and read for the
first time, counts where it is needed first.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import NO_LIMIT, run, unpacked
from benchmarks.options import dumps_parser
from benchmarks.tables import line, stage_verdict
from benchmarks.works import SAMPLE, WORKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.works import Work

_SPARE = "from memq.cli import spare_numpy; spare_numpy()"
"""As the program does before it imports anything more."""
STAGES = (
    ("imports", f"{_SPARE}; from memq.image import Image; from memq.printing import write"),
    ("opening", "image = Image(dump)"),
    ("binding", "answer = image.query(query)"),
    ("columns", "for _ in answer.batches(): pass"),
    ("all again", "write(image.query(query), 'jsonl', nowhere)"),
)
"""The stages in their order: what each is called, and its code."""
BARRED = "columns"
"""The stage that works may have a bar for."""


def main() -> int:
    """Print a table for each dump."""
    options = dumps_parser("benchmarks.stages", __doc__).parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for dump in options.dumps or [unpacked(SAMPLE, folder)]:
            sys.stdout.write(f"{dump.name}, CPU ms, the least of {options.runs}\n")
            sys.stdout.write(line("", *(title for title, _ in STAGES), "bar") + "\n")
            for work in WORKS:
                runs = [stages(dump.resolve(), work, folder) for _ in range(options.runs)]
                sys.stdout.write(row(work, [min(costs) for costs in zip(*runs, strict=True)]))
                sys.stdout.flush()
    return 0


def row(work: Work, seconds: Sequence[float]) -> str:
    """Return the line of a work, with the least that each stage took."""
    columns = seconds[[title for title, _ in STAGES].index(BARRED)]
    told = stage_verdict(columns, work.columns_bar)
    cells = line(work.title, *(f"{1000 * one:.0f}" for one in seconds))
    return cells + (f"      {told}" if told else "") + "\n"


def stages(dump: Path, work: Work, folder: Path) -> list[float]:
    """Return the CPU seconds of each stage, in a new process."""
    program = ["import json, os, sys, time", "dump, query = sys.argv[1:]"]
    program += ["nowhere = open(os.devnull, 'w')", "times = [time.process_time()]"]
    for _, code in STAGES:
        program += [code, "times.append(time.process_time())"]
    program.append("print(json.dumps(times))")
    output = folder / "stages"
    command = [sys.executable, "-c", "\n".join(program), str(dump), work.query]
    outcome = run(command, output, NO_LIMIT)
    if outcome.problem:
        raise SystemExit(f"{work.title}: {outcome.problem}")
    times = json.loads(output.read_text("utf-8"))
    return [after - before for before, after in itertools.pairwise(times)]


if __name__ == "__main__":
    sys.exit(main())
