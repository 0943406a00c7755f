"""Keys of the registry, of all hives that the kernel has loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text
from memq.errors import Reason
from memq.os.common import joined_text
from memq.os.windows.base import WindowsObject
from memq.os.windows.registry.hive import Hive
from memq.os.windows.registry.nodes import LINK, Nodes, class_names
from memq.os.windows.registry.tree import Level, Tree
from memq.os.windows.registry.value import RegistryValue
from memq.os.windows.times import time_column
from memq.schema.batch import Context, Cut, Portion
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field, many, single
from memq.schema.kinds import Address, Boolean, Flags, Name, Number, String, Time
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memq.column import Array
    from memq.schema.seek import Prefix
    from memq.symbols.structs import Structs

FLAGS = (
    ("KEY_VOLATILE", 0x1), ("KEY_HIVE_EXIT", 0x2), ("KEY_HIVE_ENTRY", 0x4),
    ("KEY_NO_DELETE", 0x8), ("KEY_SYM_LINK", 0x10), ("KEY_COMP_NAME", 0x20),
    ("KEY_PREDEF_HANDLE", 0x40), ("KEY_VIRT_MIRRORED", 0x80), ("KEY_VIRT_TARGET", 0x100),
    ("KEY_VIRTUAL_STORE", 0x200),
)  # fmt: skip
"""Of CM_KEY_NODE, as hive files have them."""


class RegistryKey(
    WindowsObject,
    name="registry",
    principal="registry_object",
    identity=("hive", "cell"),
    example=r'registry.Where(path.Like("*\\CurrentVersion\\Run")).SelectMany(value)',
):
    """A key of the registry, in a hive that the kernel has loaded."""

    struct = "_CM_KEY_NODE"
    seeks = frozenset(("path",))

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the roots of all hives in the order of their list, then what is below, by levels."""
        tree = Tree.of(context.kernel, context.run)
        yield from cls._portions(context, tree, tree.levels(tree.roots()))

    @classmethod
    def sought(cls, context: Context, name: str, prefix: Prefix) -> Iterator[Portion]:
        """Give the keys whose paths begin so, and those of which that is not known."""
        assert name in cls.seeks  # noqa: S101 - the only field that plans seek by
        tree = Tree.of(context.kernel, context.run)
        found = tree.sought(prefix.text, is_whole=prefix.is_whole)
        yield from cls._portions(context, tree, found)

    @classmethod
    def _portions(cls, context: Context, tree: Tree, levels: Iterable[Level]) -> Iterator[Portion]:
        cut = tree.hives.cut
        for level in levels:
            cut = cut or _cut(tree, level)
            yield Portion(cls.of(context, level.keys), cut)
            cut = None

    @classmethod
    def of(cls, context: Context, keys: Nodes) -> RegistryKey:
        """Return keys as objects."""
        addresses, status = keys.hives.blocks.places(keys.hive, keys.cell, skip=4)
        rows: dict[str, Array] = {
            "address": addresses,
            "status": status,
            "hive": keys.hive,
            "cell": keys.cell,
        }
        return cls(context, rows)

    @property
    def tree(self) -> Tree:
        """The tree that the keys belong to."""
        return Tree.of(self.kernel, self.context.run)

    @property
    def nodes(self) -> Nodes:
        """The keys in their cells."""
        return self.kept(
            "nodes", lambda: Nodes(self.tree.hives, self.rows["hive"], self.rows["cell"])
        )

    def _open(self) -> Structs:
        addresses = self.rows["address"]
        roots = self.tree.hives.blocks.roots_of(self.rows["hive"], addresses)
        found = self.kernel.structs(self.struct, addresses, self.rows["status"], roots)
        found.check = self.context.check
        return found

    @field(Cost.WALK, shown=True)
    def path(self) -> Name:
        r"""Full path, as the kernel has it: `\REGISTRY\MACHINE\SOFTWARE\Microsoft`.

        Null in a hive of which nothing says where it hangs.
        """
        return self.tree.paths(self.nodes)

    @field(Cost.FOLLOW)
    def name(self) -> Name:
        """The last name of the path; of a hive's root that of the place where it hangs."""
        own = self.nodes.names()
        is_root = self.rows["cell"] == self.tree.hives.roots[self.rows["hive"]]
        return own if not is_root.any() else self._rooted(own, is_root)

    @field(shown=True)
    def last_write_time(self) -> Time:
        """When the key, or a value of it, was last changed, in UTC."""
        return time_column(self.nodes.number(4, 8))

    @field(shown=True)
    def subkey_count(self) -> Number:
        """How many keys it counts below itself in its hive."""
        stable, volatile = self.nodes.number(0x14, 4), self.nodes.number(0x18, 4)
        return Column(stable.values + volatile.values, stable.status)

    @field(shown=True)
    def value_count(self) -> Number:
        """How many values it counts."""
        return self.nodes.number(0x24, 4)

    @field()
    def is_volatile(self) -> Boolean:
        """Whether it is in memory only, and gone when the system stops."""
        return Column(self.rows["cell"] >> 31 & 1 == 1)

    @field()
    def is_link(self) -> Boolean:
        """Whether it is a link to another key, which its value SymbolicLinkValue names."""
        flags = self.nodes.flags
        return Column(flags.values & LINK != 0, flags.status)

    @field(names=FLAGS)
    def flags(self) -> Flags:
        """Flags of its node: KEY_VOLATILE, KEY_HIVE_ENTRY, KEY_SYM_LINK and so on."""
        return self.nodes.flags

    @field(Cost.FOLLOW)
    def class_name(self) -> String:
        """Class that was given when the key was made; null for the most, which have none."""
        return class_names(self.nodes)

    @field()
    def address(self) -> Address:
        """Address of its node (CM_KEY_NODE), which may be in the Registry process's memory."""
        return self.address_column()

    @field()
    def cell(self) -> Address:
        """Its place in the hive; from 0x80000000 on in the part that is in memory only."""
        return Column(self.rows["cell"])

    @single("hive")
    def hive_object(self) -> Reference:
        """The hive that it is in."""
        hives = Hive.all(self.context, self.tree.hives)
        return Reference(hives, self.rows["hive"])

    @single("registry")
    def parent(self) -> Reference:
        """The key above it; above a hive's root, the key below which the hive hangs."""
        above, status = self.tree.parents(self.nodes)
        index = np.where(status == 0, np.arange(len(self)), -1)
        return Reference(RegistryKey.of(self.context, above), index, status)

    @many("registry")
    def children(self) -> Collection:
        """The keys right below it, the roots of hives that hang there last."""
        cuts = Cuts(len(self))
        found, owner = self.tree.children(self.nodes, cuts)
        children = RegistryKey.of(self.context, found)
        return Collection(children, owner, len(self), *cuts.columns())

    @many("value")
    def value_object(self) -> Collection:
        """The values of the key."""
        return RegistryValue.of_keys(self, self.nodes)

    def _rooted(self, own: Text, is_root: Array) -> Text:
        """Return names in which roots have the last name of the path where their hive hangs."""
        tops = self.tree.mounts.take(self.rows["hive"]).map(lambda path: path.rpartition("\\")[2])
        rows, others = np.flatnonzero(is_root), np.flatnonzero(~is_root)
        return joined_text(len(self), [(rows, tops.take(rows)), (others, own.take(others))])


def _cut(tree: Tree, level: Level) -> Cut | None:
    """Say it if keys above a level have not all of theirs in it."""
    if level.cuts is None or level.above is None or not level.cuts.status.any():
        return None
    rows = np.flatnonzero(level.cuts.status)
    reason = Reason(int(level.cuts.status[rows[0]]))
    path = tree.paths(level.above.take(rows[:1])).to_list()[0] or "a key of unknown path"
    others = "" if len(rows) == 1 else f", and of {len(rows) - 1:,} more"
    return Cut(reason, f"keys below {path}{others}: cut short: {reason.text}")
