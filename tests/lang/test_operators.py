"""The operators that are declared are those of the grammar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from memq.lang import tables
from memq.lang.operators import OPERATORS
from memq.lang.parser import parse
from memq.lang.printer import write

if TYPE_CHECKING:
    from memq.schema.reference import Operator

WRITTEN = [sign for one in OPERATORS for sign in one.written]
NO_OPERATORS = {
    "LET", "TRUE", "FALSE", "NULL", "NAME", "MEMBER", "KEY", "NUMBER", "STRING", "RAW_STRING",
    "REGEX", "TIME", "ASSIGN", "SEMICOLON", "COMMA", "LBRACE", "RBRACE", "TRIVIA", "BLANK", "RPAR",
    "RSQB", "COLON",
}  # fmt: skip


@pytest.mark.parametrize("terminal", sorted(set(tables.load().terminals) - NO_OPERATORS))
def test_every_operator_of_the_grammar_is_declared(terminal: str) -> None:
    pattern = re.compile(tables.load().terminals[terminal])
    assert any(pattern.search(sign) for sign in WRITTEN), terminal


@pytest.mark.parametrize("one", OPERATORS, ids=lambda one: one.example)
def test_the_example_is_read_as_it_is_printed(one: Operator) -> None:
    tree = parse(one.example)
    assert parse(write(tree)) == tree
