"""Widening: a domain, extended by the elements of sequences, a bounded number of rows at a time.

Where a condition equates something of the element with something that is settled, only the pairs
that can satisfy it are made (memq.eval.joins).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.eval.domain import Domain, Extension, Slot, View, cut_rows, extend, extended
from memq.eval.joins import Matches, matches
from memq.eval.places import collections_on, way_to
from memq.eval.reading import named, read_by, walk
from memq.eval.terms import And, Comparison, Constant, Term
from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence, Set

    from memq.column import Indexes
    from memq.eval.places import Place


@dataclass(frozen=True, slots=True)
class Link:
    """A condition that an element's key equals one that is settled already."""

    inner: Term
    outer: Term
    fold: bool


@dataclass(frozen=True, slots=True)
class Widening:
    """A domain that is about to be extended by the elements of a view."""

    domain: Domain
    view: View
    variable: Place
    found: Matches | None

    def pieces(self) -> Iterator[tuple[Indexes, Extension]]:
        """Yield rows of the domain, and these extended; of a bounded length each."""
        sizes = self.view.sizes() if self.found is None else self.found.sizes()
        for rows in cut_rows(sizes, self.domain.run.limits.rows_at_once):
            self.domain.run.check()
            piece = self.domain.some(rows)
            view = self.view if piece is self.domain else self.view.take(rows)
            if self.found is None:
                yield rows, extend(piece, view, self.variable)
            else:
                pairs = self.found.pairs(rows)
                yield rows, extended(piece, view, self.variable, pairs, rest=True)


def widen(domain: Domain, view: View, variable: Place, conditions: Sequence[Term] = ()) -> Widening:
    """Prepare the extension of a domain; elements that fail the conditions may be left out."""
    found = None
    if int(view.sizes().sum()) > domain.run.limits.join_above:
        for condition in conditions:
            link = linked(condition, variable, domain.slots.keys())
            if link is not None and found is None:
                found = _matched(domain, view, variable, link)
    return Widening(domain, view, variable, found)


def conjuncts(term: Term | None) -> Sequence[Term]:
    """Return the conditions that all must be true for a term to be."""
    if term is None:
        return ()
    return term.operands if isinstance(term, And) else (term,)


def linked(condition: Term, variable: Place, settled: Set[Place]) -> Link | None:
    """Read a condition as a Link, if it is one: only `==`, one side the element's alone."""
    if not isinstance(condition, Comparison) or condition.operator != "==":
        return None
    for inner, outer in (condition.operands, condition.operands[::-1]):
        if isinstance(outer, Constant) or not named(outer) <= settled:
            continue
        if _is_of(variable, inner) and not _speaks(variable, read_by(outer)):
            return Link(inner, outer, condition.fold)
    return None


def _speaks(variable: Place, places: frozenset[Place]) -> bool:
    """Whether any of the places is reached through the variable."""
    return any(variable in way_to(place) for place in places)


def _is_of(variable: Place, term: Term) -> bool:
    """Whether a term is of the element alone, and of no collection within it."""
    places = [place for one in walk(term) for place in one.places()]
    plain = all(one.sequence_of() is None for one in walk(term))
    return (
        bool(places)
        and plain
        and all(variable in way_to(place) for place in places)
        and all(collections_on(place) <= collections_on(variable) for place in places)
    )


def _matched(domain: Domain, view: View, variable: Place, link: Link) -> Matches | None:
    engine = domain.engine
    children = view.collection.children
    slot = Slot(children)
    inner = Domain(len(children), {variable: slot}, engine, {})
    left, right = engine.evaluate(link.outer, domain), engine.evaluate(link.inner, inner)
    return matches(view, left, right, fold=link.fold)
