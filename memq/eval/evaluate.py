"""Evaluation of bound terms on domains: truth by language.md's binding rule, values by columns.

`holds` quantifies the collections that a condition names and nothing around it has settled; it is
`reference_semantics.py` on whole columns. Within an `&&`, what was found false is not asked again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from memq.column import (
    TRUE,
    Column,
    Text,
    Truth,
    column_of,
    constant,
    disjunction,
    is_unsure,
    negation,
    possible,
    some_of,
    surely,
    truth_of,
)
from memq.errors import Reason, Span
from memq.eval import aggregates, arithmetic, compare
from memq.eval.domain import fixed_extension
from memq.eval.methods import METHODS
from memq.eval.places import Step, ordered, way_to
from memq.eval.reading import bound, mentioned, named, read_by, walk
from memq.eval.regexes import literal
from memq.eval.series import PlaceSeries
from memq.eval.terms import (
    Aggregate,
    And,
    Arithmetic,
    Choice,
    Coalesce,
    ColumnTerm,
    Comparison,
    Constant,
    ExtraTerm,
    FieldTerm,
    Fold,
    InList,
    IsKnown,
    Membership,
    MethodCall,
    Negative,
    Not,
    ObjectTerm,
    Or,
    RawTerm,
    Reduction,
    Term,
)
from memq.eval.widen import widen
from memq.merge import where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from memq.column import Indexes
    from memq.eval.domain import Domain, Extension
    from memq.eval.places import Place

_FEW = 8
"""How many literals of a list are compared one by one."""


def holds(term: Term, domain: Domain) -> Truth:
    """Return for each row of the domain whether the term is true of it."""
    domain.run.check()
    match term:
        case And():
            return _group(term, domain)
        case Or():
            return _either(term.operands, domain)
        case Not():
            return negation(holds(term.operand, domain.free()))
        case _:
            free = named(term) - domain.slots.keys()
            return _some(domain, ordered(free), [term]) if free else _condition(term, domain)


def _some(domain: Domain, places: Sequence[Step], parts: Sequence[Term]) -> Truth:
    """`Some choice of one element from each collection` of which all parts are true.

    Each part is asked as soon as all that it speaks of is chosen, before the next collection is.
    """
    if not places:
        return _every(parts, domain)
    place, *others = places
    later = [part for part in parts if mentioned(part) & set(others)]
    now = [part for part in parts if part not in later]
    result = np.zeros(domain.length, np.uint8)
    for rows, extension in _choices(domain, place, now):
        truth = _every(now, extension.domain)
        if others:
            left = possible(truth)
            more = np.minimum(truth[left], _some(extension.domain.some(left), others, later))
            truth = np.zeros(len(truth), np.uint8)
            truth[left] = more
        if extension.there is not None:
            truth = np.minimum(truth, extension.there)
        result[rows] = some_of(truth, extension.origin, len(rows))
    return result


def _choices(
    domain: Domain, place: Step, conditions: Sequence[Term]
) -> Iterator[tuple[Indexes, Extension]]:
    """Yield pieces of the domain, extended by the elements that a quantifier may choose."""
    if place in domain.fixed:
        yield np.arange(domain.length, dtype=np.int64), fixed_extension(domain, place)
        return
    series = PlaceSeries(Span(0, 0), place.type, place)
    view = domain.engine.view(series, domain)
    yield from widen(domain, view, place, conditions).pieces()


def _group(term: And, domain: Domain) -> Truth:
    """An `&&` group: it binds collections, and all its conditions speak of the same elements."""
    parts = term.operands
    binding = bound(term) - domain.slots.keys()
    components = _components(parts, binding)
    return _conjunction(
        (partial(_some, places=one, parts=inner) for one, inner in components), domain
    )


def _components(
    parts: Sequence[Term], binding: frozenset[Step]
) -> list[tuple[tuple[Step, ...], list[Term]]]:
    """Put together the conditions that share a collection; those of none come first.

    Collections that no condition links are not multiplied: each component is reduced by itself.
    """
    alone: list[Term] = []
    linked: dict[Step, tuple[set[Step], list[Term]]] = {}
    for part in parts:
        places = mentioned(part) & binding
        if not places:
            alone.append(part)
            continue
        found = {id(linked[place]): linked[place] for place in places if place in linked}
        joined, inner = next(iter(found.values()), (set(), []))
        for others, more in list(found.values())[1:]:
            joined |= others
            inner.extend(more)
        joined |= places
        inner.append(part)
        linked.update(dict.fromkeys(joined, (joined, inner)))
    components = {id(component): component for component in linked.values()}.values()
    dearest = sorted(components, key=lambda one: max(part.cost for part in one[1]))
    bound_ones = [(ordered(frozenset(places)), inner) for places, inner in dearest]
    return [((), alone), *bound_ones] if alone else bound_ones


def _every(parts: Sequence[Term], domain: Domain) -> Truth:
    """Kleene's and of conditions; each is asked only where no earlier one is false."""
    return _conjunction((partial(holds, part) for part in parts), domain)


def _conjunction(asked: Iterable[Callable[[Domain], Truth]], domain: Domain) -> Truth:
    """Kleene's and of what is asked; each of the rows only of which no earlier one is false."""
    result = None
    for ask in asked if domain.length else ():
        if result is None:
            result = ask(domain)
            continue
        left = possible(result)
        if len(left) == domain.length:
            result = np.minimum(result, ask(domain))
        elif len(left):
            more = np.minimum(result[left], ask(domain.take(left)))
            result = np.zeros(domain.length, np.uint8)
            result[left] = more
    return np.full(domain.length, TRUE, np.uint8) if result is None else result


def _either(parts: Sequence[Term], domain: Domain) -> Truth:
    """Kleene's or; each part is asked of the rows only that no earlier one found true."""
    result = np.zeros(domain.length, np.uint8)
    for number, part in enumerate(parts if domain.length else ()):
        if not number:
            result = np.maximum(result, holds(part, domain))
            continue
        left = np.flatnonzero(result != TRUE)
        if not len(left):
            break
        result[left] = np.maximum(result[left], holds(part, domain.some(left)))
    return result


def _condition(term: Term, domain: Domain) -> Truth:
    """Evaluate one condition whose collections are all settled; of a rest nothing is known."""
    truth = _plain_truth(term, domain)
    rests = {place: slot.rest for place, slot in domain.slots.items() if slot.rest is not None}
    for place in rests.keys() & _read(term) if rests else ():
        rest = rests[place]
        truth = np.where(rest, rest, truth)
    return truth


def _read(term: Term) -> frozenset[Place]:
    """The places that a condition reads by itself, with those on the way.

    What decides although something is unknown must not do so of what nobody has seen: there, what
    picks and aggregates depend on counts, too.
    """
    if any(isinstance(one, IsKnown | Coalesce) for one in walk(term)):
        return read_by(term)
    return frozenset(
        on_way for one in walk(term) for place in one.places() for on_way in way_to(place)
    )


def _plain_truth(term: Term, domain: Domain) -> Truth:
    match term:
        case Comparison():
            return _comparison(term, domain)
        case InList():
            return _in_list(term, domain)
        case IsKnown():
            known = evaluate(term.operand, domain).statuses <= Reason.NULL
            return surely(known != term.negated)
        case Aggregate() if term.operator != "Count":
            return aggregates.quantified(term, domain)
        case Membership():
            return aggregates.membership(term, domain)
        case And() | Or() | Not():
            return holds(term, domain)
        case _:
            return truth_of(evaluate(term, domain))


def _in_list(term: InList, domain: Domain) -> Truth:
    item, *others = term.operands
    column = evaluate(item, domain)
    literals = [one.value for one in others if isinstance(one, Constant)]
    found = []
    for kind in (str, int):
        # Indicators come by the thousand; a few are faster one by one.
        many = [value for value in literals if type(value) is kind]
        if len(many) > _FEW and isinstance(column, Text) == (kind is str):
            found.append(compare.among(column, many, fold=term.fold))
            others = [one for one in others if type(getattr(one, "value", None)) is not kind]
    found += [
        compare.is_null(column)
        if isinstance(other, Constant) and other.value is None
        else compare.compare("==", column, evaluate(other, domain), fold=term.fold)
        for other in others
    ]
    return disjunction(found, domain.length)


def _comparison(term: Comparison, domain: Domain) -> Truth:
    left, right = term.operands
    for this, other in ((left, right), (right, left)):
        if isinstance(other, Constant) and other.value is None and term.operator in ("==", "!="):
            truth = compare.is_null(evaluate(this, domain))
            return truth if term.operator == "==" else negation(truth)
    if aggregates.is_count(left) or aggregates.is_count(right):
        return aggregates.bounded_comparison(term, domain)
    first, second = evaluate(left, domain), evaluate(right, domain)
    return compare.compare(term.operator, first, second, fold=term.fold)


# Values


def evaluate(term: Term, domain: Domain) -> Column:
    """Return a term's value in each row; every collection that it names is settled."""
    domain.run.check()
    match term:
        case Constant():
            return literal(term.value, domain.length)
        case FieldTerm() | ColumnTerm() | ExtraTerm() | ObjectTerm() | RawTerm():
            return _at_place(term, domain)
        case Arithmetic():
            left, right = (evaluate(operand, domain) for operand in term.operands)
            return arithmetic.calculate(term.operator, left, right)
        case Negative():
            zero = constant(0, domain.length)
            return arithmetic.calculate("-", zero, evaluate(term.operand, domain))
        case MethodCall():
            columns = [evaluate(operand, domain) for operand in term.operands]
            return METHODS[term.method].function(columns, term.fold, domain.run.check)
        case Choice():
            return _choice(term, domain)
        case Coalesce():
            first, second = (evaluate(operand, domain) for operand in term.operands)
            return where(first.known, first, second)
        case _:
            return _whole(term, domain)


def _at_place(
    term: FieldTerm | ColumnTerm | ExtraTerm | ObjectTerm | RawTerm, domain: Domain
) -> Column:
    """Return what stands at a place: a field, a column, an added or a raw value."""
    slot = domain.slot(term.place)
    match term:
        case FieldTerm(field=field):
            return slot.field(field.name, field.cost)
        case ColumnTerm(column=column):
            return slot.column(column)
        case ExtraTerm(name=name):
            return slot.added(name)
        case ObjectTerm():
            return Column(slot.index, slot.status)
        case RawTerm(is_address=is_address):
            return domain.engine.raw_value(slot, is_address=is_address)


def _whole(term: Term, domain: Domain) -> Column:
    """Return the value of what takes all of a sequence, or of a condition."""
    match term:
        case Aggregate(operator="Count"):
            return aggregates.count(term, domain)
        case Fold():
            free = domain.free()
            return aggregates.folded_view(term.operator, free.engine.view(term.sequence, free))
        case Reduction():
            return aggregates.reduced(term, domain)
        case _:
            return column_of(_plain_truth(term, domain))


def _choice(term: Choice, domain: Domain) -> Column:
    """The one or the other; where the condition is unknown, so is the value."""
    condition = holds(term.operands[0], domain)
    yes, no = (evaluate(operand, domain) for operand in term.operands[1:])
    chosen = where(condition == TRUE, yes, no)
    return chosen.under(np.where(is_unsure(condition), condition, np.uint8(0)))
