"""Narrowing is a view: it belongs to one path of one pipeline, and methods hand it on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.eval.world import World, value


def vads(*numbers: int) -> list[dict[str, Any]]:
    """VADs of these numbers; those of odd ones have a."""
    return [{"n": n, "a": n % 2 == 1} for n in numbers]


WORLD = World(
    [
        {"pid": 1, "vad": vads(1, 2), "children": [1, 2]},
        {"pid": 2, "vad": vads(3, 4, 5), "parent": 0},
        {"pid": 3, "vad": vads(6), "parent": 0},
    ],
    portion=3,
)
VIEWS = [
    # It goes through the methods that leave the elements what they are.
    ("process.Where(vad.a).Take(2).Select(vad.n)", [[1], [3, 5]]),
    ("process.Where(vad.a).Skip(1).Select(vad.n)", [[3, 5]]),
    ("process.Where(vad.a).OrderByDescending(pid).Select(vad.n)", [[3, 5], [1]]),
    ("process.Where(vad.a).Distinct().Select(vad.n)", [[1], [3, 5]]),
    ("process.Where(vad.a).OrderByDescending(vad.Count()).Select(pid)", [2, 1]),
    ("process.Where(vad.a).Where(pid > 0).Select(vad.Count())", [1, 2]),
    ("process.Where(vad.a).Select(vad.All(v => v.a))", [True, True]),
    ("process.Where(vad.a).SelectMany(vad).Select(n)", [1, 3, 5]),
    ("process.Where(vad.a).SelectMany(vad).Count()", 3),
    # Both levels of a longer path, and of its elements, which are now the current ones
    ("process.Where(children.vad.a).SelectMany(children.vad).Select(n)", [3, 5]),
    ("process.Where(children.vad.a).SelectMany(children).Select(pid)", [2]),
    ("process.Where(children.vad.a).SelectMany(children).Select(vad.n)", [[3, 5]]),
    ("process.Where(children.vad.a).SelectMany(children).SelectMany(vad).Select(n)", [3, 5]),
    ("process.Where(children.vad.a).SelectMany(children).Where(vad.Count() == 2).Count()", 1),
    # What another path leads to is whole, also where it leads to the same.
    ("process.Where(vad.a).Select(children.vad.n)", [[[3, 4, 5], [6]], []]),
    ("process.Where(children.vad.a).Select(vad.n)", [[1, 2]]),
    ("process.Where(vad.a && pid == 2).Select(parent.vad.n)", [[1, 2]]),
    ("process.Where(vad.a).SelectMany(vad).Select(process.vad.n)", [[1, 2], [3, 4, 5], [3, 4, 5]]),
    ("process.Where(children.vad.a).Select(children.parent.children.pid)", [[[2, 3]]]),
    ("process.Where(children.vad.a).SelectMany(children).Select(parent.children.pid)", [[2, 3]]),
    # And so is what another pipeline, or a condition that does not narrow, asks.
    ("process.Where(vad.Any(v => v.a)).Select(vad.n)", [[1, 2], [3, 4, 5]]),
    ("process.Where(vad.a || pid > 0).Select(vad.n)", [[1, 2], [3, 4, 5], [6]]),
]
BEHIND_A_SINGLE_ONE = [
    ("process.Where(parent.vad.a).Select(parent.vad.n)", [[1], [1]]),
    ("process.Where(parent.vad.a).SelectMany(parent.vad).Select(n)", [1, 1]),
    ("process.Where(parent.vad.a).Select(parent.vad.Count())", [1, 1]),
    ("process.Where(parent.vad.a).Take(1).Select(parent.vad.n)", [[1]]),
    ("process.Where(parent.vad.n == pid - 1).Select(parent.vad.n)", [[1], [2]]),
    ("process.Where(parent.children.vad.a).Select(parent.children.vad.n)", [[[3, 5]], [[3, 5]]]),
    ("process.Where(children.parent.vad.a).Select(children.parent.vad.n)", [[[1], [1]]]),
]
WHOLE_BEHIND_ANOTHER = [
    ("process.Where(parent.vad.a).Select(parent.children.parent.vad.n)", [[[1, 2], [1, 2]]] * 2),
    ("process.Where(parent.vad.a).Select(vad.n)", [[3, 4, 5], [6]]),
    ("process.Where(parent.vad.a).SelectMany(vad).Select(process.parent.vad.n)", [[1, 2]] * 4),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        *VIEWS,
        *BEHIND_A_SINGLE_ONE,
        *WHOLE_BEHIND_ANOTHER,
    ],
)
def test_view(query: str, expected: object) -> None:
    assert value(WORLD, query) == expected
