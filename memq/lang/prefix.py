"""Texts that are not whole, or not right: read as far as they can be, without a complaint.

Completion asks what could follow a text, and closes it; highlighting cuts all of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from memq.lang.automaton import Automaton, Stack
from memq.lang.lexer import Token
from memq.lang.place import ends_operand

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from memq.lang.ast import Query
    from memq.lang.lexer import Lexer

OPENING = frozenset(("LPAR", "LSQB", "LBRACE"))
CLOSING = frozenset(("RPAR", "RSQB", "RBRACE"))
WRONG = "WRONG"
"""The kind of what can begin no token where it stands."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNFINISHED = (
    ("RAW_STRING", re.compile(r"@[\"'][\s\S]*")),
    ("TIME", re.compile(r"t[\"'][^\n]*")),
    ("STRING", re.compile(r"[\"'][^\n]*")),
    ("REGEX", re.compile(r"/[^\n]*")),
)
"""Literals whose ends are not there: each reaches as far as it could."""


def cut(
    text: str, lexer: Lexer, stack: Stack, brackets: Sequence[object], start: int = 0
) -> Generator[Token, None, int]:
    """Cut a text; each token is fed before the next one is asked for, `brackets` kept beside.

    Return where it can be cut no further: its end, where all of it could.
    """
    while True:
        token = lexer.token(text, start, stack.state)
        end = token.start if token else lexer.after_trivia(text, start)
        # What holds an empty line has two characters; within brackets no statement ends.
        if end - start > 1 and not brackets:
            blank = lexer.blank(text, start, end, stack.state)
            if blank is not None:
                # The next token's place is another one behind it.
                yield blank
                start = blank.end
                continue
        if token is None:
            return end
        yield token
        start = token.end


class Prefix:
    """What of a text the grammar takes, and what could follow.

    A word that the text ends with may go on: it is not read, but stands in `rest`, as what cannot
    be read does. Reading raises a QueryError for what no literal and no tree can be.
    """

    def __init__(self, text: str, lexer: Lexer, stack: Stack) -> None:
        self.tokens: list[Token] = []
        self.brackets: list[Token] = []
        self._text = text
        self._stack = stack
        self.end = self._read(lexer)

    @property
    def rest(self) -> str:
        """What has not been read."""
        return self._text[self.end :]

    @property
    def gap(self) -> str:
        """The spaces and comments between what was read and the rest."""
        return self._text[self.tokens[-1].end if self.tokens else 0 : self.end]

    def accepts(self) -> frozenset[str]:
        """Return the terminals that could come next."""
        return self._stack.accepts()

    def put(self, kind: str, text: str, place: int) -> bool:
        """Take a token that is not in the text, said to be at a place; False if it cannot stand."""
        token = Token(kind, text, place, place)
        if not self._stack.feed(token):
            return False
        self._note(token)
        return True

    def finish(self) -> Query | None:
        """Return the tree of what was read and put; None if more is needed."""
        fits, query = self._stack.finish()
        return cast("Query", query) if fits else None

    def _read(self, lexer: Lexer) -> int:
        cutting = cut(self._text, lexer, self._stack, self.brackets)
        while True:
            try:
                token = next(cutting)
            except StopIteration as stop:
                return cast("int", stop.value)
            is_last = token.end == len(self._text)
            if (is_last and _WORD.fullmatch(token.text)) or not self._stack.feed(token):
                return token.start
            self._note(token)

    def _note(self, token: Token) -> None:
        self.tokens.append(token)
        if token.kind in OPENING:
            self.brackets.append(token)
        elif token.kind in CLOSING:
            self.brackets.pop()


class _Nothing:
    """Makes nothing of anything: for who wants the states of the automaton alone."""

    def __getattr__(self, _name: str) -> object:
        return lambda _children: None


class Painter:
    """Cuts any text into tokens, in time linear in its length."""

    def __init__(self, automaton: Automaton, lexer: Lexer) -> None:
        self._automaton = Automaton(automaton.tables, _Nothing())
        self._lexer = lexer
        self._operand = self._state()
        self._operator = self._state("NAME")
        self._member = self._state("NAME", "DOT")

    def tokens(self, text: str) -> Iterator[Token]:
        """Yield the tokens; what stands wrong is WRONG, and the rest cut by what is before it."""
        stack = Stack(self._automaton)
        brackets: list[Token] = []
        last: Token | None = None
        at = 0
        for token in cut(text, self._lexer, stack, brackets):
            if not stack.feed(token):
                yield from self._wrong(text, token, last)
                return
            if token.kind in OPENING:
                brackets.append(token)
            elif token.kind in CLOSING:
                brackets.pop()
            yield token
            last, at = token, token.end
        yield from self._rest(text, at, last, is_first=True)

    def _wrong(self, text: str, token: Token, last: Token | None) -> Iterator[Token]:
        """Yield a token that does not fit, and what follows it."""
        yield token._replace(kind=WRONG)
        is_operand = token.kind not in OPENING | CLOSING
        yield from self._rest(text, token.end, token if is_operand else last, is_first=False)

    def _rest(
        self, text: str, start: int, last: Token | None, *, is_first: bool
    ) -> Iterator[Token]:
        """Cut what cannot be read by the grammar: each token as its neighbour asks for.

        `is_first`: what begins here is what the grammar did not take.
        """
        while True:
            state = self._after(last)
            token = None if is_first else self._lexer.token(text, start, state)
            if token is None:
                start = self._lexer.after_trivia(text, start)
                if start == len(text):
                    return
                token = self._other(text, start, state, is_first=is_first)
            yield token
            last = last if token.kind == WRONG else token
            start, is_first = token.end, False

    def _other(self, text: str, start: int, state: int, *, is_first: bool) -> Token:
        """Return the literal that is not finished, what would do elsewhere, or what is wrong."""
        token = self._lexer.token(text, start, self._operand)
        for kind, pattern in _UNFINISHED if token is None else ():
            found = pattern.match(text, start)
            if found is not None and (kind != "REGEX" or state != self._operator):
                return Token(kind, found[0], start, found.end())
        token = token or self._lexer.token(text, start, self._operator)
        if token is None:
            return Token(WRONG, text[start], start, start + 1)
        return token._replace(kind=WRONG) if is_first else token

    def _after(self, last: Token | None) -> int:
        """Return the state that stands for all places behind such a token."""
        if last is None:
            return self._operand
        if last.kind == "DOT":
            return self._member
        return self._operator if ends_operand(last) else self._operand

    def _state(self, *kinds: str) -> int:
        stack = Stack(self._automaton)
        for kind in kinds:
            stack.feed(Token(kind, "", 0, 0))
        return stack.state
