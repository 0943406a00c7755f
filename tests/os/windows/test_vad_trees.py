"""Trees of VADs of each generation, and trees that are none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Cancelled, Reason
from memq.os.windows.vad_trees import vads_of
from memq.run import Limits, Run
from memq.symbols.btf import Btf
from memq.symbols.lists import Cuts
from memq.symbols.structs import Structs
from tests.synthetic.btf import BtfBuilder
from tests.synthetic.memory import VirtualMemory

if TYPE_CHECKING:
    from pathlib import Path

    from memq.column import Addresses, Statuses
    from memq.layers.space import AddressSpace

ERAS = ("5.1", "6.1", "8.0", "8.1")


def types(era: str) -> Btf:
    """Make the types of x64 kernels; the link to the VadNode is not at the start of a VAD."""
    c = BtfBuilder()
    links = {"LeftChild": "void *", "RightChild": "void *"}
    c.struct("node", {"u1": "u64", **links})
    c.struct("balanced", {"Left": "void *", "Right": "void *", "ParentValue": "u64"})
    c.struct("table", {"BalancedRoot": "struct node", "NumberGenericTableElements": "u64"})
    c.struct("tree", {"Root": "void *"})
    pages = {"StartingVpn": "u64", "EndingVpn": "u64"}
    halves = {"StartingVpn": "unsigned int", "EndingVpn": "unsigned int"}
    high = {"StartingVpnHigh": "unsigned char", "EndingVpnHigh": "unsigned char"}
    short, root = {
        "5.1": ({**pages, "Parent": "u64", **links}, "void *"),
        "6.1": ({"u1": "u64", **links, **pages}, "struct table"),
        "8.0": ({"First": "u64", "VadNode": "struct node", **halves}, "struct table"),
        "8.1": ({"First": "u64", "VadNode": "struct balanced", **halves, **high}, "struct tree"),
    }[era]
    c.struct("_MMVAD_SHORT", short)
    count = {"VadCount": "u64"} if era.startswith("8") else {}
    c.struct("_EPROCESS", {"Pcb": "u64", "VadRoot": root, **count})
    return Btf(c.build())


@dataclass(frozen=True)
class Kernel:
    """What trees are read of."""

    space: AddressSpace
    types: Btf

    def structs(self, name: str, addresses: Addresses, status: Statuses | None = None) -> Structs:
        return Structs(self.space, self.types, self.types.struct(name), addresses, status)


@dataclass
class Forest:
    """Processes with trees, in memory."""

    era: str

    def __post_init__(self) -> None:
        self.memory = VirtualMemory()
        self.types = types(self.era)
        self.layout = self.types.required("_MMVAD_SHORT")
        node = self.layout.find("VadNode")
        self.shift = 0 if node is None else node.offset
        self.processes: list[int] = []

    def vad(self, first: int, last: int) -> int:
        """Return a new VAD's address."""
        mask = (1 << 32) - 1 if self.era.startswith("8") else (1 << 64) - 1
        members = {"StartingVpn": first & mask, "EndingVpn": last & mask}
        if self.era == "8.1":
            members |= {"StartingVpnHigh": first >> 32, "EndingVpnHigh": last >> 32}
        return self.memory.struct(self.layout, **members)

    def link(self, parent: int, side: str, child: int) -> None:
        """Make one VAD the child of another."""
        names = f"VadNode.{side}", f"VadNode.{side}Child", f"{side}Child"
        place = next(member for name in names if (member := self.layout.find(name)))
        self.memory.u64(parent + place.offset, child and child + self.shift)

    def balanced(self, vads: list[int]) -> int:
        """Link VADs, which are in order, to a tree; return its root."""
        if not vads:
            return 0
        middle = len(vads) // 2
        self.link(vads[middle], "Left", self.balanced(vads[:middle]))
        self.link(vads[middle], "Right", self.balanced(vads[middle + 1 :]))
        return vads[middle]

    def process(self, root: int, count: int | None = None) -> int:
        """Return a new process's address."""
        layout = self.types.required("_EPROCESS")
        names = "VadRoot.Root", "VadRoot.BalancedRoot.RightChild", "VadRoot"
        place = next(member for name in names if (member := layout.find(name)))
        address = self.memory.struct(layout)
        self.memory.u64(address + place.offset, root and root + self.shift)
        for name in ("VadCount", "VadRoot.NumberGenericTableElements"):
            member = layout.find(name)
            if member is not None and count is not None:
                self.memory.u64(address + member.offset, count)
        self.processes.append(address)
        return address

    def walk(
        self, folder: Path, run: Run | None = None
    ) -> tuple[list[list[tuple[int, int, int]]], list[Reason]]:
        """Return the VADs of each process, and why they are not all of them."""
        kernel = Kernel(self.memory.open(folder), self.types)
        cuts = Cuts(len(self.processes))
        processes = kernel.structs("_EPROCESS", np.array(self.processes, np.uint64))
        found = vads_of(kernel, run or Run(), processes, cuts)
        rows: list[list[tuple[int, int, int]]] = [[] for _ in self.processes]
        columns = found.owner, found.addresses, found.first, found.last
        for owner, *row in zip(*(column.tolist() for column in columns), strict=True):
            rows[owner].append(tuple(row))
        return rows, [Reason(code) for code in cuts.status.tolist()]


@pytest.mark.parametrize("era", ERAS)
def test_trees_are_walked_in_order(tmp_path: Path, era: str) -> None:
    forest = Forest(era)
    base = 0x7_1234_5678 if era == "8.1" else 0x7123_4567
    expected = []
    for size in (0, 1, 2, 37):
        ranges = [(base + 10 * at, base + 10 * at + at % 10) for at in range(size)]
        vads = [forest.vad(*each) for each in ranges]
        forest.process(forest.balanced(vads), size)
        expected.append([(vad, *each) for vad, each in zip(vads, ranges, strict=True)])
    rows, cuts = forest.walk(tmp_path)
    assert rows == expected
    assert cuts == [Reason.KNOWN] * 4


@pytest.mark.parametrize("era", ERAS)
def test_a_node_that_was_there_before_is_a_loop(tmp_path: Path, era: str) -> None:
    forest = Forest(era)
    low, middle, high = (forest.vad(at, at + 5) for at in (10, 20, 30))
    forest.process(forest.balanced([low, middle, high]))
    forest.link(low, "Left", middle)
    lonely = forest.vad(5, 6)
    forest.process(lonely)
    forest.link(lonely, "Right", lonely)
    rows, cuts = forest.walk(tmp_path)
    assert [[row[1] for row in tree] for tree in rows] == [[10, 20, 30], [5]]
    assert cuts == [Reason.LOOP] * 2


@pytest.mark.parametrize(
    ("side", "first", "last"),
    [("Left", 20, 21), ("Left", 15, 20), ("Right", 25, 26), ("Right", 31, 30), ("Right", 30, 40)],
)
def test_a_node_out_of_order_is_malformed(tmp_path: Path, side: str, first: int, last: int) -> None:
    forest = Forest("8.1")
    parent, odd = forest.vad(20, 25), forest.vad(first, last)
    forest.process(parent)
    forest.link(parent, side, odd)
    top, below = forest.vad(40, 41), forest.vad(20, 25)
    forest.process(top)
    forest.link(top, "Left", below)
    forest.link(below, side, forest.vad(first, last))
    rows, cuts = forest.walk(tmp_path)
    is_fine = first == 30  # but under the second process's top it would reach into that
    assert [len(tree) for tree in rows] == [2 if is_fine else 1, 2]
    assert cuts == [Reason.KNOWN if is_fine else Reason.MALFORMED, Reason.MALFORMED]


def test_what_cannot_be_read_cuts_one_tree_alone(tmp_path: Path) -> None:
    forest = Forest("8.1")
    vads = [forest.vad(at, at) for at in range(1, 8)]
    forest.process(forest.balanced(vads))
    others = [forest.vad(at, at) for at in range(1, 4)]
    forest.process(forest.balanced(others))
    lost = forest.process(others[0])
    forest.memory.remove(vads[5], 8)
    forest.memory.remove(lost, 64)
    forest.process(0x1000)
    rows, cuts = forest.walk(tmp_path)
    assert [[row[1] for row in tree] for tree in rows] == [[1, 2, 3, 4], [1, 2, 3], [], []]
    missing = Reason.NOT_IN_DUMP
    assert cuts == [missing, Reason.KNOWN, missing, Reason.MALFORMED]


def test_fewer_than_the_kernel_counts_is_told(tmp_path: Path) -> None:
    for era in ("6.1", "8.1"):
        forest = Forest(era)
        for count in (2, 3):
            forest.process(forest.balanced([forest.vad(at, at) for at in (1, 2)]), count)
        _, cuts = forest.walk(tmp_path)
        assert cuts == [Reason.KNOWN, Reason.MISCOUNTED]


def test_the_limit_is_kept(tmp_path: Path) -> None:
    forest = Forest("8.1")
    forest.process(forest.balanced([forest.vad(at, at) for at in range(64)]))
    rows, cuts = forest.walk(tmp_path, Run(limits=replace(Limits(), children=20)))
    assert len(rows[0]) <= 21
    assert cuts == [Reason.LIMIT]


def test_a_walk_stops_when_nobody_wants_it(tmp_path: Path) -> None:
    forest = Forest("8.1")
    forest.process(forest.balanced([forest.vad(1, 1)]))
    with pytest.raises(Cancelled):
        forest.walk(tmp_path, Run(cancelled=True))
