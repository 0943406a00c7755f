"""memq DUMP --playbook: what rules find, and how it is told."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from memq import __version__
from memq.cli import main
from memq.errors import MemqError, Reason, SymbolError
from memq.hunt.rule import Filter, Rule
from memq.hunt.running import MOST_EVIDENCE, Finding, run_playbook
from memq.image import Image
from memq.os.linux.process import Task
from memq.os.linux.syscall import SystemCall
from memq.os.linux.vma import Vma
from memq.run import Run
from memq.schema.batch import Cut, Portion
from tests.eval.stopping import Stops
from tests.test_streams import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.schema.batch import Context

PLAYBOOK = """\
title: The first process
id: 00000000-0000-4000-8000-000000000001
level: low
os: [linux, windows]
tags: [attack.t1055.012, attack.persistence]
version: 3
parameters:
  wanted: {default: 1}
query: process.Where(pid == wanted).Select([pid, name])
---
title: No process
id: 00000000-0000-4000-8000-000000000002
level: high
os: linux
tags: [attack.t1055]
query: process.Where(pid < 0)
---
title: Nobody knows
id: 00000000-0000-4000-8000-000000000003
level: critical
os: linux
query: process.Where(10 / (pid - 2) > 99)
---
title: Of another system
id: 00000000-0000-4000-8000-000000000004
level: medium
os: windows
query: process
"""
UNDECIDED = "0 matched, 1 undecided: division by zero"
FOREIGN = "for Windows, and this is Linux"
FIRST = {"pid": 1, "name": "systemd"}


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    with Image(sample) as opened:
        yield opened


@pytest.fixture
def ask(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the playbook with more options; gives the exit status and both streams."""
    path = tmp_path / "rules.yml"
    path.write_text(PLAYBOOK, "utf-8")

    def asked(*more: str, dump: Path = sample) -> tuple[int, str, str]:
        status = main([str(dump), "--playbook", str(path), *more])
        return status, *capsys.readouterr()

    return asked


def rule_of(query: str, **more: Any) -> Rule:
    return Rule("A", "", "low", {"linux": query}, "a.yml:1:1", **more)


def found(image: Image, *rules: Rule, run: Run | None = None) -> list[Finding]:
    return list(run_playbook(rules, image, run or Run()))


# What rules end in


def test_each_outcome_as_json(ask: Any) -> None:
    status, out, err = ask("-o", "json")
    findings = json.loads(out)
    assert (status, err) == (0, "")
    assert findings[0] == {
        "rule": {
            "id": "00000000-0000-4000-8000-000000000001",
            "title": "The first process",
            "level": "low",
            "tags": ["attack.t1055.012", "attack.persistence"],
            "version": 3,
        },
        "outcome": "match",
        "evidence": [FIRST],
        "undecided": 0,
        "reason": "",
        "memq": __version__,
        "image": findings[1]["image"],
    }
    assert len(findings[0]["image"]) == 64
    assert [(one["outcome"], one["undecided"], one["reason"]) for one in findings[1:]] == [
        ("clean", 0, ""),
        ("undecided", 1, UNDECIDED),
        ("skipped", 0, FOREIGN),
    ]
    assert [json.loads(line) for line in ask("-o", "jsonl")[1].splitlines()] == findings


def test_memory_that_is_not_there_leaves_nothing_clean(sample: Path, tmp_path: Path) -> None:
    rules = [
        rule_of("process.Where(vad.start == 1)"),
        rule_of("process.Where(pid == 1)"),
        rule_of("process.Where(command_line == 'none such')"),
    ]
    with Image(cut(sample, tmp_path, 120 << 20)) as damaged:
        first, second, third = found(damaged, *rules)
        again = found(damaged, *rules, *rules)
    assert (first.outcome, second.outcome, third.outcome) == ("undecided", "match", "undecided")
    assert "memory not in the dump" in third.reason
    assert third.undecided > 0
    assert again == [first, second, third] * 2


def test_evidence_is_bounded_and_the_rest_counted(image: Image) -> None:
    (finding,) = found(image, rule_of("vad.Select(start)"))
    count = image.query("vad.Count()").rows()
    assert len(finding.evidence) == MOST_EVIDENCE
    assert finding.more == next(count) - MOST_EVIDENCE
    assert finding.reason.startswith(f"{finding.more:,} more rows are not shown")


def test_the_texts_of_evidence_are_bounded(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "process.Where(vad.file_name != null).Select([name, vad.file_name])"
    (whole,) = found(image, rule_of(query))
    monkeypatch.setattr("memq.hunt.running._MOST_TEXT", 20_000)
    (finding,) = found(image, rule_of(query))
    assert 1 < len(finding.evidence) < len(whole.evidence)
    assert finding.evidence == whole.evidence[: len(finding.evidence)]
    assert len(finding.evidence) + finding.more == len(whole.evidence)
    assert (finding.reason, finding.is_cut) == (f"{finding.more} more rows are not shown", True)


def test_what_is_not_in_this_kernel_is_skipped(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = Task.fields["command_line"]
    query = "process.Where((command_line ?? '') == 'x')"
    required = rule_of(query, requires=("process.command_line",))
    assert [one.outcome for one in found(image, required)] == ["clean"]
    monkeypatch.setitem(
        Task.fields, "command_line", replace(field, function=lambda self: self.absent())
    )
    (skipped,) = found(image, required)
    assert (skipped.outcome, skipped.reason) == (
        "skipped",
        "requires `process.command_line`: not in this kernel's types",
    )


def test_a_remark_leaves_nothing_open(image: Image) -> None:
    """The sample's kernel has no 32-bit system calls; all others were looked at."""
    (clean,) = found(image, rule_of("syscall.Where(index < 0)", requires=("syscall",)))
    assert clean.outcome == "clean"
    assert "no table of 32-bit" in clean.reason


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [(Reason.NOT_IN_KERNEL, "skipped"), (Reason.NOT_IN_DUMP, "undecided")],
)
def test_objects_of_which_none_can_be_found(
    image: Image, monkeypatch: pytest.MonkeyPatch, reason: Reason, outcome: str
) -> None:
    def none(context: Context) -> Iterator[Portion]:
        yield Portion(SystemCall.nothing(context), Cut(reason, "no table is known"))

    monkeypatch.setattr(SystemCall, "portions", none)
    (one,) = found(image, rule_of("syscall.Where(is_hooked)", requires=("syscall",)))
    assert one.outcome == outcome
    assert "no table is known" in one.reason
    (without,) = found(image, rule_of("syscall.Where(is_hooked)"))
    assert without.outcome == "undecided"


def test_what_cannot_be_bound_is_skipped(image: Image) -> None:
    rules = rule_of("process", requires=("process.none",)), rule_of("process.Where(none == 1)")
    first, second, third = found(image, *rules, rule_of("process.Take(1)"))
    assert first.reason.startswith("requires `process.none`: ")
    assert second.reason.startswith("does not fit this kernel: ")
    assert [first.outcome, second.outcome, third.outcome] == ["skipped", "skipped", "match"]


def test_a_rule_that_fails_is_skipped_and_the_others_go_on(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise MemqError("\udcff.lime: the file is gone")

    monkeypatch.setattr(Vma, "of", fails)
    first, second = found(image, rule_of("vad.Where(start == 0)"), rule_of("process.Take(1)"))
    # The name is one that no form could be written with.
    assert (first.outcome, first.reason) == ("skipped", "\\udcff.lime: the file is gone")
    assert second.outcome == "match"


def test_a_fault_in_one_rule_does_not_end_the_others(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object) -> None:
        raise IndexError("out of bounds")

    monkeypatch.setattr(Vma, "of", faulty)
    first, second = found(image, rule_of("vad.Where(start == 0)"), rule_of("process.Take(1)"))
    fault = "memq failed, which is a fault of its own: IndexError: out of bounds"
    assert (first.outcome, first.reason) == ("skipped", fault)
    assert second.outcome == "match"


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (SymbolError("the rest is damaged"), "the rest is damaged"),
        (IndexError("far"), "memq failed, which is a fault of its own: IndexError: far"),
    ],
)
def test_what_was_found_before_a_failure_is_kept(
    image: Image, monkeypatch: pytest.MonkeyPatch, failure: Exception, reason: str
) -> None:
    portions = Task.portions

    def failing(context: Context) -> Iterator[Portion]:
        yield next(portions(context))
        raise failure

    monkeypatch.setattr(Task, "portions", failing)
    query = "process.Where(pid > 0)"
    filtered = (Filter("None of these", "pid == 1"),)
    first, second = found(image, rule_of(query), rule_of(query, filters=filtered))
    assert (first.outcome, first.reason, first.is_cut) == ("match", reason, True)
    assert first.evidence[0]["process_id"] == 1
    # How many rows the filter left out is not known, for not all were looked at.
    assert (second.outcome, second.reason) == ("match", reason)
    assert second.evidence == first.evidence[1:]


def test_rules_share_what_was_read(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    portions, walks = Task.portions, []

    def counted(context: Context) -> Iterator[Portion]:
        walks.append(context)
        yield from portions(context)

    monkeypatch.setattr(Task, "portions", counted)
    rule = rule_of("process.Where(vad.size > 1GB).Select(pid)", requires=("process.pid",))
    first, *others = found(image, *[rule] * 4)
    assert len(first.evidence) > 0
    assert others == [first] * 3
    assert len(walks) == 2  # looking at the first objects of what is required is one of its own


# Stopped


def test_what_is_stopped_between_rules_is_skipped(image: Image) -> None:
    run = Run()
    findings = run_playbook([rule_of("process.Take(1)")] * 3, image, run)
    outcomes = [next(findings).outcome]
    run.cancelled = True
    rest = list(findings)
    assert outcomes == ["match"]
    assert [(one.outcome, one.reason) for one in rest] == [("skipped", "stopped by the user")] * 2


def test_a_rule_that_is_stopped_is_never_clean(image: Image) -> None:
    rules = [rule_of("process.Where(vad.start == 1)"), rule_of("process.Where(pid > 0)")]
    counting = Stops()
    assert [one.outcome for one in found(image, *rules, run=counting)] == ["clean", "match"]
    seen = set()
    for number in range(1, counting.asked + 1):
        for one in found(image, *rules, run=Stops(number)):
            seen.add(one.outcome)
            if one.reason:
                assert one.reason == "stopped by the user"
                assert one.outcome == ("match" if one.evidence else "skipped")
    assert seen == {"clean", "match", "skipped"}


def test_an_interrupt_ends_with_what_was_found(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    portions = Task.portions

    def interrupted(context: Context) -> Iterator[Portion]:
        yield from portions(context)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Task, "portions", interrupted)
    status, out, err = ask("-o", "json")
    findings = json.loads(out)
    assert (status, err) == (1, "memq: stopped\n")
    assert [one["outcome"] for one in findings] == ["match", "skipped", "skipped", "skipped"]
    assert {one["reason"] for one in findings[1:]} == {"stopped by the user"}
    assert findings[0]["evidence"] == [FIRST]  # found by its pid, without all the others


# Which rules, and with what


@pytest.mark.parametrize(
    ("options", "titles"),
    [
        (["--level", "high"], ["No process", "Nobody knows"]),
        (["--tag", "attack.T1055"], ["The first process", "No process"]),
        (["--tag", "attack.t1055.012"], ["The first process"]),
        (["--tag", "attack.persistence"], ["The first process"]),
        (["--tag", "t1055.012"], ["The first process"]),
        (["--tag", "Persistence"], ["The first process"]),
        (["--level", "medium", "--tag", "attack.t1055"], ["No process"]),
    ],
)
def test_filters_leave_out(ask: Any, options: list[str], titles: list[str]) -> None:
    _, out, _ = ask("-o", "json", *options)
    assert [one["rule"]["title"] for one in json.loads(out)] == titles


def test_a_parameter_takes_another_value(ask: Any) -> None:
    _, out, _ = ask("-o", "json", "--let", "wanted=2", "--level", "low")
    assert json.loads(out)[0]["evidence"] == [{"pid": 2, "name": "kthreadd"}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--let", "other=2"], "No rule has a parameter `other`"),
        (["--let", "wanted=text"], "With the values of --let, 'The first process'"),
        (["--level", "huge"], "There is no level 'huge': give one of informational, "),
        (["--tag", "attack.t1"], "No rule has the tag 'attack.t1'"),
        (["--tag", "T1055", "--tag", "t105"], "No rule has the tag 'attack.t105'"),
        (["--tag", "persistance"], "No rule has the tag 'attack.persistance'.\nDid you mean"),
        (["--tag", "T1093"], "No rule has the tag 'attack.t1093'.\nIts successor is `attack.t1055"),
        (["--tag", "site.mine"], "No rule has the tag 'site.mine'"),
        (
            ["--tag", "attack.persistence", "--level", "high"],
            "No rule of level high or above has the tag 'attack.persistence'",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_the_dump_is_opened(
    ask: Any, options: list[str], message: str
) -> None:
    status, out, err = ask(*options, dump=Path("none"))
    assert (status, out) == (2, "")
    assert err.startswith(f"memq: error: {message}")


def test_wrong_rules_are_told_before_the_dump_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yml"
    path.write_text(PLAYBOOK.replace("pid < 0", "pidd < 0"), "utf-8")
    assert main(["none", "--playbook", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{path}:16:22: Nothing is called `pidd` here." in err
    assert err.endswith("1 error; 3 of 4 rules right\n")


@pytest.mark.parametrize(("level", "status"), [("low", 0), ("medium", 10)])
def test_exit_match(ask: Any, level: str, status: int) -> None:
    assert ask("--level", level, "--exit-match")[0] == status
    assert ask("--level", level)[0] == 0
