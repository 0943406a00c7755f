"""Regular expressions: RE2's, which take linear time whatever the expression and the text are.

An expression is always a literal, compiled once, when the query is bound: RE2 is imported then.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from memq.column import Column, constant
from memq.errors import Reason
from memq.eval import regex_errors
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.column import Array, Statuses
    from memq.lang import ast

MAX_PATTERN = 32 * 1024
"""Characters of an expression."""
MAX_CLASSES = 100
r"""Classes of Unicode, such as `\pL`: each has hundreds of ranges, which take RE2 long to read."""
MAX_PROGRAM = 10_000
"""Instructions of a compiled expression: each may be looked at for each character of a text."""
MAX_MEMORY = 8 << 20
"""Bytes that RE2 may take for one expression; less makes it slower, not wrong."""
MAX_MATCHES = 10_000
"""Replacements in one word: to find each may take a look at all that follows."""
MAX_WORD = 1 << 20
"""Characters of a word that a replacement makes."""

_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
r"""`\C` would find places within a character."""
_CLASS = re.compile(r"\\[pP]")


class Match(Protocol):
    """A place where an expression was found."""

    def span(self) -> tuple[int, int]:
        """Where it begins and ends, in characters."""


class Program(Protocol):
    """An expression that RE2 has compiled."""

    programsize: int
    reverseprogramsize: int

    def search(self, text: str) -> Match | None:
        """Find the expression anywhere in the text."""

    def finditer(self, text: str) -> Iterator[Match]:
        """Find it again and again, from the left."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A regular expression, compiled; two are equal if they were written alike."""

    pattern: str
    flags: str
    program: Program = field(compare=False, repr=False)

    def matches(self, text: str) -> bool:
        """Whether the expression is found anywhere in the text."""
        return self.program.search(text) is not None

    def replaced(self, text: str, new: str) -> str | Reason:
        """Put another text, as it is, in the place of all that is found; LIMIT if too much is."""
        kept, end, length = [], 0, len(text)
        for match in self.program.finditer(text):
            start, stop = match.span()
            kept.append(text[end:start])
            end, length = stop, length + len(new)
            if len(kept) > MAX_MATCHES or length > MAX_WORD:
                return Reason.LIMIT
        return new.join((*kept, text[end:]))

    def column(self, length: int) -> RegexColumn:
        """Return the argument that a method's function is given."""
        return RegexColumn(np.broadcast_to(np.int64(0), length), None, self)


@dataclass(frozen=True, slots=True)
class RegexColumn(Column):
    """The same regular expression in each row; the values mean nothing."""

    expression: Compiled | None = None

    def _with(self, values: Array, status: Statuses | None) -> RegexColumn:
        return RegexColumn(values, status, self.expression)


def literal(value: object, length: int) -> Column:
    """Return a column that holds a literal's value in every row."""
    return value.column(length) if isinstance(value, Compiled) else constant(value, length)


def compile_regex(node: ast.Regex, *, fold: bool = False) -> Compiled:
    """Compile a literal; `fold`: what it is matched with ignores case. Refuse what RE2 refuses."""
    if len(node.pattern) > MAX_PATTERN or len(_CLASS.findall(node.pattern)) > MAX_CLASSES:
        raise regex_errors.too_large(node)
    if _BYTE.search(node.pattern):
        raise regex_errors.bytewise(node)
    flags = "".join(sorted({*node.flags, *("i" if fold else "")}))
    program = _program(node, flags)
    # RE2 also runs expressions backwards, to find where a match begins.
    sizes = program.programsize, program.reverseprogramsize
    if min(sizes) < 0 or max(sizes) > MAX_PROGRAM:
        raise regex_errors.too_large(node)
    return Compiled(node.pattern, flags, program)


def _program(node: ast.Regex, flags: str) -> Program:
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - most queries have no regex

    # RE2 has an option for each flag but m.
    prefix = "(?m)" if "m" in flags else ""
    try:
        program: Program = re2.compile(prefix + node.pattern, _options(re2.Options(), flags))
    except re2.error as error:
        complaint = error.args[0].decode("utf-8", "replace")
        raise regex_errors.refused(node, complaint.replace(prefix, "", 1)) from error
    return program


def _options(options: Any, flags: str) -> Any:
    """Say how an expression is meant. Groups keep nothing: with many of them that costs minutes."""
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MAX_MEMORY
    options.case_sensitive = "i" not in flags
    options.dot_nl = "s" in flags
    return options
