"""Every dot command: its own example on the sample, what it refuses, files."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from memq.image import Image
from memq.ui.asking import FORMS
from memq.ui.commands import COMMANDS
from memq.ui.complete import suggest
from memq.ui.telling import Help
from memq.ui.world import SessionWorld
from tests.lab import ROOT
from tests.transcript import Transcript
from tests.ui import golden

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def transcript(sample_image: Image) -> Transcript:
    return Transcript(sample_image)


OF_RULES = {"playbook", "findings", "mark", "case", "merge"}
"""Those of which one speaks of what the other did; tests/ui/test_hunting.py tries them."""


@pytest.mark.parametrize(
    "name", sorted(set(COMMANDS) - {"open", "quit", "save", "history"} - OF_RULES)
)
def test_its_example_shows_something(transcript: Transcript, name: str) -> None:
    shown = transcript.enter(COMMANDS[name].example)
    assert transcript.session.failures == 0
    assert shown.strip() or COMMANDS[name].example.startswith((".format", ".set"))


def test_open(sample: Path) -> None:
    transcript = Transcript(Image(sample))
    before = transcript.session.image
    transcript.enter("let x = 1")
    assert "Linux 6.1.0" in transcript.enter(COMMANDS["open"].example)
    assert transcript.session.failures == 0
    assert transcript.session.image is not before
    assert "No source is called `x`" in transcript.enter("x")
    transcript.session.image.close()


def test_quit(transcript: Transcript) -> None:
    transcript.enter(COMMANDS["quit"].example)
    assert transcript.session.is_over
    assert transcript.session.failures == 0


def test_history(transcript: Transcript) -> None:
    transcript.session.history = lambda: ("third", "process\n.Take(1)", "first")
    assert transcript.enter(COMMANDS["history"].example) == "first\nprocess\n.Take(1)\nthird\n"
    assert transcript.enter(".history 1") == "third\n"


def test_what_is_refused(transcript: Transcript) -> None:
    golden.hold("commands.txt", lambda text: transcript.enter(text).splitlines())


@pytest.mark.parametrize(
    "name", sorted(one.name for one in COMMANDS.values() if one.takes and one.name != "findings")
)
def test_each_argument_is_completed(sample_image: Image, name: str) -> None:
    world = SessionWorld(Transcript(sample_image).session)
    before = f".{name} "
    for _ in COMMANDS[name].takes:
        assert suggest(before, world), before
        before += "word "


def test_all_that_help_names_is_told(sample_image: Image) -> None:
    known = Help(Transcript(sample_image).session)
    names = list(known.names())
    assert len(names) > 150
    for name in names:
        lines = list(known.lines(name))
        assert len(lines) > 1, name
        assert all(isinstance(line, str) for line in lines)


# Files


@pytest.mark.parametrize("ending", FORMS)
def test_each_ending_is_a_form(transcript: Transcript, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"found{ending.upper()}"
    shown = transcript.enter(f".save {path} process.Take(2).Select([pid, name])")
    assert shown == f"2 rows in {path}\n"
    rows = [{"pid": 1, "name": "systemd"}, {"pid": 2, "name": "kthreadd"}]
    assert parsed(path.read_text("utf-8"), FORMS[ending]) == rows
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def parsed(text: str, form: str) -> object:
    if form == "json":
        return json.loads(text)
    if form == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    if form == "table":
        lines = [line.split() for line in text.splitlines()]
        return [{"pid": int(pid), "name": name} for pid, name in lines[2:]]
    rows = csv.DictReader(io.StringIO(text), dialect="excel-tab" if form == "tsv" else "excel")
    return [{"pid": int(row["pid"]), "name": row["name"]} for row in rows]


def test_its_own_example_saves(
    transcript: Transcript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert transcript.enter(COMMANDS["save"].example) == "112 rows in found.csv\n"
    transcript.enter("process.Take(1).Select(pid)")
    assert transcript.enter(".save last.jsonl") == "1 row in last.jsonl\n"
    assert (tmp_path / "last.jsonl").read_text("utf-8") == "1\n"


def in_one_line(shown: str) -> str:
    return " ".join(shown.split())


def test_a_file_stays_as_it_is(transcript: Transcript, tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text("mine")
    shown = in_one_line(transcript.enter(f".save {there} process"))
    assert shown == f"error: {there} is there already, and stays as it is: choose another name"
    assert there.read_text() == "mine"
    shown = in_one_line(transcript.enter(f".save {there}/in.json process"))
    assert shown.startswith(f"error: {there}/in.json")
    assert shown.endswith(": Not a directory")
    assert [one.name for one in tmp_path.iterdir()] == ["there.json"]


def test_what_fails_leaves_no_file(
    transcript: Transcript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> list[str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("memq.ui.asking.texts", failing)
    shown = in_one_line(transcript.enter(f".save {tmp_path}/one.json process"))
    assert shown == f"error: {tmp_path}/one.json: No space left on device"
    assert list(tmp_path.iterdir()) == []
