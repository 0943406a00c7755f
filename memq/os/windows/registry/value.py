"""Values of keys: a name, a type, and data as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, text_column
from memq.errors import Reason
from memq.os.windows.base import WindowsObject
from memq.os.windows.registry.cells import NO_CELL
from memq.os.windows.registry.data import TYPES, Values, as_number, as_text
from memq.os.windows.registry.nodes import Lists, Nodes, cell_array
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Name, Number, Size, String
from memq.symbols.lists import Cuts, within

if TYPE_CHECKING:
    from memq.column import Array, Indexes
    from memq.os.windows.registry.hives import Hives
    from memq.schema.batch import ObjectType
    from memq.symbols.structs import Structs


class RegistryValue(
    WindowsObject,
    name="value",
    principal="value_object",
    owner="registry",
    identity=("hive", "cell"),
    example=r'value.Where(registry.path.Like("*\\Run")).Select([registry.path, name, data])',
):
    """A value of a key of the registry."""

    struct = "_CM_KEY_VALUE"

    @classmethod
    def of_keys(cls, keys: ObjectType, nodes: Nodes) -> Collection:
        """Return the values of each key."""
        cuts = Cuts(len(keys))
        found, owner = listed_values(nodes, keys.context.run.limits.children, cuts)
        places, status = nodes.hives.blocks.places(found.hive, found.cell, skip=4)
        rows: dict[str, Array] = {
            "address": places,
            "status": status,
            "hive": found.hive,
            "cell": found.cell,
        }
        children = cls(keys.context, rows, parents=Reference(keys, owner))
        return Collection(children, owner, len(keys), *cuts.columns())

    @property
    def values(self) -> Values:
        """The values in their cells."""
        return self.kept(
            "values", lambda: Values(self._hives(), self.rows["hive"], self.rows["cell"])
        )

    def _hives(self) -> Hives:
        from memq.os.windows.registry.hives import hives_of  # noqa: PLC0415

        return hives_of(self.kernel, self.context.run)

    def _open(self) -> Structs:
        addresses = self.rows["address"]
        roots = self._hives().blocks.roots_of(self.rows["hive"], addresses)
        found = self.kernel.structs(self.struct, addresses, self.rows["status"], roots)
        found.check = self.context.check
        return found

    @field(Cost.FOLLOW, shown=True)
    def name(self) -> Name:
        """Name of the value; empty for the one that is the key's default."""
        return self.values.names()

    @field(shown=True)
    def type(self) -> String:
        """What its data is said to be: REG_SZ, REG_DWORD, ...; another number as it is."""
        kind = self.values.type
        words = [TYPES.get(number, f"{number:#x}") for number in kind.values.tolist()]
        return text_column(words, kind.status)

    @field(Cost.FOLLOW, shown=True)
    def data(self) -> String:
        """The data as people read it: text, a number, several texts joined by `; `, else as hex."""
        return as_text(self.values)

    @field(Cost.FOLLOW)
    def number(self) -> Number:
        """The data as a number; null where it is none (REG_DWORD, REG_QWORD)."""
        return as_number(self.values)

    @field()
    def size(self) -> Size:
        """Bytes of its data."""
        return self.values.size

    @field(Cost.FOLLOW)
    def hex(self) -> String:
        """The bytes of its data, as hexadecimal digits."""
        data, status = self.values.data()
        return text_column([one.hex() for one in data], status if status.any() else None)

    @field()
    def address(self) -> Address:
        """Address of its structure (CM_KEY_VALUE), maybe in the Registry process."""
        return self.address_column()

    @field()
    def cell(self) -> Address:
        """Its place in the hive; from 0x80000000 on in the part that is in memory only."""
        return Column(self.rows["cell"])


def listed_values(nodes: Nodes, limit: int, cuts: Cuts) -> tuple[Values, Indexes]:
    """Return the values of each key, in the order of its list, and which key each is of."""
    _, status = nodes.head
    cuts.mark(np.arange(len(nodes), dtype=np.int64), status)
    counts, cells = nodes.number(0x24, 4).values, nodes.number(0x28, 4).values
    rows = np.flatnonzero((status == 0) & ~nodes.is_exit() & (counts > 0))
    lists = Lists(np.where(counts[rows] > 0, cells[rows], NO_CELL), rows)
    wanted = within(counts[rows], rows, limit, cuts)
    missing = rows[cells[rows] == NO_CELL]
    cuts.mark(missing, Reason.MALFORMED)
    found, _ = cell_array(nodes, lists, wanted, 4, 0, cuts)
    fewer = np.bincount(found.owner, minlength=len(nodes))[rows] < counts[rows]
    cuts.mark(rows[fewer], Reason.MISCOUNTED)
    return Values(nodes.hives, nodes.hive[found.owner], found.cell), found.owner
