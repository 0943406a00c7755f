"""Options that the benchmarks of both systems have."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.measuring import LIMIT


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows the dumps, and how and what is run."""
    made = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("dumps", nargs="*", type=Path)
    add("--runs", type=int, default=5, help="of each, in turns; the median is shown")
    add("--limit", type=float, default=LIMIT, help="seconds after which a run is ended")
    add("--only", choices=("works", "peers"), help="one of the two tables")
    return made
