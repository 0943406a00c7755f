"""What running all hunting rules costs, beside each alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import hunting

if TYPE_CHECKING:
    from pathlib import Path

RULE = """\
title: Rule {0}
id: 00000000-0000-4000-8000-{0:012}
level: low
os: linux
query: process.Where(pid == {0})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs wait4")
def test_all_and_each_are_measured(
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in (1, 2):
        (tmp_path / f"rule{number}.yml").write_text(RULE.format(number), "utf-8")
    arguments = [str(sample), "--runs", "1", "--playbook", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["benchmarks.hunting", *arguments])
    assert hunting.main() == 0
    head, _, *rows, verdict = capsys.readouterr().out.splitlines()
    assert head == f"{sample.name}, 2 rules in 2 files"
    assert sorted(row.split()[0] for row in rows) == ["all", "rule1", "rule2"]
    assert all(float(row.split()[1]) > 0 for row in rows)
    assert "times the slowest (bar 3: " in verdict
