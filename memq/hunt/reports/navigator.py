"""Findings as a layer of the ATT&CK Navigator (layer format 4.5): open it there as a local file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from memq.hunt.reports.coverage import COLOURS, coverage_of
from memq.hunt.reports.evidence import shortened
from memq.hunt.reports.grouping import results_of
from memq.hunt.rule_format import LEVELS
from memq.output.cells import clean, clean_json
from memq.output.humane import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.hunt.attack import Tactic
    from memq.hunt.heading import Heading
    from memq.hunt.reports.coverage import Covered
    from memq.hunt.reports.grouping import Result
    from memq.hunt.running import Finding

LAYER_FORMAT = "4.5"
_NAVIGATOR = "4.9.0"
"""The first that reads this format."""
SCORES = {
    **{level: 60 + 10 * place for place, level in enumerate(LEVELS)},
    "undecided": 40,
    "skipped": 20,
    "clean": 0,
}
"""What came of a technique as a number: a match from 60, by its level, to 100."""


def as_layer(findings: Iterable[Finding], heading: Heading) -> Iterator[str]:
    """Yield the layer, once all rules are done."""
    results = results_of(findings, heading, 0)
    layer = {
        "name": f"memq: {clean(heading.image.name)}",
        "versions": {
            "attack": heading.attack.version.partition(".")[0],
            "navigator": _NAVIGATOR,
            "layer": LAYER_FORMAT,
        },
        "domain": "enterprise-attack",
        "description": "; ".join(
            f"{outcome}: {counted(count, 'rule')}" for outcome, count in results.counts.items()
        ),
        "sorting": 3,  # the highest score first
        "layout": {"layout": "side", "showID": True, "expandedSubtechniques": "annotated"},
        "techniques": [
            _technique(tactic, one) for tactic, covered in coverage_of(results) for one in covered
        ],
        "gradient": {
            "colors": [COLOURS[name] for name in ("clean", "low", "critical")],
            "minValue": min(SCORES.values()),
            "maxValue": max(SCORES.values()),
        },
        "legendItems": [
            {"label": f"match, {name}" if name in LEVELS else name, "color": colour}
            for name, colour in COLOURS.items()
        ],
        "metadata": _metadata(heading.facts.items()),
    }
    yield clean_json(json.dumps(layer, ensure_ascii=False, indent=1)) + "\n"


def _technique(tactic: Tactic, covered: Covered) -> dict[str, Any]:
    return {
        "techniqueID": covered.technique.id,
        "tactic": tactic.short_name,
        "score": SCORES[covered.tone],
        "color": COLOURS[covered.tone],
        "comment": shortened("; ".join(map(_comment, covered.results))),
        "enabled": True,
        "metadata": _metadata((one.rule.title, _state(one)) for one in covered.results),
    }


def _comment(result: Result) -> str:
    return f"{clean(result.rule.title)}: {_state(result)}"


def _state(result: Result) -> str:
    if result.outcome == "match":
        return f"match, {result.rule.level}, {counted(result.evidence.count, 'row')}"
    return ": ".join(filter(None, (result.outcome, clean(result.reason))))


def _metadata(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": clean(name), "value": clean(value) or "-"} for name, value in pairs]
