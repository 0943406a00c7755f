"""Options that the benchmarks of both systems have."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.measuring import LIMIT


def dumps_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows the dumps, and how often something is run."""
    made = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("dumps", nargs="*", type=Path)
    made.add_argument("--runs", type=int, default=5, help="of each")
    return made


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows besides how long a run may take, and which tables are wanted."""
    made = dumps_parser(name, description)
    add = made.add_argument
    add("--limit", type=float, default=LIMIT, help="seconds that a peer has to answer")
    add("--only", choices=("works", "peers"), help="one of the two tables")
    return made
