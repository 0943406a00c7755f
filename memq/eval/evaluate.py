"""Evaluation of bound terms on domains: truth by language.md's binding rule, values by columns.

`holds` quantifies the collections that a condition names and nothing around it has settled; it is
`reference_semantics.py` on whole columns. Within an `&&`, what was found false is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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
from memq.eval.domain import Domain, chunks, extend, rest_reasons
from memq.eval.methods import METHODS
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
    from numpy.typing import NDArray

Test: TypeAlias = Callable[[Domain], Truth]


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
    truths = [
        compare.compare(term.operator, one, two)
        for one in _ends(term.operands[0], domain)
        for two in _ends(term.operands[1], domain)
    ]
    low, high = np.minimum.reduce(truths), np.maximum.reduce(truths)
    return np.where(low == high, low, np.uint8(Reason.CUT_SHORT))


def _ends(term: Term, domain: Domain) -> tuple[Column, ...]:
    """The least and the most that a count may be; of any other term its value."""
    if not isinstance(term, Aggregate) or term.operator != "Count":
        return (evaluate(term, domain),)
    sure, maybe, endless = _counts(term, domain)
    most = np.where(endless, np.int64(1 << 62), sure + maybe)
    return Column(sure), Column(most)


# Aggregates


def _bodies(term: Aggregate, domain: Domain, rows: Indexes) -> tuple[Truth, Truth | None, Indexes]:
    """Ask the body of each element: (truth, whether it is there, row of the domain)."""
    piece = domain if len(rows) == domain.length else domain.take(rows)
    extension = extend(piece.free(), term.place, name=term.variable)
    inner = extension.domain
    truth = np.full(inner.length, TRUE, np.uint8) if term.body is None else holds(term.body, inner)
    return truth, extension.there, extension.origin


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
        truth, there, origin = _bodies(term, domain, rows)
        if term.operator == "All":
            truth = negation(truth)
        if there is not None:
            truth = np.minimum(truth, there)
        result[rows] = some_of(truth, origin, len(rows))
    return result


def _counts(term: Aggregate, domain: Domain) -> tuple[Indexes, Indexes, NDArray[np.bool_]]:
    """Count a collection's elements: surely, perhaps besides, and whether there is no end to it."""
    outer = _ordered(collections_on(term.place.parent) - domain.slots.keys())
    if outer:
        return _counts_within(term, domain.free(), outer[0])
    sure = np.zeros(domain.length, np.int64)
    maybe = np.zeros(domain.length, np.int64)
    for rows in chunks(domain, term.place):
        truth, there, origin = _bodies(term, domain, rows)
        truth = truth if there is None else np.minimum(truth, there)
        sure[rows] = np.bincount(origin[truth == TRUE], minlength=len(rows))
        maybe[rows] = np.bincount(origin[is_unsure(truth)], minlength=len(rows))
    return sure, maybe, rest_reasons(domain, term.place) > Reason.NULL


def _counts_within(
    term: Aggregate, domain: Domain, outer: Step
) -> tuple[Indexes, Indexes, NDArray[np.bool_]]:
    """Add up what is counted in each element of an outer collection."""
    extension = extend(domain, outer)
    sure, maybe, endless = _counts(term, extension.domain)
    if extension.there is not None:
        perhaps = extension.there != TRUE
        maybe, sure = np.where(perhaps, sure + maybe, maybe), np.where(perhaps, 0, sure)
    length, origin = domain.length, extension.origin
    return (
        np.bincount(origin, sure, minlength=length).astype(np.int64),
        np.bincount(origin, maybe, minlength=length).astype(np.int64),
        np.bincount(origin, endless, minlength=length) > 0,
    )


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
            return constant(term.value, domain.length)
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
    sure, maybe, endless = _counts(term, domain)
    return Column(sure).but(endless | (maybe > 0), Reason.CUT_SHORT)
