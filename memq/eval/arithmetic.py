"""Arithmetic of whole columns: exact in 64 bits, or unknown with the reason.

Integers are signed or unsigned as the kernel has them; the result is unsigned only where it does
not fit otherwise. `/` truncates and `%` follows it, as in C#.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Array, Column, worst
from memq.errors import Reason
from memq.eval import integers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SIGNED_MINIMUM, _SIGNED_MAXIMUM = -(1 << 63), (1 << 63) - 1
_UNSIGNED_MAXIMUM = (1 << 64) - 1


def calculate(sign: str, left: Column, right: Column) -> Column:
    """Return left sign right, row by row; null with what is known is null."""
    status = worst(left.status, right.status)
    first, second = left.values, right.values
    if first.dtype.kind == "f" or second.dtype.kind == "f":
        return _real(sign, first.astype(float), second.astype(float)).under(status)
    found = integers.calculated(sign, first, second)
    return (_exact(sign, first, second) if found is None else found).under(status)


def _real(sign: str, first: Array, second: Array) -> Column:
    with np.errstate(all="ignore"):
        result = Column(_REAL[sign](first, second))
    if sign in ("/", "%"):
        result = result.but(second == 0, Reason.DIVISION_BY_ZERO)
    return result.but(result.known & ~np.isfinite(result.values), Reason.OVERFLOW)


_REAL: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
}


def _exact(sign: str, first: Array, second: Array) -> Column:
    """Calculate with Python's integers, once for each pair of numbers that occurs.

    For the few columns of which a result may not fit 64 bits, as of both ends of memory.
    """
    pairs: dict[tuple[int, int], int] = {}
    codes = [
        pairs.setdefault(pair, len(pairs))
        for pair in zip(first.tolist(), second.tolist(), strict=True)
    ]
    results = [_one(sign, int(a), int(b)) for a, b in pairs]
    return exact_column(results).take(np.array(codes, np.int64))


def exact_column(results: Sequence[int | Reason]) -> Column:
    """Return a column of Python's integers; what does not fit 64 bits, and each Reason, is none."""
    reasons = [_reason(result) for result in results]
    numbers = [0 if why else int(what) for what, why in zip(results, reasons, strict=True)]
    dtype: type = np.int64
    if max(numbers, default=0) > _SIGNED_MAXIMUM:
        # Python's integers where no array of 64 bits holds all: no row depends on the others.
        dtype = np.uint64 if min(numbers) >= 0 else object
    return Column(np.array(numbers, dtype), np.array(reasons, np.uint8) if any(reasons) else None)


def _reason(result: int | Reason) -> Reason:
    if isinstance(result, Reason):
        return result
    fits = _SIGNED_MINIMUM <= result <= _UNSIGNED_MAXIMUM
    return Reason.KNOWN if fits else Reason.OVERFLOW


def _one(sign: str, a: int, b: int) -> int | Reason:
    """Calculate one pair; a division by zero, and a shift too far, is a reason."""
    if sign in ("/", "%"):
        if b == 0:
            return Reason.DIVISION_BY_ZERO
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if sign == "/" else a - quotient * b
    if sign in ("<<", ">>") and not 0 <= b < 64:
        return Reason.OVERFLOW
    return _INTEGER[sign](a, b)


_INTEGER: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
}
