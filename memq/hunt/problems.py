"""What is wrong with a rule, with its place: file, line, column, and the line with a caret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import QueryError, Span
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 100
"""Problems that are told of one file: a hostile one could have thousands."""
_LONGEST = 60
"""Characters of a rule's text that a sentence repeats."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file of rules, and the file's name as people are told it."""

    name: str
    text: str
    is_proven: bool = False
    """Whether all in it is known to be right."""

    def place(self, span: Span) -> str:
        """Return FILE:LINE:COLUMN of where a span starts, both counted from 1."""
        line = self.text.count("\n", 0, span.start) + 1
        column = span.start - self.text.rfind("\n", 0, span.start)
        return f"{self.name}:{line}:{column}"


class RuleError(QueryError):
    """One thing that is wrong with a file of rules; str() is what people are told."""

    def __init__(self, message: str, source: Source, span: Span | None, hint: str | None) -> None:
        """Without a span, the whole file is meant."""
        super().__init__(message, source.text, span, hint)
        self.source = source

    @property
    def place(self) -> str:
        """FILE:LINE:COLUMN, or FILE."""
        return self.source.name if self.span is None else self.source.place(self.span)

    def __str__(self) -> str:
        told = f"{self.place}: {' '.join(filter(None, (self.message, self.hint)))}"
        # A query's error draws its line below a message; here the message stands with the place.
        _, *drawn = str(QueryError("", self.text, self.span)).split("\n")
        return "\n".join((told, *drawn))


class Problems:
    """Collects what is wrong with one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.warnings: list[RuleError] = []
        """What is right, and rarely means what it says."""
        self.left: dict[Span, RuleError] = {}
        """What can only be checked with a dump."""
        self._found: list[RuleError] = []
        self._count = 0

    def add(self, message: str, span: Span | None = None, hint: str | None = None) -> None:
        """Note a problem: a sentence, its place in the text, and a sentence on what to do."""
        self._count += 1
        if self._count <= _MOST:
            self._found.append(RuleError(message, self.source, span, hint))

    @property
    def is_full(self) -> bool:
        """Whether what is noted from here on is only counted."""
        return self._count >= _MOST

    def warn(self, message: str, span: Span) -> None:
        """Note what is worth a second look."""
        if len(self.warnings) < _MOST:
            self.warnings.append(RuleError(f"Warning: {message}.", self.source, span, None))

    def leave(self, span: Span) -> None:
        """Note a text that speaks of the kernel's own structures: there is none to check it by."""
        if len(self.left) < _MOST:
            message = "This speaks of the kernel's own structures: it is checked when it is run."
            self.left[span] = RuleError(message, self.source, span, None)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[RuleError]:
        """Give them in the order of their places."""
        yield from sorted(self._found, key=lambda error: error.span.start if error.span else 0)
        if self._count > _MOST:
            message = f"There are {self._count - _MOST} more problems in this file."
            yield RuleError(message, self.source, None, "Mend these first.")


def quoted(text: str) -> str:
    """Return a rule's own text as a sentence repeats it: in one line, and not at length."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= _LONGEST else line[: _LONGEST - 3] + '...'}`"
