"""Where processes are found: the task list, and the table of process numbers.

The task list is `init_task.tasks`; init_task itself (pid 0) is its head and no element. The table
is the xarray in `init_pid_ns.idr` (since 95846ecf9dac, Linux 4.15); each `struct pid` in it has
lists of the tasks that use it, as a thread group's number among other things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.errors import Reason
from memq.node import dataclass
from memq.os.linux.walks import XArrayWalk
from memq.os.listwalk import ListWalk
from memq.schema.batch import Cut
from memq.symbols.lists import KERNEL_HALF

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.os.linux.kernel import LinuxKernel
    from memq.run import Run

TASK_LIST, PID_TABLE = "task list", "pid table"
"""Under which names a kernel keeps what was found."""


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Addresses of task_structs, in the order of their source, and why it is not whole."""

    addresses: Addresses
    cut: Cut | None


def task_list(kernel: LinuxKernel, run: Run) -> ListWalk:
    """Return the walk over the leaders of all thread groups."""
    offset = kernel.types.required("task_struct").offset("tasks")
    return ListWalk(kernel, run, "task list", kernel.symbol("init_task") + offset, offset)


def listed_tasks(kernel: LinuxKernel, run: Run) -> TaskSet:
    """Return all that is on the task list, walked once for each kernel."""
    found = kernel.facts.get(TASK_LIST)
    if not isinstance(found, TaskSet):
        walk = task_list(kernel, run)
        found = kernel.facts[TASK_LIST] = TaskSet(np.fromiter(walk, np.uint64), walk.cut)
    return found


def pid_table(kernel: LinuxKernel, run: Run) -> TaskSet:
    """Return the leaders of all thread groups that have a number in the first pid namespace."""
    found = kernel.facts.get(PID_TABLE)
    if not isinstance(found, TaskSet):
        found = kernel.facts[PID_TABLE] = _walk_table(kernel, run)
    return found


def _walk_table(kernel: LinuxKernel, run: Run) -> TaskSet:
    task = kernel.types.required("task_struct")
    group = kernel.types.enumerator("PIDTYPE_TGID")
    group = 1 if group is None else group
    head = kernel.symbol("init_pid_ns") + kernel.types.required("pid_namespace").offset(
        "idr.idr_rt.xa_head"
    )
    walk = XArrayWalk(kernel, run, "pid table", head)
    pids = walk.entries()
    first = kernel.structs("pid", pids)[f"tasks[{group}].first"]
    cut = walk.cut
    broken = np.flatnonzero(first.statuses)
    if len(broken) and cut is None:
        reason = Reason(int(first.statuses[broken[0]]))
        where = f"{int(pids[broken[0]]):#x} and {len(broken) - 1} more"
        cut = Cut(reason, f"pid table: {where}: {reason.text}")
    links = first.values[first.known & (first.values >= KERNEL_HALF)].astype(np.uint64)
    return TaskSet(links - np.uint64(task.offset(f"pid_links[{group}]")), cut)
