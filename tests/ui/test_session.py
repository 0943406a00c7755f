"""A session's parts: clock, terminal, settings, log, what it says where, and another dump."""

from __future__ import annotations

import io
import signal
import time
from typing import TYPE_CHECKING

import pytest

from memq.errors import ImageError, MemqError, QueryError
from memq.image import Image
from memq.run import Run
from memq.ui import log
from memq.ui.log import log_failure, prepared
from memq.ui.session import Clock, Session
from memq.ui.settings import SETTINGS, Settings
from memq.ui.terminal import END, RED, Terminal
from tests.program import POSIX
from tests.transcript import Paper, Transcript

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


# The clock


def test_the_clock_counts_what_is_waited_for() -> None:
    clock = Clock()
    ended: list[bool] = []

    def pieces() -> Generator[str, None, None]:
        try:
            time.sleep(0.02)
            yield "a"
            time.sleep(0.02)
            yield "b"
        finally:
            ended.append(True)

    timed = clock.timed(pieces())
    assert next(timed) == "a"
    first = clock.seconds
    assert first >= 0.02
    time.sleep(0.05)  # someone reads
    assert clock.seconds == first
    assert list(timed) == ["b"]
    assert clock.seconds >= 0.04
    assert ended == [True]


def test_the_clock_ends_what_it_is_not_asked_for_any_more() -> None:
    clock = Clock()
    ended: list[bool] = []

    def pieces() -> Generator[str, None, None]:
        try:
            yield "a"
            yield "b"
        finally:
            ended.append(True)

    timed = clock.timed(pieces())
    next(timed)
    timed.close()  # type: ignore[attr-defined]
    assert ended == [True]


def test_the_clock_counts_what_fails() -> None:
    clock = Clock()

    def pieces() -> Generator[str, None, None]:
        yield "a"
        time.sleep(0.02)
        raise MemqError("no")

    with pytest.raises(MemqError):
        list(clock.timed(pieces()))
    assert clock.seconds >= 0.02


def test_the_time_of_a_single_value_is_counted(
    sample_image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> list[str]:
        time.sleep(0.03)
        return ["5\n"]

    monkeypatch.setattr("memq.ui.session.texts", slow)
    transcript = Transcript(sample_image)
    transcript.enter(".time on")
    value, footer = transcript.enter("process.Count()").splitlines()
    assert value == "5"
    assert float(footer.removeprefix("_1: ").removesuffix(" s")) >= 0.03


# The terminal


@pytest.mark.parametrize(
    ("environment", "is_dumb", "has_colours", "is_light"),
    [
        ({"TERM": "xterm"}, False, True, False),
        ({"TERM": "dumb"}, True, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, False, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, False, True, False),
        ({"COLORFGBG": "0;15"}, False, True, True),
        ({"COLORFGBG": "0;default;7"}, False, True, True),
        ({"COLORFGBG": "15;0"}, False, True, False),
        ({"COLORFGBG": "nonsense"}, False, True, False),
    ],
)
def test_what_a_terminal_is(
    environment: dict[str, str], *, is_dumb: bool, has_colours: bool, is_light: bool
) -> None:
    terminal = Terminal(Paper(), environment)
    assert (terminal.is_dumb, terminal.has_colours) == (is_dumb, has_colours)
    assert terminal.is_light == is_light
    assert terminal.paint("x", RED) == (f"{RED}x{END}" if has_colours else "x")


def test_a_file_is_no_terminal() -> None:
    file = Terminal(io.StringIO(), {"TERM": "xterm"})
    assert not file.is_terminal
    assert file.is_dumb
    assert not file.has_colours


def test_its_size_is_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(Paper(), {})
    for columns, rows in ((40, 10), (90, 50)):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", str(rows))
        assert (terminal.width, terminal.height) == (columns, rows)
    assert Terminal(Paper(), {}, columns=7).width == 7


# Settings


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_takes_its_choices_and_nothing_else(name: str) -> None:
    settings = Settings()
    assert settings[name] == SETTINGS[name].choices[0]
    for choice in SETTINGS[name].choices:
        settings.set(name, choice)
        assert settings[name] == choice
        assert settings.is_on(name) == (choice == "on")
    with pytest.raises(QueryError, match="cannot be ``"):
        settings.set(name, "")
    assert settings[name] == choice


def test_settings_change_what_is_shown(sample_image: Image) -> None:
    transcript = Transcript(sample_image)
    query = "process.Where(pid == 1).Select([pid, create_time])"
    assert transcript.enter(query).endswith("1  2026-11-21 18:44:29Z\n_1: 1 row\n")
    transcript.enter(".set exact on")
    assert transcript.enter(query).endswith("1  2026-11-21T18:44:29.883798Z\n_2: 1 row\n")
    transcript.enter(".format jsonl")
    shown = transcript.enter(query)
    assert shown == '{"pid":1,"create_time":"2026-11-21T18:44:29.883798Z"}\n_3: 1 row\n'
    transcript.enter(".time on")
    assert transcript.enter("1 + 1").startswith("2\n_4: 0.")


# The log


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the state kept in a folder that is not there yet."""
    monkeypatch.setattr(log, "state_folder", lambda: tmp_path / "a" / "b")
    return tmp_path / "a" / "b"


@pytest.fixture
def failure() -> QueryError:
    with pytest.raises(QueryError) as caught:
        Settings().set("nothing", "on")
    return caught.value


def test_the_log_begins_anew_where_it_is_large(
    folder: Path, failure: QueryError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_LARGEST", 2000)
    path, before = folder / "memq.log", folder / "memq.log.1"
    entries: list[str] = []
    while not before.exists():
        entries.append(f"entry {len(entries)} \udcff")
        assert log_failure(entries[-1], failure) == str(path)
        assert len(entries) < 100
    assert len(entries) > 2
    first, last = before.read_text("utf-8"), path.read_text("utf-8")
    assert entries[-1].replace("\udcff", "\\udcff") in last
    assert all(entry[:-2] in first for entry in entries[:-1])
    assert "Traceback" in last
    assert "test_session.py" in last
    for _ in range(20):
        log_failure("more", failure)
    assert sorted(one.name for one in folder.iterdir()) == ["memq.log", "memq.log.1"]
    assert path.stat().st_size < 4000


@POSIX
def test_the_log_is_the_users_alone(folder: Path, failure: QueryError) -> None:
    log_failure("process", failure)
    assert folder.stat().st_mode & 0o77 == 0
    assert prepared("memq.log").stat().st_mode & 0o77 == 0


def test_a_log_that_cannot_be_written_is_told(folder: Path, failure: QueryError) -> None:
    folder.parent.write_text("no folder")
    assert log_failure("process", failure).startswith("the log could not be written: ")


# What is said


def test_what_is_said_is_harmless_and_aside(
    sample_image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    session = Session(sample_image, Terminal(stream))
    session.say("bad\x1b[31m", "more\a")
    session.quietly("nobody looks on")
    session.fail(QueryError("wrong\x1b", hint="do\x07so"))
    assert stream.getvalue() == ""
    assert capsys.readouterr().err == (
        "memq: bad\\x1b[31m\nmore\\x07\nmemq: error: wrong\\x1b\ndo\\x07so\n"
    )
    assert session.failures == 1
    paper = Paper()
    session = Session(sample_image, Terminal(paper, {"TERM": "xterm"}))
    session.fail(MemqError("bad\x1b[31m"))
    assert paper.getvalue() == f"{RED}error:{END} bad\\x1b[31m\n"


def test_another_dump(sample: Path) -> None:
    first, second = Image(sample), Image(sample)
    transcript = Transcript(first)
    transcript.enter("let x = 1")
    transcript.session.open(second)
    assert "No source is called `x`" in transcript.enter("x")
    assert transcript.enter("process.Count()") == "112\n_1\n"
    with pytest.raises(ImageError):  # it is closed
        first.physical.read(0x1000, 1)
    second.close()


# Ctrl-C


def test_the_first_interrupt_asks_and_the_second_ends(sample_image: Image) -> None:
    transcript = Transcript(sample_image)
    run, before = Run(), signal.getsignal(signal.SIGINT)

    def interrupted() -> None:
        with transcript.session.interruptible(run):
            signal.raise_signal(signal.SIGINT)
            assert run.cancelled
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert signal.getsignal(signal.SIGINT) is before
    assert transcript.paper.getvalue().endswith("\r")


def test_a_stopped_result_has_a_name(sample_image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    transcript = Transcript(sample_image)
    with monkeypatch.context() as patch:
        patch.setattr("memq.ui.session.Run", lambda progress: Run(progress, cancelled=True))
        shown = transcript.enter("process")
    assert shown.endswith("\r_1: 0 rows, stopped before the end\n")
    assert transcript.enter("_.Count()") == "112\n_2\n"
    assert transcript.session.failures == 0
