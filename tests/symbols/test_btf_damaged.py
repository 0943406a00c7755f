"""BTF that is not what it says, as hostile or damaged memory holds it: refused, and soon."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import SymbolError
from memq.symbols import btf_records
from memq.symbols.btf import Btf
from memq.symbols.btf_records import parse_header
from tests.symbols.declared import builder
from tests.synthetic.btf import CONST, INT, PTR, STRUCT, TYPEDEF, UNION, VOLATILE, BtfBuilder

VAR, DATASEC = 14, 15


def build_with(*records: tuple[int, int, list[int]], flag: bool = False) -> Btf:
    """Return BTF of a struct `s` of one member of type 2, and these records from type 2 on."""
    c = BtfBuilder()
    c.add(STRUCT, 8, [c.name("m"), 2, 0], name="s", vlen=1, flag=flag)
    for kind, size, body in records:
        c.add(kind, size, body, name="t", vlen=len(body) // 3 if kind in {STRUCT, UNION} else 0)
    return Btf(c.build())


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ([(TYPEDEF, 2, [])], "typedefs without an end"),
        ([(TYPEDEF, 3, []), (CONST, 2, [])], "typedefs without an end"),
        ([(VOLATILE, 99, [])], "there is no type 99"),
        ([(3, 0, [2, 2, 4])], "arrays in arrays without an end"),
        ([(3, 0, [3, 3, 1 << 30]), (INT, 4, [32])], "an array of 4294967296 bytes"),
        ([(DATASEC, 0, [])], "type 2 of kind 15 as a type"),
        ([(VAR, 0, [0])], "type 2 of kind 14 as a type"),
    ],
)
def test_types_that_cannot_be(records: list[tuple[int, int, list[int]]], complaint: str) -> None:
    with pytest.raises(SymbolError, match=complaint):
        build_with(*records).struct("s")


def test_anonymous_structs_in_each_other() -> None:
    c = BtfBuilder()
    c.add(STRUCT, 8, [0, 2, 0], name="s", vlen=1)
    c.add(STRUCT, 8, [0, 1, 0], vlen=1)
    with pytest.raises(SymbolError, match="no end of members"):
        Btf(c.build()).struct("s")


def test_a_pointer_to_itself_has_a_name() -> None:
    members = build_with((PTR, 2, [])).required("s").members
    assert str(members["m"].type).startswith("pointer ***")


def test_anonymous_bitfields_are_padding() -> None:
    c = BtfBuilder()
    number = c.add(INT, 4, [32], name="int")
    c.add(STRUCT, 8, [0, number, 3 << 24], name="s", vlen=1, flag=True)
    assert not Btf(c.build()).required("s").members


def test_a_member_between_bytes() -> None:
    c = BtfBuilder()
    pointer = c.add(PTR, 0)
    c.add(STRUCT, 8, [c.name("m"), pointer, 3], name="s", vlen=1)
    with pytest.raises(SymbolError, match="member m starts at bit 3"):
        Btf(c.build()).struct("s")


def test_an_int_that_tells_no_bits_has_those_of_its_size() -> None:
    member = build_with((INT, 4, [0])).required("s").members["m"]
    assert (member.size, member.bit_size) == (4, None)


def test_an_int_of_too_many_bits() -> None:
    with pytest.raises(SymbolError, match="bitfield m of 65 bits"):
        build_with((INT, 16, [65])).struct("s")


@pytest.mark.parametrize(
    ("offset", "value", "complaint"),
    [
        (0, 0x9FEB, "no BTF here"),
        (2, 2, "version 2"),
        (4, 20, "header of 20 bytes"),
        (4, 1 << 30, "header of"),
        (8, 2, "malformed"),
        (12, 6, "malformed"),
        (12, 0xFFFFFFFC, "malformed"),
        (16, 0, "overlap"),
        (20, 0, "start and end with a NUL"),
        (20, 1 << 20, "of which"),
    ],
)
def test_headers_that_cannot_be(offset: int, value: int, complaint: str) -> None:
    data = bytearray(builder().build())
    struct.pack_into("<H" if offset < 4 else "<I", data, offset, value)
    with pytest.raises(SymbolError, match=complaint):
        Btf(bytes(data))


def test_too_short_for_a_header() -> None:
    with pytest.raises(SymbolError, match="shorter than its header"):
        Btf(b"\x9f\xeb\x01\0")


def test_the_header_tells_how_much_to_read() -> None:
    data = builder().build()
    assert parse_header(data[:32]).size == parse_header(data).size == len(data)


def test_the_last_record_ends_where_the_section_does() -> None:
    c = BtfBuilder()
    c.add(STRUCT, 8, [0, 0, 0], name="s", vlen=2)
    with pytest.raises(SymbolError, match="type 1 goes beyond the end"):
        Btf(c.build()).struct("s")


def test_no_types_at_all() -> None:
    types = Btf(BtfBuilder().build())
    assert (types.count, types.names(), types.struct("x"), types.enumerator("x")) == (
        0,
        [],
        None,
        None,
    )


def test_a_name_without_an_end_is_not_read_for_ever() -> None:
    c = BtfBuilder()
    c.add(STRUCT, 8, [c.name("m" * btf_records.MAX_NAME), 0, 0], name="s", vlen=1)
    with pytest.raises(SymbolError, match="no name at"):
        Btf(c.build()).struct("s")


def ask_everything(data: bytes) -> None:
    """Ask all there is to ask; what comes out of it does not matter."""
    types = Btf(data)
    for name in (*types.names(), "task_struct", "spinlock_t", "list_head"):
        layout = types.struct(name)
        for member in layout.members.values() if layout else ():
            _ = str(member.type), member.end, member.type.layout()
    for name in ("pid_type", "state", "wide_signed"):
        types.enum(name)
    for name in ("PIDTYPE_TGID", "NAMELESS_ONE", "WIDE_LEAST"):
        types.enumerator(name)


GOOD = builder().build()


@pytest.mark.parametrize("value", [0, 0xFF, None])
def test_any_byte_changed_gives_an_answer_or_a_symbol_error(value: int | None) -> None:
    refused = 0
    for place in range(len(GOOD)):
        data = bytearray(GOOD)
        data[place] = data[place] ^ 0x80 if value is None else value
        try:
            ask_everything(bytes(data))
        except SymbolError:
            refused += 1
    assert 0 < refused < len(GOOD)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8),
       st.integers(0, len(GOOD)))  # fmt: skip
@settings(max_examples=300, deadline=2000)
def test_any_damage_gives_an_answer_or_a_symbol_error(
    changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    for shown in (bytes(data), bytes(data[:length])):
        try:
            ask_everything(shown)
        except SymbolError:
            continue


@given(st.binary(max_size=600))
def test_any_records_give_an_answer_or_a_symbol_error(noise: bytes) -> None:
    records = noise[: len(noise) // 4 * 4]
    names = b"\0task_struct\0state\0"
    header = struct.pack("<HBBI4I", 0xEB9F, 1, 0, 24, 0, len(records), len(records), len(names))
    try:
        ask_everything(header + records + names)
    except SymbolError:
        return


def test_hostile_sizes_take_no_time_and_no_memory() -> None:
    # 32 layers of structs, each of 2,000 anonymous members that are the layer below.
    c = BtfBuilder()
    number = c.add(STRUCT, 4, [c.name("x"), 0, 0], vlen=1)
    for _ in range(31):
        number = c.add(STRUCT, 4, [0, number, 0] * 2000, vlen=2000)
    c.add(STRUCT, 4, [0, number, 0] * 2000, name="s", vlen=2000)
    start = time.perf_counter()
    assert list(Btf(c.build()).required("s").members) == ["x"]
    assert time.perf_counter() - start < 5


def test_a_name_that_a_million_records_have() -> None:
    records = struct.pack("<3I", 2, TYPEDEF << 24, 0) * 1_000_000
    names = b"\0ba" * 1_000_000 + b"\0"  # all of them are the tail of a longer name, too
    header = struct.pack("<HBBI4I", 0xEB9F, 1, 0, 24, 0, len(records), len(records), len(names))
    types = Btf(header + records + names)
    start = time.perf_counter()
    assert [types.struct("a"), types.enum("a"), types.enumerator("a")] == [None] * 3
    assert time.perf_counter() - start < 10
