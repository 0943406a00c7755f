"""Highlighting: what each piece is, in right and in wrong texts, in time linear in the length."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from memq.lang.parser import Parser
from memq.ui.adapters import QueryCompleter, QueryLexer
from memq.ui.highlight import CLASSES, pieces
from tests.eval.world import SYSTEM, World
from tests.ui.test_complete import EXAMPLES
from tests.ui.worlds import Desk

SHORT = {
    "command": "C", "comment": "#", "keyword": "k", "name": "n", "parameter": "p", "function": "f",
    "member": "m", "method": "M", "number": "0", "text": '"', "regex": "/", "time": "t",
    "operator": "o", "bracket": "b", "error": "!",
}  # fmt: skip


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser()


def drawn(text: str, parser: Parser) -> str:
    """The letter of each character's class below the text."""
    line = [" "] * len(text)
    for start, end, class_ in pieces(text, parser):
        line[start:end] = SHORT[class_] * (end - start)
    return "".join(line).rstrip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("process.Where(pid == 4KB) // x", "nnnnnnnoMMMMMbnnn oo 000b ####"),
        ("p.Any(v => v.x && y)  # x", "noMMMbp oo pom oo nb  ###"),
        ("a.Zip(b, (p, q) => [p, q.x])", "noMMMbno bpo pb oo bpo pombb"),
        ('name == "a" or x in [1]', 'nnnn oo """ kk n kk b0b'),
        ("!a && not b", "on oo kkk n"),
        ("let f = true; f(null)", "kkk n o kkkko fbkkkkb"),
        ('{a: 1, "b": t"2026-01-01"}', 'bmo 0o """o tttttttttttttb'),
        ("x.y(/a/i, @'c', 5m)", 'noMb////o """"o 00b'),
        ("a / b / c", "n o n o n"),
        ("process.true", "nnnnnnnommmm"),
        (".explain process.Take(3)", "CCCCCCCC nnnnnnnoMMMMb0b"),
        (".help", "CCCCC"),
        (".Where(x)", "!fffffbnb"),
        ("a // b\n\n// c\nd", "n ####  #### n"),
        ("", ""),
        # what is wrong, and what follows it
        ("process.Where(pid = 1 && name)", "nnnnnnnoMMMMMbnnn ! 0 oo nnnnb"),
        ("a b.c", "n !om"),
        ("a $ b", "n ! n"),
        ("a)) b", "n!b n"),
        ("x == 12abc && y", "n oo !!!!! oo n"),
        ('t"2026-13-01" == 1', "!!!!!!!!!!!!! oo 0"),
        (r'"\q" == 1', "!!!! oo 0"),
        # what has no end yet
        ('name == "ab', 'nnnn oo """'),
        ("name == @'ab\nc", 'nnnn oo """"""'),
        ("x.y(/ab", "noMb///"),
        ("x.y(", "noMb"),
        ("x.", "no"),
        ("process.Where((a, b", "nnnnnnnoMMMMMbbno n"),
    ],
)
def test_pieces(text: str, expected: str, parser: Parser) -> None:
    assert drawn(text, parser) == expected


@pytest.mark.parametrize("text", EXAMPLES)
def test_nothing_is_wrong_with_what_is_right(text: str, parser: Parser) -> None:
    found = pieces(text, parser)
    assert "error" not in [class_ for _, _, class_ in found]
    covered = {place for start, end, _ in found for place in range(start, end)}
    assert all(text[place].isspace() for place in range(len(text)) if place not in covered)


@given(st.text(alphabet="ab.()[]{}\"'/ =>&|!,:;?1\n\\@#$t.Where", max_size=80) | st.text())
def test_any_text_is_cut(text: str) -> None:
    found = pieces(text, Parser())
    at = 0
    for start, end, class_ in found:
        assert at <= start < end <= len(text)
        assert class_ in CLASSES
        at = end
    covered = {place for start, end, _ in found for place in range(start, end)}
    left = {text[place] for place in range(len(text)) if place not in covered}
    assert all(one.isspace() or one == "\ufeff" for one in left)


@pytest.mark.parametrize(
    "part",
    ["a.b(", "/[", '"', "(", "a$", 't"', "1 ", "(a)=>", "\n\n", "#\n", "[a", "/a", "\\", ".a"],
)
def test_work_is_linear(part: str, parser: Parser) -> None:
    def calls(length: int) -> int:
        text, count = part * (length // len(part)), 0

        def counted(_frame: object, _event: str, _argument: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            pieces(text, parser)
        finally:
            sys.setprofile(None)
        return count

    calls(1000)
    assert calls(4_000) < 6 * calls(1_000) + 1000


def test_prompt_toolkit_is_given_the_lines(parser: Parser) -> None:
    line = QueryLexer(parser).lex_document(Document("a // b\n  .x()\n"))
    styles = [[(style.removeprefix("class:query."), text) for style, text, *_ in line(number)]
              for number in range(3)]  # fmt: skip
    assert [[one for one in pieces_ if one[1]] for pieces_ in styles] == [
        [("name", "a"), ("", " "), ("comment", "// b")],
        [("", "  "), ("operator", "."), ("method", "x"), ("bracket", "("), ("bracket", ")")],
        [],
    ]
    assert line(7) == []


def test_prompt_toolkit_is_given_completions() -> None:
    completer = QueryCompleter(Desk(SYSTEM, World([])))
    found = list(completer.get_completions(Document("process.Wh"), CompleteEvent()))
    first = found[0]
    assert (first.text, first.start_position) == ("Where(", -2)
    assert first.display_text == "Where(condition)"
    assert first.display_meta_text == "The elements of which a condition is true."
