"""Instructions are counted of the checkout that is asked for, and of nothing else."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from benchmarks.callgrind import Checkout, total

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os, sys
if sys.argv[1] == "seeds":
    others = {"PYTHONOPTIMIZE", "MEMQ_LAB"} & os.environ.keys()
    sys.exit(bool(others) or os.environ["PYTHONHASHSEED"] != "0")
for _ in range(int(sys.argv[1])):
    pass
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a program that is called memq, and counts."""
    (tmp_path / "memq").mkdir()
    (tmp_path / "memq" / "__init__.py").touch()
    (tmp_path / "memq" / "__main__.py").write_text(PROGRAM)
    return Checkout(tmp_path, tmp_path / "state")


def test_the_program_of_the_folder_is_run(checkout: Checkout) -> None:
    assert checkout.answers(["10"])
    assert not checkout.answers(["ten"])


def test_settings_of_others_do_not_matter(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    monkeypatch.setenv("MEMQ_LAB", "nowhere")
    assert checkout.answers(["seeds"])


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_what_a_loop_takes_is_counted(checkout: Checkout) -> None:
    assert checkout.answers(["10"])
    short, again, long = (checkout.count([times]) for times in ("10", "10", "1000000"))
    assert abs(again - short) < 200_000
    assert 5_000_000 < long - short < 500_000_000
    with pytest.raises(subprocess.CalledProcessError):
        checkout.count(["ten"])


def test_the_total_of_a_profile() -> None:
    profile = ["events: Ir\n", "summary: 5\n", "0 12\n", "\n", "totals: 927413247\n"]
    assert total(profile) == 927413247


def test_a_profile_that_was_cut_off() -> None:
    with pytest.raises(ValueError, match="without its total"):
        total(["events: Ir\n", "summary: 927413247\n"])
