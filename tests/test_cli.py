"""The command line: what goes where, and with which exit status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from memq import __version__
from memq.cli import main
from memq.cli import run as run_as_process
from memq.errors import ImageError
from memq.os.linux.process import Task
from memq.os.linux.vma import Vma
from tests.lab import ROOT
from tests.program import run

# Exit status


def test_what_is_found_is_0(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sample), "-e", "process.Take(1).Select([pid])"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == [{"pid": 1}]
    assert err == ""


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("process.Take(1)", 0),
        ("process.Where(pid < 0)", 10),
        ("process.Count()", 0),
        ("process.Where(pid < 0).Count()", 10),
        ("process.Any(pid == 1)", 0),
        ("process.Any(pid < 0)", 10),
        ("process.All(pid > 0)", 0),
        ("process.First(pid == 1)", 0),
    ],
)
def test_exit_match(
    sample: Path, capsys: pytest.CaptureFixture[str], query: str, status: int
) -> None:
    assert main([str(sample), "-e", query, "--exit-match"]) == status
    assert main([str(sample), "-e", query]) == 0
    assert capsys.readouterr().out


def test_a_failure_while_running_is_1(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sample), "-e", "process.First(pid < 0)"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "memq: error: First: there is no element\n")


def test_a_dump_that_fails_after_it_was_opened_is_1(
    sample: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shrunk(*_: object) -> None:
        raise ImageError("x: the file has become shorter while it was read")

    monkeypatch.setattr(Vma, "of", shrunk)
    assert main([str(sample), "-e", "vad"]) == 1
    assert capsys.readouterr().err.startswith("memq: error: x: the file has become shorter")


def test_a_plan_is_explained_and_no_object_is_read(
    sample: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("something of the dump was read")

    monkeypatch.setattr(Task, "portions", read)
    query = "process.Where(vad.is_executable && pid == 1).Select(name)"
    assert main([str(sample), "-e", query, "--explain"]) == 0
    out, err = capsys.readouterr()
    source, first, second, *_ = out.splitlines()
    assert (source, first) == ("process  [every one]", "Where pid == 1  [member]")
    assert second.startswith("Where vad.is_executable  [walk; one vad_object; narrows nothing")
    assert err == ""
    assert main([str(sample), "-e", query, "--explain", "-o", "json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [step["step"] for step in steps] == ["process", "Where", "Where", "Select"]


@pytest.mark.parametrize("more", [["-o", "csv"], ["--undecided"], ["--exit-match"]])
def test_what_does_not_go_with_explain_is_2(
    capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["dump", "-e", "process", "--explain", *more])
    assert caught.value.code == 2
    assert "--explain" in capsys.readouterr().err


def test_a_bad_query_is_not_explained(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sample), "-e", "process.Where(nme == 1)", "--explain"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "query", ["process.Where(nme == 1)", "process.Where(", "", "x" * 300_000, "process;proces"]
)
def test_a_bad_query_is_2(sample: Path, capsys: pytest.CaptureFixture[str], query: str) -> None:
    assert main([str(sample), "-e", query]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("memq: error: ")


def test_a_bad_query_shows_the_place(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(sample), "-e", "process.Where(vad_objekt.start > 0)"])
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "  process.Where(vad_objekt.start > 0)"
    assert lines[2] == "                ^^^^^^^^^^"
    assert "vad_object" in lines[3]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x", "y"],
        ["x", "-e", "process", "-o", "xml"],
        ["x", "-o", "xml"],
        ["x", "-e"],
        ["--no"],
    ],
)
def test_a_bad_command_line_is_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: memq ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: DUMP"),
        (
            ["--playbook", "default", "x.lime"],
            "all behind --playbook are rules; write memq DUMP --playbook PATH ...",
        ),
        (["x", "--undecided"], "--undecided speaks of a query: give one with -e or -f"),
        (["x", "--explain"], "--explain speaks of a query: give one with -e or -f"),
        (["x", "--exit-match"], "--exit-match speaks of a query: give one with -e or -f"),
        (["-e", "process"], "the following arguments are required: DUMP"),
        (["x", "--schema"], "--schema stands alone: no dump, no query, no other option"),
        (["--schema", "-e", ""], "--schema stands alone: no dump, no query, no other option"),
        (["--schema", "-o", "json"], "--schema stands alone: no dump, no query, no other option"),
        (["--schema", "--dtb", "0"], "--schema stands alone: no dump, no query, no other option"),
        (
            ["--schema", "--kernel-base=0"],
            "--schema stands alone: no dump, no query, no other option",
        ),
        (
            ["--schema", "--symbol-server="],
            "--schema stands alone: no dump, no query, no other option",
        ),
        (
            ["--check-playbook", "x", "-e", "process"],
            "--check-playbook stands alone: no dump, no query, no other option",
        ),
        (
            ["--schema", "--check-playbook", "x"],
            "--schema stands alone: no dump, no query, no other option",
        ),
        (
            ["--schema", "--case", "x"],
            "--schema stands alone: no dump, no query, no other option",
        ),
        (
            ["x", "--case", "y", "-e", "process"],
            "--case keeps what --playbook finds; to ask the case, leave out the dump",
        ),
        (
            ["--case", "y", "--playbook", "z"],
            "--playbook runs rules on a dump: give one, and --case keeps what they find",
        ),
        (
            ["--case", "y", "-e", "run", "--pagefile", "z"],
            "--pagefile speaks of a dump, and --case by itself asks a case",
        ),
        (["--case", "y", "--explain"], "--explain speaks of a query: give one with -e or -f"),
        (["--schema", "--exit-match"], "--schema stands alone: no dump, no query, no other option"),
    ],
)
def test_a_bad_command_line_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert capsys.readouterr().err == (
        "usage: memq DUMP [-e QUERY | -f FILE] [option ...]\n"
        "       memq DUMP --playbook PATH ... [option ...]\n"
        "       memq --case FILE [-e QUERY | -f FILE] [option ...]\n"
        "       memq --case FILE --merge FILE ...\n"
        "       memq --schema [{text,json,markdown}]\n"
        "       memq --check-playbook PATH ...\n"
        f"memq: error: {complaint}\n"
    )


@pytest.mark.parametrize("query", [["-e", "process"], []])
def test_no_dump_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str], query: list[str]) -> None:
    assert main([str(tmp_path / "none"), *query]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"memq: error: .*none: No such file or directory\n", err)


# What the program is without a dump


def test_help_and_version_need_no_libraries() -> None:
    program = """
import sys
from memq.cli import main
for option in ("--help", "--version"):
    try:
        main([option])
    except SystemExit as exit_:
        assert not exit_.code
slow = ("numpy", "lark", "orjson", "zstandard", "memq.image", "memq.eval")
print([name for name in slow if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.endswith(f"memq {__version__}\n[]\n")
    assert "usage: memq" in result.stdout
    assert all(form in result.stdout for form in ("table", "json", "jsonl", "csv", "tsv"))


def test_the_schema_is_printed_without_a_dump(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--schema"]) == 0
    text = capsys.readouterr().out
    assert main(["--schema", "text"]) == 0
    assert capsys.readouterr().out == text
    assert "* process_id, pid " in text
    assert max(len(line) for line in text.splitlines() if "example" not in line) <= 80
    assert main(["--schema", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["memq"] == __version__
    assert main(["--schema", "markdown"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("# Objects\n")
    assert err == ""


def test_no_query_imports_a_toolkit_for_terminals(sample: Path) -> None:
    program = f"""
import sys
from memq.cli import main
assert main([{str(sample)!r}, "-e", "process.Take(1)", "-o", "table"]) == 0
print([name for name in ("rich", "prompt_toolkit", "pandas") if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.endswith("[]\n")


def test_the_script_is_the_program() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts["memq"].partition(":")
    assert getattr(import_module(module), name) is run_as_process


def test_what_is_to_be_done_at_the_end_is_done(sample: Path) -> None:
    """The process ends at once, yet after other threads and what was registered meanwhile."""
    arguments = ["memq", str(sample), "-e", "process.Take(1).pid", "-o", "csv"]
    program = (
        "import atexit, sys, threading, time\nfrom memq import cli\n"
        f"sys.argv = {arguments!r}\n"
        "main = cli.main\n"
        "def late(): time.sleep(0.2); print('thread')\n"
        "def watched():\n"
        "    atexit.register(print, 'registered', flush=False)\n"
        "    status = main() + 7\n"
        "    threading.Thread(target=late).start()\n"
        "    return status\n"
        "cli.main = watched\ncli.run()\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout.split() == ["value", "1", "thread", "registered"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_cannot_be_written_at_the_end_is_told() -> None:
    program = "from memq import cli\ncli.main = lambda: print('x') or 0\ncli.run()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 120
    assert "No space left" in done.stderr


def test_python_m_memq(sample: Path) -> None:
    result = run(sample, "-e", "process.Take(2).Select([pid])")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == [{"pid": 1}, {"pid": 2}]
    assert run(sample, "-e", "process.Where(").returncode == 2
    assert run("--version").stdout == f"memq {__version__}\n"


# Formats and streams


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", '[\n{"pid":1,"name":"systemd"},\n{"pid":2,"name":"kthreadd"}\n]\n'),
        ("jsonl", '{"pid":1,"name":"systemd"}\n{"pid":2,"name":"kthreadd"}\n'),
        ("csv", "pid,name\n1,systemd\n2,kthreadd\n"),
        ("tsv", "pid\tname\n1\tsystemd\n2\tkthreadd\n"),
        ("table", "pid  name\n---  --------\n  1  systemd\n  2  kthreadd\n"),
    ],
)
def test_formats(sample: Path, capsys: pytest.CaptureFixture[str], form: str, text: str) -> None:
    query = "process.Take(2).Select([pid, name])"
    assert main([str(sample), "-e", query, "-o", form]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("form", ["json", "jsonl", "table"])
def test_a_query_that_ends_in_one_value_prints_it_bare(
    sample: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    assert main([str(sample), "-e", "process.Take(7).Count()", "-o", form]) == 0
    assert capsys.readouterr().out == "7\n"


def test_one_record_is_printed_without_an_array(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(sample), "-e", "process.Select([pid]).First()"]) == 0
    assert capsys.readouterr().out == '{"pid":1}\n'


@pytest.mark.parametrize(
    ("form", "text"),
    [("json", "[]\n"), ("jsonl", ""), ("csv", "pid,name\n"), ("table", "pid  name\n---  ----\n")],
)
def test_nothing_found(
    sample: Path, capsys: pytest.CaptureFixture[str], form: str, text: str
) -> None:
    query = "process.Where(pid < 0).Select([pid, name])"
    assert main([str(sample), "-e", query, "-o", form]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("form", ["json", "csv"])
def test_output_is_utf8_whatever_the_locale(sample: Path, form: str) -> None:
    query = 'process.Take(1).Select({"é漢": pid})'
    result = run(sample, "-e", query, "-o", form, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (result.returncode, result.stderr) == (0, "")
    assert "é漢" in result.stdout
