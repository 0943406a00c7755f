"""The text of a file of rules -> Rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.hunt.binding import RuleBinder
from memq.hunt.checking import Checker, expression
from memq.hunt.rule import Filter, Parameter, Rule
from memq.hunt.rule_format import RULE
from memq.hunt.site_filters import is_site_filter, read_site_filter
from memq.hunt.tree import Scalar, documents
from memq.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memq.hunt.attack import Attack
    from memq.hunt.problems import Problems, Source
    from memq.hunt.site_filters import SiteFilter
    from memq.hunt.tree import Node


MOST_RULES = 10_000
"""Of one playbook."""
TOO_MANY = f"There are more than {MOST_RULES:,} rules, or files of rules."
A_PART = "Give a part of them at a time."


class Reader:
    """Reads the rules of one file after the other, and sees ids that are there twice."""

    def __init__(self, attack: Attack, progress: Progress | None = None) -> None:
        self.attack = attack
        self._progress = progress or Progress()
        self.binder = RuleBinder()
        self.site_filters: list[SiteFilter] = []
        """Those that were read so far."""
        self.asked = 0
        """How many rules were there so far, right and wrong."""
        self._places: dict[str, str] = {}

    def rules(self, source: Source, problems: Problems) -> Iterator[Rule]:
        """Yield the rules of a text that are right; what is wrong is noted."""
        before, filters = self.asked, len(self.site_filters)
        for tree in documents(problems):
            if isinstance(tree, Scalar) and tree.is_null:
                continue  # nothing between two `---`
            if self.asked + len(self.site_filters) == MOST_RULES:
                problems.add(TOO_MANY, tree.span, A_PART)
                return
            if is_site_filter(tree):
                one = read_site_filter(tree, problems)
                self.site_filters += [] if one is None else [one]
                continue
            self.asked += 1
            self._progress.tick(0, 0)
            rule = self._rule(tree, source, problems)
            if rule is not None:
                yield rule
        is_empty = self.asked == before and len(self.site_filters) == filters
        if is_empty and not len(problems):
            problems.add("There is no rule in this file.", None, "Write one, or take it away.")

    def _rule(self, tree: Node, source: Source, problems: Problems) -> Rule | None:
        before = len(problems)
        read = RULE.read(tree, problems)
        if read is None:
            return None
        place = source.place(tree.span)
        self._check_id(read, source, problems)
        checker = Checker(read, self.attack, self.binder, problems)
        if not source.is_proven:
            checker.check()
        return _made(read, checker.queries, place) if len(problems) == before else None

    def _check_id(self, read: Mapping[str, Any], source: Source, problems: Problems) -> None:
        id_ = read.get("id")
        if id_ is None:
            return
        place = source.place(id_.span)
        first = self._places.setdefault(id_.value.lower(), place)
        if first != place:
            message = f"The rule at {first} has this id, too."
            problems.add(message, id_.span, "Give one of them a new UUID, or leave one out.")


def _made(read: Mapping[str, Any], queries: Mapping[str, Scalar], place: str) -> Rule:
    plain: dict[str, Any] = {name: _plain(read[name]) for name in read if name not in _MADE}
    return Rule(
        **plain,
        id=read["id"].value.lower(),
        version=int(read["version"].value) if "version" in read else 1,
        queries={name: text.value for name, text in queries.items()},
        place=place,
        filters=tuple(Filter(**_texts(one)) for one in read.get("filters", ())),
        parameters={
            name.value: Parameter(
                expression(one["default"]),
                one["description"].value if "description" in one else "",
            )
            for name, one in read.get("parameters", {}).items()
        },
    )


_MADE = frozenset(("id", "os", "query", "version", "filters", "parameters"))
"""Keys that are something else in a Rule than their texts."""


def _plain(found: Scalar | list[Scalar]) -> str | tuple[str, ...]:
    return found.value if isinstance(found, Scalar) else tuple(one.value for one in found)


def _texts(found: Mapping[str, Scalar]) -> dict[str, str]:
    return {name: one.value for name, one in found.items()}
