"""The hunting rules for Windows: what they find, and what they leave alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from memq.eval.pipeline import literal_of
from memq.hunt.attack import load_attack
from memq.hunt.loading import load_playbook
from memq.hunt.running import run_playbook
from memq.image import Image, open_image
from memq.run import Run
from memq.symbols.store import ProfileStore
from tests.conftest import NO_LAB
from tests.lab import ROOT, Lab
from tests.os.windows.built import opened, saved, scene_of, table_of, with_unnamed
from tests.os.windows.images import SAMPLE, WindowsImage
from tests.os.windows.nt52 import FORMS, NEAR, Nt52
from tests.playbooks.windows import HUNTED, LAB, PROOFS
from tests.synthetic.windows.hunted import Hunted
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.pages import Entries
from tests.synthetic.windows.published import published_layouts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from memq.hunt.rule import Playbook, Rule
    from memq.hunt.running import Finding

FOLDER = ROOT / "memq" / "playbooks" / "windows"
NO_RECORDS = "no service records found in the memory of services.exe"
NO_HIVES = "no symbol CmpHiveListHead is known"
NOT_FOUND = "ControlSet001\\Services is not found"
NO_LAYOUTS = "no layouts of tcpip.sys"
NO_SYMBOLS = "no symbols are known that lead to callbacks"
NOT_BUILT = "no memory is mapped there"
"""Of interrupts on x86, whose objects' code is followed: the builder writes none there."""


class Expected(NamedTuple):
    """A rule that matches an image that is not made for it."""

    rows: int
    reason: str


ALONE = {"service-not-in-registry": NO_RECORDS}
"""What could not be decided in the lab's synthetic images, and a part of why."""
IN_SCENE = {
    "autorun-from-user-folder": Expected(1, "the scene has a Run key with C:\\Users\\Public"),
    "hidden-process": Expected(1, "the scene has a process that is on no list"),
    "private-executable-memory": Expected(3, "three ranges of its notepad.exe are reserved so"),
    "system-call-hooked": Expected(1, "one call of the scene leads to another driver"),
    "unusual-parent": Expected(1, "services.exe of the scene is a child of smss.exe"),
}
IN_NT52 = {
    "private-executable-memory": Expected(
        16, "csrss.exe has the first 640 KB; explorer.exe makes the code of its windows' procedures"
    ),
}
RECORDS = {"odd-service-program": NO_RECORDS, "service-not-in-registry": NO_RECORDS}
SCENES: dict[tuple[int, str], dict[str, str]] = {
    (7601, "x64"): RECORDS,
    (19041, "x64"): RECORDS,
    (22000, "x64"): {**RECORDS, "quiet-program-on-network": NO_LAYOUTS},
    (7601, "pae"): {**RECORDS, "interrupt-outside-modules": NOT_BUILT},
    (3790, "x86"): {
        "odd-service-program": NOT_FOUND,
        "service-not-in-registry": NOT_FOUND,
        "quiet-program-on-network": NO_LAYOUTS,
        "interrupt-outside-modules": NOT_BUILT,
    },
}
"""Scenes of all sorts, and what could not be decided or run there, with a part of why."""
VALUES = (
    "autorun-from-user-folder", "library-in-all-programs", "logon-program", "program-debugger",
    "security-package", "odd-service-program", "service-not-in-registry",
)  # fmt: skip
IN_NT52_OPEN = {
    "near": {
        **dict.fromkeys(VALUES, NO_HIVES),
        "callback-outside-modules": NO_SYMBOLS,
        "credential-store-opened": "malformed data",
        "quiet-program-on-network": NO_LAYOUTS,
        "system-call-hooked": "KeServiceDescriptorTableShadow",
        "timer-outside-modules": "not in this kernel's types",
    },
    "own": {
        "callback-outside-modules": NO_SYMBOLS,
        "odd-service-program": "no layouts of services.exe",
        "quiet-program-on-network": NO_LAYOUTS,
        "service-not-in-registry": "not in this kernel's types",
    },
}
"""What could not be decided or run on the real dump, by how it is opened, and a part of why."""

NEED_A_PEB = {
    "changed-program-path", "dotnet-events-off", "dotnet-profiler", "event-log-cleared",
    "hidden-powershell", "hollowed-process", "proxy-execution", "recovery-inhibited",
}  # fmt: skip
"""Rules that read what the PEB of each process leads to."""


@pytest.fixture(scope="module")
def playbook() -> Playbook:
    return load_playbook([FOLDER], load_attack())


@pytest.fixture(scope="module")
def store() -> ProfileStore:
    return ProfileStore()


@pytest.fixture(scope="module")
def hunted(store: ProfileStore) -> Hunted:
    table = with_unnamed(table_of(store, 19041, "x64"))
    return Hunted(table, Options(build=19041), published_layouts(19041, is_64_bit=True))


@pytest.fixture(scope="module")
def found_at_once(
    playbook: Playbook, hunted: Hunted, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Finding]]:
    """What one pass of all rules finds, by image and rule; of the lab's what is here."""
    path = tmp_path_factory.mktemp("hunted") / "hunted.raw"
    hunted.image.save_raw(path)
    paths = {HUNTED: path}
    lab = windows_lab()
    for name in LAB if lab is not None else (SAMPLE,):
        paths[name] = WindowsImage(name, lab).path()
    found = {}
    for name, one in paths.items():
        with open_image(one) as image:
            found[name] = findings(playbook.rules, image)
    return found


def windows_lab() -> Lab | None:
    """Return the lab, if it has material of Windows."""
    lab = Lab.find()
    return lab if lab is not None and (lab.folder / "windows").is_dir() else None


def findings(rules: Sequence[Rule], image: Image) -> dict[str, Finding]:
    """Return what each rule found, by the rule's name."""
    return {name_of(one.rule): one for one in run_playbook(rules, image, Run())}


def name_of(rule: Rule) -> str:
    """Return the name of the file that a rule stands in, without its ending."""
    return re.sub(r"\.yml:.*", "", rule.place.rpartition("/")[2])


def named(place: Rule | str) -> str:
    """Return a rule's name as proofs have it."""
    return place.removeprefix("windows/") if isinstance(place, str) else name_of(place)


# The rules themselves


def test_every_rule_is_right_and_says_what_people_need(playbook: Playbook) -> None:
    assert playbook.errors == ()
    assert len(playbook.rules) == len(list(FOLDER.glob("*.yml"))) >= 24
    proven = {named(proof.rule) for proof in PROOFS}
    assert {name_of(rule) for rule in playbook.rules} == proven
    for rule in playbook.rules:
        where = rule.place
        assert rule.systems == ("windows",), where
        assert len(rule.description.split(". ")) >= 2, where
        assert any(re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) for tag in rule.tags), where
        assert any("attack.mitre.org/techniques/" in one for one in rule.references), where
        assert rule.falsepositives, where
        assert rule.requires, where
        assert rule.status in {"test", "experimental"}, where  # no real system has proven one
        assert rule.author == "memq authors", where
        assert ".Select({" in rule.queries["windows"], where
        assert all(one.description for one in rule.filters), where


def test_every_technique_has_its_page(playbook: Playbook) -> None:
    for rule in playbook.rules:
        techniques = {tag.removeprefix("attack.").upper().replace(".", "/") for tag in rule.tags}
        pages = {f"https://attack.mitre.org/techniques/{one}/" for one in techniques}
        assert pages <= set(rule.references), rule.place


# What they find


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: f"{proof.image}-{named(proof.rule)}")
def test_what_is_planted_is_found(proof: Any, found_at_once: dict[str, dict[str, Finding]]) -> None:
    if proof.image not in found_at_once:
        pytest.skip(NO_LAB)
    finding = found_at_once[proof.image][named(proof.rule)]
    assert finding.outcome == "match", finding.reason
    assert fits(proof.rows, finding.evidence), finding.evidence


def fits(expected: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each expected row is one of the rows, each another one, and no row is left."""
    left = list(rows)
    for wanted in expected:
        row = next((one for one in left if _has(one, wanted)), None)
        if row is None:
            return False
        left.remove(row)
    return not left


def _has(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(row[name] == value for name, value in wanted.items())


def test_what_is_not_told_of_a_row_is_noticed() -> None:
    rows = [{"pid": 1, "name": "a"}, {"pid": 2, "name": "b"}]
    assert fits([{"pid": 2}, {"name": "a"}], rows)
    assert not fits([{"pid": 2}], rows)
    assert not fits([{"pid": 2}, {"pid": 2}], rows)
    assert not fits([{"pid": 3}, {"pid": 2}], rows)


# What they leave alone


@pytest.mark.parametrize("name", [HUNTED, *LAB])
def test_nothing_else_is_found(name: str, found_at_once: dict[str, dict[str, Finding]]) -> None:
    if name not in found_at_once:
        pytest.skip(NO_LAB)
    planted = {named(proof.rule): proof for proof in PROOFS if proof.image == name}
    expected = {rule: Expected(len(one.rows), one.planted) for rule, one in planted.items()}
    hold(found_at_once[name], expected, {} if name == HUNTED else ALONE)


@pytest.mark.parametrize("which", SCENES, ids=lambda which: f"{which[0]}-{which[1]}")
def test_ordinary_machines(
    playbook: Playbook, store: ProfileStore, tmp_path: Path, which: tuple[int, str]
) -> None:
    build, paging = which
    scene = scene_of(table_of(store, build, paging), Options(build=build, paging=paging))
    with opened(scene, saved(scene, tmp_path), "pack" if paging == "x64" else "all") as built:
        found = findings(playbook.rules, built.image)
    hold(found, IN_SCENE, SCENES[which])


@pytest.mark.parametrize("form", FORMS)
def test_a_real_machine(playbook: Playbook, form: str) -> None:
    lab = windows_lab()
    if lab is None:
        pytest.skip(NO_LAB)
    dump = Nt52(lab, form)
    with dump.image as image:
        found = findings(playbook.rules, image)
    hold(found, IN_NT52, IN_NT52_OPEN["near" if form == NEAR else "own"])
    loud = [name for name, one in found.items() if one.rule.level in {"high", "critical"}]
    assert not [name for name in loud if found[name].outcome == "match"]


def hold(
    found: Mapping[str, Finding], expected: Mapping[str, Expected], open_: Mapping[str, str]
) -> None:
    """Hold all findings to what is listed: matches, what was left open; all else is clean."""
    matches = {name: len(one.evidence) for name, one in found.items() if one.outcome == "match"}
    assert matches == {name: one.rows for name, one in expected.items()}
    left = {
        name: one.reason for name, one in found.items() if one.outcome in {"undecided", "skipped"}
    }
    assert left.keys() == open_.keys() - matches.keys(), left
    assert not {name: reason for name, reason in left.items() if open_[name] not in reason}


# What is not known


def test_memory_that_is_paged_out_leaves_no_rule_clean(
    playbook: Playbook, store: ProfileStore, tmp_path: Path
) -> None:
    scene = scene_of(table_of(store, 19041, "x64"), Options(build=19041))
    part = scene.parts[1200]
    entry = Entries(scene.machine.kernel).in_page_file(0, 0x40)
    part.space.tables.set(part.peb.address, entry)
    rules = [one for one in playbook.rules if name_of(one) in NEED_A_PEB]
    with opened(scene, saved(scene, tmp_path)) as built:
        found = findings(rules, built.image)
    assert found.keys() == NEED_A_PEB
    assert {name: one.outcome for name, one in found.items()} == dict.fromkeys(
        NEED_A_PEB, "undecided"
    )
    assert all("page file" in one.reason for one in found.values())


def test_names_that_a_site_gives(playbook: Playbook, hunted: Hunted, tmp_path: Path) -> None:
    path = tmp_path / "hunted.raw"
    hunted.image.save_raw(path)
    names = {"lookalikes": '["none.exe"]', "lsass_openers": '["rundll32.exe"]'}
    given = {name: literal_of(text) for name, text in names.items()}
    with open_image(path) as image:
        found = {
            name_of(one.rule): one for one in run_playbook(playbook.rules, image, Run(), given)
        }
    assert found["lookalike-name"].outcome == "clean"
    assert [row["pid"] for row in found["lsass-opened"].evidence] == [404]
