"""Evaluation of bound terms on domains: truth by language.md's binding rule, values by columns.

`holds` quantifies the collections that a condition names and nothing around it has settled; it is
`reference_semantics.py` on whole columns. Within an `&&`, what was found false is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from memq.column import (
    FALSE,
    TRUE,
    Column,
    Indexes,
    Truth,
    column_of,
    constant,
    disjunction,
    is_unsure,
    negation,
    some_of,
    truth_of,
)
from memq.errors import Reason
from memq.eval import arithmetic, compare, merge
from memq.eval.domain import Domain, Slot, chunks, extend
from memq.eval.methods import METHODS
from memq.eval.regexes import literal
from memq.eval.terms import (
    Aggregate,
    And,
    Arithmetic,
    Choice,
    Coalesce,
    ColumnTerm,
    Comparison,
    Constant,
    FieldTerm,
    InList,
    IsKnown,
    Membership,
    MethodCall,
    Negative,
    Not,
    Or,
    Place,
    Step,
    Term,
    bound,
    collections_on,
    depth_of,
    mentioned,
    named,
)

if TYPE_CHECKING:
    from memq.column import Statuses

Test: TypeAlias = Callable[[Domain], Truth]

_ENDLESS = 1 << 40
"""More elements than any collection has, and few enough for sums of them to be exact."""


def holds(term: Term, domain: Domain) -> Truth:
    """Return for each row of the domain whether the term is true of it."""
    match term:
        case And():
            return _group(term, domain)
        case Or():
            return _either(term.operands, domain)
        case Not():
            return negation(holds(term.operand, domain.free()))
        case _:
            free = named(term) - domain.slots.keys()
            return _some(domain, _ordered(free), lambda inner: _condition(term, inner))


def _some(domain: Domain, places: Sequence[Step], test: Test) -> Truth:
    """`Some choice of one element from each collection`, a bounded number of rows at a time."""
    if not places:
        return test(domain)
    place, *others = places
    result = np.zeros(domain.length, np.uint8)
    for rows in chunks(domain, place):
        piece = domain if len(rows) == domain.length else domain.take(rows)
        extension = extend(piece, place)
        truth = _some(extension.domain, others, test)
        if extension.there is not None:
            truth = np.minimum(truth, extension.there)
        result[rows] = some_of(truth, extension.origin, len(rows))
    return result


def _group(term: And, domain: Domain) -> Truth:
    """An `&&` group: it binds collections, and all its conditions speak of the same elements."""
    parts = sorted(term.operands, key=_price)
    binding = frozenset[Step]().union(*(bound(part) for part in parts)) - domain.slots.keys()
    tests: list[tuple[tuple[Step, ...], list[Term]]] = []
    for part in parts:
        _join_component(tests, mentioned(part) & binding, part)
    steps: list[Test] = [
        lambda d, places=places, inner=inner: _some(d, places, lambda e: _every(inner, e))  # type: ignore[misc]
        for places, inner in tests
    ]
    return _all_tests(steps, domain)


def _join_component(
    components: list[tuple[tuple[Step, ...], list[Term]]], places: frozenset[Step], part: Term
) -> None:
    """Put a condition to those that share a collection with it; what shares none is by itself.

    Collections that no condition links are not multiplied: each component is reduced by itself.
    """
    inner = [part]
    if places:
        for component in [c for c in components if places & set(c[0])]:
            components.remove(component)
            places, inner = places | set(component[0]), component[1] + inner
    components.append((_ordered(places), inner))
    components.sort(key=lambda c: (bool(c[0]), max(part.cost for part in c[1])))


def _every(parts: Sequence[Term], domain: Domain) -> Truth:
    """Kleene's and of conditions on the same rows."""
    return _all_tests([lambda d, part=part: holds(part, d) for part in parts], domain)  # type: ignore[misc]


def _all_tests(tests: Sequence[Test], domain: Domain) -> Truth:
    """Kleene's and of tests; each is made on the rows only that no earlier one found false."""
    result = np.full(domain.length, TRUE, np.uint8)
    for test in tests:
        domain.run.check()
        left = np.flatnonzero(result)
        if not len(left):
            break
        some = len(left) < domain.length
        truth = test(domain.take(left) if some else domain)
        result[left] = np.minimum(result[left], truth)
    return result


def _either(parts: Sequence[Term], domain: Domain) -> Truth:
    """Kleene's or; each part is asked of the rows only that no earlier one found true."""
    result = np.zeros(domain.length, np.uint8)
    for part in sorted(parts, key=_price):
        left = np.flatnonzero(result != TRUE)
        if not len(left):
            break
        some = len(left) < domain.length
        truth = holds(part, domain.take(left) if some else domain)
        result[left] = np.maximum(result[left], truth)
    return result


def _price(term: Term) -> tuple[bool, int]:
    """Sort conditions: those of single objects first, then the cheap ones."""
    return bool(mentioned(term)) or isinstance(term, Aggregate | Membership), term.cost


def _ordered(places: frozenset[Step]) -> tuple[Step, ...]:
    """Sort collections so that each comes after those on the way to it."""
    return tuple(sorted(places, key=lambda place: (depth_of(place), place.name)))


def _condition(term: Term, domain: Domain) -> Truth:
    """Evaluate one condition whose collections are all settled; of a rest nothing is known."""
    truth = _plain_truth(term, domain)
    for place in _read(term):
        rest = domain.slot(place).rest
        if rest is not None:
            truth = np.where(rest, rest, truth)
    return truth


def _read(term: Term) -> set[Place]:
    """The places that a condition reads by itself, not in the bodies of aggregates."""
    found = set[Place]()
    stack = [term]
    while stack:
        current = stack.pop()
        found.update(current.places())
        stack.extend(current.parts())
    return found


def _plain_truth(term: Term, domain: Domain) -> Truth:
    match term:
        case Comparison():
            return _comparison(term, domain)
        case InList():
            item = evaluate(term.operands[0], domain)
            found = [
                compare.is_null(item)
                if isinstance(other, Constant) and other.value is None
                else compare.compare("==", item, evaluate(other, domain), fold=term.fold)
                for other in term.operands[1:]
            ]
            return disjunction(found, domain.length)
        case IsKnown():
            known = evaluate(term.operand, domain).statuses <= Reason.NULL
            return np.where(known != term.negated, np.uint8(TRUE), np.uint8(FALSE))
        case Aggregate() if term.operator != "Count":
            return _aggregate(term, domain)
        case Membership():
            return _membership(term, domain)
        case And() | Or() | Not():
            return holds(term, domain)
        case _:
            return truth_of(evaluate(term, domain))


def _comparison(term: Comparison, domain: Domain) -> Truth:
    left, right = term.operands
    for this, other in ((left, right), (right, left)):
        if isinstance(other, Constant) and other.value is None and term.operator in ("==", "!="):
            truth = compare.is_null(evaluate(this, domain))
            return truth if term.operator == "==" else negation(truth)
    if isinstance(left, Aggregate) or isinstance(right, Aggregate):
        return _bounded_comparison(term, domain)
    first, second = evaluate(left, domain), evaluate(right, domain)
    return compare.compare(term.operator, first, second, fold=term.fold)


def _bounded_comparison(term: Comparison, domain: Domain) -> Truth:
    """Compare counts, which have bounds where a collection is not whole: decided if all agree."""
    if term.operator in ("==", "!="):
        # Two counts may be equal although their ends are not: they are if neither can be less.
        parts = (replace(term, operator=sign) for sign in ("<=", ">="))
        equal = np.minimum(*(_bounded_comparison(part, domain) for part in parts))
        return equal if term.operator == "==" else negation(equal)
    one, other = (_bounds(operand, domain) for operand in term.operands)
    truths = [
        compare.compare(term.operator, first, second)
        for first in (one.least, one.most)
        for second in (other.least, other.most)
    ]
    low, high = np.minimum.reduce(truths), np.maximum.reduce(truths)
    return np.where(low == high, low, np.maximum(one.reason, other.reason))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that a number may be, and where they differ, why it is not known."""

    least: Column
    most: Column
    reason: Statuses


def _bounds(term: Term, domain: Domain) -> Bounds:
    if isinstance(term, Aggregate) and term.operator == "Count":
        return _counts(term, domain)
    value = evaluate(term, domain)
    return Bounds(value, value, np.zeros(domain.length, np.uint8))


# Aggregates


def _bodies(term: Aggregate, domain: Domain, rows: Indexes) -> tuple[Truth, Indexes, Slot]:
    """Ask of each element whether it is there and the body is true (for All: is not)."""
    piece = domain if len(rows) == domain.length else domain.take(rows)
    extension = extend(piece.free(), term.place, name=term.variable)
    inner = extension.domain
    truth = np.full(inner.length, TRUE, np.uint8) if term.body is None else holds(term.body, inner)
    if term.operator == "All":
        truth = negation(truth)
    if extension.there is not None:
        truth = np.minimum(truth, extension.there)
    return truth, extension.origin, inner.slots[term.variable]


def _aggregate(term: Aggregate, domain: Domain) -> Truth:
    """Any, All or None over the whole of a collection, the rest that was cut included.

    Each is asked as "some": All as none that is not, None as none that is. A collection within
    another that nothing has settled is taken over all elements of that one.
    """
    outer = _ordered(collections_on(term.place.parent) - domain.slots.keys())
    found = _some(domain.free(), outer, lambda inner: _some_element(term, inner))
    return found if term.operator == "Any" else negation(found)


def _some_element(term: Aggregate, domain: Domain) -> Truth:
    result = np.zeros(domain.length, np.uint8)
    for rows in chunks(domain, term.place):
        truth, origin, _ = _bodies(term, domain, rows)
        result[rows] = some_of(truth, origin, len(rows))
    return result


def _counts(term: Aggregate, domain: Domain) -> Bounds:
    """Count a collection's elements: surely, and perhaps; what is missing may be any number."""
    outer = _ordered(collections_on(term.place.parent) - domain.slots.keys())
    if outer:
        return _counts_within(term, domain.free(), outer[0])
    sure = np.zeros(domain.length, np.int64)
    maybe = np.zeros(domain.length, np.int64)
    reason = np.zeros(domain.length, np.uint8)
    for rows in chunks(domain, term.place):
        truth, origin, slot = _bodies(term, domain, rows)
        unsure = is_unsure(truth)
        weights = unsure if slot.rest is None else np.where(slot.rest, _ENDLESS, 1) * unsure
        sure[rows] = np.bincount(origin[truth == TRUE], minlength=len(rows))
        maybe[rows] = np.bincount(origin, weights, minlength=len(rows))
        reason[rows] = some_of(np.where(unsure, truth, np.uint8(0)), origin, len(rows))
    return Bounds(Column(sure), Column(sure + maybe), reason)


def _counts_within(term: Aggregate, domain: Domain, outer: Step) -> Bounds:
    """Add up what is counted in each element of an outer collection."""
    extension = extend(domain, outer)
    origin, there = extension.origin, extension.there
    inner = _counts(term, extension.domain)
    least, reason = inner.least.values, inner.reason
    if there is not None:
        least = np.where(there == TRUE, least, 0)
        reason = np.maximum(reason, np.where(there == TRUE, np.uint8(0), there))
    reason = np.where(least == inner.most.values, np.uint8(0), reason)
    sums = [
        np.bincount(origin, numbers, minlength=domain.length).astype(np.int64)
        for numbers in (least, inner.most.values)
    ]
    return Bounds(Column(sums[0]), Column(sums[1]), some_of(reason, origin, domain.length))


def _membership(term: Membership, domain: Domain) -> Truth:
    """Whether a value equals the field of some element, the rest that was cut included."""
    outer = _ordered(collections_on(term.place.parent) - domain.slots.keys())
    return _some(domain.free(), outer, lambda inner: _some_equal(term, inner))


def _some_equal(term: Membership, domain: Domain) -> Truth:
    item = evaluate(term.operand, domain)
    result = np.zeros(domain.length, np.uint8)
    for rows in chunks(domain, term.place):
        extension = extend(domain.take(rows).free(), term.place)
        slot = extension.domain.slots[term.place]
        values = slot.field(term.field.name, term.field.cost)
        truth = compare.compare("==", item.take(rows[extension.origin]), values, fold=term.fold)
        if extension.there is not None:
            truth = np.minimum(truth, extension.there)
        result[rows] = some_of(truth, extension.origin, len(rows))
    return result


# Values


def evaluate(term: Term, domain: Domain) -> Column:
    """Return a term's value in each row; every collection that it names is settled."""
    match term:
        case Constant():
            return literal(term.value, domain.length)
        case FieldTerm():
            return domain.slot(term.place).field(term.field.name, term.field.cost)
        case ColumnTerm():
            return domain.slot(term.place).column(term.column)
        case Arithmetic():
            left, right = (evaluate(operand, domain) for operand in term.operands)
            return arithmetic.calculate(term.operator, left, right)
        case Negative():
            zero = constant(0, domain.length)
            return arithmetic.calculate("-", zero, evaluate(term.operand, domain))
        case MethodCall():
            return METHODS[term.method].function(
                [evaluate(operand, domain) for operand in term.operands], term.fold
            )
        case Choice():
            return _choice(term, domain)
        case Coalesce():
            first, second = (evaluate(operand, domain) for operand in term.operands)
            return merge.where(first.known, first, second)
        case Aggregate() if term.operator == "Count":
            return _count(term, domain)
    return column_of(_plain_truth(term, domain))


def _choice(term: Choice, domain: Domain) -> Column:
    """The one or the other; where the condition is unknown, so is the value."""
    condition = holds(term.operands[0], domain)
    yes, no = (evaluate(operand, domain) for operand in term.operands[1:])
    chosen = merge.where(condition == TRUE, yes, no)
    return chosen.under(np.where(is_unsure(condition), condition, np.uint8(0)))


def _count(term: Aggregate, domain: Domain) -> Column:
    """A count as a value: unknown where the collection, or an element, is not known."""
    counted = _counts(term, domain)
    return counted.least.also(counted.reason)
