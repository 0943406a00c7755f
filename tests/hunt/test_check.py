"""memq --check-playbook: what is printed, and the exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

RULE = (
    "title: A\nid: 00000000-0000-4000-8000-000000000001\nlevel: low\nos: [linux, windows]\n"
    "tags: [attack.t1055]\nquery: process\n"
)


def test_rules_that_are_right_take_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(["a.yml", "b.yml"]):
        (tmp_path / name).write_text(RULE.replace("0001", f"000{number}"), "utf-8")
    assert main(["--check-playbook", str(tmp_path / "a.yml")]) == 0
    assert main(["--check-playbook", str(tmp_path / "a.yml"), str(tmp_path)]) == 0
    assert capsys.readouterr() == ("1 rule, all right\n2 rules, all right\n", "")


def test_where_a_filter_is_wrong_the_rules_are_not_told_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id_ = RULE.split("id: ")[1].split("\n", maxsplit=1)[0]
    (tmp_path / "a.yml").write_text(RULE, "utf-8")
    (tmp_path / "b.yml").write_text(f"title: X\nrules: {id_}\nwhere: nmae == 1\n", "utf-8")
    assert main(["--check-playbook", str(tmp_path)]) == 2
    assert capsys.readouterr().out.splitlines()[-1] == "1 error"


def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yml"
    file.write_text(RULE.replace("t1055", "t1093").replace("title", "title\u202e"), "utf-8")
    assert main(["--check-playbook", str(file)]) == 2
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith(f"{file}:1:1: A rule has no key `title\\u202e`. Did you mean")
    assert any(
        line.startswith(f"{file}:5:8: ATT&CK has revoked the technique T1093.")
        and "`attack.t1055.012` (Process Hollowing)" in line
        for line in lines
    )
    assert lines[-1] == "3 errors; 0 of 1 rule right"
    assert err == ""
