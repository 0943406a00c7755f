"""What was found, sorted for people: by outcome, tactic and technique, the worst first.

Of each finding is kept what a report shows, so that a thousand rules can be held together.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from memq.hunt.attack import Tactic, Technique
from memq.hunt.reports.evidence import Evidence, evidence_of, shortened
from memq.hunt.rule_format import LEVELS
from memq.hunt.running import OUTCOMES
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memq.hunt.attack import Attack
    from memq.hunt.heading import Heading
    from memq.hunt.rule import Rule
    from memq.hunt.running import Finding


@dataclass(frozen=True, slots=True)
class Result:
    """One finding, with the rows that are shown."""

    number: int
    """Of the rule, among those that were asked for, from 1."""
    rule: Rule
    outcome: str
    reason: str
    evidence: Evidence
    techniques: tuple[Technique, ...]
    """Those of the rule, in its order."""
    tactic: Tactic | None
    """The one under which it stands."""
    is_foreign: bool
    """Whether the rule is for another system."""

    @property
    def technique(self) -> Technique | None:
        """The one under which it stands."""
        return self.techniques[0] if self.techniques else None

    @property
    def others(self) -> tuple[Technique, ...]:
        """Techniques that it speaks of besides."""
        return self.techniques[1:]

    @property
    def severity(self) -> int:
        """The place of its level among all, from 0."""
        return LEVELS.index(self.rule.level)


class Group(NamedTuple):
    """What was found of one technique; of none, if there is no tactic."""

    tactic: Tactic | None
    technique: Technique | None
    results: Sequence[Result]


class Told(NamedTuple):
    """Rules for which the same reason is given."""

    reason: str
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that a run ended in."""

    heading: Heading
    all: tuple[Result, ...]
    """In the order of the rules."""

    def of(self, outcome: str) -> list[Result]:
        """Return those of an outcome, the worst level first."""
        found = [result for result in self.all if result.outcome == outcome]
        return sorted(found, key=lambda result: -result.severity)

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each outcome."""
        return {outcome: len(self.of(outcome)) for outcome in OUTCOMES}

    @property
    def levels(self) -> str:
        """How many matches there are of each level, in words, the worst first."""
        found = Counter(result.rule.level for result in self.of("match"))
        return ", ".join(f"{found[level]:,} {level}" for level in reversed(LEVELS) if found[level])

    @property
    def groups(self) -> list[Group]:
        """The matches by tactic, in the order of the matrix, and by technique."""
        places = [tactic.id for tactic in self.heading.attack.tactics]

        def key(result: Result) -> tuple[int, str]:
            if result.tactic is None or result.technique is None:
                return len(places), ""
            return places.index(result.tactic.id), result.technique.id

        # Sorting keeps the worst first within a technique.
        found = [list(group) for _, group in groupby(sorted(self.of("match"), key=key), key)]
        return [Group(group[0].tactic, group[0].technique, group) for group in found]

    def told(self, outcome: str) -> list[Told]:
        """Return the reasons for an outcome, each once; those of the worst rules first."""
        reasons: dict[str, list[Result]] = {}
        for result in self.of(outcome):
            reasons.setdefault(result.reason, []).append(result)
        return [Told(reason, results) for reason, results in reasons.items()]


def results_of(
    findings: Iterable[Finding], heading: Heading, most: int, *, humane: bool = False
) -> Results:
    """Wait for all findings, and keep at most so many rows of the evidence of each.

    `humane`: sizes, times and durations in them are rounded for people.
    """
    found = [
        _result(n, finding, heading, most, humane=humane) for n, finding in enumerate(findings, 1)
    ]
    return Results(heading, tuple(found))


def _result(number: int, finding: Finding, heading: Heading, most: int, *, humane: bool) -> Result:
    rule, attack = finding.rule, heading.attack
    techniques = techniques_of(rule, attack)
    count = len(finding.evidence) + finding.more
    tactics = tactics_of(rule, techniques[0], attack) if techniques else [None]
    return Result(
        number=number,
        rule=rule,
        outcome=finding.outcome,
        reason=shortened(finding.reason),
        evidence=evidence_of(finding.evidence, count, most, finding.kinds if humane else None),
        techniques=techniques,
        tactic=tactics[0],
        is_foreign=heading.image.system not in rule.queries,
    )


def techniques_of(rule: Rule, attack: Attack) -> tuple[Technique, ...]:
    """Return the techniques that a rule names, each once."""
    tagged = (attack.tag(tag) for tag in rule.tags)
    return tuple({one.id: one for one in tagged if isinstance(one, Technique)}.values())


def tactics_of(rule: Rule, technique: Technique, attack: Attack) -> list[Tactic]:
    """Return the tactics that a technique serves in a rule: those it names, else the first."""
    tagged = [one for tag in rule.tags if isinstance(one := attack.tag(tag), Tactic)]
    named = [one for one in tagged if one.short_name in technique.tactics]
    own = [one for one in attack.tactics if one.short_name in technique.tactics[:1]]
    return list(dict.fromkeys(named)) or own
