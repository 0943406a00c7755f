r"""Full names of registry keys that are open, by their control blocks (_CM_KEY_CONTROL_BLOCK).

`\REGISTRY\MACHINE\SOFTWARE\...`, as the kernel has them, which may be in capitals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, distinct, worst
from memq.errors import Reason
from memq.os.common import distinct_addresses, distinct_structs, joined_text, known_pointers
from memq.os.windows.object_names import SEPARATOR, Named, paths
from memq.os.windows.remembered import remembered
from memq.os.windows.strings import decode_utf16

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

_PATHS = "paths of keys"
_MOST = 512
"""Bytes of one name: a key's has at most 255 letters."""
_HIVE_EXIT, _HIVE_ENTRY = 2, 4
"""Flags of keys: one that leads into another hive, one that is a hive's first (CM_KEY_NODE)."""


def key_paths(kernel: WindowsKernel, run: Run, blocks: Column) -> Text:
    """Return the full names of keys, by the addresses of their control blocks."""

    def read(places: Addresses) -> Named:
        found = kernel.structs("_CM_KEY_CONTROL_BLOCK", places)
        found.check = run.check
        names = distinct_structs(kernel, "_CM_NAME_CONTROL_BLOCK", found["NameBlock"], run.check)
        own = _names(kernel, names.structs).take(names.index)
        # Each key has a name: what has none is no key's block.
        own = own.but(own.statuses == Reason.NULL, Reason.MALFORMED)
        return Named(_without_inner_roots(found, own), found["ParentKcb"])

    places, status = known_pointers(blocks)
    found, index = distinct_addresses(np.where(status == 0, places, np.uint64(0)))
    text = remembered(kernel, _PATHS).of(
        found, lambda rows: paths(run, Column(found[rows]), read, root=SEPARATOR)
    )
    return text.take(index).under(status)


def _without_inner_roots(blocks: Structs, names: Text) -> Text:
    """Return the names, empty for the root of a hive that stands below where it is mounted.

    Since 14393 a hive's root has a block of its own, called ROOT, below the key that leads into the
    hive; before, there was one block for both.
    """
    entry, above = blocks["Flags"], blocks.follow("ParentKcb")["Flags"]
    is_inner = entry.known & (entry.values & _HIVE_ENTRY != 0)
    is_inner &= above.known & (above.values & _HIVE_EXIT != 0)
    empty = Text(np.zeros(len(blocks), np.int64), None, ("",))
    rows, others = np.flatnonzero(is_inner), np.flatnonzero(~is_inner)
    return joined_text(len(blocks), [(others, names.take(others)), (rows, empty.take(rows))])


def _names(kernel: WindowsKernel, blocks: Structs) -> Text:
    """Return the names in name blocks; a compressed one has a byte for each letter."""
    length, compressed = blocks["NameLength"], blocks["Compressed"]
    status = worst(length.status, compressed.status)
    known = np.zeros(len(blocks), bool) | (status is None)
    if status is not None:
        known |= status == 0
    too_long = known & (length.values > _MOST)
    rows = np.flatnonzero(known & ~too_long)
    layout = blocks.type
    if layout is None or not len(rows):
        return Text(np.zeros(len(blocks), np.int64), status, ("",)).but(too_long, Reason.MALFORMED)
    places = blocks.addresses[rows] + np.uint64(layout.offset("Name"))
    data, lost = kernel.space.gather_ranges(places, length.values[rows], _MOST)
    is_narrow = (compressed.values[rows] != 0).tolist()
    words = [
        raw.decode("latin-1") if narrow else decode_utf16(raw)
        for raw, narrow in zip(data, is_narrow, strict=True)
    ]
    values = np.zeros(len(blocks), np.int64)
    values[rows], found = distinct(words)
    reasons = np.zeros(len(blocks), np.uint8) if status is None else status.copy()
    reasons[rows] = lost
    return Text(values, reasons, found).but(too_long, Reason.MALFORMED)
