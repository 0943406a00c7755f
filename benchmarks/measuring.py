"""What a program costs, from its start to its exit: seconds, memory, and what it wrote.

Needs a system with wait4 (Linux, macOS).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = ROOT / "benchmarks" / "launch.py"
LIMIT, NO_LIMIT = 120.0, 0.0
"""Seconds after which a run is ended, unless an option says otherwise."""
_SLOW = 5.0
"""What takes longer is run once: turns are for what noise could hide."""


class Cost(NamedTuple):
    """What one run took: wall and CPU seconds, and the most kilobytes that were resident."""

    wall: float
    processor: float
    memory: int


class Outcome(NamedTuple):
    """One run: its cost, why it has no answer, empty where it has one; and if it was too slow."""

    cost: Cost
    problem: str = ""
    is_late: bool = False


def run(command: Sequence[str | Path], output: Path, limit: float = LIMIT) -> Outcome:
    """Run a program with its output to a file; its errors go to a file beside that."""
    errors = output.with_suffix(".errors")
    # Compiled modules are kept, as an installation has them.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    launch = [sys.executable, "-I", LAUNCHER, str(limit), output, errors, *command]
    done = subprocess.run(  # noqa: S603 - what the one who measures named
        list(map(str, launch)),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr.strip() or "interrupted")
    told = json.loads(done.stdout)
    cost = Cost(told["wall"], told["processor"], _kilobytes(told["memory"]))
    if told["is_late"]:
        return Outcome(cost, f"not within {limit:g} s", is_late=True)
    if told["status"]:
        return Outcome(cost, f"failed: {_last_line(errors)}")
    return Outcome(cost)


def _kilobytes(resident: int) -> int:
    return resident >> 10 if sys.platform == "darwin" else resident


def _last_line(errors: Path) -> str:
    """Return what a program said last, where that tells why it failed."""
    lines = errors.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else "without a word"


def typical(costs: Sequence[Cost]) -> Cost:
    """Return the median of seconds, and the most of memory."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.processor for cost in costs),
        max(cost.memory for cost in costs),
    )


def is_enough(costs: Sequence[Cost], runs: int) -> bool:
    """Whether it was run often enough."""
    return len(costs) >= runs or any(cost.wall > _SLOW for cost in costs)


def unpacked(sample: Path, folder: Path) -> Path:
    """Have memq unpack a sample into a folder, and return its path there."""
    command = [sys.executable, "-m", "memq", str(sample), "-e", "process.Count()"]
    environment = {**os.environ, "MEMQ_CACHE_DIR": str(folder)}
    subprocess.run(  # noqa: S603 - our own program
        command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    largest = max((path for path in folder.rglob("*") if path.is_file()), key=_size)
    return largest.rename(folder / sample.stem)


def _size(path: Path) -> int:
    return path.stat().st_size
