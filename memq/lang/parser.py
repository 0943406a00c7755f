"""Text to syntax tree.

The grammar is `memq/grammar.lark`, LALR(1): nothing here recurses, however the text is nested. Its
tables are made ahead, so that no query waits for lark.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from memq.errors import QueryError
from memq.lang import tables
from memq.lang.automaton import Automaton, Stack
from memq.lang.builder import Builder
from memq.lang.lexer import Lexer, Token
from memq.lang.limits import MAX_BYTES, MAX_NESTING, MAX_STACK, too_deep
from memq.lang.place import Bracket, Place, UnfinishedError, ends_operand, span_of
from memq.lang.prefix import CLOSING, OPENING, Painter, Prefix, cut
from memq.lang.tables import END

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.lang.ast import Query

Completeness: TypeAlias = Literal["complete", "incomplete", "wrong"]

# What a terminal obeys instead of showing it, and what turns or hides text around it, so that a
# query could read other than it runs; strings have escapes for these.
_UNSEEN = (
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069]"
)
_SEPARATORS = frozenset(("SEMICOLON", "BLANK"))


class Parser:
    """The parser with its tables: some milliseconds to make, so make one and keep it."""

    def __init__(self) -> None:
        """Load the tables."""
        loaded = tables.load()
        self._automaton = Automaton(loaded, Builder())
        self._lexer = Lexer(loaded)
        self._painter: Painter | None = None

    def parse(self, text: str, start: int = 0) -> Query:
        """Return the tree of the text; a QueryError says what is wrong where, and what to do.

        What stands before `start` is not read, and counts where the tree says where it is from.
        """
        try:
            return self._parsed(text, start)
        except QueryError as error:
            raise error.at(text) from None

    def is_complete(self, text: str) -> Completeness:
        """Return whether the text can be run, could be with more behind it, or cannot be."""
        try:
            self._parsed(text)
        except UnfinishedError:
            return "incomplete"
        except QueryError:
            return "wrong"
        return "complete"

    def is_empty(self, text: str) -> bool:
        """Whether there is nothing in the text but white space and comments."""
        return self._lexer.after_trivia(text, 0) == len(text)

    def prefix(self, text: str) -> Prefix:
        """Read a text that may go on; QueryError for what no literal and no tree can be."""
        return Prefix(text, self._lexer, Stack(self._automaton))

    def tokens(self, text: str) -> Iterator[Token]:
        """Cut any text into tokens, also where it is wrong (`prefix.WRONG`)."""
        if self._painter is None:
            self._painter = Painter(self._automaton, self._lexer)
        return self._painter.tokens(text)

    def _parsed(self, text: str, start: int = 0) -> Query:
        _check_text(text[start:])
        query = _Reading(text, self._lexer, Stack(self._automaton)).run(start)
        if not query.statements:
            raise UnfinishedError(
                "The query is empty.",
                hint="A query begins with a source, such as `process.Take(3)`.",
            )
        return query


class _Reading:
    """One text on its way through the parser, with what an error message needs to know."""

    def __init__(self, text: str, lexer: Lexer, stack: Stack) -> None:
        self._text = text
        self._lexer = lexer
        self._stack = stack
        self._brackets: list[Bracket] = []
        self._last_but_one: Token | None = None
        self._last: Token | None = None
        self._first: Token | None = None

    def run(self, start: int) -> Query:
        """Feed token after token; what neither lexer nor parser takes becomes a complaint."""
        for token in self._tokens(start):
            if not self._stack.feed(token):
                raise self._complaint(token.start, token.kind)
            self._note(token)
            if self._stack.height > MAX_STACK:
                raise too_deep(span_of(token))
        fits, query = self._stack.finish()
        if not fits:
            raise self._complaint(len(self._text), END)
        return cast("Query", query)

    def _tokens(self, start: int) -> Iterator[Token]:
        """Cut the text; each token is fed before the next one is asked for."""
        text, lexer = self._text, self._lexer
        end = yield from cut(text, lexer, self._stack, self._brackets, start)
        if end < len(text):
            raise self._complaint(end, lexer.elsewhere(text, end))

    def _note(self, token: Token) -> None:
        """Keep count of brackets and of what came last."""
        kind = token.kind
        if kind in OPENING:
            calls = self._last is not None and ends_operand(self._last)
            self._brackets.append(Bracket(token, calls=calls))
            if len(self._brackets) > MAX_NESTING:
                raise _too_many_brackets(token)
        elif kind in CLOSING:
            self._brackets.pop()
        if kind in _SEPARATORS:
            self._first = None
        elif self._first is None:
            self._first = token
        self._last_but_one, self._last = self._last, token

    def _complaint(self, start: int, kind: str | None) -> QueryError:
        from memq.lang import complaints  # noqa: PLC0415 (only a wrong query waits for it)

        place = Place(
            text=self._text,
            start=start,
            kind=kind,
            accepts=self._stack.accepts(),
            brackets=tuple(self._brackets),
            before=tuple(token for token in (self._last_but_one, self._last) if token),
            first=self._first,
        )
        return complaints.explain(place)


def parse(text: str) -> Query:
    """Return the tree of a single text; who has many keeps a Parser."""
    return Parser().parse(text)


def _check_text(text: str) -> None:
    """Refuse what is too long, or holds characters that cannot be encoded or seen.

    These errors have no span: who shows the line would send such a character to the terminal.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise QueryError(
            f"The query holds bytes that are not UTF-8 text, {_position(text, error.start)}."
        ) from None
    if size > MAX_BYTES:
        raise QueryError(
            f"The query has {size:,} bytes; the limit is {MAX_BYTES:,} ({MAX_BYTES >> 10} KB)."
        )
    unseen = None if text.isascii() and text.isprintable() else re.search(_UNSEEN, text)
    if unseen is not None:
        code = ord(unseen[0])
        escape = f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
        raise QueryError(
            f"The query holds a character that cannot be seen, U+{code:04X}, "
            f"{_position(text, unseen.start())}.",
            hint=f"In a string it is written {escape}.",
        )


def _too_many_brackets(token: Token) -> QueryError:
    return QueryError(
        f"The brackets are nested deeper than {MAX_NESTING}.",
        span=span_of(token),
        hint="Name a part of the query with `let`, and use the name here.",
    )


def _position(text: str, place: int) -> str:
    line = text.count("\n", 0, place) + 1
    return f"in line {line}, column {place - text.rfind(chr(10), 0, place)}"
