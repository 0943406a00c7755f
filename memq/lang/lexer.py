"""Text to tokens, each cut as its place in the grammar asks for.

`/` divides after an operand and opens a regular expression elsewhere; after a `.` every word is a
name. So the parser's state goes in with each question. There are five kinds of places, each with
one regular expression, compiled when a text first comes to such a place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memq.lang.tables import Tables

_BLANK = "BLANK"
_TRIVIA = "TRIVIA"


class Token(NamedTuple):
    """A piece of the text: which terminal of the grammar it is, and where it stands."""

    kind: str
    text: str
    start: int
    end: int

    def __str__(self) -> str:
        """Return it as it is written."""
        return self.text


class Lexer:
    """The terminals of the grammar; holds the expressions that were compiled."""

    def __init__(self, tables: Tables) -> None:
        """Compile nothing yet."""
        self._tables = tables
        self._compiled: dict[str, re.Pattern[str]] = {}
        self._places: list[re.Pattern[str] | None] = [None] * len(tables.states)

    def token(self, text: str, start: int, state: int) -> Token | None:
        """Return the token behind the spaces and comments here; None where none can stand."""
        pattern = self._places[state]
        if pattern is None:
            kind = self._tables.place_of[state]
            pattern = self._places[state] = self._pattern(kind, self._tables.places[kind])
        return _matched(pattern, text, start)

    def blank(self, text: str, start: int, end: int, state: int) -> Token | None:
        """Return what lies between two tokens as the end of a statement, if it is one."""
        if _BLANK not in self._tables.states[state] or text.count("\n", start, end) < 2:
            return None
        pattern = self._compile(_BLANK, f"(?P<{_BLANK}>{self._tables.terminals[_BLANK]})")
        return _matched(pattern, text, start)

    def after_trivia(self, text: str, start: int) -> int:
        """Return where the spaces and comments end that begin here, if any do."""
        match = self._compile(_TRIVIA, self._trivia).match(text, start)
        return match.end() if match else start

    def elsewhere(self, text: str, start: int) -> str | None:
        """Return the terminal that would begin here in some other place."""
        token = _matched(self._pattern("", self._tables.terminals), text, start)
        return token.kind if token else None

    @property
    def _trivia(self) -> str:
        return f"(?:{self._tables.terminals[_TRIVIA]})?"

    def _pattern(self, name: str, kinds: Iterable[str]) -> re.Pattern[str]:
        """Return the expression of some terminals, spaces and comments before them."""
        terminals = self._tables.terminals
        choices = "|".join(f"(?P<{kind}>{terminals[kind]})" for kind in kinds)
        return self._compile(name, f"{self._trivia}(?:{choices})")

    def _compile(self, name: str, pattern: str) -> re.Pattern[str]:
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = self._compiled[name] = re.compile(pattern)
        return compiled


def _matched(pattern: re.Pattern[str], text: str, start: int) -> Token | None:
    match = pattern.match(text, start)
    if match is None or (kind := match.lastgroup) is None:
        return None
    return Token(kind, match[kind], match.start(kind), match.end())
