"""Texts that are not whole, or not right: what was read of them, and how the rest is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import QueryError
from memq.lang.prefix import WRONG
from memq.lang.tables import END

if TYPE_CHECKING:
    from memq.lang.parser import Parser


@pytest.mark.parametrize(
    ("text", "read", "rest"),
    [
        ("", [], ""),
        ("process", [], "process"),
        ("process ", ["process"], ""),
        ("process.Whe", ["process", "."], "Whe"),
        ("process.Where(not", ["process", ".", "Where", "("], "not"),
        ("process.Where(pid = 1)", ["process", ".", "Where", "(", "pid"], "= 1)"),
        ('a == "b', ["a", "=="], '"b'),
        ("a == 12", ["a", "==", "12"], ""),
        ("a // b", ["a"], ""),
        ("a b c", ["a"], "b c"),
    ],
)
def test_what_is_read(text: str, read: list[str], rest: str, parser: Parser) -> None:
    prefix = parser.prefix(text)
    assert [token.text for token in prefix.tokens] == read
    assert prefix.rest == rest


def test_what_could_follow(parser: Parser) -> None:
    assert parser.prefix("process.").accepts() == {"MEMBER"}
    assert {"NAME", "LET", END} <= parser.prefix("").accepts()
    assert "LET" not in parser.prefix("process.Where(").accepts()
    assert END not in parser.prefix("process.Where(").accepts()


def test_what_is_put_makes_a_text_whole(parser: Parser) -> None:
    prefix = parser.prefix("process.Where(pid == ")
    assert prefix.finish() is None
    prefix = parser.prefix("process.Where(pid == ")
    assert [bracket.text for bracket in prefix.brackets] == ["("]
    assert not prefix.put("RPAR", ")", 30)
    assert prefix.put("NUMBER", "1", 30)
    assert prefix.put("RPAR", ")", 30)
    assert prefix.brackets == []
    assert prefix.finish() == parser.parse("process.Where(pid == 1)")


def test_between_what_was_read_and_the_rest(parser: Parser) -> None:
    assert parser.prefix("a  // b\n c").gap == "  // b\n "
    assert parser.prefix("a.").gap == ""


def test_what_no_literal_can_be_is_refused(parser: Parser) -> None:
    with pytest.raises(QueryError):
        parser.prefix("12ab + ")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a.b", ["NAME", "DOT", "MEMBER"]),
        ("a = b.c / d", ["NAME", WRONG, "NAME", "DOT", "MEMBER", "SLASH", "NAME"]),
        ("a b(/x/)", ["NAME", WRONG, "LPAR", "REGEX", "RPAR"]),
        ("a) == 'b", ["NAME", WRONG, "EQUALITY", "STRING"]),
        ("a $$ @'b", ["NAME", WRONG, WRONG, "RAW_STRING"]),
        ("x(/b", ["NAME", "LPAR", "REGEX"]),
        ("let b = c\n\nd;", ["LET", "NAME", "ASSIGN", "NAME", "BLANK", "NAME", "SEMICOLON"]),
    ],
)  # fmt: skip
def test_all_of_a_text_is_cut(text: str, kinds: list[str], parser: Parser) -> None:
    assert [token.kind for token in parser.tokens(text)] == kinds
