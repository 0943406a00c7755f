"""Where in an allocation an object's header is, and whether it is one of a wanted type.

Before the header (_OBJECT_HEADER) stand parts that an object may or may not have; the header says
which, so that each place it can be at is tried, and holds where it says just this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import is_among
from memq.os.windows.object_types import object_types, type_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

    Mask = NDArray[np.bool_]

_PARTS = (
    "CREATOR", "NAME", "HANDLE", "QUOTA", "PROCESS", "AUDIT", "EXTENDED|HANDLE_REVOCATION", "",
)  # fmt: skip
"""Bits of InfoMask, the lowest first: _OBJECT_HEADER_..._INFO. What pads has no size of its own."""
_CREATOR_FLAG = 0x04
"""OB_FLAG_CREATOR_INFO, until Vista: the one part that has no offset."""
_OFFSETS = ("NameInfoOffset", "HandleInfoOffset", "QuotaInfoOffset")
_UNKNOWN_SIZE = 0x40
"""At most so many bytes does a part have whose type is not known."""
_FREED_TYPE = 0xBAD0_B0B0
"""What stands for the type in the header of an object that is gone, and in the first place of the
table of types (ObTypeIndexTable) that is one."""
_FREED_INDEX = 1


class HeaderParts:
    """The parts that can stand before a header, and their sizes."""

    def __init__(self, kernel: WindowsKernel) -> None:
        sizes = [_size(kernel, names) for names in _PARTS]
        self._sizes = {1 << bit: size for bit, size in enumerate(sizes) if size}
        self._unknown = sum(1 << bit for bit, size in enumerate(sizes) if not size)
        self._creator = sizes[0]
        self.most = sum(sizes) + _UNKNOWN_SIZE
        """No header is further behind the start of its allocation."""

    def hold(self, headers: Structs, distance: int) -> Mask:
        """Whether headers say that they are so far behind the start of their allocations."""
        if headers.has(_OFFSETS[0]):  # until Vista
            return self._hold_offsets(headers, distance)
        mask = headers["InfoMask"]
        values = mask.values.astype(np.int64)
        known = np.zeros(len(headers), np.int64)
        for bit, size in self._sizes.items():
            known += np.where(values & bit != 0, size, 0)
        rest = distance - known
        is_open = (values & self._unknown != 0) & (rest >= 0) & (rest <= _UNKNOWN_SIZE)
        return np.asarray(mask.known & ((rest == 0) | is_open))

    def _hold_offsets(self, headers: Structs, distance: int) -> Mask:
        flags = headers["Flags"]
        far = np.where(flags.values.astype(np.int64) & _CREATOR_FLAG != 0, self._creator, 0)
        for name in _OFFSETS:
            far = np.maximum(far, headers[name].values.astype(np.int64))
        return np.asarray(flags.known & (far == distance))


class HeaderTypes:
    """Whether headers are those of objects of one type."""

    def __init__(self, kernel: WindowsKernel, run: Run, kind: str, own_bits: int = 0xFF) -> None:
        """`own_bits`: those of the second byte of headers' addresses that are known."""
        self._kernel = kernel
        self._run = run
        self._kind = kind
        self._bits = own_bits

    def hold(self, headers: Structs) -> Mask:
        """Whether they are those of such objects, or of any that are gone."""
        if headers.has("Type"):  # until Vista
            pointer = headers["Type"]
            freed = pointer.values & np.uint64(0xFFFF_FFFF) == np.uint64(_FREED_TYPE)
            return np.asarray(self._named(headers) | pointer.known & freed)
        found = object_types(self._kernel, self._run)
        index = found.indexes(headers)
        if not found.addresses.any():  # tag and contents must do
            return index.known
        numbers = found.names.test(lambda word: word == self._kind)
        wanted = np.flatnonzero(numbers.values & numbers.known)
        values = index.values.astype(np.int64) & self._bits
        return np.asarray(
            index.known & is_among(values, np.append(wanted & self._bits, _FREED_INDEX))
        )

    def _named(self, headers: Structs) -> Mask:
        names = type_names(self._kernel, self._run, headers)
        found = names.test(lambda word: word == self._kind)
        return np.asarray(found.values & found.known)


def _size(kernel: WindowsKernel, names: str) -> int:
    """Return the size of the first of the parts that this kernel has; 0 if it has none."""
    for name in names.split("|"):
        struct = kernel.types.struct(f"_OBJECT_HEADER_{name}_INFO") if name else None
        if struct is not None:
            return struct.size
    return 0
