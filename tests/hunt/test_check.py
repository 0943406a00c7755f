"""memq --check-playbook: what is printed, and the exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from memq.cli import main

if TYPE_CHECKING:
    from pathlib import Path


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


RAW = RULE.replace("[linux, windows]", "linux").replace(
    "query: process", "query: process.Where(raw.cred != symbol('init_cred')).Select([pid, name])"
)


def test_what_needs_a_kernel_is_left_to_be_checked_when_it_is_run(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "raw.yml"
    file.write_text(RAW + "filters: [{title: None, where: pid == 1}]\n", "utf-8")
    assert main(["--check-playbook", str(file)]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{file}:6:8: This speaks of the kernel's own structures:")
    assert last == "1 rule, all right, 1 text left for a dump to check"
    for old, new, outcome, reason in (
        ("raw.cred", "raw.cred", "match", ""),
        ("raw.cred", "raw.credo", "skipped", "does not fit this kernel: "),
    ):
        file.write_text(RAW.replace(old, new), "utf-8")
        assert main([str(sample), "-o", "json", "--playbook", str(file)]) == 0
        out, err = capsys.readouterr()
        (finding,) = json.loads(out)
        assert (finding["outcome"], err) == (outcome, "")
        assert finding["reason"].startswith(reason)


def test_a_filter_of_a_site_may_need_a_kernel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id_ = "00000000-0000-4000-8000-000000000001"
    (tmp_path / "rule.yml").write_text(RULE.replace("[linux, windows]", "linux"), "utf-8")
    site = f"title: A\nrules: {id_}\nwhere: raw.flags == 4\n"
    (tmp_path / "site.yml").write_text(site, "utf-8")
    assert main(["--check-playbook", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 rule and 1 filter, all right\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["x", "-e", "process", "-o", "html"],
            "-o html is a report of --playbook: use -o table, json, jsonl, csv or tsv",
        ),
        (["x", "--playbook", "y", "-e", "process"], "give one of them"),
        (["x", "--playbook", "y", "--undecided"], "--undecided speaks of one query"),
        (["x", "--level", "high"], "--level selects rules: give some with --playbook"),
        (["--playbook", "y"], "all behind --playbook are rules"),
        (["--schema", "--playbook", "y"], "--schema stands alone"),
    ],
)
def test_options_that_do_not_go_together(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
