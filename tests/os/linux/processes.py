"""Processes for small kernels: tasks, the lists and tables that know them, their memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memq.errors import Reason
from memq.os.linux.process import Task
from tests.os.linux.small import BASE, PAGE, SmallKernel
from tests.os.linux.spaces import MAPLE, Spaces
from tests.os.linux.trees_of_files import FILES, Files

if TYPE_CHECKING:
    from memq.column import Column

TYPES = (
    FILES
    + MAPLE
    + """
struct list_head { struct list_head *next; struct list_head *prev; };
struct hlist_head { void *first; };
struct hlist_node { void *next; void *pprev; };
struct kuid { unsigned int val; };
struct cred { int usage; struct kuid uid; struct kuid gid; };
struct signal_struct { int nr_threads; struct list_head thread_head; };
struct fdtable { unsigned int max_fds; void *fd; void *close_on_exec; void *open_fds; };
struct files_struct { int count; struct fdtable *fdt; };
struct task_struct {
    unsigned int __state; unsigned int flags; struct list_head tasks; struct mm_struct *mm;
    int exit_state; int pid; int tgid; struct task_struct *real_parent; struct list_head children;
    struct list_head sibling; struct task_struct *group_leader; struct hlist_node pid_links[4];
    struct list_head thread_node; unsigned long start_boottime; struct cred *real_cred;
    char comm[16]; struct files_struct *files; struct signal_struct *signal;
};
struct pid { int count; struct hlist_head tasks[4]; };
struct xa_node { unsigned char shift; unsigned char offset; void *parent; void *slots[64]; };
struct xarray { int lock; void *xa_head; };
struct idr { struct xarray idr_rt; int base; };
struct pid_namespace { struct idr idr; };
struct tk_read_base { unsigned int shift; unsigned long xtime_nsec; long base; };
struct timekeeper {
    struct tk_read_base tkr_mono; unsigned long xtime_sec; long offs_real; long offs_boot;
};
struct seqcount_raw_spinlock { unsigned int sequence; };
"""
)

SECOND = 10**9
BOOT = 1_795_286_669 * SECOND + 123
NAMESPACE = BASE + 0x1000
CLOCK = BASE + 0x2000
PIDS = BASE + 0x60_0000
INIT_TASK = BASE + 0x50_0000


@dataclass
class Tasks:
    """Puts tasks into a kernel, each on two pages of its own."""

    kernel: SmallKernel
    places: list[int] = field(default_factory=list)
    spaces: Spaces = field(init=False)
    files: Files = field(init=False)

    def __post_init__(self) -> None:
        self.spaces, self.files = Spaces(self.kernel), Files(self.kernel)
        self.kernel.table |= {
            "init_task": INIT_TASK, "init_pid_ns": NAMESPACE, "tk_core": CLOCK,
        }  # fmt: skip
        self.kernel.put("task_struct", INIT_TASK, {"comm": b"swapper/0", "group_leader": INIT_TASK})
        self.kernel.put("timekeeper", CLOCK + 8, {
            "tkr_mono.shift": 8, "tkr_mono.xtime_nsec": 5 << 8, "tkr_mono.base": 50 * SECOND,
            "xtime_sec": BOOT // SECOND + 50, "offs_real": BOOT + 7, "offs_boot": 7,
        })  # fmt: skip

    def task(self, pid: int, comm: bytes = b"task", parent: int = INIT_TASK, **members: int) -> int:
        address = INIT_TASK + 2 * PAGE * (len(self.places) + 1)
        cred = self.kernel.put("cred", address + 2048, {"uid.val": pid * 2, "gid.val": pid * 3})
        signal = address + 3072
        self.kernel.put("signal_struct", signal, {"nr_threads": 1})
        self.kernel.put("task_struct", address, {
            "pid": pid, "tgid": pid, "comm": comm, "real_parent": parent, "group_leader": address,
            "real_cred": cred, "signal": signal, "__state": 1, **members,
        })  # fmt: skip
        link = self.kernel.offset("task_struct", "thread_node")
        self.kernel.chain(
            signal + self.kernel.offset("signal_struct", "thread_head"), [address + link]
        )
        self.kernel.chain(address + self.kernel.offset("task_struct", "children"), [])
        self.places.append(address)
        return address

    def link(self, places: list[int] | None = None) -> None:
        """Put the task list, and the table of pids with all tasks."""
        listed = self.places if places is None else places
        tasks = self.kernel.offset("task_struct", "tasks")
        self.kernel.chain(INIT_TASK + tasks, [place + tasks for place in listed])
        links = self.kernel.offset("task_struct", "pid_links[1]")
        slots = {}
        for number, place in enumerate(self.places):
            pid = PIDS + 128 * number
            self.kernel.put("pid", pid, {"tasks[1].first": place + links})
            slots[number] = pid
        only_thread = PIDS + 128 * len(self.places)
        slots[len(slots)] = self.kernel.put("pid", only_thread, {"tasks[0].first": self.places[0]})
        nodes = -(-len(slots) // 64)
        top = PIDS + 0x10_0000
        self.kernel.put("xa_node", top, {"shift": 6})
        for node in range(nodes):
            place = self.kernel.put("xa_node", top + PAGE * (node + 1))
            self.kernel.set("xa_node", top, f"slots[{node}]", place | 2)
            for slot in range(64):
                self.kernel.set("xa_node", place, f"slots[{slot}]", slots.get(node * 64 + slot, 0))
        self.kernel.put("pid_namespace", NAMESPACE, {"idr.idr_rt.xa_head": top | 2})

    def families(self, children: dict[int, list[int]]) -> None:
        """Put the lists of children."""
        head = self.kernel.offset("task_struct", "children")
        link = self.kernel.offset("task_struct", "sibling")
        for parent, places in children.items():
            self.kernel.chain(parent + head, [place + link for place in places])


def whole(tasks: Tasks) -> Task:
    """Open the dump and return all processes as one batch."""
    batches = [p.batch for p in Task.portions(tasks.kernel.open_())]
    return Task.concatenate([batch for batch in batches if isinstance(batch, Task)])


def values(column: Column) -> list[Any]:
    """Return a column's values, reasons where there is none."""
    strings = getattr(column, "to_list", None)
    plain = strings() if strings else column.values.tolist()
    return [
        Reason(reason) if reason else value
        for value, reason in zip(plain, column.statuses.tolist(), strict=True)
    ]
