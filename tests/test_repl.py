"""The interpreter without a terminal: entries are read, and only results are written."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq import repl
from memq.cli import main
from memq.image import Image
from memq.repl import entries
from memq.run import Run
from memq.ui.commands import as_query, is_command
from memq.ui.session import Session
from memq.ui.terminal import Terminal
from tests.lab import ROOT
from tests.program import LINUX, POSIX, command
from tests.transcript import Paper, Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.progress import Progress


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    with Image(sample) as image:
        yield image


@pytest.fixture(scope="module")
def session(image: Image) -> Session:
    return Session(image, Terminal(io.StringIO()))


@pytest.fixture
def piped(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Return what runs memq on a text: its status, and what it writes where."""

    def run(text: bytes, *options: str) -> tuple[int, str, str]:
        stream = io.TextIOWrapper(io.BytesIO(text), encoding="ascii")
        monkeypatch.setattr(sys, "stdin", stream)
        status = main([str(sample), *options])
        return status, *capsys.readouterr()

    return run


# Standard input


def test_results_here_and_all_else_there(piped: Callable[..., tuple[int, str, str]]) -> None:
    text = b"""
process.Take(2)
  .Select([pid, name])
.set pager
let two = 2

.format csv
process.Where(
  pid == two)
.Select([pid, name])
.nothing
process.Where(nme == 1)
"""
    status, out, err = piped(text)
    first = '[\n{"pid":1,"name":"systemd"},\n{"pid":2,"name":"kthreadd"}\n]\n'
    assert out == f"{first}pid,name\n2,kthreadd\n"
    assert status == 1
    assert err.splitlines() == [
        "memq: on",
        "memq: error: There is no command `.nothing`.",
        "`.help` names them all.",
        "memq: error: Nothing is called `nme` here.",
        "  process.Where(nme == 1)",
        "                ^^^",
        "Did you mean `name`?",
    ]


def test_options_and_the_end(piped: Callable[..., tuple[int, str, str]]) -> None:
    text = b"process.Take(x).Select(pid)\n.quit\nnonsense"
    assert piped(text, "-o", "csv", "--let", "x=1") == (0, "value\n1\n", "")
    assert piped(b"") == (0, "", "")
    assert piped(b"\n" * (1 << 20) + b"process.Count()") == (0, "112\n", "")
    assert piped("process.Count(name == 'é漢')".encode()) == (0, "0\n", "")
    status, out, err = piped(b"process.Count(name == '\xff')\nprocess.Count()")
    assert (status, out) == (1, "112\n")
    assert err.startswith("memq: error: The query holds bytes that are not UTF-8 text")


def test_another_dump(piped: Callable[..., tuple[int, str, str]], sample: Path) -> None:
    status, out, err = piped(f"let x = 5\n.open {sample}\nx\nprocess.Count()\n".encode())
    assert (status, out) == (1, "112\n")
    assert err.startswith("memq: error: No source is called `x`.\n")


def test_warnings_of_the_dump_are_told(
    piped: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Image.__init__

    def odd(self: Image, *arguments: Any) -> None:
        opened(self, *arguments)
        self.warnings.append("it is\x1b odd")

    monkeypatch.setattr(Image, "__init__", odd)
    assert piped(b"process.Count()") == (0, "112\n", "memq: warning: it is\\x1b odd\n")


@pytest.mark.parametrize("options", [[], ["-f", "-"]])
def test_a_closed_input_is_told(
    sample: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main([str(sample), *options]) in (1, 2)
    assert capsys.readouterr().err == "memq: error: standard input is closed\n"


def test_what_is_stopped_ends_the_program(
    piped: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(progress: Progress) -> Run:
        return Run(progress, cancelled=True)

    with monkeypatch.context() as patch:
        patch.setattr("memq.ui.session.Run", stopped)
        status, _, err = piped(b"process\nprocess.Count()")
        assert (status, err) == (1, "memq: stopped\n")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "ask", interrupted)
    assert piped(b"process\n.help") == (1, "", "memq: stopped\n")


def test_a_mistake_of_memq_fails(
    piped: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("memq.ui.asking.explain", None)
    monkeypatch.setattr("memq.ui.log.state_folder", lambda: tmp_path)
    status, out, err = piped(b".explain process\nprocess.Count()")
    place = tmp_path / "memq.log"
    told = f"this is a mistake in memq (TypeError); what it did is in {place}"
    assert (status, out, err) == (1, "112\n", f"memq: error: {told}\n")
    assert "TypeError" in place.read_text("utf-8")


@POSIX
def test_a_reader_who_has_seen_enough(sample: Path) -> None:
    program = subprocess.Popen(
        command(sample),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    program.stdout.close()
    program.stdout = None
    assert program.communicate("process.Count()\nprocess.Count()\n", timeout=120)[1] == ""
    assert program.returncode == 0


@LINUX
def test_a_full_disk(sample: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            command(sample),
            cwd=ROOT,
            input="process.Count()\nprocess.Count()\n",
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.stderr == "memq: error: No space left on device\n"
    assert result.returncode == 1


# A terminal


def test_an_interrupt_between_two_entries(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes when an entry has failed already, or while one is asked for."""
    transcript = Transcript(image)
    waiting: list[str | type[BaseException]] = ["nonsense", KeyboardInterrupt, "1 + 1", EOFError]

    class Given:
        def ask(self) -> str:
            one = waiting.pop(0)
            if isinstance(one, str):
                return one
            raise one

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(repl, "_prompt", lambda *_: Given())
    monkeypatch.setattr(sys, "stdin", Paper())
    monkeypatch.setattr(transcript.session, "fail", interrupted)
    assert repl.interpret(transcript.session) == 0
    assert transcript.text.endswith("MB\n2\n_1\n")
    assert not waiting


# Entries

LINES = (
    "process.Count()", "vad", "let x = 1", "process.Where(", "pid == 1)", ".Take(1)", "  .Take(2)",
    ".info", ".quit", "", "  ", "wrong ))", "'a\u2028b\x0c'", "// said", "pid + ", "1", ". ", ".5",
)  # fmt: skip
WHOLE = ("process.Count()", "vad.Take(1)", "let x = 1", "1 + 1", ".info", ".help pid", "wrong ))")


def lines_of(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


@given(st.lists(st.sampled_from(LINES) | st.text(st.characters(exclude_characters="\n"))))
def test_no_line_is_lost(session: Session, lines: list[str]) -> None:
    found = list(entries(session, lines))
    assert all(one.strip() for one in found)
    assert lines_of("\n".join(found)) == lines_of("\n".join(lines))
    for one in found:
        assert not is_command(one) or "\n" not in one


@given(st.lists(st.sampled_from(WHOLE)))
def test_a_statement_in_each_line(session: Session, lines: list[str]) -> None:
    assert list(entries(session, lines)) == lines


@given(st.lists(st.sampled_from(LINES[:7])))
def test_what_follows_an_empty_line_begins_anew(session: Session, lines: list[str]) -> None:
    before = list(entries(session, lines))
    found = list(entries(session, [*lines, "", "process"]))
    if before and session.parser.is_complete(as_query(before[-1])) == "incomplete":
        assert found[-1] == f"{before[-1]}\n\nprocess"
    else:
        assert found == [*before, "process"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("process\n.Take(1)\n.info\n.Take(2)", ["process\n.Take(1)", ".info", ".Take(2)"]),
        ("process\n\n.Take(1)", ["process", ".Take(1)"]),
        ("process.Where(\n\npid == 1)", ["process.Where(\n\npid == 1)"]),
        ("process.Where(\n.info", ["process.Where(\n.info"]),
    ],
)
def test_where_a_query_ends(session: Session, text: str, expected: list[str]) -> None:
    assert list(entries(session, text.split("\n"))) == expected


@given(st.sampled_from(LINES) | st.text())
def test_an_entry_is_a_command_or_a_query(text: str) -> None:
    query = as_query(text)
    assert query in (text, f"_{text.lstrip()}")
    if is_command(text):
        assert text.lstrip().startswith(".")
        assert query == text
    elif text.lstrip().startswith("."):
        assert query.startswith("_.")


@pytest.mark.parametrize("text", [".info", "  .help process", ".x", ".open a.lime", "."])
def test_commands(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize("text", [".Take(1)", " .Select(pid)", ".Any(", "a.b", ""])
def test_queries(text: str) -> None:
    assert not is_command(text)


def test_seed_is_one_entry(session: Session) -> None:
    seed = (ROOT / "samples" / "seed.mq").read_text("utf-8").rstrip("\n")
    assert list(entries(session, seed.split("\n"))) == [seed]


# Habits


def test_words_without_a_dot_are_entries_of_their_own(piped: Any) -> None:
    text = b"process.Count()\nhelp vad.start\nprocess\n.Count()\nexit\nwrong\n"
    status, shown, told = piped(text)
    assert (status, told) == (0, "")
    first, title, *_, last = shown.splitlines()
    assert (first, title, last) == ("112", "vad.start:", "112")


def test_comments_alone_are_no_mistake(piped: Any) -> None:
    assert piped(b"// how many\nprocess.Count()\n\n# done\n") == (0, "112\n", "")
