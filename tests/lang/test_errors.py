"""What is said about texts that are no queries: every message, in errors.txt.

A block of that file is a query, each line after "> ", and what is printed; blocks are separated by
an empty line, one that begins with "#" is a title. After a change of the messages,
`MEMQ_ACCEPT=1 pytest tests/lang/test_errors.py` writes them anew: read them aloud.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from memq.errors import QueryError
from memq.lang import builder, complaints, limits, literals, slips, spelling

if TYPE_CHECKING:
    from memq.lang.parser import Parser

GOLDEN = Path(__file__).with_name("errors.txt")


class Case(NamedTuple):
    """A block of the file."""

    titles: tuple[str, ...]
    query: str
    message: str

    def with_message(self, message: str) -> str:
        titles = [f"{title}\n" for title in self.titles]
        query = [f"> {line}".rstrip() for line in self.query.split("\n")]
        return "\n".join([*titles, *query, message])


def read_cases() -> list[Case]:
    cases = []
    titles: list[str] = []
    for block in re.split(r"\n\n+", GOLDEN.read_text("utf-8").strip()):
        lines = block.split("\n")
        if block.startswith("#"):
            titles.append(block)
            continue
        query = [line[2:] for line in lines if line.startswith(">")]
        cases.append(Case(tuple(titles), "\n".join(query), "\n".join(lines[len(query) :])))
        titles = []
    return cases


CASES = read_cases()


def message_of(parser: Parser, query: str) -> str:
    with pytest.raises(QueryError) as caught:
        parser.parse(query)
    return "\n".join(line.rstrip() for line in str(caught.value).split("\n"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.query[:40])
def test_message(parser: Parser, case: Case) -> None:
    if "MEMQ_ACCEPT" in os.environ:
        pytest.skip("messages are written anew")
    assert message_of(parser, case.query) == case.message


def test_the_file_is_laid_out_as_it_is_written(parser: Parser) -> None:
    blocks = [case.with_message(message_of(parser, case.query)) for case in CASES]
    text = "\n\n".join(blocks) + "\n"
    if "MEMQ_ACCEPT" in os.environ:
        GOLDEN.write_text(text, "utf-8", newline="\n")
    assert GOLDEN.read_text("utf-8") == text


def test_every_rule_has_a_message_in_the_file() -> None:
    """The first words of each message that the code can say stand in the file."""
    said = GOLDEN.read_text("utf-8")
    for module in (complaints, spelling, literals, builder, limits):
        source = Path(str(module.__file__)).read_text("utf-8")
        for quoted in re.findall(r'(?:Error|kind)\(\s*f?"([^"]+)"', source):
            longest = max(re.split(r"\{[^}]*\}", quoted.replace("\\\\", "\\")), key=len)
            assert longest in said


def test_every_slip_is_in_the_file() -> None:
    queries = "\n".join(case.query for case in CASES)
    for sign in slips.SIGNS:
        assert sign in queries, sign


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("a\nb \ud800", "The query holds bytes that are not UTF-8 text, in line 2, column 3."),
        (
            "a \x1b[31m",
            (
                "The query holds a character that cannot be seen, U+001B, in line 1, column 3.\n"
                "In a string it is written \\x1b."
            ),
        ),
        (
            "'a\u202eb'",
            (
                "The query holds a character that cannot be seen, U+202E, in line 1, column 3.\n"
                "In a string it is written \\u202e."
            ),
        ),
    ],
)
def test_what_must_not_reach_a_terminal_is_not_repeated(
    parser: Parser, query: str, message: str
) -> None:
    assert message_of(parser, query) == message


def test_an_error_knows_its_place(parser: Parser) -> None:
    with pytest.raises(QueryError) as caught:
        parser.parse("process.Where(pid = 4)")
    error = caught.value
    assert error.span is not None
    assert error.text[error.span.start : error.span.end] == "="
    assert error.exit_status == 2
