"""The instructions that a run of the program takes, counted by valgrind's callgrind.

A clock cannot tell a slower program from a busy machine; this can: the same run takes the same
number of instructions, within some thousands, where it sees the same paths, seeds and modules.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TOTAL = "totals:"
_VALGRIND = ("valgrind", "--quiet", "--tool=callgrind", "--trace-children=yes")
_SEEDS = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
_OF_OTHERS = ("PYTHON", "MEMQ_", "XDG_")
"""How variables begin that would make the program do something else."""


class Checkout:
    """The program's files in a folder, run with `state` as the place for all that it writes."""

    def __init__(self, folder: Path, state: Path) -> None:
        self._folder = folder
        kept = {name: text for name, text in os.environ.items() if not name.startswith(_OF_OTHERS)}
        places = {"HOME": state, "MEMQ_CACHE_DIR": state, "PYTHONPYCACHEPREFIX": state}
        self._environment = kept | _SEEDS | {name: str(path) for name, path in places.items()}

    def answers(self, arguments: Sequence[str]) -> bool:
        """Whether the program does what it is asked; what it imports is compiled by that."""
        return self._status((), arguments) == 0

    def count(self, arguments: Sequence[str]) -> int:
        """Return the instructions of a run and of all processes that it starts.

        Ask `answers` before: compiling counts, too. CalledProcessError where the run fails.
        """
        with tempfile.TemporaryDirectory() as place:
            valgrind = [*_VALGRIND, f"--callgrind-out-file={place}/%p"]
            status = self._status(valgrind, arguments)
            if status:
                raise subprocess.CalledProcessError(status, [*valgrind, "memq", *arguments])
            return sum(_total_of(path) for path in Path(place).iterdir())

    def _status(self, runner: Sequence[str], arguments: Sequence[str]) -> int:
        command = [*runner, sys.executable, "-m", "memq", *arguments]
        done = subprocess.run(  # noqa: S603 - our own program
            command,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode


def _total_of(path: Path) -> int:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return total(lines)


def total(profile: Iterable[str]) -> int:
    """Return the sum that ends a profile; ValueError where it was cut off before."""
    for line in profile:
        if line.startswith(_TOTAL):
            return int(line.removeprefix(_TOTAL))
    raise ValueError("a profile without its total: was callgrind stopped?")
