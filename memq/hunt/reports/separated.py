"""Findings as CSV or tab-separated lines: one for each row of evidence, as rules finish.

All rules have the same columns, so the evidence is one of them, as JSON. A rule without evidence
has one line.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from memq.hunt.reports.grouping import techniques_of
from memq.output.cells import clean, clean_json
from memq.output.separated import csv_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from memq.hunt.heading import Heading
    from memq.hunt.running import Finding

COLUMNS = (
    *("rule.id", "rule.version", "rule.title", "rule.level", "techniques"),
    *("outcome", "undecided", "reason", "row", "evidence", "more", "memq", "image"),
)
"""Called as in JSON, where that has them."""


def as_csv(findings: Iterable[Finding], heading: Heading) -> Iterator[str]:
    """Yield CSV with a line of titles; a spreadsheet takes no cell as a formula."""
    return _lines(findings, heading, ",", csv_cell)


def as_tsv(findings: Iterable[Finding], heading: Heading) -> Iterator[str]:
    """Yield tab-separated lines with a line of titles."""
    return _lines(findings, heading, "\t", clean)


def _lines(
    findings: Iterable[Finding], heading: Heading, separator: str, cell: Callable[[str], str]
) -> Iterator[str]:
    yield separator.join(COLUMNS) + "\n"
    for finding in findings:
        yield "".join(f"{separator.join(map(cell, row))}\n" for row in _rows(finding, heading))


def _rows(finding: Finding, heading: Heading) -> Iterator[tuple[str, ...]]:
    rule = finding.rule
    techniques = " ".join(one.id for one in techniques_of(rule, heading.attack))
    about = (rule.id, str(rule.version), rule.title, rule.level, techniques)
    before = (*about, finding.outcome, str(finding.undecided), finding.reason)
    after = (str(finding.more), heading.version, heading.image.fingerprint)
    for number, row in enumerate(finding.evidence, 1):
        # What JSON escapes, cells need not: what is read is JSON again.
        text = clean_json(json.dumps(row, ensure_ascii=False))
        yield (*before, str(number), text, *after)
    if not finding.evidence:
        yield (*before, "", "", *after)
