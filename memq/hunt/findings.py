"""What rules found, as text: which forms there are, and the ones for programs.

What is JSON, or a line for each row, is written as rules finish; a report waits for all of them.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from memq.hunt.reports.html import as_html
from memq.hunt.reports.markdown import as_markdown
from memq.hunt.reports.navigator import as_layer
from memq.hunt.reports.sarif import as_sarif
from memq.hunt.reports.separated import as_csv, as_tsv
from memq.hunt.reports.terminal import as_table
from memq.output.cells import clean_json
from memq.printing import look_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TextIO

    from memq.hunt.heading import Heading
    from memq.hunt.running import Finding

    Writer: TypeAlias = Callable[[Iterable[Finding], Heading], Iterator[str]]


def as_json(findings: Iterable[Finding], heading: Heading) -> Iterator[str]:
    """Yield the pieces of one array, a rule a line."""
    before = "[\n"
    for finding in findings:
        yield f"{before}{_line(finding, heading)}"
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def as_lines(findings: Iterable[Finding], heading: Heading) -> Iterator[str]:
    """Yield JSON lines."""
    for finding in findings:
        yield f"{_line(finding, heading)}\n"


WRITERS: Mapping[str, Writer] = {
    "table": as_table,
    "json": as_json,
    "jsonl": as_lines,
    "csv": as_csv,
    "tsv": as_tsv,
    "markdown": as_markdown,
    "html": as_html,
    "navigator": as_layer,
    "sarif": as_sarif,
}
"""How findings are written, by the name of the form (memq.printing.FORMATS and REPORTS)."""


def writer_for(form: str, stream: TextIO) -> Writer:
    """Return what writes a form; a table is fitted to the terminal where it goes to one."""
    return partial(as_table, look=look_of(stream)) if form == "table" else WRITERS[form]


def record(finding: Finding, heading: Heading) -> dict[str, Any]:
    """Return a finding as JSON has it; the end says of what it is, and by what."""
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
        **({"more": finding.more} if finding.more else {}),
        "memq": heading.version,
        "image": heading.image.fingerprint,
    }


def _line(finding: Finding, heading: Heading) -> str:
    return clean_json(json.dumps(record(finding, heading), ensure_ascii=False))
