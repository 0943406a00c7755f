"""What people type who come from other programs, and what a session tells them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from memq.progress import Progress
from memq.ui.commands import COMMANDS, meant
from tests.transcript import Paper, Transcript

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image


@pytest.fixture
def session(sample_image: Image) -> Transcript:
    return Transcript(sample_image)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("help", ".help"),
        (" ? ", ".help"),
        ("help process.pid", ".help process.pid"),
        ("process?", ".help process"),
        ("vad.protection?", ".help vad.protection"),
        ("exit", ".quit"),
        ("quit()", ".quit"),
        ("process", "process"),
        ("pid ? 1 : 2", "pid ? 1 : 2"),
        ("help(3)", "help(3)"),
    ],
)
def test_habits(typed: str, command: str) -> None:
    assert meant(typed) == command


@pytest.mark.parametrize("typed", ["exit", "quit", "exit()", ".exit", ".q", ".quit"])
def test_whoever_wants_to_leave_can(session: Transcript, typed: str) -> None:
    session.enter(typed)
    assert session.session.is_over
    assert not session.session.failures


def test_help_without_a_dot(session: Transcript) -> None:
    assert session.enter("help") == session.enter("?") == session.enter(".help")
    assert session.enter("process?") == session.enter(".help process")


def test_a_name_that_was_given_is_no_command(session: Transcript) -> None:
    session.enter("let exit = 7")
    assert session.enter("exit").startswith("7\n")
    assert not session.session.is_over


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("dt list_head", "Commands begin with a dot: `.dt list_head`."),
        ("info", "Commands begin with a dot: `.info`."),
        (".process", "`process` is an object: a query begins with it, without the dot."),
        (".nothing", "`.help` names them all."),
    ],
)
def test_a_slip_is_told(session: Transcript, typed: str, hint: str) -> None:
    shown = session.enter(typed)
    assert shown.startswith("error: ")
    assert shown.endswith(f"\n{hint}\n")


def test_no_command_has_the_other_name_of_one() -> None:
    names = [name for one in COMMANDS.values() for name in (one.name, *one.also)]
    assert len(names) == len(set(names))


# What stands below a result


def test_the_time_of_a_single_value_is_that_of_finding_it(session: Transcript) -> None:
    session.session.settings.set("time", "on")
    found = re.search(r"_1: (\d+\.\d\d) s", session.enter("process.Count(vad.Any(v => v.end > 0))"))
    assert found
    assert float(found[1]) > 0


def test_a_null_by_itself_is_seen(session: Transcript) -> None:
    assert session.enter("process[1].exe") == "null\n_1\n"
    assert session.enter("process.FirstOrNull(pid == 999999)") == "null\n_2\n"


def test_what_a_file_lacks_is_told(session: Transcript, tmp_path: Path) -> None:
    query = "process.Where(1 / (pid - 1) == 1)"
    told = "1 matched, 1 undecided: division by zero\n"
    assert told in session.enter(query)
    assert session.enter(f".save {tmp_path / 'found.json'} {query}").startswith(told)
    assert session.enter(f".time {query}").endswith(told)
    assert session.enter(f".undecided {query}").endswith(told)


def test_long_lines_are_cut_between_words(sample_image: Image) -> None:
    narrow = Transcript(sample_image, 80)
    for entry in (".info", ".explain process.Where(vad.is_executable)", ".help nothing", ".set"):
        shown = narrow.enter(entry)
        assert max(map(len, shown.splitlines())) <= 80
        assert shown.count("\n") > 2


def test_what_takes_long_says_so_and_leaves_nothing(session: Transcript) -> None:
    told = Paper()
    session.session.progress = lambda: Progress(told, delay=0)  # type: ignore[method-assign]
    session.enter("process.Count(vad.Any(v => v.end > 0))")
    lines = told.getvalue().split("\r")
    assert "asking, Ctrl-C stops it: 0 s" in lines
    assert lines[-2:] == [" " * len(lines[-2]), ""]
    assert len(lines[-2]) >= len("asking, Ctrl-C stops it: 0 s")
