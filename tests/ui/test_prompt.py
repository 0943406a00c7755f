"""The prompt's keys, on a terminal that is none; its history, and where new lines begin."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from memq.ui import log
from memq.ui.keys import begin_line
from memq.ui.plain import PlainPrompt
from memq.ui.prompt import Prompt, history_of
from tests.transcript import Transcript
from tests.ui.screen import ALT_ENTER, CTRL_C, CTRL_D, CTRL_R, ENTER, TAB, UP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from memq.image import Image
    from memq.ui.session import Session


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the history kept in a folder of the test's own."""
    monkeypatch.setattr(log, "state_folder", lambda: tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def session(sample_image: Image, folder: Path) -> Session:
    assert not folder.exists()
    return Transcript(sample_image).session


def asked(session: Session, *keys: str) -> Iterator[str]:
    """Yield what each of some keys enters; EOFError where they enter nothing."""
    for each in keys:
        with create_pipe_input() as source:
            source.send_text(each)
            source.close()
            yield Prompt(session, source, DummyOutput()).ask()


@pytest.mark.parametrize(
    ("keys", "entry"),
    [
        (f"process{ENTER}", "process"),
        (f"process.Where({ENTER}pid == 1{ENTER}){ENTER}", "process.Where(\n  pid == 1\n  )"),
        (f"1 +{ENTER}2{ENTER}", "1 +\n2"),
        (f"wrong )){ENTER}", "wrong ))"),
        (f".info{ENTER}", ".info"),
        (f".Take({ENTER}1){ENTER}", ".Take(\n  1)"),
        (f"process{ALT_ENTER}.Take(1){ENTER}", "process\n.Take(1)"),
        (f"{ENTER}", ""),
        (
            f"\x1b[200~process\n.Where(\npid == 1)\n\x1b[201~{ENTER}",
            "process\n.Where(\npid == 1)\n",
        ),
    ],
)
def test_enter(session: Session, keys: str, entry: str) -> None:
    assert list(asked(session, keys)) == [entry]


@pytest.mark.parametrize(
    ("keys", "entry"),
    [
        (f"proc{TAB}.Wh{TAB}name == 'x'){ENTER}", "process.Where(name == 'x')"),
        (f"process.Where(is_anony{TAB}{ENTER}1){ENTER}", "process.Where(is_anony\n1)"),
        (f"vad.Where(is_anony{TAB}){ENTER}", "vad.Where(is_anonymous)"),
        (f"process.OrderB{TAB}pid){ENTER}", "process.OrderBypid)"),
        (f".symb{TAB} init_task{ENTER}", ".symbol init_task"),
    ],
)
def test_tab_does_not_wait_for_a_menu(session: Session, keys: str, entry: str) -> None:
    assert list(asked(session, keys)) == [entry]


def test_keys_that_give_up(session: Session) -> None:
    with pytest.raises(KeyboardInterrupt):
        list(asked(session, f"process{CTRL_C}"))
    with pytest.raises(EOFError):
        list(asked(session, CTRL_D))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("process", "", "process\n"),
        ("process.Where(", "", "process.Where(\n  "),
        ("  a.Where(", "", "  a.Where(\n    "),
        ("a.Where(\n  [", "", "a.Where(\n  [\n    "),
        ("a.Where(\n  pid == 1", "", "a.Where(\n  pid == 1\n  "),
        ("a.Where(\n  pid == 1", ")", "a.Where(\n  pid == 1\n"),
        ("x", ")", "x\n"),
        ("", "", "\n"),
        ("{ ", "", "{ \n  "),
    ],
)
def test_where_a_new_line_begins(before: str, after: str, expected: str) -> None:
    buffer = Buffer(document=Document(before + after, len(before)), multiline=True)
    begin_line(buffer)
    assert buffer.text == expected + after
    assert buffer.cursor_position == len(expected)


# History


def test_history_is_kept_but_not_all_of_it(session: Session, folder: Path) -> None:
    entered = ["process", " hidden", "process", "vad", "  ", "1 +\n1"]
    keys = [*(f"{one}{ENTER}" for one in entered[:-1]), f"1 +{ENTER}1{ENTER}"]
    assert list(asked(session, *keys)) == entered
    assert list(session.history()) == ["1 +\n1", "vad", "process"]
    found = list(asked(session, f"{UP}{ENTER}", f"{CTRL_R}VA{ENTER}{ENTER}"))
    assert found == ["1 +\n1", "vad"]
    text = (folder / "history").read_text("utf-8")
    assert "hidden" not in text
    assert text.count("+process\n") == 1


def test_what_is_suggested_is_a_whole_entry(session: Session) -> None:
    history = InMemoryHistory(["process.Count()", "process.Take(1)", "process\nfirst line", "vad"])
    with create_pipe_input() as source:
        prompt = Prompt(session, source, DummyOutput())
        suggest = prompt._prompt.auto_suggest
    assert suggest is not None
    buffer = Buffer(history=history)
    list(history.load_history_strings())
    for one in ("process.Count()", "process.Take(1)", "process\nfirst line", "vad"):
        history.append_string(one)

    def after(text: str) -> str | None:
        found = suggest.get_suggestion(buffer, Document(text))
        return None if found is None else found.text

    assert after("proc") == "ess.Take(1)"
    assert after("process.C") == "ount()"
    assert after("fi") is None
    assert after("") is None
    assert after("process\nfi") is None


def test_where_no_history_can_be_kept(session: Session, folder: Path) -> None:
    folder.write_text("no folder")
    session.terminal.stream = io.StringIO()
    paper = Transcript(session.dump)
    history = history_of(paper.session)
    assert isinstance(history, InMemoryHistory)
    assert paper.text.startswith("warning: the history is not kept: ")
    assert paper.text.count("\n") == 1


def test_a_history_that_vanishes_ends_no_session(session: Session, folder: Path) -> None:
    history = history_of(session)
    (folder / "history").unlink()
    folder.rmdir()
    folder.write_text("no folder")
    history.append_string("process")
    assert history.get_strings() == ["process"]


# A dumb terminal


class Line(io.StringIO):
    """Lines of which some are interrupted."""

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        line = super().readline(size)
        if line == "^C\n":
            raise KeyboardInterrupt
        return line


def plain(session: Session, lines: Iterable[str]) -> PlainPrompt:
    return PlainPrompt(session, Line("".join(f"{line}\n" for line in lines)))


def test_lines_make_an_entry(sample_image: Image, folder: Path) -> None:
    paper = Transcript(sample_image)
    prompt = plain(paper.session, ["process.Where(", "pid == 1)", "", ".info", "1 +", "^C", "vad"])
    assert [prompt.ask() for _ in range(3)] == ["process.Where(\npid == 1)", "", ".info"]
    with pytest.raises(KeyboardInterrupt):
        prompt.ask()
    assert prompt.ask() == "vad"
    with pytest.raises(EOFError):
        prompt.ask()
    asked = ["memq>     > memq> memq> memq>     > ", "memq> memq> "]
    assert paper.paper.getvalue() == "\n".join([*asked, ""])
    assert list(paper.session.history()) == ["vad", ".info", "process.Where(\npid == 1)"]
    assert (folder / "history").exists()
