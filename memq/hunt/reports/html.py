"""Findings as one HTML page that needs nothing else: no script, no image, nothing from outside.

Whatever comes from a dump or a rule is text, by `text`. Should that ever fail, the page's own
policy still lets a browser load and run nothing, and take no style sheet but this one.
"""

from __future__ import annotations

import base64
import hashlib
from itertools import groupby
from typing import TYPE_CHECKING

from memq.hunt.reports.grouping import results_of
from memq.hunt.reports.markdown import MOST_ROWS
from memq.hunt.reports.markup import element, text
from memq.hunt.reports.matrix import matrix
from memq.hunt.reports.style import STYLE
from memq.output.humane import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.hunt.heading import Heading
    from memq.hunt.reports.evidence import Cell, Evidence
    from memq.hunt.reports.grouping import Group, Result, Results, Told
    from memq.hunt.running import Finding

_TITLES = {
    "match": "Matches",
    "undecided": "Undecided",
    "skipped": "Skipped",
    "clean": "Clean",
}
_SHORT = 48
"""Characters of a value that stays in one line: a time, an address, a user of Windows."""
_MEANING = {
    "undecided": "Nothing was found, but something could not be decided, or was cut short.",
    "skipped": "These rules could not be run.",
    "clean": "All was looked at, and nothing was found.",
}


def as_html(findings: Iterable[Finding], heading: Heading) -> Iterator[str]:
    """Yield the page, once all rules are done."""
    results = results_of(findings, heading, MOST_ROWS)
    yield _head(heading)
    yield _header(results)
    yield "<main>\n"
    yield _worst(results)
    yield matrix(results)
    yield _matches(results)
    for outcome in ("undecided", "skipped"):
        told = "".join(_told(one, outcome) for one in results.told(outcome))
        yield _section(outcome, f'<ul class="told">\n{told}</ul>' if told else "")
    clean = "".join(map(_clean, results.of("clean")))
    yield _section("clean", f'<ul class="rules">\n{clean}</ul>' if clean else "")
    yield "</main>\n</body>\n</html>\n"


def _head(heading: Heading) -> str:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Findings in {text(heading.image.name)}</title>
<style>{STYLE}</style>
</head>
<body>
"""


def _header(results: Results) -> str:
    heading = results.heading
    facts = "".join(
        f"<dt>{text(name)}</dt><dd>{text(fact)}</dd>\n" for name, fact in heading.facts.items()
    )
    counts = "".join(
        f'<li><a class="tone-{_tone(results, name)}" href="#{name}">'
        f"<strong>{count:,}</strong> <span>{name}</span></a></li>\n"
        for name, count in results.counts.items()
    )
    return f"""\
<header>
<h1>Findings in {text(heading.image.name)}</h1>
<ul class="counts">
{counts}</ul>
<dl class="facts">
{facts}</dl>
</header>
"""


def _tone(results: Results, outcome: str) -> str:
    """Return the tone of an outcome; of matches, that of the worst."""
    if outcome != "match":
        return outcome
    matches = results.of("match")
    return matches[0].rule.level if matches else "clean"


def _section(outcome: str, content: str) -> str:
    meaning = element("p", _MEANING.get(outcome, ""), "faint")
    return (
        f'<section id="{outcome}">\n<h2>{_TITLES[outcome]}</h2>\n'
        f"{meaning if content else ''}{content or '<p>None.</p>'}\n</section>\n"
    )


# Matches


def _worst(results: Results) -> str:
    """Return what was found in short, the worst first: whoever opens the page sees it at once."""
    found = "".join(
        f'<li class="tone-{one.rule.level}">{_level(one)}<a href="#rule-{one.number}">'
        f"{text(one.rule.title)}</a>: {counted(one.evidence.count, 'row')}</li>\n"
        for one in results.of("match")
    )
    return (
        f'<section>\n<h2>The worst first</h2>\n<ul class="rules">\n{found}</ul>\n</section>\n'
        if found
        else ""
    )


def _matches(results: Results) -> str:
    parts = []
    for tactic, groups in groupby(results.groups, lambda group: group.tactic):
        parts.append(element("h3", tactic.name if tactic else "No technique"))
        parts += map(_group, groups)
    return _section("match", "".join(parts))


def _group(group: Group) -> str:
    one = group.technique
    title = (
        ""
        if one is None
        else (
            f'<h4><a href="{text(one.url)}" rel="noreferrer noopener">{text(one.id)}</a> '
            f"{text(one.name)}</h4>\n"
        )
    )
    return title + "".join(map(_match, group.results))


def _match(result: Result) -> str:
    rule, evidence = result.rule, result.evidence
    level = "h5" if result.technique else "h4"  # below the technique's title, if there is one
    others = ", ".join(f"{one.id} {one.name}" for one in result.others)
    about = [
        element("p", rule.description),
        element("p", f"Also: {others}" if others else "", "small"),
        element("p", f"Remarks: {result.reason}" if result.reason else "", "small"),
        _rows(evidence, rule.title),
        element("p", f"And {counted(evidence.left_out, 'more row')}." if evidence.left_out else ""),
        element("p", _harmless(rule.falsepositives), "small"),
        element("p", _references(rule.references), "small"),
        element("p", f"Rule {rule.id}, version {rule.version}", "small faint"),
    ]
    return (
        f'<article class="match tone-{rule.level}" id="rule-{result.number}">\n'
        f'<{level} class="title">{_named(result)}: {counted(evidence.count, "row")}</{level}>\n'
        f"{''.join(about)}</article>\n"
    )


def _harmless(falsepositives: Iterable[str]) -> str:
    told = "; ".join(falsepositives)
    return f"Harmless and alike: {told}" if told else ""


def _references(references: Iterable[str]) -> str:
    told = "; ".join(references)
    return f"Read more: {told}" if told else ""


def _named(result: Result) -> str:
    return _level(result) + text(result.rule.title)


def _level(result: Result) -> str:
    level = result.rule.level
    return f'<span class="level tone-{level}">{level}</span>'


def _rows(evidence: Evidence, title: str) -> str:
    """Return the evidence as a table that scrolls within the page where it is wide."""
    if not evidence.titles:
        return ""
    columns = list(zip(*evidence.rows, strict=True))
    kinds = [f' class="{kind}"' if (kind := _kind(column)) else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{text(name)}</th>'
        for name, kind in zip(evidence.titles, kinds, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{_cell(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>\n"
        for row in evidence.rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="Evidence of {text(title)}">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )


def _kind(column: Iterable[Cell]) -> str:
    """Return how a column is set: numbers to the right, and what is short is not broken."""
    cells = list(column)
    if all(map(_is_number, cells)):
        return "number"
    return "short" if all(len(cell.worded) <= _SHORT for cell in cells) else ""


def _is_number(cell: Cell) -> bool:
    return cell.text.removeprefix("-").isdecimal() or not cell.text


def _cell(cell: Cell) -> str:
    why = f'<span class="unknown">? ({text(cell.why)})</span>' if cell.why else ""
    return " ".join(filter(None, (text(cell.text), why)))


# What is left open


def _told(told: Told, outcome: str) -> str:
    rules = "".join(f"<li>{_named(result)}</li>\n" for result in told.results)
    return (
        f'<li class="tone-{outcome}">\n{element("p", told.reason or "No reason is known.")}'
        f'<ul class="rules small">\n{rules}</ul>\n</li>\n'
    )


def _clean(result: Result) -> str:
    remarks = f": {text(result.reason)}" if result.reason else ""
    return f"<li>{_named(result)}{remarks}</li>\n"
