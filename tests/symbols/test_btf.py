"""BTF: every kind, both ways to tell bitfields, real kernels, and data that is not what it says."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import SymbolError
from memq.symbols import btf_records
from memq.symbols.btf import Btf
from memq.symbols.btf_records import Records, parse_header
from tests.symbols.real import btf_bytes
from tests.synthetic.btf import (
    CONST,
    ENUM,
    FWD,
    INT,
    PTR,
    STRUCT,
    TYPE_TAG,
    TYPEDEF,
    UNION,
    VOLATILE,
    BtfBuilder,
)

if TYPE_CHECKING:
    from memq.symbols.types import Member, StructType, Type
    from tests.lab import Dump

VAR, DATASEC, DECL_TAG = 14, 15, 17


def builder(*, old_bitfields: bool = False) -> BtfBuilder:
    c = BtfBuilder(old_bitfields=old_bitfields)
    c.typedef("pid_t", "int")
    c.typedef("spinlock_t", c.inner({"raw": "unsigned int"}))
    c.enum("pid_type", PIDTYPE_PID=0, PIDTYPE_TGID=1, PIDTYPE_MAX=4)
    c.enum("#", NAMELESS_ONE=1)
    c.enum("state", signed=True, STATE_LOST=-1, STATE_FINE=3)
    c.enum("wide", 8, WIDE=1 << 40)
    c.enum("wide_signed", 8, signed=True, WIDE_LEAST=-(1 << 63))
    c.struct("list_head", {"next": "list_head *", "prev": "list_head *"})
    c.struct(
        "task_struct",
        {
            "comm": "char[16] @ 64",
            "pid": "const volatile pid_t",
            "is_on": "bool",
            "mm": "mm_struct *",
            "low": "unsigned int : 3",
            "middle": "int : 7",
            "high": "unsigned int : 22",
            "kind": "enum pid_type",
            "#": c.union({"rcu": "u64", "#": c.inner({"usage": "int", "flags": "int : 5"})}),
            "lock": "spinlock_t",
            "se": c.inner({"weight": "double"}),
            "tasks": "list_head",
            "call": "function *",
            "grid": "short[2][3]",
            "numbers": "int[]",
        },
        size=512,
    )
    return c


def described(member: Member) -> tuple[int, int | None, int | None, str]:
    return member.offset, member.bit_offset, member.bit_size, str(member.type)


@pytest.mark.parametrize("old_bitfields", [False, True])
def test_members(old_bitfields: bool) -> None:
    types = Btf(builder(old_bitfields=old_bitfields).build())
    task = types.required("task_struct")
    assert (task.name, task.kind, task.size) == ("task_struct", "struct", 512)
    assert {name: described(member) for name, member in task.members.items()} == {
        "comm": (64, None, None, "char[16]"),
        "pid": (80, None, None, "int"),
        "is_on": (84, None, None, "bool"),
        "mm": (88, None, None, "struct mm_struct *"),
        "low": (96, 0, 3, "unsigned int"),
        "middle": (96, 3, 7, "int"),
        "high": (97, 2, 22, "unsigned int"),
        "kind": (100, None, None, "enum pid_type"),
        "rcu": (104, None, None, "u64"),
        "usage": (104, None, None, "int"),
        "flags": (108, 0, 5, "int"),
        "lock": (112, None, None, "struct spinlock_t"),
        "se": (120, None, None, "struct"),
        "tasks": (128, None, None, "struct list_head"),
        "call": (144, None, None, "function *"),
        "grid": (152, None, None, "short[2][3]"),
        "numbers": (164, None, None, "int[0]"),
    }


def test_kinds_and_signs() -> None:
    members = Btf(builder().build()).required("task_struct").members

    def kind(type_: Type | None) -> tuple[str, int, bool] | None:
        return None if type_ is None else (type_.kind, type_.size, type_.signed)

    assert kind(members["comm"].type) == ("array", 16, False)
    assert kind(members["comm"].type.target()) == ("char", 1, True)
    assert kind(members["pid"].type) == ("int", 4, True)
    assert kind(members["is_on"].type) == ("bool", 1, False)
    assert kind(members["mm"].type) == ("pointer", 8, False)
    assert kind(members["rcu"].type) == ("int", 8, False)
    assert kind(members["kind"].type) == ("enum", 4, False)
    assert kind(members["call"].type.target()) == ("function", 0, False)
    assert kind(members["grid"].type) == ("array", 12, False)
    assert members["se"].type.layout() is not None
    weight = Btf(builder().build()).required("task_struct").member("se.weight")
    assert kind(weight.type) == ("float", 8, True)


def test_pointers_resolve_when_they_are_asked() -> None:
    types = Btf(builder().build())
    target = types.required("list_head").members["next"].type.target()
    assert target is not None
    assert target.layout() is types.struct("list_head")
    unknown = types.required("task_struct").members["mm"].type.target()
    assert unknown is not None
    assert (unknown.kind, unknown.name, unknown.layout()) == ("struct", "mm_struct", None)


def test_a_declared_struct_is_found_by_its_name() -> None:
    c = BtfBuilder()
    declared = c.add(FWD, name="late")
    c.add(STRUCT, 8, [c.name("p"), 3, 0], name="early", vlen=1)
    c.add(PTR, declared)
    c.add(FWD, name="late_union", flag=True)
    c.struct("late", {"x": "int"})
    types = Btf(c.build())
    target = types.required("early").members["p"].type.target()
    assert target is not None
    assert target.layout() is types.required("late")
    assert types.required("late").size == 4
    assert types.struct("late_union") is None


def test_the_first_definition_counts() -> None:
    c = BtfBuilder()
    c.add(FWD, name="twice")
    c.add(UNION, 8, name="twice")
    c.add(STRUCT, 16, name="twice")
    found = Btf(c.build()).required("twice")
    assert (found.kind, found.size) == ("union", 8)


def test_an_enum_that_is_declared_first() -> None:
    c = BtfBuilder()
    c.add(ENUM, 4, name="late")
    number = c.add(ENUM, 4, [c.name("LATE"), 7], name="late", vlen=1)
    c.add(ENUM, 4, [c.name("LATER"), 8], name="late", vlen=1)
    c.add(ENUM, 4, name="never")
    types = Btf(c.build())
    late, never = types.enum("late"), types.enum("never")
    assert number == 2
    assert late is not None
    assert never is not None
    assert (late.values, never.values) == ({"LATE": 7}, {})


def test_typedefs_of_structs_and_enums() -> None:
    c = builder()
    c.typedef("task_t", "task_struct")
    c.typedef("kind_t", "const pid_type")
    types = Btf(c.build())
    assert types.struct("task_t") is types.struct("task_struct")
    assert types.required("spinlock_t").members["raw"].offset == 0
    assert types.struct("pid_t") is None
    kind = types.enum("kind_t")
    assert kind is not None
    assert kind.values == {"PIDTYPE_PID": 0, "PIDTYPE_TGID": 1, "PIDTYPE_MAX": 4}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIDTYPE_TGID", 1), ("PIDTYPE_MAX", 4), ("NAMELESS_ONE", 1), ("STATE_LOST", -1),
        ("STATE_FINE", 3), ("WIDE", 1 << 40), ("WIDE_LEAST", -(1 << 63)), ("PIDTYPE", None),
        ("pid_type", None), ("comm", None), ("", None), ("a\0b", None), ("\udc80", None),
    ],
)  # fmt: skip
def test_enumerators(name: str, value: int | None) -> None:
    assert Btf(builder().build()).enumerator(name) == value


def test_enums() -> None:
    types = Btf(builder().build())
    state, wide = types.enum("state"), types.enum("wide_signed")
    assert state is not None
    assert wide is not None
    assert (state.size, state.values) == (4, {"STATE_LOST": -1, "STATE_FINE": 3})
    assert (wide.size, wide.values) == (8, {"WIDE_LEAST": -(1 << 63)})
    assert types.enum("task_struct") is None
    assert types.struct("state") is None


@pytest.mark.parametrize(("newer", "top", "signed"), [(False, -1, True), (True, 0xFFFFFFFF, False)])
def test_enums_before_they_told_their_sign(newer: bool, top: int, signed: bool) -> None:
    c = BtfBuilder()
    c.enum("old", TOP=-1)
    c.struct("holder", {"old": "enum old"})
    if newer:
        c.enum("any", signed=True, ANY=0)
    types = Btf(c.build())
    assert types.enumerator("TOP") == top
    assert types.required("holder").members["old"].type.signed == signed


def test_names_are_those_of_structs_and_unions() -> None:
    assert Btf(builder().build()).names() == ["list_head", "task_struct"]


def test_kinds_that_are_no_types_are_stepped_over() -> None:
    c = BtfBuilder()
    number = c.add(INT, 4, [32], name="int")
    c.add(VAR, number, [1], name="a_variable")
    c.add(DATASEC, 8, [2, 0, 4, 2, 4, 4], name=".data", vlen=2)
    c.add(DECL_TAG, 2, [0xFFFFFFFF], name="tagged")
    tag = c.add(TYPE_TAG, number, name="user")
    c.add(20, 4, [1, 5, 6], vlen=2)
    c.add(21, 0, [1, 2], vlen=2)
    c.add(22, 0, [1, 2, 3], name="inline.text", vlen=1)
    c.add(STRUCT, 4, [c.name("x"), tag, 0], name="holder", vlen=1)
    types = Btf(c.build())
    assert types.count == 9
    assert str(types.required("holder").members["x"].type) == "int"


def test_32_bit_pointers() -> None:
    c = BtfBuilder()
    c.add(INT, 4, [32], name="long unsigned int")
    c.struct("holder", {"p": "void *"})
    assert Btf(c.build()).required("holder").members["p"].size == 4


def test_a_name_may_be_the_tail_of_another() -> None:
    c = BtfBuilder()
    whole = c.name("old_task_struct")
    c.struct("old_task_struct", {"x": "int"})
    c.add(STRUCT, 24, name="")
    data = bytearray(c.build())
    record = struct.pack("<3I", 0, STRUCT << 24, 24)
    place = data.index(record)
    struct.pack_into("<I", data, place, whole + len("old_"))
    assert Btf(bytes(data)).required("task_struct").size == 24


def test_new_kinds_are_refused_unless_their_length_is_told() -> None:
    c = BtfBuilder()
    c.add(40, 7, [1, 2, 3], name="news", vlen=1)
    c.struct("holder", {"x": "int"})
    with pytest.raises(SymbolError, match="BTF type 1 is of kind 40, which is not known"):
        Btf(c.build()).struct("holder")
    c.header_size = 32
    c.layout = b"\0\0\0\0" * 40 + struct.pack("<BBH", 4, 8, 0)
    types = Btf(c.build() + b"what follows")
    assert types.required("holder").size == 4
    assert types.size == len(c.build())


# What is not as it should be


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


# Real kernels

KNOWN = {
    "deb12-6.1-small": (95_246, 9728),
    "deb12-6.1-rootkit": (95_246, 9728),
    "deb11-5.10": (77_779, 9344),
    "deb13-6.12-la57": (108_407, 9792),
}
"""Types, and bytes of a task_struct."""


def outside(layout: StructType) -> list[str]:
    """Return members that end behind their structure."""
    return [f"{layout.name}.{m.name}" for m in layout.members.values() if m.end > layout.size]


def test_real_kernels(dump: Dump) -> None:
    types = Btf(btf_bytes(dump) + b"what follows")
    count, size = KNOWN[dump.guest]
    task = types.required("task_struct")
    assert (types.count, task.size, task.member("comm").size) == (count, size, 16)
    assert task.has("state" if dump.guest == "deb11-5.10" else "__state")  # renamed in 5.14
    assert types.enumerator("PIDTYPE_TGID") == 1
    assert types.required("list_head").offset("prev") == 8
    assert types.pointer_size == 8
    for name in types.names()[::7]:
        assert not outside(types.required(name))


def test_the_index_is_what_a_plain_walk_finds(dump: Dump) -> None:
    records = Records(btf_bytes(dump))
    words = {1: (1, 0), 3: (3, 0), 4: (0, 3), 5: (0, 3), ENUM: (0, 2), 13: (0, 2), 14: (1, 0),
             15: (0, 3), 17: (1, 0), 19: (0, 3)}  # fmt: skip
    place, expected = 0, []
    while place < len(records.words):
        expected.append(place)
        info = records.words[place + 1]
        fixed, each = words.get(info >> 24 & 0x1F, (0, 0))
        place += 3 + fixed + each * (info & 0xFFFF)
    assert records.starts.tolist() == expected
