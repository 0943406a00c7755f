"""Measure queries of Windows dumps: whole processes, from start to exit, caches of memq off.

    python -m benchmarks.windows                 built images, kept in the user's cache folder
    python -m benchmarks.windows DUMP [DUMP ...] these dumps

The built ones are a machine with 2,000 processes, 300,000 ranges and 400,000 handles, and the
sample made 4 GB and 64 GB large, with nothing in what was added. The first is also asked of other
programs, where `$MEMQ_MEMPROCFS` and `$MEMQ_VOLATILITY3` are the paths of Pythons that have them,
the latter with `--tables`, a folder of symbol tables (ISF) named by GUID and age; so is the sample;
rows are counted.
See docs/performance.md.
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
from typing import Any

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
    "windows.pslist.PsList": "process",
    "windows.vadinfo.VadInfo": "vad",
    "windows.handles.Handles": "handle",
}
"""What of volatility3 answers which of the queries."""
COUNTER = ROOT / "benchmarks" / "memprocfs_rows.py"


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
    _report_peers(machine, options.tables)
    for size in GROWN:
        report(_grown(folder, size), FIRST, options.runs)
    with tempfile.TemporaryDirectory() as place:
        _report_peers(unpacked(SAMPLE, Path(place)), options.tables)
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


def _report_peers(dump: Path, tables: Path | None) -> None:
    """Print what other programs take for the same, once each, and whether they find as many."""
    lines = [line("others, once", "wall s", "CPU s", "MB", "rows")]
    if os.environ.get("MEMQ_MEMPROCFS"):
        lines += [
            _compared(f"MemProcFS {query}", dump, query, _ask_memprocfs(dump, query))
            for query in PEERS.values()
        ]
    if os.environ.get("MEMQ_VOLATILITY3") and tables is not None:
        lines += [
            _compared(plugin, dump, query, _ask_volatility(dump, tables, plugin))
            for plugin, query in PEERS.items()
        ]
    if len(lines) == 1:
        lines = ["others: not asked ($MEMQ_MEMPROCFS, $MEMQ_VOLATILITY3 and --tables say where)"]
    sys.stdout.write("\n".join(lines) + "\n\n")


def _compared(title: str, dump: Path, query: str, cost: Cost) -> str:
    figures = f"{cost.wall:.2f}", f"{cost.processor:.2f}", f"{cost.memory >> 10}"
    own = measure(dump, query).rows
    if cost.rows < 0:
        return line(title, "", "", "", "does not open it")
    return line(title, *figures, f"{cost.rows}" if cost.rows == own else f"{cost.rows}, not {own}")


def _ask_memprocfs(dump: Path, what: str) -> Cost:
    """Count rows by MemProcFS, which finds the kernel itself; -1 where it does not open a dump."""
    command = [os.environ["MEMQ_MEMPROCFS"], str(COUNTER), str(dump), what]
    cost, rows = _measured(command)
    return cost._replace(rows=-1 if rows is None else int(rows))


def _ask_volatility(dump: Path, tables: Path, plugin: str) -> Cost:
    """Run a plugin of volatility3, which is told where the kernel is."""
    with Image(dump) as image:
        kernel = image.kernel
        root, base = hex(kernel.root), hex(kernel.image.base)
        (table,) = tables.glob(f"*{kernel.identity[1]}*")
    place = str(dump), str(table.resolve()), root, base, "x64"
    cost, answer = _measured([os.environ["MEMQ_VOLATILITY3"], str(PROGRAM), *place, plugin])
    if answer is None:
        raise SystemExit("volatility3 failed")
    (rows,) = answer.values()
    if "error" in rows[0]:
        raise SystemExit(f"volatility3 failed: {rows[0]['error']}")
    return cost._replace(rows=len(rows))


def _measured(command: list[str]) -> tuple[Cost, Any]:
    """Run a program, and return what it cost and the JSON that it wrote; None if it failed."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output)  # noqa: S603 - our own program
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        answer = None if process.returncode else json.load(output)
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, 0), answer


if __name__ == "__main__":
    sys.exit(main())
