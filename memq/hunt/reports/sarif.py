"""Findings as SARIF 2.1.0, as code scanning and its viewers read it: a result for each row.

Results are written as rules finish; which rules there are stands behind them.
"""

from __future__ import annotations

import json
import re
import string
from typing import TYPE_CHECKING, Any

from memq.errors import Reason
from memq.hunt.keys import key_of, keys_of
from memq.hunt.reports.evidence import evidence_of, flowing
from memq.hunt.reports.grouping import techniques_of
from memq.hunt.rule_format import LEVELS
from memq.output.cells import clean, clean_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.hunt.heading import Heading
    from memq.hunt.reports.evidence import Cell
    from memq.hunt.rule import Rule
    from memq.hunt.running import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
KINDS = {"match": "fail", "undecided": "open", "skipped": "notApplicable", "clean": "pass"}
"""What SARIF calls the outcomes."""
SARIF_LEVELS = dict(zip(LEVELS, ("note", "note", "warning", "error", "error"), strict=True))
"""What SARIF calls the levels."""
_FINGERPRINT = "evidence/v1"
_LINK = re.compile(r"https?://[!#-;=?-Z_a-z~\[\]]+")
"""Characters of a URI (RFC 3986), and of no other scheme."""
_UNESCAPED = frozenset((string.ascii_letters + string.digits + "-._~").encode())
_PID = ("pid", "process_id")


def as_sarif(findings: Iterable[Finding], heading: Heading) -> Iterator[str]:
    """Yield the pieces of one log with one run."""
    yield f'{{"$schema": "{SCHEMA}", "version": "2.1.0", "runs": [{{"results": ['
    rules: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    is_stopped, before = False, "\n"
    for finding in findings:
        for result in _results(finding, len(rules), heading):
            yield before + _text(result)
            before = ",\n"
        # At the beginning only: notes behind it may name what a dump calls like this.
        is_stopped |= finding.reason.startswith(Reason.STOPPED.text)
        if finding.reason and heading.image.system in finding.rule.queries:
            notes.append(_note(finding, len(rules)))
        rules.append(_rule(finding.rule, heading))
    yield "\n],\n"
    invocation = {
        "executionSuccessful": not is_stopped,
        "startTimeUtc": heading.begun,
        "toolExecutionNotifications": notes,
        "properties": {"parameters": dict(heading.parameters)},
    }
    driver = {"name": "memq", "semanticVersion": heading.version, "rules": rules}
    yield f'"tool": {_text({"driver": driver})},\n'
    yield f'"artifacts": {_text([_artifact(heading)])},\n'
    yield f'"invocations": {_text([invocation])}\n}}]}}\n'


def _text(value: Any) -> str:
    return clean_json(json.dumps(value, ensure_ascii=False))


def _results(finding: Finding, index: int, heading: Heading) -> Iterator[dict[str, Any]]:
    rule = finding.rule
    common = {
        "ruleId": rule.id,
        "ruleIndex": index,
        "kind": KINDS[finding.outcome],
        "level": SARIF_LEVELS[rule.level] if finding.outcome == "match" else "none",
    }
    fingerprint = heading.image.fingerprint
    for key, row in zip(keys_of(finding, fingerprint), finding.evidence, strict=True):
        (cells,) = (evidence := evidence_of([row], 1, 1)).rows
        told = dict(zip(evidence.titles, cells, strict=True))
        yield {
            **common,
            "message": {"text": _message(rule, told)},
            "locations": [_location(told, heading)],
            "partialFingerprints": {_FINGERPRINT: key},
            "properties": {"evidence": row},
        }
    if not finding.evidence:
        yield {
            **common,
            "message": {"text": clean(": ".join(filter(None, (rule.title, finding.reason))))},
            "locations": [_location({}, heading)],
            "partialFingerprints": {_FINGERPRINT: key_of(rule.id, fingerprint, None)},
        }


def _message(rule: Rule, told: dict[str, Cell]) -> str:
    values = ", ".join(f"{name} {cell.worded}" for name, cell in told.items() if cell.worded)
    return clean(f"{rule.title}: {values}" if values else rule.title)


# Where


def _location(told: dict[str, Cell], heading: Heading) -> dict[str, Any]:
    artifact = {"uri": _encoded(heading.image.name), "index": 0}
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact}}
    process = _process(told)
    if process:
        location["logicalLocations"] = [process]
    return location


def _process(told: dict[str, Cell]) -> dict[str, str]:
    """Return the process that a row speaks of, if it does."""
    for title, cell in told.items():
        above, dot, last = title.rpartition(".")
        if last in _PID and cell.text:
            name = told.get(f"{above}{dot}name")
            named = clean(name.text) if name is not None else ""
            return {
                "name": named or cell.text,
                "fullyQualifiedName": f"process {cell.text}{' ' if named else ''}{named}",
                "kind": "process",
            }
    return {}


def _artifact(heading: Heading) -> dict[str, Any]:
    image = heading.image
    return {
        "location": {"uri": _encoded(image.name)},
        "roles": ["analysisTarget"],
        "description": {"text": "; ".join(f"{k}: {clean(v)}" for k, v in heading.facts.items())},
        "properties": {"fingerprint": image.fingerprint},
    }


def _encoded(name: str) -> str:
    """Return a file's name as a part of a URI."""
    return "".join(chr(each) if each in _UNESCAPED else f"%{each:02X}" for each in name.encode())


# Rules, and what is to be said of them


def _rule(rule: Rule, heading: Heading) -> dict[str, Any]:
    techniques = techniques_of(rule, heading.attack)
    links = [one.url for one in techniques]
    links += [one for one in rule.references if _LINK.fullmatch(one)]
    return {
        "id": rule.id,
        "name": clean(rule.title),
        "shortDescription": {"text": clean(rule.title)},
        "fullDescription": {"text": clean(flowing(rule.description) or rule.title)},
        **({"helpUri": links[0]} if links else {}),
        "defaultConfiguration": {"level": SARIF_LEVELS[rule.level]},
        "properties": {
            "tags": list(dict.fromkeys(rule.tags)),
            "level": rule.level,
            "version": rule.version,
            "techniques": [f"{one.id} {one.name}" for one in techniques],
        },
    }


def _note(finding: Finding, index: int) -> dict[str, Any]:
    return {
        "level": "note" if finding.outcome in ("match", "clean") else "warning",
        "message": {"text": clean(f"{finding.rule.title}: {finding.outcome}, {finding.reason}")},
        "associatedRule": {"id": finding.rule.id, "index": index},
    }
