"""Files behind VADs: few distinct subsections and files behind many VADs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import distinct_structs
from memq.os.windows.strings import unicode_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from memq.column import Indexes
    from memq.layers.space import AddressSpace
    from memq.os.common import Distinct
    from memq.os.windows.kernel import WindowsKernel
    from memq.schema.batch import Context

FILE = "FilePointer.Value|FilePointer.Object|FilePointer"
"""A fast reference since 6.0, a plain pointer before."""


@dataclass(frozen=True, slots=True)
class VadFiles:
    """The control areas and files of VADs, a row for each; null where there is none."""

    areas: Column
    pointers: Column
    """Addresses of the files (_FILE_OBJECT)."""
    found: Distinct
    space: AddressSpace

    @classmethod
    def of(
        cls, kernel: WindowsKernel, context: Context, of_section: Callable[[str], Column]
    ) -> VadFiles:
        """Return the files of VADs, whose pointers to their sections `of_section` gives."""
        layout = kernel.types.struct("_MMVAD")
        if layout is not None and layout.has("Subsection"):  # 6.0; before, the control area itself
            parts = distinct_structs(kernel, "_SUBSECTION", of_section("Subsection"), context.check)
            areas = parts["ControlArea"]
        else:
            areas = of_section("ControlArea")
        areas = _or_null(areas, 0)
        # The lowest bits of a fast reference count references, so that they are never an address's.
        low = 15 if kernel.is_64_bit else 7
        files = distinct_structs(kernel, "_CONTROL_AREA", areas, context.check)[FILE]
        pointers = _or_null(files, low)
        found = distinct_structs(kernel, "_FILE_OBJECT", pointers, context.check)
        return cls(areas, pointers, found, kernel.space)

    @property
    def names(self) -> Text:
        """What the files are called on their devices."""
        return unicode_text(self.space, self.found.structs, "FileName").take(self.found.index)

    @property
    def deleted(self) -> Column:
        """Whether the files are about to be deleted."""
        flag = self.found["DeletePending"]
        return Column(flag.values != 0, flag.status)

    def take(self, index: Indexes) -> VadFiles:
        """Return those of some of the VADs."""
        areas, pointers = self.areas.take(index), self.pointers.take(index)
        return VadFiles(areas, pointers, self.found.take(index), self.space)


def _or_null(pointers: Column, low: int) -> Column:
    """Return addresses without their lowest bits; those of nothing are null."""
    values = pointers.values.astype(np.uint64) & ~np.uint64(low)
    found = Column(values, pointers.status)
    return found.but(found.known & (values == 0), Reason.NULL)
