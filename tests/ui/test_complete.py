"""Completion: complete.txt has what is offered first; and whatever a query says, is offered."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import memq
from memq.errors import QueryError
from memq.eval.callables import callables
from memq.eval.pipeline import bind_query
from memq.lang.parser import Parser
from memq.ui.complete import Suggestion, suggest
from memq.ui.matching import MOST
from tests.eval.raw_world import RAW_SYSTEM, RawWorld
from tests.eval.world import SYSTEM, World
from tests.lab import ROOT, windows_sample
from tests.ui.worlds import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.lang.lexer import Token

GOLDEN = ROOT / "tests/ui/complete.txt"
SHOWN = 6
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]


def examples() -> list[str]:
    """All queries of the pages and of the declarations that are right."""
    known = callables()
    groups = (known.series_methods, known.value_methods, known.functions)
    found = [one.example for group in groups for one in group]
    for page in PAGES:
        found += re.findall(r"```memq\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    parser = Parser()
    found = [text.strip() for text in found]
    return [one for one in dict.fromkeys(found) if parser.is_complete(one) == "complete"]


EXAMPLES = examples()


@pytest.fixture(scope="module")
def desk(sample: Path) -> Iterator[Desk]:
    """The sample, open."""
    with memq.open(sample) as image:
        yield Desk(image.system, image.kernel)


@pytest.fixture(scope="module")
def desks(desk: Desk) -> Iterator[list[Desk]]:
    """The samples of all systems, open."""
    with memq.open(windows_sample()) as image:
        yield [desk, Desk(image.system, image.kernel)]


def desk_for(desks: list[Desk], query: str) -> Desk:
    """Return the first sample of which a query can be asked; if there is none, the first."""
    for one in desks:
        try:
            bind_query(query, one.system, one.kernel)
        except QueryError:
            continue
        return one
    return desks[0]


# What is offered first


def golden() -> list[tuple[str, str]]:
    """The cases of the golden file: the text with its cursor, and what was suggested."""
    lines = GOLDEN.read_text("utf-8").partition("\n\n")[2].splitlines()
    cases = [line.partition("| ->") for line in lines if line and not line.startswith("# ")]
    return [(text.removesuffix("|"), shown.strip()) for text, _, shown in cases]


def offered(text: str, desk: Desk) -> str:
    found = [one.text for one in suggest(text, desk)]
    more = ["..."] if len(found) > SHOWN else []
    return "  ".join([*found[:SHOWN], *more])


@pytest.mark.parametrize(("text", "expected"), golden(), ids=lambda value: value or "nothing")
def test_what_is_offered_first(desk: Desk, text: str, expected: str) -> None:
    if "MEMQ_ACCEPT" not in os.environ:
        assert offered(text, desk) == expected


def test_write_anew(desk: Desk) -> None:
    if "MEMQ_ACCEPT" in os.environ:
        head, _, lines = GOLDEN.read_text("utf-8").partition("\n\n")
        new = []
        for line in lines.splitlines():
            text = line.partition("| ->")[0].removesuffix("|")
            is_case = bool(line) and not line.startswith("# ")
            new.append(f"{text}| -> {offered(text, desk)}".rstrip() if is_case else line)
        GOLDEN.write_text(f"{head}\n\n" + "\n".join(new) + "\n", "utf-8")


# Whatever a query says, is offered


class Word(NamedTuple):
    """A word of a query that is the name of something, and the text before it."""

    before: str
    word: str


UNKNOWN_ANYWHERE = {"comn", "vad_objekt"}
"""Names that the pages' examples have for their mistakes."""


def words(query: str, parser: Parser) -> Iterator[Word]:
    """Every word of a query but those that it gives to something itself."""
    tokens = list(parser.tokens(query))
    for number, token in enumerate(tokens):
        named = token.kind in ("NAME", "MEMBER", "TRUE", "FALSE", "NULL", "NOT", "LET")
        if token.text in UNKNOWN_ANYWHERE:
            return
        if named and token.text.isalnum() | ("_" in token.text) and not gives(tokens, number):
            yield Word(query[: token.start], token.text)


def gives(tokens: list[Token], number: int) -> bool:
    """Whether a name is that of a parameter or of a `let`, where it is given."""
    if number and tokens[number - 1].kind == "LET":
        return True
    while number < len(tokens) and tokens[number].kind in ("NAME", "COMMA"):
        number += 1
    following = [token.kind for token in tokens[number : number + 2]]
    return following[:1] == ["ARROW"] or following == ["RPAR", "ARROW"]


@pytest.mark.parametrize("query", EXAMPLES)
def test_every_name_of_every_example_is_among_the_suggestions(
    desks: list[Desk], query: str
) -> None:
    desk = desk_for(desks, query)
    found = list(words(query, desk.parser))
    assert found or any(word in query for word in UNKNOWN_ANYWHERE)
    for before, word in found:
        for length in {0, (len(word) + 1) // 2}:
            texts = {one.text.casefold() for one in suggest(before + word[:length], desk)}
            assert {word.casefold() + end for end in ("", "(", "()")} & texts, (before, word)


def test_every_literal_of_few_choices_is_among_the_suggestions(desk: Desk) -> None:
    count = 0
    for query in EXAMPLES:
        for token in desk.parser.tokens(query):
            if token.text in ('"VM_READ"', '"VM_EXEC"', '"sleeping"', '"running"', '"sshd"'):
                for length in (1, 3):
                    found = suggest(query[: token.start + length], desk)
                    assert not found or token.text in [one.text for one in found], query
                    count += bool(found)
    assert count > 6, count


# What is offered can be taken


@pytest.mark.parametrize("query", EXAMPLES[::7])
def test_what_is_offered_fits(desk: Desk, query: str) -> None:
    """A text with a suggestion put in is one that the grammar reads to its end."""
    for end in range(0, len(query), 5):
        for one in suggest(query[:end], desk)[:40:7]:
            text = taken(query[:end], one)
            prefix = desk.parser.prefix(text)
            assert prefix.rest in ("", one.text), (text, prefix.rest)


def taken(text: str, one: Suggestion) -> str:
    assert one.start <= 0
    return text[: len(text) + one.start] + one.text


def test_a_text_in_quotes_is_replaced_with_its_quote(desk: Desk) -> None:
    (first, *_) = suggest("process.Where(state == 'sl", desk)
    assert taken("process.Where(state == 'sl", first) == 'process.Where(state == "sleeping"'
    (only,) = suggest('process.Where(state == @"disk s', desk)
    assert (only.text, only.start, only.shown) == ('"disk sleep"', -8, "disk sleep")


# What the menu says


def test_the_menu_says_what_things_are(desk: Desk) -> None:
    assert menu("process.Where(pi", desk)["pid"] == ("pid", "= process_id", "field")
    shown, meta, kind = menu("process.Where(image_p", desk)["image_path"]
    assert (shown, kind) == ("image_path", "field")
    assert meta == "text (walk): Path of the file that the process runs; null where it runs none."
    assert menu("proc", desk)["process"][2] == "source"
    assert menu("process.", desk)["Where("][::2] == ("Where(condition)", "method")
    assert menu("process.", desk)["Count("][0] == "Count(condition?)"
    assert menu("process.", desk)["Reverse()"][0] == "Reverse()"
    assert menu("process.Where(", desk)["vad"][1:] == (
        "all its vad (walk): Its mapped ranges of memory, by start.", "collection",
    )  # fmt: skip
    assert menu("process.Where(", desk)["parent"][2] == "object"
    assert menu('cast("task_struct", 0).m', desk)["mm"][1:] == ("struct mm_struct *", "member")
    assert menu("let n = 5; n", desk)["n"][1:] == ("number: 5", "value")
    assert menu(".op", desk)[".open"] == (".open FILE", "Does something.", "command")


def menu(text: str, desk: Desk) -> dict[str, tuple[str, str, str]]:
    return {one.text: (one.shown, one.meta, one.kind) for one in suggest(text, desk)}


def test_what_a_session_has_named_is_known() -> None:
    desk = Desk(SYSTEM, World([]))
    names = desk.binder.names
    node = desk.parser.parse("process.Let({twice: pid * 2})").statements[0]
    names.lets["_"] = desk.binder.find(node, None)  # type: ignore[arg-type]
    assert "twice" in menu("_.Where(tw", desk)
    assert [one.text for one in suggest("_", desk)][:1] == ["_"]


def test_nothing_of_the_session_is_changed() -> None:
    desk = Desk(SYSTEM, World([]))
    node = desk.parser.parse("process.Let({twice: pid * 2})").statements[0]
    binder = desk.binder
    binder.names.lets["_"] = binder.find(node, None)  # type: ignore[arg-type]
    names = binder.names

    def state() -> list[object]:
        tables = [dict(names.lets), dict(names.extras), dict(names.item_extras)]
        return [*tables, dict(binder.elements), dict(binder.warnings), binder.variables.count]

    before = state()
    for text in ("let x = _; x.Where(t", "_.GroupBy(pid).Select([items.", "_.Let({k: pid}).Where("):
        assert suggest(text, desk)
    assert state() == before


def test_systems_without_a_kernel_of_their_own_have_no_structures() -> None:
    desk = Desk(SYSTEM, World([]))
    assert "raw" not in menu("process.Where(ra", desk)
    assert suggest('cast("ta', desk) == []
    raw = Desk(RAW_SYSTEM, RawWorld([]))
    assert "raw" in menu("process.Where(ra", raw)
    assert [one.text for one in suggest('symbol("init', raw)] == ['"init_cred"', '"init_task"']
    assert menu('cast("task", symbol("tasks")).', raw)["pid"] == ("pid", "int", "member")


# Files


def test_files_are_completed_as_a_shell_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(SYSTEM, World([]))
    for name in ("two.lime", "one.raw", ".hidden", "with space.raw", "bad\x1b[2J"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "sub").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [one.text for one in suggest(".open ~/", desk)] == [
        "sub/", "one.raw", "two.lime", "with space.raw",
    ]  # fmt: skip
    assert [one.text for one in suggest(f".open {tmp_path}/.", desk)] == [".hidden"]
    (found,) = suggest(f".open {tmp_path}/with sp", desk)
    assert taken(f".open {tmp_path}/with sp", found) == f".open {tmp_path}/with space.raw"
    assert suggest(f".save {tmp_path}/su", desk)[0].text == "sub/"
    assert suggest(".open /no/such/folder/", desk) == []
    assert suggest(".open ~nobody_is_called_so/", desk) == []


# Any text


@settings(deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="processWhr.()[]{}\"'/ =>&|!,:;?_pidx1\n\\@#", max_size=60))
def test_any_text_is_taken(text: str) -> None:
    suggest(text, Desk(RAW_SYSTEM, RawWorld([])))


@settings(deadline=2000)
@given(st.sampled_from(EXAMPLES), st.integers(0, 400), st.integers(0, 400), st.integers(0, 8))
def test_mistakes_are_taken(query: str, end: int, place: int, length: int) -> None:
    """Of each prefix of the examples with something left out."""
    text = query[:end]
    suggest(text[:place] + text[place + length :], Desk(RAW_SYSTEM, RawWorld([])))


@pytest.mark.parametrize(
    "text",
    [
        "process" + ".Where(a => a" * 199,
        "process.Where(" + "(" * 190,
        "process.Where(" + "!" * 500,
        "a" + ".b" * 5000 + ".",
        "x ? " * 150,
        '"' * 10_000,
        "let a = 1;" * 500 + "a",
        "let f = x => x + x; " + "f(" * 150,
        "".join(f"let a{n} = a{n - 1} + a{n - 1};" for n in range(1, 100)) + "a99",
        ".open " + "/" * 5000,
        "p" * 300_000,
    ],
    ids=lambda text: text[:12],
)
def test_large_texts_are_taken(text: str) -> None:
    assert len(suggest(text, Desk(SYSTEM, World([])))) <= MOST
