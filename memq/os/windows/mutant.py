"""Mutants (_KMUTANT), which programs know as mutexes."""

from __future__ import annotations

import numpy as np

from memq.column import Column
from memq.errors import Reason
from memq.os.common import distinct_addresses, known_pointers
from memq.os.windows.known_base import KnownObject
from memq.schema.collection import Reference
from memq.schema.declare import Cost, field, single
from memq.schema.kinds import Address, Boolean, Number

_POINTED_TO = -1
"""How a process was come by: from a thread of it, not from any list."""


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
        owner = self.raw["OwnerThread"]
        return owner.but(owner.known & (owner.values == 0), Reason.NULL)

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
        places, status = known_pointers(threads["Process|ApcState.Process"])
        rows = np.flatnonzero(status == 0)
        found, own = distinct_addresses(places[rows])
        index = np.full(len(self), -1, np.int64)
        index[rows] = own
        return Reference(ProcessObject.at(self.context, found, _POINTED_TO), index, status)

    def _owner(self, member: str) -> Column:
        numbers = self.raw.follow("OwnerThread", "_ETHREAD")[member]
        return Column(numbers.values.astype(np.int64), numbers.status)
