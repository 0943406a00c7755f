"""Calls of methods in queries: arguments as they are written, and each method's own example."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import memq
from memq.eval.methods import METHODS, Method
from tests.eval.world import World, value

if TYPE_CHECKING:
    from tests.lab import Dump

ONE = World([{"name": "Hello", "flags": 3, "pid": 2}])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('flags.Has("F_READ")', True),
        ('flags.Has("read", "Write")', True),
        ('flags.has("READ|EXEC")', False),
        ("flags.Has(pid)", True),
        ("flags.Has(0x4)", False),
        ("flags.Has(flags)", True),
        ("flags.Has(null)", False),
        ("flags & 2", 2),
        (r"name.Matches(/^h.*O$/i)", True),
        (r"name.Matches(/^h/)", False),
        ("name.Matches(null)", False),
        ('name.Replace(/l+/, "L")', "HeLo"),
        ('name.Replace("l", name).Length()', 13),
        ("name.Substring(pid)", "llo"),
        ("name.Substring(0x1, 3).ToUpper()", "ELL"),
        ("name.Substring(-1)", None),
    ],
)
def test_in_a_query(expression: str, expected: object) -> None:
    assert value(ONE, f"process.Select({expression})") == [expected]


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_example_finds_something_in_the_sample(method: Method, sample_dump: Dump) -> None:
    with memq.open(sample_dump.path) as image:
        assert next(iter(image.query(method.example).rows()), None) is not None
