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
        """Compile what all texts need."""
        self._tables = tables
        self._trivia = re.compile(f"(?:{tables.terminals[_TRIVIA]})?")
        self._compiled: dict[str, re.Pattern[str]] = {}

    def after_trivia(self, text: str, start: int) -> int:
        """Return where the spaces and comments end that begin here, if any do."""
        match = self._trivia.match(text, start)
        return match.end() if match else start

    def blank(self, text: str, start: int, end: int, state: int) -> Token | None:
        """Return what lies between two tokens as the end of a statement, if it is one."""
        if _BLANK not in self._tables.states[state] or text.count("\n", start, end) < 2:
            return None
        return self._match(_BLANK, (_BLANK,), text, start)

    def token(self, text: str, start: int, state: int) -> Token | None:
        """Return the token that begins here, None where none of this place's terminals does."""
        kind = self._tables.place_of[state]
        return self._match(kind, self._tables.places[kind], text, start)

    def elsewhere(self, text: str, start: int) -> str | None:
        """Return the terminal that would begin here in some other place."""
        token = self._match("", self._tables.terminals, text, start)
        return token.kind if token else None

    def _match(self, place: str, names: Iterable[str], text: str, start: int) -> Token | None:
        pattern = self._compiled.get(place)
        if pattern is None:
            terminals = self._tables.terminals
            pattern = re.compile("|".join(f"(?P<{name}>{terminals[name]})" for name in names))
            self._compiled[place] = pattern
        match = pattern.match(text, start)
        if match is None or match.lastgroup is None:
            return None
        return Token(match.lastgroup, match[0], start, match.end())
