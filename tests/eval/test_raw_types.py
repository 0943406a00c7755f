"""What may be done with the kernel's types: asked of types alone, nothing is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.eval.raw_types import (
    element_of,
    find_type,
    has_text,
    is_list_head,
    layout,
    member_of,
    members_of,
    place_of,
    structure_of,
    target_of,
    type_names,
    value_type,
    written,
)
from memq.schema.kinds import Kind, ValueType
from memq.symbols.btf import Btf
from memq.symbols.types import Type
from tests.os.linux.small import SmallTypes
from tests.symbols.declared import builder
from tests.symbols.memory import TASK, TYPES


def found(name: str) -> Type:
    type_ = find_type(TYPES, name)
    assert type_ is not None, name
    return type_


def member(path: str) -> Type:
    type_: Type | None = found("task")
    for name in path.split("."):
        assert type_ is not None
        type_ = member_of(type_, name)
    assert type_ is not None, path
    return type_


def test_members_by_name() -> None:
    assert members_of(found("task"))[:4] == ["state", "pid", "flags", "stack"]
    assert "halves" in members_of(found("task"))  # of an anonymous union
    assert members_of(found("task *")) == members_of(found("task"))
    assert written(member("parent.cred.uid")) == "unsigned int"
    for type_ in (found("task **"), found("int"), found("void *"), member("limits")):
        assert not members_of(type_)
        assert structure_of(type_) is None
        assert member_of(type_, "pid") is None
    assert member_of(found("task"), "missing") is None
    assert not members_of(member("opaque"))


def test_layouts() -> None:
    rows = {row.name: row for row in layout(found("task"))}
    assert rows["pid"].offset == TASK.offset("pid")
    assert (rows["sign"].bit_offset, rows["sign"].bit_size) == (3, 5)
    place = place_of(found("task"), "own.uid")
    assert place is not None
    assert place.offset == TASK.offset("own.uid")
    assert place_of(found("task"), "own.missing") is None
    assert place_of(found("int"), "x") is None


def test_elements_and_targets() -> None:
    for type_, element, target in (
        (member("limits"), "u64", "u64"),
        (member("grid"), "short [3]", "short [3]"),
        (member("cred"), "struct cred", "struct cred"),
        (member("opaque"), None, "struct lost"),
        (found("void *"), None, None),
        (found("int"), None, None),
    ):
        inner, outer = element_of(type_), target_of(type_)
        assert (inner and written(inner)) == element
        assert (outer and written(outer)) == target


def test_types_of_values() -> None:
    for path, kind in {
        "pid": Kind.NUMBER, "flags": Kind.NUMBER, "letter": Kind.NUMBER, "on": Kind.BOOLEAN,
        "weight": Kind.FLOAT, "load": Kind.FLOAT, "stack": Kind.ADDRESS, "cred": Kind.ADDRESS,
        "comm": Kind.STRING, "low": Kind.NUMBER, "numbers": None, "uuid": None, "own": None,
        "limits": None, "big": None, "heads": None,
    }.items():  # fmt: skip
        got = value_type(member(path))
        assert (got and got.kind) == kind, path
    assert value_type(member("kind")) == ValueType(Kind.ENUM, names=(("LEAST", -5),))
    assert value_type(Type("void")) is None
    texts = [path for path in members_of(found("task")) if has_text(member(path))]
    assert texts == ["comm", "uuid"]


def test_heads_of_lists() -> None:
    assert is_list_head(member("tasks"))
    assert is_list_head(found("list_head *"))
    assert not is_list_head(found("task"))
    assert not is_list_head(member("stack"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("task", "struct task"),
        ("struct task", "struct task"),
        (" struct  task ", "struct task"),
        ("task *", "struct task *"),
        ("const struct task **", "struct task **"),
        ("enum kind", "enum kind"),
        ("kind", "enum kind"),
        ("unsigned int", "unsigned int"),
        ("unsigned", "unsigned int"),
        ("int unsigned", "unsigned int"),
        ("signed int", "int"),
        ("long unsigned int", "unsigned long"),
        ("unsigned long", "unsigned long"),
        ("short int", "short"),
        ("long long", "long long"),
        ("char", "char"),
        ("signed char", "signed char"),
        ("unsigned char [4]", "unsigned char [4]"),
        ("u64", "u64"),
        ("uint8_t", "uint8_t"),
        ("__le32", None),
        ("_Bool", "bool"),
        ("bool", "bool"),
        ("double", "double"),
        ("void *", "void *"),
        ("task * [3][2]", "struct task *[3][2]"),
        ("union task", None),
        ("enum task", None),
        ("struct kind", None),
        ("struct", None),
        ("missing", None),
        ("long char", None),
        ("unsigned signed", None),
        ("long long long", None),
        ("int int", None),
        ("task [0]", None),
        ("task [999999999]", None),
        ("void [3]", None),
        ("* task", None),
        ("task ** *[2]x", None),
        ("", None),
        ("const", None),
        ("x" * 300, None),
        ("int" + "*" * 40, None),
    ],
)
def test_names_as_people_write_them(text: str, name: str | None) -> None:
    type_ = find_type(TYPES, text)
    assert (type_ and written(type_)) == name


def test_numbers_have_the_sizes_and_signs_of_c() -> None:
    for types in (TYPES, SmallTypes("")):
        for name, size, signed in (
            ("char", 1, True), ("unsigned char", 1, False), ("short", 2, True), ("int", 4, True),
            ("unsigned long", 8, False), ("long long", 8, True), ("u16", 2, False),
            ("int32_t", 4, True), ("s64", 8, True), ("float", 4, True), ("double", 8, True),
            ("bool", 1, False), ("void", 0, False),
        ):  # fmt: skip
            type_ = find_type(types, name)
            assert type_ is not None
            assert (type_.size, type_.signed) == (size, signed), name
            pointer = find_type(types, f"{name} *")
            assert pointer is not None
            assert (pointer.size, pointer.target()) == (8, type_)


def test_typedefs_and_structures_without_a_tag() -> None:
    types = Btf(builder().build())
    for name, expected in (("pid_t", "int"), ("spinlock_t", "struct spinlock_t")):
        type_ = find_type(types, name)
        assert type_ is not None
        assert written(type_) == expected
    task = find_type(types, "task_struct")
    assert task is not None
    inner, call = member_of(task, "se"), member_of(task, "call")
    assert inner is not None
    assert call is not None
    assert written(inner) == "struct { ... }"
    assert written(call) == "function *"
    assert value_type(call) == ValueType(Kind.ADDRESS)
    assert target_of(call) is None
    state = find_type(types, "state")
    assert state is not None
    assert state.signed
    assert state.constants() == {"STATE_LOST": -1, "STATE_FINE": 3}
    assert type_names(types) == types.names()


@given(st.lists(st.sampled_from(["*", "[2]", "[7]"]), max_size=6))
def test_written_names_are_found_again(parts: list[str]) -> None:
    stars, counts = [p for p in parts if p == "*"], [p for p in parts if p != "*"]
    text = f"struct cred {''.join(stars)}{''.join(counts)}".rstrip()
    type_ = found(text)
    assert written(type_) == text
    assert written(found(written(type_))) == text


def test_a_pointer_to_an_array_is_told_from_an_array_of_pointers() -> None:
    array = found("int [4]")
    assert written(Type("pointer", size=8, target_link=lambda: array)) == "int (*)[4]"
    assert written(found("int *[4]")) == "int *[4]"
    flexible = member("numbers")
    assert written(flexible) == "int []"
