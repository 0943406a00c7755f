"""What each piece of a text is, so that it can have a colour; the grammar's own lexer cuts it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memq.errors import QueryError
from memq.lang import literals
from memq.lang.prefix import CLOSING, OPENING, WRONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from memq.lang.lexer import Token
    from memq.lang.parser import Parser

CLASSES = (
    "command", "comment", "keyword", "name", "parameter", "function", "member", "method", "number",
    "text", "regex", "time", "operator", "bracket", "error",
)  # fmt: skip
"""All that a piece can be."""

_COMMAND = re.compile(r"\s*(\.[a-z][a-z_]*)(?=\s|$)")
_COMMENT = re.compile(r"\S[^\n]*")
"""Between two tokens nothing but comments and white space stands."""
_WORDS = frozenset(("LET", "NOT", "IN", "TRUE", "FALSE", "NULL", "OR", "AND"))
_LITERALS: Mapping[str, tuple[str, Callable[[str, int], object]]] = {
    "NUMBER": ("number", literals.number),
    "STRING": ("text", literals.string),
    "RAW_STRING": ("text", literals.raw_string),
    "REGEX": ("regex", literals.regex),
    "TIME": ("time", literals.time),
}
_QUOTED = re.compile(r"t?([\"'])[\s\S]*\1")


def pieces(text: str, parser: Parser) -> list[tuple[int, int, str]]:
    """Return (start, end, class) of each piece of a text that has a colour, in their order.

    Takes any text, in time linear in its length. What is wrong is one piece, an "error"; behind it
    the rest is cut as well as can be. Literals that have no end yet are what they begin as.
    """
    command = _COMMAND.match(text)
    start = command.end() if command else 0
    found = [(command.start(1), command.end(1), "command")] if command else []
    tokens = [_moved(token, start) for token in parser.tokens(text[start:])]
    classes = _classes(tokens)
    for token, class_ in zip(tokens, classes, strict=True):
        found += _comments(text, start, token.start)
        if token.end > token.start and token.kind != "BLANK":
            found.append((token.start, token.end, class_))
        start = token.start if token.kind == "BLANK" else token.end
    return found + list(_comments(text, start, len(text)))


def _moved(token: Token, distance: int) -> Token:
    return token._replace(start=token.start + distance, end=token.end + distance)


def _comments(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for match in _COMMENT.finditer(text, start, end):
        yield match.start(), match.end(), "comment"


def _classes(tokens: list[Token]) -> list[str]:
    """Return the class of each token."""
    parameters: set[str] = set()
    found: list[str] = []
    for number, token in enumerate(tokens):
        following = tokens[number + 1].kind if number + 1 < len(tokens) else ""
        found.append(_class(token, following, parameters))
        if token.kind == "ARROW":
            for place in _head(tokens, number):
                parameters.add(tokens[place].text)
                found[place] = "parameter"
    return found


def _class(token: Token, following: str, parameters: set[str]) -> str:
    """Return the class of one token, by what follows it and by the parameters so far."""
    kind = token.kind
    is_call = following == "LPAR"
    if kind in _LITERALS:
        return _literal(token)
    if kind in ("MEMBER", "KEY"):
        return "method" if is_call else "member"
    if kind == "NAME":
        if token.text in parameters:
            return "parameter"
        return "function" if is_call else "name"
    if kind in _WORDS:
        return "keyword" if token.text.isalpha() else "operator"
    if kind in OPENING | CLOSING:
        return "bracket"
    return "error" if kind == WRONG else "operator"


def _literal(token: Token) -> str:
    """Return the class of a literal; one that has its end and is wrong is an error."""
    class_, convert = _LITERALS[token.kind]
    if token.kind != "NUMBER" and not _QUOTED.fullmatch(token.text.removeprefix("@")):
        return class_
    try:
        convert(token.text, token.start)
    except QueryError:
        return "error"
    return class_


def _head(tokens: list[Token], arrow: int) -> Iterator[int]:
    """Yield the places of a lambda's parameters, before its arrow."""
    place = arrow - 1
    if place >= 0 and tokens[place].kind == "RPAR":
        place -= 1
        while place >= 0 and tokens[place].kind in ("NAME", "COMMA"):
            if tokens[place].kind == "NAME":
                yield place
            place -= 1
    elif place >= 0 and tokens[place].kind == "NAME":
        yield place
