"""A place where a text could not be read on, and the phrases that tell of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from memq.errors import QueryError, Span

if TYPE_CHECKING:
    from memq.lang.lexer import Token

_WORD = r"[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_]*|[=<>!&|?.*:+\-~^%/]+|@?\"[^\"\n]*\"|\S"
_OPERAND = r"[A-Za-z_0-9\"'@(\[{]"
_WORDS_THAT_END = ("NAME", "MEMBER", "TRUE", "FALSE", "NULL")
_LITERALS = ("NUMBER", "STRING", "RAW_STRING", "REGEX", "TIME")
_OPERAND_ENDS = frozenset((*_WORDS_THAT_END, *_LITERALS, "RPAR", "RSQB", "RBRACE"))
_PARTNERS = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}
_SIGNS = {
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "ASSIGN": "`=`",
}


class UnfinishedError(QueryError):
    """A text that could become a query with more written behind it."""

    def at(self, text: str) -> UnfinishedError:
        """Return the same error, placed in the text that its span speaks of."""
        return UnfinishedError(self.message, text, self.span, self.hint)


class Bracket(NamedTuple):
    """A bracket that is open, and whether it holds a call's arguments."""

    token: Token
    calls: bool

    @property
    def span(self) -> Span:
        """Its place."""
        return span_of(self.token)

    @property
    def partner(self) -> str:
        """The bracket that closes it."""
        return _PARTNERS[self.token.kind]


class Place(NamedTuple):
    """Where a text could not be read on.

    `kind` is the token's terminal, None where there is none; `accepts` the terminals that would
    have done. `before` are the last tokens, at most two, `first` is the first of the statement.
    """

    text: str
    start: int
    kind: str | None
    accepts: frozenset[str]
    brackets: tuple[Bracket, ...]
    before: tuple[Token, ...]
    first: Token | None

    @property
    def rest(self) -> str:
        """The text from here to the end of its line."""
        return self.text[self.start :].partition("\n")[0]

    @property
    def word(self) -> str:
        """The word, the number or the run of signs that stands here."""
        match = re.compile(_WORD).match(self.text, self.start)
        return match[0] if match else ""

    @property
    def span(self) -> Span:
        """The place of the word; where the text has ended, of what stands before."""
        if self.word:
            return Span(self.start, self.start + len(self.word))
        return self.before_span

    @property
    def before_span(self) -> Span:
        """The place of the token before."""
        if not self.before:
            return Span(self.start, self.start)
        return span_of(self.before[-1])

    @property
    def before_word(self) -> str:
        """The token before as it is written, or nothing."""
        return str(self.before[-1]) if self.before else ""

    @property
    def after_operand(self) -> bool:
        """Whether a value ends here, so that an operator could follow."""
        return bool(self.before) and ends_operand(self.before[-1])

    @property
    def begins_statement(self) -> bool:
        """Whether the token before is the first of its statement."""
        return bool(self.before) and self.before[-1] is self.first

    @property
    def at_operand(self) -> bool:
        """Whether something stands here that looks as a value begins."""
        return re.match(_OPERAND, self.word) is not None

    @property
    def wants_operand(self) -> bool:
        """Whether a value could begin here."""
        return "NUMBER" in self.accepts

    @property
    def wanted(self) -> str:
        """What could stand here, in words."""
        if self.accepts == {"IN"}:
            return "`in`"
        wanted: list[str] = []
        if self.wants_operand:
            wanted.append("a value")
        elif self.accepts & {"MEMBER", "NAME", "KEY"}:
            wanted.append("a name")
        if self.accepts & {"EQUALITY", "OR"}:
            wanted.append("an operator")
        wanted.extend(sign for name, sign in _SIGNS.items() if name in self.accepts)
        if self.accepts == {"ARROW"}:
            wanted.append("`=>`")
        if len(wanted) > 1:
            return f"{', '.join(wanted[:-1])} or {wanted[-1]}"
        return wanted[0] if wanted else "the end of the query"


def ends_operand(token: Token) -> bool:
    """Return whether a value can end with this token."""
    return token.kind in _OPERAND_ENDS


def span_of(token: Token) -> Span:
    """Return a token's place."""
    return Span(token.start, token.end)


def shown(word: str) -> str:
    """Return a token as a message quotes it: one line, not long."""
    line = word.partition("\n")[0]
    return line if len(line) <= 30 and line == word else f"{line[:27]}..."


def capital(phrase: str) -> str:
    """Return the phrase as a sentence begins."""
    return phrase[:1].upper() + phrase[1:]
