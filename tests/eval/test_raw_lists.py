"""Lists of raw structures: rings and chains, whole and broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.column import Column
from memq.errors import Reason, SymbolError
from memq.eval.raw import RawBatch
from memq.eval.raw_types import find_type
from memq.run import Limits
from tests.os.linux.small import BASE, SmallKernel, SmallTypes

if TYPE_CHECKING:
    from pathlib import Path

    from memq.symbols.types import Type

LISTS = """
struct list_head { struct list_head *next; struct list_head *prev; };
struct hlist_node { struct hlist_node *next; struct hlist_node *pprev; };
struct hlist_head { struct hlist_node *first; };
struct inner { long a; struct list_head link; };
struct item { long number; struct inner in; struct hlist_node node; };
struct owner { struct list_head items; struct hlist_head bucket; struct list_head *far; };
"""


@pytest.fixture
def small(tmp_path: Path) -> SmallKernel:
    return SmallKernel(SmallTypes(LISTS), tmp_path)


def small_type(kernel: SmallKernel, name: str) -> Type:
    type_ = find_type(kernel.types, name)
    assert type_ is not None
    return type_


def owners(kernel: SmallKernel, count: int) -> tuple[list[int], list[list[int]]]:
    """Put owners of 0, 1, 2, ... items, on a ring and on a chain."""
    places, all_items = [], []
    link, node = kernel.offset("item", "in.link"), kernel.offset("item", "node")
    for number in range(count):
        owner = kernel.put("owner", BASE + 0x1000 + number * 64)
        mine = [
            kernel.put("item", BASE + 0x10000 + number * 0x1000 + n * 64, {"number": n})
            for n in range(number)
        ]
        kernel.chain(owner, [item + link for item in mine])
        bucket = owner + kernel.offset("owner", "bucket")
        kernel.chain(bucket, [item + node for item in mine])
        kernel.write([bucket, *(item + node for item in mine)][-1], bytes(8))
        kernel.set("owner", owner, "far", owner if number else 0)
        places.append(owner)
        all_items.append(mine)
    return places, all_items


@pytest.mark.parametrize(
    ("head", "path"), [("items", "in.link"), ("bucket", "node"), ("far", "in.link")]
)
def test_lists(small: SmallKernel, head: str, path: str) -> None:
    places, expected = owners(small, 12)
    context = small.open_()
    item, owner = small_type(small, "item"), small_type(small, "owner")
    batch = RawBatch.at(small, owner, Column(np.array(places, np.uint64)))
    got = batch.member(head).list_of(context, item, path)
    numbers_of = got.elements.member("number").value().values
    assert got.heads == 12
    assert (got.cut, got.cut_at) == (None, None)
    for row, mine in enumerate(expected):
        assert got.elements.addresses[got.owner == row].tolist() == mine
        assert numbers_of[got.owner == row].tolist() == list(range(row))


def test_lists_that_are_not_whole(small: SmallKernel) -> None:
    places, expected = owners(small, 12)
    link = small.offset("item", "in.link")
    small.write(expected[5][2] + link, (expected[5][0] + link).to_bytes(8, "little"))
    small.write(expected[6][1] + link, bytes(8))
    small.lose(expected[7][0])
    context = small.open_()
    item, owner = small_type(small, "item"), small_type(small, "owner")
    pointers = Column(np.array([0, 5, *places], np.uint64), np.array([0, 4] + [0] * 12, np.uint8))
    got = RawBatch.at(small, owner, pointers).member("items").list_of(context, item, "in.link")
    assert got.cut is not None
    assert got.cut_at is not None
    assert got.cut.tolist()[:2] == [0, Reason.MALFORMED]
    assert got.cut.tolist()[2 + 5 : 2 + 8] == [Reason.LOOP, Reason.MALFORMED, Reason.NOT_IN_DUMP]
    assert np.flatnonzero(got.cut).tolist() == [1, 7, 8, 9]
    assert got.cut_at[9] == expected[7][0] + link
    counts = np.bincount(got.owner, minlength=14)[2:].tolist()
    assert counts == [0, 1, 2, 3, 4, 3, 2, 1, 8, 9, 10, 11]


def test_lists_are_bounded(small: SmallKernel) -> None:
    places, _ = owners(small, 12)
    context = small.open_(Limits(list_length=3))
    item, owner = small_type(small, "item"), small_type(small, "owner")
    heads = RawBatch.at(small, owner, Column(np.array(places, np.uint64))).member("items")
    got = heads.list_of(context, item, "in.link")
    assert got.cut is not None
    assert got.cut.tolist() == [0] * 4 + [Reason.LIMIT] * 8
    for type_, path in ((item, "missing"), (owner, "in.link")):
        with pytest.raises(SymbolError, match="has no member"):
            heads.list_of(context, type_, path)
    with pytest.raises(SymbolError, match="is not the head of a list"):
        got.elements.list_of(context, item, "in.link")
