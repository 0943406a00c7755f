"""How findings are listed and told in the interpreter, and how a colleague's are merged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from memq.hunt.case import Case
from memq.hunt.case_query import OpenCase
from memq.progress import Progress
from memq.ui.hunting import _broken
from tests.hunt.cases import made, match, ran
from tests.transcript import Transcript
from tests.ui.test_hunting import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.image import Image


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that has rules."""
    (tmp_path / "rules.yml").write_text(RULES, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def transcript(sample_image: Image, folder: Path) -> Iterator[Transcript]:
    made_ = Transcript(sample_image)
    yield made_
    made_.session.keep_findings(None)


def test_a_colleagues_case_is_merged(transcript: Transcript, folder: Path) -> None:
    with Case(made(folder / "theirs.case")) as theirs:
        theirs.mark([1], "confirmed", "it is")
    assert "No case is open" in transcript.enter(".merge theirs.case")
    transcript.enter(".case mine.case")
    assert "Merge which case" in transcript.enter(".merge")
    shown = transcript.enter('.merge "theirs.case"')
    assert shown == "case mine.case: merged theirs.case, 1 finding: 1 new, 0 here before\n"
    case = transcript.session.case
    assert case is not None
    assert case.finding(1).note == "it is"


def test_what_was_merged_is_asked(folder: Path) -> None:
    made(folder / "theirs.case")
    with Case(folder / "mine.case", create=True) as case:
        ran(case, match(2, {"pid": 2}))
        transcript = Transcript(OpenCase(case, Progress()))
        transcript.session.keep_findings(case)
        assert "2" not in transcript.enter("finding.Count()")
        transcript.enter(".merge theirs.case")
        assert "2" in transcript.enter("finding.Count()")


def test_findings_are_listed_by_what_tells_them_apart(transcript: Transcript) -> None:
    transcript.enter(".playbook rules.yml")
    shown = transcript.enter(".findings")
    assert re.search(r"1 +new +true +high +The first processes +1 systemd", shown)
    assert "{" not in shown


def test_evidence_of_a_process_is_told_by_its_columns(transcript: Transcript) -> None:
    with Case(Path("a.case"), create=True) as case:
        ran(case, match(1, {"process": {"pid": 7, "name": "sh"}, "size": 1, "none": {}}))
        case.file.write("UPDATE images SET fingerprint = ?", transcript.session.fingerprint)
    transcript.enter(".case a.case")
    shown = transcript.enter(".findings 1")
    assert "  process.pid   7\n  process.name  sh\n  size          1\n  none          {}\n" in shown


def test_a_long_text_of_a_rule_is_broken_at_spaces() -> None:
    lines = _broken("  " + "word " * 30 + "\x1b", 40)
    assert len(lines) == 5
    assert all(line.startswith("  word") and len(line) <= 40 for line in lines[:-1])
    assert "\x1b" not in lines[-1]
    assert _broken("word " * 30, None) == ["word " * 30]
