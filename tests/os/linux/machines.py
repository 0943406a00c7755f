"""What a small kernel says of itself: its names, its processors, and the machine's memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.os.linux.small import BASE

if TYPE_CHECKING:
    from tests.os.linux.small import SmallKernel

TYPES = """
struct new_utsname {
    char sysname[65]; char nodename[65]; char release[65]; char version[65]; char machine[65];
    char domainname[65];
};
struct uts_namespace { int count; struct new_utsname name; };
struct cpumask { unsigned long bits[4]; };
struct resource {
    unsigned long start; unsigned long end; char *name; unsigned long flags;
    struct resource *parent; struct resource *sibling; struct resource *child;
};
"""
NAMES, MASK, RESOURCES = BASE + 0x70_0000, BASE + 0x70_1000, BASE + 0x70_2000
TAINTED, BOOT_ID, COMMAND_LINE = BASE + 0x71_0000, BASE + 0x71_1000, BASE + 0x71_2000
BOOT_NUMBER = bytes(range(16))
MEMORY, RESERVED = 0x8100_0200, 0x8000_0200
"""Flags of System RAM, and of what is reserved, as a 6.1 kernel has them."""


@dataclass
class Machine:
    """Puts into a kernel what it knows of itself."""

    kernel: SmallKernel
    resources: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kernel.put("uts_namespace", NAMES, {
            "name.sysname": b"Linux", "name.nodename": b"web1", "name.release": b"6.1.0-small",
            "name.version": b"#1 SMP", "name.machine": b"x86_64", "name.domainname": b"(none)",
        })  # fmt: skip
        self.kernel.put("cpumask", MASK, {"bits[0]": 0b1011, "bits[2]": 1})
        self.kernel.write(TAINTED, (1 << 12 | 1 << 13).to_bytes(8, "little"))
        self.kernel.write(BOOT_ID, BOOT_NUMBER)
        self.kernel.write(COMMAND_LINE, (COMMAND_LINE + 64).to_bytes(8, "little"))
        self.kernel.text(COMMAND_LINE + 64, "root=/dev/vda1 quiet")
        self.kernel.table |= {
            "init_uts_ns": NAMES, "__cpu_online_mask": MASK, "iomem_resource": RESOURCES,
            "tainted_mask": TAINTED, "sysctl_bootid": BOOT_ID, "saved_command_line": COMMAND_LINE,
        }  # fmt: skip
        root = self.resource(0, (1 << 52) - 1, RESERVED)
        first = self.resource(0x1000, 0x9_FFFF, MEMORY)
        second = self.resource(0x10_0000, 0x7F_FFFF, MEMORY)
        code = self.resource(0x20_0000, 0x2F_FFFF, MEMORY)
        bus = self.resource(0x100_0000, 0x4FF_FFFF, RESERVED)
        hotplugged = self.resource(0x200_0000, 0x20F_FFFF, MEMORY)
        self.set(root, child=first)
        self.set(first, sibling=second)
        self.set(second, sibling=bus, child=code)
        self.set(bus, child=hotplugged)

    def resource(self, start: int, end: int, flags: int) -> int:
        address = RESOURCES + 128 * len(self.resources)
        self.kernel.put("resource", address, {"start": start, "end": end, "flags": flags})
        self.resources.append(address)
        return address

    def set(self, resource: int, **members: int) -> None:
        for name, value in members.items():
            self.kernel.set("resource", resource, name, value)


MEMORY_SIZE = 0x9_F000 + 0x70_0000 + 0x10_0000
"""Bytes of the ranges of memory; the kernel's code lies within one of them."""
