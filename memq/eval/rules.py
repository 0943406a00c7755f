"""Rules: plans that give the same with less work.

Each rule is a function from a plan to a plan that gives equal results, in equal order, with equal
undecided. What depends on the data is decided while a plan runs: which pairs are made by sorting,
and of which elements a condition still needs to be asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from memq.eval.rules_conditions import (
    cheap_first,
    singles_before_collections,
    split_conjunctions,
)
from memq.eval.rules_series import (
    filter_while_walked,
    first_stops,
    lookup_by_key,
    take_after_order,
    take_pushed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from memq.eval.plan import Plan

    Rule: TypeAlias = Callable[[Plan], Plan]

RULES: Sequence[Rule] = (
    split_conjunctions,
    cheap_first,
    singles_before_collections,
    filter_while_walked,
    lookup_by_key,
    first_stops,
    # What is taken comes to stand behind what sorts.
    take_pushed,
    take_after_order,
)


def optimized(plan: Plan, rules: Sequence[Rule] = RULES) -> Plan:
    """Return a plan that gives the same, in the same order, with less work."""
    for rule in rules:
        changed = rule(plan)
        if changed is not plan:
            plan = replace(changed, rules=(*plan.rules, rule.__name__))
    return plan
