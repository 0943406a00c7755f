"""Text on a screen and through pagers: real ones on a terminal, and others in their place."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import sys
import time
from typing import TYPE_CHECKING

import pytest

from memq.errors import Cancelled, MemqError
from memq.progress import Progress
from memq.ui import more
from memq.ui.pager import Screen, Shown, pager_command, pager_environment
from memq.ui.terminal import Terminal
from tests.program import POSIX
from tests.ui import screen as screens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = POSIX
LESS = pytest.mark.skipif(shutil.which("less") is None, reason="less is not here")


class Stream(io.StringIO):
    """A terminal of 10 rows and 20 columns, of which the last write is known."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("MEMQ_PAGER", "no-such-program")
    monkeypatch.delenv("PAGER", raising=False)
    return Stream()


def pager_of(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have a shell's script take the text."""
    monkeypatch.setenv("MEMQ_PAGER", f"sh -c {shlex.quote(script)}")


def screen(stream: Stream) -> Screen:
    return Screen(Terminal(stream), Progress())


def show(stream: Stream, *pieces: str, pager: bool = True) -> Shown:
    return screen(stream).show(pieces, pager=pager)


# What fits


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        ("a\n" * 8,),
        ("a\n", "b\nc\n", "d\n" * 5),
        ("x" * 160,),
        ("漢" * 80,),
        ("\x1b[2m?\x1b[0m" * 20 + "\n", "a\n" * 7),
        ("\n" * 8,),
        ("a\x0cb\u2028\n" * 8,),
    ],
)
def test_a_screenful_needs_no_pager(
    stream: Stream, pieces: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(pieces).count("\n") or len(pieces)
    assert show(stream, *pieces) == Shown(lines)
    assert stream.getvalue() == "".join(pieces)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "pieces", [("a\n" * 9,), ("a\n" * 8, "b"), ("x" * 161,), ("漢" * 81,), ("a\n" * 7, "x" * 21)]
)
def test_what_is_more_goes_to_the_pager_whole(
    stream: Stream, pieces: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pager_of(monkeypatch, f"cat > {tmp_path}/text")
    text = "".join(pieces)
    assert show(stream, *pieces) == Shown(len(text.splitlines()))
    assert (tmp_path / "text").read_text("utf-8") == text
    assert stream.getvalue() == "".join(pieces[:-1])


def test_without_a_pager_or_a_terminal_all_is_written(stream: Stream) -> None:
    assert show(stream, "a\n" * 50, pager=False) == Shown(50)
    assert stream.getvalue() == "a\n" * 50
    dumb = Screen(Terminal(stream, {"TERM": "dumb"}), Progress())
    assert dumb.show(["b\n" * 50]) == Shown(50)
    assert stream.getvalue() == "a\n" * 50 + "b\n" * 50
    elsewhere = io.StringIO()
    assert Screen(Terminal(elsewhere), Progress()).show(["a\n" * 30, "b"]) == Shown(31)
    assert elsewhere.getvalue() == "a\n" * 30 + "b"


def test_pieces_are_written_before_the_next_are_sought(stream: Stream) -> None:
    seen: list[str] = []

    def pieces() -> Iterator[str]:
        for number in range(5):
            seen.append(stream.getvalue())
            yield f"{number}\n"

    screen(stream).show(pieces())
    assert seen == ["", "0\n", "0\n1\n", "0\n1\n2\n", "0\n1\n2\n3\n"]


# Pagers that end early, fail, or do not start


class Source:
    """Pieces without end, and whether they were given up."""

    def __init__(self) -> None:
        self.given = 0
        self.is_closed = False

    def pieces(self) -> Iterator[str]:
        try:
            while True:
                self.given += 1
                yield "x" * 100 + "\n"
        finally:
            self.is_closed = True


def test_leaving_the_pager_ends_the_search(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pager_of(monkeypatch, f"head -n 3 > {tmp_path}/text")
    source = Source()
    shown = screen(stream).show(source.pieces())
    assert shown.is_stopped
    assert shown.lines < source.given < 100_000
    assert source.is_closed
    assert (tmp_path / "text").read_text("utf-8") == ("x" * 100 + "\n") * 3


def test_leaving_the_pager_cancels_what_is_still_sought(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager_of(monkeypatch, "head -n 9 > /dev/null")
    cancelled: list[bool] = []

    def pieces() -> Iterator[str]:
        yield "a\n" * 9
        end = time.monotonic() + 20
        while not cancelled and time.monotonic() < end:
            time.sleep(0.005)
        raise Cancelled("stopped")

    shown = screen(stream).show(pieces(), cancel=lambda: cancelled.append(True))
    assert shown == Shown(9, is_stopped=True)
    assert cancelled == [True]


def test_a_reader_who_stays_to_the_end_cancels_nothing(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager_of(monkeypatch, "cat > /dev/null")
    cancelled: list[bool] = []
    shown = screen(stream).show(["a\n" * 9], cancel=lambda: cancelled.append(True))
    assert (shown, cancelled) == (Shown(9), [])


@pytest.mark.parametrize("error", [Cancelled("stopped"), MemqError("no")])
def test_what_fails_is_raised_when_the_pager_has_ended(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: MemqError
) -> None:
    pager_of(monkeypatch, f"cat > {tmp_path}/text; echo end >> {tmp_path}/text")

    def pieces() -> Iterator[str]:
        yield "a\n" * 9
        raise error

    with pytest.raises(type(error)):
        screen(stream).show(pieces())
    assert (tmp_path / "text").read_text("utf-8") == "a\n" * 9 + "end\n"


def test_an_interrupt_ends_the_text(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pager_of(monkeypatch, f"cat > {tmp_path}/text")

    def pieces() -> Iterator[str]:
        yield "a\n" * 9
        raise KeyboardInterrupt

    assert screen(stream).show(pieces()) == Shown(9, is_stopped=True)
    assert (tmp_path / "text").read_text("utf-8") == "a\n" * 9


@pytest.mark.parametrize(
    ("command", "reason"),
    [("no-such-program -x", "No such file or directory"), ("less 'x", "No closing quotation")],
)
def test_a_pager_that_does_not_start(
    stream: Stream,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    reason: str,
) -> None:
    monkeypatch.setenv("MEMQ_PAGER", command)
    assert show(stream, "a\n", "b\n" * 30, "c\n") == Shown(32)
    assert stream.getvalue() == "a\n" + "b\n" * 30 + "c\n"
    error = capsys.readouterr().err
    assert error == f"memq: warning: the pager `{command}` does not start: {reason}\n"


# Which pager, and what it is told


def test_the_choice_of_a_pager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMQ_PAGER", "first -x 'a b'")
    monkeypatch.setenv("PAGER", "second")
    assert pager_command(os.environ) == ["first", "-x", "a b"]
    monkeypatch.setenv("MEMQ_PAGER", " ")
    assert pager_command(os.environ) == ["second"]
    monkeypatch.delenv("PAGER")
    less = tmp_path / "less"
    less.write_text("#!/bin/sh\n")
    less.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pager_command(os.environ) == [str(less)]
    less.unlink()
    assert pager_command(os.environ) is None


def test_what_a_pager_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LESS", raising=False)
    monkeypatch.setenv("LESSOPEN", "|evil %s")
    monkeypatch.setenv("LESSCLOSE", "evil %s")
    told = pager_environment(os.environ)
    assert (told["LESS"], told["LESSSECURE"]) == ("RSX", "1")
    assert not {"LESSOPEN", "LESSCLOSE"} & told.keys()
    monkeypatch.setenv("LESS", "-i")
    assert pager_environment(os.environ)["LESS"] == "-i"


def test_progress_is_silent_while_the_pager_runs(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memq.progress._INTERVAL", 0.0)
    pager_of(monkeypatch, "cat > /dev/null")
    line = Stream()
    progress = Progress(line, 0.0)

    def pieces() -> Iterator[str]:
        with progress.step("walking"):
            for text in ("a\n", "b\n" * 9, "c\n"):
                progress.tick(1, 2)
                yield text

    Screen(Terminal(stream), progress).show(pieces())
    assert line.getvalue().count("walking") == 2
    assert line.getvalue().endswith("\r")
    with progress.step("on"):
        progress.tick(1, 2)
    assert "on 50%" in line.getvalue()


# memq's own pager


def answers(*keys: str) -> more.More:
    waiting = iter(keys)
    return more.More(Stream(), 8, lambda _: next(waiting))


def test_a_screenful_is_asked_for_after_each() -> None:
    asked = answers(" ", "x", "c-m", "c-m", "pagedown", "q")
    lines = 0
    while asked.make_room(1, 8):
        lines += 1
    assert lines == 8 + 1 + 1 + 8


def test_all_asks_no_more() -> None:
    asked = answers("a")
    assert all(asked.make_room(1, 8) for _ in range(100))


def test_a_line_that_is_longer_than_the_screen_is_let_through() -> None:
    asked = answers(" ", " ", "q")
    assert [asked.make_room(rows, 8) for rows in (30, 1, 1)] == [True, True, True]
    assert not asked.make_room(8, 8)


# On a terminal

PROGRAM = """
import sys
from memq.progress import Progress
from memq.ui.pager import Screen
from memq.ui.terminal import Terminal
given = 0
def pieces():
    global given
    yield "title\\n-----\\n"
    for given in range(1, {count} + 1):
        yield f"row {{given}} " + "\\x1b[2m?\\x1b[0m" + " " * 60 + "end\\n"
shown = Screen(Terminal(), Progress(sys.stderr)).show(pieces())
print("DONE", shown.lines, shown.is_stopped, given, flush=True)
"""


def on_terminal(count: int, **environment: str) -> screens.Screen:
    program = [sys.executable, "-c", PROGRAM.format(count=count)]
    return screens.Screen(program, rows=12, columns=80, **environment)


@LESS
def test_less_pages_and_leaves_early() -> None:
    with on_terminal(10**9) as screen:
        assert screen.wait("row 9 ?").startswith("title")
        assert not any("\x1b" in line or "ESC" in line for line in screen.lines)
        screen.type(" ").wait("row 20 ?")
        screen.type(screens.CTRL_C)  # less goes on, and memq waits for it
        screen.wait("row 21 ?", keys="j")
        screen.type("q").wait("DONE")
        screen.ended()
        (done,) = [line for line in screen.lines if line.startswith("DONE")]
        lines, is_stopped, given = done.split()[-3:]
        assert is_stopped == "True"
        assert int(lines) <= int(given) + 2 < 1_000_000


@LESS
def test_less_is_not_needed_for_a_screenful() -> None:
    with on_terminal(8) as screen:
        screen.wait("DONE 10 False 8")
        assert screen.lines[0] == "title"
        assert screen.lines[10] == "DONE 10 False 8"


@LESS
def test_less_shows_the_end() -> None:
    with on_terminal(500) as screen:
        screen.wait("row 9 ?")
        screen.type("G").wait("row 500 ?")
        screen.type("q").wait("DONE 502 False 500")


@pytest.fixture
def no_less(tmp_path: Path) -> str:
    return os.fspath(tmp_path)


def test_without_less_memq_pauses(no_less: str) -> None:
    with on_terminal(500, PATH=no_less) as screen:
        screen.wait("-- more: space, line: enter, all: a, quit: q --")
        assert screen.lines[0] == "title"
        assert screen.lines[9].startswith("row 8 ?")
        assert screen.lines[10].startswith("-- more:")
        screen.type(screens.ENTER).wait("row 9 ?", "\n-- more:")
        screen.type(" ").wait("row 19 ?", "\n-- more:")
        assert "-- more" not in "".join(screen.lines[:10])
        screen.resize(20, 80)
        screen.type(" ").wait("row 37 ?", "\n-- more:")
        screen.type("q").wait("DONE 39 True 38")


def test_without_less_all_comes_at_once(no_less: str) -> None:
    with on_terminal(60, PATH=no_less) as screen:
        screen.wait("-- more:")
        screen.type("a").wait("DONE 62 False 60")


@pytest.mark.parametrize("key", [screens.CTRL_C, screens.ESCAPE, screens.CTRL_D])
def test_without_less_ctrl_c_leaves(no_less: str, key: str) -> None:
    with on_terminal(60, PATH=no_less) as screen:
        screen.wait("-- more:")
        screen.type(key).wait("DONE 10 True 9")
