"""What `Let` adds to elements is theirs wherever they go."""

from __future__ import annotations

import pytest

from tests.eval.world import World, value

WORLD = World([{"pid": 1, "x": 5}, {"pid": 2, "x": 6}])

QUERIES = [
    ("process.Let({more: x}).First().more", 5),
    ("process.Let({more: x}).Last(p => p.more < 6).more", 5),
    ("process.Let({more: x}).MaxBy(p => p.more).more", 6),
    ("process.Let({more: x}).Zip(process, (a, b) => a.more + b.pid)", [6, 8]),
    ("process.Let({more: x}).Join([6], p => p.more, n => n, (p, n) => p.pid)", [2]),
    ("process.Join(process.Let({more: pid}), p => p.pid, q => q.more, (p, q) => q.more)", [1, 2]),
    ("process.Let({more: x}).AntiJoin([6], p => p.more, n => n).Select(p => p.more)", [5]),
    ("process.Let({more: x}).Chunk(1).Flatten().Select(p => p.more)", [5, 6]),
    ("process.Let({more: x}).GroupBy(x).SelectMany(g => g.items).Select(p => p.more)", [5, 6]),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_a_value_more(query: str, expected: object) -> None:
    assert value(WORLD, query) == expected
