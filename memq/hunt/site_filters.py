"""Filters of a site in files of their own: what they leave out, of which rules.

A site knows its own harmless programs, and does not edit rules that it has from others for them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memq.errors import NoKernelError, QueryError, Span
from memq.hunt.binding import start_of_condition
from memq.hunt.problems import Problems, quoted
from memq.hunt.rule import Filter, Rule
from memq.hunt.rule_format import MOST_FILTERS, SITE_FILTER
from memq.hunt.tree import Mapping, span_within
from memq.node import dataclass
from memq.os.systems import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from memq.hunt.binding import RuleBinder
    from memq.hunt.problems import Source
    from memq.hunt.tree import Node, Scalar
    from memq.schema.declare import System

_OWN = frozenset(key.name for key in SITE_FILTER.keys if key.required) - {"title"}
"""Keys that no rule has."""


@dataclass(frozen=True, slots=True)
class SiteFilter:
    """A filter as it was read, and where."""

    filter: Filter
    where: Scalar
    rules: tuple[Scalar, ...]
    """Ids of the rules that it speaks of."""
    source: Source


def is_site_filter(tree: Node) -> bool:
    """Whether a document is a filter, and no rule."""
    return isinstance(tree, Mapping) and any(name.value in _OWN for name, _ in tree.items)


def read_site_filter(tree: Node, problems: Problems) -> SiteFilter | None:
    """Return the filter of a document, or None where something is wrong with it, as is noted."""
    before = len(problems)
    read = SITE_FILTER.read(tree, problems)
    if read is None or len(problems) > before:
        return None
    texts = {name: read[name].value for name in ("title", "where", "description") if name in read}
    return SiteFilter(Filter(**texts), read["where"], tuple(read["rules"]), problems.source)


class SiteFilters:
    """Puts filters into rules; what is wrong with a filter is noted once for each rule."""

    def __init__(self, binder: RuleBinder, is_known: Callable[[str], bool]) -> None:
        """`is_known`: whether a rule that was not asked for has an id."""
        self.binder = binder
        self.is_known = is_known

    def applied(
        self, rules: Iterable[Rule], filters: Iterable[SiteFilter]
    ) -> tuple[list[Rule], list[Problems]]:
        """Return the rules with their filters, and what is wrong with these."""
        found = {rule.id: rule for rule in rules}
        noted = []
        for one in filters:
            problems = Problems(one.source)
            for name in one.rules:
                rule = found.get(name.value.lower())
                if rule is not None:
                    found[rule.id] = self._with(rule, one, problems)
                elif not self.is_known(name.value.lower()):
                    message = f"No rule has the id {quoted(name.value)}."
                    problems.add(message, name.span, "Give its playbook, too, or leave it out.")
            noted.append(problems)
        return list(found.values()), noted

    def _with(self, rule: Rule, one: SiteFilter, problems: Problems) -> Rule:
        """Return a rule with one filter more; without it, if that is wrong."""
        filters = (*rule.filters, one.filter)
        if len(filters) > MOST_FILTERS:
            message = f"The rule {quoted(rule.title)} has more than {MOST_FILTERS} filters."
            problems.add(message, one.where.span, "Make one filter of several, by `||`.")
            return rule
        refused: dict[tuple[str, Span, str | None], list[str]] = {}
        for system in SYSTEMS:
            why = self._refusal(rule, one, system) if system.name in rule.queries else None
            if why is not None:
                refused.setdefault(why, []).append(system.title)
        for (message, span, hint), titles in refused.items():
            on = "" if len(titles) == len(rule.queries) else f", on {' and '.join(titles)}"
            problems.add(f"In the rule {quoted(rule.title)}{on}: {message}", span, hint)
        return rule if refused else replace(rule, filters=filters)

    def _refusal(
        self, rule: Rule, one: SiteFilter, system: System
    ) -> tuple[str, Span, str | None] | None:
        """Why a filter makes no sense to a rule: a sentence, its place, what to do."""
        query = rule.queries[system.name]
        try:
            self.binder.check(query, (one.filter.where,), system, rule.defaults)
        except NoKernelError:
            return None  # it is checked when it is run
        except QueryError as error:
            start, span = start_of_condition(query), error.span or Span(0, 0)
            inside = Span(max(0, span.start - start), max(0, span.end - start))
            return error.message, span_within(one.source, one.where, inside), error.hint
        return None
