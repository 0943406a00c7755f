"""What terms speak of: the places that they read, the collections that they name and bind.

Which collections a term *names* and which it *binds* is language.md's rule (Datalog's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.places import Pick, Place, RawStep, Step, collections_on, way_to
from memq.eval.terms import And, Not, Or, Reduction, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def spoken_of(term: Term) -> Iterator[Place]:
    """Yield the places of which a term takes one element, aggregates' own left out."""
    for one in walk(term):
        yield from one.places()


def walk(term: Term) -> Iterator[Term]:
    """Yield a term and all terms inside, those of aggregates' bodies left out."""
    stack = [term]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(current.parts())


def named(term: Term) -> frozenset[Step]:
    """The collections that a term names outside of aggregates, with those on the way to them."""
    found = frozenset[Step]()
    for one in walk(term):
        for place in one.places():
            found |= collections_on(place)
    return found


def mentioned(term: Term) -> frozenset[Step]:
    """The collections that a term speaks of at all: what an `&&` group around it may have bound.

    That takes in the bodies of aggregates, and the way to the collection that one is called on.
    """
    return frozenset(one for one in read_by(term) if isinstance(one, Step) and one.many)


def read_by(term: Term) -> frozenset[Place]:
    """Every place that a term reads, with those on the way; of aggregates what is outside them."""
    found = frozenset[Place]()
    for one in walk(term):
        found |= read_at(one.places())
        sequence, body = one.sequence_of(), one.body_of()
        if sequence is not None:
            found |= sequence.read()
        if body is not None:
            own = {body[0], one.so_far} if isinstance(one, Reduction) else {body[0]}
            found |= without(read_by(body[1]), own)
    return found


def read_at(places: Iterable[Place]) -> frozenset[Place]:
    """The places, those on the way to them, and what the sequences that they pick from read."""
    found: set[Place] = set()
    for place in places:
        for one in way_to(place):
            found.add(one)
            if isinstance(one, Pick):
                found |= one.sequence.read()
                if one.argument is not None:
                    own = {one.variable} if one.variable else set()
                    found |= without(read_by(one.argument), own)
            elif isinstance(one, RawStep) and one.argument is not None:
                found |= read_by(one.argument)
    return frozenset(found)


def without(places: frozenset[Place], own: Iterable[Place]) -> frozenset[Place]:
    """The places that do not lead through a variable of the expression's own."""
    hidden = set(own)
    return frozenset(place for place in places if hidden.isdisjoint(way_to(place)))


def bound(term: Term) -> frozenset[Step]:
    """The collections without an element of which a term cannot be true."""
    match term:
        case And():
            return frozenset[Step]().union(*(bound(part) for part in term.operands))
        case Or():
            first, *others = (bound(part) for part in term.operands)
            return first.intersection(*others)
        case Not():
            return frozenset()
        case _:
            return named(term)


def positive(term: Term) -> frozenset[Step]:
    """The collections that a term names outside of `!` and of aggregates: those that it narrows."""
    match term:
        case And() | Or():
            return frozenset[Step]().union(*(positive(part) for part in term.operands))
        case Not():
            return frozenset()
        case _:
            return named(term)
