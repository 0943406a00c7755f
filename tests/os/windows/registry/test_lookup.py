"""What is told by single keys: a name that cannot be read is not the same as none."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from memq.errors import Reason
from memq.os.windows.registry.cells import BLOCK
from memq.os.windows.registry.lookup import domain_name, key_at
from tests.os.windows.registry.building import HiveBuilder, tree_of

if TYPE_CHECKING:
    from pathlib import Path


def chain(hive: HiveBuilder, path: str, lowest: list[int]) -> int:
    """Add keys below each other, and return the highest; the lowest has values."""
    *above, last = path.split("\\")
    place = hive.key(last, values=lowest)
    for name in reversed(above):
        place = hive.key(name, below=[place])
    return place


def test_a_key_without_a_name_may_be_the_one_that_is_looked_for(tmp_path: Path) -> None:
    hive = HiveBuilder()
    odd = hive.key("Odd")
    hive.patch(odd, 0x48, struct.pack("<H", 0xFFFF))  # NameLength
    hive.root = hive.key("ROOT", below=[odd, hive.key("Other", below=[hive.key("Inner")])])
    tree = tree_of(hive.opened(tmp_path))
    assert key_at(tree, "\\REGISTRY\\Wanted") is Reason.MALFORMED
    assert not isinstance(key_at(tree, "\\REGISTRY\\Other"), Reason)
    hive.patch(odd, 0x48, struct.pack("<H", 3))
    assert key_at(tree_of(hive.opened(tmp_path)), "\\REGISTRY\\Wanted") is Reason.NULL


def test_a_domain_that_cannot_be_read_is_not_the_one_by_dhcp(tmp_path: Path) -> None:
    hive = HiveBuilder()
    current = hive.value("Current", 4, b"\1\0\0\0", inline=True)
    given = hive.value("DhcpDomain", 1, "lan".encode("utf-16-le"))
    hive.skip(0x20)
    hive.lost = [len(hive.parts[0]) // BLOCK]
    data = hive.cell("example.org".encode("utf-16-le"))
    hive.skip(0x20)
    own = hive.value("Domain", 1, b"")
    hive.patch(own, 4, struct.pack("<II", 22, data))  # DataLength, Data
    parameters = chain(hive, "Services\\Tcpip\\Parameters", [given, own])
    keys = [chain(hive, "Select", [current]), hive.key("ControlSet001", below=[parameters])]
    hive.root = hive.key(
        "ROOT", below=[hive.key("MACHINE", below=[hive.key("SYSTEM", below=keys)])]
    )
    tree = tree_of(hive.opened(tmp_path))
    assert domain_name(tree) is Reason.NOT_IN_DUMP
    hive.patch(own, 4, struct.pack("<I", 0))
    assert domain_name(tree_of(hive.opened(tmp_path))) == "lan"
