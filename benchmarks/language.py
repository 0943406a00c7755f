"""Measure what a query's text costs before a dump is touched: CPU time, the best of many processes.

python -m benchmarks.language
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEED = ROOT / "samples" / "seed.mq"

# Each line is a step that a new process takes, in this order, and what it is called.
_STEPS = (
    ("import the parser", "from memq.lang.parser import Parser"),
    ("load the tables", "parser = Parser()"),
    ("parse the first time", "parser.parse(text)"),
    ("parse again", "parser.parse(text)"),
    ("import what checks it", "from memq.eval.pipeline import bind_query"),
    ("import Linux", "from memq.os.linux.system import LINUX"),
    ("load, parse and check", "bind_query(text, LINUX)"),
    ("load, parse and check again", "bind_query(text, LINUX)"),
    ("load, parse 256 KB of `1,`", "Parser().parse('[' + '1,' * 131_000 + ']')"),
)


def main() -> int:
    """Print the milliseconds of each step."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language", description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    runs = [_run() for _ in range(options.runs)]
    for (title, _), *costs in zip(_STEPS, *runs, strict=True):
        sys.stdout.write(f"{title:30}{min(costs) * 1000:10.2f} ms\n")
    return 0


def _run() -> list[float]:
    """Return the seconds of each step in a process of its own."""
    program = ["import sys, time", "text = sys.stdin.read()", "times = [time.process_time()]"]
    for _, step in _STEPS:
        program += [step, "times.append(time.process_time())"]
    program.append("print(*times)")
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", "\n".join(program)],
        input=SEED.read_text("utf-8"),
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    )
    times = [float(word) for word in done.stdout.split()]
    return [after - before for before, after in itertools.pairwise(times)]


if __name__ == "__main__":
    sys.exit(main())
