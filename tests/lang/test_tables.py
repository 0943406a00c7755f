"""The tables that are made ahead: fresh, used, and an automaton that does what lark's would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedToken

from memq.errors import QueryError
from memq.lang import build_tables, tables
from memq.lang.automaton import Automaton, Stack
from memq.lang.lexer import Lexer
from memq.lang.parser import Parser, _Reading
from tests.lab import ROOT
from tests.lang.texts import SEED, WORDS

if TYPE_CHECKING:
    from pathlib import Path

    from lark.parsers.lalr_interactive_parser import InteractiveParser

REMAKE = "the grammar has changed: run python -m memq.lang.build_tables"


STORED: dict[str, Any] = json.loads(tables.TABLES.read_text("utf-8"))


def test_the_tables_are_of_this_grammar() -> None:
    assert build_tables.make(tables.read_grammar()) == STORED, REMAKE


def test_the_tables_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(grammar: str) -> dict[str, Any]:
        raise AssertionError(grammar)

    monkeypatch.setattr(build_tables, "make", refuse)
    assert Parser().is_complete("a.b") == "complete"


def test_no_query_waits_for_lark() -> None:
    program = (
        "import sys\n"
        "from memq.lang.parser import Parser\n"
        "parser = Parser()\n"
        "assert parser.is_complete('a.b || /x/') == 'complete'\n"
        "assert parser.is_complete('a b') == 'wrong'\n"
        "raise SystemExit('lark' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_what_is_written_is_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tables.json"
    monkeypatch.setattr(tables, "TABLES", path)
    build_tables.main()
    assert json.loads(path.read_text("utf-8")) == STORED
    assert tables.load() == tables.restore(STORED)


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", "\udcff", json.dumps({**STORED, "grammar": 0})]
)
def test_without_fitting_tables_the_grammar_is_read(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tables.json"
    if content is not None:
        path.write_text(content, "utf-8", errors="surrogateescape")
    monkeypatch.setattr(tables, "TABLES", path)
    made: list[str] = []
    make = build_tables.make

    def note(grammar: str) -> dict[str, Any]:
        made.append(grammar)
        return make(grammar)

    monkeypatch.setattr(build_tables, "make", note)
    assert tables.load() == tables.restore(STORED)
    assert made == [tables.read_grammar()]


def test_a_terminal_without_a_name_is_refused() -> None:
    # lark would leave it out of a rule's children, which the automaton does not.
    with pytest.raises(ValueError, match="Each terminal of query must have a name"):
        build_tables.make('query: "(" NAME\nNAME: /a/')


@pytest.mark.parametrize("kind", ["member", "key", "operand", "name", "operator"])
def test_terminals_of_one_place_have_no_text_in_common(kind: str) -> None:
    """States of one kind share one regular expression; which comes first in it must not count."""
    loaded = tables.load()
    patterns = {name: re.compile(loaded.terminals[name]) for name in loaded.places[kind]}
    for word in (*WORDS, "===", "not", "t", 't"x"', "/a/", "..", "<<", "nullable", "in"):
        taken = [name for name, pattern in patterns.items() if pattern.match(word)]
        # TIME stands before NAME, as the grammar says: no value follows a name directly.
        assert len(taken) <= 1 or taken == ["TIME", "NAME"], word


# ---- the automaton, and lark's own parser of the same grammar ----


class Trees:
    """In the Builder's stead: each rule makes a tree of its children, as lark does by itself."""

    def __getattr__(self, name: str) -> object:
        return lambda children: Tree(name, [_plain(child) for child in children])


def _plain(child: object) -> object:
    return child if isinstance(child, Tree) else str(child)


@pytest.fixture(scope="module")
def automaton() -> Automaton:
    return Automaton(tables.load(), Trees())


@pytest.fixture(scope="module")
def lark() -> Lark:
    return Lark(tables.read_grammar(), parser="lalr", start=tables.START)


@given(st.lists(st.sampled_from([*WORDS, "let", "p =>", "{a:", "not in"]), max_size=14))
@example(SEED.split(" "))
@example(["let x = {a: 1, 'b': [2, 3], in: f(p => p.in / 2 / 3)}\n\n() => x[/a/] ?? -1..5;;"])
def test_the_automaton_does_what_lark_does(
    automaton: Automaton, lark: Lark, words: list[str]
) -> None:
    text = " ".join(words)
    reading = _Reading(text, Lexer(automaton.tables), Stack(automaton))
    try:
        tree: object = reading.run(0)
    except QueryError:
        tree = None
    interactive = lark.parse_interactive(text)
    assert tree == _tree_of_lark(interactive, text)
    if tree is None:
        accepts = interactive.accepts()  # type: ignore[no-untyped-call]
        assert reading._stack.accepts() == accepts


def _tree_of_lark(parser: InteractiveParser, text: str) -> object:
    state = parser.parser_state
    opened = 0
    try:
        for token in parser.lexer_thread.lex(state):  # type: ignore[no-untyped-call]
            if token.type == "BLANK" and opened:
                continue
            state.feed_token(token)
            opened += (token.type in ("LPAR", "LSQB", "LBRACE")) - (
                token.type in ("RPAR", "RSQB", "RBRACE")
            )
        return cast("object", state.feed_token(Token("$END", "", len(text)), is_end=True))
    except (UnexpectedCharacters, UnexpectedToken):
        return None


@given(st.lists(st.sampled_from(WORDS), max_size=8))
def test_what_is_accepted_can_be_fed(automaton: Automaton, words: list[str]) -> None:
    """`accepts` says exactly which tokens feed would take, and leaves the stack as it is."""
    reading = _Reading(" ".join(words), Lexer(automaton.tables), Stack(automaton))
    try:
        reading.run(0)
    except QueryError:
        stack = reading._stack
        states = list(stack._states)
        accepted = stack.accepts()
        assert stack._states == states
        assert accepted == {name for name in _symbols(automaton) if _takes(stack, name)}


def _symbols(automaton: Automaton) -> list[str]:
    return [*automaton.tables.terminals, tables.END]


def _takes(stack: Stack, name: str) -> bool:
    """Whether a copy of the stack takes the token; by the states alone."""
    copy = Stack(stack._automaton)
    copy._states, copy._values = list(stack._states), [None] * len(stack._values)
    move = copy._reduce_before(name)
    return copy.state == copy._automaton.tables.end if name == tables.END else move is not None
