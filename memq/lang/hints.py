"""Suggestions for a name that does not exist.

The distance between two names is Damerau's: letters put in, left out, exchanged, or swapped with
their neighbour. Case and underscores do not count, so that `vadobject` finds `vad_object`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Longer names are not compared: nobody mistypes them, and the time is quadratic.
_LONGEST = 64


def nearest(name: str, candidates: Iterable[str], n: int = 3) -> list[str]:
    """Return up to n of the candidates that may have been meant, the likeliest first."""
    wanted = _plain(name)
    if not wanted or len(wanted) > _LONGEST:
        return []
    ranked = sorted(
        (rank, candidate)
        for candidate in dict.fromkeys(candidates)
        if (rank := _rank(wanted, candidate)) is not None
    )
    # What is much farther away than the nearest was hardly meant.
    return [name for rank, name in ranked if rank[0] <= ranked[0][0][0] + 1][:n]


def did_you_mean(names: Sequence[str]) -> str | None:
    """Return the question that offers the names, or None if there are none."""
    quoted = [f"`{name}`" for name in names]
    if not quoted:
        return None
    if len(quoted) == 1:
        return f"Did you mean {quoted[0]}?"
    return f"Did you mean {', '.join(quoted[:-1])} or {quoted[-1]}?"


def _plain(name: str) -> str:
    return name.casefold().replace("_", "")


def _rank(wanted: str, candidate: str) -> tuple[int, int] | None:
    """Return how likely the candidate is, smaller is likelier; None if it is not likely at all."""
    plain = _plain(candidate)
    if not plain or len(plain) > _LONGEST:
        return None
    allowed = max(1, len(wanted) // 3)
    if abs(len(plain) - len(wanted)) <= allowed:
        distance = _distance(wanted, plain)
        if distance <= allowed and distance < len(wanted):
            return distance, 0
    # A part of a longer name: `exec` for `is_executable`, `name` for `file_name`.
    if len(wanted) >= 3 and wanted in plain:
        return allowed + 1, len(plain) - len(wanted)
    return None


def _distance(one: str, other: str) -> int:
    """Return the number of slips between two words, a swap of neighbours being one."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, facing in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != facing))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == facing:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
