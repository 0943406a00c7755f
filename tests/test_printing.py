"""How answers look on a terminal, and what is said of what had no room there."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

import memq
from memq.errors import Cancelled
from memq.output.look import Look
from memq.printing import interruptible, look_of, texts, undecided_texts, write
from memq.progress import Progress
from memq.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUERY = "process.Where(pid == 1)"


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[memq.Image]:
    with memq.open(sample) as opened:
        yield opened


@pytest.fixture(autouse=True)
def terminal_of_60_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_look_is_that_of_the_stream() -> None:
    assert look_of(Terminal()) == Look(60, dim=True, humane=True)
    assert look_of(io.StringIO()) == Look()


def test_on_a_terminal_what_has_no_room_is_said(
    image: memq.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = Terminal()
    query = "process.Where(pid == 1).Select({of: process_object, all: vad.size.Sum()})"
    write(image.query(query), "table", stream)
    head, _, first = stream.getvalue().splitlines()[:3]
    assert head.split()[-1] == "all"
    assert first.split()[-1] == "19.2MB"
    assert capsys.readouterr().err == (
        "memq: note: 2 columns left out: of.image_path, of.create_time\n"
    )


def test_elsewhere_everything_is_exact_and_there(
    image: memq.Image, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    write(image.query(QUERY), "table", stream)
    assert stream.getvalue().splitlines()[2].endswith("  2026-11-21T18:44:29.883798Z")
    assert stream.getvalue().startswith("process_id  parent_process_id  name")
    assert capsys.readouterr().err == ""


def test_what_was_left_out_is_known_with_the_first_piece(image: memq.Image) -> None:
    look = Look(60)
    pieces = iter(texts(image.query("process"), "table", look))
    assert (look.left_out, look.note) == ([], "")
    next(pieces)
    assert look.left_out == ["image_path", "create_time"]
    assert look.note == "2 columns left out: image_path, create_time"


def test_what_is_undecided_is_fitted_too(image: memq.Image) -> None:
    look = Look(60)
    answer = image.query(f"{QUERY}.Where(1 / (pid - pid) == 1)")
    lines = "".join(undecided_texts(answer, "table", look)).splitlines()
    assert lines[0].split()[:2] == ["pid", "ppid"]
    assert lines[2].split()[-1] == "zero"
    assert look.note.endswith("create_time")


def test_what_takes_long_says_so_and_makes_way_for_rows() -> None:
    screen = Terminal()
    run = Run(Progress(screen, delay=0.0))
    with interruptible(run) as stop:
        run.check()
        assert "asking, Ctrl-C stops it: 0 s" in screen.getvalue()
        stop()
        with pytest.raises(Cancelled):
            run.check()
    assert screen.getvalue().endswith(" \r")
