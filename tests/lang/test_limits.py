"""Limits of a text, texts of all kinds, and whether a text is finished."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memq.errors import QueryError
from memq.lang import limits
from memq.lang.ast import And, ListLiteral, Name, Number, Or
from memq.lang.printer import write
from tests.lang.texts import SEED, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.lang.parser import Parser


@pytest.mark.parametrize(
    "nest",
    [
        lambda n: "(" * n + "a" + ")" * n,
        lambda n: "[" * n + "]" * n,
        lambda n: "{a:" * n + "1" + "}" * n,
        lambda n: "f(" * n + "a" + ")" * n,
        lambda n: "a.W(" * n + "b" + ")" * n,
        lambda n: "!(" * n + "b" + ")" * n,
        lambda n: "a[" * n + "0" + "]" * n,
        # What has most symbols waiting in each bracket.
        lambda n: "{a: 1, b: 1, c: " * n + "1" + "}" * n,
        lambda n: "(" * (n - 1) + "f(" + "a, b, " + "-" * (n - 1) + "c)" + ")" * (n - 1),
        lambda n: "(" * n + "!" * n + "a" + ")" * n,
    ],
)
def test_brackets_nest_to_the_limit(parser: Parser, nest: Callable[[int], str]) -> None:
    query = parser.parse(nest(limits.MAX_NESTING))
    assert query == parser.parse(write(query))
    assert hash(query) == hash(parser.parse(write(query)))
    with pytest.raises(QueryError, match="nested deeper than 200"):
        parser.parse(nest(limits.MAX_NESTING + 1))


LONG = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * LONG,
        "a" + "()" * LONG,
        "a" + "[0]" * LONG,
        "!" * LONG + "a",
        "-" * LONG + "a",
        "not " * LONG + "a",
        "a=>" * LONG + "a",
        "a?b:" * LONG + "c",
        "a??" * LONG + "b",
        *(f"a{operator}" * LONG + "b" for operator in ("==", "|", "^", "&", "<<", "+", "*")),
    ],
    ids=lambda text: text[:8],
)
def test_long_chains_are_refused(parser: Parser, text: str) -> None:
    with pytest.raises(QueryError, match="nested deeper, or chained longer, than 200") as caught:
        parser.parse(text)
    # Where they grow too long, not at their end.
    span = caught.value.span
    assert span is not None
    assert span.start < 5 * limits.MAX_STACK


def test_chains_may_be_as_long_as_brackets_deep(parser: Parser) -> None:
    text = "a" + " + 1" * limits.MAX_NESTING
    assert write(parser.parse(text)) == text


@pytest.mark.parametrize("sign", ["||", "&&", " or ", " and "])
def test_conditions_have_no_limit_but_the_text(parser: Parser, sign: str) -> None:
    (group,) = parser.parse(sign.join(["a"] * LONG)).statements
    assert isinstance(group, And | Or)
    assert group.operands == (Name("a"),) * LONG
    bracketed = parser.parse(sign.join(["(a)"] * 3)).statements
    assert bracketed == parser.parse(sign.join(["a"] * 3)).statements


def test_lists_have_no_limit_but_the_text(parser: Parser) -> None:
    (items,) = parser.parse("[" + "1," * LONG + "]").statements
    assert items == ListLiteral((Number(1),) * LONG)


def test_the_text_has_a_limit_in_bytes(parser: Parser) -> None:
    fits = "'" + "é" * (limits.MAX_BYTES // 2 - 1) + "'"
    assert parser.is_complete(fits) == "complete"
    with pytest.raises(QueryError, match="262,145 bytes; the limit is 262,144"):
        parser.parse(fits + " ")


def filled(piece: str, before: str = "", after: str = "") -> str:
    """As many pieces as a text may hold."""
    room = limits.MAX_BYTES - len(before + after)
    return before + piece * (room // len(piece)) + after


@pytest.mark.parametrize("piece", ["(", "[", "{a:", "f(", "a.W(", "(1+", "f(p=>", "!(", "[[[["])
def test_open_brackets_are_refused_where_they_are_too_many(parser: Parser, piece: str) -> None:
    with pytest.raises(QueryError, match="The brackets are nested deeper than 200") as caught:
        parser.parse(filled(piece))
    span = caught.value.span
    assert span is not None
    assert span.end <= len(piece) * (limits.MAX_NESTING + 1)


@pytest.mark.parametrize(
    "text",
    [
        filled(".a", "a"),
        filled("a."),
        filled("!"),
        filled("a?"),
        filled("a&&"),
        filled("a&&b||", after="c"),
        filled("1,", "[", "]"),
        filled("a:1,", "{", "}"),
        filled('"\\n",', "[", "]"),
        filled("\\n", '"', '"'),
        filled("\\\\", "/", "/"),
        filled('""', '@"', '"'),
        filled("9"),
        filled("a;"),
        filled(";"),
        filled("a\n\n"),
        filled("//\n"),
        filled("//\n\n", "a", ".b"),
        filled("\n", "a", ".b"),
        filled("a\n"),
        filled("a "),
        filled(" x", "select"),
        "a" + "\n" * 250_000 + ".b",
        "a" + "#\n\n" * 80_000 + ".b",
        "a" + " \n" * 120_000 + ")",
        "f(" + "\n\n//\n" * 50_000 + "a)",
        '"' + "a" * 250_000,
        "/" + "[a]" * 80_000,
        "(" + ",".join(f"a{i}" for i in range(30_000)) + ") => 1",
        ";select" * 30_000 + " a b",
    ],
    ids=lambda text: ascii(text[:8]),
)
def test_no_text_takes_quadratic_time(parser: Parser, text: str) -> None:
    # A second at most; the quadratic forms of these took a minute and more.
    start = time.perf_counter()
    parser.is_complete(text)
    assert time.perf_counter() - start < 20


# ---- any text at all ----


@given(st.text(max_size=60))
@example("\ud800")
@example("\x00")
@example('"\\')
@example("/\\")
@example("@")
@example("t'")
def test_any_text_is_a_query_or_an_error(parser: Parser, text: str) -> None:
    _check(parser, text)


@given(st.lists(st.sampled_from(WORDS), max_size=14), st.sampled_from(["", " "]))
@example(["(", "a", "\n\n", "b"], " ")
@example(["a", "not", "b"], " ")
def test_any_words_are_a_query_or_an_error(parser: Parser, words: list[str], space: str) -> None:
    _check(parser, space.join(words))


def _check(parser: Parser, text: str) -> None:
    if parser.is_complete(text) == "complete":
        query = parser.parse(text)
        assert parser.parse(write(query)) == query
        return
    with pytest.raises(QueryError) as caught:
        parser.parse(text)
    error = caught.value
    assert error.message.endswith(".")
    assert error.span is None or 0 <= error.span.start <= error.span.end <= len(text)
    assert str(error)


# ---- for the prompt ----


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("process", "complete"),
        ("process.Take(3)", "complete"),
        ("let x = process", "complete"),
        ("a;", "complete"),
        ("", "incomplete"),
        ("# nothing", "incomplete"),
        ("process.", "incomplete"),
        ("process.Where(", "incomplete"),
        ("process.Where(a ==", "incomplete"),
        ("process.Where(a)\n.Select([a,\n\n", "incomplete"),
        ("a &&", "incomplete"),
        ("a ? b", "incomplete"),
        ("let", "incomplete"),
        ("let x =", "incomplete"),
        ("p =>", "incomplete"),
        ("a not", "incomplete"),
        ('@"raw\n', "incomplete"),
        ("process.Where(a]", "wrong"),
        ("process.Where(pid = 4", "wrong"),
        ("a b", "wrong"),
        (")", "wrong"),
        ('"open', "wrong"),
        ("5min", "wrong"),
        ("\x1b", "wrong"),
    ],
)
def test_is_complete(parser: Parser, text: str, state: str) -> None:
    assert parser.is_complete(text) == state


@given(st.integers(0, len(SEED)))
def test_what_can_be_finished_is_never_wrong(parser: Parser, length: int) -> None:
    prefix = SEED[:length]
    # A line break within the string, or within `==`, would be a mistake.
    if prefix.count('"') % 2 == 0 and prefix[-2:] not in ("= ", " ="):
        assert parser.is_complete(prefix) != "wrong"
