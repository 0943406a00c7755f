"""What a predicate means: binding, narrowing and three values, written out by brute force.

An executable reading of the language, to hold the evaluator to on small data (every element of
every collection is tried); nothing to build on.

A predicate is a tuple:
    ("cmp", {collections it names}, function(env))      env: collection -> element, "self" -> source
    ("agg", function(element, bound))                   Any, All, None, Count: binds nothing;
                                                        bound: what the group around it has bound
    ("and", p, ...)   ("or", p, ...)   ("not", p)
The functions return True, False or None, which is unknown. A source element is
{"name": [elements], ...}; a name in its "cut" set has an unknown rest; "member" (made by chain)
says for each element of a collection whether earlier Wheres left it there.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Truth: TypeAlias = "bool | None"
Predicate: TypeAlias = tuple[Any, ...]
Element: TypeAlias = dict[str, Any]
Fixed: TypeAlias = "dict[str, Any] | None"

REST = "an element that may be there: nothing is known of it"


def kleene_and(values: Iterable[Truth]) -> Truth:
    found = list(values)
    return False if False in found else None if None in found else True


def kleene_or(values: Iterable[Truth]) -> Truth:
    found = list(values)
    return True if True in found else None if None in found else False


def kleene_not(value: Truth) -> Truth:
    return None if value is None else not value


def binds(collection: str, p: Predicate) -> bool:
    """Can p not be true without an element of the collection?"""
    match p[0]:
        case "cmp":
            return collection in p[1]
        case "and":
            return any(binds(collection, q) for q in p[1:])
        case "or":
            return all(binds(collection, q) for q in p[1:])
        case _:
            return False


def named(p: Predicate) -> set[str]:
    """The collections that p names outside of aggregates."""
    if p[0] == "cmp":
        return set(p[1])
    return set().union(*(named(q) for q in p[1:])) if p[0] in ("and", "or", "not") else set()


def some(
    element: Element,
    collections: Iterable[str],
    fixed: Element,
    test: Callable[[Element], Truth],
) -> Truth:
    """'Some choice of one element from each collection'; of one cut short, its rest too."""
    names = sorted(collections)
    choices = [[(fixed[c], True)] if c in fixed else present(element, c) for c in names]
    return kleene_or(
        kleene_and(
            [test(dict(zip(names, (e for e, _ in pick), strict=True)))]
            + [there for _, there in pick]
        )
        for pick in itertools.product(*choices)
    )


def present(element: Element, collection: str) -> list[tuple[Any, Truth]]:
    """The elements of a collection with whether each is there."""
    there = element.get("member", {}).get(collection, [True] * len(element[collection]))
    rest: list[tuple[Any, Truth]] = [(REST, True)] if collection in element.get("cut", ()) else []
    return list(zip(element[collection], there, strict=True)) + rest


def holds(p: Predicate, element: Element, bound: Fixed = None, fixed: Fixed = None) -> Truth:
    """The value of p for one element of the source.

    bound: what an && group around p speaks of. fixed: for narrowing, the one element that a
    quantifier may choose; it has no force under a ! that no group binds.
    """
    bound, fixed = bound or {}, fixed or {}
    match p[0]:
        case "and":
            free = {
                c
                for q in p[1:]
                for c in named(q)
                if c not in bound and any(binds(c, r) for r in p[1:])
            }
            return some(
                element,
                free,
                fixed,
                lambda pick: kleene_and(holds(q, element, bound | pick, fixed) for q in p[1:]),
            )
        case "or":
            return kleene_or(holds(q, element, bound, fixed) for q in p[1:])
        case "not":
            return kleene_not(holds(p[1], element, bound, {}))
        case "agg":
            found: Truth = p[1](element, bound)
            return found
        case "cmp":
            free = {c for c in p[1] if c not in bound}

            def compare(pick: Element) -> Truth:
                env = bound | pick
                return None if any(env[c] is REST for c in p[1]) else p[2](env | {"self": element})

            return some(element, free, fixed, compare)
        case _:
            raise ValueError(p[0])


def positive(collection: str, p: Predicate) -> bool:
    """Does p name the collection outside of ! and aggregates? Only then it is narrowed."""
    if p[0] in ("and", "or"):
        return any(positive(collection, q) for q in p[1:])
    return p[0] == "cmp" and collection in p[1]


def narrowed(collection: str, p: Predicate, element: Element) -> tuple[list[Any], list[Any]]:
    """What Where leaves in a collection where p is true, and what it lost as unknown."""
    if not positive(collection, p):
        return element[collection], []
    values = [holds(p, element, {}, {collection: e}) for e in element[collection]]
    return (
        [e for e, v in zip(element[collection], values, strict=True) if v],
        [e for e, v in zip(element[collection], values, strict=True) if v is None],
    )


def chain(
    predicates: Sequence[Predicate], element: Element
) -> tuple[Truth, dict[str, list[Truth]]]:
    """Where(p).Where(q)...: the Kleene && of all, and the membership of what is left."""
    member: dict[str, list[Truth]] = {
        c: [True] * len(v) for c, v in element.items() if isinstance(v, list)
    }
    value: Truth = True
    for p in predicates:
        now = element | {"member": member}
        value = kleene_and([value, holds(p, now)])
        member = {
            c: [
                kleene_and([m, holds(p, now, {}, {c: e})])
                for m, e in zip(there, element[c], strict=True)
            ]
            if positive(c, p)
            else there
            for c, there in member.items()
        }
    return value, member
