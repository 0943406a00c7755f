"""Walks over lists and xarrays: whole, looping, broken, incomplete."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from memq.errors import Reason
from memq.os.linux.walks import XArrayWalk
from memq.os.listwalk import ListWalk, batched
from memq.run import Limits
from tests.os.linux.small import BASE, SmallKernel, SmallTypes

if TYPE_CHECKING:
    from pathlib import Path

    from memq.os.linux.kernel import LinuxKernel
    from memq.schema.batch import Context

TYPES = """
struct list_head { struct list_head *next; struct list_head *prev; };
struct item { long number; struct list_head list; };
struct xa_node { unsigned char shift; unsigned char offset; void *parent; void *slots[64]; };
"""
HEAD = BASE + 0x1000
LINK = 8
"""Offset of item.list."""


@pytest.fixture
def kernel(tmp_path: Path) -> SmallKernel:
    return SmallKernel(SmallTypes(TYPES), tmp_path)


def opened(kernel: SmallKernel, limits: Limits | None = None) -> tuple[LinuxKernel, Context]:
    return cast("LinuxKernel", kernel), kernel.open_(limits)


def items(kernel: SmallKernel, count: int, start: int = BASE + 0x10000) -> list[int]:
    """Put items a page apart, so that each can be lost by itself."""
    return [kernel.put("item", start + number * 0x1000) for number in range(count)]


def walk(kernel: SmallKernel, limits: Limits | None = None) -> tuple[ListWalk, list[int]]:
    opened_kernel, context = opened(kernel, limits)
    walking = ListWalk(opened_kernel, context.run, "list of items", HEAD, LINK)
    return walking, list(walking)


def test_list_in_its_order(kernel: SmallKernel) -> None:
    found = items(kernel, 5)[::-1]
    kernel.chain(HEAD, [item + LINK for item in found])
    assert walk(kernel)[1] == found


def test_empty_list(kernel: SmallKernel) -> None:
    kernel.chain(HEAD, [])
    walking, found = walk(kernel)
    assert not found
    assert walking.cut is None


def test_looping_list_is_cut_where_it_comes_back(kernel: SmallKernel) -> None:
    found = items(kernel, 4)
    kernel.chain(HEAD, [item + LINK for item in found])
    kernel.write(found[3] + LINK, (found[1] + LINK).to_bytes(8, "little"))
    walking, met = walk(kernel)
    assert met == found
    assert walking.cut is not None
    assert walking.cut.reason is Reason.LOOP
    assert walking.cut.text.startswith("list of items cut short after 4 elements")
    assert f"{found[1] + LINK:#x}" in walking.cut.text


@pytest.mark.parametrize("link", [0, 0x1234, BASE + 0x10001])
def test_bad_link_cuts(kernel: SmallKernel, link: int) -> None:
    found = items(kernel, 2)
    kernel.chain(HEAD, [item + LINK for item in found])
    kernel.write(found[1] + LINK, link.to_bytes(8, "little"))
    walking, met = walk(kernel)
    assert met == found
    assert walking.cut is not None
    assert walking.cut.reason is Reason.MALFORMED


def test_missing_memory_cuts(kernel: SmallKernel) -> None:
    found = items(kernel, 4)
    kernel.chain(HEAD, [item + LINK for item in found])
    kernel.lose(found[2])
    walking, met = walk(kernel)
    assert met == found[:3]
    assert walking.cut is not None
    assert walking.cut.reason is Reason.NOT_IN_DUMP


def test_list_is_bounded(kernel: SmallKernel) -> None:
    found = items(kernel, 5)
    kernel.chain(HEAD, [item + LINK for item in found])
    walking, met = walk(kernel, Limits(list_length=3))
    assert met == found[:3]
    assert walking.cut is not None
    assert walking.cut.reason is Reason.LIMIT


def test_batches_grow() -> None:
    sizes = [len(batch) for batch in batched(range(16 + 64 + 256 + 5))]
    assert sizes == [16, 64, 256, 5]
    assert not list(batched([]))


# XArrays

ARRAY = BASE + 0x3000
NODE = BASE + 0x20000


def entry(node: int) -> int:
    return node | 2


def node(kernel: SmallKernel, number: int, shift: int, slots: dict[int, int]) -> int:
    address = NODE + number * 0x1000
    kernel.put("xa_node", address, {"shift": shift})
    for slot, value in slots.items():
        kernel.set("xa_node", address, f"slots[{slot}]", value)
    return address


def array(
    kernel: SmallKernel, head: int, limits: Limits | None = None
) -> tuple[list[int], Reason | None]:
    kernel.write(ARRAY, head.to_bytes(8, "little"))
    opened_kernel, context = opened(kernel, limits)
    walking = XArrayWalk(opened_kernel, context.run, "pid table", ARRAY)
    found = walking.entries().tolist()
    if walking.cut is not None:
        assert walking.cut.text.startswith("pid table cut short: 0x")
    return found, walking.cut.reason if walking.cut else None


def test_array_in_order_of_index(kernel: SmallKernel) -> None:
    values = [BASE + 0x100 * n for n in range(1, 6)]
    first = node(kernel, 0, 0, {1: values[0], 63: values[1]})
    second = node(kernel, 1, 0, {0: values[2], 7: values[3]})
    third = node(kernel, 2, 0, {5: values[4]})
    top = node(kernel, 3, 6, {0: entry(first), 1: entry(second), 40: entry(third)})
    assert array(kernel, entry(top)) == (values, None)


def test_array_of_one_and_of_none(kernel: SmallKernel) -> None:
    assert array(kernel, BASE + 0x100) == ([BASE + 0x100], None)
    assert array(kernel, 0) == ([], None)


def test_marks_in_an_array_are_no_entries(kernel: SmallKernel) -> None:
    zero, retry, sibling = 257 << 2 | 2, 256 << 2 | 2, 3 << 2 | 2
    value = 7 << 1 | 1
    only = node(kernel, 0, 0, {1: zero, 2: retry, 3: sibling, 4: value, 5: BASE + 8})
    assert array(kernel, entry(only)) == ([BASE + 8], None)


def test_missing_node_of_an_array(kernel: SmallKernel) -> None:
    first = node(kernel, 0, 0, {1: BASE + 0x100})
    second = node(kernel, 1, 0, {1: BASE + 0x200})
    top = node(kernel, 2, 6, {0: entry(first), 1: entry(second)})
    kernel.lose(first)
    assert array(kernel, entry(top)) == ([BASE + 0x200], Reason.NOT_IN_DUMP)


def test_array_that_is_not_there(kernel: SmallKernel) -> None:
    opened_kernel, context = opened(kernel)
    walking = XArrayWalk(opened_kernel, context.run, "pid table", ARRAY)
    assert not len(walking.entries())
    assert walking.cut is not None
    assert walking.cut.reason is Reason.NOT_IN_DUMP


def test_looping_array(kernel: SmallKernel) -> None:
    top = node(kernel, 0, 6, {0: entry(NODE), 1: entry(NODE + 0x1000)})
    node(kernel, 1, 0, {3: BASE + 0x300})
    assert array(kernel, entry(top)) == ([BASE + 0x300], Reason.MALFORMED)


def test_node_that_is_twice_in_an_array(kernel: SmallKernel) -> None:
    below = node(kernel, 1, 0, {3: BASE + 0x300})
    top = node(kernel, 0, 6, dict.fromkeys(range(64), entry(below)))
    assert array(kernel, entry(top)) == ([BASE + 0x300], Reason.LOOP)


def test_node_below_the_last_level(kernel: SmallKernel) -> None:
    top = node(kernel, 0, 0, {0: entry(NODE + 0x1000), 1: BASE + 0x300})
    node(kernel, 1, 0, {})
    assert array(kernel, entry(top)) == ([BASE + 0x300], Reason.MALFORMED)


@pytest.mark.parametrize("shift", [3, 66, 255])
def test_impossible_shift(kernel: SmallKernel, shift: int) -> None:
    assert array(kernel, entry(node(kernel, 0, shift, {0: BASE}))) == ([], Reason.MALFORMED)


def test_array_is_bounded(kernel: SmallKernel) -> None:
    below = [node(kernel, n, 0, {0: BASE + 8 * n}) for n in range(1, 5)]
    top = node(kernel, 0, 6, {n: entry(address) for n, address in enumerate(below)})
    found, reason = array(kernel, entry(top), Limits(list_length=128))
    assert reason is Reason.LIMIT
    assert found == [BASE + 8, BASE + 16]
