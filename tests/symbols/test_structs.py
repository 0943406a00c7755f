"""Members as columns: every kind of value, blocks, unreadable places, other structures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.column import Text
from memq.errors import Reason, SymbolError
from memq.symbols import structs as module
from memq.symbols.structs import NotAColumnError, Structs
from memq.symbols.types import Member, StructType, Type, bitfield
from tests.symbols.memory import MISSING, PAGE, PAGED, SIZE, TASK, TYPES, Memory, reasons, structs

if TYPE_CHECKING:
    from memq.column import Array


def raw(memory: Memory, address: int, path: str) -> int:
    """Read a member as one unsigned number, by itself."""
    member = TASK.member(path)
    found = memory.read(address + member.offset, member.size)
    assert found is not None
    return int.from_bytes(found, "little")


# Kinds


@pytest.mark.parametrize(
    ("path", "dtype", "bits", "signed"),
    [
        ("state", np.int64, 32, False),
        ("pid", np.int64, 32, True),
        ("flags", np.uint64, 64, False),
        ("stack", np.uint64, 64, False),
        ("small", np.int64, 8, True),
        ("letter", np.int64, 8, True),
        ("short", np.int64, 16, True),
        ("kind", np.int64, 32, True),
        ("limits[2]", np.uint64, 64, False),
        ("grid[1][0]", np.int64, 16, True),
        ("own.uid", np.int64, 32, False),
        ("heads[1].prev", np.uint64, 64, False),
        ("halves[1]", np.int64, 32, False),
        ("numbers[3]", np.int64, 32, True),
    ],
)
def test_numbers(path: str, dtype: type, bits: int, signed: bool) -> None:
    memory, addresses = Memory(), [64, 1000, 7777]
    column = structs(addresses, memory)[path]
    expected = [raw(memory, address, path) for address in addresses]
    if signed:
        expected = [v - (1 << bits) if v >> (bits - 1) else v for v in expected]
    assert column.values.dtype == dtype
    assert column.values.tolist() == expected
    assert column.status is None


@pytest.mark.parametrize(
    ("path", "signed", "dtype"),
    [("low", False, np.int64), ("sign", True, np.int64), ("wide", False, np.uint64)],
)
def test_bitfields(path: str, signed: bool, dtype: type) -> None:
    memory, addresses = Memory(), list(range(64, 2000, 13))
    member = TASK.member(path)
    assert member.bit_offset is not None
    assert member.bit_size is not None
    expected = []
    for address in addresses:
        value = raw(memory, address, path) >> member.bit_offset & (1 << member.bit_size) - 1
        expected.append(
            value - (1 << member.bit_size) if signed and value >> member.bit_size - 1 else value
        )
    column = structs(addresses, memory)[path]
    assert column.values.dtype == dtype
    assert column.values.tolist() == expected


def test_booleans_and_floats() -> None:
    memory = Memory()
    memory.put(64 + TASK.offset("on"), b"\x00")
    memory.put(64 + TASK.offset("weight"), np.float64(-2.5).tobytes())
    memory.put(64 + TASK.offset("load"), np.float32(0.25).tobytes())
    memory.put(1024 + TASK.offset("on"), b"\x02")
    found = structs([64, 1024], memory)
    assert found["on"].values.tolist() == [False, True]
    assert found["on"].values.dtype == bool
    assert (found["weight"].values[0], found["load"].values[0]) == (-2.5, 0.25)
    assert found["load"].values.dtype == np.float64


def test_strings() -> None:
    memory = Memory()
    texts = [
        b"systemd\0garbage!",
        b"systemd".ljust(16, b"\0"),
        b"\0" * 16,
        "naïve\0".encode().ljust(16),
        b"\xff\x80\0".ljust(16, b"x"),
        b"sixteen letters!",
    ]
    addresses = [512 * (i + 1) for i in range(len(texts))]
    for address, text in zip(addresses, texts, strict=True):
        memory.put(address + TASK.offset("comm"), text)
    column = structs([*addresses, MISSING * PAGE], memory)["comm"]
    assert isinstance(column, Text)
    expected = ["systemd", "systemd", "", "naïve", r"\xff\x80", "sixteen letters!"]
    assert column.to_list() == [*expected, None]
    assert sorted(column.words) == sorted(set(expected))


def test_bytes_as_strings() -> None:
    memory = Memory()
    memory.put(64 + TASK.offset("uuid"), b"abc\0defg")
    found = structs([64], memory)
    assert found.text("uuid").to_list() == ["abc"]
    memory.put(64 + TASK.offset("comm"), b"init\0")
    assert structs([64], memory).text("title|comm").to_list() == ["init"]
    missing = found.text("title")
    assert (missing.to_list(), reasons(missing)) == ([None], [Reason.NOT_IN_KERNEL])
    for path in ("pid", "limits", "own"):
        with pytest.raises(NotAColumnError, match=f"task.{path} is .* not an array of bytes"):
            found.text(path)


def test_arrays() -> None:
    memory = Memory()
    memory.put(64 + TASK.offset("limits"), np.arange(4, dtype="<u8").tobytes())
    memory.put(64 + TASK.offset("grid"), np.arange(-3, 3, dtype="<i2").tobytes())
    found = structs([64, MISSING * PAGE], memory)
    limits, status = found.array("limits")
    assert limits.dtype == np.uint64
    assert limits.tolist() == [[0, 1, 2, 3], [0] * 4]
    assert status is not None
    assert status.tolist() == [0, Reason.NOT_IN_DUMP]
    grid, _status = found.array("grid")
    assert grid.dtype == np.int64
    assert grid[0].tolist() == [-3, -2, -1, 0, 1, 2]
    nothing, status = found.array("missing")
    assert nothing.shape == (2, 0)
    assert status is not None
    assert status.tolist() == [Reason.NOT_IN_KERNEL] * 2
    assert found.array("numbers")[0].shape == (2, 0)
    for path in ("pid", "heads", "own"):
        with pytest.raises(NotAColumnError, match=f"task.{path} is .*, not an array of numbers"):
            found.array(path)


def test_bytes() -> None:
    memory = Memory()
    data, status = structs([64, 900], memory).bytes_of("tasks")
    offset = TASK.offset("tasks")
    assert [bytes(row) for row in data] == [memory.read(a + offset, 16) for a in (64, 900)]
    assert status is None
    nothing, status = structs([64], memory).bytes_of("missing")
    assert nothing.shape == (1, 0)
    assert status is not None
    assert status.tolist() == [Reason.NOT_IN_KERNEL]


@pytest.mark.parametrize("path", ["own", "limits", "uuid", "heads", "big", "grid[0]", "tasks"])
def test_what_makes_no_column(path: str) -> None:
    with pytest.raises(NotAColumnError, match="which is no column"):
        structs([64])[path]
    assert issubclass(NotAColumnError, SymbolError)
    assert issubclass(NotAColumnError, TypeError)


def test_places_that_are_no_members() -> None:
    memory = Memory()
    found = structs([64, 1024], memory)
    place = TASK.offset("limits") + 8
    word, text = Type("int", "u64", 8), Type("char", "char", 1, signed=True)
    assert found.column_of(Member("", place, word)).values.tolist() == (
        found["limits[1]"].values.tolist()
    )
    two = Type("array", "", 16, count=2, target_link=lambda: word)
    values, status = found.array_of(Member("", place, two))
    assert values.tolist() == found.array("limits")[0][:, 1:3].tolist()
    assert status is None
    four = Type("array", "", 4, count=4, target_link=lambda: text)
    behind = found.column_of(Member("", TASK.size, four))  # as of a flexible array
    assert isinstance(behind, Text)
    assert memory.asked == [(2, TASK.size), (2, 4)]
    with pytest.raises(NotAColumnError, match="no column"):
        found.column_of(Member("", 0, two))


# Alternatives


def test_the_first_alternative_that_is_there() -> None:
    found = structs([64])
    assert found["__state|state"].values.tolist() == found["state"].values.tolist()
    assert found["pid | state"].values.tolist() == found["pid"].values.tolist()
    assert found.has("__state|state")
    assert not found.has("__state|_state")


def test_an_alternative_that_makes_a_column_comes_first() -> None:
    # As in 6.18, where page.flags became a struct of one member.
    found = structs([64])
    assert found["own|own.uid"].values.tolist() == found["own.uid"].values.tolist()


@pytest.mark.parametrize(
    "path", ["missing", "missing|gone", "cred.uid", "own.missing", "pid[0]", ""]
)
def test_a_member_that_this_kernel_has_not(path: str) -> None:
    memory = Memory()
    column = structs([64, 128], memory)[path]
    assert reasons(column) == [Reason.NOT_IN_KERNEL] * 2
    assert not memory.asked


def test_a_type_that_this_kernel_has_not() -> None:
    found = structs([64, 128], name="missing")
    assert found.type is None
    assert not found.has("pid")
    assert reasons(found["pid"]) == [Reason.NOT_IN_KERNEL] * 2
    assert reasons(found.follow("cred")["uid"]) == [Reason.NOT_IN_KERNEL] * 2
    with pytest.raises(SymbolError, match=r"this kernel has no type\.pid"):
        found.address_of("pid")


# Blocks


def test_a_small_structure_is_gathered_once() -> None:
    memory = Memory()
    found = structs([64, 1024], memory)
    for path in ("pid", "comm", "flags", "own.uid", "low"):
        _ = found[path]
    assert memory.asked == [(2, TASK.size)]


def test_a_large_structure_is_gathered_by_blocks() -> None:
    memory = Memory()
    memory.put(64 + 508, (123456789 << 30).to_bytes(8, "little"))
    found = structs([64, 128], memory, "huge")
    _ = found["first"]
    assert memory.asked == [(2, 512)]
    assert found["edge"].values[0] == 123456789 << 30  # in the first two blocks
    assert memory.asked == [(2, 512)] * 2
    _ = found["mid"], found["mid"]
    assert memory.asked == [(2, 512)] * 3
    _ = found["last"]
    assert memory.asked == [(2, 512)] * 3 + [(2, 10000 - 19 * 512)]


def test_nothing_is_gathered_for_no_structures() -> None:
    memory = Memory()
    found = structs([], memory)
    assert len(found["pid"]) == len(found["comm"]) == len(found.follow("cred")) == 0
    assert len(found.array("limits")[0]) == 0
    assert not memory.asked


def test_many_structures_are_read_without_keeping_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 1000)
    memory = Memory()
    found = structs([64 * i for i in range(1, 6)], memory)
    assert found["pid"].values[0] == structs([64], Memory())["pid"].values[0]
    assert memory.asked == [(5, 4)]


@pytest.mark.parametrize("size", [1 << 21, 1 << 62])
def test_members_of_impossible_size(size: int) -> None:
    layout = StructType("s", "struct", 1 << 63, {"m": Member("m", 0, Type("array", "", size))})
    found = Structs(Memory(), TYPES, layout, np.array([0], np.uint64))
    with pytest.raises(SymbolError, match="too much"):
        found.bytes_of("m")


# Unreadable places


def test_what_cannot_be_read_has_its_reason() -> None:
    addresses = [64, MISSING * PAGE + 64, PAGED * PAGE + 64, SIZE + 5]
    column = structs(addresses)["pid"]
    assert reasons(column) == [0, Reason.NOT_IN_DUMP, Reason.PAGED_OUT, Reason.MALFORMED]
    assert column.values[1:].tolist() == [0, 0, 0]


def test_rows_without_an_address_are_not_read() -> None:
    memory = Memory()
    status = np.array([0, Reason.NULL, Reason.LOOP], np.uint8)
    found = structs([64, 0, 128], memory, status=status)
    assert reasons(found["pid"]) == [0, Reason.NULL, Reason.LOOP]
    assert found["pid"].values.tolist() == [structs([64])["pid"].values[0], 0, 0]
    assert memory.asked == [(1, TASK.size)]


def test_a_member_on_a_page_that_is_there_is_known_beside_one_that_is_not() -> None:
    memory = Memory()
    at_the_end = MISSING * PAGE - 48  # state to parent lie before the missing page, the rest in it
    at_the_start = (MISSING + 1) * PAGE - 48
    status = np.array([0, 0, 0, Reason.NULL], np.uint8)
    found = structs([64, at_the_end, at_the_start, 0], memory, status=status)
    missing = Reason.NOT_IN_DUMP
    assert reasons(found["pid"]) == [0, 0, missing, Reason.NULL]
    assert found["pid"].values[1] == int.from_bytes(
        memory.read(at_the_end + 4, 4) or b"", "little", signed=True
    )
    assert reasons(found["weight"]) == [0, missing, 0, Reason.NULL]
    assert reasons(found.follow("parent")) == [0, 0, missing, Reason.NULL]
    assert memory.asked[0] == (3, TASK.size)
    assert all(rows <= 2 for rows, _size in memory.asked[1:])
    only_pid = structs([at_the_end], memory)["pid"]
    assert only_pid.status is None


# Any structure


@st.composite
def layouts(draw: st.DrawFn) -> StructType:
    members: dict[str, Member] = {}
    for number in range(draw(st.integers(1, 6))):
        name = f"m{number}"
        offset, size = draw(st.integers(0, 1400)), draw(st.sampled_from([1, 2, 4, 8]))
        type_ = Type(draw(st.sampled_from(["int", "enum"])), "x", size, draw(st.booleans()))
        if draw(st.booleans()):
            width = draw(st.integers(1, size * 8))
            members[name] = bitfield(name, offset * 8 + draw(st.integers(0, 7)), width, type_)
        else:
            members[name] = Member(name, offset, type_)
    size = draw(st.sampled_from([100, 512, 513, 1024, 1500]))
    return StructType("s", "struct", size, members)


def one(memory: Memory, address: int, member: Member) -> tuple[int, int]:
    """Value and reason of one member of one structure."""
    place = address + member.offset
    data = memory.read(place, member.size)
    if data is None:
        return 0, memory.reason(place, member.size)
    width = member.bit_size or member.size * 8
    value = int.from_bytes(data, "little") >> (member.bit_offset or 0) & (1 << width) - 1
    is_negative = member.type.signed and value >> width - 1
    return value - (1 << width) if is_negative else value, 0


@settings(max_examples=150, deadline=None)
@given(layouts(), st.lists(st.integers(0, SIZE - 3000), max_size=8), st.randoms())
def test_columns_are_what_each_structure_holds(
    layout: StructType, places: list[int], random: object
) -> None:
    memory = Memory()
    found = Structs(memory, TYPES, layout, np.array(places, np.uint64))
    for name, member in layout.members.items():
        column = found[name]
        values: Array = column.values
        got = list(zip(values.tolist(), reasons(column), strict=True))
        assert got == [one(memory, address, member) for address in places]
