"""Kernel modules, as /proc/modules shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, text_column, worst
from memq.errors import Reason
from memq.os.common import words_by_number
from memq.os.linux.base import LinuxObject
from memq.os.listwalk import ListWalk, batched
from memq.schema.batch import Context, Portion
from memq.schema.declare import Cost, field
from memq.schema.driver import Driver
from memq.schema.kinds import Address, Name, Number, Size, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run
    from memq.symbols.structs import Structs

STATES = ("live", "coming", "going", "unformed")
"""enum module_state."""
TAINTS = "PFSRMBUDAWCIOELKXTNJ"
"""Letters of the taint flags, bit 0 first (Documentation/admin-guide/tainted-kernels.rst)."""
MAX_VERSION = 256


class Module(Driver, LinuxObject):
    """A kernel module."""

    struct = "module"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the kernel's list of modules, the latest loaded first."""
        walk = module_list(context.kernel, context.run)
        addresses = [np.zeros(0, np.uint64), *batched(walk)]
        yield Portion(cls(context, {"address": np.concatenate(addresses)}), walk.cut)

    @field()
    def address(self) -> Address:
        return self.address_column()

    @field()
    def name(self) -> Name:
        return self.raw.text("name")

    @field()
    def base(self) -> Address:
        return Parts(self.raw).base

    @field()
    def size(self) -> Size:
        return Parts(self.raw).size

    @field(choices=STATES)
    def state(self) -> String:
        """Whether it is live, coming, going, or not set up yet (unformed)."""
        return words_by_number(self.raw["state"], STATES)

    @field()
    def references(self) -> Number:
        """How many use it, other modules included, as /proc/modules counts."""
        count = self.raw["refcnt.counter"]
        return Column(count.values - 1, count.status)  # the kernel's own is not shown

    @field(Cost.FOLLOW)
    def version(self) -> String:
        """Version that its author gave it; null where there is none."""
        pointer = self.raw["version"]
        return self.kernel.space.text(pointer.values, MAX_VERSION).under(pointer.status)

    @field()
    def taints(self) -> String:
        """How it taints the kernel, as letters: P proprietary, O out of tree, E unsigned, ..."""
        bits = self.raw["taints"]
        return text_column(list(map(taint_letters, bits.values.tolist())), bits.status)


def taint_letters(bits: int) -> str:
    """Write taint flags as the kernel does, a letter each."""
    return "".join(letter for bit, letter in enumerate(TAINTS) if bits >> bit & 1)


def module_list(kernel: LinuxKernel, run: Run) -> ListWalk:
    """Return the walk over the kernel's list of modules."""
    offset = kernel.types.required("module").offset("list")
    return ListWalk(kernel, run, "list of modules", kernel.symbol("modules"), offset)


class Parts:
    """The pieces of memory that each module takes."""

    def __init__(self, modules: Structs) -> None:
        layout = modules.type
        if layout is not None and layout.has("mem"):  # ac3b43283923 (6.4)
            member = layout.member("mem")
            element = member.type.target()
            pieces = [f"mem[{i}]" for i in range(min(member.type.count, 16))] if element else []
        elif modules.has("core_layout.base"):  # 7523e4dc5057 (4.5)
            pieces = ["core_layout", "init_layout"]
        else:
            pieces = []
        self.bases = [modules[f"{piece}.base"] for piece in pieces]
        self.sizes = [modules[f"{piece}.size"] for piece in pieces]
        self.length = len(modules)

    @property
    def base(self) -> Column:
        """Where the code begins: the first piece in every kernel."""
        return self.bases[0] if self.bases else Column(
            np.zeros(self.length, np.uint64), np.full(self.length, Reason.NOT_IN_KERNEL, np.uint8)
        )  # fmt: skip

    @property
    def size(self) -> Column:
        """Bytes of all pieces."""
        total = np.zeros(self.length, np.int64)
        for size in self.sizes:
            total += size.values
        return Column(total, worst(self.base.status, *(size.status for size in self.sizes)))
