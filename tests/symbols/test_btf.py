"""BTF: every kind, both ways to tell bitfields, real kernels, and data that is not what it says."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from memq.errors import SymbolError
from memq.symbols.btf import Btf
from memq.symbols.btf_records import Records
from memq.symbols.types import Type
from tests.symbols.declared import builder
from tests.symbols.real import btf_bytes
from tests.synthetic.btf import (
    ENUM,
    FWD,
    INT,
    PTR,
    STRUCT,
    TYPE_TAG,
    UNION,
    BtfBuilder,
)

if TYPE_CHECKING:
    from memq.symbols.types import Member, StructType
    from tests.lab import Dump

VAR, DATASEC, DECL_TAG = 14, 15, 17


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


def test_numbers_and_typedefs_by_name() -> None:
    types = Btf(builder().build())
    for name, expected in {
        "unsigned int": Type("int", "unsigned int", 4),
        "char": Type("char", "char", 1, signed=True),
        "double": Type("float", "double", 8, signed=True),
        "pid_t": Type("int", "int", 4, signed=True),
        "spinlock_t": Type("struct", "spinlock_t", 4),
        "task_struct": None,
        "missing": None,
    }.items():
        assert types.named(name) == expected


def test_constants_of_the_enum_that_a_member_is() -> None:
    types = Btf(builder().build())
    kind = types.required("task_struct").member("kind").type
    assert kind.constants() == {"PIDTYPE_PID": 0, "PIDTYPE_TGID": 1, "PIDTYPE_MAX": 4}
    assert types.required("task_struct").member("pid").type.constants() == {}


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
