"""memq DUMP --playbook: which rules are asked for, and what they found, as it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from memq.errors import QueryError
from memq.hunt.attack import load_attack
from memq.hunt.binding import RuleBinder
from memq.hunt.check import report
from memq.hunt.findings import writer_for
from memq.hunt.heading import heading_of
from memq.hunt.loading import load_playbook
from memq.hunt.names import playbook_paths
from memq.hunt.rule_format import LEVELS
from memq.hunt.running import run_playbook
from memq.node import dataclass
from memq.os.systems import SYSTEMS
from memq.printing import interruptible, say
from memq.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from memq.hunt.attack import Attack
    from memq.hunt.rule import Rule
    from memq.hunt.running import Finding
    from memq.image import Image
    from memq.lang.ast import Expression


@dataclass(frozen=True, slots=True)
class Asked:
    """The rules that are to be run, and the values that parameters have been given."""

    rules: tuple[Rule, ...]
    parameters: Mapping[str, Expression]
    attack: Attack
    """What their tags speak of."""


def plan(
    paths: Sequence[str],
    level: str | None,
    tags: Sequence[str],
    parameters: Mapping[str, Expression],
) -> Asked | None:
    """Load rules and select from them; None if any is wrong, which is told then.

    QueryError where nothing is selected, or a parameter does not fit.
    """
    attack = load_attack()
    playbook = load_playbook(playbook_paths(paths), attack)
    if playbook.errors:
        say(*report(playbook))
        return None
    for warning in playbook.warnings:
        say(str(warning).partition("\n")[0])
    if level is not None and level not in LEVELS:
        raise QueryError(f"There is no level {level!r}: give one of {', '.join(LEVELS)}.")
    rules = tuple(rule for rule in playbook.rules if _is_wanted(rule, level, tags))
    if not rules:
        raise QueryError("No rule is of this level and tag; leave out --level or --tag.")
    _check(parameters, rules)
    return Asked(rules, parameters, attack)


def _is_wanted(rule: Rule, level: str | None, tags: Sequence[str]) -> bool:
    if level is not None and LEVELS.index(rule.level) < LEVELS.index(level):
        return False
    return not tags or any(_is_of(own, tag.lower()) for own in rule.tags for tag in tags)


def _is_of(own: str, tag: str) -> bool:
    """Whether a rule's tag is this one, or speaks of a kind of it."""
    return own == tag or own.startswith(f"{tag}.")


def _check(parameters: Mapping[str, Expression], rules: Iterable[Rule]) -> None:
    """Refuse a value that no rule asks for, and one with which a rule's query is wrong."""
    binder = RuleBinder()
    unused = dict(parameters)
    for rule in rules:
        own = rule.parameters or {}
        given = {name: value for name, value in parameters.items() if name in own}
        for name in given:
            unused.pop(name, None)
        if given:
            _check_rule(binder, rule, rule.defaults | given)
    if unused:
        name = next(iter(unused))
        raise QueryError(f"No rule has a parameter `{name}`; leave out this --let.")


def _check_rule(binder: RuleBinder, rule: Rule, values: Mapping[str, Expression]) -> None:
    conditions = [one.where for one in rule.filters]
    for system in SYSTEMS:
        if system.name not in rule.queries:
            continue
        try:
            binder.check(rule.queries[system.name], conditions, system, values)
        except QueryError as error:
            told = " ".join(filter(None, (error.message, error.hint)))
            message = f"With the values of --let, {rule.title!r} ({rule.place}) is wrong: {told}"
            raise QueryError(message) from None


def hunt(asked: Asked, image: Image, form: str, stream: TextIO) -> bool:
    """Run rules and write what they find; whether any matched."""
    run = Run(image.progress)
    matched: list[bool] = []

    def watched(findings: Iterator[Finding]) -> Iterator[Finding]:
        for finding in findings:
            matched.append(finding.outcome == "match")
            yield finding

    with interruptible(run):
        heading = heading_of(image, asked.attack, asked.parameters)
        findings = watched(run_playbook(asked.rules, image, run, asked.parameters))
        for piece in writer_for(form, stream)(findings, heading):
            image.progress.erase()  # it may stand on the same terminal
            stream.write(piece)
            stream.flush()
    return any(matched)
