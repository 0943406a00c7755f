"""The table of ATT&CK: it holds together, finds what is meant, and is refused when damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import MemqError
from memq.hunt import attack as module
from memq.hunt.attack import TABLE, Attack, Tactic, Technique, load_attack, parse

if TYPE_CHECKING:
    from pathlib import Path

TEXT = TABLE.read_text("utf-8")


@pytest.fixture(scope="module")
def attack() -> Attack:
    return load_attack()


def ids(techniques: list[Technique]) -> list[str]:
    return [technique.id for technique in techniques]


def test_the_table_is_small() -> None:
    assert TABLE.stat().st_size < 100_000


def test_the_table_says_whose_it_is() -> None:
    head = TEXT.partition("[")[0]
    assert head.startswith("ATT&CK 18.1 enterprise\n")
    assert "The MITRE Corporation. This work is reproduced and distributed with the per" in head
    assert "non-exclusive, royalty-free license" in head


def test_parents_and_tactics_exist(attack: Attack) -> None:
    columns = {tactic.short_name for tactic in attack.tactics}
    assert len(attack.techniques) > 600
    for technique in attack.techniques.values():
        assert technique.parent is None or technique.parent in attack.techniques
        assert technique.tactics
        assert columns.issuperset(technique.tactics)


def test_tactics_stand_as_in_the_matrix(attack: Attack) -> None:
    assert [tactic.short_name for tactic in attack.tactics] == [
        "reconnaissance",
        "resource-development",
        "initial-access",
        "execution",
        "persistence",
        "privilege-escalation",
        "defense-evasion",
        "credential-access",
        "discovery",
        "lateral-movement",
        "collection",
        "command-and-control",
        "exfiltration",
        "impact",
    ]


def test_a_technique_is_found_in_any_case(attack: Attack) -> None:
    hollowing = Technique(
        "T1055.012", "Process Hollowing", ("defense-evasion", "privilege-escalation")
    )
    assert attack.technique("T1055.012") == attack.technique("t1055.012") == hollowing
    assert hollowing.parent == "T1055"
    assert hollowing.url == "https://attack.mitre.org/techniques/T1055/012/"


def test_a_technique_without_a_parent(attack: Attack) -> None:
    rootkit = attack.technique("T1014")
    assert rootkit == Technique("T1014", "Rootkit", ("defense-evasion",))
    assert rootkit.parent is None
    assert rootkit.url == "https://attack.mitre.org/techniques/T1014/"


@pytest.mark.parametrize("id_", ["T9999", "", "T1055.", "1055", "TA0005", "T1055.012 "])
def test_what_is_no_technique(attack: Attack, id_: str) -> None:
    assert attack.technique(id_) is None
    assert attack.successor(id_) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("T1093", "T1055.012"),
        ("t1093", "T1055.012"),
        ("T1150", "T1647"),  # by way of T1547.011, which was revoked itself
        ("T1574.002", "T1574.001"),
    ],
)
def test_a_revoked_id_has_a_successor(attack: Attack, old: str, new: str) -> None:
    assert attack.technique(old) is None
    successor = attack.successor(old)
    assert successor is not None
    assert successor.id == new


def test_a_deprecated_id_is_known_and_has_none(attack: Attack) -> None:
    assert attack.retired["T1064"] is None
    assert attack.technique("T1064") is None
    assert attack.successor("T1064") is None


def test_what_lives_is_not_succeeded(attack: Attack) -> None:
    assert not attack.retired.keys() & attack.techniques.keys()
    assert attack.successor("T1055") is None


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("T1055.099", ["T1055.009", "T1055.001", "T1055.002"]),
        ("t10555", ["T1055", "T1555", "T1005"]),
        ("T1014.001", ["T1014", "T1011.001", "T1016.001"]),
        ("1055.012", ["T1055.012", "T1055.002", "T1055.011"]),
        ("T1553.0123456789", ["T1553", "T1553.001", "T1553.002"]),  # like none: its family
        ("process hollowing", []),
        ("", []),
        pytest.param("T" * 100_000, [], id="endless"),
    ],
)
def test_the_nearest_of_an_id_that_is_wrong(attack: Attack, wrong: str, near: list[str]) -> None:
    assert ids(attack.nearest(wrong)) == near


def test_tags(attack: Attack) -> None:
    assert attack.tag("attack.t1055.012") == attack.technique("T1055.012")
    assert attack.tag("attack.t1014") == attack.technique("T1014")
    evasion = Tactic("TA0005", "defense-evasion", "Defense Evasion")
    assert attack.tag("attack.defense-evasion") == evasion
    assert attack.tag("Attack.Defense-Evasion") == evasion


@pytest.mark.parametrize(
    "tag",
    ["t1055", "attack.", "attack", "attack.t9999", "attack.defense_evasion", "cve.2024-1086", ""],
)
def test_what_is_no_tag_of_attack(attack: Attack, tag: str) -> None:
    assert attack.tag(tag) is None


def test_the_notice_says_what_the_terms_ask_for() -> None:
    notice = (TABLE.parents[3] / "NOTICE").read_text("utf-8").split()
    head = TEXT.partition("[")[0].replace("\n#", "\n").split()
    for start, end in (("The MITRE Corporation (MITRE)", "such copy."), ("©", "permission of")):
        words = " ".join(head)
        asked = words[words.index(start) : words.index(end) + len(end)]
        assert asked in " ".join(notice)


SMALL = (
    "ATT&CK 1.0 enterprise\n# terms\n"
    "[tactics 1]\nTA0001\tfirst\tFirst\n"
    "[techniques 2]\nT0001\tfirst\tOne\nT0001.001\tfirst\tPart\n"
    "[retired 2]\nT0002\tT0001\nT0003\t-\n"
)


def test_a_small_table_is_read() -> None:
    small = parse(SMALL)
    assert small.version == "1.0"
    assert list(small.techniques) == ["T0001", "T0001.001"]
    assert small.retired == {"T0002": "T0001", "T0003": None}


@pytest.mark.parametrize(
    ("whole", "damaged", "message"),
    [
        (SMALL, "", "first line names no version"),
        ("K 1.0", "K one", "first line names no version"),
        ("[retired 2]\nT0002\tT0001\nT0003\t-\n", "", "sections are not"),
        ("[retired 2]", "[retired 3]", "ends within retired"),
        ("[retired 2]", "[retired 1]", "no title of a section"),
        ("[techniques 2]", "[others 2]", "no title of a section"),
        ("[techniques 2]", "[techniques 99999]", "ends within techniques"),
        (
            "[techniques 2]",
            "[techniques 3]",
            r"a line of techniques is not id.*\['\[retired 2\]'\]",
        ),
        ("\tOne", "", "a line of techniques is not id"),
        ("\tOne", "\t", "a line of techniques is not id"),
        ("T0001\tfirst", "X0001\tfirst", "'X0001' is no id"),
        ("TA0001", "T0005", "'T0005' is no id"),
        ("T0001.001\t", "T0001\t", "'T0001' is no id, stands twice"),
        ("T0001.001\t", "T0009.001\t", "'T0009.001' .* leads nowhere"),
        ("T0002\tT0001", "T0002\tT0009", "'T0002' .* leads nowhere"),
        ("T0003\t-", "T0001\t-", "'T0001' .* stands twice"),
        ("T0001\tfirst", "T0001\tfirst second", "'T0001' .* leads nowhere"),
    ],
)
def test_a_damaged_table_is_refused(whole: str, damaged: str, message: str) -> None:
    assert SMALL.count(whole) == 1
    with pytest.raises(ValueError, match=message):
        parse(SMALL.replace(whole, damaged))


def test_a_line_that_is_lost_is_noticed() -> None:
    lines = TEXT.split("\n")
    said = [number for number, line in enumerate(lines) if line and not line.startswith("#")]
    for number in said[::50]:
        with pytest.raises(ValueError, match=r"\w"):
            parse("\n".join(lines[:number] + lines[number + 1 :]))


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\xff\xfe", TEXT.encode()[:20_000]],
    ids=["missing", "empty", "no text", "cut short"],
)
def test_the_error_says_which_file_and_what_to_do(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "attack.txt"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(module, "TABLE", file)
    with pytest.raises(MemqError, match=r"attack\.txt: .*; install memq anew\.$"):
        load_attack()
