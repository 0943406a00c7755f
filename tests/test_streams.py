"""What is written where and when: terminals, pipes, interrupts; and how much memory that takes."""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from memq.cli import main
from memq.layers.opening import open_physical
from memq.os.linux.vma import Vma
from tests.lab import ROOT
from tests.program import LINUX, POSIX, command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_only_the_result_is_on_standard_output(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = cut(sample, tmp_path, 120 << 20)
    assert main([str(path), "-e", "process.Where(vad.is_executable).Select([pid])"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) > 5
    lines = err.splitlines()
    assert lines[0].startswith("memq: warning: the file is cut short: ")
    assert any("undecided: memory not in the dump" in line for line in lines)
    assert all(line.startswith("memq: ") for line in lines)


def cut(sample: Path, folder: Path, size: int) -> Path:
    """Copy the beginning of the sample's LiME file."""
    path = folder / "cut.lime"
    with open_physical(sample) as physical, path.open("wb") as copy:
        file = physical.file
        for offset in range(0, size, 1 << 20):
            copy.write(file.read(offset, 1 << 20))
    return path


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def on_terminal(
    monkeypatch: pytest.MonkeyPatch, *arguments: object, encoding: str = "utf-8"
) -> str:
    """Run in-process with a terminal of 60 columns as standard output."""
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(content, encoding=encoding, newline="\n"))
    monkeypatch.setenv("COLUMNS", "60")
    main(list(map(str, arguments)))
    return content.getvalue().decode(encoding)


def test_on_a_terminal_a_table_that_fits(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = on_terminal(monkeypatch, sample, "-e", "process")
    lines = text.splitlines()
    assert len(lines) > 100
    assert max(map(len, lines)) == 60
    assert "…" in text


@pytest.mark.parametrize(
    ("variable", "value", "dim"),
    [
        ("TERM", "xterm", True),
        ("TERM", "dumb", False),
        ("NO_COLOR", "1", False),
        ("NO_COLOR", "", True),
    ],
)
def test_unknown_is_dim_on_a_terminal_that_can(
    sample: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, dim: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(variable, value)
    text = on_terminal(monkeypatch, sample, "-e", "process.Take(1).Select({x: 1 / (pid - pid)})")
    assert text.splitlines()[2] == ("\x1b[2m?\x1b[0m" if dim else "?")


def test_a_terminal_that_lacks_a_letter(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query = 'process.Take(1).Select({"漢": pid})'
    assert "\\u6f22" in on_terminal(monkeypatch, sample, "-e", query, encoding="latin-1")


@POSIX
def test_a_real_terminal(sample: Path) -> None:
    import fcntl  # noqa: PLC0415 - not there on Windows
    import pty  # noqa: PLC0415
    import termios  # noqa: PLC0415

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    query = "process.Take(3).Select([pid, name, command_line, address])"
    with subprocess.Popen(
        command(sample, "-e", query), cwd=ROOT, env=environment, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        text = b""
        while piece := _read(master):
            text += piece
    os.close(master)
    lines = text.decode().split("\r\n")
    assert process.returncode == 0
    assert lines[0].split() == ["pid", "name", "command_line", "address"]
    assert "0x" in lines[2]
    assert max(map(len, lines)) <= 50


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # EIO: the other side is closed
        return b""


# Rows as they come, and runs that end early


class Stream(io.StringIO):
    """Standard output that tells of each write."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self.events = events

    def write(self, text: str) -> int:
        self.events.append("write")
        return super().write(text)


def listen_to_walks(
    monkeypatch: pytest.MonkeyPatch, also: Callable[[int], None] = lambda _: None
) -> list[str]:
    """Record each walk of processes' mappings; `also` is called with its number."""
    events: list[str] = []
    of = Vma.of

    def listening(*arguments: Any) -> Any:
        also(events.count("walk"))
        events.append("walk")
        return of(*arguments)

    monkeypatch.setattr(Vma, "of", listening)
    return events


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "table"])
def test_rows_are_written_while_the_walk_goes_on(
    sample: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    events = listen_to_walks(monkeypatch)
    stream = Stream(events)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main([str(sample), "-e", "vad.Select([start, name])", "-o", form]) == 0
    assert events.index("write") < len(events) - 1 - events[::-1].index("walk")
    assert stream.getvalue().count("\n") > 1000


def test_an_interrupt_stops_and_keeps_the_rows_so_far(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(number: int) -> None:
        if number == 1:
            signal.raise_signal(signal.SIGINT)

    listen_to_walks(monkeypatch, interrupt)
    before = signal.getsignal(signal.SIGINT)
    assert main([str(sample), "-e", "vad", "-o", "json"]) == 1
    out, err = capsys.readouterr()
    assert 0 < len(json.loads(out)) < 1500
    assert err.splitlines()[-1] == "memq: stopped"
    assert "Traceback" not in err
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_stops_at_once(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(number: int) -> None:
        if number == 1:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("goes on")

    listen_to_walks(monkeypatch, interrupt)
    assert main([str(sample), "-e", "vad", "-o", "jsonl"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "memq: stopped"


@POSIX
def test_a_reader_that_has_seen_enough(sample: Path) -> None:
    with subprocess.Popen(
        command(sample, "-e", "vad", "-o", "jsonl"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "start" in json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@LINUX
def test_a_full_disk_is_1(sample: Path) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        result = subprocess.run(
            command(sample, "-e", "process"),
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == "memq: error: No space left on device\n"


def test_closed_streams(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main([str(sample), "-e", "process"]) == 1
    assert capsys.readouterr().err == "memq: error: standard output is closed\n"
    monkeypatch.setattr(sys, "stderr", None)
    assert main([str(sample), "-e", "proces"]) == 2


# Memory


@LINUX
def test_a_query_on_a_large_image_stays_small(sample: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.raw"
    zeros = bytes(4096)
    with open_physical(sample) as physical, large.open("wb") as raw:
        for place, piece in physical.pieces(0, physical.limit):
            for offset in range(0, len(piece), 4096):
                page = piece[offset : offset + 4096]
                if page != zeros[: len(page)]:
                    raw.seek(place + offset)
                    raw.write(page)
        raw.truncate(6 << 30)
    program = f"""
import re, sys
from memq.cli import main
query = "process.Select([pid, name, vad.start, vad.end, vad.file_name, handle.name])"
assert main([{str(large)!r}, "-e", query]) == 0
# Of this program alone; the maximum of getrusage holds that of the one which started it too.
with open("/proc/self/status") as status:
    print(re.search(r"VmHWM:\\s*(\\d+) kB", status.read())[1], file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert len(json.loads(result.stdout)) > 100
    assert int(result.stderr.splitlines()[-1]) < 150_000
