"""The ATT&CK matrix of a run as HTML: a column for each tactic, its techniques below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.hunt.reports.coverage import COLOURS, coverage_of
from memq.hunt.reports.markup import element, text
from memq.hunt.rule_format import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.hunt.attack import Attack, Tactic, Technique
    from memq.hunt.reports.coverage import Covered
    from memq.hunt.reports.grouping import Results


def matrix(results: Results) -> str:
    """Return the techniques that rules speak of, by tactic, each with what came of it."""
    attack, coverage = results.heading.attack, coverage_of(results)
    columns = "".join(_column(tactic, covered, attack) for tactic, covered in coverage)
    spoken = {tactic for tactic, _ in coverage}
    others = ", ".join(tactic.name for tactic in attack.tactics if tactic not in spoken)
    content = f'{_legend()}<div class="matrix">\n{columns}</div>\n' if columns else ""
    silent = element("p", f"No rule speaks of: {others}." if others else "", "small faint")
    return f'<section id="matrix">\n<h2>ATT&amp;CK matrix</h2>\n{content}{silent}</section>\n'


def _legend() -> str:
    names = ((name, f"match, {name}" if name in LEVELS else name) for name in COLOURS)
    items = "".join(f'<li class="tone-{name}">{label}</li>\n' for name, label in names)
    return f'<ul class="legend small">\n{items}</ul>\n'


def _column(tactic: Tactic, covered: Sequence[Covered], attack: Attack) -> str:
    """Return a tactic; a technique of which only kinds are spoken of stands there, too."""
    families: dict[str, list[Covered]] = {}
    for one in covered:
        families.setdefault(one.technique.parent or one.technique.id, []).append(one)
    cells = "".join(_family(attack.techniques[id_], each) for id_, each in families.items())
    return f"<div>\n{element('h3', tactic.name)}<ul>\n{cells}</ul>\n</div>\n"


def _family(technique: Technique, covered: Sequence[Covered]) -> str:
    own = next((one for one in covered if one.technique == technique), None)
    kinds = "".join(f"<li>{_cell(one)}</li>\n" for one in covered if one is not own)
    head = _cell(own) if own else _unasked(technique)
    return f"<li>{head}{f'<ul>{kinds}</ul>' if kinds else ''}</li>\n"


def _unasked(technique: Technique) -> str:
    return f'<div class="cell unasked">{_name(technique)}</div>\n'


def _cell(covered: Covered) -> str:
    links = "".join(
        f'<a href="#rule-{one.number}">{text(one.rule.title)}</a>' for one in covered.matches
    )
    return (
        f'<div class="cell tone-{covered.tone}">{_name(covered.technique)}'
        f'<span class="state">{text(covered.state)}{links}</span></div>\n'
    )


def _name(technique: Technique) -> str:
    return f"<b>{text(technique.id)}</b> {text(technique.name)}"
