"""What is said about queries that the system's types refuse: every message, in errors.txt.

The file is laid out as that of tests/lang. After a change of the messages,
`MEMQ_ACCEPT=1 pytest tests/eval/test_errors.py` writes them anew: read them aloud.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

import memq.eval
from memq.errors import QueryError
from memq.eval.pipeline import bind_query
from tests.eval.world import SYSTEM

GOLDEN = Path(__file__).with_name("errors.txt")


class Case(NamedTuple):
    """A block of the file: its titles, a query, and what is printed."""

    titles: tuple[str, ...]
    query: str
    message: str


def read_cases() -> list[Case]:
    cases = []
    for block in re.split(r"\n\n+", GOLDEN.read_text("utf-8").strip()):
        lines = block.split("\n")
        titles = tuple(line for line in lines if line.startswith("#"))
        query = [line[2:] for line in lines if line.startswith("> ")]
        message = lines[len(titles) + len(query) :]
        cases.append(Case(titles, "\n".join(query), "\n".join(message)))
    return cases


CASES = read_cases()


def message_of(query: str) -> str:
    with pytest.raises(QueryError) as caught:
        bind_query(query, SYSTEM)
    assert caught.value.span is not None
    return "\n".join(line.rstrip() for line in str(caught.value).split("\n"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.query[:40])
def test_message(case: Case) -> None:
    if "MEMQ_ACCEPT" in os.environ:
        pytest.skip("messages are written anew")
    assert message_of(case.query) == case.message


def test_the_file_is_laid_out_as_it_is_written() -> None:
    blocks = [
        "\n".join([*case.titles, f"> {case.query}", message_of(case.query)]) for case in CASES
    ]
    text = "\n\n".join(blocks) + "\n"
    if "MEMQ_ACCEPT" in os.environ:
        GOLDEN.write_text(text, "utf-8", newline="\n")
    assert GOLDEN.read_text("utf-8") == text


def errors_in(source: str) -> list[str]:
    """The longest fixed piece of each message that a module can say."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "QueryError":
            message = node.args[0]
            parts = message.values if isinstance(message, ast.JoinedStr) else [message]
            pieces = [str(p.value) for p in parts if isinstance(p, ast.Constant)]
            found += [max(pieces, key=len)] if pieces else []
    return found


def test_every_refusal_has_a_message_in_the_file() -> None:
    said = GOLDEN.read_text("utf-8")
    for path in Path(memq.eval.__path__[0]).glob("*.py"):
        for piece in errors_in(path.read_text("utf-8")):
            assert piece in said, f"{path.name}: {piece}"


def test_every_message_is_a_sentence() -> None:
    for case in CASES:
        first, *_, last = case.message.split("\n")
        assert first.endswith("."), case.query
        assert first[0].isupper() or first[0] == "`", case.query
        assert last.endswith((".", "?")) or set(last.strip()) == {"^"}, case.query
