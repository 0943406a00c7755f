"""The terminal that a session runs on: how large it is, and whether it shows colours."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from dataclasses import field
from typing import TYPE_CHECKING, TextIO

from memq.node import dataclass
from memq.printing import has_colours

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRM = "\xa0"
"""A space at which no line is cut."""
_NARROWEST = 20
DIM, BOLD, RED, END = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[0m"


@dataclass(slots=True)
class Terminal:
    """Where a session writes; it need not be a terminal at all."""

    stream: TextIO = field(default_factory=lambda: sys.stdout)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    columns: int | None = None
    """How wide it is; None: as wide as it says."""

    @property
    def is_terminal(self) -> bool:
        """Whether someone looks at it."""
        return self.stream.isatty()

    @property
    def is_dumb(self) -> bool:
        """Whether it knows no control sequences."""
        return not self.is_terminal or self.environment.get("TERM") == "dumb"

    @property
    def has_colours(self) -> bool:
        """Whether colours are wanted, and shown."""
        return self.is_terminal and has_colours(self.environment)

    @property
    def is_light(self) -> bool:
        """Whether its background is light, as far as it says; dark is more usual."""
        # $COLORFGBG ends in the number of the background's colour; 7 and 15 are white.
        return self.environment.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")

    @property
    def width(self) -> int:
        """Columns, as they are now."""
        return self.columns or shutil.get_terminal_size().columns

    @property
    def height(self) -> int:
        """Rows, as they are now."""
        return shutil.get_terminal_size().lines

    def wrapped(self, text: str, between: str = " ", indent: int = 0) -> list[str]:
        """Return the lines of a text that may be cut at spaces, or behind what is `between`.

        All but the first are indented.
        """
        if not self.is_terminal or len(text) <= self.width:
            return [text]
        parts = text.replace(" ", _FIRM).replace(between.replace(" ", _FIRM), between)
        lines = textwrap.wrap(
            parts,
            max(self.width, indent + _NARROWEST),
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
        return [line.replace(_FIRM, " ") for line in lines]

    def paint(self, text: str, style: str) -> str:
        """Return the text in a style, where there are any."""
        return f"{style}{text}{END}" if self.has_colours else text

    def write(self, *lines: str) -> None:
        """Write lines at once."""
        self.stream.write("".join(f"{line}\n" for line in lines))
        self.stream.flush()
