"""Entries that are read from elsewhere than a terminal, and where they are written to."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.lab import ROOT
from tests.program import LINUX, POSIX, command

if TYPE_CHECKING:
    from pathlib import Path


def entered(sample: Path, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(sample), cwd=ROOT, input=text, capture_output=True, encoding="utf-8", check=False
    )


def test_words_without_a_dot_are_entries_of_their_own(sample: Path) -> None:
    done = entered(sample, "process.Count()\nhelp vad.start\nprocess\n.Count()\nexit\nwrong\n")
    assert done.returncode == 0
    assert done.stderr == ""
    first, title, *_, last = done.stdout.splitlines()
    assert (first, title, last) == ("112", "vad.start:", "112")


def test_comments_alone_are_no_mistake(sample: Path) -> None:
    done = entered(sample, "// how many\nprocess.Count()\n\n# done\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "112\n", "")


@POSIX
@pytest.mark.parametrize(
    ("streams", "status", "told"),
    [
        ("<&-", 1, "memq: error: standard input is closed\n"),
        (">&-", 1, "memq: error: standard output is closed\n"),
        pytest.param(
            ">/dev/full", 1, "memq: error: No space left on device\n", marks=LINUX, id="full"
        ),
        ("| head -1", 0, ""),
    ],
)
def test_streams(sample: Path, streams: str, status: int, told: str) -> None:
    entries = "printf 'vad\\nvad\\nprocess.Count()\\n'"
    asked = f"{sys.executable} -m memq {sample} {streams}"
    script = asked if "<" in streams else f"set -o pipefail; {entries} | {asked}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (status, told)
