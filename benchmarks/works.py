"""What memq is asked on Linux dumps, and how soon it must answer."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measuring import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = ROOT / "samples" / "deb12-6.1-small.lime.xz"
MEMORY_BAR = 150
"""Megabytes that none of what has a bar may pass."""


class Work(NamedTuple):
    """Something to ask, and what it is called.

    `bar` are the wall seconds that it may take on a 4 GB guest with 1,870 processes and 291,000
    ranges: a dump that is smaller meets them easily. `columns_bar` are the CPU seconds of
    it that walking and columns may take.
    """

    title: str
    query: str
    bar: float | None = None
    form: str = "jsonl"
    columns_bar: float | None = None

    def command(self, dump: Path) -> list[str]:
        """Return the program and its arguments."""
        return [*program(), str(dump), "-e", self.query, "-o", self.form]

    def rows(self, output: bytes) -> int:
        """Return how many rows were written."""
        return output.count(b"\n") if self.form == "jsonl" else len(json.loads(output))


class Help(Work):
    """The help: what the start of the program costs, with no dump."""

    def command(self, _dump: Path) -> list[str]:
        """Return the program and its arguments."""
        return [*program(), "--help"]

    def rows(self, output: bytes) -> int:
        """Return how many lines were written."""
        return output.count(b"\n")


def program() -> list[str]:
    """Return memq as a program."""
    return [sys.executable, "-m", "memq"]


HELP = Help("--help", "", 0.08)
WORKS = (
    Work("first process", "process.Take(1)", 0.25),
    Work("seed query", (ROOT / "samples" / "seed.mq").read_text(), 0.35),
    Work("all processes", "process", 0.3, "json"),
    Work(
        "all VMAs",
        "vad.Select([process.pid, start, end, protection, file_name])",
        1.0,
        columns_bar=0.25,
    ),
    Work("executable, anonymous", "vad.Where(is_executable && is_anonymous)", 0.4),
    Work("all descriptors", "handle.Select([process.pid, fd, name])", 0.5),
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
