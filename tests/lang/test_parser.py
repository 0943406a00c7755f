"""Which tree a text becomes."""

from __future__ import annotations

import pytest

from memq.errors import QueryError, Span
from memq.lang.ast import (
    And,
    Binary,
    Boolean,
    Call,
    Conditional,
    Entry,
    Expression,
    Index,
    Lambda,
    Let,
    ListLiteral,
    Member,
    Name,
    Null,
    Number,
    Or,
    Query,
    Range,
    Record,
    Regex,
    Statement,
    Text,
    Unary,
)
from memq.lang.parser import Parser, parse
from tests.lang.texts import OPERATORS, SEED


def path(text: str) -> Expression:
    """`a.b.c` as a tree."""
    first, *names = text.split(".")
    node: Expression = Name(first)
    for name in names:
        node = Member(node, name)
    return node


def call(target: str | Expression, *arguments: Expression) -> Call:
    return Call(path(target) if isinstance(target, str) else target, arguments)


def test_the_query_that_started_it(parser: Parser) -> None:
    where = call(
        "process.Where",
        And(
            (
                Binary("==", path("process.process_object.parent_process_id"), Number(1)),
                Binary("==", path("process.vad_object.file_name"), Text("/usr/sbin/agetty")),
            )
        ),
    )
    columns = ListLiteral(
        (
            path("process.handle_object.name"),
            path("process.process_object.directory_table_base"),
            path("process.process_object.process_id"),
            path("process.vad_object.file_name"),
        )
    )
    assert parser.parse(SEED) == Query((call(Member(where, "Select"), columns),))


def test_a_text_can_be_parsed_without_keeping_a_parser() -> None:
    assert parse("a") == Query((Name("a"),))


def test_a_parser_keeps_nothing_between_texts(parser: Parser) -> None:
    with pytest.raises(QueryError):
        parser.parse("f([(")
    assert parser.parse("a\n\nb") == Query((Name("a"), Name("b")))


# ---- precedence: each text and how it groups ----


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("a || b && c", "a || (b && c)"),
        ("a && b || c", "(a && b) || c"),
        ("a or b and not c", "a || (b && (!c))"),
        ("a && b == c", "a && (b == c)"),
        ("a == b < c", "a == (b < c)"),
        ("a < b == c > d", "(a < b) == (c > d)"),
        ("a == b != c", "(a == b) != c"),
        ("a === b", "a === b"),
        ("a !== b", "a !== b"),
        ("flags & 4 == 4", "(flags & 4) == 4"),
        ("a | b ^ c & d", "a | (b ^ (c & d))"),
        ("a & b << c", "a & (b << c)"),
        ("a << b + c", "a << (b + c)"),
        ("a - b + c", "(a - b) + c"),
        ("a - b * c % d / e", "a - (((b * c) % d) / e)"),
        ("-a * b", "(-a) * b"),
        ("a * -b", "a * (-b)"),
        ("-a.b", "-(a.b)"),
        ("~a[0]", "~(a[0])"),
        ("!a.F()", "!(a.F())"),
        ("!a == b", "(!a) == b"),
        ("not a == b", "!(a == b)"),
        ("not a in b", "!(a in b)"),
        ("a not in b", "!(a in b)"),
        ("a not in b && c", "(!(a in b)) && c"),
        ("not not a", "!(!a)"),
        ("a in b && c", "(a in b) && c"),
        ("a == b in c", "a == (b in c)"),
        ("a in b + 1..c * 2", "a in ((b + 1)..(c * 2))"),
        ("a in 1..1023", "a in (1..1023)"),
        ("a ?? b ?? c", "a ?? (b ?? c)"),
        ("a ?? b || c", "a ?? (b || c)"),
        ("a ?? b == c", "a ?? (b == c)"),
        ("a ?? b ? c : d", "(a ?? b) ? c : d"),
        ("a ? b : c ? d : e", "a ? b : (c ? d : e)"),
        ("a ? b ? c : d : e", "a ? (b ? c : d) : e"),
        ("p => a || b", "p => (a || b)"),
        ("p => q => a", "p => (q => a)"),
        ("p => a ? b : c", "p => (a ? b : c)"),
        ("c ? p => a : q => b", "c ? (p => a) : (q => b)"),
        ("a.b(c)[d].e", "(((a.b)(c))[d]).e"),
        ("a / b / c", "(a / b) / c"),
    ],
)
def test_precedence(parser: Parser, text: str, grouped: str) -> None:
    assert parser.parse(text) == parser.parse(grouped)


def test_grouping_is_really_compared(parser: Parser) -> None:
    assert parser.parse("a - b - c") == Query(
        (Binary("-", Binary("-", Name("a"), Name("b")), Name("c")),)
    )
    assert parser.parse("a - (b - c)") != parser.parse("a - b - c")


@pytest.mark.parametrize("text", ["a && b && c", "(a && b) && c", "a && (b && c)", "a and b and c"])
def test_and_is_one_group(parser: Parser, text: str) -> None:
    assert parser.parse(text) == Query((And((Name("a"), Name("b"), Name("c"))),))


def test_or_is_one_group(parser: Parser) -> None:
    assert parser.parse("a || (b or c)") == Query((Or((Name("a"), Name("b"), Name("c"))),))


# ---- forms ----


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("f()", Call(Name("f"), ())),
        ("f(a,)", call("f", Name("a"))),
        ("f(\n a,\n\n b,\n)", call("f", Name("a"), Name("b"))),
        ("a\n\n.b", path("a.b")),
        ("[]", ListLiteral(())),
        ("[a,]", ListLiteral((Name("a"),))),
        ("{}", Record(())),
        ("{a: 1, 'b c': 2,}", Record((Entry("a", Number(1)), Entry("b c", Number(2))))),
        ("{in: not, }".replace("not", "x"), Record((Entry("in", Name("x")),))),
        ("a[0]", Index(Name("a"), Number(0))),
        ("a[1..2]", Index(Name("a"), Range(Number(1), Number(2)))),
        ("p => p", Lambda(("p",), Name("p"))),
        ("(p) => p", Lambda(("p",), Name("p"))),
        ("(a, b) => a", Lambda(("a", "b"), Name("a"))),
        ("() => 1", Lambda((), Number(1))),
        ("(p => p)(1)", Call(Lambda(("p",), Name("p")), (Number(1),))),
        ("(a)", Name("a")),
        ("((a))", Name("a")),
        ("(a).b", path("a.b")),
        ("c ? 1 : 2", Conditional(Name("c"), Number(1), Number(2))),
        ("c?a:b", Conditional(Name("c"), Name("a"), Name("b"))),
        ("{a: c ? x : y}", Record((Entry("a", Conditional(*map(Name, "cxy"))),))),
        ("true", Boolean(True)),
        ("false", Boolean(False)),
        ("null", Null()),
        ("a - -1", Binary("-", Name("a"), Unary("-", Number(1)))),
        ("1..2", Range(Number(1), Number(2))),
        ("a..b", Range(Name("a"), Name("b"))),
        ("t.x", path("t.x")),
        ("index", Name("index")),
        ("order", Name("order")),
        ("lettuce", Name("lettuce")),
        ("nothing", Name("nothing")),
        ("android || nullable", Or((Name("android"), Name("nullable")))),
        ("True", Name("True")),
    ],
)
def test_form(parser: Parser, text: str, node: Expression) -> None:
    assert parser.parse(text) == Query((node,))


@pytest.mark.parametrize("word", ["in", "or", "and", "not", "let", "true", "false", "null"])
def test_after_a_dot_every_word_is_a_name(parser: Parser, word: str) -> None:
    assert parser.parse(f"x.{word} == 1") == Query((Binary("==", path(f"x.{word}"), Number(1)),))
    assert parser.parse(f"x.{word}(1)") == Query((call(f"x.{word}", Number(1)),))


@pytest.mark.parametrize("word", ["in", "or", "and", "not", "let", "true", "false", "null"])
def test_reserved_words_are_no_names(parser: Parser, word: str) -> None:
    with pytest.raises(QueryError):
        parser.parse(f"let {word} = 1")
    with pytest.raises(QueryError):
        parser.parse(f"{word}.x =")


def test_a_slash_is_what_its_place_makes_of_it(parser: Parser) -> None:
    assert parser.parse("a /b/ c") == parser.parse("(a / b) / c")
    assert parser.parse("f(/b/)") == Query((call("f", Regex("b")),))
    assert parser.parse("x.in / 2 / y") == parser.parse("(x.in / 2) / y")
    assert parser.parse("a ? /b/ : /c/i") == Query(
        (Conditional(Name("a"), Regex("b"), Regex("c", "i")),)
    )


def test_newlines_are_spaces(parser: Parser) -> None:
    assert parser.parse("a\n.\nb\n(\n)\n&&\n\n\nc") == parser.parse("a.b() && c")


# ---- statements and comments ----


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("let a = x; a", (Let("a", Name("x")), Name("a"))),
        ("let a = x\n\na", (Let("a", Name("x")), Name("a"))),
        (";;a;;\n\n;b;", (Name("a"), Name("b"))),
        ("\n\na\n\n", (Name("a"),)),
        ("a\r\n\r\nb", (Name("a"), Name("b"))),
        ("a\n \t \nb", (Name("a"), Name("b"))),
        ("a\n\n\n\n// about b\nb", (Name("a"), Name("b"))),
        ("a // one\n\nb", (Name("a"), Name("b"))),
        ("a\n# one\n\n# two\nb", (Name("a"), Name("b"))),
        ("# first\n// second\na", (Name("a"),)),
        ("a # end", (Name("a"),)),
        (
            "let f = p => p.x;\n\nf(1)",
            (Let("f", Lambda(("p",), path("p.x"))), call("f", Number(1))),
        ),
        ("a\n\n[b]", (Name("a"), ListLiteral((Name("b"),)))),
        ("a\n\n(b)", (Name("a"), Name("b"))),
        ("a\n\n!b", (Name("a"), Unary("!", Name("b")))),
        ("a\n\nnot b", (Name("a"), Unary("!", Name("b")))),
        ("a\n\n~b", (Name("a"), Unary("~", Name("b")))),
        ("a\n\nlet b = c", (Name("a"), Let("b", Name("c")))),
        ("a\n\ninside", (Name("a"), Name("inside"))),
        ("\ufeffa", (Name("a"),)),
        ("a\n[0]", (Index(Name("a"), Number(0)),)),
        ("let\n\na\n\n=\n\nb", (Let("a", Name("b")),)),
        ("p =>\n\np", (Lambda(("p",), Name("p")),)),
    ],
)
def test_statements(parser: Parser, text: str, statements: tuple[Statement, ...]) -> None:
    assert parser.parse(text) == Query(statements)


@pytest.mark.parametrize("operator", [*OPERATORS, "not in", "."])
def test_a_line_that_begins_with_an_operator_goes_on(parser: Parser, operator: str) -> None:
    # The regular expression of BLANK has a list of its own: this holds it to the grammar.
    one_line = parser.parse(f"a {operator} b")
    assert len(one_line.statements) == 1
    assert parser.parse(f"a\n\n  {operator} b") == one_line
    assert parser.parse(f"a {operator}\n\n b") == one_line
    assert parser.parse(f"a\n\n // why\n\n {operator} b") == one_line


def test_a_choice_and_a_lambda_go_on_over_blank_lines(parser: Parser) -> None:
    assert parser.parse("a\n\n? b\n\n: c") == parser.parse("a ? b : c")
    assert parser.parse("p\n\n=> p") == parser.parse("p => p")


@pytest.mark.parametrize("brackets", ["[]", "()", "{}"])
def test_blank_lines_in_brackets_separate_nothing(parser: Parser, brackets: str) -> None:
    inside = "a:\n\n1\n\n,\n\n" if brackets == "{}" else "a\n\n"
    text = f"{brackets[0]}\n\n{inside}{brackets[1]}"
    assert parser.parse(text) == parser.parse(text.replace("\n", ""))


# ---- places ----


def spans(parser: Parser, text: str) -> list[str]:
    """The texts of every node's place, in the order of a walk from the top."""
    found: list[str] = []
    todo: list[object] = list(parser.parse(text).statements)
    while todo:
        node = todo.pop(0)
        span = getattr(node, "span", None)
        if isinstance(span, Span):
            found.append(text[span.start : span.end])
        children = [getattr(node, name) for name in getattr(node, "__match_args__", ())]
        todo += [
            child
            for value in children
            for child in (value if isinstance(value, tuple) else (value,))
            if hasattr(child, "span")
        ]
    return found


def test_places(parser: Parser) -> None:
    assert spans(parser, " a.b ( c , 0x1 ) ") == ["a.b ( c , 0x1 )", "a.b", "c", "0x1", "a"]
    # A bracket belongs to what holds the bracketed value, not to the value.
    assert spans(parser, "(a || b) && c") == ["(a || b) && c", "a || b", "c", "a", "b"]
    assert spans(parser, "not (a)") == ["not (a)", "a"]
    assert spans(parser, "x not in [1]") == ["x not in [1]", "x not in [1]", "x", "[1]", "1"]
    assert spans(parser, "let a = {b: 1}; c") == ["let a = {b: 1}", "c", "{b: 1}", "b: 1", "1"]
    assert spans(parser, "(p) => p ?? 'é'") == ["(p) => p ?? 'é'", "p ?? 'é'", "p", "'é'"]
    assert spans(parser, "a[ 0 ]") == ["a[ 0 ]", "a", "0"]


def test_place_of_a_name_after_a_dot(parser: Parser) -> None:
    (member,) = parser.parse("process . vad_objekt").statements
    assert isinstance(member, Member)
    assert member.name_span == Span(10, 20)


def test_place_of_a_let_name(parser: Parser) -> None:
    (statement,) = parser.parse("let  abc = 1").statements
    assert isinstance(statement, Let)
    assert statement.name_span == Span(5, 8)


def test_places_do_not_count_in_comparisons(parser: Parser) -> None:
    one, other = parser.parse("a + 1"), parser.parse("  a\n+   1")
    assert one == other
    assert hash(one) == hash(other)
    assert one.span != other.span
