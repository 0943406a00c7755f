"""What processes of the guest do, in parts: become a program, have children, map a library.

It runs in the guest and imports nothing but the standard library and what is put beside it.
"""

from __future__ import annotations

import code
import ctypes
import encodings.idna
import fcntl
import mmap
import os
import pty
import re
import shutil
import signal
import site
import socket
import struct
import termios
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.linux_inside import Kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

Act = Callable[[], object]
"""What a process does. It runs in a child; what it returns is held while the process stays."""

NEEDED = (code, encodings.idna, site)
"""What a Python needs that is not ours."""
PYTHON, SH, BASH = "/usr/bin/python3", "/usr/bin/sh", "/usr/bin/bash"
SLEEPER = "/usr/lib/guest/sleeper"
"""A program that waits, whatever its arguments are."""
PORT = 4444
HERE = "127.0.0.1"
LONG = "1000000"
"""Seconds for `sleep`."""
USER = 1000


def program(place: str, original: str = SLEEPER) -> str:
    """Put a program where it is not yet, in a folder that may not be there."""
    path = Path(place)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, path)
        path.chmod(0o755)
    return place


def script(place: str, text: str) -> str:
    """Put a script somewhere."""
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return place


def run(place: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Act:
    """Become a program; the first argument is what it takes for its own name."""
    # Python 3.13 has another prompt, of modules that are not in the guest, unless it is told.
    usual = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/", "PYTHON_BASIC_REPL": "1"}
    return lambda: os.execve(place, arguments or (place,), {**usual, **(environment or {})})


def wait_as(place: str, *arguments: str) -> Act:
    """Become a program that waits, at this place and with these arguments."""
    return in_turn(lambda: program(place), run(place, *arguments))


def in_turn(*acts: Act) -> Act:
    """Do one after the other, and hold what each returns."""
    return lambda: [act() for act in acts]


def with_child(child: Act, parent: Act) -> Act:
    """Start a child before becoming something else."""

    def act() -> object:
        if not os.fork():
            stay(child())
        return parent()

    return act


def stay(_held: object) -> None:
    """Wait for ever."""
    while True:
        signal.pause()


def as_user(act: Act) -> Act:
    """Do something without any rights."""

    def drop() -> object:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        return act()

    return drop


def renamed(name: str) -> Act:
    """Take another name."""
    return lambda: Kernel().rename(name)


def opened(path: str, flags: int = os.O_RDONLY) -> Act:
    """Hold a file open."""
    return lambda: os.open(path, flags)


def onto(descriptor: int, *targets: int) -> None:
    """Have descriptors be another one."""
    for target in targets:
        os.dup2(descriptor, target)


def connected() -> socket.socket:
    """Connect to whoever listens in this guest."""
    return socket.create_connection((HERE, PORT))


def on_socket(*targets: int) -> Act:
    """Have descriptors be a connection."""

    def act() -> object:
        connection = connected()
        onto(connection.fileno(), *targets)
        return connection

    return act


def on_pair(*targets: int) -> Act:
    """Have descriptors be a socket of this machine, the other end of which stays open."""

    def act() -> object:
        one, other = socket.socketpair()
        os.set_inheritable(other.fileno(), True)
        onto(one.fileno(), *targets)
        return one, other

    return act


def on_pipe() -> object:
    """Read from a pipe to which nobody writes, though somebody could."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    onto(reading, 0)
    return writing


def on_console() -> object:
    """Have the console as input and output."""
    console = os.open("/dev/console", os.O_RDWR)
    onto(console, 0, 1, 2)
    return console


def on_terminal() -> object:
    """Sit at a terminal of one's own."""
    inner, outer = pty.openpty()
    os.set_inheritable(inner, True)
    os.setsid()
    fcntl.ioctl(outer, termios.TIOCSCTTY, 0)
    onto(outer, 0, 1, 2)
    return inner


# Memory


def library() -> bytes:
    """Return a library that this process has."""
    maps = Path("/proc/self/maps").read_text()
    found = re.search(r" (/\S*/libm[.-]\S+)$", maps, re.MULTILINE)
    if found is None:
        raise FileNotFoundError("libm is not mapped")
    return Path(found[1]).read_bytes()


def loaded(place: str, *, is_deleted: bool = False) -> Act:
    """Load a library from a place, and delete it there."""

    def act() -> object:
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(library())
        held = ctypes.CDLL(place)
        if is_deleted:
            path.unlink()
        return held

    return act


def loaded_from_memory() -> object:
    """Load a library from a memfd, as loaders do that leave nothing on a disk."""
    file = os.memfd_create("library")
    os.write(file, library())
    held = ctypes.CDLL(f"/proc/self/fd/{file}")
    os.close(file)
    return held


def run_from_memory() -> object:
    """Become a program in a memfd."""
    file = os.memfd_create("payload")
    os.write(file, Path(SLEEPER).read_bytes())
    return run(f"/proc/self/fd/{file}", "payload")()


def data_in_memory() -> object:
    """Map a memfd that has data."""
    file = os.memfd_create("data")
    os.write(file, bytes(mmap.PAGESIZE))
    return mmap.mmap(file, mmap.PAGESIZE)


def protected(name: str, pages: int = 0) -> Act:
    """Make one's own stack or heap, or the first pages of it, executable."""

    def act() -> None:
        maps = Path("/proc/self/maps").read_text()
        found = re.search(rf"^(\w+)-(\w+) .*{re.escape(name)}$", maps, re.MULTILINE)
        if found is None:
            raise LookupError(f"no {name}")
        start, end = int(found[1], 16), int(found[2], 16)
        size = pages * mmap.PAGESIZE or end - start
        _protect(start, size, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)

    return act


def injected() -> object:
    """Write code into memory that may be written and executed."""
    rights = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    return _written(Kernel().map(2 * mmap.PAGESIZE, rights))


def compiled() -> object:
    """Write code, and give the right to write away."""
    start = _written(Kernel().map(2 * mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE))
    _protect(start, 2 * mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC)
    return start


def _written(start: int) -> int:
    ctypes.memmove(start, b"\xc3" * 16, 16)  # ret
    return start


def _protect(start: int, size: int, rights: int) -> None:
    Kernel().call("mprotect", ctypes.c_void_p(start), ctypes.c_size_t(size), rights)


# The kernel's services

_SEIZE = 0x4206  # PTRACE_SEIZE in ptrace.h
_SOL_PACKET, _PACKET_RX_RING, _BLOCKS, _FRAME = 263, 5, 4, 2048
_BPF, _MAP_CREATE, _PROG_LOAD = 321, 0, 5
_INIT_MODULE = 313


def tracing(child: Act) -> Act:
    """Start a child, and trace it as debuggers do; it goes on."""

    def act() -> object:
        number = os.fork()
        if not number:
            stay(child())
        return Kernel().call("ptrace", _SEIZE, number, None, None)

    return act


def packets() -> socket.socket:
    """Open a socket that gets all packets."""
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))


def ring_of_packets() -> object:
    """Have the kernel put all packets into memory that is shared with it."""
    one = packets()
    size = _BLOCKS * mmap.PAGESIZE
    ring = struct.pack("4I", mmap.PAGESIZE, _BLOCKS, _FRAME, size // _FRAME)
    one.setsockopt(_SOL_PACKET, _PACKET_RX_RING, ring)
    return one, mmap.mmap(one.fileno(), size)


def bpf() -> object:
    """Load a program of eBPF that drops everything, and make a map."""
    array = struct.pack("4I", 2, 4, 8, 1)  # type, sizes of key and value, entries
    code = ctypes.create_string_buffer(bytes.fromhex("b700000000000000 9500000000000000"))
    terms = ctypes.create_string_buffer(b"GPL")
    addresses = (ctypes.addressof(code), ctypes.addressof(terms))
    load = struct.pack("2I2Q", 1, 2, *addresses)  # for a socket
    calls = ((_MAP_CREATE, array), (_PROG_LOAD, load))
    return [Kernel().call("syscall", _BPF, what, given, len(given)) for what, given in calls]


def load_module(path: Path) -> None:
    """Load a module of the kernel."""
    with path.open("rb") as file:
        Kernel().call("syscall", _INIT_MODULE, file.fileno(), b"", 0)


def listening() -> object:
    """Listen for those who connect; the kernel itself makes their connections."""
    return socket.create_server((HERE, PORT), backlog=64)
