"""What a predicate means: binding, narrowing and three values, written out by brute force.

An executable reading of the language, to hold the evaluator to on small data (every element of
every collection is tried); nothing to build on.

A place is a path, as text: "process" or a lambda's parameter ("e"), then sub-objects:
"process.vad", "process.children.vad" (a collection within a collection), "process.parent.vad"
(behind a single one), "e.vad". An environment says which element stands at each place that is
settled.

A predicate is a tuple:
    ("cmp", {places it needs an element of}, function(environment))
    ("and", p, ...)   ("or", p, ...)   ("not", p)
The functions return True, False or None, which is unknown. An aggregate (Any, All, None, Count, in
a collection's field) is a "cmp" that needs nothing: what its function reads, it takes whole.

An object is a dictionary: a list in it is a collection, and a name in its "cut" has an unknown
rest; another object, None or a Reason is a single sub-object. "there" (made by Where) says of each
element of a collection whether earlier Wheres left it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

Truth: TypeAlias = "bool | None"
Predicate: TypeAlias = tuple[Any, ...]
Object: TypeAlias = dict[str, Any]
Env: TypeAlias = "Mapping[str, Any]"

REST = "an element that may be there: nothing is known of it"
SINGLE = {"parent"}
"""Sub-objects of which there is one: no element of them is chosen."""
FREE: Env = {}
"""No element is fixed."""


def kleene_and(values: Iterable[Truth]) -> Truth:
    found = list(values)
    return False if False in found else None if None in found else True


def kleene_or(values: Iterable[Truth]) -> Truth:
    found = list(values)
    return True if True in found else None if None in found else False


def kleene_not(value: Truth) -> Truth:
    return None if value is None else not value


# Places


def above(place: str) -> str:
    """The place that a sub-object is reached from."""
    return place.rpartition(".")[0]


def collections_on(place: str) -> set[str]:
    """The collections on the way to a place, itself included: an element of each is needed."""
    name = place.rpartition(".")[2]
    if name == place:
        return set()
    return collections_on(above(place)) | (set() if name in SINGLE else {place})


def at(place: str, env: Env) -> Any:
    """The object at a place; single ones are followed, null to null and unknown to unknown."""
    if place in env:
        return env[place]
    found = at(above(place), env)
    return found[place.rpartition(".")[2]] if isinstance(found, dict) else found


def present(place: str, env: Env) -> list[tuple[Any, Truth]]:
    """The elements of a collection with whether each is there; of a rest it may be."""
    owner = at(above(place), env)
    if owner is None:
        return []
    if not isinstance(owner, dict):
        return [(REST, None)]
    name = place.rpartition(".")[2]
    there = owner.get("there", {}).get(name, [True] * len(owner[name]))
    rest: list[tuple[Any, Truth]] = [(REST, None)] if name in owner.get("cut", ()) else []
    return list(zip(owner[name], there, strict=True)) + rest


def elements(place: str, env: Env) -> Iterator[tuple[Any, Truth]]:
    """What an aggregate takes: all of a collection, and all of those on the way to it that the
    group around has not bound."""
    outer = above(place)
    free = collections_on(outer) - env.keys()
    for chosen, there in choices(sorted(free), env, FREE):
        for one, is_there in present(place, chosen):
            yield one, kleene_and([there, is_there])


# Binding


def named(p: Predicate) -> set[str]:
    """The places that p names outside of aggregates."""
    return set(p[1]) if p[0] == "cmp" else set().union(*(named(q) for q in p[1:]))


def binds(place: str, p: Predicate) -> bool:
    """Can p not be true without an element of the collection?"""
    match p[0]:
        case "cmp":
            return place in p[1]
        case "and":
            return any(binds(place, q) for q in p[1:])
        case "or":
            return all(binds(place, q) for q in p[1:])
        case _:
            return False


def choices(places: Sequence[str], env: Env, fixed: Env) -> Iterator[tuple[Env, Truth]]:
    """Each choice of one element of each collection, and whether all of them are there.

    The places are sorted, so that each comes after those on the way to it.
    """
    if not places:
        yield env, True
        return
    place, *others = places
    for one, there in [(fixed[place], True)] if place in fixed else present(place, env):
        for chosen, are_there in choices(others, {**env, place: one}, fixed):
            yield chosen, kleene_and([there, are_there])


def some(places: AbstractSet[str], env: Env, fixed: Env, test: Callable[[Env], Truth]) -> Truth:
    """'Some choice of one element from each collection'; of one cut short, its rest too."""
    return kleene_or(
        kleene_and([test(chosen), there]) for chosen, there in choices(sorted(places), env, fixed)
    )


def holds(p: Predicate, env: Env, fixed: Env = FREE) -> Truth:
    """The value of p where the environment's places are settled, or bound by a group around.

    fixed: for narrowing, the one element that a quantifier may choose; it has no force under a !
    that no group binds.
    """
    match p[0]:
        case "and":
            every = {place for q in p[1:] for place in named(q)} - env.keys()
            free = {place for place in every if binds(place, p)}
            return some(free, env, fixed, lambda e: kleene_and(holds(q, e, fixed) for q in p[1:]))
        case "or":
            return kleene_or(holds(q, env, fixed) for q in p[1:])
        case "not":
            return kleene_not(holds(p[1], env))
        case "cmp":
            return some(p[1] - env.keys(), env, fixed, lambda e: ask(p, e))
        case _:
            raise ValueError(p[0])


def ask(p: Predicate, env: Env) -> Truth:
    """The value of one condition, whose places are all settled; of a rest nothing is known."""
    found: Truth = None if any(env[place] is REST for place in p[1]) else p[2](env)
    return found


# Narrowing


def positive(p: Predicate) -> set[str]:
    """The collections that p names outside of ! and aggregates: only those are narrowed."""
    match p[0]:
        case "cmp":
            return set(p[1])
        case "not":
            return set()
        case _:
            return set().union(*(positive(q) for q in p[1:]))


def where(p: Predicate, element: Object, root: str = "process") -> tuple[Truth, Object]:
    """The value of p for an element of the source, and that with its collections narrowed."""
    env = {root: element}
    return holds(p, env), _narrowed(p, root, element, env, FREE)


def _narrowed(p: Predicate, place: str, found: Object, env: Env, fixed: Env) -> Object:
    """The object at a place with what is left of its collections, at every level.

    An element of a collection within a collection is reached through one of that: both are fixed.
    Behind a single sub-object the collection is of this path, and not of the object, which others
    may reach too.
    """
    below = {name for name in _names_below(place, positive(p)) if name in found}
    there = dict(found.get("there", {}))
    inner: Object = {}
    for name in below:
        path = f"{place}.{name}"
        if name in SINGLE:
            single = found[name]
            known = isinstance(single, dict)
            inner[name] = _narrowed(p, path, single, env, fixed) if known else single
            continue
        before = there.get(name, [True] * len(found[name]))
        each = [{**fixed, path: one} for one in found[name]]
        there[name] = [
            kleene_and([was, holds(p, env, only)]) for was, only in zip(before, each, strict=True)
        ]
        inner[name] = [
            _narrowed(p, path, one, env, only) for one, only in zip(found[name], each, strict=True)
        ]
    return {**found, **inner, "there": there}


def _names_below(place: str, places: Iterable[str]) -> set[str]:
    """The sub-objects of the object at a place that lie on the way to some of the places."""
    start = f"{place}."
    return {p.removeprefix(start).partition(".")[0] for p in places if p.startswith(start)}


def chain(
    predicates: Sequence[Predicate], element: Object, root: str = "process"
) -> tuple[Truth, Object]:
    """Where(p).Where(q)...: the Kleene && of all, and the element with what they left."""
    value: Truth = True
    for p in predicates:
        found, element = where(p, element, root)
        value = kleene_and([value, found])
    return value, element


def left(found: Object, name: str) -> list[Any]:
    """The elements of a collection that are still there for sure."""
    there = found.get("there", {}).get(name, [True] * len(found[name]))
    return [one for one, is_there in zip(found[name], there, strict=True) if is_there]


def lost(found: object) -> int:
    """How many sub-objects narrowing left out because they were unknown, at every level."""
    if not isinstance(found, dict):
        return 0
    own: int = sum(there.count(None) for there in found.get("there", {}).values())
    inner = [one for name in found.get("there", {}) for one in left(found, name)]
    return own + sum(lost(one) for one in (*inner, *(found.get(name) for name in SINGLE)))
