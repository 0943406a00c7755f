"""Each form of the language's page, and how it groups: what a person who knows C# would expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import QueryError
from memq.lang.ast import (
    And,
    Binary,
    Call,
    Duration,
    Expression,
    Index,
    Lambda,
    Let,
    ListLiteral,
    Member,
    Name,
    Number,
    Query,
    Range,
    Real,
    Regex,
    Text,
    Time,
    Unary,
)

if TYPE_CHECKING:
    from memq.lang.parser import Parser

A, B, P, X = map(Name, "abpx")
NOON = 1_795_262_400 * 10**9  # date -ud 2026-11-21T12:00:00Z +%s


def method(target: Expression, name: str, *arguments: Expression) -> Call:
    return Call(Member(target, name), arguments)


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("(a.b || x == 4) && p.b", "((a.b) || (x == 4)) && (p.b)"),
        ("vad.is_executable && !vad.is_shared", "(vad.is_executable) && (!(vad.is_shared))"),
        ("!a in b", "(!a) in b"),
        ("x not in y && z", "(!(x in y)) && z"),
        ("a in [1] && b not in [2]", "(a in [1]) && (!(b in [2]))"),
        ("a in b == c", "(a in b) == c"),
        ("a | b in c", "(a | b) in c"),
        ("a + 1 in 1..3", "(a + 1) in (1..3)"),
        ("a in -1..5", "a in ((-1)..5)"),
        ("a..b + 1", "a..(b + 1)"),
        ("a..b | 1", "a..(b | 1)"),
        ("a || b ?? c", "(a || b) ?? c"),
        ("a ?? not b", "a ?? (!b)"),
        ("c ? a : b ?? d", "c ? a : (b ?? d)"),
        ("a || b ? c : d", "(a || b) ? c : d"),
        ("c ? a ? 1 : 2 : b ? 3 : 4", "c ? (a ? 1 : 2) : (b ? 3 : 4)"),
        ("a == b & c", "a == (b & c)"),
        ("a & b | c ^ d << 2 + 1", "(a & b) | (c ^ (d << (2 + 1)))"),
        ("~a & b", "(~a) & b"),
        ("-a.b[0]", "-((a.b)[0])"),
        ('a > t"2026-11-21" - 7d', 'a > (t"2026-11-21" - 7d)'),
        ("p => {a: p}.a", "p => ({a: p}.a)"),
        ("t1 - t0 > 5m", "(t1 - t0) > 5m"),
        ("p => p.a && b", "p => ((p.a) && b)"),
        ("f(p => a, b)", "f((p => a), (b))"),
        ("a / b / c", "(a / b) / c"),
        ("f(/a/, b / c / d)", "f((/a/), ((b / c) / d))"),
        ("a || /x/.Matches(b)", "a || (/x/).Matches(b)"),
    ],
)
def test_grouping(parser: Parser, text: str, grouped: str) -> None:
    assert parser.parse(text) == parser.parse(grouped)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("-1..5", Range(Unary("-", Number(1)), Number(5))),
        ("1 .. 9", Range(Number(1), Number(9))),
        ("1.5..2", Range(Real(1.5), Number(2))),
        ('"abc".Length()', method(Text("abc"), "Length")),
        ('"abc"[0]', Index(Text("abc"), Number(0))),
        ("[1, 2].Count()", method(ListLiteral((Number(1), Number(2))), "Count")),
        ("/re/i.x", Member(Regex("re", "i"), "x")),
        ("4KB.x", Member(Number(4096, "KB"), "x")),
        ("a[1].b", Member(Index(A, Number(1)), "b")),
        ("a[-1]", Index(A, Unary("-", Number(1)))),
        ("a[0][1]", Index(Index(A, Number(0)), Number(1))),
        ("a.b(1)[0]", Index(method(A, "b", Number(1)), Number(0))),
        ("x not in b", Unary("!", Binary("in", X, B))),
        ("x not  // why\n in b", Unary("!", Binary("in", X, B))),
        ('symbol("init_task")', Call(Name("symbol"), (Text("init_task"),))),
        ('list_of(x, "t", "tasks")', Call(Name("list_of"), (X, Text("t"), Text("tasks")))),
        ('"10" in a', Binary("in", Text("10"), A)),
        ('t"2026-11-21T12:00:00Z"', Time(NOON)),
        ("t'2026-11-21 12:00'", Time(NOON)),
        ("90m", Duration(90, "m")),
        ("a.Take(0, (a, b) => a)", method(A, "Take", Number(0), Lambda(("a", "b"), A))),
        ("a.Select(() => 1)", method(A, "Select", Lambda((), Number(1)))),
        ("a.Where((p) => p)", method(A, "Where", Lambda(("p",), P))),
        ("a\n// one\n.\n# two\nb", Member(A, "b")),
    ],
)
def test_form(parser: Parser, text: str, node: Expression) -> None:
    assert parser.parse(text) == Query((node,))


def test_members_of_what_is_no_name(parser: Parser) -> None:
    for text, inner in (
        ("{a: 1}.a", "{a: 1}"),
        ('cast("t", 0x10).comm', 'cast("t", 0x10)'),
        ("(p => p).x", "p => p"),
        ("(a + b).x", "a + b"),
    ):
        (member,) = parser.parse(text).statements
        assert isinstance(member, Member)
        assert Query((member.target,)) == parser.parse(inner)


@pytest.mark.parametrize("end", [";", ";\n", "\n\n", "\n \n", "\n// b\n\n", " # b\n\n\n", ";\n\n"])
def test_a_name_is_given_and_used(parser: Parser, end: str) -> None:
    assert parser.parse(f"let f = p => p.a == 1{end}x.Where(f)") == Query(
        (
            Let("f", Lambda(("p",), Binary("==", Member(P, "a"), Number(1)))),
            method(X, "Where", Name("f")),
        )
    )


def test_the_seed_breaks_its_lines_anywhere(parser: Parser) -> None:
    text = "x\n\n.Where(\n  a\n\n  // or not\n  && b\n)\n\n\n.Select([\n\n a, b,\n\n])\n"
    where = method(X, "Where", And((A, B)))
    assert parser.parse(text) == Query((method(where, "Select", ListLiteral((A, B))),))


def test_keys_are_words_of_any_kind_or_texts(parser: Parser) -> None:
    record = parser.parse("{in: 1, true: 2, 'b c': 3, \"let\": 4,}")
    assert record == parser.parse("{'in': 1, 'true': 2, 'b c': 3, 'let': 4}")


@pytest.mark.parametrize(
    "text",
    ["(a, b,) => a", "f(,)", "f(a,,b)", "[,]", "{,}", "{a}", "{a.b}", "a[]", "a[0, 1]", "(a, b)"],
)
def test_no_form_of_the_page(parser: Parser, text: str) -> None:
    with pytest.raises(QueryError):
        parser.parse(text)


@pytest.mark.parametrize("text", ["a in b in x", "a < b < x", "a..b..x", "a not in b not in x"])
def test_what_does_not_chain(parser: Parser, text: str) -> None:
    with pytest.raises(QueryError, match=r"do not chain|two ends"):
        parser.parse(text)


def test_after_a_blank_line_a_sign_goes_on(parser: Parser) -> None:
    """What could be a sign of a value is taken for the operator; a `;` ends the statement."""
    assert parser.parse("a\n\n-1") == parser.parse("a - 1")
    assert parser.parse("a;\n\n-1") == Query((A, Unary("-", Number(1))))
    with pytest.raises(QueryError):
        parser.parse("a\n\n/b/")
    assert parser.parse("a;\n\n/b/") == Query((A, Regex("b")))
