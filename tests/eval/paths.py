"""Random worlds of processes with parents and children, and predicates of longer paths.

A process of the world is a number; the oracle's is a tree of objects, as far as paths lead.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeGuard

from hypothesis import strategies as st

from memq.errors import Reason
from tests.eval.little import every_process, little_predicates
from tests.eval.predicates import (
    OUTER,
    UNKNOWN,
    Scope,
    bits,
    handles,
    numbers,
    predicates,
    texts,
    vads,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.eval.conditions import Pair
    from tests.eval.reference_semantics import Object

CHILDREN: Scope = (("process.children", "process"), ("process.children.vad", "vad"))
PARENT: Scope = (("process.parent", "process"), ("process.parent.vad", "vad"))
SIBLINGS: Scope = (("process.parent.children", "process"),)
FATHERS: Scope = (("process.children.parent", "process"),)
NEAR: tuple[Scope, ...] = (
    CHILDREN,
    (*CHILDREN, *OUTER[:1]),
    (*CHILDREN, *OUTER[1:]),
    (*CHILDREN, *FATHERS),
    (*CHILDREN[1:], *OUTER),
)
"""Places that are taken together, so that conditions often speak of the same."""
FAR: tuple[Scope, ...] = (
    PARENT,
    (*PARENT, *OUTER[:1]),
    (*PARENT, *OUTER[1:]),
    (*PARENT, *SIBLINGS),
    (*PARENT[1:], *CHILDREN),
)
"""Those of which some lie behind a single sub-object."""
LONGEST = 2
"""How many processes away the last one of a path is."""


def families() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Worlds whose processes have parents and children among themselves, at random."""

    def of(count: int) -> st.SearchStrategy[list[dict[str, Any]]]:
        others = st.integers(0, count - 1)
        parts = {
            "odd": bits,
            "x": numbers,
            "name": texts,
            "vad": st.lists(vads, max_size=2),
            "handle": st.lists(handles, max_size=1),
            "children": st.lists(others, max_size=2),
            "parent": st.one_of(others, others, others, st.none(), st.just(UNKNOWN)),
            "cut": st.one_of(st.just({}), st.just({}), cuts),
        }
        return st.lists(st.fixed_dictionaries(parts), min_size=count, max_size=count)

    return st.integers(1, 3).flatmap(of)


cuts = st.sampled_from([{"vad": UNKNOWN}, {"children": UNKNOWN}, {"handle": UNKNOWN}])


def every_family(seed: int) -> list[dict[str, Any]]:
    """Each small process, with parents and children among themselves by the seed's chance."""
    chance = random.Random(seed)
    processes = every_process()
    numbers = range(len(processes))
    for process in processes:
        process["children"] = chance.choices(numbers, k=chance.choice((0, 1, 2, 2)))
        process["parent"] = chance.choice((*chance.choices(numbers, k=4), None, UNKNOWN))
        process["cut"] |= chance.choice(({}, {}, {"children": UNKNOWN}))
    return processes


def chained(scopes: Sequence[Scope], most: int = 2) -> st.SearchStrategy[list[Pair]]:
    """Predicates of some Wheres in a row, over places that all of them share."""
    leaves = [predicates(scope, leaves=4) for scope in scopes]
    return st.one_of([st.lists(leaf, min_size=1, max_size=most) for leaf in leaves])


def little_chained(scopes: Sequence[Scope]) -> st.SearchStrategy[list[Pair]]:
    """The same with truth values only."""
    leaves = [little_predicates(scope) for scope in scopes]
    return st.one_of([st.lists(leaf, min_size=1, max_size=3) for leaf in leaves])


def is_number(parent: object) -> TypeGuard[int]:
    """Whether there is a parent, and it is known; a reason is a number, too."""
    return isinstance(parent, int) and not isinstance(parent, Reason)


def tree(processes: list[dict[str, Any]], number: int, far: int = LONGEST) -> Object:
    """A process with all that paths lead to, each time anew: narrowing is of the path."""
    found = processes[number]
    if not far:
        return {**found, "children": [], "parent": None}
    parent = found.get("parent")
    return {
        **found,
        "children": [tree(processes, child, far - 1) for child in found.get("children", ())],
        "parent": tree(processes, parent, far - 1) if is_number(parent) else parent,
    }
