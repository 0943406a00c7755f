"""Entries without an editor: from a terminal that knows no control sequences, or from none."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, TextIO

from memq.errors import MemqError
from memq.ui.commands import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.ui.session import Session

PROMPT = "memq> "
CONTINUATION = "    > "
_LONGEST = 1 << 20
"""Characters of a line; one of more than 256 KB is refused by the parser."""


def standard_input() -> TextIO:
    """Return standard input, made able to take all bytes: what is no text, the parser refuses."""
    stream = sys.stdin
    if not hasattr(stream, "readline"):  # it is None where the caller has closed it
        raise MemqError("standard input is closed")
    if isinstance(stream, io.TextIOWrapper):
        encoding = stream.encoding if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors="surrogateescape")
    return stream


def lines_of(stream: TextIO) -> Iterator[str]:
    """Yield lines as they come, without their ends."""
    while line := stream.readline(_LONGEST):
        yield line.removesuffix("\n")


class PlainPrompt:
    """Asks for one entry after the other; the line is edited by the terminal itself."""

    def __init__(self, session: Session, stream: TextIO) -> None:
        """`stream` gives the lines."""
        from memq.ui.prompt import history_of  # noqa: PLC0415 - for terminals only

        self._session = session
        self._stream = stream
        self._history = history_of(session)
        session.history = self._history.load_history_strings

    def ask(self) -> str:
        """Return the next entry; KeyboardInterrupt, EOFError as the keys say."""
        text = self._line(PROMPT)
        while not is_whole(text, self._session.parser):
            text += "\n" + self._line(CONTINUATION)
        self._history.append_string(text)
        return text

    def _line(self, before: str) -> str:
        output = self._session.terminal.stream
        output.write(before)
        output.flush()
        try:
            line = self._stream.readline(_LONGEST)
        except KeyboardInterrupt:
            output.write("\n")  # the terminal has written `^C`
            raise
        if not line:
            output.write("\n")
            raise EOFError
        return line.removesuffix("\n")
