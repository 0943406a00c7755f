"""The SARIF log: which keys its objects may have and must have, and what they mean."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from memq.hunt.reports.sarif import KINDS, SARIF_LEVELS, as_sarif
from memq.hunt.rule_format import LEVELS
from memq.hunt.running import OUTCOMES, Finding
from tests.hunt.findings import heading, hostile, of_every_sort, rule

if TYPE_CHECKING:
    from collections.abc import Callable

# Of each kind of object (SARIF 2.1.0, section 3, and its JSON schema): the kinds of its values, and
# after `!` the keys that must be there. `*`: any value.
OBJECTS: dict[str, dict[str, str]] = {
    "log": {"$schema": "uri", "version": "version!", "runs": "[run]!"},
    "run": {
        "tool": "tool!",
        "results": "[result]",
        "artifacts": "[artifact]",
        "invocations": "[invocation]",
    },
    "tool": {"driver": "component!"},
    "component": {"name": "text!", "semanticVersion": "semver", "rules": "[rule]"},
    "rule": {
        "id": "text!",
        "name": "text",
        "shortDescription": "text object",
        "fullDescription": "text object",
        "helpUri": "uri",
        "defaultConfiguration": "configuration",
        "properties": "bag",
    },
    "text object": {"text": "text!"},
    "configuration": {"level": "level"},
    "bag": {"tags": "[text]"},
    "result": {
        "ruleId": "text",
        "ruleIndex": "number",
        "kind": "kind",
        "level": "level",
        "message": "text object!",
        "locations": "[location]",
        "partialFingerprints": "texts",
        "properties": "bag",
    },
    "location": {"physicalLocation": "physical", "logicalLocations": "[logical]"},
    "physical": {"artifactLocation": "artifact location"},
    "artifact location": {"uri": "uri reference", "index": "number"},
    "logical": {"name": "text", "fullyQualifiedName": "text", "kind": "text"},
    "artifact": {
        "location": "artifact location",
        "roles": "[role]",
        "description": "text object",
        "properties": "bag",
    },
    "invocation": {
        "executionSuccessful": "boolean!",
        "startTimeUtc": "time",
        "toolExecutionNotifications": "[notification]",
        "properties": "bag",
    },
    "notification": {"level": "level", "message": "text object!", "associatedRule": "reference"},
    "reference": {"id": "text", "index": "number"},
}
PATTERNS = {
    "uri": r"https://[!-~]+",
    "uri reference": r"[\w.~%-]+",
    "version": r"2\.1\.0",
    "semver": r"\d+\.\d+\.\d+",
    "level": "none|note|warning|error",
    "kind": "notApplicable|pass|fail|review|open|informational",
    "role": "analysisTarget",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "text": r"(?s).+",
}
TYPES = {"number": int, "boolean": bool}


def wrong(value: Any, kind: str, place: str = "log") -> list[str]:
    """Say what is not as SARIF has it."""
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{place} is no list"]
        return [
            said for n, one in enumerate(value) for said in wrong(one, kind[1:-1], f"{place}[{n}]")
        ]
    if kind in TYPES:
        return [] if type(value) is TYPES[kind] else [f"{place} is no {kind}"]
    if kind in PATTERNS:
        is_right = isinstance(value, str) and re.fullmatch(PATTERNS[kind], value)
        return [] if is_right else [f"{place} is no {kind}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{place} is no object"]
    if kind == "texts":
        return [said for key, one in value.items() for said in wrong(one, "text", f"{place}.{key}")]
    known = OBJECTS[kind]
    said = [f"{place} lacks {key}" for key, one in known.items() if "!" in one and key not in value]
    for key, one in value.items():
        if key in known:
            said += wrong(one, known[key].rstrip("!"), f"{place}.{key}")
        elif kind != "bag":  # one of properties may hold anything
            said.append(f"{place} has {key}")
    return said


def log_of(*findings: Finding) -> dict[str, Any]:
    log: dict[str, Any] = json.loads("".join(as_sarif(findings, heading())))
    return log


def run_of(*findings: Finding) -> dict[str, Any]:
    (run,) = log_of(*findings)["runs"]
    return dict(run)


@pytest.mark.parametrize("findings", [list, of_every_sort, hostile])
def test_a_log_is_as_sarif_has_it(findings: Callable[[], list[Finding]]) -> None:
    assert wrong(log_of(*findings()), "log") == []


def test_what_is_not_as_sarif_has_it_is_seen() -> None:
    log = log_of(*of_every_sort())
    run = log["runs"][0]
    run["results"][0]["level"] = "critical"
    run["invocations"][0].pop("executionSuccessful")
    run["extra"] = 1
    assert sorted(said.partition(":")[0] for said in wrong(log, "log")) == [
        "log.runs[0] has extra",
        "log.runs[0].invocations[0] lacks executionSuccessful",
        "log.runs[0].results[0].level is no level",
    ]


def test_each_outcome_and_level_has_its_word() -> None:
    assert tuple(KINDS) == OUTCOMES
    assert tuple(SARIF_LEVELS) == LEVELS
    run = run_of(*of_every_sort())
    found = {(one["kind"], one["level"]) for one in run["results"]}
    assert found == {
        *(("fail", level) for level in ("error", "note")),
        *((kind, "none") for kind in ("open", "notApplicable", "pass")),
    }


def test_results_point_at_their_rules_and_every_rule_has_one() -> None:
    findings = of_every_sort()
    run = run_of(*findings)
    rules = run["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == [finding.rule.id for finding in findings]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    assert {one["ruleIndex"] for one in run["results"]} == set(range(len(findings)))


def test_a_process_is_named_where_a_row_speaks_of_one() -> None:
    def places(row: Any) -> list[Any]:
        run = run_of(Finding(rule(1, "A", "low"), "match", "", (row,)))
        (location,) = run["results"][0]["locations"]
        return list(location.get("logicalLocations", ()))

    named = {"name": "sshd", "fullyQualifiedName": "process 7 sshd", "kind": "process"}
    assert places({"pid": 7, "name": "sshd"}) == [named]
    assert places({"port": 22, "owner": {"process_id": 7, "name": "sshd"}}) == [named]
    assert places({"process_id": 7}) == [
        {"name": "7", "fullyQualifiedName": "process 7", "kind": "process"}
    ]
    assert places({"port": 22, "name": "x"}) == []
    assert places("text") == []


def test_a_row_has_the_same_fingerprint_in_each_run_and_another_one_another() -> None:
    def prints(*rows: Any) -> list[str]:
        run = run_of(Finding(rule(1, "A", "low"), "match", "", rows))
        return [one["partialFingerprints"]["evidence/v1"] for one in run["results"]]

    first, second = prints({"a": 1, "b": 2}, {"a": 2, "b": 2})
    assert first != second
    assert prints({"b": 2, "a": 1}) == [first]


@pytest.mark.parametrize(
    ("reason", "is_successful"),
    [
        ("stopped by the user", False),
        ("stopped by the user; 3 more rows are not shown", False),
        ("note: vad of 1 stopped by the user cut short", True),
        ("", True),
    ],
)
def test_a_run_that_was_stopped_says_so(reason: str, is_successful: bool) -> None:
    (invocation,) = run_of(Finding(rule(1, "A", "low"), "skipped", reason))["invocations"]
    assert invocation["executionSuccessful"] is is_successful


def test_what_was_not_looked_at_is_notified_but_not_rules_for_other_systems() -> None:
    (invocation,) = run_of(*of_every_sort())["invocations"]
    told = [
        one["message"]["text"].partition(":")[0] for one in invocation["toolExecutionNotifications"]
    ]
    assert told == ["Memory of no file", "Numbers", "Module that hides", "Stopped", "Nothing there"]
