"""Which techniques the rules of a run speak of, and what came of each, as the matrix has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.hunt.reports.grouping import tactics_of
from memq.hunt.running import OUTCOMES
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.hunt.attack import Tactic, Technique
    from memq.hunt.reports.grouping import Result, Results

COLOURS = {
    "critical": "#b2182b",
    "high": "#e0533d",
    "medium": "#f08a4b",
    "low": "#f5c04f",
    "informational": "#5aa9d6",
    "undecided": "#9b7fd1",
    "skipped": "#a3a9b2",
    "clean": "#5fae6b",
}
"""For each level of a match, and each other outcome, the worst first."""


@dataclass(frozen=True, slots=True)
class Covered:
    """A technique under one of its tactics, and the rules that speak of it there."""

    technique: Technique
    results: Sequence[Result]

    @property
    def outcome(self) -> str:
        """The one that people look at first."""
        return min((one.outcome for one in self.results), key=OUTCOMES.index)

    @property
    def matches(self) -> list[Result]:
        """Those that matched, the worst first."""
        found = [one for one in self.results if one.outcome == "match"]
        return sorted(found, key=lambda one: -one.severity)

    @property
    def level(self) -> str:
        """Of the worst match; empty where nothing matched."""
        return self.matches[0].rule.level if self.matches else ""

    @property
    def tone(self) -> str:
        """Which of COLOURS it has."""
        return self.level or self.outcome

    @property
    def state(self) -> str:
        """The outcome, of a match with its level, in words."""
        return f"{self.outcome}, {self.level}" if self.level else self.outcome


def coverage_of(results: Results) -> list[tuple[Tactic, list[Covered]]]:
    """Return the tactics that rules speak of, in the matrix's order, with techniques by id.

    Rules for another system say nothing of this dump, and are none of it.
    """
    attack = results.heading.attack
    found: dict[Tactic, dict[str, list[Result]]] = {tactic: {} for tactic in attack.tactics}
    for result in (one for one in results.all if not one.is_foreign):
        for technique in result.techniques:
            for tactic in tactics_of(result.rule, technique, attack):
                found[tactic].setdefault(technique.id, []).append(result)
    return [
        (tactic, [Covered(attack.techniques[id_], rules[id_]) for id_ in sorted(rules)])
        for tactic, rules in found.items()
        if rules
    ]
