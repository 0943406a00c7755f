"""The tables that benchmarks print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.works import MEMORY_BAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Cost

HEADER = ("wall s", "CPU s", "MB", "rows")
"""What `figures` are."""
_FIGURES, _RATIO = 64, 24
"""Widths of a peer's own figures, and of what is said of its CPU time."""


def line(*cells: str) -> str:
    """Return a line of a table: a title, then figures."""
    return (f"{cells[0]:24}" + "".join(f"{cell:>10}" for cell in cells[1:])).rstrip()


def figures(cost: Cost, rows: str) -> tuple[str, ...]:
    """Return what a line says of a cost."""
    return f"{cost.wall:.2f}", f"{cost.processor:.2f}", f"{cost.memory >> 10}", rows


def comparison(start: str, times: float, told: str, bar: float | None) -> str:
    """Return the line of a peer: its CPU time in those of memq, the bar for that, and its rows.

    A peer that was ended before it had an answer took more than that.
    """
    ratio = f"{times:.1f} x"
    if bar is not None:
        ratio += f" (bar {bar:g}: {'met' if times >= bar else 'MISSED'})"
    return f"{start:{_FIGURES}}{ratio:>{_RATIO}}   {told}"


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
