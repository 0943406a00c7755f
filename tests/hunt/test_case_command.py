"""memq DUMP --playbook --case FILE, and memq --case FILE -e QUERY."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from memq.cli import main
from memq.eval.callables import callables
from memq.hunt.case import Case
from memq.hunt.case_objects import CASE
from memq.hunt.case_query import ask_case
from memq.hunt.case_recording import Recording, is_whole
from memq.hunt.rule import Filter
from memq.hunt.running import run_playbook
from memq.image import Image
from memq.output.reference.page import as_markdown
from memq.run import Run
from memq.schema.reference import reference_of
from tests.hunt.cases import made, match, ran, rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Asked = Callable[..., tuple[int, str, str]]

RULES = """\
title: The first processes
id: 00000000-0000-4000-8000-000000000001
level: high
os: [linux, windows]
tags: [attack.t1055.012]
parameters:
  most: {default: 2}
query: process.Where(pid <= most).Select([pid, name])
---
title: Nobody knows
id: 00000000-0000-4000-8000-000000000002
level: low
os: linux
query: process.Where(10 / (pid - 2) > 99)
"""


@pytest.fixture
def hunt(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Asked:
    (tmp_path / "rules.yml").write_text(RULES, "utf-8")
    path = tmp_path / "a.case"

    def hunted(*more: str) -> tuple[int, str, str]:
        rules = str(tmp_path / "rules.yml")
        status = main([str(sample), "--playbook", rules, "--case", str(path), *more])
        out, err = capsys.readouterr()
        return status, out, err.replace(str(path), "CASE")

    return hunted


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Asked:
    def asked(*arguments: str) -> tuple[int, str, str]:
        return main(["--case", str(tmp_path / "a.case"), *arguments]), *capsys.readouterr()

    return asked


def test_runs_are_kept_and_asked(hunt: Asked, ask: Asked) -> None:
    status, out, err = hunt("-o", "json")
    assert status == 0
    assert [one["outcome"] for one in json.loads(out)] == ["match", "undecided"]
    assert err == "memq: case CASE: run 1, 2 findings: 2 new, 0 seen before\n"
    assert hunt("--let", "most=1")[2] == (
        "memq: case CASE: run 2, 1 finding: 0 new, 1 seen before, 1 gone\n"
    )
    query = 'finding.Where(status == "new" && level == "high").Select([id, pid, is_gone, image])'
    name = "deb12-6.1-small.lime.xz"
    status, out, err = ask("-e", query)
    assert (status, err) == (0, "")
    assert json.loads(out) == [
        {"id": 1, "pid": 1, "is_gone": False, "image": name},
        {"id": 2, "pid": 2, "is_gone": True, "image": name},
    ]
    assert json.loads(ask("-e", "run.Select([host, parameters])")[1]) == [
        {"host": "deb12lab", "parameters": "{}"},
        {"host": "deb12lab", "parameters": '{"most": "1"}'},
    ]
    assert json.loads(ask("-e", 'outcome.Where(result == "undecided").undecided')[1]) == [1, 1]


def test_options_work_as_for_dumps(hunt: Asked, ask: Asked) -> None:
    hunt()
    assert ask("-e", "finding.Where(pid == x).pid", "--let", "x=2", "-o", "csv")[1] == "value\n2\n"
    assert ask("-e", "finding.Where(pid == 7)", "--exit-match") == (10, "[]\n", "")
    assert ask("-e", "finding.Where(pid == 1)", "--exit-match")[0] == 0
    assert "Where pid == 1" in ask("-e", "finding.Where(pid == 1)", "--explain")[1]
    doubts = ask("-e", "finding.Where(10 / (pid - 2) > 99)", "--undecided")[1]
    assert [one["id"] for one in json.loads(doubts)] == [2]
    status, _, err = ask("-e", 'finding.Where(level == "hihg")')
    assert status == 2
    assert "Did you mean `high`?" in err


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("process", "No source is called `process`.*The sources are `finding`, `run` and `outcome"),
        ("finding.Select(raw)", "Nothing is known of a kernel's types here.*Ask it of a dump"),
        ('symbol("init_task")', "Nothing is known of a kernel's symbols here.*Ask it of a dump"),
        ('cast("task_struct", 1)', "Nothing is known of a kernel's types here.*Ask it of a dump"),
        ("finding.stauts", "Did you mean `status`"),
    ],
)
def test_what_is_wrong_with_a_query(tmp_path: Path, ask: Asked, query: str, said: str) -> None:
    made(tmp_path / "a.case")
    status, out, err = ask("-e", query)
    assert (status, out) == (2, "")
    assert re.search(said, err, re.DOTALL)


def test_what_cannot_be_opened_is_told_before_the_dump_is(
    tmp_path: Path, hunt: Asked, ask: Asked
) -> None:
    (tmp_path / "a.case").write_text("mine")
    status, out, err = hunt()
    assert (status, out) == (1, "")
    assert err.startswith("memq: error: CASE is no case of memq: give another name")
    assert (tmp_path / "a.case").read_text() == "mine"
    (tmp_path / "a.case").unlink()
    status, out, err = ask("-e", "finding")
    assert (status, out) == (1, "")
    assert err.startswith("memq: error: There is no case ")


@pytest.mark.parametrize(
    ("query", "more", "is_cut"),
    [
        ("process.Where(pid == 1)", {}, False),
        ("process.Where(pid < 0)", {}, False),
        ("process.Where(10 / (pid - 2) >= 10)", {}, True),
        ("process.Where(10 / (pid - 2) > 99)", {}, True),
        ("vad.Select(start)", {}, True),
        ("process.Where(pid < 3)", {"filters": (Filter("init", "pid == 1"),)}, False),
    ],
)
def test_whether_there_may_be_more(
    sample: Path, query: str, more: dict[str, Any], is_cut: bool
) -> None:
    asked = rule(1, queries={"linux": query}, **more)
    with Image(sample) as image:
        (found,) = run_playbook([asked], image, Run())
    assert found.is_cut is is_cut
    assert is_whole(found) is not is_cut


def test_ctrl_c_keeps_what_was_found(
    hunt: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Recording.keep

    def stopped(self: Any, finding: Any, query: str = "") -> None:
        kept(self, finding, query)
        if finding.outcome == "match":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Recording, "keep", stopped)
    _, out, _ = hunt("-o", "json")
    assert [one["outcome"] for one in json.loads(out)] == ["match", "skipped"]
    with Case(tmp_path / "a.case") as case:
        assert list(ask_case(case, "run.state", {}).rows()) == ["stopped"]
        assert list(ask_case(case, "finding.pid", {}).rows()) == [1, 2]
        assert list(ask_case(case, "outcome.result", {}).rows()) == ["match", "skipped"]


def test_what_cannot_be_kept_fails_in_the_end(
    hunt: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memq.hunt.case_file.PATIENCE", 0.05)
    path = made(tmp_path / "a.case")
    kept = Recording.keep
    with Case(path, create=True) as other:

        def while_busy(self: Any, finding: Any, query: str = "") -> None:
            with other.file.change():
                kept(self, finding, query)

        monkeypatch.setattr(Recording, "keep", while_busy)
        status, out, err = hunt("-o", "json")
    assert status == 1
    assert [one["outcome"] for one in json.loads(out)] == ["match", "undecided"]
    busy = "is in use by another process: wait for that one to end, and try again"
    assert f"memq: error: CASE {busy}; run 2 was kept up to there" in err


def test_every_field_and_example_of_a_case_is_there(tmp_path: Path) -> None:
    with Case(made(tmp_path / "a.case")) as case:
        ran(case, match(2, {"pid": 2}))
        for name, type_ in CASE.objects.items():
            assert list(ask_case(case, type_.example, {}).rows()) or name == "outcome"
            columns = ", ".join(type_.fields)
            (first, *_) = ask_case(case, f"{name}.Select([{columns}])", {}).rows()
            assert set(first) == {*type_.fields}
    assert "rule_version" in as_markdown(reference_of([CASE], callables()))


def test_more_rows_than_are_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Case(tmp_path / "a.case", create=True) as case:
        ran(case, match(1, *({"pid": n} for n in range(5))))
        for limit, value in (("MOST_ROWS", 3), ("MOST_TEXT", 600)):
            with monkeypatch.context() as patched:
                patched.setattr(f"memq.hunt.case_rows.{limit}", value)
                answer = ask_case(case, "finding.pid", {})
                assert 0 < len(list(answer.rows())) < 5
                assert any("of the case are read" in note for note in answer.run.notes)
