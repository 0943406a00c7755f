"""Tree, one element after the other: what the plain interpreter of tests/eval/naive.py does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.eval.naive import UNKNOWN, Sequence, let

if TYPE_CHECKING:
    from collections.abc import Iterator


def tree(series: Sequence) -> Sequence:
    """Children behind their parent, each with its depth; a loop begins at its first element."""
    found = dict(enumerate(_parent(series, one) for one in series.elements))
    above = {row: parent for row, (parent, _) in found.items()}
    depth = {row: own for row, (_, own) in found.items()}
    for row in above:
        loop = _loop(above, row)
        if loop:
            above[min(loop)], depth[min(loop)] = None, UNKNOWN
    walk = [one for row in above if above[row] is None for one in _below(above, row, depth[row])]
    depths = iter([own for _, own in walk])
    return let(
        Sequence([series.items[row] for row, _ in walk], series.cut),
        "depth",
        lambda _: next(depths),
    )


def _parent(series: Sequence, element: Any) -> tuple[int | None, Any]:
    """The place of an element's parent; or none, and how deep it is then."""
    parent = element.fields["parent"]
    if parent is None or parent is UNKNOWN:
        return None, 0 if parent is None else UNKNOWN
    alike = [n for n, one in enumerate(series.elements) if one == parent]
    sure = [n for n in alike if series.items[n][1] is True]
    if sure:
        return sure[0], None
    return None, UNKNOWN if alike or series.cut else 0


def _loop(above: dict[int, int | None], row: int) -> list[int]:
    """The rows of the loop that one is on; nothing if it is on none."""
    way = [row]
    while (up := above[way[-1]]) is not None and up not in way:
        way.append(up)
    return way if above[way[-1]] == row else []


def _below(above: dict[int, int | None], row: int, depth: Any) -> Iterator[tuple[int, Any]]:
    yield row, depth
    for child, parent in above.items():
        if parent == row:
            yield from _below(above, child, depth if depth is UNKNOWN else depth + 1)
