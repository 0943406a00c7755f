"""Files of commands and of what they print.

A block of such a file is a command behind "> " and the lines that it prints, an error drawn as it
is told; blocks are separated by an empty line. `MEMQ_ACCEPT=1 pytest tests/ui` writes the files
anew: read them as a diff.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from memq.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def answered(text: str, show: Callable[[str], Iterable[str]]) -> str:
    """Return a block: the command, and what is shown or told."""
    try:
        lines = list(show(text))
    except QueryError as error:
        lines = ["error: " + str(error)]
    return "\n".join(line.rstrip() for line in [f"> {text}", *lines])


def hold(name: str, show: Callable[[str], Iterable[str]]) -> None:
    """Hold a file to what its commands print."""
    path = Path(__file__).parent / name
    asked = [line[2:] for line in path.read_text("utf-8").splitlines() if line.startswith(">")]
    answers = "\n\n".join(answered(text, show) for text in asked) + "\n"
    if "MEMQ_ACCEPT" in os.environ:
        path.write_text(answers, "utf-8", newline="\n")
    assert asked
    assert answers == path.read_text("utf-8")
