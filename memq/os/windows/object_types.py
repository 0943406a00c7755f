"""Types of objects: the table of them, and how the header of an object says which one is its own.

Since Windows 7 a header has the type's number; since Windows 10 that is mixed with a secret of the
boot (ObHeaderCookie) and the second byte of the header's own address. Before, it has a pointer.
Where the symbols of table and secret are not known, the types that the kernel exports lead to the
list of all types, and tell the secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, unknown
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_structs
from memq.os.windows.strings import unicode_text
from memq.symbols.lists import Cuts, lists

if TYPE_CHECKING:
    from memq.column import Addresses, Array
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

_MOST = 256
"""Types that there can be: their number is a byte."""
_FIRST = 2
"""The number of the first type, which is that of types themselves."""
_EXPORTED = ("PsProcessType", "PsThreadType", "ExEventObjectType", "IoFileObjectType")
"""Exported pointers to types, any of which leads to all of them."""
_FACT = "object types"


@dataclass(frozen=True, slots=True)
class ObjectTypes:
    """The types of one kernel's objects, by number: 256 of each."""

    addresses: Addresses
    names: Text
    """Where there is no such type, null; where it is not known, the reason."""
    cookie: int | None
    """What numbers in headers are mixed with; None: with nothing."""

    def indexes(self, headers: Structs) -> Column:
        """Return the numbers of the types that headers (_OBJECT_HEADER) name."""
        index = headers["TypeIndex"]
        if self.cookie is None:
            return index
        # Since 10240.
        own = ((headers.addresses >> np.uint64(8)) & np.uint64(0xFF)).astype(np.int64)
        return Column(index.values ^ own ^ self.cookie, index.status)


def type_names(kernel: WindowsKernel, run: Run, headers: Structs) -> Text:
    """Return the names of the types of objects, by their headers (_OBJECT_HEADER)."""
    if headers.has("Type"):  # until Vista
        types = distinct_structs(kernel, "_OBJECT_TYPE", headers["Type"])
        return unicode_text(kernel.space, types.structs, "Name").take(types.index)
    known = object_types(kernel, run)
    index = known.indexes(headers)
    names = known.names.take(np.where(index.known, index.values & (_MOST - 1), 0))
    # An object has a type; one that there is not is no object's.
    return names.but(names.statuses == Reason.NULL, Reason.MALFORMED).under(index.status)


def object_types(kernel: WindowsKernel, run: Run) -> ObjectTypes:
    """Return the kernel's types, found once; all unknown where nothing leads to them."""
    found = kernel.facts.get(_FACT)
    if not isinstance(found, ObjectTypes):
        found = kernel.facts[_FACT] = _find(kernel, run)
    return found


def _find(kernel: WindowsKernel, run: Run) -> ObjectTypes:
    addresses = _table(kernel)
    if addresses is None:
        addresses = _listed(kernel, run)
    status = np.where(addresses == 0, np.uint8(Reason.NULL), np.uint8(0))
    if not addresses.any():
        missing = unknown(Reason.NOT_IN_KERNEL, _MOST)
        return ObjectTypes(addresses, Text(missing.values, missing.status, ("",)), None)
    types = kernel.structs("_OBJECT_TYPE", addresses, status)
    wrong = types["Index"].values != np.arange(_MOST)
    names = unicode_text(kernel.space, types, "Name")
    names = names.but(names.known & wrong, Reason.MALFORMED)
    return ObjectTypes(addresses, names, _cookie(kernel, addresses))


def _table(kernel: WindowsKernel) -> Addresses | None:
    """Return what ObTypeIndexTable holds, up to its first null behind the first type."""
    place = kernel.optional("ObTypeIndexTable")
    if place is None:
        return None
    size = kernel.space.word_size
    words, _ = kernel.space.words(np.uint64(place) + np.arange(_MOST, dtype=np.uint64) * size)
    sound = (words >= np.uint64(kernel.space.kernel_start)) & (words & np.uint64(size - 1) == 0)
    sound[:_FIRST] = False
    ends = np.flatnonzero(~sound[_FIRST:])
    if len(ends):
        sound[_FIRST + int(ends[0]) :] = False
    return np.where(sound, words, np.uint64(0))


def exported_types(kernel: WindowsKernel) -> list[int]:
    """Return the addresses of the types that the kernel exports."""
    places = [kernel.optional(name) for name in _EXPORTED]
    words = [kernel.space.word(place) for place in places if place is not None]
    return [word for word in words if word]


def _listed(kernel: WindowsKernel, run: Run) -> Addresses:
    """Return the types by number, as the list of all types has them that any of them is in.

    The link stands in what is before the header of each (_OBJECT_HEADER_CREATOR_INFO).
    """
    found = np.zeros(_MOST, np.uint64)
    creator, header = (
        kernel.types.struct(f"_OBJECT_HEADER{rest}") for rest in ("_CREATOR_INFO", "")
    )
    if creator is None or header is None:
        return found
    back = header.offset("Body") + creator.size
    seeds = np.array(exported_types(kernel), np.uint64)
    heads = seeds - np.uint64(back) + np.uint64(creator.offset("TypeList"))
    around = lists(kernel.space, run, heads, Cuts(len(heads)), creator.offset("TypeList"))
    places = np.concatenate([seeds, around.addresses + np.uint64(back)])
    # One of the list is its head, which stands in the type of types and is no type itself: what
    # lies behind it does not have the number that it should.
    types = kernel.structs("_OBJECT_TYPE", places)
    index, names = types["Index"], unicode_text(kernel.space, types, "Name")
    good = index.known & names.known & (index.values >= _FIRST) & (index.values < _MOST)
    found[index.values[good]] = places[good]
    return found


def _cookie(kernel: WindowsKernel, types: Addresses) -> int | None:
    """Return what the numbers in headers are mixed with; None where they are plain."""
    place = kernel.optional("ObHeaderCookie")
    told = None if place is None else kernel.space.read(place, 1)
    if told is not None:
        return told[0]
    header = kernel.types.struct("_OBJECT_HEADER")
    if header is None:
        return None
    there = types[types != 0] - np.uint64(header.offset("Body"))
    headers = kernel.structs("_OBJECT_HEADER", there)
    index = headers["TypeIndex"]
    # All types are objects of the first type, so that what is mixed in is the same for all of them.
    mixed = index.values ^ _FIRST
    own = ((there >> np.uint64(8)) & np.uint64(0xFF)).astype(np.int64)
    return _most_often(mixed[index.known], own[index.known])


def _most_often(mixed: Array, own: Array) -> int | None:
    """Return the secret that explains most numbers; None if most are plain."""
    if not len(mixed):
        return None
    secrets = np.bincount((mixed ^ own) & 0xFF, minlength=256)
    best = int(secrets.argmax())
    return None if np.count_nonzero(mixed == 0) >= secrets[best] else best
