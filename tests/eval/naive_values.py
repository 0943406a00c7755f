"""What one value the naive interpreter makes of a series: picks, truths, sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.eval.naive import (
    REST,
    UNKNOWN,
    Sequence,
    both,
    equal,
    group,
    opposite,
    reverse,
    select,
    skip,
    some,
    truth,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.eval.naive import Made, Truth

# One element


def first(series: Sequence) -> Any:
    """The first; unknown where another may stand before it, or anything is missing."""
    if series.cut:
        return UNKNOWN
    for element, there in series.items:
        return element if there is True else UNKNOWN
    return None


def last(series: Sequence) -> Any:
    return first(reverse(series))


def single(series: Sequence) -> Any:
    """The only one; of several, none is it."""
    if not series.is_whole or len(series.items) > 1:
        return UNKNOWN
    return first(series)


def element_at(series: Sequence, index: int) -> Any:
    if index < 0:
        return element_at(reverse(series), -1 - index)
    return first(skip(series, index))


def extreme_by(series: Sequence, key: Made, *, greatest: bool) -> Any:
    """The first of the least, or the greatest, key; null is left out."""
    keys = [key(element) for element in series.elements]
    if not series.is_whole or UNKNOWN in keys:
        return UNKNOWN
    left = [(value, one) for value, one in zip(keys, series.elements, strict=True)]
    left = [one for one in left if one[0] is not None]
    if not left:
        return None
    edge = (max if greatest else min)(value for value, _ in left)
    return next(one for value, one in left if value == edge)


# One value


def any_(series: Sequence, condition: Made) -> Truth:
    # What nobody has seen may be there; a condition that does not speak of it is decided.
    items = [*series.items, *([(REST, UNKNOWN)] if series.cut else [])]
    return some(both(there, truth(condition(one))) for one, there in items)


def all_(series: Sequence, condition: Made) -> Truth:
    return opposite(any_(series, lambda one: opposite(truth(condition(one)))))


def none(series: Sequence, condition: Made) -> Truth:
    return opposite(any_(series, condition))


def count_bounds(series: Sequence, condition: Made = lambda _: True) -> tuple[int, float]:
    """How many there are at least, and at most."""
    found = where(series, condition)
    endless = series.cut and truth(condition(REST)) is not False
    return len(found.items) - found.unsure, float("inf") if endless else len(found.items)


def count(series: Sequence, condition: Made = lambda _: True) -> Any:
    """How many there are; unknown if that is not known."""
    least, most = count_bounds(series, condition)
    return least if least == most else UNKNOWN


def contains(series: Sequence, value: Any) -> Truth:
    return any_(series, lambda one: equal(value, one))


def fold(series: Sequence, operator: str) -> Any:
    """Sum, Min, Max or Average of values; null is left out."""
    left = [(value, there) for value, there in series.items if value is not None]
    if series.cut or any(UNKNOWN in one for one in left):
        return UNKNOWN
    values = [value for value, _ in left]
    if operator == "Sum":
        return sum(values)
    if not values:
        return None
    if operator == "Average":
        return sum(values) / len(values)
    return min(values) if operator == "Min" else max(values)


def aggregate(series: Sequence, seed: Any, make: Callable[[Any, Any], Any]) -> Any:
    so_far = seed
    for element in series.elements:
        so_far = make(so_far, element)
    return so_far if series.is_whole else UNKNOWN


def count_by(series: Sequence, key: Made) -> Sequence:
    return select(group(series, key), lambda one: {"key": one["key"], "count": count(one["items"])})
