"""Raw structures as records: trees, lists, bounds, and how they are written out."""

from __future__ import annotations

import contextlib
import json as plain_json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.column import Column
from memq.errors import Reason, SymbolError
from memq.eval import raw_records as module
from memq.eval.raw import RawBatch
from memq.eval.raw_records import MAX_FIELDS, MAX_LEVELS, REST, leaves_of, pieces, records
from memq.eval.raw_types import find_type
from memq.output import json, separated, table
from memq.schema.kinds import Kind
from memq.symbols.btf import Btf
from memq.symbols.structs import Structs
from memq.symbols.types import Member, StructType, Type
from tests.eval.test_raw import Kernel, numbers, tasks
from tests.symbols import declared
from tests.symbols.memory import MISSING, PAGE, SIZE, TASK, TYPES, Memory, structs
from tests.synthetic.btf import BtfBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.output.records import Records

INT = Type("int", "int", 4, signed=True)


def array(type_: Type, count: int) -> Type:
    return Type("array", "", type_.size * count, count=count, target_link=lambda: type_)


def struct(name: str, size: int, **members: Type) -> Type:
    """Return a structure whose members all start where it does."""
    layout = StructType(name, "struct", size, {n: Member(n, 0, t) for n, t in members.items()})
    return Type("struct", name, size, layout_link=lambda: layout)


def things(type_: Type, *addresses: int, memory: Memory | None = None) -> RawBatch:
    return RawBatch.at(Kernel(memory or Memory()), type_, numbers(*addresses))


def rows(found: Records) -> list[Any]:
    bare = not found.fields[0].path
    return [plain_json.loads(text) for text in json.rows_of(found, bare=bare)]


def test_a_structure_as_a_tree() -> None:
    memory = Memory()
    memory.put(64, bytes(TASK.size))
    for path, data in {
        "pid": (-7).to_bytes(4, "little", signed=True), "comm": b"init\0rest",
        "stack": (0x1234).to_bytes(8, "little"), "on": b"\1", "own.uid": b"\5",
        "limits": np.arange(4, dtype="<u8").tobytes(), "grid": np.arange(6, dtype="<i2").tobytes(),
        "heads": np.arange(4, dtype="<u8").tobytes(), "big": b"\x01\xff", "uuid": b"\x09\x08",
        "low": b"\5",
    }.items():  # fmt: skip
        memory.put(64 + TASK.offset(path), data)
    (row,) = rows(records(tasks([64], memory)))
    assert row["pid"] == -7
    assert row["comm"] == "init"
    assert (row["stack"], row["cred"]) == ("0x1234", "0x0")
    assert row["on"] is True
    assert (row["low"], row["sign"]) == (5, 0)
    assert row["own"] == {"usage": 0, "uid": 5, "cap": 0}
    assert row["limits"] == [0, 1, 2, 3]
    assert row["grid"] == [[0, 1, 2], [3, 4, 5]]
    assert row["heads"] == [{"next": "0x0", "prev": "0x1"}, {"next": "0x2", "prev": "0x3"}]
    assert row["big"] == "01ff" + "00" * 14
    assert row["uuid"] == [9, 8, 0, 0, 0, 0, 0, 0]
    assert row["rcu"] == 0
    assert row["numbers"] == []
    assert row["_cut_short"] == {"numbers": Reason.CUT_SHORT.text}
    assert list(row)[:-1] == list(TASK.members)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, SIZE + 500), max_size=6))
def test_trees_are_what_the_members_say(places: list[int]) -> None:
    found = records(tasks(places))
    expected = structs(places)
    assert found.fields == tuple(leaf.field for leaf in leaves_of(tasks(places).type))
    assert len(found) == len(places)
    for number, each in enumerate(found.fields):
        column = found.columns[number]
        if isinstance(column, Column) and each.path != ("big",):
            other = expected[".".join(each.path)]
            np.testing.assert_array_equal(column.values, other.values)
            assert column.statuses.tolist() == other.statuses.tolist()
        assert len(column) == len(places)


def test_rows_that_are_null_or_unknown() -> None:
    status = np.array([0, Reason.NULL, Reason.LOOP, 0], np.uint8)
    batch = RawBatch.of_structs(structs([64, 0, 0, MISSING * PAGE], status=status))
    _, null, looping, missing = rows(records(batch))
    assert null["pid"] is None
    assert null["own"] == {"usage": None, "uid": None, "cap": None}
    assert (null["limits"], null["heads"]) == ([], [])
    assert not [key for key in null if key.startswith("_")]
    assert looping["_unknown"]["pid"] == Reason.LOOP.text
    assert looping["_cut_short"]["limits"] == looping["_cut_short"]["heads"] == Reason.LOOP.text
    assert missing["_unknown"]["comm"] == missing["_cut_short"]["limits"] == Reason.NOT_IN_DUMP.text
    assert missing["grid"] == [[{"_cut_short": Reason.NOT_IN_DUMP.text}]] * 2
    assert missing["own"]["_unknown"]["uid"] == Reason.NOT_IN_DUMP.text
    assert {head["_unknown"]["next"] for head in missing["heads"]} == {Reason.NOT_IN_DUMP.text}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("int", Kind.NUMBER),
        ("task *", Kind.ADDRESS),
        ("char [4]", Kind.STRING),
        ("kind", Kind.ENUM),
    ],
)
def test_what_is_no_structure_is_one_bare_value(name: str, kind: Kind) -> None:
    type_ = find_type(TYPES, name)
    assert type_ is not None
    (only,) = (leaf.field for leaf in leaves_of(type_))
    assert only.path == ()
    assert only.type is not None
    assert only.type.kind is kind
    batch = things(type_, 4096, 0)
    assert rows(records(batch))[1] is None
    column = records(batch).columns[0]
    assert isinstance(column, Column)
    assert column.values.tolist() == batch.value().values.tolist()


def test_an_array_is_one_bare_list() -> None:
    memory = Memory()
    memory.put(64, np.arange(6, dtype="<i4").tobytes())
    found = records(things(array(array(INT, 3), 2), 64, 0, MISSING * PAGE, memory=memory))
    assert [field.path for field in found.fields] == [()]
    values = rows(found)
    assert values[:2] == [[[0, 1, 2], [3, 4, 5]], []]
    # Where memory is not there is said in each inner list.
    assert values[2] == [[{"_cut_short": Reason.NOT_IN_DUMP.text}]] * 2


def test_long_lists_are_cut() -> None:
    whole, long = records(things(array(INT, 256), 0x100)), records(things(array(INT, 257), 0x100))
    assert len(rows(whole)[0]) == 256
    assert rows(long)[0][:-1] == rows(whole)[0]
    assert rows(long)[0][-1] == {"_cut_short": Reason.LIMIT.text}


def test_lists_of_many_values_each_are_cut_sooner() -> None:
    wide = struct("wide", 400, **{f"m{n}": INT for n in range(100)})
    (items,) = rows(records(things(array(wide, 200), 64)))
    assert len(items) == 4096 // 100 + 1
    assert items[-1] == {"_cut_short": Reason.LIMIT.text}
    huge = struct("huge", 4, **{f"m{n}": array(INT, 250) for n in range(50)})
    (items,) = rows(records(things(array(huge, 2), 64)))
    assert [len(item) for item in items] == [50, 1]


def test_the_rest_of_too_many_members_is_said_to_be_missing() -> None:
    many = struct("many", 8, **{f"m{n}": INT for n in range(MAX_FIELDS + 5)})
    (row,) = rows(records(things(many, 64)))
    assert len(row) == MAX_FIELDS + 2
    assert row[REST] is None
    assert row["_unknown"] == {REST: Reason.LIMIT.text}
    outer = struct("outer", 8, inner=many, last=INT)
    (row,) = rows(records(things(outer, 64)))
    assert row["inner"]["_unknown"] == row["_unknown"] == {REST: Reason.LIMIT.text}
    assert "last" not in row
    exact = struct("exact", 8, **{f"m{n}": INT for n in range(MAX_FIELDS)})
    assert REST not in rows(records(things(exact, 64)))[0]


def test_a_member_that_is_called_as_the_rest_is() -> None:
    members = {f"m{n}": INT for n in range(MAX_FIELDS)} | {REST: struct("a", 4, b=INT)}
    assert len(leaves_of(struct("odd", 8, **members))) == MAX_FIELDS


def test_structures_within_themselves_end() -> None:
    loop: list[Type] = []
    layout = StructType("loop", "struct", 8, {})
    type_ = Type("struct", "loop", 8, layout_link=lambda: layout)
    loop += [type_, array(type_, 2)]
    layout.members = {"n": Member("n", 0, INT), "a": Member("a", 0, loop[0])}
    (row,) = rows(records(things(type_, 64)))
    depth = 0
    while isinstance(row["a"], dict):
        row, depth = row["a"], depth + 1
    assert depth == MAX_LEVELS - 1
    assert row["_unknown"] == {"a": Reason.LIMIT.text}
    layout.members = {"n": Member("n", 0, INT), "a": Member("a", 0, loop[1])}
    assert rows(records(things(type_, 64)))[0]["a"]
    layout.members = {name: Member(name, 0, loop[0]) for name in "abcdefgh"}
    assert len(leaves_of(type_)) <= MAX_FIELDS + MAX_LEVELS + 8


def test_what_has_no_members_or_is_only_declared() -> None:
    empty, lost = struct("empty", 0), Type("struct", "lost", 0, layout_link=lambda: None)
    (row,) = rows(records(things(struct("s", 8, a=empty, b=lost, c=array(empty, 3)), 64)))
    assert (row["a"], row["b"], row["c"]) == (None, None, [])
    assert row["_unknown"] == {"b": Reason.NOT_IN_KERNEL.text}
    assert row["_cut_short"] == {"c": Reason.CUT_SHORT.text}
    assert rows(records(things(empty, 64))) == [None]


def test_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 200)
    batch = tasks([64 * n for n in range(1, 20)])
    found = list(pieces(batch))
    assert sum(map(len, found)) == 19
    assert 1 < len(found) < 19
    assert [row for piece in found for row in rows(piece)] == rows(records(batch))
    assert not list(pieces(tasks([])))


def hostile() -> Structs:
    c = BtfBuilder()
    names = ["a|b", "a.b", "x[3]", "\x1b[2J", "_unknown", REST, "own.uid", '"']
    c.struct("odd", dict.fromkeys(names, "int") | {"inner": c.inner(dict.fromkeys(names, "u8"))})
    types = Btf(c.build())
    return Structs(Memory(), types, types.struct("odd"), np.array([64, 128], np.uint64))


@pytest.mark.parametrize("write", [json.lines, json.array])
def test_odd_names_do_no_harm_in_json(write: Callable[..., Any]) -> None:
    found = records(RawBatch.of_structs(hostile()))
    text = "".join(write([found], bare=False))
    assert "\x1b" not in text
    (first, second) = json.parsed([found], bare=False)
    assert first["a|b"] != second["a|b"]
    assert set(first["inner"]) == set(first) - {"inner"}


TYPES_OF_A_KERNEL = declared.builder().build()


@settings(max_examples=300, deadline=None)
@given(st.integers(32, len(TYPES_OF_A_KERNEL) - 1), st.integers(0, 255))
def test_damaged_types_give_records_or_are_refused(place: int, byte: int) -> None:
    data = bytearray(TYPES_OF_A_KERNEL)
    data[place] = byte
    with contextlib.suppress(SymbolError):
        types = Btf(bytes(data))
        for name in types.names():
            type_ = find_type(types, name)
            if type_ is not None:
                found = records(things(type_, 64, 0, MISSING * PAGE))
                assert len(rows(found)) == 3
                assert found.fields == tuple(leaf.field for leaf in leaves_of(type_))


def test_tables_and_separated_values() -> None:
    memory = Memory()
    memory.put(64 + TASK.offset("comm"), b"=1+cmd\0")
    found = records(tasks([64, MISSING * PAGE], memory))
    head, line, lost = "".join(separated.csv([found], found.fields)).splitlines()
    cells = dict(zip(head.split(","), line.split(","), strict=False))
    assert cells["state"].isdigit()
    assert "own.uid" in head
    assert "'=1+cmd" in line
    assert "?" in lost
    lines = list(table.table([found], found.fields))
    assert "heads" in lines[0]
    assert "".join(lines).count("\n") == 4
    bare = records(things(array(INT, 3), 64))
    assert next(iter(separated.tsv([bare], bare.fields))) == "value\n"
    assert len(list(table.single([bare]))) == 1
