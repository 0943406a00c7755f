"""The processes that threads belong to, as the threads themselves say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.os.common import distinct_addresses
from memq.os.windows.processes import PROCESS_OBJECT, REFERRED
from memq.schema.collection import Reference

if TYPE_CHECKING:
    from memq.column import Addresses, Array, Statuses
    from memq.os.windows.kernel import WindowsKernel
    from memq.schema.batch import Context

# 6.0; what it is attached to, of which that is a copy; before.
_OWNER = "Tcb.Process|Tcb.ApcState.Process|ThreadsProcess"


def owning_processes(kernel: WindowsKernel, threads: Addresses) -> tuple[Addresses, Statuses]:
    """Return the address of each thread's process, and why there is none.

    0 and NULL where it does not lead to one any more.
    """
    owner = kernel.structs("_ETHREAD", threads)[_OWNER]
    places = owner.values.astype(np.uint64)
    kind = kernel.structs("_EPROCESS", places, owner.status)["Pcb.Header.Type"]
    is_process = kind.known & (kind.values == PROCESS_OBJECT)
    nobody = np.where(kind.known, np.uint8(Reason.NULL), kind.statuses)
    return np.where(is_process, places, np.uint64(0)), np.where(is_process, np.uint8(0), nobody)


def known_processes(context: Context, addresses: Addresses) -> Reference:
    """Return processes by their addresses, a row for each; of 0 one of which nothing is known."""
    from memq.os.windows.process import ProcessObject  # noqa: PLC0415 - it imports threads

    found, index = distinct_addresses(addresses)
    rows: dict[str, Array] = {
        "address": found,
        "source": np.full(len(found), REFERRED, np.int8),
        "status": np.where(found == 0, np.uint8(Reason.NOT_MAPPED), np.uint8(0)),
    }
    return Reference(ProcessObject(context, rows), index)
