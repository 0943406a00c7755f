"""The values of services' keys, and of the keys below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, text_column
from memq.errors import Reason
from memq.os.windows.registry.lookup import Datum, Found, values_of
from memq.os.windows.registry.tree import Tree
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from memq.column import Array
    from memq.os.windows.registry.nodes import Nodes
    from memq.schema.batch import Context

_OWN = (
    "Type", "Start", "ErrorControl", "ImagePath", "DisplayName", "Description", "ObjectName",
    "Group", "DelayedAutostart", "ServiceDll",
)  # fmt: skip
PARAMETERS = "parameters"


class Settings:
    """The values of services' keys, and of the keys below them that are named Parameters."""

    def __init__(self, parts: dict[str, tuple[Found, Array]], lost: Array) -> None:
        """For each part, what was found, and for each service its row there (-1: none).

        `lost` says why a service may have keys below it that were not found.
        """
        self._parts = parts
        self._lost = lost

    @classmethod
    def of(cls, keys: Nodes, context: Context) -> Settings:
        """Read the values of services' keys."""
        tree = Tree.of(context.kernel, context.run)
        limit = context.run.limits.children
        cuts = Cuts(len(keys))
        below, owner = tree.children(keys, cuts)
        named = below.names().test(lambda name: name.casefold() == PARAMETERS)
        # A key whose name is not known may be the one.
        cuts.mark(owner, named.statuses)
        rows = np.flatnonzero(named.known & named.values)
        index = np.full(len(keys), -1, np.int64)
        index[owner[rows]] = np.arange(len(rows))
        parts = {
            "": (values_of(keys, _OWN, limit), np.arange(len(keys))),
            PARAMETERS: (values_of(below.take(rows), ("ServiceDll",), limit), index),
        }
        return cls(parts, cuts.status)

    def take(self, index: Array) -> Settings:
        """Return those of some of the services."""
        parts = {name: (found, own[index]) for name, (found, own) in self._parts.items()}
        return Settings(parts, self._lost[index])

    def data(self, part: str, name: str) -> list[Datum]:
        """Return a value of each service."""
        found, index = self._parts[part]
        missing = [Datum(0, b"", int(lost) or int(Reason.NULL)) for lost in self._lost.tolist()]
        return [
            none if row < 0 else found.of(row, name)
            for row, none in zip(index.tolist(), missing, strict=True)
        ]

    def text(self, part: str, name: str) -> Text:
        """Return a value of each service as text."""
        texts = [datum.text for datum in self.data(part, name)]
        status = np.array([one if isinstance(one, Reason) else 0 for one in texts], np.uint8)
        return text_column([None if isinstance(one, Reason) else one for one in texts], status)

    def number(self, part: str, name: str) -> Column:
        """Return a value of each service as a number."""
        found = [datum.number for datum in self.data(part, name)]
        values = [0 if isinstance(one, Reason) else one for one in found]
        status = np.array([one if isinstance(one, Reason) else 0 for one in found], np.uint8)
        return Column(np.array(values, np.uint64).astype(np.int64), status)
