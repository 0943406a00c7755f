"""Text to syntax tree.

The grammar is `memq/grammar.lark`, LALR(1): nothing here recurses, however the text is nested. lark
is imported when the first Parser is made, and not before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from memq.errors import QueryError
from memq.lang import complaints
from memq.lang.limits import MAX_BYTES, MAX_NESTING
from memq.lang.place import Bracket, Place, UnfinishedError, ends_operand

if TYPE_CHECKING:
    from lark import Token
    from lark.parsers.lalr_interactive_parser import InteractiveParser

    from memq.lang.ast import Query

Completeness: TypeAlias = Literal["complete", "incomplete", "wrong"]

# What a terminal obeys instead of showing it, and what turns or hides text around it, so that a
# query could read other than it runs; strings have escapes for these.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069]"
)
_OPENING = frozenset(("LPAR", "LSQB", "LBRACE"))
_CLOSING = frozenset(("RPAR", "RSQB", "RBRACE"))
_SEPARATORS = frozenset(("SEMICOLON", "BLANK"))


class Parser:
    """The parser with its tables: 10 ms to make, so make one and keep it for all texts."""

    def __init__(self) -> None:
        """Load the tables; imports lark."""
        from memq.lang import tables  # noqa: PLC0415 (lark takes 40 ms: only for who parses)

        self._lark = tables.load()

    def parse(self, text: str) -> Query:
        """Return the tree of the text; a QueryError says what is wrong where, and what to do."""
        try:
            return self._parsed(text)
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

    def _parsed(self, text: str) -> Query:
        _check_text(text)
        reading = _Reading(text, self._lark.parse_interactive(text))
        query = reading.run()
        if not query.statements:
            raise complaints.empty()
        return query


class _Reading:
    """One text on its way through the parser, with what an error message needs to know."""

    def __init__(self, text: str, parser: InteractiveParser) -> None:
        self._text = text
        self._parser = parser
        self._brackets: list[Bracket] = []
        self._before: list[Token] = []
        self._first: Token | None = None

    def run(self) -> Query:
        """Feed token after token; what neither lexer nor parser takes becomes a complaint."""
        from lark import Token, UnexpectedCharacters, UnexpectedToken  # noqa: PLC0415 (see above)

        state = self._parser.parser_state
        try:
            for token in self._parser.lexer_thread.lex(state):  # type: ignore[no-untyped-call]
                if token.type == "BLANK" and self._brackets:
                    continue
                state.feed_token(token)
                self._note(token)
            length = len(self._text)
            end = Token("$END", "", length, end_pos=length)
            return cast("Query", state.feed_token(end, is_end=True))
        except UnexpectedToken as error:
            raise self._complaint(error.token.start_pos or 0, error.token.type) from None
        except UnexpectedCharacters as error:
            raise self._complaint(cast("int", error.pos_in_stream), None) from None

    def _note(self, token: Token) -> None:
        """Keep count of brackets and of what came last."""
        if token.type in _OPENING:
            calls = bool(self._before) and ends_operand(self._before[-1])
            self._brackets.append(Bracket(token, calls=calls))
            if len(self._brackets) > MAX_NESTING:
                raise complaints.too_deep(token)
        elif token.type in _CLOSING:
            self._brackets.pop()
        if token.type in _SEPARATORS:
            self._first = None
        elif self._first is None:
            self._first = token
        self._before = [*self._before[-1:], token]

    def _complaint(self, start: int, kind: str | None) -> QueryError:
        place = Place(
            text=self._text,
            start=start,
            kind=kind,
            accepts=frozenset(self._parser.accepts()),  # type: ignore[no-untyped-call]
            brackets=tuple(self._brackets),
            before=tuple(self._before),
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
    unseen = _UNSEEN.search(text)
    if unseen is not None:
        code = ord(unseen[0])
        escape = f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
        raise QueryError(
            f"The query holds a character that cannot be seen, U+{code:04X}, "
            f"{_position(text, unseen.start())}.",
            hint=f"In a string it is written {escape}.",
        )


def _position(text: str, place: int) -> str:
    line = text.count("\n", 0, place) + 1
    return f"in line {line}, column {place - text.rfind(chr(10), 0, place)}"
