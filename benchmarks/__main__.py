"""Measure queries as a user feels them: whole processes, from start to exit, caches of memq off.

    python -m benchmarks                 the sample, unpacked
    python -m benchmarks DUMP [DUMP ...] these dumps

Each query is run a number of times, in turns; the table has the median of wall and CPU seconds, the
most memory that was resident, and the rows. Needs a system with wait4 (Linux, macOS).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "samples" / "deb12-6.1-small.lime.xz"


class Work(NamedTuple):
    """Something to ask, and what it is called."""

    title: str
    query: str


class Cost(NamedTuple):
    """What one run took: seconds, seconds, kilobytes, lines written."""

    wall: float
    processor: float
    memory: int
    rows: int


WORKS = (
    Work("first process", "process.Take(1)"),
    Work("seed query", (ROOT / "samples" / "seed.mq").read_text()),
    Work("all processes", "process"),
    Work("all VMAs", "vad.Select([process.pid, start, end, protection, file_name])"),
    Work("executable, anonymous", "vad.Where(is_executable && is_anonymous)"),
    Work("all descriptors", "handle.Select([process.pid, fd, name])"),
    Work("names in common", "process.Where(vad.file_name == handle.name).Select([pid, name])"),
    Work(
        "self-join",
        "process.Where(p => process.Count(q => q.ppid == p.pid) > 10).Select([pid, name])",
    ),
    Work(
        "groups",
        "vad.GroupBy(file_name).Select([key, items.Count(), items.size.Sum()])"
        ".OrderByDescending(items.Count()).Take(10)",
    ),
    Work("join", "vad.Join(handle, v => v.file_name, h => h.name).Count()"),
    Work("sums", "process.Select([pid, vad.size.Sum(), handle.Count()])"),
    Work("raw structures", "process.Select([pid, raw.mm.pgd, raw.real_parent.comm])"),
    Work("largest", "vad.OrderByDescending(size).Take(10)"),
    Work("regular expression", "process.Where(vad.file_name.Matches(/libc/)).Count()"),
)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("dumps", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for dump in options.dumps or [unpacked(SAMPLE, Path(folder))]:
            report(dump, WORKS, options.runs)
    return 0


def unpacked(sample: Path, folder: Path) -> Path:
    """Have memq unpack a sample; not here, or this process's memory would count as its."""
    command = [sys.executable, "-m", "memq", str(sample), "-e", "process.Count()"]
    environment = {**os.environ, "MEMQ_CACHE_DIR": str(folder)}
    subprocess.run(  # noqa: S603 - our own program
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return max((path for path in folder.rglob("*") if path.is_file()), key=_size)


def _size(path: Path) -> int:
    return path.stat().st_size


def report(dump: Path, works: Sequence[Work], runs: int) -> None:
    """Print the table of a dump."""
    costs: dict[str, list[Cost]] = {work.title: [] for work in works}
    for _ in range(runs):
        for work in works:
            costs[work.title].append(measure(dump, work.query))
    lines = [f"{dump.name}, median of {runs}", line("", "wall s", "CPU s", "MB", "rows")]
    for title, measured in costs.items():
        wall = statistics.median(cost.wall for cost in measured)
        processor = statistics.median(cost.processor for cost in measured)
        memory = max(cost.memory for cost in measured) // 1024
        rows = {cost.rows for cost in measured}
        count = str(rows.pop()) if len(rows) == 1 else "differ"
        lines.append(line(title, f"{wall:.2f}", f"{processor:.2f}", str(memory), count))
    sys.stdout.write("\n".join(lines) + "\n\n")


def line(*cells: str) -> str:
    """Return a line of a table: a title, then figures."""
    return f"{cells[0]:24}" + "".join(f"{cell:>10}" for cell in cells[1:])


def measure(dump: Path, query: str) -> Cost:
    """Run one query as JSON lines; the process's own account of memory and CPU."""
    command = [sys.executable, "-m", "memq", str(dump), "-e", query, "-o", "jsonl"]
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, cwd=ROOT)  # noqa: S603 - our own program
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"memq failed on {dump}: exit status {process.returncode}")
        output.seek(0)
        rows = sum(block.count(b"\n") for block in iter(lambda: output.read(1 << 20), b""))
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, rows)


if __name__ == "__main__":
    sys.exit(main())
