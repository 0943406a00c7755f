"""A tree's text, and that it is the same tree again."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.lang import ast
from memq.lang.automaton import Stack
from memq.lang.parser import _Reading
from memq.lang.printer import moment, quoted, write

if TYPE_CHECKING:
    from memq.lang.lexer import Token
    from memq.lang.parser import Parser

RESERVED = {"or", "and", "not", "in", "let", "true", "false", "null"}
FIRST_MOMENT = -62135596800 * 10**9  # 0001-01-01T00:00:00Z
LAST_MOMENT = 253402300799 * 10**9 + 999_999_999  # 9999-12-31T23:59:59.999999999Z

words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
names = words.filter(lambda word: word not in RESERVED)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
signs = ["==", "!=", "===", "!==", "<", "<=", ">", ">=", "in", "|", "^", "&", "<<", ">>"]
signs += ["+", "-", "*", "/", "%", "??"]


@st.composite
def numbers(draw: st.DrawFn) -> ast.Number:
    unit = draw(st.sampled_from(["", "0x", *ast.SIZE_UNITS]))
    return ast.Number(draw(st.integers(0, 2**70)) * ast.SIZE_UNITS.get(unit, 1), unit)


@st.composite
def regexes(draw: st.DrawFn) -> ast.Regex:
    characters = st.sampled_from(["a", "*", "/", "\\\\", "\\d", "\\[", "\\]", "[a/]", "[^]x]", " "])
    pattern = "".join(draw(st.lists(characters, min_size=1, max_size=5)))
    flags = draw(st.sets(st.sampled_from("ims")))
    return ast.Regex(pattern.lstrip("*") or "x", "".join(sorted(flags)))


leaves = st.one_of(
    st.builds(ast.Name, names),
    numbers(),
    st.builds(ast.Real, st.floats(0, allow_nan=False, allow_infinity=False)),
    st.builds(ast.Text, texts),
    regexes(),
    st.builds(ast.Time, st.integers(FIRST_MOMENT, LAST_MOMENT)),
    st.builds(ast.Duration, st.integers(0, 10**9), st.sampled_from(list(ast.DURATION_UNITS))),
    st.builds(ast.Boolean, st.booleans()),
    st.just(ast.Null()),
)


def flat(kind: type[ast.And | ast.Or], nodes: list[ast.Expression]) -> ast.Expression:
    """Return a group as the parser makes it; by a filter, hypothesis writes huge names."""
    operands = [node.operands if isinstance(node, kind) else (node,) for node in nodes]
    return kind(tuple(node for group in operands for node in group))


def groups(
    kind: type[ast.And | ast.Or], inner: st.SearchStrategy[ast.Expression]
) -> st.SearchStrategy[ast.Expression]:
    return st.lists(inner, min_size=2, max_size=3).map(lambda nodes: flat(kind, nodes))


def larger(inner: st.SearchStrategy[ast.Expression]) -> st.SearchStrategy[ast.Expression]:
    several = st.lists(inner, max_size=3).map(tuple)
    entries = st.dictionaries(st.one_of(words, texts), inner, max_size=3).map(
        lambda pairs: tuple(ast.Entry(name, value) for name, value in pairs.items())
    )
    return st.one_of(
        st.builds(ast.Member, inner, words),
        st.builds(ast.Call, inner, several),
        st.builds(ast.Call, st.builds(ast.Member, inner, words), several),
        st.builds(ast.Index, inner, inner),
        st.builds(ast.Lambda, st.lists(names, max_size=3, unique=True).map(tuple), inner),
        st.builds(ast.Unary, st.sampled_from("!-~"), inner),
        st.builds(ast.Binary, st.sampled_from(signs), inner, inner),
        groups(ast.And, inner),
        groups(ast.Or, inner),
        st.builds(ast.Conditional, inner, inner, inner),
        st.builds(ast.Range, inner, inner),
        st.builds(ast.ListLiteral, several),
        st.builds(ast.Record, entries),
    )


expressions = st.recursive(leaves, larger, max_leaves=12)
statements = st.one_of(expressions, st.builds(ast.Let, names, expressions))
queries = st.builds(ast.Query, st.lists(statements, min_size=1, max_size=3).map(tuple))


@given(queries)
def test_the_text_of_a_tree_is_that_tree(parser: Parser, query: ast.Query) -> None:
    text = write(query)
    again = parser.parse(text)
    assert again == query
    assert write(again) == text


def tokens_of(parser: Parser, text: str) -> list[Token]:
    reading = _Reading(text, parser._lexer, Stack(parser._automaton))
    found = []
    for token in reading._tokens(0):
        assert reading._stack.feed(token)
        reading._note(token)
        found.append(token)
    return found


# Each begins with a space: a comment right behind a division would take its sign, too.
GAPS = [" ", "\n", "\t\r\n", " \ufeff", " // c; d\n", "\n# (\n ", ""]
EMPTY_LINES = ["\n\n", "\n // c\n\n# d\n", *GAPS]


@given(queries, st.data())
def test_spaces_comments_and_ends_of_statements_change_no_tree(
    parser: Parser, query: ast.Query, data: st.DataObject
) -> None:
    text = write(query)
    tokens = tokens_of(parser, text)
    pieces, opened = [data.draw(st.sampled_from(EMPTY_LINES))], 0
    for token, after in zip_longest(tokens, tokens[1:]):
        opened += (str(token) in "([{") - (str(token) in ")]}")
        gap = text[token.end : after.start] if after else ""
        gaps = GAPS if opened == 0 and token.kind != "SEMICOLON" else EMPTY_LINES
        ends = token.kind == "SEMICOLON" and after is not None
        # After an empty line these two would be signs between values.
        if ends and after.kind not in ("MINUS", "REGEX") and data.draw(st.booleans()):
            pieces.append("\n\n")
        else:
            pieces.append(str(token))
        pieces.append(data.draw(st.sampled_from(gaps)) + gap)
    pieces.append(data.draw(st.sampled_from(["", "\n\n", ";", " // end", " # end"])))
    assert parser.parse("".join(pieces)) == query


@given(queries)
def test_the_place_of_each_node_holds_that_node(parser: Parser, query: ast.Query) -> None:
    text = write(query)
    todo: list[object] = list(parser.parse(text).statements)
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo.extend(node)
        elif isinstance(node, ast.Node):
            names: tuple[str, ...] = node.__match_args__
            todo.extend(getattr(node, name) for name in names)
            if not isinstance(node, ast.Entry):
                part = text[node.span.start : node.span.end]
                assert parser.parse(part).statements == (node,)


@given(expressions)
def test_no_bracket_is_more_than_needed(parser: Parser, node: ast.Expression) -> None:
    """Without any one pair of grouping brackets the text is another tree, or none."""
    query = ast.Query((node,))
    text = write(query)
    for start, end in _grouping(text):
        without = text[:start] + " " + text[start + 1 : end] + " " + text[end + 1 :]
        assert not _is(parser, without, query)


def _is(parser: Parser, text: str, query: ast.Query) -> bool:
    return parser.is_complete(text) == "complete" and parser.parse(text) == query


def _grouping(text: str) -> list[tuple[int, int]]:
    """Pairs of brackets that only group; none where quotes or slashes make it hard to tell."""
    if any(sign in text for sign in "\"'/@") or "=>" in text:
        return []
    pairs, opened = [], []
    for place, sign in enumerate(text):
        if sign == "(":
            before = text[:place].rstrip()[-1:]
            opened.append(
                (place, text[place - 1 : place] != " " and (before.isalnum() or before in "_)]}"))
            )
        elif sign == ")":
            start, calls = opened.pop()
            if (
                not calls
                and (before := text[:start][-1:]) not in tuple("_)]}")
                and not before.isalnum()
            ):
                pairs.append((start, place))
    return pairs


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("vad . Count( )", "vad.Count()"),
        ("process.vad.Any( v=>v.size>4KB )", "process.vad.Any(v => v.size > 4KB)"),
        ("((a))+((b*c))", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a<b)<c", "(a < b) < c"),
        ("a<(b in c)", "a < (b in c)"),
        ("a==(b==c)", "a == (b == c)"),
        ("(a==b)==c", "a == b == c"),
        ("(a<b)==(c<d)", "a < b == c < d"),
        ("a<<(b<<c)", "a << (b << c)"),
        ("a|(b|c)", "a | (b | c)"),
        ("a&(b==c)", "a & (b == c)"),
        ("(p=>a)||b", "(p => a) || b"),
        ("(c?a:b)?d:e", "(c ? a : b) ? d : e"),
        ("(1..2)..3", "(1..2)..3"),
        ("a or b and not c", "a || b && !c"),
        ("(a || b) && c", "(a || b) && c"),
        ("x not in [1,2,]", "!(x in [1, 2])"),
        ("not a == b", "!(a == b)"),
        ("- - a", "--a"),
        ("a - - b", "a - -b"),
        ("f( a , b , )", "f(a, b)"),
        ("{a:1,'b c':2, 'd':3}", '{a: 1, "b c": 2, d: 3}'),
        ("(a,b)=>a", "(a, b) => a"),
        ("(a)=>a", "a => a"),
        ("c?a:b", "c ? a : b"),
        ("(a??b)??c", "(a ?? b) ?? c"),
        ("a??(b??c)", "a ?? b ?? c"),
        ("1 .. 5", "1..5"),
        ("(1..5).x", "(1..5).x"),
        ("(-1).x", "(-1).x"),
        ("1.x", "1.x"),
        ("'it''s'".replace("''", "\\'"), '"it\'s"'),
        ('"say \\"hi\\""', '"say \\"hi\\""'),
        ('@"C:\\x"', '"C:\\\\x"'),
        ('"\\x1b[31m"', '"\\x1b[31m"'),
        ("'é'", '"é"'),
        ("0XFF", "0xff"),
        ("1_000", "1000"),
        ("4kb", "4KB"),
        ("1.50", "1.5"),
        ("1e400".replace("400", "3"), "1000.0"),
        ("90m", "90m"),
        ("/a\\/b[/]/smi", "/a\\/b[\\/]/ims"),
        ("t'2026-11-21'", 't"2026-11-21T00:00:00Z"'),
        ('t"0001-01-01"', 't"0001-01-01T00:00:00Z"'),
        ("let  a=1;a", "let a = 1;\na"),
    ],
)
def test_canonical_text(parser: Parser, text: str, written: str) -> None:
    assert write(parser.parse(text)) == written
    assert write(parser.parse(written)) == written


def test_a_part_can_be_written(parser: Parser) -> None:
    (query,) = parser.parse("f({a: b + 1})").statements
    assert isinstance(query, ast.Call)
    (record,) = query.arguments
    assert isinstance(record, ast.Record)
    assert write(record.entries[0]) == "a: b + 1"
    assert write(record.entries[0].value) == "b + 1"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\nb\tc", '"a\\nb\\tc"'),
        ("\x00\x7f\x85", '"\\x00\\x7f\\x85"'),
        ("\u202e", '"\\u202e"'),
        ("\U000e0001", '"\\U000e0001"'),
        ("日本 語", '"日本 語"'),
    ],
)
def test_quoted(value: str, written: str) -> None:
    assert quoted(value) == written


def test_moment() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert moment(-1) == "1969-12-31T23:59:59.999999999Z"
    assert moment(1_500_000_000) == "1970-01-01T00:00:01.5Z"


def test_a_deep_tree_is_written_without_recursion() -> None:
    node: ast.Expression = ast.Name("a")
    for _ in range(50_000):
        node = ast.Unary("!", node)
    assert write(node) == "!" * 50_000 + "a"
