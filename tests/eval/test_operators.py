"""Values of random expressions: exact, null, or unknown with a reason that it may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Reason
from tests.eval.conditions import compared
from tests.eval.held import FLAT, answered, examples, expected, numbered, wheres
from tests.eval.operands import INTEGERS, calculated, is_unknown, literal, read
from tests.eval.predicates import (
    EXTREMES,
    OUTER,
    SIGNS,
    Scope,
    number_values,
    numbers,
    operations,
    processes,
    text_values,
    worlds,
)
from tests.eval.world import World, value

if TYPE_CHECKING:
    from tests.eval.conditions import Pair
    from tests.eval.operands import Operand

ONE: Scope = (("process", "process"),)
FITTING = [number for number in EXTREMES if number < 1 << 63]
extreme_worlds = st.lists(
    st.builds(
        lambda process, x: {**process, "x": x},
        processes,
        st.one_of(numbers, st.sampled_from([-7, -3, 5, 8, *FITTING])),
    ),
    min_size=3,
    max_size=8,
)
portions = st.integers(1, 4)


LONG = [1 << 31, (1 << 31) - 1, -(1 << 31), 1 << 32, 1 << 33, (1 << 63) - 1, -(1 << 63)]
SIGNED = [0, 1, 2, 3, 7, -1, -2, -3, -7, 63, 64, *LONG]
LEFT = [*SIGNED, None, Reason.LOOP]
RIGHT = [*SIGNED, 1 << 63, (1 << 64) - 1, None]


@pytest.mark.parametrize("sign", [*INTEGERS, "/", "%"])
def test_every_pair_of_numbers(sign: str) -> None:
    items = [f"n{place}: x {sign} {literal(right).text}" for place, right in enumerate(RIGHT)]
    world = World([{"x": left} for left in LEFT], portion=5)
    rows = value(world, f"process.Select({{{', '.join(items)}}})")
    for left, row in zip(LEFT, rows, strict=True):
        for place, right in enumerate(RIGHT):
            found = row.get("_unknown", {}).get(f"n{place}", row[f"n{place}"])
            assert found == as_text(calculated(sign, read(left), right)), (left, sign, right)


def as_text(wanted: Any) -> Any:
    """A value, or the one reason why it is unknown, as output has it."""
    return next(iter(wanted)).text if is_unknown(wanted) else wanted


@pytest.mark.parametrize("sign", SIGNS)
def test_every_comparison_of_numbers(sign: str) -> None:
    known = [right for right in RIGHT if right is not None]
    items = [f"n{place}: x {sign} {literal(right).text}" for place, right in enumerate(known)]
    world = World([{"x": left} for left in LEFT], portion=5)
    rows = value(world, f"process.Select({{{', '.join(items)}}})")
    for left, row in zip(LEFT, rows, strict=True):
        found = [row[f"n{place}"] for place in range(len(known))]
        assert found == [compared(sign, read(left), right) for right in known], (left, sign)


@examples(150)
@given(extreme_worlds, st.one_of(number_values(ONE), text_values(ONE)), portions)
def test_values(data: list[dict[str, Any]], operand: Operand, portion: int) -> None:
    rows = value(World(data, portion), f"process.Select({operand.text})")
    for process, row in zip(data, rows, strict=True):
        wanted = read(operand.get({"process": process}))
        if is_unknown(wanted):
            assert row in [{"_unknown": reason.text} for reason in wanted]
        else:
            assert (row, type(row)) == (wanted, type(wanted))


@examples(60)
@given(worlds, operations(OUTER), portions)
def test_conditions(data: list[dict[str, Any]], pair: Pair, portion: int) -> None:
    data = numbered(data)
    found = answered(World(data, portion), wheres([pair]), FLAT)
    assert found == expected(data, [pair], FLAT)
