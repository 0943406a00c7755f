"""A program on a pseudo-terminal, and the screen that a person would see."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.lab import ROOT
from tests.program import command

if TYPE_CHECKING:
    from collections.abc import Callable

pexpect: Any = pytest.importorskip("pexpect")
pyte: Any = pytest.importorskip("pyte")

NEEDS_TERMINAL = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")

ENTER, TAB, ESCAPE, UP, DOWN, RIGHT = "\r", "\t", "\x1b", "\x1b[A", "\x1b[B", "\x1b[C"
CTRL_C, CTRL_D, CTRL_R, CTRL_Z, ALT_ENTER = "\x03", "\x04", "\x12", "\x1a", "\x1b\r"
_PATIENCE = 60.0
"""Seconds; a machine that runs other tests as well is slow, and no test is a measurement."""
_AGAIN = 0.5
"""Seconds after which a key is pressed again that a program may have dropped."""
_OURS = (
    "COLORFGBG", "COLUMNS", "EDITOR", "LESS", "LINES", "MEMQ_PAGER", "NO_COLOR", "PAGER", "VISUAL",
)  # fmt: skip
"""What the user of these tests may have set, and their screens do not have."""


class Screen:
    """Starts a program, types, and waits for what the screen shows."""

    def __init__(
        self, program: list[str], rows: int = 30, columns: int = 100, **environment: str
    ) -> None:
        # CPR: the terminal would be asked where its cursor is, and pyte is not asked for answers.
        usual = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
        kept = {k: v for k, v in os.environ.items() if k not in _OURS}
        self.child = pexpect.spawn(
            program[0],
            program[1:],
            dimensions=(rows, columns),
            env={**kept, **usual, **environment},
            cwd=str(ROOT),
            timeout=_PATIENCE,
        )
        self.child.delaybeforesend = None
        self.child.ptyproc.delayafterclose = self.child.ptyproc.delayafterterminate = 0.02
        self.screen = pyte.HistoryScreen(columns, rows, history=5000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        """All that the program has written."""

    def type(self, text: str) -> Self:
        """Send keys."""
        self.child.send(text)
        return self

    def paste(self, text: str) -> Self:
        """Send a text as terminals do what is pasted."""
        return self.type(f"\x1b[200~{text}\x1b[201~")

    def resize(self, rows: int, columns: int) -> None:
        """Change the size of the window."""
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def read(self, seconds: float = 0.05) -> bool:
        """Take what the program has written, or writes within so long; False: it has ended."""
        try:
            data = self.child.read_nonblocking(1 << 16, timeout=seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without what has scrolled out of it."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    def until(self, holds: Callable[[str], bool], what: object = "", keys: str = "") -> str:
        """Wait until the screen is as wanted, and return it; AssertionError shows what it is.

        `keys` are pressed until then, again and again: a program may drop some.
        """
        begun = pressed = time.monotonic()
        while not holds(self.text):
            now = time.monotonic()
            assert now < begun + _PATIENCE, f"waited in vain for {what!r}:\n{self.text}"
            if keys and now > pressed:
                self.type(keys)
                pressed += _AGAIN
            if not self.read():
                assert holds(self.text), f"ended without {what!r}:\n{self.text}"
        return self.text

    def wait(self, *texts: str, keys: str = "") -> str:
        """Wait until all texts are on the screen."""
        return self.until(lambda shown: all(text in shown for text in texts), texts, keys)

    def prompt(self, *texts: str) -> str:
        """Wait until an empty prompt stands at the end, below all texts."""
        return self.until(
            lambda shown: shown.rstrip().endswith("\nmemq>") and all(one in shown for one in texts),
            (*texts, "memq>"),
        )

    def enter(self, text: str, *texts: str) -> Self:
        """Type an entry and Enter; wait for the next prompt below all texts, if some are given."""
        self.type(text + ENTER)
        if texts:
            self.prompt(*texts)
        return self

    def colour(self, text: str) -> str:
        """Return the colour of a text in its last line on the screen; empty: it is not there."""
        for row, line in reversed(list(enumerate(self.screen.display))):
            if text in line:
                colour: str = self.screen.buffer[row][line.index(text)].fg
                return colour
        return ""

    def ended(self) -> int:
        """Wait until the program has ended; return its status."""
        end = time.monotonic() + _PATIENCE
        while self.read():
            assert time.monotonic() < end, f"it goes on:\n{self.text}"
        self.child.close()
        status: int | None = self.child.exitstatus
        return -1 if status is None else status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.close(force=True)


def memq(*arguments: object, **more: Any) -> Screen:
    """Start memq on a screen."""
    return Screen(command(*arguments), **more)
