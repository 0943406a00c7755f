"""Processes: thread groups, known by the task_struct of their leader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Addresses, Column, Text, is_among
from memq.errors import Reason
from memq.os.common import joined_cut, known_pointers, references_to
from memq.os.linux import cmdline
from memq.os.linux.base import LinuxObject
from memq.os.linux.clock import boot_time
from memq.os.linux.paths import Paths, paths_of
from memq.os.linux.tasks import TASK_LIST, TaskSet, listed_tasks, pid_table, task_list
from memq.os.listwalk import BATCHES, batched
from memq.schema.batch import Context, Portion
from memq.schema.collection import Collection, Reference
from memq.schema.declare import Cost, field, many, single
from memq.schema.kinds import Address, Boolean, Name, Number, String, Time
from memq.schema.process import Process
from memq.symbols.lists import Cuts, lists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memq.symbols.structs import Structs

LISTED, IN_TABLE_ONLY, REFERRED = 0, 1, 2
"""How a process was come by: from the task list, from the pid table, or from another process."""

PF_KTHREAD = 0x00200000

STATES = (
    "running", "sleeping", "disk sleep", "stopped", "tracing stop", "dead", "zombie", "parked",
    "idle",
)  # fmt: skip
"""As /proc/PID/status has them; the order is that of task_state_array in fs/proc/array.c."""

# include/linux/sched.h
TASK_UNINTERRUPTIBLE, TASK_REPORT, TASK_IDLE = 0x0002, 0x007F, 0x0402
TASK_RTLOCK_WAIT, TASK_FROZEN = 0x1000, 0x8000


class Task(Process, LinuxObject):
    """A process, as the kernel's own lists and tables know it."""

    struct = "task_struct"

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Give the task list, then what only the table of pids knows."""
        walk = task_list(context.kernel, context.run)
        listed: list[Addresses] = []
        for addresses in batched(walk):
            context.run.check()
            listed.append(addresses)
            yield Portion(cls.at(context, addresses, LISTED))
        known = np.concatenate([np.zeros(0, np.uint64), *listed])
        context.kernel.facts.setdefault(TASK_LIST, TaskSet(known, walk.cut))
        table = pid_table(context.kernel, context.run)
        rest = table.addresses[~is_among(table.addresses, known)]
        cut = joined_cut([walk.cut, table.cut])
        pieces = [rest[i : i + BATCHES[-1]] for i in range(0, len(rest), BATCHES[-1])]
        for addresses in pieces:
            last = cut if addresses is pieces[-1] else None
            yield Portion(cls.at(context, addresses, IN_TABLE_ONLY), last)
        if cut is not None and not pieces:
            yield Portion(cls.at(context, rest, IN_TABLE_ONLY), cut)

    @classmethod
    def at(cls, context: Context, addresses: Addresses, source: int) -> Task:
        """Return the processes whose leaders are at the addresses."""
        sources = np.full(len(addresses), source, np.int8)
        return cls(context, {"address": addresses, "source": sources})

    @field()
    def address(self) -> Address:
        return self.address_column()

    @field()
    def process_id(self) -> Number:
        return self.raw["tgid"]

    @field(Cost.FOLLOW)
    def parent_process_id(self) -> Number:
        return self.raw.follow("real_parent")["tgid"]

    @field()
    def name(self) -> Name:
        return self.raw.text("comm")

    @field(choices=STATES)
    def state(self) -> String:
        """What its first thread does, in the words of /proc/PID/status."""
        # 2f064a59a11f (5.14) renamed state to __state
        state, ended = self.raw["__state|state"], self.raw["exit_state"]
        bits = state.values.astype(np.int64)
        report = (bits | ended.values) & TASK_REPORT
        number = np.zeros(len(report), np.int64)
        for bit in range(7):
            number[report >> bit & 1 == 1] = bit + 1
        number[bits & TASK_IDLE == TASK_IDLE] = STATES.index("idle")
        held = (bits & TASK_RTLOCK_WAIT != 0) | (bits & TASK_FROZEN != 0)
        number[held] = STATES.index("disk sleep")
        return Text(number, state.status, STATES).also(ended.status)

    @field()
    def is_kernel_thread(self) -> Boolean:
        flags = self.raw["flags"]
        return Column(flags.values & PF_KTHREAD != 0, flags.status)

    @field(Cost.FOLLOW)
    def thread_count(self) -> Number:
        return self.raw.follow("signal")["nr_threads"]

    @field(Cost.FOLLOW)
    def uid(self) -> Number:
        """Number of the user that it runs for (the real one, in the first user namespace)."""
        return self.raw.follow("real_cred")["uid.val"]

    @field(Cost.FOLLOW)
    def gid(self) -> Number:
        """Number of the group that it runs for (the real one, in the first user namespace)."""
        return self.raw.follow("real_cred")["gid.val"]

    @field()
    def create_time(self) -> Time:
        # cf25e24db61c (5.5) renamed real_start_time to start_boottime
        since_boot = self.raw["start_boottime|real_start_time"]
        boot = boot_time(self.kernel)
        if isinstance(boot, Reason):
            return Column(np.zeros(len(self), np.int64), np.full(len(self), boot, np.uint8))
        return Column(since_boot.values.astype(np.int64) + boot, since_boot.status)

    @field(Cost.FOLLOW)
    def directory_table_base(self) -> Address:
        table, status = known_pointers(self.memory["pgd"])
        physical, reasons = self.kernel.space.translate_many(table)
        return Column(physical, np.where(status == 0, reasons, status))

    @field(Cost.USER_MEMORY)
    def command_line(self) -> String:
        return cmdline.command_lines(self.kernel, self.memory, self.column("directory_table_base"))

    @field(Cost.WALK)
    def image_path(self) -> Name:
        return self.image.names

    @field(Cost.WALK)
    def image_is_deleted(self) -> Boolean:
        """Whether the file that it runs has no name in its file system any more."""
        return self.image.deleted

    @field(Cost.WALK)
    def in_task_list(self) -> Boolean:
        """Whether it is on the kernel's list of tasks."""
        return self._is_in(LISTED, lambda: listed_tasks(self.kernel, self.context.run))

    @field(Cost.WALK)
    def in_pid_table(self) -> Boolean:
        """Whether the kernel's table of process numbers knows it."""
        return self._is_in(IN_TABLE_ONLY, lambda: pid_table(self.kernel, self.context.run))

    @many("vad")
    def vad_object(self) -> Collection:
        """Its mapped ranges of memory, by start."""
        from memq.os.linux.vma import Vma  # noqa: PLC0415 - a query speaks of few object types

        return Vma.of(self, self.memory)

    @many("handle")
    def handle_object(self) -> Collection:
        """Its open files, by number."""
        from memq.os.linux.descriptor import Descriptor  # noqa: PLC0415 - as above

        return Descriptor.of(self, self.raw.follow("files"))

    @single("process")
    def parent(self) -> Reference:
        """The process that started it, or took it over; null for those that the kernel started."""
        parents = self.raw.follow("real_parent").follow("group_leader", "task_struct")
        status = parents["tgid"].statuses
        init = np.uint64(self.kernel.symbol("init_task"))
        is_init = (status == 0) & (parents.addresses == init)
        status = np.where(is_init, np.uint8(Reason.NULL), status)
        return references_to(
            Column(parents.addresses, status), lambda found: self.at(self.context, found, REFERRED)
        )

    @many("process")
    def children(self) -> Collection:
        """The processes whose parent it is, those of its other threads too."""
        cuts = Cuts(len(self))
        run = self.context.run
        task = self.kernel.types.required("task_struct")
        signals = self.raw.follow("signal")
        status = signals["nr_threads"].statuses
        cuts.mark(np.arange(len(self)), status, signals.addresses)
        heads = np.where(status == 0, signals.address_of("thread_head"), np.uint64(0))
        threads = lists(self.kernel.space, run, heads, cuts, task.offset("thread_node"))
        found = self.kernel.structs(self.struct, threads.addresses)
        inner = Cuts(len(threads.owner))
        heads = found.address_of("children")
        below = lists(self.kernel.space, run, heads, inner, task.offset("sibling"))
        cuts.mark(threads.owner, inner.status, inner.at)
        children = self.at(self.context, below.addresses, REFERRED)
        return Collection(children, threads.owner[below.owner], len(self), *cuts.columns())

    @property
    def memory(self) -> Structs:
        """The address spaces (mm_struct); null for kernel threads and for what has exited."""
        return self.kept("mm", lambda: self.raw.follow("mm"))

    @property
    def image(self) -> Paths:
        """Paths of the files that the processes run."""
        return self.kept("image", self._image)

    def _image(self) -> Paths:
        files = self.memory.follow("exe_file", "file")
        return paths_of(self.kernel, self.context.run, files.embedded("f_path", "path"))

    def _is_in(self, source: int, found: Callable[[], TaskSet]) -> Column:
        """Whether the processes are in a source; not asked where that is how they were come by."""
        come_by = self.rows["source"]
        if (come_by == source).all():
            return Column(np.ones(len(self), bool))
        tasks = found()
        inside = (come_by == source) | is_among(self.rows["address"], tasks.addresses)
        column = Column(inside)
        return column if tasks.cut is None else column.but(~inside, tasks.cut.reason)
