"""One rewritten line on a terminal that tells how far a long step has come.

Nothing is shown for the first 0.4 s, so that what is quick stays quiet; nothing at all where the
stream is no terminal; and the line is erased at the end. `Progress()` shows nothing.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_DELAY = 0.4
_INTERVAL = 0.1
_PRESSED = 4
"""Columns of what a terminal shows of Ctrl-C, pressed twice."""


class Progress:
    """Tells of the step that runs; steps may be nested, the innermost is shown."""

    def __init__(self, stream: TextIO | None = None, delay: float = _DELAY) -> None:
        """`stream` is usually sys.stderr; None, or one that is no terminal: show nothing."""
        self._stream = stream if stream is not None and stream.isatty() else None
        self._delay = delay
        self._what = ""
        self._depth = 0
        self._started = 0.0
        self._next = 0.0
        self._drawn = 0
        self._pauses = 0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Name the step for as long as the block runs; the outermost starts the clock."""
        outer = self._what
        if self._depth == 0:
            self._started = time.monotonic()
            self._next = self._started + self._delay
        self._what = "".join(c if c.isprintable() else "?" for c in what)
        self._depth += 1
        try:
            yield
        finally:
            self._what = outer
            self._depth -= 1
            self.erase()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Show nothing for as long as the block runs: the terminal belongs to someone else."""
        self.erase()
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1

    def tick(self, done: int, total: int) -> None:
        """Say how far the step has come; total 0: not known, so that its seconds are shown.

        Cheap: draws ten times a second.
        """
        if self._stream is None or self._depth == 0 or self._pauses:
            return
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _INTERVAL
            self._draw(done, total)

    def erase(self) -> None:
        """Remove the line, if there is one, before something else is written."""
        if self._stream is not None and self._drawn:
            # A terminal shows ^C behind the line, if that was pressed.
            width = min(self._drawn + _PRESSED, self._columns() - 1)
            self._stream.write("\r" + " " * max(width, self._drawn) + "\r")
            self._stream.flush()
            self._drawn = 0

    def _draw(self, done: int, total: int) -> None:
        if self._stream is None:
            return
        seconds = int(time.monotonic() - self._started)
        end = f" {min(100, 100 * done // total)}%" if total > 0 else f": {seconds} s"
        room = max(1, self._columns() - 1 - len(end))
        line = self._what[:room] + end
        self._stream.write("\r" + line.ljust(self._drawn))
        self._stream.flush()
        self._drawn = max(self._drawn, len(line))

    def _columns(self) -> int:
        """Return the terminal's width; 80 where it does not say."""
        try:
            return os.get_terminal_size(self._stream.fileno() if self._stream else 2).columns or 80
        except (OSError, ValueError):
            return 80
