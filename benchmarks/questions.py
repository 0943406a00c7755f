"""What memq and its peers are asked alike, and how much less memq must take.

A row is what tells one thing from the next and what is asked of it: numbers as numbers, names as
text, None where there is no name. All programs are asked for all rows, as they write them soonest.
"""

from __future__ import annotations

from typing import NamedTuple

VOLATILITY3, DRGN, MEMPROCFS = "volatility3", "drgn", "MemProcFS"


class Bar(NamedTuple):
    """How many times the CPU time of memq a peer must take, on dumps with at least so many rows."""

    peer: str
    times: float
    rows: int = 0


class Question(NamedTuple):
    """What is asked: of memq a query, of volatility3 a plugin, of our scripts for others `name`."""

    name: str
    title: str
    query: str
    plugin: str
    bars: tuple[Bar, ...] = ()

    def bar(self, peer: str, rows: int) -> float | None:
        """Return how many times of memq's a peer must take; the last that fits holds."""
        fitting = [bar.times for bar in self.bars if bar.peer == peer and rows >= bar.rows]
        return fitting[-1] if fitting else None


LINUX = (
    Question(
        "process",
        "processes",
        "process.Select({pid: pid, name: name})",
        "linux.pslist",
        (Bar(VOLATILITY3, 25), Bar(DRGN, 1)),
    ),
    Question(
        "vad",
        "VMAs with file names",
        "vad.Select({pid: process.pid, start: start, end: end, protection: protection, "
        "file: file_name})",
        "linux.proc.Maps",
        (Bar(VOLATILITY3, 50), Bar(DRGN, 1), Bar(DRGN, 12, 100_000)),
    ),
    Question(
        "handle",
        "open files",
        "handle.Select({pid: process.pid, fd: fd, name: name})",
        "linux.lsof",
        (Bar(VOLATILITY3, 40), Bar(DRGN, 1)),
    ),
)
WINDOWS = (
    Question(
        "process",
        "processes",
        "process.Select({pid: pid, name: name})",
        "windows.pslist.PsList",
    ),
    Question(
        "vad",
        "ranges",
        "vad.Select({pid: process.pid, start: start, end: end, protection: protection, "
        "file: file_name})",
        "windows.vadinfo.VadInfo",
    ),
    Question(
        "handle",
        "handles",
        "handle.Select({pid: process.pid, value: value, type: type})",
        "windows.handles.Handles",
    ),
)
