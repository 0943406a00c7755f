"""memq DUMP --playbook: which rules are asked for, and what they found, as it is printed."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, TextIO

from memq.errors import Cancelled, QueryError
from memq.hunt.attack import TAG_PREFIX, load_attack
from memq.hunt.binding import RuleBinder
from memq.hunt.case import recorded
from memq.hunt.check import report
from memq.hunt.findings import writer_for
from memq.hunt.heading import heading_of
from memq.hunt.loading import load_playbook
from memq.hunt.names import FOLDER, playbook_paths
from memq.hunt.reports.grouping import tactics_of, techniques_of
from memq.hunt.rule_format import LEVELS
from memq.hunt.running import run_playbook
from memq.lang import hints
from memq.node import dataclass
from memq.os.systems import SYSTEMS
from memq.printing import interruptible, say
from memq.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from memq.hunt.attack import Attack
    from memq.hunt.case import Case
    from memq.hunt.heading import Heading
    from memq.hunt.rule import Rule
    from memq.hunt.running import Finding
    from memq.image import Image
    from memq.lang.ast import Expression
    from memq.progress import Progress


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
    tell: Callable[..., None] = say,
    progress: Progress | None = None,
) -> Asked | None:
    """Load rules and select from them; None if any is wrong, which is told then.

    QueryError where nothing is selected, or a parameter does not fit.
    """
    attack = load_attack()
    playbook = load_playbook(playbook_paths(paths), attack, proven=FOLDER, progress=progress)
    if playbook.errors:
        tell(*report(playbook))
        return None
    for warning in playbook.warnings:
        tell(str(warning).partition("\n")[0])
    if level is not None and level not in LEVELS:
        raise QueryError(f"There is no level {level!r}: give one of {', '.join(LEVELS)}.")
    rules = tuple(_wanted(playbook.rules, attack, level, tags))
    if not rules:
        raise QueryError("No rule is of this level; leave out --level, or give a lower one.")
    _check(parameters, rules)
    return Asked(rules, parameters, attack)


def _wanted(
    rules: Sequence[Rule], attack: Attack, level: str | None, tags: Sequence[str]
) -> Iterator[Rule]:
    """Yield rules of a level and above that have one of the tags.

    QueryError for a tag by which nothing is selected: it may be a slip.
    """
    chosen = [_tag(tag, attack) for tag in tags]
    own = {rule.id: _tags_of(rule, attack) for rule in rules}
    levels = LEVELS if level is None else LEVELS[LEVELS.index(level) :]
    left = [rule for rule in rules if rule.level in levels]
    for tag in chosen:
        if not any(_is_of(one, tag) for one in chain.from_iterable(own.values())):
            raise _no_tag(tag, dict.fromkeys(chain.from_iterable(own.values())), attack)
        if not any(_is_of(one, tag) for rule in left for one in own[rule.id]):
            said = f"No rule of level {level} or above has the tag {tag!r}; leave one of both out."
            raise QueryError(said)
    for rule in left:
        if not tags or any(_is_of(one, tag) for one in own[rule.id] for tag in chosen):
            yield rule


def _tag(tag: str, attack: Attack) -> str:
    """Return a tag as rules have it: `T1055` and `persistence` are taken for ATT&CK's."""
    full = f"{TAG_PREFIX}{tag.lower()}"
    return full if "." not in tag or attack.tag(full) is not None else tag.lower()


def _tags_of(rule: Rule, attack: Attack) -> tuple[str, ...]:
    """Return the tags of a rule, and those of the tactics under which its techniques stand."""
    tactics = (
        tactic
        for technique in techniques_of(rule, attack)
        for tactic in tactics_of(rule, technique, attack)
    )
    return (*rule.tags, *(f"{TAG_PREFIX}{tactic.short_name}" for tactic in tactics))


def _is_of(own: str, tag: str) -> bool:
    """Whether a rule's tag is this one, or speaks of a kind of it."""
    return own == tag or own.startswith(f"{tag}.")


def _no_tag(tag: str, known: Iterable[str], attack: Attack) -> QueryError:
    successor = attack.successor(tag.removeprefix(TAG_PREFIX))
    if successor is not None:
        hint = f"Its successor is `{TAG_PREFIX}{successor.id.lower()}`."
    else:
        hint = hints.did_you_mean(hints.nearest(tag, known)) or "Leave it out."
    return QueryError(f"No rule has the tag {tag!r}.", hint=hint)


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


def hunt(asked: Asked, image: Image, form: str, stream: TextIO, case: Case | None = None) -> bool:
    """Run rules and write what they find, and keep it in a case; whether any matched.

    Cancelled if somebody has stopped it: what was found is written and kept all the same.
    """
    run = Run(image.progress)
    matched: list[bool] = []

    def watched(findings: Iterator[Finding]) -> Iterator[Finding]:
        for finding in findings:
            matched.append(finding.outcome == "match")
            yield finding

    write = writer_for(form, stream)

    def written(findings: Iterator[Finding], heading: Heading) -> Iterator[str]:
        return write(watched(findings), heading)

    with interruptible(run), found_by(asked, image, run, written, case) as pieces:
        for piece in pieces:
            image.progress.erase()  # it may stand on the same terminal
            stream.write(piece)
            stream.flush()
    if run.cancelled:
        raise Cancelled("stopped")
    return any(matched)


@contextmanager
def found_by(
    asked: Asked,
    image: Image,
    run: Run,
    write: Callable[[Iterator[Finding], Heading], Iterator[str]],
    case: Case | None,
    tell: Callable[[str], None] = say,
) -> Iterator[Iterator[str]]:
    """Give what rules find, as it is written, while it is found; what is new is told at the end."""
    heading = heading_of(image, asked.attack, asked.parameters)
    found = run_playbook(asked.rules, image, run, asked.parameters)
    with recorded(found, case, heading, run, tell) as kept:
        yield write(kept, heading)
