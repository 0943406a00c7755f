"""Programs that answer the same questions: how each is run, and how its rows are read.

Rows are held to memq's after both were `reduced` to what the two can say alike; each reduction
says why. What cannot be reduced is a difference, and shows in the table.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.questions import VOLATILITY3
from benchmarks.works import program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from benchmarks.agreement import Row
    from benchmarks.questions import Question

_ADDRESSES = {"start", "end"}
"""What memq writes as text, in hexadecimal."""


class NoAnswerError(Exception):
    """A program ended well, and told of an error."""


class Peer:
    """A program that is asked about one dump: which it is, and what tables call it."""

    kind: str
    name: str

    def command(self, question: Question) -> list[str]:
        """Return the program and its arguments; rows go to its standard output."""
        raise NotImplementedError

    def rows(self, question: Question, output: Path) -> Iterable[Row]:
        """Return the rows that it wrote, in the columns of the question.

        NoAnswerError where it wrote that it has none.
        """
        raise NotImplementedError

    def reduced(self, _question: Question, row: Row) -> Row:
        """Return what this program and memq can say alike of a row of either."""
        return row


class Memq(Peer):
    """This program."""

    kind = name = "memq"

    def __init__(self, dump: Path) -> None:
        self._dump = dump

    def command(self, question: Question) -> list[str]:
        """Return memq with the query."""
        return [*program(), str(self._dump), "-e", question.query, "-o", "jsonl"]

    def rows(self, _question: Question, output: Path) -> Iterator[Row]:
        """Read records; what memq adds of values that it does not know is no column."""
        for record in json_lines(output):
            record.pop("_unknown", None)
            yield tuple(
                int(value, 16) if name in _ADDRESSES and value is not None else value
                for name, value in record.items()
            )


def json_lines(output: Path) -> Iterator[Any]:
    """Read a file of JSON lines, bit by bit; empty lines are none."""
    with output.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def python_with(package: str, variable: str) -> str | None:
    """Return the Python that a variable names, else this one if it has the package, else None."""
    here = sys.executable if importlib.util.find_spec(package) else None
    return os.environ.get(variable) or here


def program_at(name: str, variable: str) -> str | None:
    """Return the program that a variable names, else the one in the path, else None."""
    return os.environ.get(variable) or shutil.which(name)


def version_of(package: str, python: str) -> str:
    """Return a package's version, after a blank; nothing where it does not say."""
    code = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    command = [python, "-c", code, package]
    try:
        done = subprocess.run(  # noqa: S603 - as the one who measures named it
            command, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"{python} has no {package}") from error
    return f" {done.stdout.strip()}"


def volatility3() -> str | None:
    """Return the Python that has volatility3, None where there is none."""
    return python_with(VOLATILITY3, "MEMQ_VOLATILITY3")
