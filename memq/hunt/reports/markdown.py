"""Findings as a Markdown page, for a wiki or an issue: CommonMark with the tables of GitHub.

Text of a dump or a rule is text only: what would be a link, an element, or a mark is escaped.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from memq.hunt.reports.coverage import coverage_of
from memq.hunt.reports.evidence import flowing
from memq.hunt.reports.grouping import results_of
from memq.output.cells import clean
from memq.output.humane import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memq.hunt.heading import Heading
    from memq.hunt.reports.evidence import Evidence
    from memq.hunt.reports.grouping import Result, Results, Told
    from memq.hunt.running import Finding

MOST_ROWS = 50
"""Rows of evidence that are shown of a rule; the others are counted."""

# What makes marks, links and columns anywhere in a line; `:`, `@` and `www.` make links by
# themselves on GitHub, and `$` formulas. Nothing of others stands at the beginning of a line.
_MARKS = re.compile(r"[\\`*_\[\]|~$#!]|:(?![\s\d])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"})
_HOST = re.compile(r"(www)\.", re.IGNORECASE)


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, within a line."""
    marked = _MARKS.sub(r"\\\g<0>", clean(text)).translate(_ENTITIES)
    return _HOST.sub(r"\1\.", marked)


def as_markdown(findings: Iterable[Finding], heading: Heading) -> Iterator[str]:
    """Yield the page, once all rules are done."""
    results = results_of(findings, heading, MOST_ROWS)
    yield f"# Findings in {escaped(heading.image.name)}\n\n"
    yield _table(("", ""), heading.facts.items())
    yield "\n## Summary\n\n"
    yield _table(("Outcome", "Rules"), [(name, f"{n:,}") for name, n in results.counts.items()])
    if found := results.of("match"):
        yield "\nThe worst first:\n\n"
        yield "".join(f"- {_named(one)}: {counted(one.evidence.count, 'row')}\n" for one in found)
    yield "\n## Matches\n"
    yield from _matches(results)
    for outcome in ("undecided", "skipped"):
        yield f"\n## {outcome.capitalize()}\n\n"
        yield "".join(map(_told, results.told(outcome))) or "None.\n"
    yield "\n## Clean\n\n"
    yield "".join(map(_clean, results.of("clean"))) or "None.\n"
    yield "\n## Techniques covered\n\n"
    yield _covered(results)


def _matches(results: Results) -> Iterator[str]:
    for tactic, groups in groupby(results.groups, lambda group: group.tactic):
        yield f"\n### {escaped(tactic.name) if tactic else 'No technique'}\n"
        for group in groups:
            if group.technique is not None:
                one = group.technique
                yield f"\n#### [{one.id}]({one.url}) {escaped(one.name)}\n"
            for result in group.results:
                yield _match(result)
    if not results.groups:
        yield "\nNone.\n"


def _match(result: Result) -> str:
    rule, evidence = result.rule, result.evidence
    parts = [f"{_named(result)}: {counted(evidence.count, 'row')}"]
    if result.others:
        parts.append(f"Also: {', '.join(one.id for one in result.others)}")
    if rule.description:
        parts.append(f"About: {_flowing(rule.description)}")
    if rule.falsepositives:
        parts.append(f"Harmless and alike: {'; '.join(map(_flowing, rule.falsepositives))}")
    if result.reason:
        parts.append(f"Remarks: {escaped(result.reason)}")
    parts.append(_rows(evidence).rstrip("\n"))
    if evidence.left_out:
        parts.append(f"And {counted(evidence.left_out, 'more row')}.")
    parts.append(f"Rule {escaped(rule.id)}, version {rule.version}")
    return "".join(f"\n{part}\n" for part in parts if part)


def _flowing(text: str) -> str:
    """Return a text of several lines in one."""
    return escaped(flowing(text))


def _named(result: Result) -> str:
    return f"**{result.rule.level}** {escaped(result.rule.title)}"


def _told(told: Told) -> str:
    # The rules first: a reason may begin with what would make a list, or code, within the item.
    names = ", ".join(map(_named, told.results))
    return f"- {names}: {escaped(told.reason) or 'No reason is known'}\n"


def _clean(result: Result) -> str:
    remarks = f": {escaped(result.reason)}" if result.reason else ""
    return f"- {_named(result)}{remarks}\n"


def _rows(evidence: Evidence) -> str:
    rows = [[cell.worded for cell in row] for row in evidence.rows]
    return _table(evidence.titles, rows) if evidence.titles else ""


def _covered(results: Results) -> str:
    rows = [
        (tactic.name, one.technique.id, one.technique.name, one.state)
        for tactic, covered in coverage_of(results)
        for one in covered
    ]
    return _table(("Tactic", "Technique", "Name", "State"), rows) if rows else "None.\n"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = "|".join(["---"] * len(titles))
    lines = [_line(titles), f"|{rule}|", *map(_line, rows)]
    return "".join(f"{line}\n" for line in lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"
