"""Hives that do not say where they hang: the keys at which they are mounted tell it."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.os.windows.registry.mounts import mounts_of
from memq.os.windows.registry.paths import nothing_yet
from memq.os.windows.registry.tree import Tree
from memq.run import Run
from memq.symbols.lists import Cuts
from tests.os.windows.registry.building import EXIT, HiveBuilder, address_of, opened_hives

if TYPE_CHECKING:
    from pathlib import Path


def three_hives(folder: Path) -> Tree:
    """The first hive, one that is mounted in it at MACHINE, and one that is mounted nowhere."""
    first, mounted, loose = HiveBuilder(), HiveBuilder(), HiveBuilder()
    exit_ = first.key("HARDWARE", flags=EXIT | 0x20)
    first.patch(exit_, 0, b"lk")  # CM_LINK_NODE_SIGNATURE
    first.patch(exit_, 0x24, struct.pack("<Q", address_of(1)))  # CM_KEY_REFERENCE.KeyHive
    plain = first.key("PLAIN")
    first.root = first.key("REGISTRY", below=[first.key("MACHINE", below=[exit_, plain])])
    mounted.root = mounted.key("ROOT", below=[mounted.key("DEVICEMAP")])
    loose.root = loose.key("ROOT", below=[loose.key("Nobody")])
    hives, run = opened_hives(folder, [first, mounted, loose]), Run()
    kernel = SimpleNamespace(space=hives.blocks.space, facts={}, optional=lambda _: None)
    mounts = mounts_of(kernel, hives, run)  # type: ignore[arg-type]
    return Tree(kernel, run, hives, mounts, nothing_yet())  # type: ignore[arg-type]


def test_a_hive_hangs_where_a_key_mounts_it(tmp_path: Path) -> None:
    mounts = three_hives(tmp_path).mounts
    assert mounts.to_list() == ["\\REGISTRY", "\\REGISTRY\\MACHINE\\HARDWARE", None]
    assert mounts.statuses.tolist() == [0, 0, Reason.NULL]


def test_the_first_hive_need_not_be_the_first_of_the_list(tmp_path: Path) -> None:
    user, first = HiveBuilder(), HiveBuilder()
    user.root = user.key("CMI-CreateHive", below=[user.key("Software")])
    exit_ = first.key("S-1-5-18", flags=EXIT | 0x20)
    first.patch(exit_, 0, b"lk")
    first.patch(exit_, 0x24, struct.pack("<Q", address_of(0)))
    first.root = first.key("REGISTRY", below=[first.key("USER", below=[exit_])])
    hives = opened_hives(tmp_path, [user, first])
    kernel = SimpleNamespace(space=hives.blocks.space, facts={}, optional=lambda _: None)
    mounts = mounts_of(kernel, hives, Run())  # type: ignore[arg-type]
    assert mounts.to_list() == ["\\REGISTRY\\USER\\S-1-5-18", "\\REGISTRY"]


def test_the_walk_gives_the_mounted_root_and_not_the_key_that_mounts_it(tmp_path: Path) -> None:
    tree = three_hives(tmp_path)
    paths = [tree.paths(level.keys).to_list() for level in tree.levels(tree.roots())]
    machine = "\\REGISTRY\\MACHINE"
    assert paths[0] == ["\\REGISTRY", f"{machine}\\HARDWARE", None]
    assert paths[1] == [machine, f"{machine}\\HARDWARE\\DEVICEMAP", None]
    assert paths[2] == [f"{machine}\\PLAIN"]


def test_a_mounted_root_is_among_the_children_once(tmp_path: Path) -> None:
    tree = three_hives(tmp_path)
    machine = next(
        level.keys
        for level in tree.sought("\\registry\\machine", is_whole=True)
        if level.keys.hive.size
    )
    cuts = Cuts(1)
    children, owner = tree.children(machine, cuts)
    assert tree.paths(children).to_list() == [
        "\\REGISTRY\\MACHINE\\PLAIN",
        "\\REGISTRY\\MACHINE\\HARDWARE",
    ]
    assert owner.tolist() == [0, 0]
    assert not cuts.status.any()
    above, status = tree.parents(children)
    assert status.tolist() == [0, 0]
    assert (above.hive.tolist(), above.cell.tolist()) == ([0, 0], machine.cell.tolist() * 2)
    top, status = tree.parents(tree.roots(np.array([0, 2])))
    assert len(top) == 2
    assert status.tolist() == [Reason.NULL, Reason.NULL]


def test_a_search_is_done_in_mounted_hives_only_where_they_hang(tmp_path: Path) -> None:
    tree = three_hives(tmp_path)
    found = [
        path
        for level in tree.sought("\\REGISTRY\\MACHINE\\H", is_whole=False)
        for path in tree.paths(level.keys).to_list()
    ]
    assert found == ["\\REGISTRY\\MACHINE\\HARDWARE", "\\REGISTRY\\MACHINE\\HARDWARE\\DEVICEMAP"]


def test_a_key_without_a_name_on_the_way_leaves_the_path_unknown(tmp_path: Path) -> None:
    first, mounted = HiveBuilder(), HiveBuilder()
    exit_ = first.key("HARDWARE", flags=EXIT | 0x20)
    first.patch(exit_, 0, b"lk")
    first.patch(exit_, 0x24, struct.pack("<Q", address_of(1)))
    machine = first.key("MACHINE", below=[exit_])
    first.patch(machine, 0x48, struct.pack("<H", 0xFFFF))  # NameLength
    first.root = first.key("REGISTRY", below=[machine])
    mounted.root = mounted.key("ROOT")
    hives = opened_hives(tmp_path, [first, mounted])
    kernel = SimpleNamespace(space=hives.blocks.space, facts={}, optional=lambda _: None)
    mounts = mounts_of(kernel, hives, Run())  # type: ignore[arg-type]
    assert mounts.to_list() == ["\\REGISTRY", None]
    assert mounts.statuses.tolist() == [0, Reason.MALFORMED]
