"""Values: null and unknown, arithmetic, choices, text, order and equality."""

from __future__ import annotations

from typing import Any

import pytest

from memq.errors import Reason
from tests.eval.world import World, ask, value

ONE = World(
    [{"pid": 7, "x": None, "dear": Reason.PAGED_OUT, "name": "Hello World", "base": 1 << 63}]
)


def unknown(reason: Reason) -> dict[str, str]:
    return {"_unknown": reason.text}


# (expression over the one process, its value)
VALUES: list[tuple[str, Any]] = [
    # Integers are exact; / truncates and % follows.
    ("pid / 2", 3),
    ("-pid / 2", -3),
    ("-pid % 2", -1),
    ("pid % -2", 1),
    ("7 / -2", -3),
    ("2 + 3 * 4 - 1", 13),
    ("(2 + 3) * 4", 20),
    ("pid << 2 | 1", 29),
    ("pid & 4 == 4", True),
    ("pid ^ 2", 5),
    ("~pid", -8),
    ("0xff & ~0xf", 0xF0),
    ("1 << 63", 1 << 63),
    ("4KB + 1", 4097),
    ("9223372036854775807 + 1", 1 << 63),
    ("-9223372036854775808 - 0", -(1 << 63)),
    ("base - 1", hex((1 << 63) - 1)),
    ("base - base", 0),
    ("1.5 + 1", 2.5),
    ("-1.5 % 1", -0.5),
    ("7 / 2.0", 3.5),
    # What does not fit, and what is divided by zero
    ("pid / 0", unknown(Reason.DIVISION_BY_ZERO)),
    ("pid % (pid - 7)", unknown(Reason.DIVISION_BY_ZERO)),
    ("1.5 / 0", unknown(Reason.DIVISION_BY_ZERO)),
    ("base + base", unknown(Reason.OVERFLOW)),
    ("-base - base", unknown(Reason.OVERFLOW)),
    ("1 << 64", unknown(Reason.OVERFLOW)),
    ("1 << -1", unknown(Reason.OVERFLOW)),
    ("18446744073709551615 * 2", unknown(Reason.OVERFLOW)),
    # Null and unknown
    ("x + 1", None),
    ("x / 0", None),
    ("10 / null", None),
    ("dear + 1", unknown(Reason.PAGED_OUT)),
    ("dear / 0", unknown(Reason.PAGED_OUT)),
    ("x + dear", unknown(Reason.PAGED_OUT)),
    ("x == null", True),
    ("x != null", False),
    ("x == x", False),
    ("x != 3", True),
    ("x < 3", False),
    ("null == null", True),
    ("null < 3", False),
    ("pid == null", False),
    ("dear == null", unknown(Reason.PAGED_OUT)),
    ("dear != 3", unknown(Reason.PAGED_OUT)),
    ("dear == 1 && pid == 8", False),
    ("dear == 1 || pid == 7", True),
    ("!(dear == 1)", unknown(Reason.PAGED_OUT)),
    ("is_known(dear)", False),
    ("is_unknown(dear + 1)", True),
    ("is_known(x)", True),
    # in
    ("pid in [1, 7]", True),
    ("pid in [1, x]", False),
    ("pid in [1, dear]", unknown(Reason.PAGED_OUT)),
    ("pid in [7, dear]", True),
    ("dear in []", False),
    ("x in [null]", True),
    ("x in [1]", False),
    ("pid in 7..9", True),
    ("pid in 1..7", True),
    ("pid in 8..9", False),
    ("pid not in 8..9", True),
    ('"World" in name', True),
    ('"world" in name', False),
    ('name in ["a", "Hello World"]', True),
    # ?? and ? :
    ("x ?? 5", 5),
    ("dear ?? 5", 5),
    ("pid ?? 5", 7),
    ("x ?? dear ?? 5", 5),
    ("x ?? x", None),
    ("name ?? null", "Hello World"),
    ("null ?? name", "Hello World"),
    ('pid == 7 ? "yes" : "no"', "yes"),
    ("pid == 7 ? name : null", "Hello World"),
    ("pid == 8 ? name : null", None),
    ("pid == 7 ? -1 : base", -1),
    ("pid == 8 ? -1 : base - 1", (1 << 63) - 1),
    ("dear == 1 ? 1 : 2", unknown(Reason.PAGED_OUT)),
    ("(x == 1) ? 1 : 2", 2),
    # Text
    ("name.Length()", 11),
    ("name.ToLower()", "hello world"),
    ("name.toupper()", "HELLO WORLD"),
    ('name.Contains("lo W")', True),
    ('name.StartsWith("hello")', False),
    ('name.EndsWith("World")', True),
    ('name.Like("H*o W?rld")', True),
    ('name.Like("Hello")', False),
    ('name.EqualsIgnoreCase("HELLO world")', True),
    ("name.Contains(null)", False),
    ('name.ToLower().StartsWith("hello")', True),
    ('state.Contains("x")', False),
    ("state.Length()", None),
    ('state == "running"', False),
    ('name < "Ho"', True),
    ('"a" < "B"', False),
    ("true", True),
    ("1.5", 1.5),
    ("null", None),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_value(expression: str, expected: object) -> None:
    (found,) = value(ONE, f"process.Select({expression})")
    assert found == expected
    assert type(found) is type(expected)


MIXED = [1, (1 << 64) - 1, 1 << 63]


@pytest.mark.parametrize("portion", [1, 3])
def test_signed_and_unsigned_rows_of_one_column(portion: int) -> None:
    world = World([{"base": base} for base in MIXED], portion)
    assert value(world, "process.Select((base - 2) / 1)") == [base - 2 for base in MIXED]
    assert value(world, "process.OrderBy(base - 2).Select(base)") == [
        hex(base) for base in sorted(MIXED)
    ]
    assert value(world, "process.Count(base - 2 < 0)") == 1
    assert value(world, "process.Count(base - 2 > 0)") == 2


NULLS = World(
    [
        {"pid": 1, "x": 5},
        {"pid": 2, "x": None},
        {"pid": 3, "x": Reason.LOOP},
        {"pid": 4, "x": -1},
        {"pid": 5, "x": None},
        {"pid": 6, "x": Reason.PAGED_OUT},
        {"pid": 7, "x": 5},
    ],
    portion=3,
)


def test_order_puts_null_first_and_unknown_last() -> None:
    assert value(NULLS, "process.OrderBy(x).Select(pid)") == [2, 5, 4, 1, 7, 3, 6]


def test_order_is_stable_and_keeps_unknown_last_in_both_directions() -> None:
    assert value(NULLS, "process.OrderByDescending(x).Select(pid)") == [1, 7, 4, 2, 5, 3, 6]


def test_order_by_text() -> None:
    world = World([{"name": name} for name in ("b", None, "B", "a", "aa")])
    names = value(world, "process.OrderBy(name).Select(name)")
    assert names == [None, "B", "a", "aa", "b"]


def test_order_by_a_condition_and_by_a_count() -> None:
    world = World([{"pid": 1, "vad": [{}, {}]}, {"pid": 2}, {"pid": 3, "vad": [{}]}])
    assert value(world, "process.OrderBy(vad.Count()).Select(pid)") == [2, 3, 1]
    assert value(world, "process.OrderByDescending(pid > 1 && pid < 3).Select(pid)") == [2, 1, 3]


def test_distinct_holds_nulls_equal_and_keeps_unknowns() -> None:
    rows = value(NULLS, "process.Select([x]).Distinct()")
    assert [row["x"] for row in rows] == [5, None, None, -1, None]
    assert [row.get("_unknown") for row in rows] == [
        None,
        None,
        {"x": "the structure loops"},
        None,
        {"x": "paged out"},
    ]


def test_distinct_objects_are_told_apart_by_what_they_are() -> None:
    world = World([{"pid": 1, "children": [1, 1]}, {"pid": 1, "children": [0, 1]}], portion=1)
    assert value(world, "process.SelectMany(children).Distinct().Count()") == 2


def test_skip_and_take() -> None:
    world = World([{"pid": n} for n in range(7)])
    assert value(world, "process.Skip(2).Take(3).Select(pid)") == [2, 3, 4]
    assert value(world, "process.Skip(9)") == []
    assert value(world, "process.Take(0)") == []
    assert value(world, "process.Take(99999999999999999999).Count()") == 7


def test_division_in_a_where_is_undecided() -> None:
    run = ask(World([{"pid": 0}, {"pid": 2}]), "process.Where(4 / pid == 2)").run
    assert (run.matched, dict(run.undecided)) == (1, {Reason.DIVISION_BY_ZERO: 1})
