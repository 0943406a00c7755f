"""The interpreter: reads an entry, runs it, shows what comes of it, and goes on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, TextIO

from memq import garbage
from memq.errors import Cancelled, MemqError, QueryError
from memq.ui.commands import as_query, is_command, meant, run_command, without_dot
from memq.ui.log import log_failure
from memq.ui.plain import PlainPrompt, lines_of, standard_input

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.lang.parser import Completeness
    from memq.ui.prompt import Prompt
    from memq.ui.session import Session


def interpret(session: Session) -> int:
    """Run the interpreter; returns the program's exit status."""
    stream = standard_input()
    if not (stream.isatty() and session.terminal.is_terminal):
        garbage.collect()
        return _read(session, stream)
    _hear_interrupts()
    session.greet()
    prompt = _prompt(session, stream)
    garbage.collect()
    while not session.is_over:
        try:
            text = prompt.ask()
            enter(session, text)
            if text.strip() and not session.is_over:
                session.terminal.write("")
        except KeyboardInterrupt:  # also one that comes when an entry has just ended
            continue
        except EOFError:
            break
    return 0


def _hear_interrupts() -> None:
    """Have Ctrl-C mean something, though who started memq ignores it, as shells do in scripts.

    Somebody types here, and it is theirs.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _prompt(session: Session, stream: TextIO) -> Prompt | PlainPrompt:
    if session.terminal.is_dumb:
        return PlainPrompt(session, stream)
    from memq.ui.prompt import Prompt  # noqa: PLC0415 - prompt_toolkit, for terminals only

    return Prompt(session)


def enter(session: Session, text: str) -> None:
    """Run one entry; whatever goes wrong with it, the session goes on.

    Where no one looks on, what is stopped ends the session, and so does output that cannot be
    written: Cancelled, KeyboardInterrupt, OSError.
    """
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
        if not session.terminal.is_terminal:
            raise
        session.quietly("stopped")
    except MemqError as error:
        session.fail(error)
    except OSError as error:
        if not session.terminal.is_terminal:
            raise
        _confess(session, text, error)
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not cost the user's session
        _confess(session, text, error)


def _ask(session: Session, text: str) -> None:
    """Ask a query; QueryError says, too, if it would be a command with a dot before it."""
    query = as_query(text)
    if query != text and not session.conversation.results:
        raise QueryError(
            "There is no result yet.", hint="A line that begins so goes on with the last one."
        )
    try:
        session.ask(query)
    except QueryError as error:
        command = without_dot(text)
        if not command:
            raise
        hint = f"Commands begin with a dot: `{command}`."
        raise QueryError(error.message, error.text, error.span, hint) from None


def _confess(session: Session, text: str, error: Exception) -> None:
    """Say that memq is wrong, and where the details are."""
    place, kind = log_failure(text, error), type(error).__name__
    session.fail(MemqError(f"this is a mistake in memq ({kind}); what it did is in {place}"))


def _read(session: Session, stream: TextIO) -> int:
    """Run what a stream holds, entry by entry; 1 if any of them failed."""
    session.warn()
    for text in entries(session, lines_of(stream)):
        enter(session, text)
        if session.is_over:
            break
    return 1 if session.failures else 0


def _is_word(line: str) -> bool:
    """Whether a line is `help` or `exit`; one that ends in `?` may go on, where nobody sees it."""
    return meant(line) != line and not line.rstrip().endswith("?")


def entries(session: Session, lines: Iterable[str]) -> Iterator[str]:
    """Cut lines into entries: a command is a line, a query as many as can be read as one.

    What follows an empty line, where a query can end, begins anew.
    """
    held, ends = "", False

    def state(text: str) -> Completeness:
        return session.parser.is_complete(as_query(text))

    for line in lines:
        if not held and not line.strip():
            continue
        joined = f"{held}\n{line}" if held else line
        follows, begins = state(joined), is_command(line) or _is_word(line)
        if ends and (not line.strip() or begins or follows == "wrong"):
            yield held
            joined, follows = line, state(line)
        held = joined if joined.strip() else ""
        ends = bool(held) and follows != "incomplete"
        if held == line and begins:
            yield held
            held, ends = "", False
    if held:
        yield held
