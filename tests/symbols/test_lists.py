"""Many linked lists at once: whole, looping, broken, rings and such that end in a null."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memq.errors import Cancelled, Reason
from memq.run import Limits
from memq.symbols.lists import FEW, Cuts, lists
from tests.os.linux.small import BASE, SmallKernel, SmallTypes, addresses

if TYPE_CHECKING:
    from pathlib import Path

TYPES = "struct item { long number; void *next; void *prev; };"
HEAD = BASE + 0x1000
LINK = 8
"""Offset of item.next."""


@pytest.fixture
def kernel(tmp_path: Path) -> SmallKernel:
    return SmallKernel(SmallTypes(TYPES), tmp_path)


def heads(
    kernel: SmallKernel, lengths: list[int], *, is_ring: bool = True
) -> tuple[list[int], list[list[int]]]:
    """Put lists of these lengths."""
    found, all_items = [], []
    for number, length in enumerate(lengths):
        head = HEAD + number * 16
        mine = [
            kernel.put("item", BASE + 0x100000 + number * 0x10000 + i * 64) for i in range(length)
        ]
        kernel.chain(head, [item + LINK for item in mine])
        if not is_ring:
            kernel.write([head, *(item + LINK for item in mine)][-1], bytes(8))
        found.append(head)
        all_items.append(mine)
    return found, all_items


def together(
    kernel: SmallKernel, places: list[int], limits: Limits | None = None, *, is_ring: bool = True
) -> tuple[list[list[int]], Cuts]:
    context = kernel.open_(limits)
    cuts = Cuts(len(places))
    heads_at = addresses(*places)
    found = lists(kernel.space, context.run, heads_at, cuts, LINK, is_ring=is_ring)
    assert (np.diff(found.owner) >= 0).all()
    return [found.addresses[found.owner == n].tolist() for n in range(len(places))], cuts


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lengths=st.lists(st.integers(0, 40), max_size=3 * FEW), is_ring=st.booleans())
def test_lists_together_are_the_lists_one_by_one(
    tmp_path: Path, lengths: list[int], is_ring: bool
) -> None:
    kernel = SmallKernel(SmallTypes(TYPES), tmp_path)
    places, expected = heads(kernel, lengths, is_ring=is_ring)
    kernel.write(HEAD + 0x8000, b"\0")
    found, cuts = together(kernel, places, is_ring=is_ring)
    assert found == expected
    assert not cuts.status.any()


@pytest.mark.parametrize("others", [0, 2 * FEW])
def test_one_of_many_lists_is_cut_and_the_others_are_whole(
    kernel: SmallKernel, others: int
) -> None:
    places, expected = heads(kernel, [20] * 4 + [7] * others)
    kernel.write(expected[0][4] + LINK, (expected[0][2] + LINK).to_bytes(8, "little"))
    kernel.write(expected[1][5] + LINK, bytes(8))
    kernel.lose(expected[2][0])
    found, cuts = together(kernel, places)
    assert cuts.status[:4].tolist() == [Reason.LOOP, Reason.MALFORMED, Reason.NOT_IN_DUMP, 0]
    assert not cuts.status[4:].any()
    assert found[0] == expected[0][:5]
    assert found[1] == expected[1][:6]
    assert found[2] == expected[2][:1]
    assert found[3:] == expected[3:]
    assert cuts.at[2] == expected[2][0] + LINK


@pytest.mark.parametrize("others", [0, 2 * FEW])
def test_a_null_breaks_a_ring_and_a_head_breaks_a_chain(kernel: SmallKernel, others: int) -> None:
    places, expected = heads(kernel, [3] * (1 + others))
    kernel.write(expected[0][1] + LINK, bytes(8))
    found, cuts = together(kernel, places)
    assert (found[0], cuts.status[0]) == (expected[0][:2], Reason.MALFORMED)
    found, cuts = together(kernel, places, is_ring=False)
    assert (found[0], cuts.status[0]) == (expected[0][:2], Reason.KNOWN)
    # A ring that is walked as if it were none comes by its own head, and then to itself again.
    assert cuts.status[1:].tolist() == [Reason.LOOP] * others


def test_lists_are_bounded_together(kernel: SmallKernel) -> None:
    places, _ = heads(kernel, [30] * (2 * FEW))
    found, cuts = together(kernel, places, Limits(children=5 * 2 * FEW))
    assert {len(mine) for mine in found} == {5}
    assert set(cuts.status.tolist()) == {Reason.LIMIT}


def test_lists_of_no_head(kernel: SmallKernel) -> None:
    places, expected = heads(kernel, [2, 3])
    found, cuts = together(kernel, [0, *places, 0])
    assert found == [[], *expected, []]
    assert not cuts.status.any()


def test_a_walk_can_be_cancelled(kernel: SmallKernel) -> None:
    places, _ = heads(kernel, [3] * (2 * FEW))
    context = kernel.open_()
    context.run.cancelled = True
    with pytest.raises(Cancelled):
        lists(kernel.space, context.run, addresses(*places), Cuts(len(places)), LINK)


def test_the_first_cut_stays() -> None:
    cuts = Cuts(3)
    assert cuts.columns() == (None, None)
    cuts.mark(np.array([0, 1, 1]), np.array([1, 4, 2], np.uint8), addresses(10, 11, 12))
    cuts.mark(np.array([1, 2]), Reason.LOOP, 13)
    assert cuts.status.tolist() == [0, 4, 7]
    assert cuts.at.tolist() == [0, 11, 13]
