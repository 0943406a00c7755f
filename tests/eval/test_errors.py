"""What is said about queries that the system's types refuse: every message, in two files.

errors.txt is about the system of tests.eval.world, raw_errors.txt about a kernel's structures. They
are laid out as that of tests/lang. After a change of the messages,
`MEMQ_ACCEPT=1 pytest tests/eval/test_errors.py` writes them anew: read them aloud.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import memq.eval
from memq.errors import QueryError
from memq.eval.chain_methods import SERIES_METHODS
from memq.eval.pipeline import bind_query, literal_of, node_of, parameter_of
from memq.eval.suggestions import COLLECTION_WORDS, TEXT_WORDS, value_methods
from memq.schema.kinds import Kind, ValueType
from tests.eval.raw_world import RAW_SYSTEM, RawWorld
from tests.eval.world import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = {
    Path(__file__).with_name("errors.txt"): (SYSTEM, None),
    Path(__file__).with_name("raw_errors.txt"): (RAW_SYSTEM, RawWorld([])),
}


class Case(NamedTuple):
    """A block of a file: its titles, a query, and what is printed."""

    file: Path
    titles: tuple[str, ...]
    query: str
    message: str


def read_cases(file: Path) -> list[Case]:
    cases = []
    for block in re.split(r"\n\n+", file.read_text("utf-8").strip()):
        lines = block.split("\n")
        titles = tuple(line for line in lines if line.startswith("#"))
        query = [line[2:] for line in lines if line.startswith("> ")]
        message = lines[len(titles) + len(query) :]
        cases.append(Case(file, titles, "\n".join(query), "\n".join(message)))
    return cases


MODULES = sorted(Path(memq.eval.__path__[0]).glob("*.py"))
CASES = [case for file in FILES for case in read_cases(file)]


def error_of(query: str, file: Path) -> QueryError:
    with pytest.raises(QueryError) as caught:
        bind_query(query, *FILES[file])
    return caught.value


def message_of(query: str, file: Path) -> str:
    return "\n".join(line.rstrip() for line in str(error_of(query, file)).split("\n"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.query[:40])
def test_message(case: Case) -> None:
    if "MEMQ_ACCEPT" in os.environ:
        pytest.skip("messages are written anew")
    assert message_of(case.query, case.file) == case.message


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_file_is_laid_out_as_it_is_written(file: Path) -> None:
    is_new = "MEMQ_ACCEPT" in os.environ
    blocks = []
    for case in read_cases(file):
        message = message_of(case.query, file) if is_new else case.message
        blocks.append("\n".join([*case.titles, f"> {case.query}", message]))
    text = "\n\n".join(blocks) + "\n"
    if is_new:
        file.write_text(text, "utf-8", newline="\n")
    assert file.read_text("utf-8") == text


# That nothing is said which no case shows


def sentences(function: ast.FunctionDef) -> Iterator[str]:
    """The fixed pieces of sentences in a function, its docstring left out."""
    docstring = ast.get_docstring(function, clean=False)
    for node in ast.walk(function):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and value != docstring and re.search(r"\w\w+ \w\w+", value):
            yield value


def refusals_in(source: str) -> Iterator[str]:
    """What is said by each function that makes a QueryError, or part of one."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            made = [ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)]
            returns = ast.unparse(node.returns) if node.returns else ""
            if "QueryError" in made or returns == "str | None":
                yield from sentences(node)


ELSEWHERE = {
    *("A parameter cannot be a `", "pattern too large", "This is nested too deep."),
    "It can be said in steps, one method behind another instead of within it.",
    "--let takes NAME=VALUE, and this is ",
}
"""What no text brings about, tested below; RE2's words; what takes long texts: test_expansion."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_refusal_has_a_message_in_a_file(path: Path) -> None:
    said = "".join(file.read_text("utf-8") for file in FILES).lower()
    missing = {one for one in refusals_in(path.read_text("utf-8")) if one.lower() not in said}
    assert not missing - ELSEWHERE


def test_a_parameter_that_no_literal_can_be() -> None:
    with pytest.raises(QueryError, match=r"^A parameter cannot be a `set`\.$"):
        node_of({1})


def test_a_parameter_without_a_name() -> None:
    with pytest.raises(QueryError, match=r"^--let takes NAME=VALUE, and this is '=4'\.$"):
        parameter_of("=4")


# How it is said


def test_every_message_is_sentences() -> None:
    drawn = re.compile(r"\n  .*\n *\^+$", re.MULTILINE)
    for case in CASES:
        for line in drawn.sub("", case.message).split("\n"):
            assert line.endswith((".", "?")) or line.startswith("This is in `"), line
            assert line[:1].isupper() or line[:1] == "`", line
            assert len(line) <= 120, line


def test_every_place_is_in_the_text() -> None:
    for case in CASES:
        error = error_of(case.query, case.file)
        assert error.span is not None
        assert 0 <= error.span.start < error.span.end <= len(case.query), case.query


def test_no_word_of_ours_stands_for_what_others_call_so() -> None:
    """A table that names a method which is not there would suggest it."""
    for word, name in COLLECTION_WORDS.items():
        assert name.lower() in SERIES_METHODS
        assert word not in SERIES_METHODS, word
    of_text = [method.lower() for method in value_methods(ValueType(Kind.STRING))]
    for word, name in TEXT_WORDS.items():
        assert name.lower() in of_text
        assert word not in of_text, word


def test_what_is_wrong_with_a_parameter_is_told_where_it_is_used() -> None:
    with pytest.raises(QueryError) as caught:
        bind_query("process.Where(pid == a)", SYSTEM, None, {"a": literal_of('"a long text"')})
    assert str(caught.value).split("\n")[1:3] == [
        "  process.Where(pid == a)",
        "  " + " " * 21 + "^",
    ]


def test_an_error_in_a_function_keeps_its_places_in_another_text() -> None:
    error: Any = QueryError("No.").called("f", error_of("foo", next(iter(FILES))).span)  # type: ignore[arg-type]
    assert str(error) == "No."
    assert str(error.at("foo()")).split("\n") == [
        "No.",
        "This is in `f`, which is called here:",
        "  foo()",
        "  ^^^",
    ]
