"""Types that the tests of BTF share."""

from __future__ import annotations

from tests.synthetic.btf import BtfBuilder


def builder(*, old_bitfields: bool = False) -> BtfBuilder:
    c = BtfBuilder(old_bitfields=old_bitfields)
    c.typedef("pid_t", "int")
    c.typedef("spinlock_t", c.inner({"raw": "unsigned int"}))
    c.enum("pid_type", PIDTYPE_PID=0, PIDTYPE_TGID=1, PIDTYPE_MAX=4)
    c.enum("#", NAMELESS_ONE=1)
    c.enum("state", signed=True, STATE_LOST=-1, STATE_FINE=3)
    c.enum("wide", 8, WIDE=1 << 40)
    c.enum("wide_signed", 8, signed=True, WIDE_LEAST=-(1 << 63))
    c.struct("list_head", {"next": "list_head *", "prev": "list_head *"})
    c.struct(
        "task_struct",
        {
            "comm": "char[16] @ 64",
            "pid": "const volatile pid_t",
            "is_on": "bool",
            "mm": "mm_struct *",
            "low": "unsigned int : 3",
            "middle": "int : 7",
            "high": "unsigned int : 22",
            "kind": "enum pid_type",
            "#": c.union({"rcu": "u64", "#": c.inner({"usage": "int", "flags": "int : 5"})}),
            "lock": "spinlock_t",
            "se": c.inner({"weight": "double"}),
            "tasks": "list_head",
            "call": "function *",
            "grid": "short[2][3]",
            "numbers": "int[]",
        },
        size=512,
    )
    return c
