"""Measure how soon Ctrl-C stops a query, whatever it does: python -m benchmarks.cancel [DUMP].

Each query is run in a process of its own. First it is run to its end, and the longest CPU time
between two questions whether it was cancelled is noted (`longest`): no interrupt can take longer.
Then it is run again and again, and at moments spread over its duration SIGINT is sent; the table
has the worst time from there until it has ended, of the CPU and of the clock on the wall.

--why prints where the longest time was spent. Needs Linux, which tells the CPU time of others.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks.measuring import ROOT, unpacked
from benchmarks.works import SAMPLE, WORKS, Work

_JSON = "json"

HEAVY = (
    Work("sums by Aggregate", "process.Aggregate(0, (s, p) => s + p.vad.Count())"),
    Work("self-join of vad", "vad.Join(vad, v => v.file_name, w => w.file_name).Count()"),
    Work("handle with vad", "handle.Join(vad, h => h.name, v => v.file_name).Count()"),
    Work(
        "pairs of processes",
        "process.Where(p => process.Any(q => q.name != p.name && q.vad.Count() > p.vad.Count()))"
        ".Count()",
    ),
    Work(
        "vad of vad",
        "process.Where(p => vad.Any(v => v.size > p.pid && v.process.pid != p.pid)).Count()",
    ),
    Work("group by name", "vad.GroupBy(name).Select([key, items.Count()])"),
    Work("group by start", "vad.GroupBy(start).Select([key, items.process.pid])"),
    Work("long lists", "vad.GroupBy(protection)"),
    Work("long lists within", "process.GroupBy(uid).Select([key, items.vad])"),
    Work(
        "many names",
        'vad.Where(name.Substring(1).IndexOf("zz") > 3 || name.Matches(/(x+x+)+y|[^a-z]{20,60}z/))'
        ".Count()",
    ),
    Work("order by name", "vad.OrderBy(name).ThenByDescending(start).Select([name, start])"),
    Work("order by handle name", "handle.OrderBy(name)"),
    Work("distinct", "vad.Select([name, start, end]).Distinct()"),
    Work("distinct objects", "vad.Distinct().Count()"),
    Work("union", "vad.Union(vad).Count()"),
    Work("except", "vad.Where(is_executable).Except(vad.Where(is_writable)).Count()"),
    Work("zip", "vad.Zip(vad.Skip(1), (a, b) => {a: a.start, b: b.start})"),
    Work("chunk", "vad.Chunk(3)"),
    Work("reverse", "vad.Reverse()"),
    Work("matches", "vad.Where(name.Matches(/(a|b|c)+.*(x|y|z)+.*[0-9]{2,30}.*lib.*/)).Count()"),
    Work("matches all", "handle.Where(name.Matches(/([a-z]+[0-9]+)+:\\[[0-9]+\\]/)).Count()"),
    Work("select many", "process.SelectMany(vad).Select([process.name, start, file_name])"),
    Work("command lines", "process.Select(command_line)"),
    Work("split", 'vad.Select({parts: name.Split("/")})'),
    Work("split and join", 'vad.Where(name.Split("/").Any(x => x.Length() > 12)).Count()'),
    Work("raw tables", "process.Select(raw.mm.pgd)"),
    Work("raw whole", "process.Select(raw)"),
    Work("raw vad", "vad.Select(raw)"),
    Work(
        "raw lists",
        'process.Select([pid, list_of(raw.children, "task_struct", "sibling").Count()])',
    ),
    Work("count under All", "process.All(p => p.vad.Count() < 100000)"),
    Work("count under Any", "process.Any(p => p.vad.Count(v => v.name.Length() > 200) > 5)"),
    Work("whole vad", "vad"),
    Work("whole handle", "handle"),
    Work("vad of each", "process.Select([pid, vad])"),
    Work("nested lists", "process.Select([pid, vad.start, vad.name, handle.name])"),
    Work("children of all", "process.Select([pid, children.pid, children.vad.Count()])"),
    Work("sum of all", "vad.Sum(size)"),
    Work("largest of all", "vad.Max(name)"),
    Work("flatten", "process.Select([pid, vad.start]).Flatten()"),
    Work("let", "vad.Let({x: size * 2 + start}).Where(x % 7 == 3).Select([x, name])"),
    Work("inode and device", "vad.Select([inode, device, offset, is_deleted])"),
    Work("maps names", 'vad.Where(name.StartsWith("[anon")).Count()'),
    Work("texts", 'vad.Select({a: name.ToUpper(), b: name.Replace("lib", "b")})'),
    Work("last of all", "vad.Last()"),
    Work("order within", "process.Select([pid, vad.OrderByDescending(size).Take(3).start])"),
    Work(
        "group within",
        "process.Select({pid: pid, kinds: vad.GroupBy(protection).Select([key, items.Count()])})",
    ),
    Work("distinct within", "process.Select({pid: pid, names: vad.Select(name).Distinct()})"),
    Work("same names", "vad.Where(v => handle.Any(h => h.name == v.file_name)).Count()"),
    Work("contains", "vad.Where(v => handle.name.Contains(v.file_name)).Count()"),
    Work("threads", "process.Select([pid, thread_count, uid, state, image_path, create_time])"),
    Work("drivers and calls", "driver.Select([name, base, size])"),
)


class Stop(NamedTuple):
    """How long a query went on after the signal, in seconds of the CPU and of the wall."""

    processor: float
    wall: float


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cancel", description=__doc__)
    parser.add_argument("dump", nargs="?", type=Path)
    parser.add_argument("--stops", type=int, default=6, help="signals for each query")
    parser.add_argument("--form", default=_JSON, help="how the answers are written")
    parser.add_argument("--only", default="", help="what is in the titles of the queries to ask")
    parser.add_argument("--why", action="store_true", help="say where the longest time was spent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dump = options.dump or unpacked(SAMPLE, Path(folder))
        sys.stdout.write(_line("", "CPU s", "longest ms", "CPU ms", "wall ms"))
        for work in (*WORKS, *HEAVY):
            if options.only in work.title:
                _measure(dump, work, options)
    return 0


def _line(*cells: str) -> str:
    return f"{cells[0]:24}" + "".join(f"{cell:>12}" for cell in cells[1:]) + "\n"


def _measure(dump: Path, work: Work, options: argparse.Namespace) -> None:
    with _Asked(dump) as asked:
        question = {"query": work.query, "form": options.form, "why": options.why, "stop": False}
        asked.tell(question)
        whole = asked.hear()
        stops = [
            stop
            for number in range(options.stops)
            if (stop := asked.stopped(question, whole["wall"] * (number + 0.5) / options.stops))
        ]
    worst = [max((stop[part] for stop in stops), default=0.0) for part in (0, 1)]
    figures = [f"{seconds * 1000:.0f}" for seconds in (whole["longest"], *worst)]
    sys.stdout.write(_line(work.title, f"{whole['processor']:.2f}", *figures))
    for place, spent in whole["places"] if options.why else ():
        sys.stdout.write(f"    {spent / 1000:8.1f} ms  {place}\n")
    sys.stdout.flush()


class _Asked:
    """The process that asks, and what is said to it."""

    def __init__(self, dump: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.asked", str(dump)]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._clock = (~self._process.pid << 3) | 2  # CPUCLOCK_SCHED of a process, as Linux has it
        self.hear()

    def __enter__(self) -> _Asked:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def tell(self, question: dict[str, Any]) -> None:
        """Ask a query."""
        if self._process.stdin is None:
            raise TypeError("no pipe")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Return what the process says next."""
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer

    @property
    def _answers(self) -> IO[str]:
        if self._process.stdout is None:
            raise TypeError("no pipe")
        return self._process.stdout

    def stopped(self, question: dict[str, Any], after: float) -> Stop | None:
        """Interrupt a query after so many seconds; None if it has ended before."""
        self.tell({**question, "stop": True})
        self.hear()
        if select.select([self._answers], [], [], after)[0]:
            self.hear()
            return None
        wall, processor = time.monotonic(), time.clock_gettime(self._clock)
        os.kill(self._process.pid, signal.SIGINT)
        answer = self.hear()
        if not answer["stopped"]:
            return None
        return Stop(answer["processor"] - processor, answer["wall"] - wall)


if __name__ == "__main__":
    sys.exit(main())
