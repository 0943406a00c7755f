"""The interpreter as a person meets it: keys go in, and the screen is looked at."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.lab import ROOT
from tests.program import command
from tests.ui.screen import (
    ALT_ENTER,
    CTRL_C,
    CTRL_D,
    CTRL_R,
    DOWN,
    ENTER,
    NEEDS_TERMINAL,
    RIGHT,
    TAB,
    UP,
    Screen,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = NEEDS_TERMINAL
LESS = pytest.mark.skipif(shutil.which("less") is None, reason="less is not here")
COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:[34]\d|9\d|10\d)[;m]")
ENDLESS = (
    "vad.Join(vad, a => true, b => true, (a, b) => {a: a.start, b: b.start})"
    ".Join(vad, p => true, c => true, (p, c) => {a: p.a, b: p.b, c: c.start})"
    ".Where(a == b && b == c)"
)
"""Thousands of millions of rows are looked at, and the first is found at once."""


@pytest.fixture
def start(sample: Path, tmp_path: Path) -> Callable[..., Screen]:
    """Return what starts memq on the sample, with a home of its own."""

    def started(program: list[str] | None = None, **more: str | int) -> Screen:
        home = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
        return Screen(program or command(sample), **(home | more))  # type: ignore[arg-type]

    return started


def last(screen: Screen) -> str:
    """Return the last line, where there is a prompt: what is being entered."""
    return next(line for line in reversed(screen.lines) if line)


def test_a_session(start: Callable[..., Screen]) -> None:
    with start() as screen:
        screen.prompt("112 processes")
        assert screen.lines[0].startswith("deb12-6.1-small.lime.xz: LiME, Linux 6.1.0-56-cloud")

        for key in "process.Whe":
            screen.type(key)
        screen.wait("Where(condition)", "The elements of which a condition is true.")
        screen.type(TAB).wait("memq> process.Where(\n")
        screen.type("process_").wait("number: Number of the process")
        screen.type(TAB).wait("memq> process.Where(process_id\n")
        screen.type(ENTER).until(lambda shown: "number:" not in shown, "no menu")
        screen.type(" <= 2).Select([pid, name])" + ENTER).prompt("_1: 2 rows, 0.")
        table = ["pid  name", "---  --------", "  1  systemd", "  2  kthreadd"]
        assert screen.lines[3:7] == table
        assert re.fullmatch(r"_1: 2 rows, \d+\.\d\d s", screen.lines[7])
        assert screen.lines[8] == ""

        screen.enter("process.Where(nme == 1)", "Did you mean `name`?")
        wrong = ["error: Nothing is called `nme` here.", "  process.Where(nme == 1)"]
        assert screen.lines[10:13] == [*wrong, " " * 16 + "^^^"]

        screen.type("nonsense").wait("memq> nonsense")
        screen.type(CTRL_C).prompt("memq> nonsense\n")
        screen.enter("_", "_2: 2 rows")
        screen.enter("_1.Count()", "_3: ")
        screen.enter("_1", "_4: 2 rows")
        screen.enter(".Take(1)", "_5: 1 row,")
        assert screen.type(CTRL_D).ended() == 0


def test_entries_of_several_lines(start: Callable[..., Screen]) -> None:
    with start(rows=45) as screen:
        screen.prompt("112 processes")
        screen.type("process.Where(" + ENTER).wait("\n    >\n", "process_id")
        assert screen.screen.cursor.x == len("    >   ")
        screen.type("pid == 1" + ENTER).wait("pid == 1\n    >\n")
        screen.type(").Select(pid)" + ENTER).prompt("_1: 1 row")
        screen.type("process.Take(1)" + ALT_ENTER).wait("memq> process.Take(1)\n    >\n")
        screen.type(".Select([pid, name])" + ENTER).prompt("_2: 1 row")

        seed = (ROOT / "samples" / "seed.mq").read_text("utf-8").strip()
        screen.paste(seed).wait("    > ])")
        assert "_3" not in screen.text
        first, *more = seed.split("\n")
        shown = [f"memq> {first}", *(f"    > {line}" for line in more)]
        assert "\n".join(shown) in screen.text
        screen.type(ENTER).prompt("_3: 6 rows")
        assert "/usr/sbin/agetty, /usr/…" in screen.text
        assert max(map(len, screen.lines)) <= 100
        assert screen.enter(".quit").ended() == 0


def test_ctrl_c_stops_what_runs(start: Callable[..., Screen]) -> None:
    with start() as screen:
        screen.prompt("112 processes")
        screen.enter(".set pager off", "pager off\n")
        screen.enter(f"{ENDLESS}").wait("a  ", "---\n0x")
        screen.type(CTRL_C).prompt("stopped before the end")
        (footer,) = [line for line in screen.lines if "stopped before the end" in line]
        assert re.fullmatch(r"_1: [1-9]\d* rows?, \d+\.\d\d s, stopped before the end", footer)
        screen.enter("process.Count()", "\n112\n_2: ")
        screen.enter("_1.Take(1).Count()", "\n1\n_3: ")
        assert screen.type(CTRL_D).ended() == 0


def test_history(start: Callable[..., Screen], tmp_path: Path) -> None:
    with start() as screen:
        screen.prompt("112 processes")
        screen.enter("process.Take(2).Count()", "_1")
        screen.enter(" process.Take(3).Count()", "_2")
        screen.paste("process\n  .Take(4)\n  .Count()").enter("", "_3")
        screen.type(CTRL_D).ended()
    file = tmp_path / "state" / "memq" / "history"
    assert file.stat().st_mode & 0o77 == 0
    assert "Take(3)" not in file.read_text("utf-8")
    with start() as screen:
        screen.prompt("112 processes")
        screen.type(UP).wait("memq> process\n    >   .Take(4)\n    >   .Count()")
        screen.type(CTRL_C).until(lambda _: last(screen) == "memq>", "nothing")
        screen.type("proc").wait("memq> process.Take(2).Count()")
        assert screen.colour("ess.Take(2)") == "brightblack"
        screen.type(RIGHT).until(
            lambda _: screen.colour("Take(2)") not in ("brightblack", ""), "taken"
        )
        screen.type(ENTER).prompt("\n2\n_1")
        screen.type(CTRL_R).wait("I-search backward:")
        screen.type("take(4").wait("memq> process\n    >   .Take(4)\n    >   .Count()\n")
        screen.type(ENTER).until(lambda shown: "I-search" not in shown, "end of search")
        screen.type(ENTER).prompt("\n4\n_2")
        screen.enter(".history 2", ".history 2\nprocess\n  .Take(4)\n  .Count()\n.history 2\n")
        assert screen.type(CTRL_D).ended() == 0


@LESS
def test_a_long_result_goes_to_less(start: Callable[..., Screen]) -> None:
    with start() as screen:
        screen.prompt("112 processes")
        screen.enter("process").wait("\n:", "kthreadd")
        screen.type(" ").until(lambda shown: "kthreadd" not in shown, "the next page")
        screen.type("q").prompt("_1: 112 rows")
        assert "stopped" not in screen.text  # all were found before it was left
        screen.enter(f"{ENDLESS}.Take(60)").wait("a  ", "0x")
        screen.type(CTRL_C).prompt("stopped before the end")
        screen.enter("vad.Join(vad, a => true, b => true)").wait("\n:", "left")
        screen.type("q").prompt("_3: ", "stopped before the end")
        screen.enter(".set pager off", ".set pager off\n")
        screen.enter("process.Take(40)", "_4: 40 rows")
        assert screen.type(CTRL_D).ended() == 0


def test_where_little_works(start: Callable[..., Screen], tmp_path: Path) -> None:
    """No less, no colours, and nowhere to keep a history."""
    (tmp_path / "state").touch()
    with start(PATH=str(tmp_path), NO_COLOR="1") as screen:
        screen.prompt("warning: the history is not kept: ")
        screen.enter("process").wait("-- more: space, line: enter, all: a, quit: q --")
        screen.type("q").prompt("_1: ")
        screen.enter("process.Where(nme == 1)", "Did you mean `name`?")
        screen.type(UP).wait("memq> process.Where(nme == 1)\n", "Did you mean")
        screen.type(CTRL_C).until(lambda _: last(screen) == "memq>", "nothing")
        screen.type("process.").wait("Where(condition)")
        screen.type(DOWN + CTRL_C).until(lambda _: last(screen) == "memq>", "nothing")
        assert screen.raw.count(b"warning:") == 1
        assert screen.type(CTRL_D).ended() == 0
        assert not COLOUR.search(screen.raw)


def test_other_sizes_and_other_dumps(
    start: Callable[..., Screen], sample: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.lime.xz"
    other.symlink_to(sample)
    with start() as screen:
        screen.prompt("112 processes")
        screen.enter("process.Take(1)", "_1: 1 row", "create_time")
        screen.type("process.Take(2)").wait("memq> process.Take(2)\n")
        screen.resize(24, 60)
        screen.until(lambda _: last(screen) == "memq> process.Take(2)", "the entry")
        screen.type(ENTER).prompt("left out: create_time", "_2: 2 rows")
        assert max(map(len, screen.lines)) <= 60
        screen.enter("let mine = 5", "`mine` is named")

        screen.enter(".browse process.Where(pid == 1).Select(raw)").wait("→ opens", "task_struct")
        screen.type(RIGHT).wait("▾ struct task_struct", "▸ thread_info")
        screen.type("q").prompt()

        screen.enter(f".open {tmp_path}/none", "none:", "No such file or directory")
        screen.enter("mine + 1", "\n6\n_3: ")
        screen.enter(f".open {other}", "\nother.lime.xz: LiME")
        screen.enter("_1", "No source is called `_1`.")
        screen.enter("mine", "No source is called `mine`.")
        screen.enter("process.Count()", "\n112\n_1: ")
        assert screen.type(CTRL_D).ended() == 0


def test_a_dumb_terminal_gets_no_escapes(start: Callable[..., Screen], tmp_path: Path) -> None:
    with start(TERM="dumb") as screen:
        screen.prompt("112 processes")
        screen.enter("process.Take(2).Select([pid, name])", "2  kthreadd\n_1: 2 rows")
        screen.enter("process.Where(nme == 1)", "Did you mean `name`?")
        screen.enter(".browse process.Where(pid == 1).Select(raw)", "thread: struct thread_struct")
        screen.enter("process.Where(").wait("process.Where(\n    >")
        screen.enter("pid == 1").wait("pid == 1\n    >")
        screen.enter(").Count()", "\n1\n_2: ")
        screen.type("process").until(lambda _: last(screen) == "memq> process", "the entry")
        screen.type(CTRL_C).prompt("memq> process^C\n")
        assert screen.type(CTRL_D).ended() == 0
        assert b"\x1b" not in screen.raw
    history = (tmp_path / "state" / "memq" / "history").read_text("utf-8")
    assert "\n+process.Where(\n+pid == 1\n+).Count()\n" in history


def test_colours_for_light_and_dark(start: Callable[..., Screen]) -> None:
    with start(COLORFGBG="0;15") as screen:
        screen.prompt("112 processes")
        screen.enter("process.Take(1).Count()", "_1: ")
        assert (screen.colour("memq>"), screen.colour("Take(")) == ("blue", "blue")
        screen.enter(".set background dark", "background dark\n")
        screen.enter("process.Take(2).Count()", "_2: ")
        assert (screen.colour("memq>"), screen.colour("Take(2")) == ("cyan", "cyan")
        assert screen.type(CTRL_D).ended() == 0


def test_a_mistake_of_memq_is_one_line(
    start: Callable[..., Screen], sample: Path, tmp_path: Path
) -> None:
    program = (
        "import memq.ui.asking\nfrom memq.cli import main\nmemq.ui.asking.explain = None\n"
        f"raise SystemExit(main([{str(sample)!r}]))"
    )
    log = tmp_path / "state" / "memq" / "memq.log"
    with start([sys.executable, "-c", program], columns=250) as screen:
        screen.prompt("112 processes")
        screen.enter(".explain process", f"what it did is in {log}")
        told = "error: this is a mistake in memq (TypeError); what it did is in"
        assert f"memq> .explain process\n{told} {log}\n" in screen.text
        screen.enter("process.Count()", "\n112\n_1: ")
        assert screen.type(CTRL_D).ended() == 0
    assert "TypeError: 'NoneType' object is not callable" in log.read_text("utf-8")
    assert "\n.explain process\nTraceback" in log.read_text("utf-8")


@pytest.mark.parametrize("kind", ["dumb", "xterm-256color"])
def test_interrupts_are_heard_though_a_script_ignores_them(
    start: Callable[..., Screen], sample: Path, kind: str
) -> None:
    with start(["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command(sample)], TERM=kind) as screen:
        screen.prompt("112 processes")
        screen.type("process").until(lambda _: last(screen) == "memq> process", "the entry")
        screen.type(CTRL_C).until(lambda _: last(screen) == "memq>", "an empty entry")
        assert screen.type(CTRL_D).ended() == 0
