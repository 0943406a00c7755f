"""What rules found, as text: JSON for programs, and lines for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from memq.hunt.attack import TAG_PREFIX
from memq.hunt.rule_format import LEVELS
from memq.hunt.running import OUTCOMES
from memq.output.cells import clean, clean_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from memq.hunt.running import Finding

_COUNTED = "clean"
"""The outcome whose rules the table does not list."""


def as_json(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the pieces of one array, a rule a line."""
    before = "[\n"
    for finding in findings:
        yield f"{before}{_line(finding)}"
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def as_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield JSON lines."""
    for finding in findings:
        yield f"{_line(finding)}\n"


def as_table(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each rule but the clean ones, what matters most first."""
    groups: dict[str, list[tuple[int, str]]] = {outcome: [] for outcome in OUTCOMES}
    for finding in findings:  # their evidence is not held until the last one is there
        shown = (-LEVELS.index(finding.rule.level), clean(_shown(finding)))
        groups[finding.outcome].append(shown)
    for outcome, lines in groups.items():
        is_listed = outcome != _COUNTED
        if lines or not is_listed:
            yield f"{outcome}: {len(lines):,}\n"
        # Sorting keeps the playbook's order within a level.
        for _, line in sorted(lines, key=lambda one: one[0]) if is_listed else ():
            yield f"  {line}\n"


WRITERS: Mapping[str, Callable[[Iterable[Finding]], Iterator[str]]] = {
    "json": as_json,
    "jsonl": as_lines,
    "table": as_table,
}
"""How findings are written, by the name of the form."""


def record(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON has it."""
    rule = finding.rule
    return {
        "rule": {
            "id": rule.id,
            "title": rule.title,
            "level": rule.level,
            "tags": list(rule.tags),
            "version": rule.version,
        },
        "outcome": finding.outcome,
        "evidence": list(finding.evidence),
        "undecided": finding.undecided,
        "reason": finding.reason,
    }


def _line(finding: Finding) -> str:
    return clean_json(json.dumps(record(finding), ensure_ascii=False))


def _shown(finding: Finding) -> str:
    rule = finding.rule
    width = max(map(len, LEVELS))
    # A technique's id has digits, a tactic's name has none.
    named = (tag.removeprefix(TAG_PREFIX) for tag in rule.tags if tag.startswith(TAG_PREFIX))
    technique = next((name.upper() for name in named if name[1:5].isdecimal()), "-")
    parts = [f"{rule.level:<{width}}  {technique:<9}  {rule.title}"]
    if finding.evidence:
        count = len(finding.evidence) + finding.more
        parts.append(f"{count:,} row{'' if count == 1 else 's'}")
    return ": ".join([*parts, *filter(None, [finding.reason])])
