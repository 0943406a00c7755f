"""Filters in files of their own, as a site writes them for the rules of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from memq.cli import main
from memq.hunt.attack import load_attack
from memq.hunt.loading import load_playbook
from memq.hunt.rule_format import MOST_FILTERS
from tests.hunt.attack import little_attack

if TYPE_CHECKING:
    from pathlib import Path

ID = "00000000-0000-4000-8000-000000000001"
RULE = f"""\
title: All of them
id: {ID}
level: low
os: linux
parameters: {{least: {{default: 1}}}}
query: process.Where(pid >= least && pid < 4).Select([pid, name])
"""
FILTER = f"""\
title: The first
rules: {ID}
where: pid == least
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rule.yml").write_text(RULE, "utf-8")
    (tmp_path / "site.yml").write_text(FILTER, "utf-8")
    return tmp_path


def ran(dump: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main([str(dump), "-o", "json", "--playbook", *arguments]) == 0
    (finding,) = json.loads(capsys.readouterr().out)
    assert isinstance(finding, dict)
    return finding


def test_a_filter_leaves_out_rows_and_says_how_many(
    sample: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule, site = str(folder / "rule.yml"), str(folder / "site.yml")
    whole = ran(sample, capsys, rule)
    for order in ([rule, site], [site, rule], [str(folder)]):
        finding = ran(sample, capsys, *order)
        assert isinstance(whole["evidence"], list)
        assert finding["evidence"] == whole["evidence"][1:]
        assert finding["reason"] == "filters left out 1 row"


def test_what_filters_leave_nothing_of_is_clean_and_says_so(
    sample: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "more.yml").write_text(FILTER.replace("pid == least", "true"), "utf-8")
    finding = ran(sample, capsys, str(folder))
    assert (finding["outcome"], finding["evidence"]) == ("clean", [])
    assert finding["reason"] == "filters left out 3 rows"


def test_a_filter_uses_the_values_of_the_run(
    sample: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = ran(sample, capsys, str(folder), "--let", "least=2")
    assert finding["evidence"] == [{"pid": 3, "name": "rcu_gp"}]


def test_filters_of_the_rules_that_come_with_memq_need_not_meet_them(folder: Path) -> None:
    known = load_playbook([folder / "rule.yml"], load_attack())
    own = sorted((folder / "rule.yml").parents[0].glob("*.yml"))
    assert not load_playbook(own, load_attack()).errors
    other = FILTER.replace(ID, "00000000-0000-4000-8000-0000000000ff")
    (folder / "site.yml").write_text(other, "utf-8")
    (error,) = load_playbook([folder], load_attack()).errors
    assert error.message == "No rule has the id `00000000-0000-4000-8000-0000000000ff`."
    assert error.place.endswith("site.yml:2:8")
    assert known.filters == 0


def test_so_many_and_no_more(folder: Path) -> None:
    filters = "---\n".join([FILTER] * (MOST_FILTERS + 1))
    (folder / "site.yml").write_text(filters, "utf-8")
    playbook = load_playbook([folder], little_attack())
    assert playbook.filters == MOST_FILTERS + 1
    assert len(playbook.rules[0].filters) == MOST_FILTERS
    assert [error.message for error in playbook.errors] == [
        f"The rule `All of them` has more than {MOST_FILTERS} filters."
    ]
