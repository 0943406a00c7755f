"""The system of tests.eval.world whose processes are structures in a small memory, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from memq.schema.declare import System
from memq.symbols.structs import Structs
from tests.eval.world import Handle, Process, Vad, World
from tests.symbols.memory import TASK, TYPES, Memory

if TYPE_CHECKING:
    from memq.column import Addresses, Statuses
    from memq.symbols.btf import Btf

FIRST, APART = 64, 1024
"""Where the first task is, and how far the next is from it."""


SYMBOLS = {"init_task": FIRST, "init_cred": 3 * 4096, "tasks": FIRST + TASK.offset("tasks")}


class Symbols:
    """Some names of addresses."""

    def address(self, name: str) -> int | None:
        return SYMBOLS.get(name)

    def with_prefix(self, prefix: str) -> list[tuple[str, int]]:
        return [(name, place) for name, place in SYMBOLS.items() if name.startswith(prefix)]

    def text(self) -> bytes:
        return b"".join(f"D{name}\n".encode() for name in SYMBOLS)


class Space(Memory):
    """A memory that lists can be walked in."""

    kernel_start = 1 << 63
    word_size = 8

    def word(self, va: int) -> int | None:
        data, status = self.gather(np.array([va], np.uint64), 8)
        return None if status[0] else int(data.view(np.uint64)[0, 0])

    def words(self, vas: Addresses) -> tuple[Addresses, Statuses]:
        data, status = self.gather(vas, 8)
        return np.ascontiguousarray(data).view(np.uint64)[:, 0], status


@dataclass
class RawWorld(World):
    """A world with a memory, types and symbols."""

    space: Space = field(default_factory=Space)
    types: Btf = TYPES
    symbols: Symbols = field(default_factory=Symbols)


class Task(Process, name="process", principal="process_object", identity=("number",)):
    """A process that is one of the kernel's structures."""

    struct = "task"
    can_be_carved = True

    @property
    def raw(self) -> Structs:
        addresses = (FIRST + APART * self.rows["number"]).astype(np.uint64)
        return Structs(self.context.kernel.space, TYPES, TYPES.struct("task"), addresses)


class Searched(Handle):
    """A handle, as processes another thing that memory is searched for."""

    can_be_carved = True


RAW_SYSTEM = System("raw", {"process": Task, "vad": Vad, "handle": Searched}, "Raw")
