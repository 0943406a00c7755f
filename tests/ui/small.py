"""A small kernel to look at: types, structures in a memory with holes, symbols."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.layers.paging import X86_64
from memq.os.linux.kernel import LinuxKernel
from memq.symbols.btf import Btf
from memq.symbols.kallsyms import Kallsyms
from memq.symbols.kallsyms_tables import find_tables
from tests.synthetic.btf import BtfBuilder
from tests.synthetic.kallsyms import KERNEL, LAYOUTS, Symbol, write
from tests.synthetic.memory import VirtualMemory

if TYPE_CHECKING:
    from pathlib import Path

DATA = KERNEL + 0x20_0000
"""Two pages, of which the second is not in the dump."""
TASK, LOST, EDGE = DATA + 0x100, DATA + 0x1100, DATA + 0xFC0
BELL = "\a\x1b[31m"
"""What acts on a terminal."""


def types() -> bytes:
    """Return the BTF."""
    c = BtfBuilder()
    c.typedef("pid_t", "int")
    c.enum("state", RUNNING=0, ASLEEP=1, GONE=-1, signed=True)
    c.struct("list_head", {"next": "list_head *", "prev": "list_head *"})
    c.struct("counter", {"value": "int"})
    c.struct("limit", {"soft": "u32", "hard": "u32"})
    c.struct("nothing", {})
    c.struct(
        "task",
        {
            "pid": "pid_t",
            "is_on": "bool",
            "low": "unsigned int : 3 @ 8",
            "high": "int : 5",
            "state": "enum state",
            "comm": "char[16]",
            "tasks": "list_head",
            "usage": "counter",
            "#": c.union({"rcu": "u64", "#": c.inner({"users": "counter", "flags": "u32"})}),
            "limits": "limit[3]",
            "parent": "task *",
            "call": "function *",
            "name": "char *",
            "grid": "short[2][6]",
            "mask": "unsigned long",
            "wide": "__int128",
            "opaque": "lost *",
            "own": c.union({"word": "u64", "bytes": "u8[8]"}),
            "self": "task * @ 256",
        },
        size=272,
    )
    c.struct("holder", {"task": "task", "more": "u64[]"})
    c.struct(f"bad{BELL}name", {f"mem{BELL}ber": "int"})
    c.struct("ends", {"a": "u8", "b": "u64", "c": "u8"})
    return c.build()


def symbols() -> Kallsyms:
    fillers = [Symbol(KERNEL + 16 * number, "t", f"filler_{number}") for number in range(1100)]
    special = [
        Symbol(KERNEL, "T", "_text"),
        Symbol(KERNEL, "T", "_stext"),
        *fillers,
        Symbol(KERNEL + 0x8000, "T", "_etext"),
        Symbol(KERNEL + 0x8000, "t", "twice"),
        Symbol(KERNEL + 0x9000, "t", "twice"),
        Symbol(DATA, "D", "_sdata"),
        Symbol(TASK, "D", "init_task"),
        Symbol(TASK, "d", "first_task"),
        Symbol(EDGE, "D", "edge_task"),
        Symbol(LOST, "D", "lost_task"),
        Symbol(DATA + 0x2000, "D", "_edata"),
    ]
    image = write(special, LAYOUTS[4])
    return Kallsyms(find_tables(image.read, image.start, image.end))


def kernel(folder: Path) -> LinuxKernel:
    """Write the memory into the folder and open it."""
    made, own = VirtualMemory(), Btf(types())
    made.map(DATA, 2)
    task = own.required("task")
    name = made.string(f"swapper{BELL}")
    members: dict[str, int | bytes] = {
        "pid": 7, "is_on": 1, "state": 0xFFFFFFFF, "comm": f"swap{BELL}".encode(),
        "tasks.next": TASK + 32, "tasks.prev": LOST + 32, "usage.value": 2, "rcu": 5 << 32 | 3,
        "limits[1].hard": 0xFFFF_FFFF, "limits[2].soft": 9, "parent": LOST, "self": TASK,
        "call": KERNEL + 16 * 50 + 4, "name": name, "mask": DATA + 0x2000 - 0x10, "wide": 1 << 100,
        "opaque": 0x1234, "own.word": 1 << 56,
    }  # fmt: skip
    made.fill(TASK, task, members)
    made.write(TASK + 8, b"\x5d")  # low 5, high 11
    made.fill(EDGE, task, {"pid": 8, "comm": b"edge", "usage.value": 3})
    made.remove(DATA + 0x1000, 4096)
    space = made.open(folder)
    return LinuxKernel(
        space.physical, space, symbols(), own, X86_64, space.root, 0, made.base, "Linux small"
    )
