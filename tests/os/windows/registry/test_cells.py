"""Hives that are built here: each form of list and of data, and what is wrong with others."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Reason
from memq.os.windows.registry.data import as_number, as_text
from memq.os.windows.registry.lookup import control_set
from memq.os.windows.registry.nodes import Nodes, class_names
from memq.os.windows.registry.value import listed_values
from memq.run import Limits, Run
from memq.symbols.lists import Cuts
from tests.os.windows.registry.building import EXIT, NO_CELL, HiveBuilder, tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from memq.os.windows.registry.tree import Tree


def walked(tree: Tree) -> tuple[list[str | None], list[Reason]]:
    """Paths of all keys in their order, and the reasons of what was cut short."""
    paths: list[str | None] = []
    reasons = []
    for level in tree.levels(tree.roots()):
        paths += tree.paths(level.keys).to_list()
        if level.cuts is not None:
            reasons += [Reason(int(one)) for one in level.cuts.status if one]
    return paths, reasons


def hive_with(root: dict[str, int | bytes | list[int]], hive: HiveBuilder) -> HiveBuilder:
    hive.root = hive.key("ROOT", **root)  # type: ignore[arg-type]
    return hive


@pytest.mark.parametrize("kind", [b"li", b"lf", b"lh"])
def test_lists_of_each_kind_give_their_keys(kind: bytes, tmp_path: Path) -> None:
    hive = HiveBuilder()
    keys = [hive.key(name) for name in ("A", "B", "C")]
    hive_with({"below": keys, "kind": kind}, hive)
    expected = ["\\REGISTRY", "\\REGISTRY\\A", "\\REGISTRY\\B", "\\REGISTRY\\C"]
    assert walked(tree_of(hive.opened(tmp_path))) == (expected, [])


def test_a_list_of_lists_keeps_their_order(tmp_path: Path) -> None:
    hive = HiveBuilder()
    keys = [hive.key(name) for name in "ABCDE"]
    inner = [hive.list_of(b"lh", keys[:2]), hive.list_of(b"li", keys[2:3])]
    inner.append(hive.list_of(b"lf", keys[3:]))
    root = hive.key("ROOT", below=keys, listed=hive.list_of(b"ri", inner))
    hive.root = root
    paths, reasons = walked(tree_of(hive.opened(tmp_path)))
    assert ([path and path[-1] for path in paths[1:]], reasons) == (list("ABCDE"), [])


def test_cells_over_the_edges_of_blocks_are_read(tmp_path: Path) -> None:
    hive = HiveBuilder()
    hive.skip(4096 - 40)
    name = "An Ümlaut".encode("latin-1")
    key = hive.key(name)
    hive.skip(4096 - 4)
    wide = hive.key("Наука".encode("utf-16-le"), flags=0)
    hive.skip(4096 - 6)
    hive_with({"below": [key, wide]}, hive)
    paths, reasons = walked(tree_of(hive.opened(tmp_path)))
    assert (paths[1:], reasons) == (["\\REGISTRY\\An Ümlaut", "\\REGISTRY\\Наука"], [])


def test_volatile_keys_stand_below_stable_ones(tmp_path: Path) -> None:
    hive = HiveBuilder()
    stable, volatile = hive.key("Stable"), hive.key("Volatile", volatile=True)
    hive_with({"below": [stable, volatile]}, hive)
    tree = tree_of(hive.opened(tmp_path))
    assert walked(tree)[0][1:] == ["\\REGISTRY\\Stable", "\\REGISTRY\\Volatile"]


DATA = [
    (1, "C:\\x".encode("utf-16-le") + b"\0\0", "C:\\x", None),
    (7, "a\0b\0\0".encode("utf-16-le"), "a; b", None),
    (4, struct.pack("<I", 7), "7", 7),
    (5, struct.pack(">I", 7), "7", 7),
    (11, struct.pack("<Q", 1 << 63), str(1 << 63), 1 << 63),
    (4, b"\1\2", "0102", None),
    (3, b"", "", None),
    (3, bytes(range(256)) * 200, (bytes(range(256)) * 200).hex(), None),
    (1, b"a\0b", "a", None),
    (0xFFFF0012, b"\1", "01", None),
]


@pytest.mark.parametrize(("kind", "raw", "text", "number"), DATA)
def test_data_is_written_for_people(
    kind: int, raw: bytes, text: str, number: int | None, tmp_path: Path
) -> None:
    hive = HiveBuilder()
    hive.skip(4096 - 8)
    values = [hive.value("v", kind, raw)]
    if len(raw) <= 4:
        values.append(hive.value("w", kind, raw, inline=True))
    hive_with({"values": values}, hive)
    tree = tree_of(hive.opened(tmp_path))
    found, owner = listed_values(tree.roots(), 100, Cuts(1))
    assert owner.tolist() == [0] * len(values)
    assert found.names().to_list() == ["v", "w"][: len(values)]
    assert found.size.values.tolist() == [len(raw)] * len(values)
    assert as_text(found).to_list() == [text] * len(values)
    numbers = as_number(found)
    assert [
        n if k else None for n, k in zip(numbers.values.tolist(), numbers.known, strict=True)
    ] == [number] * len(values)


def broken(case: str) -> HiveBuilder:
    """A hive whose root has one key A below it, and something wrong beside."""
    hive = HiveBuilder()
    good = hive.key("A")
    match case:
        case "loop":
            again = hive.key("B", below=[good])
            hive.root = hive.key("ROOT", below=[again])
            hive.patch(good, 0x14, struct.pack("<I", 1))
            hive.patch(good, 0x1C, struct.pack("<I", hive.list_of(b"li", [again])))
        case "twice":
            hive_with({"below": [good, good]}, hive)
        case "no list":
            hive_with({"below": [good], "listed": NO_CELL}, hive)
        case "outside":
            hive_with({"below": [good], "listed": 0x7000_0000}, hive)
        case "signature":
            hive_with({"below": [good], "kind": b"xx"}, hive)
        case "lists of lists":
            inner = hive.list_of(b"ri", [hive.list_of(b"li", [good])])
            hive_with({"below": [good], "listed": hive.list_of(b"ri", [inner])}, hive)
        case _:
            hive_with({"below": [good], "counted": 1000}, hive)
    return hive


CASES = {
    "loop": Reason.LOOP, "twice": Reason.LOOP, "no list": Reason.MALFORMED,
    "outside": Reason.MALFORMED, "signature": Reason.MALFORMED,
    "lists of lists": Reason.MALFORMED, "fewer": Reason.MISCOUNTED,
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_cuts_the_list_short(case: str, tmp_path: Path) -> None:
    _, reasons = walked(tree_of(broken(case).opened(tmp_path)))
    assert reasons == [CASES[case]]


def test_a_key_that_is_not_in_the_dump_is_there_without_a_name(tmp_path: Path) -> None:
    hive = HiveBuilder()
    hive.root = hive.cell(b"")
    hive.skip(0)
    lost = hive.key("Lost")
    hive.skip(0)
    known = hive.key("Known")
    hive_with({"below": [lost, known]}, hive)
    hive.lost = [1]
    tree = tree_of(hive.opened(tmp_path))
    levels = list(tree.levels(tree.roots()))
    names = levels[1].keys.names()
    assert names.to_list() == [None, "Known"]
    assert names.statuses.tolist() == [Reason.NOT_IN_DUMP, 0]
    assert tree.paths(levels[1].keys).statuses.tolist() == [Reason.NOT_IN_DUMP, 0]
    # A search for the other meets it, as it may be what is sought.
    sought = [level.keys for level in tree.sought("\\REGISTRY\\Other", is_whole=True)]
    assert [key for keys in sought for key in keys.names().to_list()] == [None]


def test_a_key_with_a_name_beyond_its_hive_is_malformed(tmp_path: Path) -> None:
    hive = HiveBuilder()
    key = hive.key("A")
    hive.patch(key, 0x48, b"\xff\xff")
    hive_with({"below": [key]}, hive)
    tree = tree_of(hive.opened(tmp_path))
    names = Nodes(tree.hives, np.array([0]), np.array([key])).names()
    assert names.statuses.tolist() == [Reason.MALFORMED]


def test_keys_at_which_hives_are_mounted_have_no_lists(tmp_path: Path) -> None:
    hive = HiveBuilder()
    inner = hive.key("Inner")
    exit_ = hive.key("SYSTEM", below=[inner], flags=EXIT | 0x20)
    hive_with({"below": [exit_]}, hive)
    assert walked(tree_of(hive.opened(tmp_path))) == (["\\REGISTRY"], [])


def test_walks_are_bounded(tmp_path: Path) -> None:
    hive = HiveBuilder()
    hive_with({"below": [hive.key(f"{n}") for n in range(50)]}, hive)
    run = Run(limits=Limits(children=10))
    paths, reasons = walked(tree_of(hive.opened(tmp_path), run))
    assert len(paths) == 1
    assert reasons == [Reason.LIMIT]
    key = last = hive.key("deep")
    for _ in range(600):
        key = hive.key("k", below=[key])
    hive.root = key
    tree = tree_of(hive.opened(tmp_path))
    levels = list(tree.levels(tree.roots()))
    assert sum(len(level.keys) for level in levels) == 512
    assert levels[-1].cuts is not None
    assert levels[-1].cuts.status.tolist() == [Reason.LIMIT]
    deepest = Nodes(tree.hives, np.array([0]), np.array([last]))
    assert tree.paths(deepest).statuses.tolist() == [Reason.LOOP]


def test_values_that_are_wrong_are_unknown(tmp_path: Path) -> None:
    hive = HiveBuilder()
    value = hive.value("a", 3, b"abcdefgh")
    long = hive.value("b", 3, b"x" * 20_000)
    hive.patch(value, 8, struct.pack("<I", 0x7000_0000))
    hive.patch(long, 4, struct.pack("<I", 1 << 30))
    inline = hive.value("c", 3, b"xx", inline=True)
    hive.patch(inline, 4, struct.pack("<I", 0x8000_0010))
    hive_with({"values": [value, long, inline, 0x7FFF_0000]}, hive)
    found, _ = listed_values(tree_of(hive.opened(tmp_path)).roots(), 100, Cuts(1))
    _, status = found.data()
    assert status.tolist() == [Reason.MALFORMED, Reason.LIMIT, Reason.MALFORMED, Reason.MALFORMED]
    assert found.names().to_list() == ["a", "b", "c", None]


def test_what_a_wide_name_has_behind_a_nul_is_part_of_it(tmp_path: Path) -> None:
    hive = HiveBuilder()
    hive_with({"below": [hive.key("\u0416\0x".encode("utf-16-le"), flags=0)]}, hive)
    assert walked(tree_of(hive.opened(tmp_path)))[0][1] == "\\REGISTRY\\\u0416\0x"


@pytest.mark.parametrize(
    ("kind", "expected"), [(4, ("002", Reason.KNOWN)), (3, ("001", Reason.MALFORMED))]
)
def test_which_control_set_runs_is_said_or_in_doubt(
    kind: int, expected: tuple[str, Reason], tmp_path: Path
) -> None:
    hive = HiveBuilder()
    current = hive.value("Current", kind, b"\2\0\0\0", inline=True)
    system = hive.key("SYSTEM", below=[hive.key("Select", values=[current])])
    hive_with({"below": [hive.key("MACHINE", below=[system])]}, hive)
    path, doubt = control_set(tree_of(hive.opened(tmp_path)))
    assert (path[-3:], doubt) == expected


def test_segments_without_a_cell_are_no_empty_data(tmp_path: Path) -> None:
    hive = HiveBuilder()
    listed = hive.cell(struct.pack("<2I", hive.cell(b"a" * 16344), NO_CELL))
    place = hive.cell(struct.pack("<2sHI", b"db", 2, listed))
    head = struct.pack("<2sHIIIHH", b"vk", 0, 17000, place, 3, 1, 0)
    hive_with({"values": [hive.cell(head)]}, hive)
    tree = tree_of(hive.opened(tmp_path))
    values, _ = listed_values(tree.roots(), 10, Cuts(1))
    assert values.data()[1].tolist() == [Reason.MALFORMED]


def test_a_class_that_is_too_long_is_no_missing_one(tmp_path: Path) -> None:
    hive = HiveBuilder()
    hive_with({}, hive)
    hive.patch(hive.root, 0x4A, struct.pack("<H", 0xFFFE))
    tree = tree_of(hive.opened(tmp_path))
    nodes = tree.roots()
    assert class_names(nodes).statuses.tolist() == [Reason.MALFORMED]
