"""Processors as objects of queries: what each runs, and where its tables are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.column import Column
from memq.os.common import known_pointers
from memq.os.windows.base import WindowsObject
from memq.os.windows.processors import processors, regions_of
from memq.schema.batch import Context, Portion
from memq.schema.declare import field
from memq.schema.kinds import Address, Number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.symbols.structs import Structs


class Processor(
    WindowsObject,
    name="processor",
    principal="processor_object",
    example="processor.Select([number, current_thread, interrupt_table])",
):
    """A logical processor, by the block that the kernel keeps of it."""

    struct = "_KPRCB"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give those that the kernel has started, by number."""
        found = processors(context.kernel)
        rows = {"address": found.blocks.addresses}
        yield Portion(cls(context, rows), found.cut)

    @field(shown=True)
    def number(self) -> Number:
        """Its number, from 0 on."""
        return self.raw["Number"]

    @field(shown=True)
    def address(self) -> Address:
        """Address of the kernel's structure (KPRCB)."""
        return self.address_column()

    @field()
    def control_region(self) -> Address:
        """Address of its control region (KPCR), in which that structure is."""
        return Column(self.regions.addresses)

    @field(shown=True)
    def current_thread(self) -> Address:
        """Address of the thread that it ran (KTHREAD)."""
        return Column(*known_pointers(self.raw["CurrentThread"]))

    @field()
    def next_thread(self) -> Address:
        """Address of the thread that it was to run next; null where none was chosen."""
        return Column(*known_pointers(self.raw["NextThread"]))

    @field()
    def idle_thread(self) -> Address:
        """Address of the thread that it runs when there is nothing else to do."""
        return Column(*known_pointers(self.raw["IdleThread"]))

    @field(shown=True)
    def interrupt_table(self) -> Address:
        """Address of its table of interrupts (IDT)."""
        return Column(*known_pointers(self.regions["IdtBase|IDT"]))

    @field()
    def descriptor_table(self) -> Address:
        """Address of its table of segments (GDT)."""
        return Column(*known_pointers(self.regions["GdtBase|GDT"]))

    @field()
    def megahertz(self) -> Number:
        """How fast it is, as the kernel measured it, in MHz."""
        return self.raw["MHz"]

    @property
    def regions(self) -> Structs:
        """Their control regions."""
        return self.kept("regions", lambda: regions_of(self.kernel, self.rows["address"]))
