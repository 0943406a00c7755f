"""Cases: what is kept of runs, what is new in a later one, and how findings are marked."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from memq.errors import CaseError, MemqError, QueryError
from memq.hunt import case_file
from memq.hunt.case import MOST_NOTE, Case
from memq.hunt.case_file import STATUSES
from memq.hunt.case_objects import CASE
from memq.hunt.case_query import ask_case
from memq.hunt.case_recording import MOST_EVIDENCE_TEXT, evidence_text
from memq.hunt.keys import key_of
from memq.hunt.running import Finding
from tests.hunt.attack import little_attack
from tests.hunt.cases import heading, identity, match, ran, rule
from tests.lab import ROOT
from tests.program import POSIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE, TWO, THREE = {"pid": 1}, {"pid": 2}, {"pid": 3}


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with Case(tmp_path / "a.case", create=True) as opened:
        yield opened


def rows(case: Case, query: str) -> list[Any]:
    return list(ask_case(case, query, {}).rows())


def test_a_finding_in_short_begins_with_the_process(case: Case) -> None:
    own = {"uid": 0, "exe": None, "process": {"pid": 7, "name": "sh"}, "ports": [22, 80]}
    windows = {"program": "x.exe", "process": "cmd.exe", "name": "a key", "pid": 4}
    ran(case, match(1, own, windows, {"table": "64-bit", "index": 62}, "alone"))
    deep = '{"a":' * 50_000 + "1" + "}" * 50_000
    ran(case, match(2, {"a": 1}))
    with case.file.change():
        case.file.write("UPDATE findings SET evidence = ? WHERE number = 5", deep)
    found = rows(case, "finding.Select([summary, name])")
    assert [tuple(row.values()) for row in found[:4]] == [
        ("7 sh 0 22, 80", "sh"),
        ("4 a key cmd.exe x.exe", "cmd.exe"),
        ("64-bit 62", None),
        ('"alone"', None),
    ]
    assert found[4]["summary"] == deep


# What is new


def test_new_seen_and_gone(case: Case) -> None:
    assert ran(case, match(1, ONE, TWO)) == "run 1, 2 findings: 2 new, 0 seen before"
    assert ran(case, match(1, TWO, THREE)) == "run 2, 2 findings: 1 new, 1 seen before, 1 gone"
    assert rows(case, "finding.Where(is_gone).evidence") == ['{"pid": 1}']
    assert rows(case, "finding.Where(is_new).evidence") == ['{"pid": 3}']
    # Gone is told once; what comes back was seen before.
    assert ran(case, match(1, TWO, THREE)) == "run 3, 2 findings: 0 new, 2 seen before"
    assert ran(case, match(1, ONE, TWO, THREE)) == "run 4, 3 findings: 0 new, 3 seen before"
    assert rows(case, "finding.Count(is_gone || is_new)") == [0]
    assert ran(case, Finding(rule(1), "clean")) == "run 5, 0 findings: 0 new, 0 seen before, 3 gone"
    found = rows(case, "finding.Select([id, first_run, last_run])")
    assert [tuple(row.values()) for row in found] == [(1, 1, 4), (2, 1, 4), (3, 2, 4)]


@pytest.mark.parametrize(
    "later",
    [
        Finding(rule(1), "undecided", "1 undecided", undecided=1),
        Finding(rule(1), "skipped", "stopped by the user"),
        match(1, TWO, is_cut=True),
    ],
)
def test_what_was_not_looked_at_is_not_gone(case: Case, later: Finding) -> None:
    ran(case, match(1, ONE, TWO))
    seen = len(later.evidence)
    told = ran(case, later)
    assert told.endswith(f": 0 new, {seen} seen before, {2 - seen} not known now")
    assert rows(case, "finding.Count(is_gone)") == [0]
    assert ran(case, Finding(rule(1), "clean")).endswith(", 2 gone")


def test_what_only_is_remarked_hides_nothing(case: Case) -> None:
    ran(case, match(1, ONE, TWO))
    remarked = match(1, TWO, reason="filters left out 1 row")
    assert ran(case, remarked).endswith(": 0 new, 1 seen before, 1 gone")


def test_a_rule_that_is_not_asked_says_nothing(case: Case) -> None:
    ran(case, match(1, ONE), match(2, ONE))
    assert ran(case, match(2, ONE)) == "run 2, 1 finding: 0 new, 1 seen before"


def test_other_memory_has_findings_of_its_own(case: Case) -> None:
    ran(case, match(1, ONE))
    other = identity("two.lime", "cd" * 32)
    assert ran(case, match(1, ONE), which=other) == "run 2, 1 finding: 1 new, 0 seen before"
    # The same memory under another name is the same.
    renamed = identity("copy.raw")
    assert ran(case, match(1, ONE), which=renamed) == "run 3, 1 finding: 0 new, 1 seen before"
    assert rows(case, "finding.image") == ["copy.raw", "two.lime"]
    assert rows(case, "finding.Select([is_new])") == [{"is_new": False}, {"is_new": True}]


def test_each_row_is_a_finding_also_where_rows_are_the_same(case: Case) -> None:
    assert ran(case, match(1, ONE, ONE, ONE)).startswith("run 1, 3 findings: 3 new")
    assert ran(case, match(1, ONE, ONE)).endswith("0 new, 2 seen before, 1 gone")
    assert key_of("a", "b", {"x": 1, "y": 2}) == key_of("a", "b", {"y": 2, "x": 1})
    keys = {key_of(*one) for one in (("a", "b", ONE), ("b", "b", ONE), ("a", "a", ONE))}
    assert len(keys | {key_of("a", "b", TWO), key_of("a", "b", ONE, 1)}) == 5


def test_what_every_rule_ended_in_is_kept(case: Case) -> None:
    ran(
        case,
        match(1, ONE, more=3, reason="3 more"),
        Finding(rule(2), "undecided", "why", undecided=7),
        Finding(rule(3), "skipped", "for Windows"),
        Finding(rule(4), "clean"),
    )
    found = rows(case, "outcome.Select([rule, result, matched, undecided, reason])")
    assert [tuple(row.values()) for row in found] == [
        ("Rule 1", "match", 4, 0, "3 more"),
        ("Rule 2", "undecided", 0, 7, "why"),
        ("Rule 3", "skipped", 0, 0, "for Windows"),
        ("Rule 4", "clean", 0, 0, None),
    ]
    (run,) = rows(case, "run.Select([state, attack_version, image, host, taken, size])")
    state, attack, *image = run.values()
    assert (state, attack) == ("finished", little_attack().version)
    assert image == ["one.lime", "host", "2026-11-21T18:45:40.176000Z", 1 << 30]


def test_a_rule_is_kept_as_it_was_run(case: Case) -> None:
    ran(case, match(1, ONE))
    changed = rule(1, version=2, level="low", falsepositives=("Java",), description="Because.")
    ran(case, Finding(changed, "match", evidence=(ONE,)))
    assert rows(case, "outcome.Select([rule_version, level])") == [
        {"rule_version": 1, "level": "high"},
        {"rule_version": 2, "level": "low"},
    ]
    kept = case.finding(1)
    assert (kept.version, kept.level, kept.description) == (2, "low", "Because.")
    assert (kept.falsepositives, kept.query, kept.evidence) == (("Java",), "process", ONE)


def test_what_a_finding_tells(case: Case) -> None:
    owned = {"process": {"pid": 5, "name": "sh"}, "name": "/tmp/x"}
    ran(case, match(1, {"pid": 5, "name": "sh"}, owned, {"pid": "5"}, {"process": 1}, "text"))
    found = rows(case, "finding.Select([pid, name, techniques, tactics, severity, system, host])")
    rest = {"techniques": "T1055.012", "tactics": "persistence", "severity": 3}
    rest |= {"system": "linux", "host": "host"}
    assert found == [
        *[{"pid": 5, "name": "sh", **rest}] * 2,
        *[{"pid": None, "name": None, **rest}] * 3,
    ]


# Marks


def test_marks_outlive_runs(case: Case) -> None:
    ran(case, match(1, ONE, TWO, THREE))
    case.mark([1, 2], "false-positive", "the build")
    case.mark([3], "confirmed")
    told = "0 new, 3 seen before (1 confirmed, 2 false positive)"
    assert ran(case, match(1, ONE, TWO, THREE)) == f"run 2, 3 findings: {told}"
    found = rows(case, "finding.Where(marked != null).Select([status, note])")
    assert found == [{"status": "false-positive", "note": "the build"}] * 2 + [
        {"status": "confirmed", "note": None}
    ]
    case.mark([1], "needs-review")
    assert case.finding(1).note == "the build"
    case.mark([1], "new")
    assert (case.finding(1).status, case.finding(1).note) == ("new", "")
    assert rows(case, "finding.Where(marked == null).id") == [1]


def test_all_are_marked_or_none(case: Case) -> None:
    ran(case, match(1, ONE))
    with pytest.raises(QueryError, match="no finding 9"):
        case.mark([1, 9], "confirmed")
    with pytest.raises(QueryError, match="cannot be `confrimed`") as raised:
        case.mark([1], "confrimed")
    assert raised.value.hint == "Did you mean `confirmed`?"
    with pytest.raises(QueryError, match="at most 4,000 characters"):
        case.mark([1], "confirmed", "x" * (MOST_NOTE + 1))
    assert case.finding(1).status == STATUSES[0]
    with pytest.raises(QueryError, match="no finding 9"):
        case.finding(9)


# Runs that do not end


def test_a_run_that_is_stopped_keeps_what_was_found(case: Case) -> None:
    recording = case.begin(heading(least="4"))
    recording.keep(match(1, ONE))
    assert rows(case, "run.Select([state, ended, parameters])") == [
        {"state": "unfinished", "ended": None, "parameters": '{"least": "4"}'}
    ]
    recording.end(is_stopped=True)
    assert rows(case, "run.Select([state, ended == null])")[0]["state"] == "stopped"
    assert rows(case, "finding.Count()") == [1]


@POSIX
def test_a_run_that_is_killed_keeps_whole_rules(tmp_path: Path) -> None:
    path = tmp_path / "a.case"
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from memq.hunt.case import Case\n"
        "from tests.hunt.cases import heading, match\n"
        "case = Case(Path(sys.argv[1]), create=True)\n"
        "recording = case.begin(heading())\n"
        "recording.keep(match(1, {'pid': 1}))\n"
        "recording._look_for_gone = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "recording.keep(match(2, *({'pid': n, 'x': 'x' * 9999} for n in range(1000))))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with Case(path, create=True) as case:
        assert rows(case, "run.state") == ["unfinished"]
        assert rows(case, "finding.rule") == ["Rule 1"]
        assert ran(case, match(1, ONE), match(2, ONE)).endswith("1 new, 1 seen before")


def test_two_processes_keep_findings_in_one_case(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from memq.hunt.case import Case\n"
        "from tests.hunt.cases import match, ran\n"
        "for n in range(20):\n"
        "    with Case(Path(sys.argv[1]), create=True) as case:\n"
        "        ran(case, *(match(rule, {'pid': n}, {'own': sys.argv[2]}) for rule in (1, 2)))\n"
    )
    path = str(tmp_path / "a.case")
    command = [sys.executable, "-c", program, path]
    both = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("a", "b")]
    assert [one.wait(120) for one in both] == [0, 0]
    with Case(tmp_path / "a.case") as case:
        assert rows(case, "run.Count(state == 'finished')") == [40]
        assert rows(case, "finding.Count()") == [2 * (20 + 2)]


def test_rules_are_run_on_where_no_more_can_be_kept(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_file, "PATIENCE", 0.05)
    findings = [match(1, ONE), match(2, ONE), match(3, ONE)]
    with Case(case.file.path, create=True) as second:
        recording = second.begin(heading())
        kept = recording.kept(findings, {})
        assert next(kept) is findings[0]
        with case.file.change():
            assert next(kept) is findings[1]
        assert list(kept) == findings[2:]
        with pytest.raises(CaseError, match="in use by another process: wait"):
            recording.end(is_stopped=False)
    assert rows(case, "finding.rule") == ["Rule 1"]
    assert rows(case, "run.state") == ["unfinished"]


# What is too large, and what no file can hold


def test_evidence_that_is_too_long_is_left_out_and_says_so(case: Case) -> None:
    row: dict[str, Any] = {
        "pid": 1,
        "command": "x" * MOST_EVIDENCE_TEXT,
        "_unknown": {"name": "paged out"},
    }
    ran(case, match(1, row))
    kept = case.finding(1).evidence
    assert kept["pid"] == 1
    assert kept["command"] is None
    assert kept["_unknown"] == {"name": "paged out", "command": "too long for a case"}
    # It is still known by all of it.
    row["command"] += "y"
    assert ran(case, match(1, row)).startswith("run 2, 1 finding: 1 new")
    many = {f"column {n}": "x" * 100 for n in range(10_000)}
    assert json.loads(evidence_text(many)) == {"_unknown": {"evidence": "too long for a case"}}
    assert json.loads(evidence_text(["x"] * 100_000))["value"] is None


def test_names_of_files_need_not_be_text(case: Case) -> None:
    odd = os.fsdecode(b"a\xff\x1b.lime")
    ran(case, match(1, ONE), which=identity(odd))
    assert rows(case, "finding.image") == ["a\\udcff\x1b.lime"]


HOSTILE = (
    "UPDATE findings SET status = 'x' || char(27), note = x'ff1b', evidence = '[[[['",
    "UPDATE findings SET evidence = replace(hex(zeroblob(50000)), '0', '[')",
    "UPDATE findings SET first_run = 'many', last_run = 1e300, marked = 9223372036854775807",
    "UPDATE rules SET level = NULL, tags = '{\"a\": 1}', title = x'00ff', version = 'x'",
    "UPDATE rules SET tags = '[1, null, \"attack.t1055\"]', falsepositives = '[3]', query = 7",
    "UPDATE images SET fingerprint = x'00ff', size = 'x', taken = 'yesterday'",
    "UPDATE images SET taken = '9999-12-31T23:59:59Z', name = NULL",
    "UPDATE runs SET began = -9223372036854775808, ended = 'x', state = 5",
    "DELETE FROM runs",
    "DELETE FROM rules",
    "DELETE FROM images",
)


@pytest.mark.parametrize("sql", HOSTILE)
def test_what_a_stranger_has_written_is_read_for_what_it_is(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "a.case"
    with Case(path, create=True) as case:
        ran(case, match(1, ONE))
    with sqlite3.connect(path) as raw:
        try:
            raw.execute(sql)
        except sqlite3.IntegrityError:
            pytest.skip("SQLite itself does not take it")
    raw.close()
    with Case(path, create=True) as case:
        for name, type_ in CASE.objects.items():
            listed = rows(case, f"{name}.Select([{', '.join(type_.fields)}])")
            assert len(listed) <= 1
        kept = case.finding(1)
        assert kept.status in STATUSES
        try:
            ran(case, match(1, ONE))
        except MemqError as error:
            pytest.fail(str(error))
