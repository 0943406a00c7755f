"""Raw structures: members, pointers, elements, other types, lists; in small memories."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.column import Column, Text
from memq.errors import Reason, SymbolError
from memq.eval.raw import RawBatch
from memq.eval.raw_types import find_type, member_of
from memq.symbols.structs import NotAColumnError
from memq.symbols.types import Type
from tests.symbols.memory import (
    MISSING,
    PAGE,
    PAGED,
    SIZE,
    TASK,
    TYPES,
    Memory,
    reasons,
    structs,
)

if TYPE_CHECKING:
    from memq.symbols.btf import Btf

NUMBERS = (
    "state", "pid", "flags", "stack", "cred", "small", "letter", "short", "on", "low", "sign",
    "wide", "weight", "load", "kind", "own.usage", "own.uid", "own.cap", "tasks.next", "tasks.prev",
    "rcu", "opaque",
)  # fmt: skip


@dataclass
class Kernel:
    """What raw structures need of a kernel."""

    space: Memory = field(default_factory=Memory)
    types: Btf = TYPES


def tasks(addresses: list[int], memory: Memory | None = None) -> RawBatch:
    return RawBatch.of_structs(structs(addresses, memory))


def walk(batch: RawBatch, path: str) -> RawBatch:
    for name in path.split("."):
        batch = batch.member(name)
    return batch


def found(name: str) -> Type:
    type_ = find_type(TYPES, name)
    assert type_ is not None
    return type_


def numbers(*values: int) -> Column:
    return Column(np.array(values, np.int64))


def pairs(column: Column) -> list[tuple[object, int]]:
    known = column.statuses == 0
    values = [v if k else None for v, k in zip(column.values.tolist(), known, strict=True)]
    return list(zip(values, reasons(column), strict=True))


# Members


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, SIZE - 300), max_size=8), st.sampled_from(NUMBERS))
def test_members_are_what_the_structures_say(places: list[int], path: str) -> None:
    expected = structs(places)[path]
    column = walk(tasks(places), path).value()
    np.testing.assert_array_equal(column.values, expected.values)
    assert column.values.dtype == expected.values.dtype
    assert reasons(column) == reasons(expected)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, SIZE - 300), min_size=1, max_size=8),
    st.sampled_from(NUMBERS),
    st.data(),
)
def test_rows_that_are_taken_keep_their_values(
    places: list[int], path: str, data: st.DataObject
) -> None:
    index = np.array(data.draw(st.lists(st.integers(0, len(places) - 1), max_size=6)), np.int64)
    before, after = tasks(places), tasks(places)
    walk(before, path).value()
    expected = walk(tasks(places), path).value().take(index)
    for batch in (before, after):
        taken = walk(batch.take(index), path).value()
        np.testing.assert_array_equal(taken.values, expected.values)
        assert reasons(taken) == reasons(expected)


def test_texts_and_truth_values() -> None:
    memory = Memory()
    memory.put(64 + TASK.offset("comm"), b"systemd\0garbage!")
    memory.put(64 + TASK.offset("on"), b"\x01")
    batch = tasks([64, MISSING * PAGE], memory)
    name = batch.member("comm").value()
    assert isinstance(name, Text)
    assert name.to_list() == ["systemd", None]
    assert pairs(batch.member("on").value()) == [(True, 0), (None, Reason.NOT_IN_DUMP)]


def test_what_was_read_is_not_read_again() -> None:
    memory = Memory()
    batch = tasks([64, 1024], memory)
    for path in ("pid", "own.uid", "comm", "tasks.next"):
        walk(batch, path).value()
    assert memory.asked == [(2, TASK.size)]
    taken = batch.take(np.array([1])).take(np.array([0, 0]))
    taken.member("flags").value()
    assert batch.member("pid") is batch.member("pid")
    assert batch.member("pid").value() is batch.member("pid").value()
    assert memory.asked == [(2, TASK.size)]


def test_a_path_over_pointers_is_a_gather_for_each_of_them() -> None:
    memory = Memory()
    places = [64 + 8 * n for n in range(2000)]
    for place in places[::32]:
        memory.put(place + TASK.offset("parent"), (2048).to_bytes(8, "little"))
    batch = tasks(places, memory)
    walk(batch, "parent.cred.uid").value()
    assert [size for _rows, size in memory.asked[:2]] == [TASK.size, TASK.size]
    assert len(memory.asked) <= 6  # one more a structure for those that cross a missing page
    count = len(memory.asked)
    walk(batch.take(np.arange(5)), "parent.cred.usage").value()
    assert len(memory.asked) == count


def test_pointers_are_followed_by_the_dot() -> None:
    memory = Memory()
    for row, target in enumerate([4096, 0, MISSING * PAGE]):
        memory.put(512 * (row + 1) + TASK.offset("cred"), target.to_bytes(8, "little"))
    memory.put(4096 + 4, (1000).to_bytes(4, "little"))
    batch = tasks([512, 1024, 1536, PAGED * PAGE], memory)
    pointer = batch.member("cred")
    assert pairs(pointer.value())[:3] == [(4096, 0), (0, 0), (MISSING * PAGE, 0)]
    assert pairs(pointer.member("uid").value()) == [
        (1000, 0), (None, Reason.NULL), (None, Reason.NOT_IN_DUMP), (None, Reason.PAGED_OUT),
    ]  # fmt: skip
    assert pairs(pointer.deref().address()) == [
        (4096, 0), (None, Reason.NULL), (MISSING * PAGE, 0), (None, Reason.PAGED_OUT),
    ]  # fmt: skip
    assert pairs(pointer.member("uid").address())[0] == (4100, 0)


def test_a_place_on_a_page_that_is_not_there_has_an_address() -> None:
    place = MISSING * PAGE
    assert pairs(tasks([place]).member("own").address()) == [(place + TASK.offset("own"), 0)]


@pytest.mark.parametrize("path", ["missing", "pid.x", "stack.x", "opaque.x", "limits.x"])
def test_a_member_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(SymbolError, match=r"has no member|leads to nothing"):
        walk(tasks([64]), path)


@pytest.mark.parametrize("path", ["own", "limits", "heads", "big"])
def test_what_has_no_value_is_refused(path: str) -> None:
    with pytest.raises(NotAColumnError):
        walk(tasks([64]), path).value()


def test_a_type_that_this_kernel_has_not() -> None:
    batch = RawBatch.of_structs(structs([64], name="missing"))
    with pytest.raises(SymbolError, match="has no member pid"):
        batch.member("pid")


@pytest.mark.parametrize("path", ["pid", "sign", "own.uid", "cred.uid", "comm"])
def test_joined_batches(path: str) -> None:
    memory = Memory()
    for place in (64, 1024, 2048):
        memory.put(place + TASK.offset("cred"), (4096 + place).to_bytes(8, "little"))
    parts = [walk(tasks(each, memory), path) for each in ([64, MISSING * PAGE], [], [1024, 2048])]
    joined = RawBatch.concatenate(parts)
    expected = walk(tasks([64, MISSING * PAGE, 1024, 2048], memory), path).value()
    assert reasons(joined.value()) == reasons(expected)
    if isinstance(expected, Text):
        got = joined.value()
        assert isinstance(got, Text)
        assert got.to_list() == expected.to_list()
    else:
        assert joined.value().values.tolist() == expected.values.tolist()
    assert RawBatch.concatenate(parts[:1]) is parts[0]


def test_joined_batches_of_different_places() -> None:
    batch = tasks([64, 1024])
    parts = [walk(batch, "own.uid"), walk(batch, "state"), walk(batch, "cred.uid")]
    joined = RawBatch.concatenate(parts)
    values = [value for part in parts for value in pairs(part.value())]
    assert pairs(joined.value()) == values


def test_no_things_at_all() -> None:
    memory = Memory()
    batch = tasks([], memory)
    assert len(walk(batch, "cred.uid").value()) == len(batch.member("limits").index(numbers())) == 0
    assert not memory.asked


# Elements


def test_elements_of_arrays() -> None:
    memory = Memory()
    for place in (64, 1024):
        memory.put(
            place + TASK.offset("limits"), np.arange(place, place + 4, dtype="<u8").tobytes()
        )
        memory.put(place + TASK.offset("grid"), np.arange(6, dtype="<i2").tobytes())
    batch = tasks([64, 1024], memory)
    limits = batch.member("limits")
    assert limits.index(numbers(2, 2)).value().values.tolist() == [66, 1026]
    assert limits.index(numbers(0, 3)).value().values.tolist() == [64, 1027]
    assert limits.deref().value().values.tolist() == [64, 1024]
    row = batch.member("grid").index(numbers(1, 1))
    assert row.index(numbers(2, 0)).value().values.tolist() == [5, 3]
    heads = batch.member("heads").index(numbers(1, 1)).member("prev")
    assert (
        heads.value().values.tolist()
        == structs([64, 1024], memory)["heads[1].prev"].values.tolist()
    )


def test_beyond_an_array_there_is_none() -> None:
    limits = tasks([64, 128, 192, 256]).member("limits")
    assert reasons(limits.index(numbers(0, 4, -1, 3)).address()) == [0, Reason.NULL, Reason.NULL, 0]
    assert reasons(limits.index(numbers(4, 4, 4, 4)).value()) == [Reason.NULL] * 4
    unsure = Column(np.array([0, 9, 1, 2]), np.array([0, Reason.LOOP, Reason.NULL, 0], np.uint8))
    assert reasons(limits.index(unsure).value()) == [0, Reason.LOOP, Reason.NULL, 0]


def test_elements_without_a_bound() -> None:
    memory = Memory()
    start = 64 + TASK.offset("numbers")
    memory.put(start, np.arange(100, dtype="<i4").tobytes())
    memory.put(64 + TASK.offset("cred"), (8192).to_bytes(8, "little"))
    memory.put(8192 + 3 * 16 + 4, (77).to_bytes(4, "little"))
    batch = tasks([64], memory)
    flexible = batch.member("numbers")
    assert flexible.index(numbers(99)).value().values.tolist() == [99]
    assert batch.member("cred").index(numbers(3)).member("uid").value().values.tolist() == [77]
    assert pairs(batch.member("cred").index(numbers(-1)).address()) == [(8192 - 16, 0)]
    assert pairs(flexible.index(numbers(1 << 62)).address()) == [(start, 0)]  # it wraps
    memory.put(1024 + TASK.offset("cred"), bytes(8))
    none = tasks([1024], memory).member("cred").index(numbers(3))
    assert reasons(none.address()) == [Reason.NULL]
    for path in ("pid", "stack", "own", "opaque"):
        with pytest.raises(SymbolError, match="has no elements"):
            batch.member(path).index(numbers(0))


# Other types


def test_things_at_addresses() -> None:
    memory = Memory()
    memory.put(4096, (5).to_bytes(4, "little") + (6).to_bytes(4, "little"))
    kernel = Kernel(memory)
    places = Column(np.array([4096, 0, 7]), np.array([0, 0, Reason.LOOP], np.uint8))
    creds = RawBatch.at(kernel, found("cred"), places)
    assert pairs(creds.member("uid").value()) == [(6, 0), (None, 1), (None, Reason.LOOP)]
    assert RawBatch.at(kernel, found("int"), numbers(4096)).value().values.tolist() == [5]
    array = RawBatch.at(kernel, found("int [2]"), numbers(4096))
    assert array.index(numbers(1)).value().values.tolist() == [6]
    assert repr(array) == "<1 x int [2]>"
    pointer = RawBatch.at(kernel, found("task **"), numbers(4096))
    assert pairs(pointer.deref().address()) == [(5 + (6 << 32), 0)]


def test_the_same_place_as_another_type() -> None:
    memory = Memory()
    batch = tasks([64], memory)
    limits = batch.member("limits")
    expected = structs([64], memory)["limits[0]"].values
    assert limits.cast(found("u64")).value().values.tolist() == expected.tolist()
    count = len(memory.asked)
    limits.cast(found("u32")).value()
    assert len(memory.asked) == count
    large = batch.member("tasks").cast(found("huge")).member("first").value()
    assert memory.asked[-1] == (1, 512)  # by blocks of its own
    assert large.values.tolist() == structs([64], memory)["tasks.next"].values.tolist()


def test_what_contains_it() -> None:
    memory = Memory()
    batch = tasks([64, 2048], memory)
    link = batch.member("tasks")
    assert pairs(link.container_of(found("task"), "tasks").address()) == [(64, 0), (2048, 0)]
    memory.put(64 + TASK.offset("stack"), (4096).to_bytes(8, "little"))
    memory.put(2048 + TASK.offset("stack"), bytes(8))
    outer = batch.member("stack").container_of(found("task"), "own.cap")
    assert pairs(outer.address()) == [(4096 - TASK.offset("own.cap"), 0), (None, Reason.NULL)]
    for type_, path in ((found("task"), "missing"), (found("int"), "x")):
        with pytest.raises(SymbolError, match="has no member"):
            link.container_of(type_, path)


def test_texts_without_a_length() -> None:
    memory = Memory()
    memory.put(4090, b"a long name that goes on over a page's edge\0")
    memory.put(8192, b"x" * PAGE + b"yz\0")
    memory.put(MISSING * PAGE - 4, b"lost")
    memory.put(64, b"")
    kernel = Kernel(memory)
    text = Type("array", "", 0, target_link=lambda: found("char"))
    places = Column(np.array([4090, 8192, MISSING * PAGE - 4, 0, 4090, 8194 + PAGE]))
    expected = ["a long name that goes on over a page's edge", None, None, None]
    for batch in (
        RawBatch.at(kernel, text, places),
        RawBatch.at(kernel, found("char [5000]"), places),
    ):
        column = batch.value()
        assert isinstance(column, Text)
        assert column.to_list()[:5] == [*expected, expected[0]]
        assert reasons(column)[1:4] == [Reason.LIMIT, Reason.NOT_IN_DUMP, Reason.NULL]


def test_pointers_to_bytes_as_text() -> None:
    memory = Memory()
    memory.put(4096, b"named\0")
    memory.put(512, (4096).to_bytes(8, "little") + bytes(8))
    memory.put(64 + TASK.offset("uuid"), b"abc\0defg")
    kernel = Kernel(memory)
    pointers = RawBatch.at(kernel, found("unsigned char *"), numbers(512, 520))
    assert pointers.text().to_list() == ["named", None]
    assert reasons(pointers.text()) == [0, Reason.NULL]
    assert tasks([64], memory).member("uuid").text().to_list() == ["abc"]
    with pytest.raises(SymbolError, match="int is no text"):
        tasks([64]).member("pid").text()


def test_the_types_of_places_are_known_before_they_are_read() -> None:
    memory = Memory()
    batch = tasks([64], memory)
    for path in ("cred", "own", "limits", "comm", "cred.uid", "parent.parent"):
        type_: Type | None = batch.type
        for name in path.split("."):
            assert type_ is not None
            type_ = member_of(type_, name)
        assert walk(batch, path).type == type_
