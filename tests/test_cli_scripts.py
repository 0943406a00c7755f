"""Scripts, names from outside, and what could not be decided, from the command line."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from memq.cli import main

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
// Those that init has started.
let early = process.Where(pid < limit)

early.Where(ppid == 0)
    .Select([pid, name])
"""


def ask(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> tuple[str, str]:
    assert main([str(one) for one in arguments]) == status
    return capsys.readouterr()


def test_a_script_is_read_from_a_file(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hunt.mq"
    file.write_text(SCRIPT, "utf-8")
    out, err = ask(capsys, sample, "-f", file, "--let", "limit=2")
    assert (json.loads(out), err) == ([{"pid": 1, "name": "systemd"}], "")


def test_a_script_is_read_from_standard_input(
    sample: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SCRIPT.encode())))
    out, _ = ask(capsys, sample, "-f", "-", "--let", "limit=3")
    assert [row["pid"] for row in json.loads(out)] == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"process" + b" " * (1 << 20), "the limit is"),
        (b"let s = process; let s2 = proces", "No source is called `proces`"),
    ],
)
def test_a_script_that_cannot_be_used_is_2(
    sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    message: str,
) -> None:
    file = tmp_path / "hunt.mq"
    if content is not None:
        file.write_bytes(content)
    out, err = ask(capsys, sample, "-f", file, status=2)
    assert out == ""
    assert message in err


LETS = [
    ("n=1", "process.Where(pid == n).Select(pid)", [1]),
    ("n=-1", "process.Take(1).Select(n)", [-1]),
    ("n=kthreadd", "process.Where(name == n).Select(pid)", [2]),
    ('n="kthreadd"', "process.Where(name == n).Select(pid)", [2]),
    ('n=["kthreadd", "systemd"]', "process.Where(name in n).Select(pid)", [1, 2]),
    ("n=a = b", "process.Take(1).Select(n)", ["a = b"]),
    ("n=", "process.Take(1).Select(n)", [""]),
    ("n=pid", "process.Take(1).Select(n)", ["pid"]),
    ("n=null", "process.Take(1).Select(n == null)", [True]),
    ("n=true", "process.Take(1).Select(n)", [True]),
    ("n=4KB", "process.Take(1).Select(n)", [4096]),
    ("n=process.Count()", "process.Take(1).Select(n)", ["process.Count()"]),
]


@pytest.mark.parametrize(("given", "query", "expected"), LETS)
def test_let_gives_a_literal_or_a_text(
    sample: Path,
    capsys: pytest.CaptureFixture[str],
    given: str,
    query: str,
    expected: object,
) -> None:
    out, _ = ask(capsys, sample, "-e", query, "--let", given)
    assert json.loads(out) == expected


@pytest.mark.parametrize("given", ["n", "=3", "1n=3", "a b=3", "process=3"])
def test_let_needs_a_name_that_is_free(
    sample: Path, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    out, err = ask(capsys, sample, "-e", "process.Count()", "--let", given, status=2)
    assert out == ""
    assert err.startswith("memq: error: ")


def test_query_and_script_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["dump", "-e", "process", "-f", "x"])
    assert caught.value.code == 2
    assert "give one of them" in capsys.readouterr().err


UNDECIDED = "process.Where(10 / (pid - 2) > 9).Select(pid)"
"""Of pid 2 it divides by zero."""


def test_the_undecided_are_counted(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = ask(capsys, sample, "-e", UNDECIDED)
    assert json.loads(out) == [3]
    assert err == "memq: 1 matched, 1 undecided: division by zero\n"


def test_the_undecided_are_listed(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = ask(capsys, sample, "-e", UNDECIDED, "--undecided")
    (row,) = json.loads(out)
    assert (row["process_id"], row["name"]) == (2, "kthreadd")
    assert row["_undecided"] == "division by zero"
    assert "1 undecided" in err


@pytest.mark.parametrize("form", ["csv", "table"])
def test_the_undecided_of_each_kind_are_a_table(
    sample: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    query = f"{UNDECIDED.removesuffix('.Select(pid)')}.SelectMany(vad).Where(1 / (size - size) > 0)"
    pids = "process.Where(1 / (pid - 1) > 0).Select({a: pid}).Where(1 / (a - 2) > 0)"
    out, _ = ask(capsys, sample, "-e", pids, "--undecided", "-o", form)
    first, second = out.strip().split("\n\n")
    assert "division by zero" in first
    assert "systemd" in first
    assert first.splitlines()[0].endswith("_undecided")
    assert second.split()[0].startswith("a")
    assert ask(capsys, sample, "-e", query, "--undecided", "-o", "json")[0].count("\n") >= 1


def test_nothing_undecided_is_an_empty_list(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(capsys, sample, "-e", "process.Where(pid == 1)", "--undecided") == ("[]\n", "")


def test_no_object_is_null_in_every_form(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "jsonl", "csv", "tsv", "table"):
        query = "process.FirstOrNull(pid == 999999)"
        assert ask(capsys, sample, "-e", query, "-o", form)[0] == "null\n"


def test_a_result_that_is_lost_is_told(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = ask(capsys, sample, "-e", "process.Take(1); process.Take(2).Select(pid)")
    assert json.loads(out) == [1, 2]
    warning = "the result of `process.Take(1)` is not shown: only the last statement's is"
    assert err == f"memq: warning: {warning}\n"


def test_a_structure_is_a_tree_on_a_terminal(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = ask(capsys, sample, "-e", "process.First().raw", "-o", "table")
    lines = out.splitlines()
    assert lines[0] == "thread_info:"
    assert "comm: systemd" in lines
