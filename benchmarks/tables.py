"""The tables that benchmarks print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.works import MEMORY_BAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Cost

HEADER = ("wall s", "CPU s", "MB", "rows")
"""What `figures` are."""
_FIGURES, _RATIO = 64, 27
"""Widths of a peer's own figures, and of what is said of its CPU time."""


def line(*cells: str) -> str:
    """Return a line of a table: a title, then figures."""
    return (f"{cells[0]:24}" + "".join(f"{cell:>10}" for cell in cells[1:])).rstrip()


def figures(cost: Cost, rows: str) -> tuple[str, ...]:
    """Return what a line says of a cost."""
    return f"{cost.wall:.2f}", f"{cost.processor:.2f}", f"{cost.memory >> 10}", rows


def comparison(start: str, ratio: str, told: str) -> str:
    """Return the line of a peer: its figures, its CPU time in those of memq, and its rows."""
    return f"{start:{_FIGURES}}{ratio:>{_RATIO}}   {told}"


def ratio(times: float, bar: float | None, *, is_least: bool = False) -> str:
    """Say how many times the CPU time of memq a peer took, or at least, if it was ended."""
    told = f"over {times:.1f} x" if is_least else f"{times:.1f} x"
    if bar is None or (is_least and times < bar):
        return told
    return f"{told} (bar {bar:g}: {'met' if times >= bar else 'MISSED'})"


TITLES = f"{line('', *HEADER):{_FIGURES}}{'CPU of memq':>{_RATIO}}   rows"
"""The header of a table of peers."""


def same_rows(counts: Sequence[int]) -> str:
    """Return how many rows each run gave."""
    return str(counts[0]) if len(set(counts)) == 1 else "differ"


def verdict(cost: Cost, bar: float | None) -> str:
    """Say whether a bar is met, where there is one: `0.25 met`."""
    if bar is None:
        return ""
    megabytes = cost.memory >> 10
    missed = [
        *(["MISSED"] if cost.wall > bar else []),
        *([f"MISSED {MEMORY_BAR} MB"] if megabytes > MEMORY_BAR else []),
    ]
    return f"{bar:g} " + (" and ".join(missed) or "met")


def stage_verdict(seconds: float, bar: float | None) -> str:
    """Say whether the bar of a stage is met, where there is one: `250 met`, in milliseconds."""
    if bar is None:
        return ""
    return f"{bar * 1000:g} " + ("MISSED" if seconds > bar else "met")
