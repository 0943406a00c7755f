"""The rules for Linux that come with memq: each finds what it speaks of, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from memq.eval.pipeline import literal_of
from memq.hunt.attack import load_attack
from memq.hunt.loading import load_playbook
from memq.hunt.running import run_playbook
from memq.image import Image
from memq.layers.opening import open_physical
from memq.run import Run
from tests.lab import ROOT, Dump, Lab
from tests.playbooks.command_lines import HARMLESS, HOSTILE
from tests.playbooks.findings import hold_to, number_of, slug_of
from tests.playbooks.guest_proofs import GUEST
from tests.playbooks.linux import (
    CHANGED,
    OF_CHILDREN,
    PLANTED,
    PLANTED_BY_ROOTKIT,
    PROOFS,
    REAL,
    ROOTKIT,
    SAMPLE,
)
from tests.playbooks.linux_damaged import broken_list, places_of_structures, with_holes
from tests.playbooks.linux_planted import long_hooks, plant
from tests.synthetic.rawcopy import RawCopy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from memq.hunt.rule import Playbook, Rule
    from memq.hunt.running import Finding
    from tests.playbooks.proof import Proof

FOLDER = ROOT / "memq" / "playbooks" / "linux"
SLUGS = sorted(path.stem for path in FOLDER.glob("*.yml"))
COMMAND_LINE = re.compile(r"command_line\.Matches\((/.*/)\)")


class Hunts:
    """What all rules find in each image; each is opened once."""

    def __init__(self, rules: tuple[Rule, ...], request: pytest.FixtureRequest) -> None:
        self.rules = rules
        self.request = request
        self.done: dict[str, Mapping[str, Finding]] = {}

    def of(self, image: str) -> Mapping[str, Finding]:
        """Return the finding of each rule, by the rule's slug; skips what needs the lab."""
        if image not in self.done:
            with Image(self._path(image)) as opened:
                found = run_playbook(self.rules, opened, Run())
                self.done[image] = {slug_of(one.rule): one for one in found}
        return self.done[image]

    def _path(self, image: str) -> Path:
        path: Path
        if image == CHANGED:
            path = self.request.getfixturevalue("changed_sample").path
        elif image == SAMPLE:
            path = self.request.getfixturevalue("sample")
        else:
            path = self.request.getfixturevalue("lab").dump(image).path
        return path


@pytest.fixture(scope="session")
def playbook() -> Playbook:
    return load_playbook([FOLDER], load_attack())


@pytest.fixture(scope="session")
def rules(playbook: Playbook) -> Mapping[str, Rule]:
    return {slug_of(rule): rule for rule in playbook.rules}


@pytest.fixture(scope="session")
def changed_sample(
    sample_dump: Dump, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RawCopy]:
    """The sample as a raw image, with what was planted in it."""
    with Image(sample_dump.path) as image:
        changes = plant(image, sample_dump.record.truth["named_pids"])
    with open_physical(sample_dump.path) as physical:
        copy = RawCopy(physical, tmp_path_factory.mktemp("changed") / "changed.raw")
    with copy.changed(changes):
        yield copy
    copy.path.unlink()


@pytest.fixture(scope="session")
def hunts(playbook: Playbook, request: pytest.FixtureRequest) -> Hunts:
    return Hunts(playbook.rules, request)


# The rules themselves


def test_all_load(playbook: Playbook, rules: Mapping[str, Rule]) -> None:
    assert not playbook.errors
    assert sorted(rules) == SLUGS
    assert len(SLUGS) >= 24


@pytest.mark.parametrize("slug", SLUGS)
def test_a_rule_says_what_people_need(rules: Mapping[str, Rule], slug: str) -> None:
    rule = rules[slug]
    assert rule.systems == ("linux",)
    assert rule.falsepositives
    assert rule.requires
    assert "To go on, " in rule.description
    assert (rule.author, rule.date) == ("memq authors", "2026-11-27")
    assert rule.tags
    for tag in rule.tags:
        page = tag.removeprefix("attack.").upper().replace(".", "/")
        assert f"https://attack.mitre.org/techniques/{page}/" in rule.references
    assert all(one.description for one in (rule.parameters or {}).values())


@pytest.mark.parametrize("slug", SLUGS)
def test_a_rule_is_stable_where_a_system_has_proven_it(
    rules: Mapping[str, Rule], slug: str
) -> None:
    proofs = [proof for proof in PROOFS if proof.rule == f"linux/{slug}"]
    assert proofs
    is_proven = any(proof.is_real for proof in proofs)
    assert rules[slug].status == ("stable" if is_proven else "test")


# What they find


@pytest.mark.parametrize(
    "proof",
    [proof for proof in PROOFS if proof.image != GUEST],  # test_guest.py has that one's
    ids=lambda proof: f"{proof.rule}-{proof.image}",
)
def test_a_proof(hunts: Hunts, proof: Proof) -> None:
    finding = hunts.of(proof.image)[proof.rule.removeprefix("linux/")]
    assert finding.outcome == "match"
    assert not finding.more
    hold_to(proof.rows, finding.evidence)


def test_each_proof_is_of_an_image_and_a_rule_that_there_are() -> None:
    assert {proof.image for proof in PROOFS} <= {CHANGED, GUEST, *REAL}
    assert {proof.rule.removeprefix("linux/") for proof in PROOFS} == set(SLUGS)
    assert all(proof.is_real == (proof.image != CHANGED) for proof in PROOFS)


def named_pids(image: str, request: pytest.FixtureRequest) -> Mapping[str, int]:
    """Return what truth.json calls processes of a guest."""
    if image == SAMPLE:
        dump: Dump = request.getfixturevalue("sample_dump")
    else:
        lab: Lab = request.getfixturevalue("lab")
        dump = lab.dump(image)
    pids: Mapping[str, int] = dump.record.truth["named_pids"]
    return pids


@pytest.mark.parametrize("image", REAL)
def test_what_was_planted_is_found_and_no_other_process(
    hunts: Hunts, request: pytest.FixtureRequest, image: str
) -> None:
    pids = named_pids(image, request)
    assert set(PLANTED) == set(pids)
    planted = {**PLANTED, **(PLANTED_BY_ROOTKIT if image == ROOTKIT else {})}
    expected = {(rule, pids[thing]) for thing, rules in planted.items() for rule in rules}
    found = {
        (slug, row["ppid"] if slug in OF_CHILDREN else number)
        for slug, finding in hunts.of(image).items()
        for row in finding.evidence
        if (number := number_of(row)) is not None
    }
    assert found == expected


@pytest.mark.parametrize("image", REAL)
def test_what_is_no_process_is_found_where_it_is_proven(hunts: Hunts, image: str) -> None:
    proven = {proof.rule.removeprefix("linux/") for proof in PROOFS if proof.image == image}
    matched = {
        slug
        for slug, finding in hunts.of(image).items()
        if any(number_of(row) is None for row in finding.evidence)
    }
    assert matched <= proven


@pytest.mark.parametrize("image", REAL)
def test_all_else_is_clean_in_a_whole_dump(hunts: Hunts, image: str) -> None:
    assert {finding.outcome for finding in hunts.of(image).values()} == {"match", "clean"}


# What a site can change

OF_A_SITE = {
    "known": '["/opt/lab/labp", ".lb"]',
    "places": "[]",
    "daemons": "[]",
    "files": "[]",
    "servers": "[]",
    "tools": "[]",
    "miners": "[]",
    "first_user": "1001",
    "debuggers": '["labp"]',
}
STILL = {
    "bpf-descriptor": [1] * 5,  # systemd's own, which is known no more
    "program-in-memory-only": [327],  # the memfd, which is in no folder
    "miner": [351],  # by its arguments
    "tunnel": [318],
}
"""The processes that rules with parameters find all the same."""


def test_parameters_decide(changed_sample: RawCopy, rules: Mapping[str, Rule]) -> None:
    asked = tuple(rule for rule in rules.values() if rule.parameters)
    assert {name for rule in asked for name in rule.parameters or ()} == set(OF_A_SITE)
    given = {name: literal_of(text) for name, text in OF_A_SITE.items()}
    with Image(changed_sample.path) as image:
        findings = list(run_playbook(asked, image, Run(), given))
    matched = {slug_of(one.rule): list(map(number_of, one.evidence)) for one in findings}
    assert matched == {slug_of(rule): [] for rule in asked} | STILL


# Where memory is missing

OF_NO_PROCESS = {
    *("ftrace-hook", "hooked-system-call", "keyboard-notifier", "netfilter-hook"),
    *("tainting-module", "vanished-module"),
}
"""What does not ask for processes, and so not for their list."""
DECIDED = {
    "borrowed-credentials": "every task is there",
    "traced-process": "every task is there",
    "child-of-kernel-thread": "every task is there",
    "hidden-process": "the list and the table of tasks are there",
    "root-for-another": "those without a program are root's",
    "root-of-user": "the parents of those without a program are root's",
    "shell-of-server": "the parents of those without a program are no servers",
    "tunnel": "those without arguments have another name",
}
"""What can be decided all the same where structures of some processes are missing."""


def test_a_broken_list_of_tasks_leaves_no_rule_sure(
    changed_sample: RawCopy, sample_dump: Dump, rules: Mapping[str, Rule]
) -> None:
    with Image(sample_dump.path) as image:
        changes = broken_list(image, sample_dump.record.truth["named_pids"])
    with changed_sample.changed(changes) as path, Image(path) as image:
        findings = list(run_playbook(tuple(rules.values()), image, Run()))
    unsure = {slug_of(one.rule) for one in findings if "task list cut short" in one.reason}
    assert unsure == set(SLUGS) - OF_NO_PROCESS


def test_missing_structures_leave_rules_undecided(
    changed_sample: RawCopy, sample_dump: Dump, rules: Mapping[str, Rule], tmp_path: Path
) -> None:
    with Image(sample_dump.path) as image:
        holes = places_of_structures(image, sample_dump.record.truth["named_pids"])
    path = tmp_path / "holes.lime"
    with open_physical(sample_dump.path) as memory:
        with_holes(memory, changed_sample, holes, path)
    asked = tuple(rules.values())
    with Image(path) as image:
        findings = list(run_playbook(asked, image, Run()))
    with Image(path) as image:
        backwards = list(run_playbook(asked[::-1], image, Run()))
    assert findings == backwards[::-1]  # walks that are kept tell what is missing as new ones do
    assert {one.outcome for one in findings} == {"match", "undecided"}
    missing = {slug_of(one.rule) for one in findings if "memory not in the dump" in one.reason}
    assert missing == set(SLUGS) - set(DECIDED)


def test_more_functions_than_are_looked_at_leave_rules_undecided(
    changed_sample: RawCopy, sample_dump: Dump, rules: Mapping[str, Rule]
) -> None:
    with Image(sample_dump.path) as image:
        changes = long_hooks(image, sample_dump.record.truth["named_pids"])
    asked = tuple(rules[slug] for slug in ("ftrace-hook", "keyboard-notifier", "netfilter-hook"))
    with changed_sample.changed(changes) as path, Image(path) as image:
        for one in run_playbook(asked, image, Run()):
            assert (one.outcome, one.undecided) == ("undecided", 1), one.rule.title
            assert "division by zero" in one.reason


# Command lines


@pytest.mark.parametrize("slug", sorted(HOSTILE))
def test_which_command_lines_are_hostile(
    sample: Path, rules: Mapping[str, Rule], slug: str
) -> None:
    patterns = COMMAND_LINE.findall(rules[slug].queries["linux"])
    assert patterns
    condition = " || ".join(f"line.Matches({pattern})" for pattern in patterns)
    lines = [*(line for lines in HOSTILE.values() for line in lines), *HARMLESS]
    with Image(sample) as image:
        answer = image.query(f"lines.Where(line => {condition})", lines=lines)
        found = list(answer.rows())
        for pattern in patterns:  # none is there for nothing
            answer = image.query(f"lines.Any(line => line.Matches({pattern}))", lines=lines)
            assert list(answer.rows()) == [True], pattern
    assert found == list(HOSTILE[slug])
