"""The first program of the guest to which the rules for Linux are held.

It starts all processes, waits until each has done its work and sleeps, and says on the console
which number each has. It runs in the guest and imports nothing but the standard library and what
is put beside it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from benchmarks.linux_inside import Kernel, say
from tests.playbooks.guest_acts import load_module, program, stay
from tests.playbooks.guest_things import (
    BY_KERNEL,
    DELETED,
    FIRST,
    ORDINARY,
    PLANTED,
    UNFOUND,
    tools,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.playbooks.guest_acts import Act

MODULES = ("/usr/lib/guest/evdev.ko", "/usr/lib/guest/unsigned.ko")
"""Modules of the kernel: one for keyboards, and one whose signature was cut off."""
_MOUNTS = {
    "/proc": "proc",
    "/sys": "sysfs",
    "/dev": "devtmpfs",
    "/dev/pts": "devpts",
    "/dev/shm": "tmpfs",
    "/tmp": "tmpfs",
    "/run": "tmpfs",
}
_PATIENCE, _QUIET = 300.0, 3.0
"""Seconds until all must sleep, and for which they must have slept."""
_SET_FLAGS, _UP = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP
_NO_FAMILY = 9
"""A family of sockets that only a module has, so that the kernel starts a program to load it."""
_MODPROBE = Path("/proc/sys/kernel/modprobe")


def main() -> NoReturn:
    """Be the guest's init; whatever goes wrong ends it, and with it the guest."""
    kernel = Kernel()
    for place, kind in _MOUNTS.items():
        kernel.mount(kind, place)
    Path("/tmp").chmod(0o1777)
    Path("/dev/fd").symlink_to("/proc/self/fd")  # by which bash names its pipes
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))
    for path in MODULES:
        load_module(Path(path))
    tools()
    say("booted")
    groups = started()
    say("waiting until all sleep")
    settle()
    for name, number in {**groups["planted"], **groups["unfound"], **groups["ordinary"]}.items():
        if not program_of(number):
            raise ChildProcessError(f"{name} has ended")
    record = {name: named(numbers) for name, numbers in groups.items()}
    say(json.dumps({"kernel": os.uname().release, **record}))
    while True:
        signal.pause()


def started() -> dict[str, dict[str, int]]:
    """Start all; return the numbers of what is planted, unfound and ordinary, by name."""
    first, planted, unfound, ordinary = (
        {name: start(name, act) for name, act in group.items()}
        for group in (FIRST, PLANTED, UNFOUND, ORDINARY)
    )
    for place in DELETED:
        Path(place).unlink()
    planted["program-of-kernel"] = started_by_kernel()
    return {
        "planted": planted,
        "unfound": unfound,
        "ordinary": {"init": 1, **first, **ordinary},
    }


def start(name: str, act: Act) -> int:
    """Fork a process, and wait until it has become a program, or has done its work."""
    waiting, done = os.pipe()  # closed where a program is executed
    child = os.fork()
    if child:
        os.close(done)
        with os.fdopen(waiting) as answer:
            if wrong := answer.read():
                raise ChildProcessError(f"{name}: {wrong}")
        return child
    os.close(waiting)
    nothing = os.open(os.devnull, os.O_RDWR)
    for target in range(3):
        os.dup2(nothing, target)
    os.close(nothing)
    try:
        held = act()
    except Exception as error:  # noqa: BLE001 - it is told by the parent, and ends the guest
        os.write(done, repr(error).encode())
        os._exit(1)
    os.close(done)
    stay(held)
    return child


def started_by_kernel() -> int:
    """Have the kernel start a program, as an exploit does that writes over modprobe's path."""
    usual = _MODPROBE.read_text()
    _MODPROBE.write_text(program(BY_KERNEL))
    asking = os.fork()
    if not asking:
        socket.socket(_NO_FAMILY, socket.SOCK_SEQPACKET)
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for number in numbers():
            if number != asking and program_of(number) == BY_KERNEL:
                _MODPROBE.write_text(usual)
                os.kill(asking, signal.SIGKILL)
                os.waitpid(asking, 0)
                return number
        time.sleep(0.1)
    raise ChildProcessError(f"the kernel did not start {BY_KERNEL}")


# What is in /proc


def numbers() -> list[int]:
    return sorted(int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())


def program_of(number: int) -> str:
    """Return the path of a process's program; the kernel's threads have none."""
    try:
        return str(Path(f"/proc/{number}/exe").readlink())
    except OSError:
        return ""


def stat(number: int) -> tuple[str, str, int] | None:
    """Return name, state and parent of a process, if it is there still."""
    try:
        line = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return None
    found = re.match(r"\d+ \((.*)\) (\w) (\d+)", line, re.DOTALL)
    return (found[1], found[2], int(found[3])) if found else None


def settle() -> None:
    """Wait until all programs have slept for some seconds, and none has come or gone."""
    end = time.monotonic() + _PATIENCE
    last, since = None, time.monotonic()
    while time.monotonic() < end:
        now = {number: stat(number) for number in numbers() if program_of(number)}
        is_quiet = all(one and (one[1] == "S" or n == 1) for n, one in now.items())
        if now != last or not is_quiet:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > _QUIET:
            return
        time.sleep(0.2)
    raise TimeoutError(f"not all sleep: {last}")


def named(started_here: Mapping[str, int]) -> dict[str, int]:
    """Give names to the children of processes, too: the parent's name, and their own."""
    found = dict(started_here)
    waiting = [(name, number) for name, number in found.items() if number != 1]
    while waiting:
        parent, number = waiting.pop(0)
        for child in numbers():
            if (one := stat(child)) and one[2] == number:
                name = f"{parent}/{one[0]}"
                while name in found:
                    name += "+"
                found[name] = child
                waiting.append((name, child))
    return found
