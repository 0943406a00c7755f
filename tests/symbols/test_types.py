"""Paths into structures, and what types look like as text."""

from __future__ import annotations

import pytest

from memq.errors import SymbolError
from memq.symbols.btf import Btf
from memq.symbols.types import MAX_MEMBERS, Member, StructType, Type, Types, bitfield, flattened
from tests.synthetic.btf import BtfBuilder


@pytest.fixture
def types() -> Types:
    c = BtfBuilder()
    c.struct("upid", {"nr": "int", "ns": "void *"})
    c.struct("pid", {"count": "int", "level": "unsigned int", "numbers": "upid[]"})
    c.struct("old_pid", {"count": "int", "numbers": "upid[2]"})
    c.struct("path", {"mnt": "vfsmount *", "dentry": "dentry *"})
    c.struct(
        "file",
        {
            "f_mode": "unsigned int",
            "f_path": "path",
            "f_next": "file *",
            "#": c.union({"f_count": "long", "f_inner": c.inner({"low": "u32", "high": "u32"})}),
            "grid": "short[2][3]",
        },
    )
    return Btf(c.build())


@pytest.mark.parametrize(
    ("struct", "path", "offset", "kind"),
    [
        ("file", "f_mode", 0, "int"),
        ("file", "f_path", 8, "struct"),
        ("file", "f_path.dentry", 16, "pointer"),
        ("file", "f_inner.high", 36, "int"),
        ("file", "grid", 40, "array"),
        ("file", "grid[1]", 46, "array"),
        ("file", "grid[1][2]", 50, "int"),
        ("pid", "numbers[0].nr", 8, "int"),
        ("pid", "numbers[30].ns", 8 + 30 * 16 + 8, "pointer"),
        ("old_pid", "numbers[1].nr", 24, "int"),
    ],
)
def test_a_path_goes_through_embedded_structures(
    types: Types, struct: str, path: str, offset: int, kind: str
) -> None:
    member = types.required(struct).find(path)
    assert member is not None
    assert (member.offset, member.type.kind) == (offset, kind)
    assert types.required(struct).offset(path) == offset
    assert types.required(struct).has(path)


@pytest.mark.parametrize(
    ("struct", "path"),
    [
        ("file", "f_missing"),
        ("file", "f_path.missing"),
        ("file", "f_next.f_mode"),  # never through pointers
        ("file", "f_mode.x"),
        ("file", "f_mode[0]"),
        ("file", "grid[2]"),
        ("file", "grid[0][0][0]"),
        ("file", "grid[-1]"),
        ("file", "grid[x]"),
        ("file", ""),
        ("file", "."),
        ("file", "f_path."),
        ("old_pid", "numbers[2].nr"),
    ],
)
def test_a_path_that_is_not_there(types: Types, struct: str, path: str) -> None:
    assert types.required(struct).find(path) is None
    with pytest.raises(SymbolError, match=f"struct {struct} of this kernel has no member"):
        types.required(struct).offset(path)


def test_a_struct_that_is_not_there(types: Types) -> None:
    assert types.struct("missing") is None
    with pytest.raises(SymbolError, match="no struct missing"):
        types.required("missing")


def test_types_as_text(types: Types) -> None:
    members = types.required("file").members
    shown = {name: str(member.type) for name, member in members.items()}
    assert shown == {
        "f_mode": "unsigned int",
        "f_path": "struct path",
        "f_next": "struct file *",
        "f_count": "long",
        "f_inner": "struct",
        "grid": "short[2][3]",
    }
    assert str(members["f_next"].type.target()) == "struct file"
    assert repr(types.struct("path")) == "<struct path, 16 bytes, 2 members>"


def test_other_kinds_have_neither_target_nor_layout() -> None:
    number = Type("int", "int", 4)
    assert number.target() is None
    assert number.layout() is None


@pytest.mark.parametrize(
    ("bits", "width", "offset", "shift", "size"),
    [(0, 1, 0, 0, 1), (7, 1, 0, 7, 1), (7, 2, 0, 7, 2), (35, 29, 4, 3, 4), (65, 64, 8, 1, 9)],
)
def test_a_bitfield_takes_the_bytes_that_hold_it(
    bits: int, width: int, offset: int, shift: int, size: int
) -> None:
    member = bitfield("x", bits, width, Type("int", "u64", 8))
    assert (member.offset, member.bit_offset, member.size) == (offset, shift, size)
    assert member.end == offset + size
    assert member.moved(16) == bitfield("x", bits + 128, width, Type("int", "u64", 8))


@pytest.mark.parametrize("width", [0, 65, -1])
def test_a_bitfield_of_no_possible_width(width: int) -> None:
    with pytest.raises(SymbolError, match="bitfield x"):
        bitfield("x", 0, width, Type("int", "int", 4))


def test_anonymous_members_are_bounded() -> None:
    number = Type("int", "int", 4)
    inner = StructType("", "struct", 4, {f"m{i}": Member(f"m{i}", i, number) for i in range(1000)})
    anonymous = Member("", 0, Type("struct"))
    assert len(flattened("x", [(anonymous, inner)] * 3)) == 1000
    with pytest.raises(SymbolError, match="x has too many members"):
        flattened("x", ((anonymous, inner) for _ in range(MAX_MEMBERS)))
