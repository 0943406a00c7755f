"""Measure queries of Windows dumps: whole processes, from start to exit, caches of memq off.

    python -m benchmarks.windows                 built images, kept in the user's cache folder
    python -m benchmarks.windows DUMP [DUMP ...] these dumps

The built ones are a machine with 2,000 processes, 300,000 ranges and 400,000 handles, and the
sample made 4 GB and 64 GB large, with nothing in what was added. The first is also asked of
volatility3, where `$MEMQ_VOLATILITY3` is the path of a Python that has it, and `--tables` a folder
of symbol tables (ISF) named by GUID and age; rows are counted. See docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import platformdirs

from benchmarks.__main__ import ROOT, Cost, Work, line, measure, report, unpacked
from benchmarks.windows_image import Size, build
from memq.image import Image

SAMPLE = ROOT / "samples" / "win10-19041.raw.xz"
PROGRAM = ROOT / "tests" / "peers" / "windows_plugins.py"
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
PEERS = {
    "pslist.PsList": "all processes",
    "vadinfo.VadInfo": "all ranges",
    "handles.Handles": "all handles",
}
"""What of volatility3 answers which of the queries."""


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.windows",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dumps", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--processes", type=int, default=Size().processes)
    parser.add_argument("--tables", type=Path, help="symbol tables (ISF) for volatility3")
    options = parser.parse_args()
    for dump in options.dumps:
        report(dump, WORKS, options.runs)
    if options.dumps:
        return 0
    folder = platformdirs.user_cache_path("memq") / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    machine = _machine(folder, Size(options.processes))
    report(machine, WORKS, options.runs)
    _report_peer(machine, options.tables)
    for size in GROWN:
        report(_grown(folder, size), FIRST, options.runs)
    return 0


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


def _report_peer(dump: Path, tables: Path | None) -> None:
    python = os.environ.get("MEMQ_VOLATILITY3")
    if python is None or tables is None:
        sys.stdout.write("volatility3: not asked ($MEMQ_VOLATILITY3 and --tables say where)\n\n")
        return
    lines = ["volatility3, once", line("", "wall s", "CPU s", "MB", "rows")]
    for plugin, query in PEERS.items():
        cost = _ask_peer(python, dump, tables, plugin)
        figures = f"{cost.wall:.1f}", f"{cost.processor:.1f}", f"{cost.memory >> 10}"
        (asked,) = (work.query for work in WORKS if work.title == query)
        own = measure(dump, asked).rows
        lines.append(line(f"{plugin} ({own} by memq)", *figures, str(cost.rows)))
    sys.stdout.write("\n".join(lines) + "\n\n")


def _ask_peer(python: str, dump: Path, tables: Path, plugin: str) -> Cost:
    """Run a plugin of volatility3, which is told where the kernel is."""
    with Image(dump) as image:
        kernel = image.kernel
        root, base = hex(kernel.root), hex(kernel.image.base)
        (table,) = tables.glob(f"*{kernel.identity[1]}*")
    place = str(dump), str(table.resolve()), root, base, "x64"
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        command = [python, str(PROGRAM), *place, plugin]
        process = subprocess.Popen(command, stdout=output)  # noqa: S603 - our own program
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        (rows,) = json.load(output).values()
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, len(rows))


if __name__ == "__main__":
    sys.exit(main())
