"""A plain interpreter of the methods of series: lists in Python, one element after the other.

It is written from the language's page and from what LINQ does, as simply as can be, and has nothing
in common with memq/eval. A value is itself, None (null) or UNKNOWN. An element is a Thing (equal
by kind and key), a dictionary (a record), a plain value, or a Sequence (a list).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Unknown(Enum):
    """What is not known, for whatever reason."""

    UNKNOWN = "?"


class Rest(Enum):
    """What stands for the elements that nobody has seen."""

    REST = "..."


UNKNOWN = Unknown.UNKNOWN
REST = Rest.REST
Truth: TypeAlias = "bool | Unknown"
"""True, False, or UNKNOWN."""
Made: TypeAlias = "Callable[[Any], Any]"
"""What makes a value of an element."""


@dataclass(frozen=True)
class Thing:
    """An object: what it is known by, and what it has."""

    kind: str
    key: tuple[int, ...]
    fields: dict[str, Any] = field(compare=False, hash=False)


@dataclass
class Sequence:
    """Elements, for each whether it is there, and whether more may be that nobody has seen."""

    items: list[tuple[Any, Truth]]
    cut: bool = False

    def keep(self, truths: Iterable[Truth]) -> Sequence:
        """Return the elements that are there, or may be, and of which a truth is not false."""
        found = [
            (element, both(there, truth))
            for (element, there), truth in zip(self.items, truths, strict=True)
        ]
        return Sequence([one for one in found if one[1] is not False], self.cut)

    @property
    def unsure(self) -> int:
        """How many elements may be there, or not."""
        return sum(there is UNKNOWN for _, there in self.items)

    @property
    def is_whole(self) -> bool:
        """Whether it is known which elements there are."""
        return not self.cut and not self.unsure

    @property
    def elements(self) -> list[Any]:
        """All elements, those that may be there too."""
        return [element for element, _ in self.items]


# Three values


def _rank(one: Truth) -> int:
    return 1 if one is UNKNOWN else 2 * one


def truth(value: Any) -> Truth:
    """A value as a condition: null is false."""
    return UNKNOWN if value is UNKNOWN else bool(value)


def both(*truths: Truth) -> Truth:
    """Kleene's and."""
    return min(truths, key=_rank, default=True)


def some(truths: Iterable[Truth]) -> Truth:
    """Kleene's or."""
    return max(truths, key=_rank, default=False)


def opposite(one: Truth) -> Truth:
    """Kleene's not."""
    return UNKNOWN if one is UNKNOWN else not one


def equal(one: Any, other: Any) -> Truth:
    """Whether two values are equal as `==` has it: null is equal to nothing."""
    if {UNKNOWN, REST} & {one, other}:
        return UNKNOWN
    return one is not None and other is not None and bool(one == other)


def less(one: Any, other: Any) -> Truth:
    """Whether a value is less than another; null is not."""
    if {UNKNOWN, REST} & {one, other}:
        return UNKNOWN
    return one is not None and other is not None and bool(one < other)


# Stages that keep elements


def sure(series: Sequence) -> Sequence:
    """Only those that are there for sure."""
    return Sequence([one for one in series.items if one[1] is True], series.cut)


def where(series: Sequence, condition: Made) -> Sequence:
    return series.keep(truth(condition(element)) for element in series.elements)


def select(series: Sequence, make: Made) -> Sequence:
    return Sequence([(make(element), there) for element, there in series.items], series.cut)


def let(series: Sequence, name: str, make: Made) -> Sequence:
    def extended(element: Any) -> Any:
        added = {name: make(element)}
        if isinstance(element, Thing):
            return Thing(element.kind, element.key, element.fields | added)
        return element | added

    return select(series, extended)


def select_many(series: Sequence, inner: Callable[[Any], Sequence]) -> Sequence:
    found, cut = [], series.cut
    for element, there in series.items:
        inside = inner(element)
        found += [(one, both(there, its)) for one, its in inside.items]
        cut = cut or inside.cut
    return Sequence(found, cut)


def flatten(series: Sequence) -> Sequence:
    return select_many(series, lambda element: element)


def flatten_column(series: Sequence, name: str) -> Sequence:
    """One record for each item of the list in a column, the other columns beside it."""
    return select_many(
        series, lambda record: select(record[name], lambda item: {**record, name: item})
    )


def order(series: Sequence, keys: list[tuple[Made, bool]]) -> Sequence:
    """Sorted by keys, each with whether it descends: null is smallest, unknown last."""
    items = list(series.items)
    for make, descending in reversed(keys):
        values = [(make(element), (element, there)) for element, there in items]
        known = [one for one in values if one[0] is not UNKNOWN]
        # Python's sort keeps the order of equal ones, the greatest first, too.
        known.sort(key=lambda one: (one[0] is not None, one[0] or 0), reverse=descending)
        items = [item for _, item in [*known, *(one for one in values if one[0] is UNKNOWN)]]
    return Sequence(items, series.cut)


def reverse(series: Sequence) -> Sequence:
    return Sequence(series.items[::-1], series.cut)


def _is_before(series: Sequence, count: int) -> list[Truth]:
    """Whether each element is among the first so many; those that are missing may stand before."""
    found: list[Truth] = []
    least = 0
    for most, (_, there) in enumerate(series.items):
        is_sure = most < count and not series.cut
        found.append(True if is_sure else UNKNOWN if least < count else False)
        least += there is True
    return found


def take(series: Sequence, count: int) -> Sequence:
    return series.keep(_is_before(series, count))


def skip(series: Sequence, count: int) -> Sequence:
    return series.keep(opposite(one) for one in _is_before(series, count))


def _runs(series: Sequence, condition: Made) -> list[Truth]:
    """For each element, whether the condition is true of all there are up to it, itself too."""
    found: list[Truth] = []
    so_far: Truth = UNKNOWN if series.cut else True
    for element, there in series.items:
        so_far = both(so_far, some([opposite(there), truth(condition(element))]))
        found.append(so_far)
    return found


def take_while(series: Sequence, condition: Made) -> Sequence:
    runs = _runs(series, condition)
    own = [truth(condition(element)) for element in series.elements]
    return series.keep(both(*one) for one in zip(runs, own, strict=True))


def skip_while(series: Sequence, condition: Made) -> Sequence:
    """Those of which it is false that the condition was true of all up to them."""
    found: list[Truth] = []
    before: Truth = UNKNOWN if series.cut else True
    for element, there in series.items:
        # If this one is there, it is given unless the condition holds of all before it and of it.
        holds = truth(condition(element))
        found.append(opposite(both(before, holds)))
        before = both(before, some([opposite(there), holds]))
    return series.keep(found)


# Stages of equality


def same(one: Any, other: Any) -> bool:
    """Equality as sets have it: null is one value, each unknown is equal only to itself."""
    if isinstance(one, dict):
        return all(same(one[name], other[name]) for name in one)
    return one is not UNKNOWN and other is not UNKNOWN and _is(one, other)


def _is(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def distinct(series: Sequence) -> Sequence:
    """Each once, where it is first; it is there if any of its like is."""
    found: list[tuple[Any, Truth]] = []
    for element, there in series.items:
        place = next((n for n, one in enumerate(found) if same(one[0], element)), None)
        if place is None:
            found.append((element, there))
        else:
            found[place] = (found[place][0], some([found[place][1], there]))
    return Sequence(found, series.cut)


def distinct_by(series: Sequence, key: Made) -> Sequence:
    """Those before which none of an equal key is."""
    truths = []
    for place, element in enumerate(series.elements):
        alike = [its for one, its in series.items[:place] if same(key(one), key(element))]
        truths.append(opposite(some(alike)))
    return series.keep(truths)


def group(series: Sequence, key: Made) -> Sequence:
    """Records {key, items} by first appearance; what is unknown is one group, the last."""
    groups: list[tuple[Any, list[tuple[Any, Truth]]]] = []
    for element, there in series.items:
        value = key(element)
        for known, items in groups:
            if _is(known, value):
                items.append((element, there))
                break
        else:
            groups.append((value, [(element, there)]))
    groups.sort(key=lambda one: one[0] is UNKNOWN)
    return Sequence(
        [
            ({"key": value, "items": Sequence(items, series.cut)}, some(its for _, its in items))
            for value, items in groups
        ],
        series.cut,
    )


def certain_start(series: Sequence) -> Sequence:
    """What stands before the first element that may be missing; the rest is not known."""
    items = [] if series.cut else series.items
    place = next((n for n, (_, there) in enumerate(items) if there is UNKNOWN), len(items))
    return Sequence(items[:place], series.cut or place < len(items))


def chunk(series: Sequence, size: int) -> Sequence:
    """Lists of so many elements; after one that may be missing no list is known."""
    start = certain_start(series)
    lists = [start.items[n : n + size] for n in range(0, len(start.items), size)]
    return Sequence([(Sequence(items, start.cut), True) for items in lists], start.cut)


# Two series


def concat(series: Sequence, other: Sequence) -> Sequence:
    return Sequence([*series.items, *other.items], series.cut or other.cut)


def union(series: Sequence, other: Sequence) -> Sequence:
    return distinct(concat(series, other))


def _is_in(element: Any, other: Sequence) -> Truth:
    rest = [UNKNOWN] if other.cut else []
    return some([*rest, *(its for one, its in other.items if same(one, element))])


def intersect(series: Sequence, other: Sequence) -> Sequence:
    return distinct(series.keep(_is_in(element, other) for element in series.elements))


def except_(series: Sequence, other: Sequence) -> Sequence:
    return distinct(series.keep(opposite(_is_in(one, other)) for one in series.elements))


@dataclass
class Partners:
    """Those of an element in a join: which are found, and whether there may be others."""

    found: list[tuple[Any, Truth]]
    doubt: bool

    @property
    def is_sure(self) -> bool:
        """Whether there is one for sure."""
        return any(there is True for _, there in self.found)


def partners(element: Any, other: Sequence, keys: tuple[Made, Made]) -> Partners:
    """The elements of the other series with an equal key; null is equal to none."""
    own = keys[0](element)
    truths = [(one, there, equal(own, keys[1](one))) for one, there in other.items]
    found = [(one, there) for one, there, matches in truths if matches is True]
    unknown = any(matches is UNKNOWN for _, _, matches in truths)
    return Partners(found, own is UNKNOWN or (own is not None and (other.cut or unknown)))


@dataclass
class Joined:
    """The pairs of a join, and how many elements may have partners of which none is found."""

    pairs: Sequence
    undecided: int


def join(
    series: Sequence, other: Sequence, keys: tuple[Made, Made], make: Callable[[Any, Any], Any]
) -> Joined:
    """A record for each pair of equal keys."""
    pairs: list[tuple[Any, Truth]] = []
    undecided, cut = 0, series.cut
    for element, there in series.items:
        own = partners(element, other, keys)
        pairs += [(make(element, one), both(there, its)) for one, its in own.found]
        undecided += own.doubt and not own.is_sure
        cut = cut or own.doubt
    return Joined(Sequence(pairs, cut), undecided)


def left_join(
    series: Sequence, other: Sequence, keys: tuple[Made, Made], make: Callable[[Any, Any], Any]
) -> Joined:
    """The same; what has no partner for sure stands there once, null or unknown beside it."""
    pairs: list[tuple[Any, Truth]] = []
    cut = series.cut
    for element, there in series.items:
        own = partners(element, other, keys)
        if own.is_sure:
            pairs += [(make(element, one), both(there, its)) for one, its in own.found]
        else:
            beside = UNKNOWN if own.doubt or own.found else None
            pairs.append((make(element, beside), there))
        cut = cut or own.doubt or (bool(own.found) and not own.is_sure)
    return Joined(Sequence(pairs, cut), 0)


def anti_join(series: Sequence, other: Sequence, keys: tuple[Made, Made]) -> Sequence:
    """Those without a partner; not known where there may be one."""
    truths: list[Truth] = []
    for element in series.elements:
        own = partners(element, other, keys)
        doubt = [UNKNOWN] if own.doubt else []
        truths.append(opposite(some([*doubt, *(its for _, its in own.found)])))
    return series.keep(truths)


def zip_(series: Sequence, other: Sequence, make: Callable[[Any, Any], Any]) -> Sequence:
    """Pairs at equal places, as far as the places are known."""
    one, two = certain_start(series), certain_start(other)
    pairs = zip(one.elements, two.elements, strict=False)
    return Sequence([(make(*pair), True) for pair in pairs], one.cut or two.cut)
