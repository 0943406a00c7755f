"""Text on a terminal as it is found, and through a pager where it does not fit.

The pager is $MEMQ_PAGER, $PAGER or less; where there is none, memq pauses by itself
(memq.ui.more). Whoever leaves the pager has seen enough: nothing more is evaluated.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from memq.errors import Cancelled
from memq.node import dataclass
from memq.output.widths import columns_of
from memq.printing import say
from memq.ui.more import More

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from memq.progress import Progress
    from memq.ui.terminal import Terminal

_VARIABLES = ("MEMQ_PAGER", "PAGER")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_KEPT_FREE = 2
"""Rows of a screen: for what stands behind the text, and for the next prompt."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of a text: how many lines were handed on, and whether the reader left early."""

    lines: int
    is_stopped: bool = False


class Screen:
    """Where text is shown: a terminal, with a pager; or a dumb one or any stream, without."""

    def __init__(self, terminal: Terminal, progress: Progress) -> None:
        """`progress` draws on the same terminal: it makes way for each text."""
        self._terminal = terminal
        self._progress = progress

    def show(
        self,
        pieces: Iterable[str],
        *,
        pager: bool = True,
        cancel: Callable[[], None] | None = None,
    ) -> Shown:
        """Write pieces of text as they come; what is more than a screenful goes to the pager.

        `cancel` is called, from another thread, when the reader leaves while the next piece is
        still sought. What the pieces raise is raised when the pager has ended.
        """
        with closing(_lines(pieces)) as source:
            if not pager or self._terminal.is_dumb:  # there less asks before it shows anything
                return Shown(self._written(itertools.chain.from_iterable(source)))
            begun: list[str] = []
            rows = 0
            room = self._room()
            for piece in source:
                needed = self._rows(piece, room - rows)
                if rows + needed > room:
                    rest = itertools.chain(piece, itertools.chain.from_iterable(source))
                    return self._continued(begun, rows, rest, cancel)
                self._written(piece)
                begun += piece
                rows += needed
            return Shown(len(begun))

    def _continued(
        self,
        begun: list[str],
        rows: int,
        rest: Iterator[str],
        cancel: Callable[[], None] | None,
    ) -> Shown:
        """Go on behind a screenful, of which some may be written."""
        try:
            command = pager_command(self._terminal.environment)
            if command is None:
                return self._paused(len(begun), rows, rest)
            pager = Pager(command, self._terminal, cancel)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            named = _named(self._terminal.environment) or "less"
            say(f"warning: the pager `{named}` does not start: {reason}")
            return Shown(len(begun) + self._written(rest))
        with self._progress.paused(), _not_stopped(command):
            return pager.fed(itertools.chain(begun, rest))

    def _paused(self, count: int, rows: int, rest: Iterator[str]) -> Shown:
        more = More(self._terminal.stream, rows)
        for line in rest:
            room = self._room()
            self._progress.erase()
            if not more.make_room(self._rows([line], room), room):
                return Shown(count, is_stopped=True)
            self._written([line])
            count += 1
        return Shown(count)

    def _written(self, lines: Iterable[str]) -> int:
        count = 0
        for line in lines:
            self._progress.erase()
            self._terminal.stream.write(line)
            self._terminal.stream.flush()
            count += 1
        return count

    def _room(self) -> int:
        return max(1, self._terminal.height - _KEPT_FREE)

    def _rows(self, lines: Iterable[str], most: int) -> int:
        """Return how many rows of the screen lines take; they are counted to beyond `most`."""
        width, rows = max(1, self._terminal.width), 0
        for line in lines:
            columns = columns_of(_COLOUR.sub("", line.removesuffix("\n")))
            rows += max(1, -(-columns // width))
            if rows > most:
                break
        return rows


def _lines(pieces: Iterable[str]) -> Generator[list[str], None, None]:
    """Yield the lines of each piece, each with its end; closed, it ends what gives the pieces."""
    source = iter(pieces)
    try:
        for piece in source:
            yield [line for line in re.split(r"(?<=\n)", piece) if line]
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def pager_command(environment: Mapping[str, str]) -> list[str] | None:
    """Return the program of the user's choice, or less, with arguments; None: there is none."""
    named = _named(environment)
    if named:
        return shlex.split(named, posix=os.name == "posix")
    less = shutil.which("less", path=environment.get("PATH"))
    return None if less is None else [less]


def _named(environment: Mapping[str, str]) -> str:
    """Return the command that the user has named; empty: none."""
    values = (environment.get(name, "").strip() for name in _VARIABLES)
    return next((value for value in values if value), "")


def pager_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a pager is told: colours, and nothing that acts on what it shows.

    less shows colours only where it is asked to (R), chops long lines (S) and leaves the text on
    the screen (X), unless the user has said how it is to be.
    """
    given = {k: v for k, v in environment.items() if k not in ("LESSOPEN", "LESSCLOSE")}
    return {"LESS": "RSX", **given, "LESSSECURE": "1"}


@contextmanager
def _not_stopped(command: Sequence[str]) -> Iterator[None]:
    """Ignore Ctrl-Z, as less does where it is secure: memq alone would be stopped."""
    stop = getattr(signal, "SIGTSTP", None)
    if stop is None or Path(command[0]).stem != "less":
        yield
        return
    before = signal.signal(stop, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(stop, before)


class Pager:
    """A pager that runs, and is fed line by line."""

    def __init__(
        self, command: list[str], terminal: Terminal, cancel: Callable[[], None] | None
    ) -> None:
        """Start it; raises OSError."""
        self._process = subprocess.Popen(  # noqa: S603 - the user's own choice
            command,
            stdin=subprocess.PIPE,
            env=pager_environment(terminal.environment),
            encoding=terminal.stream.encoding,
            errors="backslashreplace",
        )
        self._cancel = cancel
        self._is_fed = False
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def fed(self, lines: Iterable[str]) -> Shown:
        """Write all lines and wait until the user leaves; Ctrl-C ends the text, not the pager."""
        count = 0
        try:
            for line in lines:
                if not self._took(line):
                    return Shown(count, is_stopped=True)
                count += 1
        except KeyboardInterrupt:
            return Shown(count, is_stopped=True)
        except Cancelled:
            if self._process.returncode is None:  # it was not by leaving that it was asked for
                raise
            return Shown(count, is_stopped=True)
        finally:
            self._end()
        return Shown(count)

    def _took(self, line: str) -> bool:
        """Write a line; False: the pager has ended."""
        stdin = self._process.stdin
        if stdin is None:
            raise TypeError("a pager is fed through a pipe")
        try:
            stdin.write(line)
            stdin.flush()
        except OSError:  # EPIPE; on Windows EINVAL
            return False
        return True

    def _end(self) -> None:
        """Say that there is no more, and wait; Ctrl-C meanwhile is the pager's own affair."""
        self._is_fed = True
        while self._watcher.is_alive():
            with suppress(KeyboardInterrupt):
                self._close()
                self._watcher.join()
        self._close()

    def _close(self) -> None:
        if self._process.stdin is not None:
            with suppress(OSError):  # what is left to be written has nowhere to go
                self._process.stdin.close()

    def _watch(self) -> None:
        self._process.wait()
        if self._cancel is not None and not self._is_fed:
            self._cancel()
