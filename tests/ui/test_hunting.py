"""The commands that run rules: what they find, which numbers it has, how it is marked and kept."""

from __future__ import annotations

import io
import json
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from memq.cli import main
from memq.errors import Cancelled, QueryError
from memq.hunt.case import Case
from memq.hunt.case_file import STATUSES
from memq.hunt.case_query import OpenCase, ask_case
from memq.hunt.names import playbook_names
from memq.progress import Progress
from memq.ui.commands import COMMANDS
from memq.ui.complete import suggest
from memq.ui.world import SessionWorld
from tests.hunt.cases import made, match, ran
from tests.transcript import Transcript
from tests.ui.screen import CTRL_C, CTRL_D, NEEDS_TERMINAL, TAB, memq
from tests.ui.test_terminal import ENDLESS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.image import Image

RULES = """\
title: The first processes
id: 00000000-0000-4000-8000-000000000001
level: high
os: [linux, windows]
tags: [attack.t1055.012]
description: |
  There are always some.
  So this finds something.
falsepositives: [A machine that runs]
parameters:
  most: {default: 2}
query: process.Where(pid <= most).Select([pid, name])
---
title: No process
id: 00000000-0000-4000-8000-000000000002
level: low
os: linux
query: process.Where(pid < 0)
"""
SLOW = f"""\
title: Slow
id: 00000000-0000-4000-8000-000000000003
level: low
os: linux
query: |
  {ENDLESS}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have rules where the examples of the commands look for them."""
    (tmp_path / "rules.yml").write_text(RULES, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def transcript(sample_image: Image) -> Iterator[Transcript]:
    made_ = Transcript(sample_image)
    yield made_
    made_.session.keep_findings(None)


def in_one_line(shown: str) -> str:
    return " ".join(shown.split())


def test_their_examples(transcript: Transcript, folder: Path) -> None:
    shown = {
        name: transcript.enter(COMMANDS[name].example)
        for name in ("case", "playbook", "findings", "mark")
    }
    assert transcript.session.failures == 0
    assert shown["case"] == "case office.case: 0 findings, 0 in this dump\n"
    told = r"\ncase office\.case: run 1, (\d+) findings: \1 new, 0 seen before\n"
    found = re.search(f"{told}$", shown["playbook"])
    assert found is not None
    assert shown["mark"] == "1 finding marked as false-positive\n"
    assert sorted(one.name for one in folder.iterdir()) == ["office.case", "rules.yml"]
    with Case(folder / "office.case") as case:
        marks = list(ask_case(case, "finding.Select([id, status, note])", {}).rows())
        levels = set(ask_case(case, "finding.level", {}).rows())
    note = "the Java of our build servers"
    assert marks[0] == {"id": 1, "status": "false-positive", "note": note}
    assert marks[1:] == [
        {"id": number, "status": "new", "note": None} for number in range(2, int(found[1]) + 1)
    ]
    assert levels <= {"high", "critical"}


def test_what_one_finding_tells(transcript: Transcript) -> None:
    transcript.enter("let most = 5")
    transcript.enter(".playbook rules.yml --let most=1")
    shown = transcript.enter(".findings 1")
    name = transcript.session.dump.physical.path.name
    assert shown == (
        "The first processes\n"
        "finding 1, new\n"
        f"found in {name}\n"
        "level high, rule 00000000-0000-4000-8000-000000000001, version 1\n"
        "\nThere are always some.\nSo this finds something.\n"
        "\nharmless, and found all the same:\n  A machine that runs\n"
        "\nevidence:\n  pid   1\n  name  systemd\n"
        "\nquery:\n  let most = 1;\n  process.Where(pid <= most).Select([pid, name])\n"
        "`_1` is the rule's query, without its filters; `_` asks it, too\n"
    )
    assert "1  systemd" in transcript.enter("_")
    assert transcript.enter(".Select(pid)").endswith("    1\n_3: 1 row\n")
    # A name that the user has given means what it did.
    assert transcript.enter("most") == "5\n_4\n"


def test_findings_without_a_case_are_those_of_the_last_playbook(
    transcript: Transcript, folder: Path
) -> None:
    assert "error: No rule has been run yet." in transcript.enter(".findings")
    shown = transcript.enter(".playbook rules.yml")
    assert shown.endswith("`.findings` lists what was found, each with a number\n")
    transcript.enter(".playbook rules.yml --let most=1")
    listed = transcript.enter(".findings").splitlines()
    assert listed[2].split()[:4] == ["1", "new", "true", "high"]
    assert listed[3:] == ["1 finding; `.findings ID` tells all about one"]
    refused = in_one_line(transcript.enter(".mark 1 confirmed"))
    assert refused.startswith("error: Marks are kept in a case, and none is open. `.case FILE`")
    assert [one.name for one in folder.iterdir()] == ["rules.yml"]
    # What is opened then begins with nothing.
    transcript.enter(".case a.case")
    assert transcript.enter(".findings").endswith("\n0 findings\n")


def test_marks_are_shown_again_in_a_later_session(transcript: Transcript) -> None:
    for entry in (".case a.case", ".playbook rules.yml", ".mark 1, 2 confirmed it is init"):
        transcript.enter(entry)
    later = Transcript(transcript.session.dump)
    assert later.enter(".case a.case") == "case a.case: 2 findings, 2 in this dump\n"
    shown = later.enter(".playbook rules.yml --let most=1")
    told = "run 2, 1 finding: 0 new, 1 seen before (1 confirmed), 1 gone"
    assert shown.endswith(f"case a.case: {told}\n")
    listed = later.enter(".findings")
    assert "confirmed  false   high" in listed
    assert "it is init" in listed
    gone = "1 gone since an earlier run"
    assert listed.endswith(f"\n1 finding; {gone}; `.findings ID` tells all about one\n")
    later.enter(".mark 1 new")
    assert "confirmed" not in later.enter(".findings")
    later.session.keep_findings(None)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (".playbook", "Run which rules? Such as"),
        (".playbook none.yml", "There is no file, folder or playbook 'none.yml'."),
        (".playbook wrong.yml", "wrong.yml:1:1: A rule needs the key `id`."),
        (".playbook rules.yml --level hgh", "There is no level 'hgh': give one of"),
        (".playbook rules.yml --levl high", "There is no option --levl."),
        (".playbook rules.yml --level", "--level needs a value."),
        (".playbook rules.yml --let most", "--let takes NAME=VALUE, and this is 'most'."),
        (".playbook rules.yml --let é=1", "--let takes NAME=VALUE, and this is 'é=1'."),
        (".playbook rules.yml --let least=1", "No rule has a parameter `least`"),
        (".playbook rules.yml --level critical", "No rule is of this level; leave out --level"),
        (".playbook rules.yml --tag attack.t1", "No rule has the tag 'attack.t1'."),
        (".mark", 'Mark what as what? .mark ID ... STATUS ["NOTE"] A status is new,'),
        (".mark confirmed", "Mark what as what?"),
        (".mark 1", "Mark what as what?"),
        (".mark 1 fine", "A finding cannot be `fine`. It can be new,"),
        (".mark 99 confirmed", "There is no finding 99. `.findings` lists them."),
        (".mark " + "1 " * 1001 + "confirmed", "At most 1,000 are marked at once."),
        (".mark 1" + "0" * 30 + " new", "is no number of a finding."),
        (".findings 99", "There is no finding 99. `.findings` lists them."),
        (".findings x", "`x` is no number of a finding."),
        (".case rules.yml", "rules.yml is no case of memq: give another name"),
    ],
)
def test_what_is_refused(transcript: Transcript, folder: Path, entry: str, said: str) -> None:
    (folder / "wrong.yml").write_text("title: x", "utf-8")
    transcript.enter(".case a.case")
    transcript.enter(".playbook rules.yml --let most=1")
    shown = in_one_line(transcript.enter(entry))
    assert said in shown
    assert transcript.session.failures == 1
    # The case that was open still is.
    assert transcript.enter(".case") == "case a.case: 1 finding, 1 in this dump\n"


@pytest.mark.parametrize(
    ("entered", "note"),
    [
        ('"it is init"', "it is init"),
        ("'it is \"init\"'", 'it is "init"'),
        ('it\'s "init"', 'it\'s "init"'),
        ("", ""),
    ],
)
def test_notes(transcript: Transcript, entered: str, note: str) -> None:
    for entry in (".case a.case", ".playbook rules.yml", f".mark 1 confirmed {entered}"):
        transcript.enter(entry)
    assert transcript.session.case is not None
    kept = transcript.session.case.finding(1)
    assert (kept.status, kept.note) == ("confirmed", note)


def test_no_case_is_open(transcript: Transcript) -> None:
    said = "error: No case is open. `.case FILE` opens one, or makes it."
    assert in_one_line(transcript.enter(".case")) == said


def test_what_is_named_by_a_stranger_is_harmless(transcript: Transcript, folder: Path) -> None:
    bell = "\x1b]0;x\a"
    with Case(folder / "a.case", create=True) as case:
        ran(case, match(1, {"name": bell, bell: 1}))
        case.mark([1], "confirmed", bell)
        with case.file.change():
            case.file.write("UPDATE images SET fingerprint = ?", transcript.session.fingerprint)
            case.file.write("UPDATE rules SET title = ?, description = ?, query = ?", *[bell] * 3)
    shown = ""
    for entry in (".case a.case", ".findings", ".findings 1"):
        shown = transcript.enter(entry)
        assert "\x1b" not in shown
        assert "\a" not in shown
    assert "the rule's query cannot be asked here" in shown


def test_evidence_of_a_stranger_is_bounded(transcript: Transcript, folder: Path) -> None:
    def shown(evidence: str) -> str:
        with Case(folder / "a.case") as case, case.file.change():
            case.file.write("UPDATE findings SET evidence = ?", evidence)
        return transcript.enter(".findings 1")

    made(folder / "a.case")
    transcript.enter(".case a.case")
    wide = json.dumps({"n" * 100_000: 1} | dict.fromkeys(map(str, range(1000)), 2))
    assert len(shown(wide)) < 4 * len(wide)
    # What can just be read as JSON cannot always be written so; where, Python's stack says.
    deep = [shown(f'{{"a": {"[" * depth}{"]" * depth}}}') for depth in range(900, 1000)]
    told = re.compile(
        r'^evidence:\n  (a  \[+|a  nested too deeply to be shown|\{"a": \[.*)$', re.MULTILINE
    )
    assert all(told.search(one) for one in deep)


def test_words_are_completed(transcript: Transcript, folder: Path) -> None:
    world = SessionWorld(transcript.session)

    def offered(text: str) -> list[str]:
        return [one.text for one in suggest(text, world)]

    assert offered(".findings ") == []
    for entry in (".case a.case", ".playbook rules.yml"):
        transcript.enter(entry)
    (folder / "more").mkdir()
    assert {"default", "more/", "a.case", "rules.yml"} <= set(offered(".playbook "))
    assert offered(".playbook rules.yml defau") == ["default"]
    assert offered(".playbook rules.yml mo")[0] == "more/"
    rule = next(name for name in playbook_names() if "/" in name)
    assert offered(f".playbook {rule[:-3]}")[0] == rule.partition("/")[2]
    assert offered(".playbook more/ --") == ["--level", "--tag", "--let"]
    assert offered(".playbook x --level cr") == ["critical"]
    assert "attack.t1055.012" in offered(".playbook x --tag attack.t1055")
    assert offered(".playbook x --let ") == []
    assert offered(".findings ") == ["2", "1"]
    assert offered(".findings 1 ") == []
    assert offered(".mark ") == ["2", "1", *STATUSES]
    assert offered(".mark 1 2 fal") == ["false-positive"]
    assert offered(".mark 1 confirmed ") == []
    assert offered(".case a") == ["a.case"]


# A case without a dump


def test_a_case_by_itself(sample: Path) -> None:
    case = Case(made(Path("a.case")))
    transcript = Transcript(OpenCase(case, Progress()))
    transcript.session.keep_findings(case)
    transcript.session.greet()
    assert transcript.text == "a.case: a case, 1 finding, 1 run, 1 dump\n"
    assert "1  new     high   Rule 1" in transcript.enter("finding")
    assert "one.lime" in transcript.enter(".findings")
    transcript.enter('.mark 1 confirmed "seen"')
    # The mark is there at once, also in what was asked before.
    assert "confirmed" in transcript.enter("_")
    assert "found in one.lime" in transcript.enter(".findings 1")
    assert transcript.session.failures == 0
    for entry in (".playbook rules.yml", ".dt x", ".symbol x", ".x 0", ".info"):
        shown = in_one_line(transcript.enter(entry))
        assert shown == (
            "error: This is a case, and the command speaks of a dump. `.open DUMP` opens one."
        )
    transcript.enter(".case other.case")
    assert "confirmed" not in transcript.enter("finding")
    transcript.enter(f".open {sample}")
    assert transcript.enter(".case") == "case other.case: 0 findings, 0 in this dump\n"
    transcript.session.close()


def test_a_dump_is_asked_for_where_there_is_none(folder: Path) -> None:
    with Case(made(folder / "a.case")) as case:
        session = Transcript(OpenCase(case, Progress())).session
        with pytest.raises(QueryError, match="This is a case"):
            _ = session.dump
        assert session.fingerprint == ""


# Without a terminal, and in one


def test_without_a_terminal(
    sample: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = b".playbook rules.yml\n.mark 1 confirmed\nfinding\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert main([str(sample), "--case", "a.case"]) == 1  # a dump has no such objects
    out, err = capsys.readouterr()
    assert [one["outcome"] for one in json.loads(out)] == ["match", "clean"]
    assert err.startswith("memq: case a.case: run 1, 2 findings: 2 new, 0 seen before\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"finding.status\n")))
    assert main(["--case", "a.case"]) == 0
    assert capsys.readouterr().out == '[\n"confirmed",\n"new"\n]\n'


def test_ctrl_c_where_no_one_looks_on_ends_the_session(
    transcript: Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript.enter(".case a.case")
    monkeypatch.setattr(transcript.session.terminal, "stream", io.StringIO())
    kept = Case.begin

    def begun(*arguments: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return kept(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Case, "begin", begun)
    with pytest.raises(Cancelled):
        COMMANDS["playbook"].run(transcript.session, "rules.yml")
    assert transcript.session.case is not None
    answer = ask_case(transcript.session.case, "run.state", {})
    assert list(answer.rows()) == ["stopped"]


@NEEDS_TERMINAL
def test_on_a_terminal(sample: Path, folder: Path) -> None:
    (folder / "slow.yml").write_text(SLOW, "utf-8")
    path = folder / "a.case"
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    with memq(sample, "--case", path, rows=40, columns=120, **home) as screen:
        screen.prompt()
        screen.enter(f".playbook {folder}/rules.yml", "2 findings: 2 new, 0 seen before")
        screen.type(f".mark 1 false-pos{TAB}").wait("false-positive")
        screen.enter(" it is init", "1 finding marked as false-positive")
        assert "it is init" in screen.enter(".findings", "2 findings; `.findings ID`").text
        screen.enter(f".playbook {folder}/slow.yml").wait("rule 1 of 1, Slow")
        screen.type(CTRL_C).prompt("stopped by the user")
        screen.enter("process.Count()", "112").type(CTRL_D)
        assert screen.ended() == 0
    with Case(path) as case:
        assert list(ask_case(case, "run.state", {}).rows()) == ["finished", "stopped"]
        marked = 'finding.Where(rule == "The first processes").status'
        assert list(ask_case(case, marked, {}).rows()) == ["false-positive", "new"]
