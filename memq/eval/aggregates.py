"""Aggregates: what is asked of a whole sequence, with bounds where that is not all known.

A sequence that was cut short has an unknown rest; an element whose place is unknown may be there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from memq.column import (
    TRUE,
    Column,
    Indexes,
    Truth,
    distinct_rows,
    is_unsure,
    negation,
    some_of,
)
from memq.errors import Reason
from memq.eval import arithmetic, compare, order
from memq.eval.domain import Slot
from memq.eval.joins import matches
from memq.eval.places import RecordShape, Root
from memq.eval.reading import read_by, without
from memq.eval.terms import Aggregate, Comparison, Constant, Term
from memq.eval.widen import Widening, conjuncts, widen
from memq.merge import concatenate
from memq.node import dataclass
from memq.output.records import RecordField, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.column import Array, Statuses
    from memq.eval.domain import Domain, Extension, View
    from memq.eval.terms import Membership, Reduction
    from memq.schema.collection import Collection

_ENDLESS = 1 << 40
"""More elements than any sequence has, and few enough for sums of them to be exact."""


def quantified(term: Aggregate, domain: Domain) -> Truth:
    """Any, All or None over the whole of a sequence, the rest that was cut included.

    Each is asked as "some": All as none that is not, None as none that is.
    """
    asking, view, places = _asking(term, domain)
    result = np.zeros(asking.length, np.uint8)
    for rows, truth, extension in _asked(term, asking, view):
        result[rows] = some_of(truth, extension.origin, len(rows))
    result = result if term.operator == "Any" else negation(result)
    return result if places is None else result[places]


def _asking(term: Aggregate, domain: Domain) -> tuple[Domain, View, Indexes | None]:
    """Return the rows that ask, their sequences, and for each row which of these is its like.

    None for the latter: each row asks for itself.
    """
    free = domain.free()
    view = free.engine.view(term.sequence, free)
    alike = _alike(term, view)
    if alike is None:
        return free, view, None
    rows, places = alike
    return free.take(rows), view.take(rows), places


def _alike(term: Aggregate, view: View) -> tuple[Indexes, Indexes] | None:
    """Return rows of which each has another sequence, and for each row which of them is its like.

    All mappings of a process ask alike of `process.vad.Count()`. None where that is no gain, or
    where what is asked of an element speaks of more of the row than its sequence.
    """
    if term.body is not None and without(read_by(term.body), (term.variable,)):
        return None
    code = view.index
    if view.status is not None:
        code = np.where(code < 0, -1 - view.status.astype(np.int64), code)
    rows, places = distinct_rows(code)
    return (rows, places) if 0 < 2 * len(rows) <= len(code) else None


def _asked(
    term: Aggregate, domain: Domain, view: View
) -> Iterator[tuple[Indexes, Truth, Extension]]:
    """Ask of each element whether it is there and the body is true (for All: is not)."""
    links = () if term.operator == "All" else conjuncts(term.body)
    for rows, extension in widen(domain, view, term.variable, links).pieces():
        inner = extension.domain
        truth = np.full(inner.length, TRUE, np.uint8)
        if term.body is not None:
            truth = domain.engine.holds(term.body, inner)
        if term.operator == "All":
            truth = negation(truth)
        if extension.there is not None:
            truth = np.minimum(truth, extension.there)
        yield rows, truth, extension


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that a number may be, and where they differ, why it is not known."""

    least: Column
    most: Column
    reason: Statuses


def counts(term: Aggregate, domain: Domain) -> Bounds:
    """Count a sequence's elements: surely, and perhaps; what is missing may be any number."""
    asking, view, places = _asking(term, domain)
    sure = np.zeros(asking.length, np.int64)
    maybe = np.zeros(asking.length, np.int64)
    reason = np.zeros(asking.length, np.uint8)
    for rows, truth, extension in _asked(term, asking, view):
        origin, slot = extension.origin, extension.domain.slots[term.variable]
        unsure = is_unsure(truth)
        weights = unsure if slot.rest is None else np.where(slot.rest, _ENDLESS, 1) * unsure
        sure[rows] = np.bincount(origin[truth == TRUE], minlength=len(rows))
        maybe[rows] = np.bincount(origin, weights, minlength=len(rows))
        reason[rows] = some_of(np.where(unsure, truth, np.uint8(0)), origin, len(rows))
    if places is not None:
        sure, maybe, reason = sure[places], maybe[places], reason[places]
    return Bounds(Column(sure), Column(sure + maybe), reason)


def bounded_comparison(term: Comparison, domain: Domain) -> Truth:
    """Compare counts, which have bounds where a collection is not whole: decided if all agree."""
    if term.operator in ("==", "!="):
        # Two counts may be equal although their ends are not: they are if neither can be less.
        parts = (replace(term, operator=sign) for sign in ("<=", ">="))
        equal = np.minimum(*(bounded_comparison(part, domain) for part in parts))
        return equal if term.operator == "==" else negation(equal)
    one, other = (_bounds(operand, domain) for operand in term.operands)
    truths = [
        compare.compare(term.operator, first, second)
        for first in (one.least, one.most)
        for second in (other.least, other.most)
    ]
    low, high = np.minimum.reduce(truths), np.maximum.reduce(truths)
    return np.where(low == high, low, np.maximum(one.reason, other.reason))


def is_count(term: Term) -> bool:
    """Whether a term is a count, which has bounds."""
    return isinstance(term, Aggregate) and term.operator == "Count"


def _bounds(term: Term, domain: Domain) -> Bounds:
    if isinstance(term, Aggregate) and term.operator == "Count":
        return counts(term, domain)
    value = domain.engine.evaluate(term, domain)
    return Bounds(value, value, np.zeros(domain.length, np.uint8))


def count(term: Aggregate, domain: Domain) -> Column:
    """A count as a value: unknown where the sequence, or an element, is not known."""
    counted = counts(term, domain)
    return counted.least.also(counted.reason)


def membership(term: Membership, domain: Domain) -> Truth:
    """Whether a value equals some value of a sequence, the rest that was cut included."""
    item = domain.engine.evaluate(term.operand, domain)
    free = domain.free()
    view = free.engine.view(term.sequence, free)
    found = None
    is_null = isinstance(term.operand, Constant) and term.operand.value is None
    if not is_null and int(view.sizes().sum()) > domain.run.limits.join_above:
        found = matches(view, item, values_of(view.collection), fold=term.fold)
    result = np.zeros(domain.length, np.uint8)
    for rows, extension in Widening(free, view, _VALUE, found).pieces():
        values = extension.domain.slots[_VALUE].column(0)
        left = item.take(rows[extension.origin])
        truth = (
            compare.is_null(values)
            if is_null
            else compare.compare("==", left, values, fold=term.fold)
        )
        if extension.there is not None:
            truth = np.minimum(truth, extension.there)
        result[rows] = some_of(truth, extension.origin, len(rows))
    return result


_VALUE = Root(0, RecordShape(()))
"""The variable of the values that are looked through; no query's own has this number."""


def values_of(collection: Collection) -> Column:
    """Return the values of a collection of plain values."""
    column = collection.children.columns[0]
    if not isinstance(column, Column):
        raise TypeError("not a sequence of values")
    return column


# Sum, Min, Max, Average


def folded_view(operator: str, view: View) -> Column:
    """Return the Sum, Min, Max or Average of each row's sequence; of none it is that of nothing."""
    collection = view.collection
    if (view.index < 0).any():
        return folded(operator, view.spread())
    return folded(operator, collection).take(view.index)


def folded(operator: str, collection: Collection) -> Column:
    """Return for each sequence its Sum, Min, Max or Average; null is left out.

    Unknown where a value, or whether one belongs there, is unknown, and where it was cut short.
    """
    values = values_of(collection)
    owner, length = collection.owner, collection.parents
    present = np.flatnonzero(values.statuses == 0)
    result = _FOLDS[operator](values.take(present), owner[present], length)
    reasons = np.where(values.statuses > Reason.NULL, values.statuses, np.uint8(0))
    if collection.membership is not None:
        unsure = is_unsure(collection.membership) & (values.statuses != Reason.NULL)
        reasons = np.maximum(reasons, np.where(unsure, collection.membership, np.uint8(0)))
    reason = some_of(reasons, owner, length)
    if collection.cut is not None:
        reason = np.maximum(reason, collection.cut)
    return result.under(reason)


def _sum(values: Column, owner: Indexes, length: int) -> Column:
    """Exact sums, also where 64 bits might not hold them."""
    numbers = values.values
    if numbers.dtype.kind == "f":
        return Column(np.bincount(owner, numbers, minlength=length).astype(float))
    most = max((abs(int(edge)) for edge in _edges(numbers)), default=0)
    if most * max(1, len(numbers)) < 1 << 63:
        return Column(_added(numbers.astype(np.int64), owner, length))
    # In halves, of which 64 bits hold as many as there are.
    low = _added((numbers & 0xFFFFFFFF).astype(np.int64), owner, length).tolist()
    high = _added((numbers >> 32).astype(np.int64), owner, length).tolist()
    return arithmetic.exact_column([(two << 32) + one for one, two in zip(low, high, strict=True)])


def _added(numbers: Array, owner: Indexes, length: int) -> Array:
    total = np.zeros(length, np.int64)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    if len(starts):
        total[owner[starts]] = np.add.reduceat(numbers, starts)
    return total


def _edges(numbers: Array) -> tuple[int, ...]:
    return (int(numbers.min()), int(numbers.max())) if len(numbers) else ()


def _average(values: Column, owner: Indexes, length: int) -> Column:
    """The mean as a real number; null of nothing."""
    number = np.bincount(owner, minlength=length)
    sums = _sum(values, owner, length)
    means = sums.values.astype(float) / np.maximum(number, 1)
    return Column(means, sums.status).but(number == 0, Reason.NULL)


def _extreme(values: Column, owner: Indexes, length: int, *, last: bool) -> Column:
    """The least or the greatest value of each sequence; null of nothing."""
    ranks = order.ranks(values)
    by_rank = np.lexsort((ranks, owner))
    owners = owner[by_rank]
    edge = np.ones(len(owners), bool)
    if last:
        edge[:-1] = owners[1:] != owners[:-1]
    else:
        edge[1:] = owners[1:] != owners[:-1]
    chosen = np.full(length, -1, np.int64)
    chosen[owners[edge]] = by_rank[edge]
    status = np.where(chosen < 0, np.uint8(Reason.NULL), np.uint8(0))
    return values.spread(chosen, status if status.any() else None)


_FOLDS: dict[str, Callable[[Column, Indexes, int], Column]] = {
    "Sum": _sum,
    "Average": _average,
    "Min": lambda values, owner, length: _extreme(values, owner, length, last=False),
    "Max": lambda values, owner, length: _extreme(values, owner, length, last=True),
}


def reduced(term: Reduction, domain: Domain) -> Column:
    """Make one value of each sequence, its first elements of all sequences together, then the next.

    Unknown where it is not known which elements there are.
    """
    engine = domain.engine
    so_far = engine.evaluate(term.seed, domain)
    collection = engine.view(term.sequence, domain.free()).spread()
    starts = collection.starts()
    sizes = np.diff(starts)
    for place in range(int(sizes.max(initial=0))):
        domain.run.check()
        rows = np.flatnonzero(sizes > place)
        slot = Slot(collection.children, starts[rows] + place)
        before = Records(len(rows), (RecordField((), term.seed.type),), (so_far.take(rows),))
        own = Slot(before, np.arange(len(rows), dtype=np.int64))
        inner = domain.take(rows).settle(term.variable, slot).settle(term.so_far, own)
        next_ones = engine.evaluate(term.body, inner)
        index = np.arange(domain.length, dtype=np.int64)
        index[rows] = domain.length + np.arange(len(rows))
        so_far = concatenate([so_far, next_ones]).take(index)
    if collection.membership is not None:
        so_far = so_far.under(some_of(unsure_of(collection), collection.owner, domain.length))
    return so_far.under(collection.cut)


def unsure_of(collection: Collection) -> Truth:
    """Return for each element why its place is not known; 0 where it is there."""
    found = np.zeros(len(collection.owner), np.uint8)
    if collection.membership is not None:
        found[:] = np.where(is_unsure(collection.membership), collection.membership, np.uint8(0))
    return found
