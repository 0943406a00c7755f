"""Programs that are run to be measured: what they wrote, and what happens when they fail."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.compare import Turns, compare
from benchmarks.measuring import Outcome, run
from benchmarks.peers import Memq, NoAnswerError, Peer
from benchmarks.questions import LINUX

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.agreement import Row
    from benchmarks.questions import Question

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system has no wait4")

LIMIT = 60.0


def ran(code: str, folder: Path, limit: float = LIMIT) -> tuple[Outcome, str]:
    output = folder / "rows"
    outcome = run([sys.executable, "-c", code], output, limit)
    return outcome, output.read_text()


def test_the_output_is_kept(tmp_path: Path) -> None:
    outcome, text = ran("print('a'); print('b')", tmp_path)
    assert (outcome.problem, text) == ("", "a\nb\n")


def test_memory_is_that_of_the_program(tmp_path: Path) -> None:
    held = bytes(200 << 20)  # what this process holds is not counted
    small, _ = ran("pass", tmp_path)
    large, _ = ran("x = bytearray(b'x') * (100 << 20)", tmp_path)
    assert small.cost.memory << 10 < len(held) // 4
    assert large.cost.memory << 10 > 100 << 20


def test_a_failure_is_told_by_its_last_words(tmp_path: Path) -> None:
    outcome, _ = ran("import sys; sys.exit('first\\nno such dump')", tmp_path)
    assert outcome.problem == "failed: no such dump"
    outcome, _ = ran("import os; os.abort()", tmp_path)
    assert outcome.problem == "failed: without a word"


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    code = "import time; print('begun', flush=True); time.sleep(600)"
    outcome, _ = ran(code, tmp_path, 0.5)
    assert (outcome.problem, outcome.is_late) == ("not within 0.5 s", True)


class Fake(Peer):
    """A program that does what it is told to, and has such rows."""

    kind = "drgn"

    def __init__(self, name: str, code: str, rows: Iterable[Row], error: str = "") -> None:
        self.name, self._code, self._rows, self._error = name, code, list(rows), error

    def command(self, _question: Question) -> list[str]:
        return [sys.executable, "-c", self._code]

    def rows(self, _question: Question, _output: Path) -> Iterable[Row]:
        if self._error:
            raise NoAnswerError(self._error)
        return self._rows


def test_a_table_says_who_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = [(1, "init"), (2, "sh")]
    monkeypatch.setattr(Memq, "command", lambda *_: [sys.executable, "-c", "pass"])
    monkeypatch.setattr(Memq, "rows", lambda *_: ours)
    peers = [
        Fake("right", "pass", reversed(ours)),
        Fake("fast", "pass", ours[1:]),
        Fake("broken", "import sys; sys.exit('it broke')", ours),
        Fake("honest", "pass", [], "no table"),
    ]
    compare(tmp_path, LINUX[:1], peers, ["absent: not here"], Turns(2, LIMIT))
    lines = capsys.readouterr().out.splitlines()
    said = {line.split()[0]: line for line in lines if line.startswith("  ")}
    assert said["memq"].split()[-1] == "2"
    assert said["right"].endswith("   agree")
    assert said["broken"].endswith("   failed: it broke")
    assert " x " not in said["broken"]
    assert said["honest"].endswith("   failed: no table")
    fast = next(line for line in lines if line.startswith("  fast"))
    assert fast.endswith("   WRONG: 1 missing")
    assert "    fast lacks (1, 'init')" in lines
    assert "not asked: absent: not here" in lines
