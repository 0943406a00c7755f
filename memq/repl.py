"""The interpreter: reads an entry, runs it, shows what comes of it, and goes on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from memq.errors import Cancelled, MemqError, QueryError
from memq.ui.commands import as_query, is_command, meant, run_command, without_dot
from memq.ui.log import log_failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.lang.parser import Completeness
    from memq.ui.session import Session


def interpret(session: Session) -> int:
    """Run the interpreter; returns the program's exit status."""
    if not hasattr(sys.stdin, "isatty"):  # it is None where the caller has closed it
        raise MemqError("standard input is closed")
    if not (sys.stdin.isatty() and session.terminal.is_terminal):
        return _read(session)
    from memq.ui.prompt import Prompt  # noqa: PLC0415 - prompt_toolkit, for terminals only

    session.greet()
    prompt = Prompt(session)
    while not session.is_over:
        try:
            text = prompt.ask()
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
        enter(session, text)
        if text.strip() and not session.is_over:
            session.terminal.write("")
    return 0


def enter(session: Session, text: str) -> None:
    """Run one entry; whatever goes wrong with it, the session goes on."""
    try:
        if session.parser.is_empty(text):
            return
        habit = meant(text)
        if is_command(habit) and (habit == text or session.is_unknown(text)):
            text = habit
        if is_command(text):
            run_command(session, text)
        else:
            _ask(session, text)
    except (Cancelled, KeyboardInterrupt):
        session.quietly("stopped")
    except MemqError as error:
        session.fail(error)
    except Exception as error:  # a mistake of ours must not cost the user's session
        if isinstance(error, OSError) and not session.terminal.is_terminal:
            raise  # whoever reads the output has seen enough, or can take no more
        place = log_failure(text, error)
        kind = type(error).__name__
        session.fail(MemqError(f"this is a mistake in memq ({kind}); what it did is in {place}"))


def _ask(session: Session, text: str) -> None:
    """Ask a query; QueryError says, too, if it would be a command with a dot before it."""
    try:
        session.ask(as_query(text))
    except QueryError as error:
        command = without_dot(text)
        if not command:
            raise
        hint = f"Commands begin with a dot: `{command}`."
        raise QueryError(error.message, error.text, error.span, hint) from None


def _read(session: Session) -> int:
    """Run what standard input holds, entry by entry; 1 if any of them failed."""
    for text in entries(session, sys.stdin.read(_LONGEST)):
        enter(session, text)
        if session.is_over:
            break
    return 1 if session.failures else 0


def _is_word(line: str) -> bool:
    """Whether a line is `help` or `exit`; one that ends in `?` may go on, where nobody sees it."""
    return meant(line) != line and not line.rstrip().endswith("?")


_LONGEST = 1 << 20
"""Characters that are read of standard input."""


def entries(session: Session, text: str) -> Iterator[str]:
    """Cut a text into entries: a command is a line, a query as many as can be read as one.

    What follows an empty line, where a query can end, begins anew.
    """
    held = ""

    def complete(text: str) -> Completeness:
        return session.parser.is_complete(as_query(text))

    for line in text.splitlines():
        joined = f"{held}\n{line}" if held else line
        ends = held and complete(held) != "incomplete"
        begins = is_command(line) or _is_word(line)
        if ends and (not line.strip() or begins or complete(joined) == "wrong"):
            yield held
            joined = line
        held = joined if joined.strip() else ""
        if held == line and begins:
            yield held
            held = ""
    if held:
        yield held
