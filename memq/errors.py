"""Every error that memq raises, and every reason why a value is not known.

MemqError                 exit status 1, a failure while running
    QueryError            2, the text of a query or of the command line, with the place in it
    ImageError            3, a dump that cannot be opened
        SymbolError       3, no kernel, or none whose types can be read, was found in it
    CaseError             1, a case file that cannot be read or written
    Cancelled             1, the user stopped the run

An error is for what stops everything. What concerns one value is a Reason in that value's column.
"""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Why a place of a column holds no value; the numbers are what columns store."""

    KNOWN = 0
    NULL = 1
    NOT_IN_DUMP = 2
    PAGED_OUT = 3
    MALFORMED = 4
    NOT_IN_KERNEL = 5
    LIMIT = 6
    LOOP = 7
    MISCOUNTED = 8
    OVERFLOW = 9
    DIVISION_BY_ZERO = 10
    CUT_SHORT = 11
    NOT_SINGLE = 12
    STOPPED = 13
    NOT_MAPPED = 14
    DEMAND_ZERO = 15
    IN_FILE = 16
    IN_PAGE_FILE_0 = 17
    IN_PAGE_FILE_1 = 18
    IN_PAGE_FILE_2 = 19
    IN_PAGE_FILE_3 = 20
    IN_PAGE_FILE_4 = 21
    IN_PAGE_FILE_5 = 22
    IN_PAGE_FILE_6 = 23
    IN_PAGE_FILE_7 = 24
    IN_PAGE_FILE_8 = 25
    IN_PAGE_FILE_9 = 26
    IN_PAGE_FILE_10 = 27
    IN_PAGE_FILE_11 = 28
    IN_PAGE_FILE_12 = 29
    IN_PAGE_FILE_13 = 30
    IN_PAGE_FILE_14 = 31
    IN_PAGE_FILE_15 = 32

    @property
    def text(self) -> str:
        """The reason as people read it."""
        number = self - Reason.IN_PAGE_FILE_0  # they stand in a row, last of all
        return _REASON_TEXTS[self] if number < 0 else f"in page file {number}, not given"


_REASON_TEXTS = {
    Reason.KNOWN: "known",
    Reason.NULL: "no value",
    Reason.NOT_IN_DUMP: "memory not in the dump",
    Reason.PAGED_OUT: "paged out",
    Reason.MALFORMED: "malformed data",
    Reason.NOT_IN_KERNEL: "not in this kernel's types",
    Reason.LIMIT: "beyond the limit of the walk",
    Reason.LOOP: "the structure loops",
    Reason.MISCOUNTED: "the kernel's own count differs",
    Reason.OVERFLOW: "number does not fit 64 bits",
    Reason.DIVISION_BY_ZERO: "division by zero",
    Reason.CUT_SHORT: "collection was cut short",
    Reason.NOT_SINGLE: "there is more than one element",
    Reason.STOPPED: "stopped by the user",
    Reason.NOT_MAPPED: "no memory is mapped there",
    Reason.DEMAND_ZERO: "never used: would read as zeros",
    Reason.IN_FILE: "not read in from its file",
}


class MemqError(Exception):
    """A failure that is told in one line."""

    exit_status = 1


class ImageError(MemqError):
    """A file that is no dump, or one that cannot be read; says what was found in it."""

    exit_status = 3


class SymbolError(ImageError):
    """A dump in which no kernel, or not the facts that are needed of it, could be found."""


class CaseError(MemqError):
    """A case file that is none, or that cannot be read or written; says what to do."""


class Cancelled(MemqError):  # noqa: N818 - no error, but what the user asked for
    """The user stopped the run."""


class Span:
    """A place in a query's text: half-open character offsets, which nobody changes.

    Written out, so that `memq --help` does without the import of dataclasses.
    """

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Span):
            return NotImplemented
        return (self.start, self.end) == (other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __repr__(self) -> str:
        return f"Span({self.start}, {self.end})"


class QueryError(MemqError):
    """A query that cannot be run as it is written; str() draws the line with a caret."""

    exit_status = 2

    def __init__(
        self, message: str, text: str = "", span: Span | None = None, hint: str | None = None
    ) -> None:
        """`span` is the place in `text`; `hint` one sentence on what to write instead."""
        super().__init__(message)
        self.message = message
        self.text = text
        self.span = span
        self.hint = hint
        self.calls: tuple[tuple[str, Span], ...] = ()
        """Where the functions in whose bodies it is were called, the innermost first."""

    def at(self, text: str) -> QueryError:
        """Return the same error, placed in the text that its span speaks of."""
        error = QueryError(self.message, text, self.span, self.hint)
        error.calls = self.calls
        return error

    def called(self, name: str, span: Span) -> QueryError:
        """Return the same error, said to be in a function that is called at a place."""
        error = self.at(self.text)
        error.calls = (*self.calls, (name, span))
        return error

    def __str__(self) -> str:
        lines = [self.message]
        if self.span is not None and self.text:
            lines.append(_excerpt(self.text, self.span))
        if self.hint:
            lines.append(self.hint)
        for name, span in self.calls[:_MOST_CALLS] if self.text else ():
            lines += [f"This is in `{name}`, which is called here:", _excerpt(self.text, span)]
        return "\n".join(lines)


_MOST_CALLS = 3


def _excerpt(text: str, span: Span) -> str:
    """Draw the line that holds the start of the span, cut to 100 columns, a caret line below it."""
    position = min(span.start, len(text))
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : len(text) if end < 0 else end]
    column = position - start
    width = max(1, min(span.end - span.start, len(line) - column))
    cut = max(0, column - 60)
    line, column = line[cut : cut + 100].replace("\t", " "), column - cut
    return f"  {line}\n  {' ' * column}{'^' * min(width, max(1, 100 - column))}"


class NoKernelError(QueryError):
    """A query that speaks of a kernel's own types or symbols, where no kernel is."""

    def at(self, text: str) -> QueryError:
        """Return the same error, placed in the text that its span speaks of."""
        error = NoKernelError(self.message, text, self.span, self.hint)
        error.calls = self.calls
        return error
