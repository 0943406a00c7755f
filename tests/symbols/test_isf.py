"""Symbol tables: held equal to the BTF of the same kernel, and refused where they do not hold."""

from __future__ import annotations

import copy
import json
import lzma
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import ImageError, SymbolError
from memq.symbols.btf import Btf
from memq.symbols.isf import Isf
from memq.symbols.table_files import open_table
from memq.symbols.types import Type
from tests.symbols.isf_files import read_isf
from tests.symbols.real import btf_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from memq.symbols.types import Member, StructType
    from tests.lab import Dump, Lab


def pointer(to: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "pointer", "subtype": to}


def base(name: str) -> dict[str, Any]:
    return {"kind": "base", "name": name}


INT, CHAR = base("int"), base("char")

SMALL: dict[str, Any] = {
    "metadata": {},
    "base_types": {
        "int": {"kind": "int", "size": 4, "signed": True, "endian": "little"},
        "char": {"kind": "char", "size": 1, "signed": True, "endian": "little"},
        "unsigned char": {"kind": "char", "size": 1, "signed": False, "endian": "little"},
        "_Bool": {"kind": "bool", "size": 1, "signed": True, "endian": "little"},
        "double": {"kind": "float", "size": 8, "signed": True, "endian": "little"},
        "void": {"kind": "void", "size": 0, "signed": False, "endian": "little"},
        "pointer": {"kind": "int", "size": 8, "signed": False, "endian": "little"},
    },
    "user_types": {
        "_EPROCESS": {
            "kind": "struct",
            "size": 64,
            "fields": {
                "ImageFileName": {
                    "offset": 32,
                    "type": {"kind": "array", "count": 15, "subtype": base("unsigned char")},
                },
                "Name": {"offset": 16, "type": {"kind": "array", "count": 8, "subtype": CHAR}},
                "Next": {"offset": 8, "type": pointer({"kind": "struct", "name": "_EPROCESS"})},
                "Lost": {"offset": 24, "type": pointer({"kind": "struct", "name": "_LOST"})},
                "Flags": {
                    "offset": 4,
                    "type": {
                        "kind": "bitfield",
                        "bit_position": 9,
                        "bit_length": 3,
                        "type": INT,
                    },
                },
                "unnamed_field_0": {
                    "offset": 48,
                    "anonymous": True,
                    "type": {"kind": "union", "name": "unnamed_1234"},
                },
                "On": {"offset": 56, "type": base("_Bool")},
                "Kind": {"offset": 60, "type": {"kind": "enum", "name": "_KIND"}},
                "Call": {"offset": 0, "type": pointer({"kind": "function"})},
            },
        },
        "unnamed_1234": {
            "kind": "union",
            "size": 8,
            "fields": {
                "Weight": {"offset": 0, "type": base("double")},
                "Nothing": {"offset": 0, "type": pointer(base("void"))},
            },
        },
    },
    "enums": {"_KIND": {"base": "int", "size": 4, "constants": {"KindOne": 1, "KindLost": -1}}},
    "symbols": {
        "PsInitialSystemProcess": {"address": 4096, "type": pointer(INT)},
        "linux_banner": {"address": 1 << 63, "constant_data": "TGludXggdmVyc2lvbg=="},
        "plain": {"address": 0},
    },
}


def small(**changes: object) -> Isf:
    return Isf(json.dumps(SMALL | changes).encode())


def test_members() -> None:
    process = small().required("_EPROCESS")
    assert (process.name, process.kind, process.size) == ("_EPROCESS", "struct", 64)
    shown = {
        name: (m.offset, m.bit_offset, m.bit_size, str(m.type))
        for name, m in process.members.items()
    }
    assert shown == {
        "Call": (0, None, None, "function *"),
        "Flags": (5, 1, 3, "int"),
        "Next": (8, None, None, "struct _EPROCESS *"),
        "Name": (16, None, None, "char[8]"),
        "Lost": (24, None, None, "struct _LOST *"),
        "ImageFileName": (32, None, None, "unsigned char[15]"),
        "Weight": (48, None, None, "double"),
        "Nothing": (48, None, None, "void *"),
        "On": (56, None, None, "_Bool"),
        "Kind": (60, None, None, "enum _KIND"),
    }
    assert list(process.members) == list(shown)


def test_kinds() -> None:
    members = small().required("_EPROCESS").members
    byte, char = members["ImageFileName"].type.target(), members["Name"].type.target()
    assert byte is not None
    assert char is not None
    assert (byte.kind, char.kind) == ("int", "char")  # only `char` itself is text
    assert (members["On"].type.kind, members["On"].type.signed) == ("bool", False)
    assert (members["Kind"].type.kind, members["Kind"].type.signed) == ("enum", True)
    following, lost = members["Next"].type.target(), members["Lost"].type.target()
    assert following is not None
    assert lost is not None
    assert following.layout() is not None
    assert lost.layout() is None


def test_symbols() -> None:
    table = small()
    assert table.symbols == {"PsInitialSystemProcess": 4096, "linux_banner": 1 << 63, "plain": 0}
    assert table.constants == {"linux_banner": b"Linux version"}
    assert str(table.symbol_type("PsInitialSystemProcess")) == "int *"
    assert table.symbol_type("plain") is None
    assert table.symbol_type("missing") is None


def test_enums_and_names() -> None:
    table = small()
    kind = table.enum("_KIND")
    assert kind is not None
    assert (kind.size, kind.values) == (4, {"KindOne": 1, "KindLost": -1})
    assert (table.enumerator("KindLost"), table.enumerator("None")) == (-1, None)
    assert (table.enum("missing"), table.struct("missing")) == (None, None)
    assert table.names() == ["_EPROCESS"]
    assert table.required("_EPROCESS").member("Kind").type.constants() == kind.values
    assert table.named("unsigned char") == Type("int", "unsigned char", 1)
    assert (table.named("pointer"), table.named("_KIND")) == (None, None)


def test_pointers_of_32_bits() -> None:
    bases = SMALL["base_types"] | {"pointer": {"kind": "int", "size": 4, "signed": False}}
    assert small(base_types=bases).required("_EPROCESS").members["Next"].size == 4


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"[]", b"{}", b'{"base_types": {}, "user_types": {}, "enums": {}}', b"\xff",
     b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_symbol_table(document: bytes) -> None:
    with pytest.raises(SymbolError, match="no symbol table"):
        Isf(document)


def test_structs_in_themselves() -> None:
    fields = {"x": {"offset": 0, "anonymous": True, "type": {"kind": "struct", "name": "s"}}}
    table = small(user_types={"s": {"kind": "struct", "size": 8, "fields": fields}})
    with pytest.raises(SymbolError, match="no end of members"):
        table.struct("s")


def test_arrays_in_arrays() -> None:
    nested: dict[str, Any] = INT
    for _ in range(100):
        nested = {"kind": "array", "count": 1, "subtype": nested}
    fields = {"x": {"offset": 0, "type": nested}}
    table = small(user_types={"s": {"kind": "struct", "size": 8, "fields": fields}})
    with pytest.raises(SymbolError, match="arrays in arrays"):
        table.struct("s")


def ask_everything(table: Isf) -> None:
    for name in table.names():
        layout = table.struct(name)
        for member in layout.members.values() if layout else ():
            _ = str(member.type), member.end, member.type.layout(), member.type.constants()
    for name in ("_KIND", "missing"):
        table.enum(name)
        table.enumerator(name)
        table.named(name)
    for name in table.symbols:
        table.symbol_type(name)
    _ = table.constants


def places(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path of everything below a value."""
    if not isinstance(value, dict):
        return []
    below = [found for key in value for found in places(value[key], (*path, key))]
    return [(*path, key) for key in value] + below


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(places(SMALL)),
    st.sampled_from(
        [None, {}, [], "", "struct", "array", -1, 1.5, True, 1 << 60, 3, {"kind": "array"}]
    ),
)
def test_any_part_changed_gives_an_answer_or_a_symbol_error(
    path: tuple[str, ...], value: object
) -> None:
    changed = copy.deepcopy(SMALL)
    holder: dict[str, Any] = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    try:
        ask_everything(Isf(json.dumps(changed).encode()))
    except SymbolError:
        return


def test_files(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.json", tmp_path / "packed.json.xz"
    plain.write_bytes(json.dumps(SMALL).encode())
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    assert open_table(plain).rvas == open_table(packed).rvas == small().symbols
    damaged = tmp_path / "damaged.json.xz"
    damaged.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(ImageError, match=r"damaged\.json\.xz"):
        open_table(damaged)
    other = tmp_path / "other.xz"
    other.write_bytes(lzma.compress(b"\x7fELF"))
    with pytest.raises(SymbolError, match="no symbol table is in it"):
        open_table(other)


# The same kernel from both sources

OTHER_DEFINITIONS = {
    "elf_thread_core_info", "irq_info", "netlbl_domhsh_walk_arg", "perf_aux_event", "syscall_tp_t",
}  # fmt: skip
"""Tags that several files of the kernel define differently; the sources took different ones."""
ONE_OF_THEM_INSIDE = {"elf_note_info": {"thread"}}
DECLARED_AS_UNION = {"efi_system_table_t": {"con_in", "con_out", "boottime"}}
"""The table calls structs and unions that are only declared all structs."""
ONLY_DECLARED_ENUMS = {"nf_nat_manip_type", "x86_intercept_stage"}
"""BTF gives them the size of an int, the table none."""
WRAPPED_ENUMS = {"hmm_pfn_flags", "perf_callchain_context"}
"""Unsigned, of 64 bits; the table calls them signed, and large values are negative in it."""


def kind(type_: Type, depth: int = 0) -> tuple[object, ...]:
    """Describe a type so that both sources agree.

    pahole makes one array of arrays in arrays, and gives nameless structs no names.
    """
    target = type_.target()
    if type_.kind == "array" and target is not None:
        while target.kind == "array" and (inner := target.target()) is not None:
            target = inner
        return ("array", type_.size, *kind(target, depth))
    if type_.kind == "pointer" and target is not None and depth < 4:
        return ("pointer", type_.size, *kind(target, depth + 1))
    if type_.kind in {"struct", "union", "enum", "function"}:
        return (type_.kind, type_.size, type_.signed)
    return (type_.kind, type_.size, type_.signed, type_.name)


def shape(member: Member) -> tuple[object, ...]:
    return (member.offset, member.bit_offset, member.bit_size, *kind(member.type))


def differences(left: StructType, right: StructType) -> set[str]:
    names = set(left.members) | set(right.members)
    return {
        name
        for name in names
        if name not in left.members
        or name not in right.members
        or shape(left.members[name]) != shape(right.members[name])
    }


@pytest.fixture(scope="module")
def both(lab: Lab, sample_dump: Dump) -> tuple[Btf, Isf]:
    table = read_isf(lab.unpacked("linux/deb12-6.1.isf.json.xz"))
    return Btf(btf_bytes(sample_dump)), table


def test_structs_are_the_same_in_both(both: tuple[Btf, Isf]) -> None:
    btf, table = both
    found: dict[str, set[str]] = {}
    names = [name for name in table.names() if btf.struct(name) is not None]
    assert len(names) == 7665
    for name in names:
        left, right = btf.required(name), table.required(name)
        same = differences(left, right)
        if same or (left.size, left.kind) != (right.size, right.kind):
            found[name] = same
    for name in OTHER_DEFINITIONS:
        assert found.pop(name)
    assert found == ONE_OF_THEM_INSIDE | DECLARED_AS_UNION


def test_every_tag_of_the_btf_is_in_the_table(both: tuple[Btf, Isf]) -> None:
    btf, table = both
    assert set(btf.names()) <= set(table.names())


def test_enums_are_the_same_in_both(both: tuple[Btf, Isf]) -> None:
    btf, table = both
    names = [name for name in table._enums if btf.enum(name) is not None]
    assert len(names) > 1000
    different = []
    for name in names:
        left, right = btf.enum(name), table.enum(name)
        assert left is not None
        assert right is not None
        if (left.size, left.values) != (right.size, right.values):
            different.append(name)
    assert set(different) == ONLY_DECLARED_ENUMS | WRAPPED_ENUMS


def test_symbols_of_a_kernel(both: tuple[Btf, Isf]) -> None:
    table = both[1]
    assert len(table.symbols) == 149_021
    assert table.symbols["init_task"] == 0xFFFFFFFF82A1AA40
    assert table.constants["linux_banner"].startswith(b"Linux version 6.1.0-56-cloud-amd64")
    assert str(table.symbol_type("init_task")) == "struct task_struct"


def headers(guid: str, **places: int) -> Isf:
    """Return a table with a struct of 24 bytes that has a nameless part in its middle."""
    part = {"kind": "union", "name": "u_1"}
    long = base("double")
    outer = {
        "First": {"offset": places["first"], "type": long},
        "u_1": {"offset": places["part"], "type": part, "anonymous": True},
        "Last": {"offset": places["last"], "type": long},
    }
    inner = {"A": {"offset": 0, "type": INT}, "B": {"offset": 0, "type": INT}}
    return small(
        metadata={"windows": {"pdb": {"GUID": guid, "age": 0}}},
        user_types={
            "_OUTER": {"kind": "struct", "size": 32, "fields": outer},
            "u_1": {"kind": "union", "size": 4, "fields": inner},
        },
    )


def standing(table: Isf) -> list[int]:
    members = table.required("_OUTER").members
    return [members[name].offset for name in ("First", "A", "B", "Last")]


def test_nameless_parts_of_published_structs_stand_behind_what_is_before_them() -> None:
    nobodys, somebodys = "0" * 32, "1" * 32
    assert standing(headers(nobodys, first=8, part=8, last=24)) == [8, 16, 16, 24]
    assert standing(headers(nobodys, first=8, part=12, last=24)) == [8, 20, 20, 24]
    # What overlaps nothing stays, and so does what has no room.
    assert standing(headers(nobodys, first=0, part=8, last=24)) == [0, 8, 8, 24]
    assert standing(headers(nobodys, first=8, part=8, last=16)) == [8, 8, 8, 16]
    # A table that is in another order does not say what is before what; others are right.
    assert standing(headers(nobodys, first=24, part=8, last=8)) == [24, 8, 8, 8]
    assert standing(headers(somebodys, first=8, part=8, last=24)) == [8, 8, 8, 24]
