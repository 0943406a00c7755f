"""Two people's cases in one: what is of both is one, and what they think otherwise is told."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from memq.cli import main
from memq.errors import CaseError
from memq.hunt import case_merging
from memq.hunt.case import Case
from memq.hunt.case_merging import merge
from memq.hunt.case_query import ask_case
from memq.hunt.running import Finding
from tests.hunt.cases import identity, made, match, ran, rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE, TWO, THREE = {"pid": 1}, {"pid": 2}, {"pid": 3}


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[Case]:
    with Case(tmp_path / "mine.case", create=True) as opened:
        yield opened


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Case]:
    with Case(tmp_path / "theirs.case", create=True) as opened:
        yield opened


def told(mine: Case, theirs: Case) -> list[str]:
    lines = list(merge(mine, theirs).told("mine"))
    return [line.replace(theirs.name, "theirs") for line in lines]


def rows(case: Case, query: str) -> list[Any]:
    return [tuple(row.values()) for row in ask_case(case, query, {}).rows()]


def begun(case: Case, *times: int) -> None:
    """Say when the runs began, so that none is taken for another's."""
    for run, time in enumerate(times, 1):
        with case.file.change():
            case.file.write("UPDATE runs SET began = ? WHERE number = ?", time, run)


def test_findings_of_both_are_one(mine: Case, theirs: Case) -> None:
    other = identity("two.lime", "cd" * 32)
    ran(mine, match(1, ONE))
    ran(theirs, match(1, ONE, TWO), Finding(rule(2), "skipped", "why not"))
    ran(theirs, match(3, THREE), which=other)
    begun(mine, 100)
    begun(theirs, 200, 300)
    assert told(mine, theirs) == ["case mine: merged theirs, 3 findings: 2 new, 1 here before"]
    found = rows(mine, "finding.Select([id, rule, pid, image, first_run, last_run, is_new])")
    assert found == [
        (1, "Rule 1", 1, "one.lime", 1, 2, False),
        (2, "Rule 1", 2, "one.lime", 2, 2, True),
        (3, "Rule 3", 3, "two.lime", 3, 3, True),
    ]
    assert rows(mine, "outcome.Select([run, result, reason])") == [
        (1, "match", None), (2, "match", None), (2, "skipped", "why not"), (3, "match", None),
    ]  # fmt: skip


def test_merging_again_changes_nothing(mine: Case, theirs: Case) -> None:
    ran(theirs, match(1, ONE, TWO))
    theirs.mark([1], "confirmed", "it is")
    told(mine, theirs)
    before = (
        list(mine.file.read("SELECT * FROM findings")),
        mine.file.one("SELECT count(*) FROM runs"),
    )
    assert told(mine, theirs) == ["case mine: merged theirs, 2 findings: 0 new, 2 here before"]
    assert before == (
        list(mine.file.read("SELECT * FROM findings")),
        mine.file.one("SELECT count(*) FROM runs"),
    )


def test_marks_that_differ_are_told_and_stay(mine: Case, theirs: Case) -> None:
    for case in (mine, theirs):
        ran(case, match(1, ONE, TWO, THREE))
    mine.mark([1], "false-positive", "our scanner")
    theirs.mark([1], "confirmed", "no:\nit talks to nobody we know")
    theirs.mark([2], "needs-review", "odd")
    mine.mark([3], "confirmed")
    for _ in range(2):  # it is told whenever it is so
        first, *lines = told(mine, theirs)
        assert lines == [
            (
                'finding 1, Rule 1: false-positive ("our scanner") here, '
                'confirmed ("no: it talks to nobody we know") there'
            )
        ]
        assert first.endswith(", 1 mark differs, and stays as it is here")
    marks = rows(mine, "finding.Select([status, note])")
    assert marks == [
        ("false-positive", "our scanner"),
        ("needs-review", "odd"),
        ("confirmed", None),
    ]
    # The other way round, each keeps what it has, too, and takes what it has not.
    assert ", 1 mark taken over, 1 mark differs" in told(theirs, mine)[0]
    assert rows(theirs, "finding.Select([status])") == [
        ("confirmed",),
        ("needs-review",),
        ("confirmed",),
    ]


def test_notes_of_the_same_mark(mine: Case, theirs: Case) -> None:
    for case in (mine, theirs):
        ran(case, match(1, ONE, TWO))
        case.mark([1, 2], "confirmed")
    theirs.mark([1], "confirmed", "seen on the disk, too")
    mine.mark([2], "confirmed", "mine")
    theirs.mark([2], "confirmed", "theirs")
    first, line = told(mine, theirs)
    assert "1 mark taken over, 1 mark differs" in first
    assert line == 'finding 2, Rule 1: confirmed ("mine") here, confirmed ("theirs") there'
    assert rows(mine, "finding.Select([note])") == [("seen on the disk, too",), ("mine",)]


@pytest.mark.parametrize(("later", "is_gone"), [(300, True), (150, False)])
def test_gone_is_what_the_later_run_says(
    mine: Case, theirs: Case, later: int, is_gone: bool
) -> None:
    """One of them ran the rule without a finding: before the other found it, or after."""
    ran(mine, match(1, ONE))
    begun(mine, 200)
    ran(theirs, match(1, ONE))
    ran(theirs, Finding(rule(1), "clean"))
    begun(theirs, 100, later)
    merge(mine, theirs)
    assert rows(mine, "finding.Select([is_gone])") == [(is_gone,)]


def test_a_run_that_was_not_at_its_end(mine: Case, theirs: Case) -> None:
    ran(theirs, match(1, ONE))
    with theirs.file.change():
        theirs.file.write("UPDATE runs SET state = 'unfinished', ended = NULL")
    merge(mine, theirs)
    with theirs.file.change():
        theirs.file.write("UPDATE runs SET state = 'finished', ended = began + 1")
    merge(mine, theirs)
    assert rows(mine, "run.Select([id, state])") == [(1, "finished")]


def test_what_a_strangers_case_may_hold(mine: Case, theirs: Case) -> None:
    """Values of other types, and numbers of nothing, are left out, and counted."""
    ran(mine, match(1, ONE))
    begun(mine, 100)
    ran(theirs, match(1, TWO, THREE), match(4, ONE))
    with theirs.file.change():
        theirs.file.write("UPDATE findings SET key = 'x' WHERE number = 1")
        theirs.file.write("UPDATE findings SET image = 77 WHERE number = 2")
        theirs.file.write("UPDATE findings SET evidence = x'00ff', note = 7, status = 'bad'")
        theirs.file.write("UPDATE rules SET title = x'00', level = 3, version = 'many'")
        theirs.file.write("UPDATE runs SET ended = 'never', state = 'x'")
    assert told(mine, theirs) == [
        (
            "case mine: merged theirs, 1 finding: 1 new, 0 here before, "
            "2 rows left out, of no known dump or rule"
        )
    ]
    assert rows(mine, "finding.Select([id, status, note, evidence, rule])")[1:] == [
        (2, "new", "7", "", "")
    ]
    assert rows(mine, "run.Select([id, state])") == [(1, "finished"), (2, "unfinished")]


def test_a_key_that_was_made_up_for_another_dump(mine: Case, theirs: Case) -> None:
    ran(mine, match(1, ONE))
    ran(theirs, match(1, ONE), which=identity("two.lime", "cd" * 32))
    theirs.mark([1], "false-positive", "nothing to see here")
    key = mine.file.one("SELECT key FROM findings")
    with theirs.file.change():
        theirs.file.write("UPDATE findings SET key = ?", key)
    assert "1 row left out" in told(mine, theirs)[0]
    assert rows(mine, "finding.Select([status])") == [("new",)]


def test_too_much_is_merged_not_at_all(
    mine: Case, theirs: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(theirs, match(1, ONE, TWO, THREE))
    monkeypatch.setattr(case_merging, "MOST_ROWS", 2)
    with pytest.raises(CaseError, match="too many rows"):
        merge(mine, theirs)
    assert mine.count() == 0
    assert mine.file.one("SELECT count(*) FROM images") == 0


def test_many_differences_are_counted(mine: Case, theirs: Case) -> None:
    some = [{"pid": number} for number in range(25)]
    for case, status in ((mine, "confirmed"), (theirs, "false-positive")):
        ran(case, match(1, *some))
        case.mark(range(1, 26), status)
    lines = told(mine, theirs)
    assert len(lines) == 22
    assert lines[0].endswith("25 marks differ, and stay as here")
    assert lines[-1] == "and 5 more differences"


# The command line


def test_cases_are_merged_into_a_new_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anna, ben = made(tmp_path / "anna.case"), tmp_path / "ben.case"
    with Case(ben, create=True) as case:
        ran(case, match(2, TWO))
        case.mark([1], "confirmed", "a\x1b[31mred")
    with Case(anna) as case:
        ran(case, match(2, TWO))
        case.mark([2], "false-positive")
    team = str(tmp_path / "team.case")
    assert main(["--case", team, "--merge", str(anna), str(ben)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("memq: ") == 3
    assert 'Rule 2: false-positive here, confirmed ("a' in err
    assert "\x1b" not in err
    assert main(["--case", team, "-e", "finding.Count()"]) == 0
    assert capsys.readouterr().out == "2\n"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--case", "{a}", "--merge", "{a}"], 1, "is this very case"),
        (["--case", "{a}", "--merge", "{none}"], 1, "There is no case"),
        (["--case", "{none}", "--merge", "{none}"], 1, "There is no case"),
        (["--case", "{a}", "--merge", "{text}"], 1, "is no case of memq"),
        (["--merge", "{a}"], 2, "--merge puts cases into the one of --case"),
        (["x.lime", "--case", "{a}", "--merge", "{a}"], 2, "no dump and no query"),
        (["--case", "{a}", "--merge", "{a}", "-e", "finding"], 2, "no dump and no query"),
    ],
)
def test_what_cannot_be_merged(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    text = tmp_path / "text"
    text.write_text("no case", "utf-8")
    names = {"a": made(tmp_path / "a.case"), "none": tmp_path / "none.case", "text": text}
    filled = [one.format(**names) for one in arguments]
    try:
        found = main(filled)
    except SystemExit as error:
        found = int(str(error))
    assert found == status
    assert said in capsys.readouterr().err
    assert not (tmp_path / "none.case").exists()


def test_the_other_case_stays_as_it_is(mine: Case, tmp_path: Path) -> None:
    path = made(tmp_path / "other.case")
    before = path.read_bytes()
    with Case(path) as other:
        merge(mine, other)
    assert path.read_bytes() == before
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM findings").fetchone() == (1,)
