"""Integers calculated a column at a time, where what comes out surely fits 64 bits.

The lowest 64 bits of a result are the same whether the operands are read with a sign or without;
the range in which results must lie, by the operands' least and greatest, decides how to read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from memq.column import Array, Column
from memq.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

Range: TypeAlias = "tuple[int, int]"
"""The least and the greatest that a value may be."""

_SIGNED: Range = (-(1 << 63), (1 << 63) - 1)
_UNSIGNED: Range = (0, (1 << 64) - 1)


def calculated(sign: str, first: Array, second: Array) -> Column | None:
    """Return first sign second, row by row; None if a result may not fit 64 bits."""
    if first.dtype.kind not in "iu" or second.dtype.kind not in "iu":
        return None
    if not len(first):
        return Column(np.zeros(0, np.int64))
    if sign in ("/", "%"):
        return _divided(sign, first, second)
    if sign in ("<<", ">>"):
        return _shifted(sign, first, second)
    between, function = _OPERATORS[sign]
    return _read(function(_bits(first), _bits(second)), between(_range(first), _range(second)))


def _range(values: Array) -> Range:
    return int(values.min()), int(values.max())


def _bits(values: Array) -> Array:
    return values.astype(np.int64).view(np.uint64) if values.dtype.kind == "i" else values


def _is_within(inner: Range, outer: Range) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _read(bits: Array, between: Range) -> Column | None:
    """Read bits as numbers of a range: without a sign only where they do not fit otherwise."""
    if _is_within(between, _SIGNED):
        return Column(bits.view(np.int64))
    if not _is_within(between, _UNSIGNED):
        return None
    return Column(bits if int(bits.max()) > _SIGNED[1] else bits.view(np.int64))


def _sum(one: Range, two: Range) -> Range:
    return one[0] + two[0], one[1] + two[1]


def _difference(one: Range, two: Range) -> Range:
    return one[0] - two[1], one[1] - two[0]


def _product(one: Range, two: Range) -> Range:
    corners = [a * b for a in one for b in two]
    return min(corners), max(corners)


def _common(one: Range, two: Range) -> Range:
    """Of `&`: what one operand cannot have, the result cannot have."""
    highs = [high for low, high in (one, two) if low >= 0]
    return (0, min(highs)) if highs else _SIGNED


def _either(one: Range, two: Range) -> Range:
    """Of `|` and `^`; a negative number and one of 64 bits have more than 64 together."""
    return _UNSIGNED if one[0] >= 0 and two[0] >= 0 else (_SIGNED[0], max(one[1], two[1]))


_OPERATORS: dict[str, tuple[Callable[[Range, Range], Range], Callable[[Array, Array], Array]]] = {
    "+": (_sum, np.add),
    "-": (_difference, np.subtract),
    "*": (_product, np.multiply),
    "&": (_common, np.bitwise_and),
    "|": (_either, np.bitwise_or),
    "^": (_either, np.bitwise_xor),
}


def _shifted(sign: str, first: Array, second: Array) -> Column | None:
    """Shift; too far is unknown."""
    fits = (second >= 0) & (second < 64)
    counts = np.where(fits, second, 0).astype(np.uint64)
    one, (least, most) = _range(first), _range(counts)
    if sign == ">>":
        signed = first.dtype.kind == "i"
        by = counts.astype(np.int64) if signed else counts
        found = _read(_bits(np.right_shift(first, by)), (min(one[0], 0), max(one[1], 0)))
    else:
        found = _read(_bits(first) << counts, _product(one, (1 << least, 1 << most)))
    return None if found is None else found.but(~fits, Reason.OVERFLOW)


def _divided(sign: str, first: Array, second: Array) -> Column | None:
    """Divide towards zero; what is divided by zero is unknown."""
    is_zero = second == 0
    divisor = np.where(is_zero, 1, second).astype(second.dtype)
    one, two = _range(first), _range(divisor)
    if one[0] >= 0 and two[0] >= 0:
        number, divisor = _bits(first), _bits(divisor)
        quotient = number // divisor
    elif min(one[0], two[0]) > _SIGNED[0] and max(one[1], two[1]) <= _SIGNED[1]:
        number, divisor = first.astype(np.int64), divisor.astype(np.int64)
        quotient = np.abs(number) // np.abs(divisor)
        quotient = np.where((number < 0) == (divisor < 0), quotient, -quotient)
    else:
        return None
    result = quotient if sign == "/" else number - quotient * divisor
    between = _UNSIGNED if result.dtype.kind == "u" else _SIGNED
    found = _read(_bits(result), between)
    return None if found is None else found.but(is_zero, Reason.DIVISION_BY_ZERO)
