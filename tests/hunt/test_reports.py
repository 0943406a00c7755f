"""Every form of findings; tests/hunt/reports/ has what is written of findings of every sort.

`MEMQ_ACCEPT=1 pytest tests/hunt` writes those files anew.
"""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from memq.cli import main
from memq.hunt.findings import WRITERS
from memq.hunt.reports.coverage import COLOURS
from memq.hunt.reports.navigator import SCORES
from memq.hunt.reports.terminal import as_table
from memq.hunt.rule_format import LEVELS
from memq.hunt.running import OUTCOMES, Finding
from memq.os.linux.process import Task
from memq.output.look import Look
from memq.output.widths import columns_of
from memq.printing import FORMATS, REPORTS
from memq.schema.kinds import Kind
from tests.hunt.findings import FILTERED, NOT_HERE, WINDOWS, heading, of_every_sort, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.schema.batch import Context, Portion

FILES = Path(__file__).parent / "reports"
FIRST = """\
title: First
id: 00000000-0000-4000-8000-000000000001
level: low
os: linux
tags: [attack.t1055]
parameters: {wanted: {default: 2}}
query: process.Where(pid == wanted).Select([pid, name])
"""


def written(form: str, *findings: Finding) -> str:
    return "".join(WRITERS[form](iter(findings or of_every_sort()), heading()))


def shown(width: int | None, *findings: Finding, dim: bool = False, humane: bool = False) -> str:
    look = Look(width, dim, humane)
    return "".join(as_table(findings or of_every_sort(), heading(), look))


def test_there_is_a_writer_for_each_form() -> None:
    assert tuple(WRITERS) == (*FORMATS, *REPORTS)


@pytest.mark.parametrize("form", [*WRITERS, "table-80", "table-40"])
def test_what_is_written(form: str) -> None:
    name, _, width = form.partition("-")
    text = shown(int(width)) if width else written(name)
    file = FILES / f"{form}.txt"
    if "MEMQ_ACCEPT" in os.environ:
        file.write_text(text, "utf-8", newline="\n")
    assert text == file.read_text("utf-8")


@pytest.mark.parametrize("form", WRITERS)
def test_no_findings_are_a_whole_report(form: str) -> None:
    text = "".join(WRITERS[form](iter(()), heading()))
    assert text.endswith("\n") or form == "jsonl"
    if form in ("json", "navigator", "sarif"):
        json.loads(text)


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "tsv", "sarif"])
def test_forms_for_programs_are_written_as_rules_finish(form: str) -> None:
    done: list[int] = []

    def findings() -> Iterator[Finding]:
        for number, finding in enumerate(of_every_sort()):
            yield finding
            done.append(number)

    pieces = WRITERS[form](findings(), heading())
    while "Memory of no file" not in next(pieces):
        pass
    assert done == []


# JSON and CSV


def test_a_record_says_of_which_dump_it_is_and_how_many_rows_are_not_kept() -> None:
    first, _, third, *_ = json.loads(written("json"))
    assert list(first)[-2:] == ["memq", "image"]
    assert (first["memq"], first["image"]) == ("0.0.1", "90904add" * 8)
    assert "more" not in first
    assert third["more"] == 960


def test_csv_has_a_line_for_each_row_and_the_same_columns_for_all_rules() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv"))))
    findings = of_every_sort()
    assert len(rows) == sum(len(finding.evidence) or 1 for finding in findings)
    first, second = rows[:2]
    assert [first["rule.id"], first["rule.version"], first["techniques"]] == [
        "00000000-0000-4000-8000-000000000001",
        "2",
        "T1055 T1620",
    ]
    assert [first["row"], second["row"]] == ["1", "2"]
    assert json.loads(second["evidence"]) == findings[0].evidence[1]
    assert (rows[-1]["row"], rows[-1]["evidence"], rows[-1]["outcome"]) == ("", "", "clean")
    assert {row["image"] for row in rows} == {"90904add" * 8}
    tabs = list(csv.DictReader(io.StringIO(written("tsv")), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["evidence"] for row in tabs] == [row["evidence"] for row in rows]


# A table


@pytest.mark.parametrize("width", range(30, 130, 7))
def test_a_table_fits_its_width(width: int) -> None:
    assert max(map(columns_of, shown(width).splitlines())) <= width


def test_matches_stand_in_the_order_of_the_matrix_and_those_without_technique_last() -> None:
    text = shown(None)
    places = [
        text.index(part)
        for part in (
            "Privilege Escalation",
            "T1055.012 Process Hollowing",
            "Defense Evasion",
            "T1055 Process Injection",
            "No technique",
            "Numbers",
            "undecided: 1",
            "skipped: 3",
            f"2 rules: {of_every_sort()[5].reason}",
            "clean: 2",
        )
    ]
    assert places == sorted(places)
    assert "Memory of no file: 2 rows (also T1620)" in text
    assert "and 1,009 more rows; see -o json" in text


def test_a_tactic_that_the_technique_does_not_serve_is_not_taken() -> None:
    own = rule(1, "A", "low", "attack.exfiltration", "attack.t1055")
    assert "\nDefense Evasion\n" in shown(None, Finding(own, "match", "", (1,)))


def test_of_many_matches_the_worst_stand_first() -> None:
    levels = ("low", "critical", "informational", "high")
    found = [
        Finding(rule(n, level.upper(), level, "attack.t1055"), "match", "", ({"pid": n},))
        for n, level in enumerate(levels, 1)
    ]
    text = shown(80, *found)
    worst = [level for level in reversed(LEVELS) if level in levels]
    places = [text.index(f"{level.upper()}: 1 row (T1055)\n") for level in worst]
    assert places == sorted(places)
    head = "match: 4 (1 critical, 1 high, 1 low, 1 informational)\n  critical       CRITICAL: 1 row"
    assert head in text
    assert "(T1055)" not in shown(80, *found[:3])  # few are seen without a list
    bold = shown(80, *found, dim=True)
    assert "    \x1b[1mcritical\x1b[0m       CRITICAL" in bold
    assert bold.count("\x1b[1m") == 4


def test_values_are_for_people_on_a_terminal() -> None:
    row = {
        "p": {"size": 12288},
        "time": "2026-11-21T18:44:56.310841Z",
        "age": 78.5529,
        "odd": "no time",
        "none": None,
        "pid": 4096,
    }
    kinds = {"p.size": Kind.SIZE, "time": Kind.TIME, "age": Kind.DURATION}
    kinds |= {"odd": Kind.TIME, "none": Kind.SIZE, "not here": Kind.SIZE}
    finding = Finding(rule(1, "A", "low"), "match", "", (row,), kinds=kinds)
    *_, cells, _, _ = shown(200, finding, humane=True).splitlines()
    assert cells.split() == ["12KB", "2026-11-21", "18:44:56Z", "1m", "18s", "no", "time", "4096"]
    *_, cells, _, _ = shown(200, finding).splitlines()
    exact = "12288 2026-11-21T18:44:56.310841Z 78.5529 no time 4096"
    assert cells.split() == exact.split()


def test_a_value_that_is_wide_goes_on_below_its_name() -> None:
    words = " ".join(f"word{n}" for n in range(100))
    text = shown(60, Finding(rule(1, "A", "low"), "match", "", ({"pid": 1, "line": words},)))
    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines) if "line  word0 word1" in line)
    assert lines[first + 1].startswith("              word")
    assert "word0 word1 word2" in lines[first]
    assert sum("word" in line for line in lines) == 4
    assert "…" in lines[first + 3]


def test_rules_that_share_a_reason_are_named_but_for_those_of_another_system() -> None:
    why = "requires `x`: not in this kernel's types"
    here = [Finding(rule(n, f"Rule {n}", "high"), "skipped", why) for n in (1, 2)]
    away = [
        Finding(rule(n, f"Rule {n}", "high", queries=WINDOWS), "skipped", NOT_HERE) for n in (3, 4)
    ]
    text = shown(80, *here, *away)
    assert f"    2 rules: {why}\n      high           Rule 1\n      high           Rule 2\n" in text
    assert f"    2 rules: {NOT_HERE}\n\nclean" in text
    many = [Finding(rule(n, f"Rule {n}", "high"), "undecided", why) for n in range(1, 20)]
    assert "Rule 12\n      and 7 more; see -o json\n" in shown(80, *many)


def test_what_is_not_known_is_marked_and_dim_on_a_terminal() -> None:
    assert "\x1b[2m?\x1b[0m" in shown(100, dim=True)
    assert "\x1b" not in shown(100)


def test_what_is_to_be_said_of_clean_rules_is_said() -> None:
    assert shown(None).endswith(f"clean: 2\n    critical       Nothing there: {FILTERED}\n")
    for form in ("markdown", "html", "navigator", "sarif"):
        assert FILTERED in written(form)


# Layers


def test_each_thing_that_can_come_of_a_technique_has_a_score_and_a_colour() -> None:
    assert set(COLOURS) == set(SCORES) == {*LEVELS, *OUTCOMES[1:]}
    assert len(set(COLOURS.values())) == len(set(SCORES.values())) == len(SCORES)
    ranked = sorted(SCORES, key=SCORES.__getitem__, reverse=True)
    assert ranked == list(COLOURS) == [*reversed(LEVELS), *OUTCOMES[1:]]


def test_a_layer_tells_what_is_clean_from_what_is_not_decided() -> None:
    layer = json.loads(written("navigator"))
    assert layer["versions"]["layer"] == "4.5"
    scores = {(one["techniqueID"], one["tactic"]): one["score"] for one in layer["techniques"]}
    assert scores == {
        ("T1055", "defense-evasion"): SCORES["high"],
        ("T1620", "defense-evasion"): SCORES["high"],
        ("T1055.012", "privilege-escalation"): SCORES["critical"],
        ("T1014", "defense-evasion"): SCORES["undecided"],
        ("T1003", "credential-access"): SCORES["skipped"],
        ("T1003.007", "credential-access"): SCORES["clean"],
    }


def test_a_rule_for_the_other_system_does_not_hide_that_a_technique_is_clean() -> None:
    here = Finding(rule(1, "A", "low", "attack.t1014"), "clean")
    there = Finding(rule(2, "B", "low", "attack.t1014", queries={"windows": "x"}), "skipped", "no")
    lacking = Finding(rule(3, "C", "low", "attack.t1014"), "skipped", "requires `x`")
    for findings, state in (([here, there], "clean"), ([here, there, lacking], "skipped")):
        (one,) = json.loads(written("navigator", *findings))["techniques"]
        assert one["score"] == SCORES[state]


# From the command line


@pytest.mark.parametrize("form", WRITERS)
def test_each_form_from_the_command_line(
    form: str, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yml"
    path.write_text(FIRST, "utf-8")
    arguments = [str(sample), "--playbook", str(path), "-o", form, "--let", "wanted=1"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "systemd" in out or form == "navigator"
    assert "First" in out
    if form in ("table", *REPORTS):
        assert sample.name in out
        assert "wanted" in out


def test_the_page_shows_what_is_printed(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    file = tmp_path / "page.yml"
    file.write_text(block(page, "yaml"), "utf-8")
    assert main([str(sample), "--playbook", str(file), "-o", "table"]) == 0
    assert capsys.readouterr().out.partition("\n\n")[2] == block(page, "text")


def block(page: str, language: str) -> str:
    """Return the first block of a page that is marked so."""
    return page.partition(f"```{language}\n")[2].partition("```")[0]


def test_a_file_may_have_a_name_that_is_no_text(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = tmp_path / os.fsdecode(b"a\xff.xz")
    dump.symlink_to(sample)
    path = tmp_path / "a.yml"
    path.write_text(FIRST, "utf-8")
    for form in ("table", "html", "sarif"):
        assert main([str(dump), "--playbook", str(path), "-o", form]) == 0
        assert "a\\xff.xz" in capsys.readouterr().out.replace("%5C", "\\")


@pytest.mark.parametrize(
    ("form", "end"), [("html", "</html>\n"), ("markdown", "|\n"), ("sarif", "}\n")]
)
def test_a_report_of_a_run_that_was_stopped_is_whole(
    form: str,
    end: str,
    sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    portions = Task.portions

    def interrupted(context: Context) -> Iterator[Portion]:
        yield from portions(context)
        signal.raise_signal(signal.SIGINT)

    path = tmp_path / "a.yml"
    second = FIRST.replace("First", "Second").replace("01\n", "02\n")
    second = second.replace("pid == wanted", "pid > wanted")
    path.write_text(f"{FIRST}---\n{second}", "utf-8")
    monkeypatch.setattr(Task, "portions", interrupted)
    assert main([str(sample), "--playbook", str(path), "-o", form]) == 1
    out, err = capsys.readouterr()
    assert err == "memq: stopped\n"
    assert "kthreadd" in out
    assert "stopped by the user" in out
    assert out.endswith(end)
