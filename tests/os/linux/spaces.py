"""Address spaces for small kernels: their mappings, in a maple tree or a red-black tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.os.linux.small import BASE, SmallKernel

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMON = """
struct rb_node {
    unsigned long __rb_parent_color; struct rb_node *rb_right; struct rb_node *rb_left;
};
struct rb_root { struct rb_node *rb_node; };
struct maple_tree { unsigned int ma_flags; void *ma_root; };
struct maple_range_64 { void *parent; unsigned long pivot[15]; void *slot[16]; };
struct maple_arange_64 {
    void *parent; unsigned long pivot[9]; void *slot[10]; unsigned long gap[10]; unsigned long meta;
};
struct maple_node { void *parent; void *slot[31]; };
struct vm_operations_struct { void *open; char *name; };
struct vm_special_mapping { char *name; };
struct anon_vma_name { int kref; char name[1]; };
struct vm_area_struct {
    unsigned long vm_start; unsigned long vm_end; struct rb_node vm_rb; struct mm_struct *vm_mm;
    unsigned long vm_flags; unsigned long vm_pgoff; struct file *vm_file;
    struct vm_operations_struct *vm_ops; void *vm_private_data; struct anon_vma_name *anon_name;
};
"""
MAPLE = (
    COMMON
    + """
struct mm_struct {
    struct maple_tree mm_mt; int map_count; unsigned long start_brk; unsigned long brk;
    unsigned long start_stack; unsigned long arg_start; unsigned long arg_end;
    unsigned long env_start; unsigned long env_end; void *pgd; struct file *exe_file;
};
"""
)
RED_BLACK = MAPLE.replace("struct maple_tree mm_mt;", "struct rb_root mm_rb;")

LEAF, RANGE, ARANGE = 1, 2, 3
CONSTANTS = {"maple_leaf_64": LEAF, "maple_range_64": RANGE, "maple_arange_64": ARANGE}
LAST = (1 << 64) - 1
PAGE = 4096
GARBAGE = BASE + 0x6666_0000


@dataclass
class Area:
    """A mapping: its place in memory and the range that it maps."""

    address: int
    start: int
    end: int


@dataclass
class Node:
    """A node of a maple tree and the range that it covers."""

    address: int
    kind: int
    first: int
    last: int

    @property
    def encoded(self) -> int:
        return self.address | self.kind << 3 | 4


@dataclass
class Spaces:
    """Puts address spaces into a kernel, everything in places of its own."""

    kernel: SmallKernel
    next_area: int = BASE + 0x20_0000
    next_node: int = BASE + 0x40_0000
    next_space: int = BASE + 0x10_0000
    nodes: list[Node] = field(default_factory=list)

    def area(self, start: int, end: int, **members: int) -> Area:
        """Put a mapping on a page of its own."""
        address, self.next_area = self.next_area, self.next_area + PAGE
        self.kernel.put("vm_area_struct", address, {"vm_start": start, "vm_end": end, **members})
        return Area(address, start, end)

    def areas(self, count: int, start: int = 0x40_0000) -> list[Area]:
        """Put mappings of a page each, with gaps of different sizes between some of them."""
        found = []
        for number in range(count):
            start += PAGE * (number % 3)
            found.append(self.area(start, start + PAGE))
            start += PAGE
        return found

    def space(self, areas: Sequence[Area], **members: int) -> int:
        """Put an address space (mm_struct) with a tree of these mappings."""
        address, self.next_space = self.next_space, self.next_space + PAGE
        self.kernel.put("mm_struct", address, {"map_count": len(areas), **members})
        for area in areas:
            self.kernel.set("vm_area_struct", area.address, "vm_mm", address)
        layout = self.kernel.types.layouts["mm_struct"]
        if layout.has("mm_mt"):
            root = self.maple(areas)
            if root:
                self.kernel.set("mm_struct", address, "mm_mt.ma_root", root.encoded | 2)
        else:
            self.kernel.set("mm_struct", address, "mm_rb.rb_node", self.red_black(areas, 0))
        return address

    def maple(self, areas: Sequence[Area], fanout: int = 4) -> Node | None:
        """Put a maple tree, leaves of plain nodes below nodes with gaps, and return its top."""
        if not areas:
            return None
        entries = [(area.start, area.end - 1, area.address) for area in areas]
        level = self._leaves(entries, fanout)
        while len(level) > 1:
            groups = [level[i : i + fanout] for i in range(0, len(level), fanout)]
            level = [self._inner(group) for group in groups]
        top = level[0]
        self._write(top.address, "parent", self.next_space | 1)
        return top

    def _leaves(self, entries: list[tuple[int, int, int]], fanout: int) -> list[Node]:
        """Fill leaves so that mappings and the gaps between them cover everything."""
        slots: list[tuple[int, int]] = []
        position = 0
        for first, last, address in entries:
            if first > position:
                slots.append((first - 1, 0))
            slots.append((last, address))
            position = last + 1
        slots.append((LAST, 0))
        first, leaves = 0, []
        for i in range(0, len(slots), fanout):
            group = slots[i : i + fanout]
            leaves.append(self.node(LEAF, first, group))
            first = group[-1][0] + 1
        return leaves

    def _inner(self, below: list[Node]) -> Node:
        kind = ARANGE if len(self.nodes) % 2 else RANGE
        made = self.node(kind, below[0].first, [(node.last, node.encoded) for node in below])
        for slot, node in enumerate(below):
            self._write(node.address, "parent", made.address | slot << 3 | 6)
        return made

    def node(self, kind: int, first: int, slots: list[tuple[int, int]]) -> Node:
        """Put a node: (last address, entry) of each slot; what is behind them is garbage."""
        address, self.next_node = self.next_node, self.next_node + PAGE
        struct = "maple_arange_64" if kind == ARANGE else "maple_range_64"
        self.kernel.put("maple_node", address)
        count = 10 if kind == ARANGE else 16
        for number in range(count):
            last, entry = slots[number] if number < len(slots) else (0, GARBAGE + number)
            if number < count - 1:
                self.kernel.set(struct, address, f"pivot[{number}]", last)
            self.kernel.set(struct, address, f"slot[{number}]", entry)
        made = Node(address, kind, first, slots[-1][0])
        self.nodes.append(made)
        return made

    def _write(self, address: int, member: str, value: int) -> None:
        self.kernel.set("maple_node", address, member, value)

    def red_black(self, areas: Sequence[Area], parent: int) -> int:
        """Put a balanced tree of the mappings, and return its top link."""
        if not areas:
            return 0
        middle = len(areas) // 2
        offset = self.kernel.offset("vm_area_struct", "vm_rb")
        link = areas[middle].address + offset
        left = self.red_black(areas[:middle], link)
        right = self.red_black(areas[middle + 1 :], link)
        members = {"__rb_parent_color": parent | 1, "rb_left": left, "rb_right": right}
        self.kernel.put("rb_node", link, members)
        return link
