"""One session: a dump, what was named so far, and how results are shown."""

from __future__ import annotations

import sys
import time
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from memq.errors import Cancelled, ImageError, MemqError, QueryError
from memq.image import Answer, Image
from memq.lang.parser import Parser
from memq.output.cells import clean
from memq.output.humane import counted
from memq.output.look import Look
from memq.printing import interruptible, texts, told
from memq.progress import Progress
from memq.run import Run
from memq.summary import summary
from memq.ui import terminal as styles
from memq.ui.pager import Screen
from memq.ui.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from memq.eval.conversation import Bound, Conversation
    from memq.hunt.case import Case
    from memq.hunt.case_query import OpenCase
    from memq.ui.terminal import Terminal


_ERROR = "error:"
_RAW_COLUMNS = 4
"""Members of structures that stand side by side on a terminal; more are drawn as trees."""


class Clock:
    """Counts the seconds that a result takes, and not those in which someone reads it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, pieces: Generator[str, None, None]) -> Iterator[str]:
        """Yield the pieces of a result; closed, it ends what gives them."""
        with closing(pieces):
            while True:
                started = time.perf_counter()
                try:
                    piece = next(pieces, None)
                finally:
                    self.seconds += time.perf_counter() - started
                if piece is None:
                    return
                yield piece


def rows_of(run: Run) -> str:
    """Say how many rows there are."""
    return counted(run.matched, "row")


class Session:
    """What commands and queries work on, a dump or a case; `open` exchanges it."""

    def __init__(self, image: Image | OpenCase, terminal: Terminal) -> None:
        self.image = image
        self.terminal = terminal
        self.case: Case | None = None
        """Where findings are kept, if somebody has said so."""
        self.found: Case | None = None
        """What the last playbook has found, where nobody has; it is gone with the session."""
        self.history: Callable[[], Iterable[str]] = tuple
        """Gives what was entered, the latest first; who asks for entries sets it."""
        self.settings = Settings()
        self.parser = Parser()
        self.is_over = False
        self.failures = 0
        """How many entries went wrong."""

    @property
    def dump(self) -> Image:
        """The dump; QueryError where a case is asked without one."""
        if not isinstance(self.image, Image):
            hint = "`.open DUMP` opens one."
            raise QueryError("This is a case, and the command speaks of a dump.", hint=hint)
        return self.image

    def open(self, image: Image | OpenCase) -> None:
        """Go on with another dump; names spoke of the one before, and are gone."""
        self.image.close()
        self.image = image
        for name in ("conversation", "fingerprint"):
            vars(self).pop(name, None)
        self.keep_findings(self.case)

    def keep_findings(self, case: Case | None) -> None:
        """Keep findings in a case from now on; those that were in none are gone."""
        for one in (self.case, self.found):
            if one is not None and one is not case:
                one.close()
        self.case, self.found = case, None

    def close(self) -> None:
        """Close all that is open."""
        self.image.close()
        self.keep_findings(None)

    @cached_property
    def fingerprint(self) -> str:
        """What findings know the dump by; of a case by itself it is empty."""
        from memq.hunt.identity import identity_of  # noqa: PLC0415 - a prompt does not wait for it

        return identity_of(self.image).fingerprint if isinstance(self.image, Image) else ""

    @cached_property
    def conversation(self) -> Conversation:
        """What was named of the dump so far."""
        from memq.eval.conversation import Conversation  # noqa: PLC0415 - a prompt does not wait for it

        return Conversation(self.image.system, self.image.kernel, self.parser)

    # What is entered

    def ask(self, text: str) -> None:
        """Check a query, run it, show what it gives, and name it."""
        bound = self.bind(text)
        if bound.plan is None or bound.named:
            self.quietly(f"`{bound.named}` is named; nothing is read until it is used")
            return
        self.run(bound)

    def is_unknown(self, text: str) -> bool:
        """Whether a word by itself is no name that was given."""
        return text.strip() not in self.conversation.binder.names.lets

    def bind(self, text: str) -> Bound:
        """Check a query, and warn of what is rarely meant."""
        bound = self.conversation.bind(text)
        for warning in bound.plan.warnings if bound.plan else ():
            self.say(f"warning: {warning}")
        return bound

    def run(self, bound: Bound) -> None:
        """Run a checked query; what is found before it fails, or is stopped, has been shown."""
        answer, look, clock = self.answer(bound), self.look(), Clock()
        is_whole = True
        with self.interruptible(answer.run) as cancel:
            try:
                screen = Screen(self.terminal, answer.run.progress)
                pager = self.settings.is_on("pager")
                pieces = clock.timed(self._texts(answer, look))
                is_whole = not screen.show(pieces, pager=pager, cancel=cancel).is_stopped
            except Cancelled:
                if not self.terminal.is_terminal:
                    raise  # what was written so far is no whole result
                is_whole = False
            except ImageError as error:
                raise MemqError(str(error)) from error
        if look.note:
            self.say(look.note)
        name = self.conversation.name_result(bound)
        self._report(answer, clock.seconds, name, is_whole=is_whole)

    def answer(self, bound: Bound) -> Answer:
        """Return the answer to a checked query, of which nothing was pulled yet."""
        if bound.plan is None:
            raise QueryError("A function is no result.", hint="Call it, or use it in a query.")
        return Answer(self.conversation.run(bound.plan, Run(self.progress())))

    def given(self, text: str) -> str:
        """Return the query that a command is given; without one, the last result."""
        if text.strip():
            return text
        if not self.conversation.results:
            raise QueryError("There is no result yet.", hint="Give a query behind the command.")
        from memq.eval.conversation import LAST  # noqa: PLC0415 - as above

        return LAST

    def look(self) -> Look:
        """Return how tables look at the moment."""
        return Look(
            self.terminal.width if self.terminal.is_terminal else None,
            dim=self.terminal.has_colours,
            humane=self.terminal.is_terminal and not self.settings.is_on("exact"),
        )

    def _texts(self, answer: Answer, look: Look) -> Generator[str, None, None]:
        """Yield the pieces of a result; nothing is sought before the first is asked for."""
        is_tree = answer.result.is_tree or (
            self.terminal.is_terminal and answer.result.raw_columns > _RAW_COLUMNS
        )
        if is_tree and self.settings["format"] == "table":
            from memq.ui.looking import outline  # noqa: PLC0415 - few results are structures

            yield from (f"{line}\n" for line in outline(self, answer))
        else:
            yield from texts(answer, self.settings["format"], look)

    def _report(self, answer: Answer, seconds: float, name: str, *, is_whole: bool) -> None:
        """Write the line below a result: rows, time, and what was undecided or cut short."""
        self.tell(answer.run)
        parts = [] if answer.result.is_single else [rows_of(answer.run)]
        if self.settings.is_on("time"):
            parts.append(f"{seconds:.2f} s")
        if not is_whole:
            parts.append("stopped before the end")
        self.quietly(f"{name}: {', '.join(parts)}" if parts else name)

    def page(self, lines: Iterable[str]) -> None:
        """Show lines, through the pager if there are many; they are made harmless."""
        pieces = (f"{clean(line)}\n" for line in lines)
        Screen(self.terminal, Progress()).show(pieces, pager=self.settings.is_on("pager"))

    # What is said

    def greet(self) -> None:
        """Say what was opened, where someone looks on; and what is odd about it."""
        if self.terminal.is_terminal:
            image = self.image
            told = summary(image) if isinstance(image, Image) else image.summary
            for line in self.terminal.wrapped(clean(told), ", "):
                self.terminal.write(self.terminal.paint(line, styles.BOLD))
        self.warn()

    def warn(self) -> None:
        """Say what is odd about the dump."""
        for warning in self.image.warnings:
            self.say(f"warning: {warning}")

    def progress(self) -> Progress:
        """Return what tells how far something long has come."""
        return Progress(sys.stderr)

    def tell(self, run: Run) -> None:
        """Say what was undecided or cut short in a run."""
        self.say(*told(run))

    def say(self, *lines: str) -> None:
        """Write lines, made harmless: they may hold names of the dump."""
        self._aside(*(part for line in lines for part in self.terminal.wrapped(clean(line))))

    def quietly(self, text: str) -> None:
        """Write a line that stands back; where no one looks on, it is left out."""
        if self.terminal.is_terminal:
            self._aside(self.terminal.paint(clean(text), styles.DIM))

    def fail(self, error: MemqError) -> None:
        """Say what went wrong; what is drawn of the query keeps its lines, the rest is wrapped."""
        self.failures += 1
        lines = str(error).split("\n") if isinstance(error, QueryError) else [str(error)]
        lines[0] = f"{_ERROR} {lines[0]}"
        told: list[str] = []
        for line in map(clean, lines):
            told += [line] if line.startswith("  ") else self.terminal.wrapped(line)
        head = told[0].removeprefix(_ERROR)
        self._aside(self.terminal.paint(_ERROR, styles.RED) + head, *told[1:])

    def _aside(self, *lines: str) -> None:
        """Write what is no result: where no one looks on, it does not stand among the results."""
        if self.terminal.is_terminal:
            self.terminal.write(*lines)
        elif hasattr(sys.stderr, "write"):  # it is None where the caller has closed it
            with suppress(OSError):
                sys.stderr.write("".join(f"memq: {line}\n" for line in lines[:1]))
                sys.stderr.write("".join(f"{line}\n" for line in lines[1:]))

    @contextmanager
    def interruptible(self, run: Run) -> Iterator[Callable[[], None]]:
        """Let Ctrl-C ask the run to stop while the block runs, as memq.printing does."""
        try:
            with interruptible(run) as stop:
                yield stop
        finally:
            if run.cancelled and self.terminal.is_terminal:
                self.terminal.stream.write("\r")  # what follows takes the place of the key's `^C`
