"""Mutants (_KMUTANT), which programs know as mutexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.column import Column
from memq.os.windows.base import handle_number
from memq.os.windows.known_base import KnownObject
from memq.schema.declare import Cost, field, single
from memq.schema.kinds import Address, Boolean, Number

if TYPE_CHECKING:
    from memq.schema.collection import Reference


class MutantObject(
    KnownObject,
    name="mutant",
    principal="mutant_object",
    example="mutant.Where(owner_process_id != null).Select([path, owner_process.name])",
):
    """A mutant, which programs call mutex: what one thread at a time may own."""

    struct = "_KMUTANT"
    kind = "Mutant"

    @field()
    def is_signaled(self) -> Boolean:
        """Whether no thread owns it, so that the next one that asks gets it."""
        state = self.raw["Header.SignalState"]
        return Column(state.values > 0, state.status)

    @field()
    def is_abandoned(self) -> Boolean:
        """Whether a thread ended without giving it back."""
        state = self.raw["Abandoned"]
        return Column(state.values != 0, state.status)

    @field()
    def owner_thread(self) -> Address:
        """Address of the thread (ETHREAD) that owns it; null where none does."""
        return self.pointer_column("OwnerThread")

    @field(Cost.FOLLOW)
    def owner_thread_id(self) -> Number:
        """Number of the thread that owns it; null where none does."""
        return self._owner("Cid.UniqueThread")

    @field(Cost.FOLLOW, shown=True)
    def owner_process_id(self) -> Number:
        """Number of the process whose thread owns it; null where none does."""
        return self._owner("Cid.UniqueProcess")

    @single("process")
    def owner_process(self) -> Reference:
        """The process whose thread owns it; null where none does."""
        from memq.os.windows.process import ProcessObject  # noqa: PLC0415 - as objects do

        threads = self.raw.follow("OwnerThread", "_KTHREAD")
        # Until Vista a thread says it by what it is attached to.
        return ProcessObject.referred(self.context, threads["Process|ApcState.Process"])

    def _owner(self, member: str) -> Column:
        return handle_number(self.raw.follow("OwnerThread", "_ETHREAD")[member])
