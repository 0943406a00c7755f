"""Programs on a terminal of their own: what they show, and keys that are pressed."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import pyte

from tests.lab import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

_START = "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
"""Ctrl-C reaches a program only through the terminal that it is controlled by."""

_PATIENCE = 20.0


class Pty:
    """A Python program that runs on a terminal; use it as a context manager."""

    def __init__(self, program: str, size: tuple[int, int], environment: Mapping[str, str]) -> None:
        """`size` is in rows and columns."""
        import pty  # noqa: PLC0415 - not there on Windows

        self._screen = pyte.Screen(size[1], size[0])
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = pty.openpty()
        self.resize(*size)
        ours = {k: v for k, v in os.environ.items() if k not in ("LINES", "COLUMNS", "LESS")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START + program],
            cwd=ROOT,
            env={**ours, "TERM": "xterm", **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""
        import fcntl  # noqa: PLC0415
        import termios  # noqa: PLC0415

        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    @property
    def lines(self) -> list[str]:
        """What the rows of the screen show."""
        return [line.rstrip() for line in self._screen.display]

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str, keys: str = "") -> list[str]:
        """Wait until a line that is shown begins with a text; return all lines.

        `keys` are pressed until then, again and again: a program may drop some.
        """
        end, pressed = time.monotonic() + _PATIENCE, time.monotonic()
        while not any(line.startswith(text) for line in self.lines):
            assert time.monotonic() < end, f"no {text!r} in {self.lines}"
            if keys and time.monotonic() > pressed:
                self.press(keys)
                pressed += 0.5
            if select.select([self._master], [], [], 0.05)[0]:
                with suppress(OSError):  # EIO: the program has ended
                    self._stream.feed(os.read(self._master, 1 << 16))
        return self.lines

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._master)  # hangs up
        self.process.kill()
        self.process.wait()
