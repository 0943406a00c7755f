"""Single keys and values by their names: what other objects are told of by the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.errors import Reason
from memq.os.windows.registry.data import Values, number_of
from memq.os.windows.registry.tree import Tree
from memq.os.windows.registry.value import listed_values
from memq.os.windows.strings import decode_utf16
from memq.symbols.lists import Cuts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memq.column import Indexes, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.os.windows.registry.nodes import Nodes
    from memq.run import Run

SYSTEM = "\\REGISTRY\\MACHINE\\SYSTEM"
_FIRST_SET = 1


class Datum(NamedTuple):
    """A value of a key: its type's number, its data, and why that is not known (0: it is)."""

    kind: int
    raw: bytes
    status: int = 0

    @property
    def text(self) -> str | Reason:
        """The data as text, or why it is none; an empty one is null."""
        if self.status:
            return Reason(self.status)
        return decode_utf16(self.raw[: len(self.raw) & ~1]) or Reason.NULL

    @property
    def number(self) -> int | Reason:
        """The data as a number, or why it is none."""
        if self.status:
            return Reason(self.status)
        found = number_of(self.kind, self.raw)
        return Reason.MALFORMED if found is None else found


class Found(NamedTuple):
    """Some values of some keys, by their names in small letters."""

    data: list[dict[str, Datum]]
    status: Statuses
    """Why a key may have more values than are there."""

    def of(self, row: int, name: str) -> Datum:
        """Return a value of a key; one that it has not is null, or not known."""
        missing = int(self.status[row]) or int(Reason.NULL)
        return self.data[row].get(name.casefold(), Datum(0, b"", missing))


def tree_of(kernel: WindowsKernel, run: Run) -> Tree | None:
    """Return the tree of keys; None where it is not known where the hives are."""
    known = kernel.types.struct("_CMHIVE") is not None
    return Tree.of(kernel, run) if known and kernel.optional("CmpHiveListHead") else None


def key_at(tree: Tree, path: str) -> Nodes | Reason:
    """Return the key at a path, or why there is none: null if there is none such.

    A key whose path is not known may be the one.
    """
    reason = Reason.NULL if tree.hives.cut is None else tree.hives.cut.reason
    for level in tree.sought(path, is_whole=True):
        if level.cuts is not None and level.cuts.status.any():
            reason = Reason(int(level.cuts.status.max()))
        paths = tree.paths(level.keys)
        for row, found in enumerate(paths.to_list()):
            if found is not None and found.casefold() == path.casefold():
                return level.keys.take(np.array([row], np.int64))
        reason = max(reason, Reason(int(paths.statuses.max(initial=0))))
    return reason


def values_of(keys: Nodes, names: Iterable[str], limit: int) -> Found:
    """Return the values of these names of each key; of the others no data is read."""
    cuts = Cuts(len(keys))
    values, owner = listed_values(keys, limit, cuts)
    wanted = {name.casefold() for name in names}
    texts = values.names().to_list()
    rows = np.flatnonzero([text is not None and text.casefold() in wanted for text in texts])
    lost = np.flatnonzero([text is None for text in texts])
    cuts.mark(owner[lost], Reason.MALFORMED)
    data: list[dict[str, Datum]] = [{} for _ in range(len(keys))]
    for row, own, datum in _read(values, owner, rows):
        data[own].setdefault((texts[row] or "").casefold(), datum)
    return Found(data, cuts.status)


def _read(values: Values, owner: Indexes, rows: Indexes) -> Iterable[tuple[int, int, Datum]]:
    kept = values.take(rows)
    raw, status = kept.data()
    kinds = kept.type.values.tolist()
    data = map(Datum, kinds, raw, status.tolist())
    return zip(rows.tolist(), owner[rows].tolist(), data, strict=True)


def datum_at(tree: Tree, path: str, name: str) -> Datum:
    """Return one value of the key at a path."""
    key = key_at(tree, path)
    if isinstance(key, Reason):
        return Datum(0, b"", int(key))
    return values_of(key, (name,), tree.run.limits.children).of(0, name)


def control_set(tree: Tree) -> tuple[str, Reason]:
    """Return the path of the control set that the system runs with, and why it may be another.

    Where nothing says which one it is, it is the first.
    """
    current = datum_at(tree, f"{SYSTEM}\\Select", "Current").number
    known = not isinstance(current, Reason)
    number = current if known else _FIRST_SET
    doubt = current if isinstance(current, Reason) and current > Reason.NULL else Reason.KNOWN
    return f"{SYSTEM}\\ControlSet{number:03}", doubt


def host_name(tree: Tree) -> str | Reason:
    """Return the name of the machine: the one that is in use, else the one of the next start."""
    current, doubt = control_set(tree)
    if doubt:
        return doubt
    control = f"{current}\\Control\\ComputerName"
    active = datum_at(tree, f"{control}\\ActiveComputerName", "ComputerName").text
    if not isinstance(active, Reason):
        return active
    stored = datum_at(tree, f"{control}\\ComputerName", "ComputerName").text
    # Where the one in use is not known, the other may differ from it.
    return active if isinstance(stored, Reason) and active > Reason.NULL else stored


def domain_name(tree: Tree) -> str | Reason:
    """Return the domain's name, as the network's parameters have it: set, else by DHCP."""
    current, doubt = control_set(tree)
    if doubt:
        return doubt
    path = f"{current}\\Services\\Tcpip\\Parameters"
    names = ("Domain", "DhcpDomain")
    key = key_at(tree, path)
    if isinstance(key, Reason):
        return key
    found = values_of(key, names, tree.run.limits.children)
    texts = [found.of(0, name).text for name in names]
    # One that is set goes before, so that where it cannot be read the other is no answer.
    return next((text for text in texts if text is not Reason.NULL), Reason.NULL)
